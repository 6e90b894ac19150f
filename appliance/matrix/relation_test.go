package matrix

import (
	"strconv"
	"testing"

	"google.golang.org/protobuf/proto"

	"github.com/yizhan-im/yizhan/appliance/wire"
)

// TestFriendship: asked, accepted, noted, ended; each side and each of its devices
// learns its part, and one that was away reads the same.
func TestFriendship(t *testing.T) {
	run(t, func(s *site) {
		s.accounts("alice", "bob")
		alice, bob := s.here("alice"), s.there("bob")
		tablet := s.login(s.second, "alice", "tablet")
		var push wire.RelationPush

		bob.ok(wire.CmdSetFriendMode, &wire.SetFriendModeRequest{Mode: wire.FriendMode_FRIEND_MODE_VERIFY}, nil)
		alice.refused(wire.CodeForbidden, wire.CmdAddFriend, &wire.AddFriendRequest{Account: "bob"})
		alice.ok(wire.CmdAddFriend, &wire.AddFriendRequest{Account: "bob", Ask: true, Note: "t3xt"}, nil)
		if bob.next(wire.PushRelation, &push); push.By != "alice" || push.Note != "t3xt" || push.Relation.Request != wire.FriendRequestState_FRIEND_REQUEST_RECEIVED {
			s.t.Errorf("bob got %v", &push)
		}
		if tablet.next(wire.PushRelation, &push); push.Relation.Request != wire.FriendRequestState_FRIEND_REQUEST_SENT {
			s.t.Errorf("alice's tablet got %v", &push)
		}
		bob.ok(wire.CmdAnswerFriend, &wire.AnswerFriendRequest{Account: "alice", Accept: true}, nil)
		for _, d := range []*device{alice, tablet} {
			if d.next(wire.PushRelation, &push); push.By != "bob" || !push.Relation.Friend {
				s.t.Errorf("alice got %v", &push)
			}
		}

		alice.ok(wire.CmdUpdateFriend, &wire.UpdateFriendRequest{Account: "bob", Alias: proto.String("t3xt B")}, nil)
		if tablet.next(wire.PushRelation, &push); push.Relation.Alias != "t3xt B" {
			s.t.Errorf("alice's tablet got %v", &push)
		}
		alice.ok(wire.CmdSetMute, &wire.SetMuteRequest{Account: "bob", On: true}, nil)
		tablet.next(wire.PushRelation, &push)
		bob.none(wire.PushRelation)

		later := s.login(s.first, "alice", "later")
		var sync wire.SyncResponse
		later.ok(wire.CmdSync, &wire.SyncRequest{}, &sync)
		var relations wire.RelationsResponse
		later.ok(wire.CmdRelations, &wire.RelationsRequest{}, &relations)
		if r := relations.Relations; len(r) != 1 || !proto.Equal(r[0], push.Relation) || relations.Version != sync.RelationsVersion {
			s.t.Errorf("relations %v, sync %v", &relations, &sync)
		}
		var friends struct {
			Friends []struct{ Faccid, Alias string }
		}
		if s.backend.ok(&friends, "friend/get", "accid", "alice", "updatetime", "0"); len(friends.Friends) != 1 || friends.Friends[0].Alias != "t3xt B" {
			s.t.Errorf("the backend gets %v", friends)
		}

		bob.ok(wire.CmdDeleteFriend, &wire.DeleteFriendRequest{Account: "alice"}, nil)
		if alice.next(wire.PushRelation, &push); push.Relation.Friend || push.Relation.Alias == "" || !push.Relation.Muted {
			s.t.Errorf("alice got %v", &push)
		}
		s.backend.ok(nil, "friend/setMode", "accid", "alice", "mode", "2")
		var mode wire.FriendModePush
		for _, d := range []*device{alice, tablet, later} {
			if d.next(wire.PushFriendMode, &mode); mode.Mode != wire.FriendMode_FRIEND_MODE_NOBODY {
				s.t.Errorf("alice got %v", &mode)
			}
		}
	})
}

// TestBlacklist: it refuses one direction, and says nothing to who is on it.
func TestBlacklist(t *testing.T) {
	run(t, func(s *site) {
		s.accounts("alice", "bob")
		alice, bob := s.here("alice"), s.there("bob")
		bob.ok(wire.CmdSetBlacklist, &wire.SetBlacklistRequest{Account: "alice", On: true}, nil)
		alice.refused(wire.CodeBlacklisted, wire.CmdSend, &wire.SendRequest{To: "bob", ClientId: "1", Body: "t3xt"})
		alice.refused(wire.CodeBlacklisted, wire.CmdAddFriend, &wire.AddFriendRequest{Account: "bob", Ask: true})
		bob.ok(wire.CmdSend, &wire.SendRequest{To: "alice", ClientId: "1", Body: "t3xt"}, nil)
		alice.none(wire.PushRelation)
		bob.none()
		bob.ok(wire.CmdSetBlacklist, &wire.SetBlacklistRequest{Account: "alice"}, nil)
		alice.ok(wire.CmdSend, &wire.SendRequest{To: "bob", ClientId: "1", Body: "t3xt"}, nil)
	})
}

// TestWhoMayBecomeAFriend: every mode, for clients and for the tenant's backend,
// whose type 1 works whatever the mode.
func TestWhoMayBecomeAFriend(t *testing.T) {
	actors(t, func(s *site, do doer) {
		isBackend := s.t.Name() == t.Name()+"/http"
		add := func(peer string, ask bool) act {
			kind := "1"
			if ask {
				kind = "2"
			}
			return act{wire.CmdAddFriend, &wire.AddFriendRequest{Account: peer, Ask: ask}, "friend/add", []string{"accid", "alice", "faccid", peer, "type", kind}}
		}
		s.accounts("alice")
		for i, test := range []struct {
			mode     wire.FriendMode
			add, ask wire.Code // by clients
		}{
			{wire.FriendMode_FRIEND_MODE_ANYONE, wire.CodeOK, wire.CodeOK},
			{wire.FriendMode_FRIEND_MODE_VERIFY, wire.CodeForbidden, wire.CodeOK},
			{wire.FriendMode_FRIEND_MODE_NOBODY, wire.CodeForbidden, wire.CodeForbidden},
		} {
			for _, ask := range []bool{false, true} {
				peer := "peer" + strconv.Itoa(i) + strconv.FormatBool(ask)
				s.accounts(peer)
				s.backend.ok(nil, "friend/setMode", "accid", peer, "mode", strconv.Itoa(int(test.mode)))
				want := test.add
				switch {
				case ask:
					want = test.ask
				case isBackend:
					want = wire.CodeOK
				}
				if code := do("alice", add(peer, ask)); code != want {
					s.t.Errorf("mode %v, asking %v: code %d, want %d", test.mode, ask, code, want)
				}
			}
		}
	})
}
