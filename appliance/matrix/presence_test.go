package matrix

import (
	"slices"
	"testing"

	"github.com/yizhan-im/yizhan/appliance/wire"
)

// TestPresence: asked for, subscribed to by the user and by the backend, told when it
// changes, hidden from who is blacklisted.
func TestPresence(t *testing.T) {
	run(t, func(s *site) {
		s.accounts("alice", "bob", "carol")
		alice, tablet := s.here("alice"), s.login(s.second, "alice", "tablet")
		var subscribed wire.SubscribePresenceResponse
		alice.ok(wire.CmdSubscribePresence, &wire.SubscribePresenceRequest{Accounts: []string{"bob", "nobody"}, TtlSeconds: 60}, &subscribed)
		if p := subscribed.Presences; len(p) != 1 || p[0].Account != "bob" || len(p[0].Devices) != 0 || !slices.Equal(subscribed.Failed, []string{"nobody"}) {
			s.t.Errorf("subscribed: %v", &subscribed)
		}
		var change wire.PresenceSubscriptionsPush
		if tablet.next(wire.PushPresenceSubscriptions, &change); !slices.Equal(change.Added, []string{"bob"}) || change.Version != subscribed.Version {
			s.t.Errorf("the tablet got %v", &change)
		}

		bob := s.there("bob")
		var push wire.PresencePush
		for _, d := range []*device{alice, tablet} {
			if d.next(wire.PushPresence, &push); push.Presence.Account != "bob" || len(push.Presence.Devices) != 1 || push.Presence.Devices[0].Platform != s.second.platform() {
				s.t.Errorf("told %v", &push)
			}
		}
		bob.ok(wire.CmdSetPresence, &wire.SetPresenceRequest{State: 7, Text: "t3xt"}, nil)
		if alice.next(wire.PushPresence, &push); push.Presence.Devices[0].State != 7 || push.Presence.Devices[0].Text != "t3xt" {
			s.t.Errorf("told %v", &push)
		}
		tablet.next(wire.PushPresence, &push)
		var status wire.OnlineStatusResponse
		alice.ok(wire.CmdOnlineStatus, &wire.OnlineStatusRequest{Accounts: []string{"bob", "carol", "nobody"}}, &status)
		if p := status.Presences; len(p) != 2 || p[0].Devices[0].State != 7 || len(p[1].Devices) != 0 || !slices.Equal(status.Unknown, []string{"nobody"}) {
			s.t.Errorf("status %v", &status)
		}
		var asked struct {
			Data struct {
				InvalidAccids []string
				Status        map[string][]struct {
					ClientType, State int
					Text              string
				}
			}
		}
		s.backend.ok(&asked, "user/userOnlineStatus", "accids", `["bob","carol","nobody"]`)
		if d := asked.Data.Status["bob"]; len(d) != 1 || d[0].ClientType != int(s.second.platform()) || d[0].State != 7 || d[0].Text != "t3xt" || len(asked.Data.Status) != 1 {
			s.t.Errorf("the backend gets %v", asked)
		}

		// The backend subscribes in her name; all her devices learn of it.
		s.backend.ok(nil, "event/subscribe/add", "accid", "alice", "eventType", "1", "publisherAccids", `["carol"]`, "ttl", "60")
		for _, d := range []*device{alice, tablet} {
			if d.next(wire.PushPresenceSubscriptions, &change); !slices.Equal(change.Added, []string{"carol"}) {
				s.t.Errorf("alice got %v", &change)
			}
		}
		later := s.login(s.first, "alice", "later")
		var sync wire.SyncResponse
		later.ok(wire.CmdSync, &wire.SyncRequest{}, &sync)
		var list wire.PresenceSubscriptionsResponse
		later.ok(wire.CmdPresenceSubscriptions, &wire.PresenceSubscriptionsRequest{}, &list)
		if l := list.Subscriptions; len(l) != 2 || l[0].Account != "bob" || len(l[0].Presence.Devices) != 1 || l[1].Account != "carol" || list.Version != sync.SubscriptionsVersion || list.Version != change.Version {
			s.t.Errorf("subscriptions %v, sync %v", &list, &sync)
		}
		var query struct {
			Subscribes []struct{ Accid string }
		}
		s.backend.ok(&query, "event/subscribe/query", "accid", "alice", "eventType", "1", "publisherAccids", `["bob","nobody"]`)
		if q := query.Subscribes; len(q) != 1 || q[0].Accid != "bob" {
			s.t.Errorf("the backend gets %v", query)
		}

		// Who is blacklisted sees nobody, and who logs out is gone at once.
		bob.ok(wire.CmdSetBlacklist, &wire.SetBlacklistRequest{Account: "alice", On: true}, nil)
		for _, d := range []*device{alice, tablet, later} {
			if d.next(wire.PushPresence, &push); push.Presence.Account != "bob" || len(push.Presence.Devices) != 0 {
				s.t.Errorf("told %v", &push)
			}
		}
		carol := s.here("carol")
		alice.next(wire.PushPresence, &push)
		carol.ok(wire.CmdLogout, &wire.LogoutRequest{}, nil)
		if alice.next(wire.PushPresence, &push); push.Presence.Account != "carol" || len(push.Presence.Devices) != 0 {
			s.t.Errorf("told %v", &push)
		}

		var end wire.UnsubscribePresenceResponse
		alice.ok(wire.CmdUnsubscribePresence, &wire.UnsubscribePresenceRequest{Accounts: []string{"bob", "nobody"}}, &end)
		if !slices.Equal(end.Failed, []string{"nobody"}) {
			s.t.Errorf("unsubscribed: %v", &end)
		}
		var failed struct{ FailedAccid []string }
		s.backend.ok(&failed, "event/subscribe/delete", "accid", "alice", "eventType", "1", "publisherAccids", `["bob"]`)
		if !slices.Equal(failed.FailedAccid, []string{"bob"}) {
			s.t.Errorf("the backend gets %v", failed)
		}
		s.backend.ok(nil, "event/subscribe/batchdel", "accid", "alice", "eventType", "1")
		later.ok(wire.CmdPresenceSubscriptions, &wire.PresenceSubscriptionsRequest{}, &list)
		if len(list.Subscriptions) != 0 {
			s.t.Errorf("left %v", &list)
		}
	})
}
