package matrix

import (
	"testing"

	"github.com/yizhan-im/yizhan/appliance/wire"
)

// TestRoom: members hear each other across transports, and who has left does not.
func TestRoom(t *testing.T) {
	run(t, func(s *site) {
		s.accounts("alice", "bob")
		alice, bob := s.here("alice"), s.there("bob")
		var entered wire.EnterRoomResponse
		alice.ok(wire.CmdEnterRoom, &wire.EnterRoomRequest{Room: "r"}, nil)
		if bob.ok(wire.CmdEnterRoom, &wire.EnterRoomRequest{Room: "r"}, &entered); entered.Members != 2 {
			s.t.Errorf("members %v", &entered)
		}
		var sent wire.SendRoomResponse
		alice.ok(wire.CmdSendRoom, &wire.SendRoomRequest{Room: "r", Body: "t3xt", ClientId: "1"}, &sent)
		var push wire.RoomMessagePush
		if bob.next(wire.PushRoomMessage, &push); push.From != "alice" || push.Body != "t3xt" || push.Id != sent.Id {
			s.t.Errorf("bob got %v", &push)
		}
		bob.ok(wire.CmdExitRoom, &wire.ExitRoomRequest{Room: "r"}, nil)
		alice.ok(wire.CmdSendRoom, &wire.SendRoomRequest{Room: "r", Body: "t3xt", ClientId: "2"}, &sent)
		bob.refused(wire.CodeForbidden, wire.CmdSendRoom, &wire.SendRoomRequest{Room: "r", Body: "t3xt"})
		bob.none(wire.PushRoomMessage)
	})
}
