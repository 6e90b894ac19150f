package matrix

import (
	"slices"
	"testing"

	"google.golang.org/protobuf/proto"

	"github.com/yizhan-im/yizhan/appliance"
	"github.com/yizhan-im/yizhan/appliance/wire"
)

// TestUserSearch: by account and by name, as far as the tenant allows it; the backend
// may always.
func TestUserSearch(t *testing.T) {
	for mode, allowed := range map[string][]bool{"exact": {true, false, false}, "off": {false, false, false}, "on": {true, true, true}} {
		s := newSite(t, appliance.TenantRequest{PresenceRequest: appliance.PresenceRequest{UserSearch: mode}})
		s.accounts("ann", "anna", "bob")
		for _, tr := range transports {
			bob := s.login(tr, "bob", "")
			bob.ok(wire.CmdUpdateProfile, &wire.UpdateProfileRequest{Name: proto.String("Ann's Brother")}, nil)
			for by, may := range allowed {
				in := &wire.SearchUsersRequest{Query: "ann", By: wire.UserSearch(by), Limit: 50}
				if !may {
					bob.refused(wire.CodeForbidden, wire.CmdSearchUsers, in)
					continue
				}
				var out wire.SearchUsersResponse
				bob.ok(wire.CmdSearchUsers, in, &out)
				var found []string
				for _, p := range out.Profiles {
					found = append(found, p.Account)
				}
				if want := [][]string{{"ann"}, {"ann", "anna"}, {"bob"}}[by]; !slices.Equal(found, want) || out.Next != "" {
					t.Errorf("%s, by %d: %v, next %q, want %v", mode, by, found, out.Next, want)
				}
			}
			bob.refused(wire.CodeBadParameter, wire.CmdSearchUsers, &wire.SearchUsersRequest{})
			bob.refused(wire.CodeBadParameter, wire.CmdSearchUsers, &wire.SearchUsersRequest{Query: "a", By: 7})
			bob.refused(wire.CodeBadParameter, wire.CmdSearchUsers, &wire.SearchUsersRequest{Query: "a", Limit: 51})
		}
		var page struct {
			Uinfos []struct{ Accid string }
			Next   string
		}
		s.backend.ok(&page, "user/search", "query", "an", "by", "1", "limit", "1")
		if len(page.Uinfos) != 1 || page.Uinfos[0].Accid != "ann" || page.Next == "" {
			t.Errorf("the backend gets %v", page)
		}
		s.backend.ok(&page, "user/search", "query", "an", "by", "1", "limit", "1", "after", page.Next)
		if len(page.Uinfos) != 1 || page.Uinfos[0].Accid != "anna" {
			t.Errorf("the backend gets %v", page)
		}
		s.backend.ok(nil, "user/block", "accid", "anna")
		s.backend.ok(&page, "user/search", "query", "ANNA")
		if len(page.Uinfos) != 0 {
			t.Errorf("blocked, and found: %v", page)
		}
	}
}
