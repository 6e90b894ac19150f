package matrix

import (
	"fmt"
	"slices"
	"testing"

	"github.com/yizhan-im/yizhan/appliance"
	"github.com/yizhan-im/yizhan/appliance/wire"
)

// attached reads what a device has missed after version.
func (d *device) attached(version uint64) (list []string) {
	d.t.Helper()
	var page wire.NotificationsResponse
	d.ok(wire.CmdNotifications, &wire.NotificationsRequest{Version: version}, &page)
	for _, n := range page.Notifications {
		list = append(list, n.Attach)
	}
	return list
}

// TestNotifications: to an account and a team, from a client and the backend; who
// is online is told, who was away reads what was kept.
func TestNotifications(t *testing.T) {
	run(t, func(s *site) {
		s.accounts("alice", "bob", "carol")
		alice, bob := s.here("alice"), s.there("bob")
		team := s.newTeam("alice", "bob", "carol")
		var push wire.NotificationPush
		var sent wire.NotifyResponse

		one := &wire.NotifyRequest{To: "Bob", ClientId: "1", Attach: "t3xt one", Options: &wire.NotifyOptions{NoBadge: true, Push: &wire.PushOptions{Content: "t3xt"}}}
		alice.ok(wire.CmdNotify, one, &sent)
		if bob.next(wire.PushNotification, &push); push.Notification.Attach != "t3xt one" || push.Notification.From != "alice" || push.Notification.Version != sent.Id || !push.Notification.Options.GetNoBadge() {
			s.t.Errorf("bob got %v", &push)
		}
		first := sent.Id
		if alice.ok(wire.CmdNotify, one, &sent); !sent.Duplicate || sent.Id != first {
			s.t.Errorf("repeated: %v, first %d", &sent, first)
		}
		alice.ok(wire.CmdNotify, &wire.NotifyRequest{To: "bob", ClientId: "2", Attach: "t3xt now", OnlineOnly: true}, nil)
		if bob.next(wire.PushNotification, &push); !push.Notification.OnlineOnly {
			s.t.Errorf("bob got %v", &push)
		}
		alice.ok(wire.CmdNotify, &wire.NotifyRequest{Scene: wire.Scene_SCENE_TEAM, To: team, ClientId: "3", Attach: "t3xt team"}, nil)
		bob.next(wire.PushNotification, &push)
		s.backend.ok(nil, "msg/sendAttachMsg", "from", "alice", "msgtype", "0", "to", "bob", "attach", "t3xt backend")
		bob.next(wire.PushNotification, &push)
		s.backend.ok(nil, "msg/sendBatchAttachMsg", "fromAccid", "bob", "toAccids", list("bob", "carol"), "attach", "t3xt batch")
		bob.next(wire.PushNotification, &push)
		alice.none(wire.PushNotification)
		bob.none(wire.PushNotification)

		later := s.login(s.second, "bob", "later")
		var sync wire.SyncResponse
		if later.ok(wire.CmdSync, &wire.SyncRequest{}, &sync); sync.NotificationsVersion != push.Notification.Version {
			s.t.Errorf("sync tells %d, want %d", sync.NotificationsVersion, push.Notification.Version)
		}
		if got := later.attached(0); !slices.Equal(got, []string{"t3xt one", "t3xt team", "t3xt backend", "t3xt batch"}) {
			s.t.Errorf("bob reads %q", got)
		}
		if got := later.attached(first); len(got) != 3 {
			s.t.Errorf("bob reads %q after the first", got)
		}
		if got := s.here("carol").attached(0); !slices.Equal(got, []string{"t3xt team", "t3xt batch"}) {
			s.t.Errorf("carol reads %q", got)
		}
		if got := alice.attached(0); len(got) != 0 {
			s.t.Errorf("the sender reads %q", got)
		}
	})
}

