package matrix

import (
	"encoding/json"
	"strconv"
	"testing"

	"google.golang.org/protobuf/proto"

	"github.com/yizhan-im/yizhan/appliance/wire"
)

// conversations reads the list of d's account.
func (d *device) conversations() *wire.ConversationsResponse {
	d.t.Helper()
	list := new(wire.ConversationsResponse)
	d.ok(wire.CmdConversations, &wire.ConversationsRequest{}, list)
	return list
}

// TestConversationList: what is unread, the last message, the order, and how one
// device's arrangement reaches the others.
func TestConversationList(t *testing.T) {
	run(t, func(s *site) {
		s.accounts("alice", "bob", "carol")
		alice, bob, carol := s.here("alice"), s.there("bob"), s.there("carol")
		tablet := s.login(s.second, "alice", "tablet")
		send := func(d *device, to, id string) {
			d.ok(wire.CmdSend, &wire.SendRequest{To: to, ClientId: id, Body: "t3xt " + id}, nil)
			alice.next(wire.PushMessage, new(wire.MessagePush))
		}
		send(bob, "alice", "1")
		send(bob, "alice", "2")
		send(carol, "alice", "3")
		alice.ok(wire.CmdSetConversation, &wire.SetConversationRequest{Peer: "bob", Top: proto.Bool(true), Ext: proto.String("t3xt ext")}, nil)
		var push wire.ConversationSettingPush
		if tablet.next(wire.PushConversationSetting, &push); !push.Setting.Top || push.Setting.Peer != "bob" || push.Setting.Ext != "t3xt ext" {
			s.t.Errorf("alice's tablet got %v", &push)
		}
		bob.none(wire.PushConversationSetting)
		alice.none(wire.PushConversationSetting)

		list := tablet.conversations()
		if c := list.Conversations; len(c) != 2 || c[0].Peer != "bob" || c[1].Peer != "carol" || c[0].Unread != 2 || c[1].Unread != 1 ||
			c[0].Last.GetBody() != "t3xt 2" || c[0].Last.GetSeq() != 2 || !proto.Equal(c[0].Setting, push.Setting) {
			s.t.Errorf("the list is %v", list)
		}
		var sync wire.SyncResponse
		if tablet.ok(wire.CmdSync, &wire.SyncRequest{}, &sync); sync.SettingsVersion != push.Setting.Version || len(sync.Conversations) != 2 ||
			!proto.Equal(sync.Conversations[0], list.Conversations[0]) {
			s.t.Errorf("sync tells %v", &sync)
		}

		bob.ok(wire.CmdRecall, &wire.RecallRequest{Peer: "alice", Seq: 2, ClientId: "r"}, nil)
		var states wire.ConversationStatesResponse
		alice.ok(wire.CmdConversationStates, &wire.ConversationStatesRequest{Keys: []*wire.ConversationKey{{Peer: "nobody"}, {Peer: "bob"}}}, &states)
		if c := states.Conversations; len(c) != 1 || c[0].Unread != 1 || !c[0].Last.GetRecalled() {
			s.t.Errorf("after the recall: %v", &states)
		}
		var unread wire.UnreadResponse
		if alice.ok(wire.CmdUnread, &wire.UnreadRequest{}, &unread); unread.Unread != 2 || unread.Conversations != 2 || unread.Muted != 0 {
			s.t.Errorf("unread %v", &unread)
		}
		alice.ok(wire.CmdSetConversation, &wire.SetConversationRequest{Peer: "carol", Muted: proto.Bool(true)}, nil)
		alice.ok(wire.CmdSetConversation, &wire.SetConversationRequest{Peer: "carol", MarkedUnread: proto.Bool(true)}, nil)
		if alice.ok(wire.CmdUnread, &wire.UnreadRequest{}, &unread); unread.Unread != 2 || unread.Muted != 1 {
			s.t.Errorf("unread with one muted: %v", &unread)
		}

		var all wire.ReadAllResponse
		if alice.ok(wire.CmdReadAll, &wire.ReadAllRequest{}, &all); all.Read != 2 || all.More {
			s.t.Errorf("read all: %v", &all)
		}
		var read wire.ReadPush
		if bob.next(wire.PushRead, &read); read.Reader != "alice" || read.Seq != 3 {
			s.t.Errorf("bob got the receipt %v", &read)
		}
		for range 2 {
			if tablet.next(wire.PushRead, &read); read.Reader != "alice" {
				s.t.Errorf("alice's tablet got %v", &read)
			}
		}
		unread.Reset()
		if alice.ok(wire.CmdUnread, &wire.UnreadRequest{}, &unread); unread.Unread != 0 || unread.Marked != 0 {
			s.t.Errorf("unread after all was read: %v", &unread)
		}
	})
}

