package sdk_test

import (
	"testing"

	"github.com/yizhan-im/yizhan/appliance/sdk"
	"github.com/yizhan-im/yizhan/appliance/wire"
)

// TestPresenceThroughARealNode: who follows is told, and reads the same on request.
func TestPresenceThroughARealNode(t *testing.T) {
	n := startNode(t)
	alice := n.app("alice", nil)
	sub, err := alice.Subscribe(alice.context(), 0, "bob", "nobody")
	if err != nil || len(sub.Presences) != 1 || len(sub.Failed) != 1 {
		t.Fatal(sub, err)
	}
	told := func(is func(*wire.Presence) bool) {
		t.Helper()
		alice.until("presence", func(e sdk.Event) bool {
			p, ok := e.(sdk.PresenceChange)
			return ok && p.Account == "bob" && is(p.Presence)
		})
	}
	bob := n.app("bob", nil)
	told(func(p *wire.Presence) bool { return len(p.Devices) == 1 })
	if err := bob.SetPresence(bob.context(), 3, "busy"); err != nil {
		t.Fatal(err)
	}
	told(func(p *wire.Presence) bool { return len(p.Devices) == 1 && p.Devices[0].Text == "busy" })
	if s, err := alice.OnlineStatus(alice.context(), "bob"); err != nil || len(s.Presences) != 1 || s.Presences[0].Devices[0].State != 3 {
		t.Errorf("status %v %v", s, err)
	}
	if list, more, err := alice.Subscriptions(alice.context(), ""); err != nil || more || len(list) != 1 || list[0].Account != "bob" {
		t.Errorf("subscriptions %v %v %v", list, more, err)
	}
	if found, next, err := alice.SearchUsers(alice.context(), wire.UserSearch_USER_SEARCH_ACCOUNT, "BOB", ""); err != nil || next != "" || len(found) != 1 {
		t.Errorf("found %v %q %v", found, next, err)
	}
	if h, err := alice.LoginHistory(alice.context(), ""); err != nil || len(h.Online) != 1 {
		t.Errorf("history %v %v", h, err)
	}
	if err := bob.Logout(bob.context()); err != nil {
		t.Fatal(err)
	}
	told(func(p *wire.Presence) bool { return len(p.Devices) == 0 })
	if failed, err := alice.Unsubscribe(alice.context()); err != nil || len(failed) > 0 {
		t.Errorf("unsubscribed %v %v", failed, err)
	}
}
