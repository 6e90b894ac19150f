package session_test

import (
	"errors"
	"fmt"
	"slices"
	"testing"

	"pgregory.net/rapid"

	"github.com/yizhan-im/yizhan/appliance/session"
)

// TestHubMatchesModel runs random logins and removals against the Hub and
// against a plain list of what should be there.
func TestHubMatchesModel(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		h := session.NewHub()
		var present, gone, fresh []*session.Session

		check := func() {
			if h.Len() != len(present) {
				t.Fatalf("Len %d, want %d", h.Len(), len(present))
			}
			for tenant := range uint32(2) {
				for _, name := range []string{"a", "b"} {
					got := h.Sessions(nil, tenant, name)
					want := slices.DeleteFunc(slices.Clone(present), func(s *session.Session) bool {
						return s.Identity().Tenant != tenant || s.Identity().Account != name
					})
					if len(got) != len(want) {
						t.Fatalf("%d/%s has %d sessions, want %d", tenant, name, len(got), len(want))
					}
					for _, s := range got {
						if !slices.Contains(want, s) {
							t.Fatalf("%d/%s has a session that should be gone", tenant, name)
						}
					}
				}
			}
		}
		t.Repeat(map[string]func(*rapid.T){
			"": func(*rapid.T) { check() },
			"connect": func(*rapid.T) {
				fresh = append(fresh, newSession())
			},
			"login": func(t *rapid.T) {
				if len(fresh) == 0 {
					t.Skip("nobody to log in")
				}
				s := fresh[0]
				fresh = fresh[1:]
				policy := rapid.SampledFrom(policies).Draw(t, "policy")
				id := &session.Identity{
					Tenant:   rapid.Uint32Range(0, 1).Draw(t, "tenant"),
					Account:  rapid.SampledFrom([]string{"a", "b"}).Draw(t, "account"),
					DeviceID: fmt.Sprint(rapid.IntRange(0, 5).Draw(t, "device")),
					Platform: rapid.SampledFrom(platforms).Draw(t, "platform"),
				}
				var wantReplaced, wantOthers []*session.Session
				for _, o := range present {
					old := o.Identity()
					switch {
					case old.Tenant != id.Tenant || old.Account != id.Account:
					case old.DeviceID == id.DeviceID || stays[policy][slices.Index(platforms, old.Platform)][slices.Index(platforms, id.Platform)] == '.':
						wantReplaced = append(wantReplaced, o)
					default:
						wantOthers = append(wantOthers, o)
					}
				}
				replaced, others, err := h.Login(s, id, policy)
				if err != nil {
					t.Fatal(err)
				}
				if !sameSet(replaced, wantReplaced) || !sameSet(others, wantOthers) {
					t.Fatalf("%v: %d replaced and %d others, want %d and %d", policy, len(replaced), len(others), len(wantReplaced), len(wantOthers))
				}
				present = slices.DeleteFunc(present, func(o *session.Session) bool { return slices.Contains(replaced, o) })
				present = append(present, s)
				gone = append(gone, replaced...)
			},
			"remove": func(t *rapid.T) {
				if len(present) == 0 {
					t.Skip("nobody to remove")
				}
				i := rapid.IntRange(0, len(present)-1).Draw(t, "which")
				h.Remove(present[i])
				gone = append(gone, present[i])
				present = slices.Delete(present, i, i+1)
			},
			"come back": func(t *rapid.T) {
				if len(gone) == 0 {
					t.Skip("nobody has gone")
				}
				s := rapid.SampledFrom(gone).Draw(t, "who")
				h.Remove(s)
				if _, _, err := h.Login(s, s.Identity(), session.PolicyAll); !errors.Is(err, session.ErrClosed) {
					t.Fatalf("a session that has left logs in again: %v", err)
				}
			},
		})
	})
}

func sameSet(a, b []*session.Session) bool {
	if len(a) != len(b) {
		return false
	}
	for _, s := range a {
		if !slices.Contains(b, s) {
			return false
		}
	}
	return true
}
