package matrix

import (
	"testing"

	"google.golang.org/protobuf/proto"

	"github.com/yizhan-im/yizhan/appliance/wire"
)

// TestAMutedAccountSaysNothing: whom the tenant's backend has muted gets no text to
// anybody, in whatever way; and may do so again when that is lifted.
func TestAMutedAccountSaysNothing(t *testing.T) {
	run(t, func(s *site) {
		s.accounts("alice", "bob")
		alice, bob := s.here("alice"), s.there("bob")
		team := s.newTeam("bob", "alice")
		var sent wire.SendResponse
		alice.ok(wire.CmdSend, &wire.SendRequest{To: "bob", ClientId: "0", Body: "t3xt"}, &sent)
		alice.ok(wire.CmdEnterRoom, &wire.EnterRoomRequest{Room: "r"}, nil)
		bob.ok(wire.CmdEnterRoom, &wire.EnterRoomRequest{Room: "r"}, nil)
		bob.forget()
		s.backend.ok(nil, "user/mute", "accid", "alice", "mute", "true")
		says := []struct {
			cmd wire.Command
			in  proto.Message
		}{
			{wire.CmdSend, &wire.SendRequest{To: "bob", ClientId: "1", Body: "t3xt"}},
			{wire.CmdSend, &wire.SendRequest{To: "bob", ClientId: "2", Forward: &wire.Origin{Peer: "bob", Seq: sent.Seq}}},
			{wire.CmdSend, &wire.SendRequest{Scene: wire.Scene_SCENE_TEAM, To: team, ClientId: "3", Body: "t3xt"}},
			{wire.CmdEdit, &wire.EditRequest{Peer: "bob", Seq: sent.Seq, ClientId: "4", Body: "t3xt"}},
			{wire.CmdReact, &wire.ReactRequest{Peer: "bob", Seq: sent.Seq, Emoji: "t3xt"}},
			{wire.CmdNotify, &wire.NotifyRequest{To: "bob", ClientId: "5", Attach: "t3xt"}},
			{wire.CmdNotify, &wire.NotifyRequest{Scene: wire.Scene_SCENE_TEAM, To: team, ClientId: "6", Attach: "t3xt"}},
			{wire.CmdSendRoom, &wire.SendRoomRequest{Room: "r", Body: "t3xt"}},
		}
		for _, test := range says {
			alice.refused(wire.CodeForbidden, test.cmd, test.in)
		}
		bob.none()
		s.backend.ok(nil, "user/mute", "accid", "alice", "mute", "false")
		for _, test := range says {
			alice.ok(test.cmd, test.in, nil)
		}
	})
}