// TestRemoveAndClearConversation: only for the account, on all its devices, until
// somebody writes.
func TestRemoveAndClearConversation(t *testing.T) {
	run(t, func(s *site) {
		s.accounts("alice", "bob")
		alice, bob := s.here("alice"), s.there("bob")
		tablet := s.login(s.second, "alice", "tablet")
		for i := range 3 {
			bob.ok(wire.CmdSend, &wire.SendRequest{To: "alice", ClientId: strconv.Itoa(i), Body: "t3xt"}, nil)
		}
		alice.ok(wire.CmdClearConversation, &wire.ClearConversationRequest{Peer: "bob", Seq: 2}, nil)
		var push wire.ConversationSettingPush
		if tablet.next(wire.PushConversationSetting, &push); push.Setting.ClearedSeq != 2 {
			s.t.Errorf("alice's tablet got %v", &push)
		}
		history := func(d *device, peer string, entries int, first uint64) {
			s.t.Helper()
			var h wire.HistoryResponse
			if d.ok(wire.CmdHistory, &wire.HistoryRequest{Peer: peer}, &h); len(h.Messages) != entries || h.FirstSeq != first {
				s.t.Errorf("history of %s: %d entries from %d on", d.account, len(h.Messages), h.FirstSeq)
			}
		}
		history(tablet, "bob", 1, 3)
		history(bob, "alice", 3, 0)
		tablet.ok(wire.CmdRemoveConversation, &wire.RemoveConversationRequest{Peer: "bob", Clear: true}, nil)
		alice.next(wire.PushConversationSetting, &push)
		if list := alice.conversations(); len(list.Conversations) != 0 || push.Setting.RemovedSeq != 3 || push.Setting.ClearedSeq != 3 {
			s.t.Errorf("removed, the list is %v", list)
		}
		history(alice, "bob", 0, 4)
		bob.ok(wire.CmdSend, &wire.SendRequest{To: "alice", ClientId: "again", Body: "t3xt"}, nil)
		if c := alice.conversations().Conversations; len(c) != 1 || c[0].Unread != 1 || c[0].Last.GetSeq() != 4 || c[0].FirstSeq != 4 {
			s.t.Errorf("with a new message the list is %v", c)
		}

		later := s.login(s.first, "alice", "later")
		var settings wire.ConversationSettingsResponse
		if later.ok(wire.CmdConversationSettings, &wire.ConversationSettingsRequest{}, &settings); len(settings.Settings) != 1 || !proto.Equal(settings.Settings[0], push.Setting) {
			s.t.Errorf("settings %v, want %v", &settings, push.Setting)
		}
		s.backend.ok(nil, "msg/delRoamSession", "type", "1", "from", "alice", "to", "bob")
		for _, d := range []*device{alice, tablet, later} {
			if d.next(wire.PushConversationSetting, &push); push.Setting.ClearedSeq != 4 {
				s.t.Errorf("after the backend's clearing %s got %v", d.account, &push)
			}
		}
	})
}

// TestDoNotDisturb: told to the other devices and to later ones.
func TestDoNotDisturb(t *testing.T) {
	run(t, func(s *site) {
		s.accounts("alice", "bob")
		alice, bob := s.here("alice"), s.there("bob")
		tablet := s.login(s.second, "alice", "tablet")
		var answer wire.SetDoNotDisturbResponse
		quiet := &wire.QuietHours{From: 1320, To: 420, UtcOffset: -480, Weekdays: 0b1111111}
		alice.ok(wire.CmdSetDoNotDisturb, &wire.SetDoNotDisturbRequest{On: proto.Bool(true), Quiet: quiet}, &answer)
		want := &wire.DoNotDisturb{On: true, Quiet: quiet}
		var push wire.DoNotDisturbPush
		if tablet.next(wire.PushDoNotDisturb, &push); !proto.Equal(push.DoNotDisturb, want) || !proto.Equal(answer.DoNotDisturb, want) || push.Version != answer.Version {
			s.t.Errorf("alice's tablet got %v, she %v", &push, &answer)
		}
		alice.refused(wire.CodeBadParameter, wire.CmdSetDoNotDisturb, &wire.SetDoNotDisturbRequest{Quiet: &wire.QuietHours{From: 1440}})
		s.backend.ok(nil, "user/setDonnop", "accid", "alice", "donnopOpen", "true")
		want.Desktop = true
		for _, d := range []*device{alice, tablet} {
			if d.next(wire.PushDoNotDisturb, &push); !proto.Equal(push.DoNotDisturb, want) {
				s.t.Errorf("%s got %v", d.account, &push)
			}
		}
		var settings wire.ConversationSettingsResponse
		alice.ok(wire.CmdConversationSettings, &wire.ConversationSettingsRequest{}, &settings)
		if !proto.Equal(settings.DoNotDisturb, want) || settings.Version != push.Version {
			s.t.Errorf("settings %v", &settings)
		}
		bob.none(wire.PushDoNotDisturb)
	})
}

