package state

import (
	"fmt"
	"testing"

	"github.com/yizhan-im/yizhan/appliance/wire"
)

// TestPushesAreForcedOnMembersOnly: of teams and mega-teams, by messages and by
// notifications.
func TestPushesAreForcedOnMembersOnly(t *testing.T) {
	for _, kind := range []string{"team", "mega-team"} {
		n := newNode(t)
		tenant := n.setup("app", "ann", "bob", "cid")
		var team uint64
		if kind == "team" {
			team = n.newTeam(tenant, "ann", "bob")
		} else {
			team = n.newMega(tenant, "ann", []string{"bob"})
		}
		for i, c := range []struct {
			forced []string
			want   wire.Code
		}{
			{[]string{"bob"}, wire.CodeOK},
			{[]string{"bob", "ann"}, wire.CodeOK},
			{[]string{"bob", "cid"}, wire.CodeNotInTeam},
			{[]string{"nobody"}, wire.CodeNotInTeam},
			{nil, wire.CodeOK},
		} {
			push := &wire.PushOptions{ForceAccounts: c.forced}
			sent := one[*SendResult](n, &Send{TimeMs: testTime, Tenant: tenant, Message: &wire.Message{
				Scene: wire.Scene_SCENE_TEAM, From: "ann", To: TeamID(team), ClientId: fmt.Sprint("m", i), Body: "x", Push: push,
			}})
			told := tellTeam(testTime, tenant, "ann", team, fmt.Sprint("n", i), "x")
			told.Notification.Options = &wire.NotifyOptions{Push: push}
			if got := one[*NotifyResult](n, told).Code; sent.Code != c.want || got != c.want {
				t.Errorf("%s, forced on %v: message %d, notification %d, want %d", kind, c.forced, sent.Code, got, c.want)
			}
		}
	}
}