// TestBroadcast reaches the platforms that it is for, and who was away.
func TestBroadcast(t *testing.T) {
	run(t, func(s *site) {
		s.accounts("alice", "bob")
		alice, bob := s.here("alice"), s.there("bob")
		var push wire.BroadcastPush
		s.backend.ok(nil, "msg/broadcastMsg", "body", "t3xt all", "isOffline", "true")
		s.backend.ok(nil, "msg/broadcastMsg", "body", "t3xt web", "isOffline", "true", "targetOs", list("web"))
		s.backend.ok(nil, "msg/broadcastMsg", "body", "t3xt now")
		for _, d := range []*device{alice, bob} {
			want := []string{"t3xt all", "t3xt web", "t3xt now"}
			if d.transport.platform() != wire.Platform_PLATFORM_WEB {
				want = slices.Delete(want, 1, 2)
			}
			for _, body := range want {
				if d.next(wire.PushBroadcast, &push); push.Broadcast.Body != body {
					s.t.Errorf("%s over %s got %v, want %s", d.account, d.transport, &push, body)
				}
			}
			d.none(wire.PushBroadcast)
			var page wire.BroadcastsResponse
			if d.ok(wire.CmdBroadcasts, &wire.BroadcastsRequest{}, &page); len(page.Broadcasts) != len(want)-1 {
				s.t.Errorf("%s over %s reads %v", d.account, d.transport, &page)
			}
		}
	})
}

// TestWhoMayNotify asks the same as clients and as the backend.
func TestWhoMayNotify(t *testing.T) {
	actors(t, func(s *site, do doer) {
		s.accounts("alice", "bob", "carol", "dave")
		team := s.newTeam("alice", "bob")
		s.backend.ok(nil, "team/muteTlist", "tid", team, "owner", "alice", "accid", "bob", "mute", "1")
		s.backend.ok(nil, "user/setSpecialRelation", "accid", "carol", "targetAcc", "dave", "relationType", "1", "value", "1")
		for i, test := range []struct {
			from, to string
			scene    wire.Scene
			want     wire.Code
		}{
			{"alice", "bob", 0, wire.CodeOK},
			{"dave", "carol", 0, wire.CodeBlacklisted},
			{"carol", "dave", 0, wire.CodeOK},
			{"alice", team, wire.Scene_SCENE_TEAM, wire.CodeOK},
			{"bob", team, wire.Scene_SCENE_TEAM, wire.CodeTeamMuted},
			{"carol", team, wire.Scene_SCENE_TEAM, wire.CodeNotInTeam},
			{"alice", "9" + team, wire.Scene_SCENE_TEAM, wire.CodeTeamMissing},
			{"alice", "a b", 0, wire.CodeBadParameter},
		} {
			got := do(test.from, act{
				wire.CmdNotify, &wire.NotifyRequest{Scene: test.scene, To: test.to, ClientId: fmt.Sprint(i), Attach: "t3xt"},
				"msg/sendAttachMsg", []string{"from", test.from, "msgtype", fmt.Sprint(int(test.scene)), "to", test.to, "attach", "t3xt"},
			})
			if got != test.want {
				s.t.Errorf("%s to %s: code %d, want %d", test.from, test.to, got, test.want)
			}
		}
	})
}

// TestOnlyTheBackendMayNotify when the tenant wants it so.
func TestOnlyTheBackendMayNotify(t *testing.T) {
	for _, tr := range transports {
		s := newSite(t, appliance.TenantRequest{NotifyRequest: appliance.NotifyRequest{Notify: "backend"}})
		s.accounts("alice", "bob")
		s.login(tr, "alice", "").refused(wire.CodeForbidden, wire.CmdNotify, &wire.NotifyRequest{To: "bob", ClientId: "1", Attach: "t3xt"})
		s.backend.ok(nil, "msg/sendAttachMsg", "from", "alice", "msgtype", "0", "to", "bob", "attach", "t3xt")
	}
}

func plantNotices(a *planted) map[string]string {
	a.alice.ok(wire.CmdNotify, &wire.NotifyRequest{To: "bob", ClientId: "n1", Attach: secretOfA}, nil)
	var sent struct {
		Msg struct{ BroadcastID uint64 }
	}
	a.backend.ok(&sent, "msg/broadcastMsg", "body", secretOfA, "isOffline", "true")
	return map[string]string{"broadcastId": fmt.Sprint(sent.Msg.BroadcastID)}
}
