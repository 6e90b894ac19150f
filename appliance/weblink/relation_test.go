package weblink_test

import (
	"testing"

	"google.golang.org/protobuf/proto"

	"github.com/yizhan-im/yizhan/appliance/state"
	"github.com/yizhan-im/yizhan/appliance/wire"
)

// Friends and lists are the same on either transport, in either direction.
func TestRelationsAcrossTransports(t *testing.T) {
	for _, transports := range [][2]string{{onLink, onWeb}, {onWeb, onLink}, {onWeb, onWeb}} {
		t.Run(transports[0]+" to "+transports[1], func(t *testing.T) {
			s := openSite(t, state.Limits{})
			s.account("alice", "bob")
			alice, _ := s.login(transports[0], "alice", "a", phone)
			bob, _ := s.login(transports[1], "bob", "b", web)
			tablet, _ := s.login(transports[1], "alice", "tablet", web)

			bob.ok(wire.CmdSetFriendMode, &wire.SetFriendModeRequest{Mode: wire.FriendMode_FRIEND_MODE_VERIFY}, new(wire.SetFriendModeResponse))
			if code, note := alice.code(wire.CmdAddFriend, &wire.AddFriendRequest{Account: "bob"}); code != wire.CodeForbidden || note == "" {
				t.Errorf("added without being asked: %v %q", code, note)
			}
			var asked wire.AddFriendResponse
			alice.ok(wire.CmdAddFriend, &wire.AddFriendRequest{Account: "bob", Ask: true, Note: "你好 \"<&>\""}, &asked)
			var push wire.RelationPush
			bob.next(wire.PushRelation, &push)
			if r := push.Relation; r.Account != "alice" || r.Request != wire.FriendRequestState_FRIEND_REQUEST_RECEIVED || r.RequestNote != "你好 \"<&>\"" || push.By != "alice" {
				t.Errorf("bob got %v", &push)
			}
			tablet.next(wire.PushRelation, &push)
			if !proto.Equal(push.Relation, asked.Relation) {
				t.Errorf("the tablet got %v, the phone %v", &push, &asked)
			}

			bob.ok(wire.CmdAnswerFriend, &wire.AnswerFriendRequest{Account: "alice", Accept: true}, new(wire.AnswerFriendResponse))
			for _, device := range []user{alice, tablet} {
				if device.next(wire.PushRelation, &push); !push.Relation.Friend || push.By != "bob" {
					t.Errorf("alice got %v", &push)
				}
			}
			alias, empty := "Bob", ""
			var updated wire.UpdateFriendResponse
			alice.ok(wire.CmdUpdateFriend, &wire.UpdateFriendRequest{Account: "bob", Alias: &alias, Ex: &empty}, &updated)
			tablet.next(wire.PushRelation, &push)

			var sync wire.SyncResponse
			tablet.ok(wire.CmdSync, &wire.SyncRequest{}, &sync)
			var all wire.RelationsResponse
			tablet.ok(wire.CmdRelations, &wire.RelationsRequest{}, &all)
			if len(all.Relations) != 1 || !proto.Equal(all.Relations[0], updated.Relation) || all.Version != sync.RelationsVersion || all.More {
				t.Errorf("relations %v, want %v at %d", &all, updated.Relation, sync.RelationsVersion)
			}

			bob.ok(wire.CmdSetBlacklist, &wire.SetBlacklistRequest{Account: "alice", On: true}, new(wire.SetBlacklistResponse))
			if code, note := alice.code(wire.CmdSend, &wire.SendRequest{To: "bob", ClientId: "m1", Body: "t3xt"}); code != wire.CodeBlacklisted || note == "" {
				t.Errorf("sent to who has blacklisted her: %v %q", code, note)
			}
			bob.ok(wire.CmdSetMute, &wire.SetMuteRequest{Account: "alice", On: true}, new(wire.SetMuteResponse))
			bob.ok(wire.CmdDeleteFriend, &wire.DeleteFriendRequest{Account: "alice", Forget: true}, new(wire.DeleteFriendResponse))
			if alice.next(wire.PushRelation, &push); push.Relation.Friend || push.Relation.Blacklisted || push.Relation.Alias != alias {
				t.Errorf("alice got %v", &push)
			}
			alice.ok(wire.CmdSetFriendMode, &wire.SetFriendModeRequest{Mode: wire.FriendMode_FRIEND_MODE_NOBODY}, nil)
			tablet.next(wire.PushRelation, &push)
			var mode wire.FriendModePush
			if tablet.next(wire.PushFriendMode, &mode); mode.Mode != wire.FriendMode_FRIEND_MODE_NOBODY || mode.Version == 0 {
				t.Errorf("the tablet got %v", &mode)
			}
			s.wantNoSecrets()
		})
	}
}