// TestWhoMayArrangeConversations: everybody their own, with whom there is and where
// they are members.
func TestWhoMayArrangeConversations(t *testing.T) {
	actors(t, func(s *site, do doer) {
		s.accounts("alice", "bob", "carol")
		var team struct{ Tid json.Number }
		s.backend.ok(&team, "team/create", "tname", "t", "owner", "bob", "members", `["carol"]`, "msg", "m", "magree", "0", "joinmode", "0")
		tid := string(team.Tid)
		set := func(scene wire.Scene, peer string) act {
			return act{
				wire.CmdSetConversation, &wire.SetConversationRequest{Scene: scene, Peer: peer, Top: proto.Bool(true)},
				"user/setSession", []string{"accid", "alice", "type", strconv.Itoa(int(scene) + 1), "to", peer, "top", "true"},
			}
		}
		clear := func(scene wire.Scene, peer string) act {
			return act{
				wire.CmdClearConversation, &wire.ClearConversationRequest{Scene: scene, Peer: peer},
				"msg/delRoamSession", []string{"from", "alice", "type", strconv.Itoa(int(scene) + 1), "to", peer},
			}
		}
		for _, f := range []func(wire.Scene, string) act{set, clear} {
			for _, c := range []struct {
				scene wire.Scene
				peer  string
				code  wire.Code
			}{
				{wire.Scene_SCENE_P2P, "bob", wire.CodeOK},
				{wire.Scene_SCENE_P2P, "alice", wire.CodeOK}, // notes to oneself
				{wire.Scene_SCENE_P2P, "nobody", wire.CodeNotFound},
				{wire.Scene_SCENE_P2P, "not a name", wire.CodeBadParameter},
				{wire.Scene_SCENE_TEAM, tid, wire.CodeNotInTeam},
				{wire.Scene_SCENE_TEAM, "1", wire.CodeTeamMissing},
				{wire.Scene_SCENE_TEAM, "bob", wire.CodeBadParameter},
			} {
				if got := do("alice", f(c.scene, c.peer)); got != c.code {
					s.t.Errorf("%d %s: %v, want %v", c.scene, c.peer, got, c.code)
				}
			}
		}
		s.backend.ok(nil, "team/add", "tid", tid, "owner", "bob", "members", `["alice"]`, "magree", "0", "msg", "m")
		for _, f := range []func(wire.Scene, string) act{set, clear} {
			if got := do("alice", f(wire.Scene_SCENE_TEAM, tid)); got != wire.CodeOK {
				s.t.Errorf("as a member: %v", got)
			}
		}
	})
}

// TestMutedByTheBackend: a muted account gets 403 where it is muted; its backend
// still sends in its name.
func TestMutedByTheBackend(t *testing.T) {
	run(t, func(s *site) {
		s.accounts("alice", "bob")
		alice, bob := s.here("alice"), s.there("bob")
		alice.ok(wire.CmdEnterRoom, &wire.EnterRoomRequest{Room: "lobby"}, nil)
		send := &wire.SendRequest{To: "bob", ClientId: "1", Body: "t3xt"}
		room := &wire.SendRoomRequest{Room: "lobby", Body: "t3xt"}
		s.backend.ok(nil, "user/muteModule", "accid", "alice", "muteP2P", "true")
		alice.refused(wire.CodeForbidden, wire.CmdSend, send)
		alice.ok(wire.CmdSendRoom, room, nil)
		s.backend.ok(nil, "user/mute", "accid", "alice", "mute", "true")
		alice.refused(wire.CodeForbidden, wire.CmdSendRoom, room)
		s.backend.ok(nil, "msg/sendMsg", "from", "alice", "ope", "0", "to", "bob", "type", "0", "body", `{"msg":"t3xt"}`)
		bob.next(wire.PushMessage, new(wire.MessagePush))
		s.backend.ok(nil, "user/mute", "accid", "alice", "mute", "false")
		alice.ok(wire.CmdSend, send, nil)
		bob.next(wire.PushMessage, new(wire.MessagePush))
	})
}
