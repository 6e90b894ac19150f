package matrix

import (
	"strconv"
	"testing"

	"google.golang.org/protobuf/proto"

	"github.com/yizhan-im/yizhan/appliance/wire"
)

// newRoom registers a room of creator and returns its name.
func (s *site) newRoom(creator string) string {
	s.t.Helper()
	var made struct{ Chatroom struct{ Roomid uint64 } }
	s.backend.ok(&made, "chatroom/create", "creator", creator, "name", "t3xt room")
	return strconv.FormatUint(made.Chatroom.Roomid, 10)
}

// TestRegisteredRoom: everything that a client can ask of a registered room, with
// what the others inside are told of it.
func TestRegisteredRoom(t *testing.T) {
	run(t, func(s *site) {
		s.accounts("alice", "bob", "carol")
		room := s.newRoom("alice")
		alice, bob := s.here("alice"), s.there("bob")
		notice := func(d *device, kind wire.RoomNoticeKind) *wire.RoomNoticePush {
			s.t.Helper()
			for {
				got := new(wire.RoomNoticePush)
				if d.next(wire.PushRoomNotice, got); got.Kind == kind {
					return got
				}
			}
		}
		var entered wire.EnterRoomResponse
		alice.ok(wire.CmdEnterRoom, &wire.EnterRoomRequest{Room: room}, &entered)
		if entered.Info.GetName() != "t3xt room" || entered.Self.GetRole() != wire.RoomRole_ROOM_ROLE_CREATOR {
			s.t.Errorf("entered %v", &entered)
		}
		bob.ok(wire.CmdEnterRoom, &wire.EnterRoomRequest{Room: room, Nick: "t3xt 鲍勃", Ext: `{"a":"t3xt"}`}, nil)
		for entered := false; !entered; { // her own entry comes first
			got := notice(alice, wire.RoomNoticeKind_ROOM_NOTICE_ENTERED)
			if entered = got.By == "bob"; entered && (got.Member.GetNick() != "t3xt 鲍勃" || got.Members != 2) {
				s.t.Errorf("alice got %v", got)
			}
		}
		var info wire.RoomInfoResponse
		if bob.ok(wire.CmdRoomInfo, &wire.RoomInfoRequest{Room: room}, &info); info.Members != 2 || info.Info.GetCreator() != "alice" {
			s.t.Errorf("info %v", &info)
		}
		alice.ok(wire.CmdUpdateRoom, &wire.UpdateRoomRequest{Room: room, Changes: &wire.RoomChanges{Announcement: proto.String("t3xt")}, Notify: true}, nil)
		if got := notice(bob, wire.RoomNoticeKind_ROOM_NOTICE_UPDATED); got.Info.GetAnnouncement() != "t3xt" {
			s.t.Errorf("bob got %v", got)
		}
		alice.ok(wire.CmdSetRoomRole, &wire.SetRoomRoleRequest{Room: room, Account: "bob", Op: wire.RoomRoleOp_ROOM_ROLE_OP_FIXED}, nil)
		notice(bob, wire.RoomNoticeKind_ROOM_NOTICE_MEMBER)
		bob.ok(wire.CmdUpdateRoomSelf, &wire.UpdateRoomSelfRequest{Room: room, Nick: proto.String("t3xt B"), Save: true, Notify: true}, nil)
		if got := notice(alice, wire.RoomNoticeKind_ROOM_NOTICE_PROFILE); got.Member.GetNick() != "t3xt B" {
			s.t.Errorf("alice got %v", got)
		}
		alice.ok(wire.CmdMuteRoomMember, &wire.MuteRoomMemberRequest{Room: room, Account: "bob", Seconds: 60}, nil)
		bob.refused(wire.CodeRoomMuted, wire.CmdSendRoom, &wire.SendRoomRequest{Room: room, Body: "t3xt"})
		alice.ok(wire.CmdMuteRoomMember, &wire.MuteRoomMemberRequest{Room: room, Account: "bob"}, nil)
		alice.ok(wire.CmdMuteRoom, &wire.MuteRoomRequest{Room: room, Muted: true}, nil)
		bob.refused(wire.CodeRoomAllMuted, wire.CmdSendRoom, &wire.SendRoomRequest{Room: room, Body: "t3xt"})
		alice.ok(wire.CmdMuteRoom, &wire.MuteRoomRequest{Room: room}, nil)

		var sent wire.SendRoomResponse
		bob.ok(wire.CmdSendRoom, &wire.SendRoomRequest{Room: room, ClientId: "1", Body: "t3xt one"}, &sent)
		var push wire.RoomMessagePush
		if alice.next(wire.PushRoomMessage, &push); push.FromNick != "t3xt B" || push.FromExt != `{"a":"t3xt"}` || push.Id != sent.Id {
			s.t.Errorf("alice got %v", &push)
		}
		alice.ok(wire.CmdRecallRoom, &wire.RecallRoomRequest{Room: room, Id: sent.Id}, nil)
		if got := notice(bob, wire.RoomNoticeKind_ROOM_NOTICE_RECALLED); got.MessageId != sent.Id {
			s.t.Errorf("bob got %v", got)
		}
		var history wire.RoomHistoryResponse
		if bob.ok(wire.CmdRoomHistory, &wire.RoomHistoryRequest{Room: room}, &history); len(history.Messages) != 0 {
			s.t.Errorf("history %v", &history)
		}
		var members wire.RoomMembersResponse
		if alice.ok(wire.CmdRoomMembers, &wire.RoomMembersRequest{Room: room}, &members); len(members.Members) != 2 {
			s.t.Errorf("members %v", &members)
		}

		bob.ok(wire.CmdOfferRoomQueue, &wire.OfferRoomQueueRequest{Room: room, Elements: []*wire.RoomElement{{Key: "mic", Value: "t3xt"}, {Key: "two"}}}, nil)
		if got := notice(alice, wire.RoomNoticeKind_ROOM_NOTICE_QUEUE); len(got.Elements) != 2 || got.Elements[0].GetOwner() != "bob" {
			s.t.Errorf("alice got %v", got)
		}
		var polled wire.PollRoomQueueResponse
		if alice.ok(wire.CmdPollRoomQueue, &wire.PollRoomQueueRequest{Room: room}, &polled); polled.Element.GetKey() != "mic" {
			s.t.Errorf("polled %v", &polled)
		}
		var queue wire.RoomQueueResponse
		if bob.ok(wire.CmdRoomQueue, &wire.RoomQueueRequest{Room: room}, &queue); len(queue.Elements) != 1 {
			s.t.Errorf("queue %v", &queue)
		}
		bob.refused(wire.CodeForbidden, wire.CmdDropRoomQueue, &wire.DropRoomQueueRequest{Room: room})
		alice.ok(wire.CmdDropRoomQueue, &wire.DropRoomQueueRequest{Room: room}, nil)

		var out wire.RoomOutPush
		alice.ok(wire.CmdKickRoom, &wire.KickRoomRequest{Room: room, Account: "bob", NotifyExt: "t3xt"}, nil)
		if bob.next(wire.PushRoomOut, &out); out.Reason != wire.RoomOutReason_ROOM_OUT_KICKED || out.Ext != "t3xt" {
			s.t.Errorf("bob got %v", &out)
		}
		bob.ok(wire.CmdEnterRoom, &wire.EnterRoomRequest{Room: room}, nil)
		bob.refused(wire.CodeForbidden, wire.CmdCloseRoom, &wire.CloseRoomRequest{Room: room})
		alice.ok(wire.CmdCloseRoom, &wire.CloseRoomRequest{Room: room}, nil)
		if bob.next(wire.PushRoomOut, &out); out.Reason != wire.RoomOutReason_ROOM_OUT_CLOSED {
			s.t.Errorf("bob got %v", &out)
		}
		bob.refused(wire.CodeRoomClosed, wire.CmdEnterRoom, &wire.EnterRoomRequest{Room: room})
	})
}

// TestWhoMayChangeARoom asks the same of clients and of the backend in their names.
func TestWhoMayChangeARoom(t *testing.T) {
	actors(t, func(s *site, do doer) {
		s.accounts("alice", "bob", "carol", "dave")
		room := s.newRoom("alice")
		role := func(target, opt string, op wire.RoomRoleOp, by string) wire.Code {
			return do(by, act{wire.CmdSetRoomRole, &wire.SetRoomRoleRequest{Room: room, Account: target, Op: op}, "chatroom/setMemberRole",
				[]string{"roomid", room, "operator", by, "target", target, "opt", opt, "optvalue", "true"}})
		}
		mute := func(by, target string) wire.Code {
			return do(by, act{wire.CmdMuteRoomMember, &wire.MuteRoomMemberRequest{Room: room, Account: target, Seconds: 60}, "chatroom/temporaryMute",
				[]string{"roomid", room, "operator", by, "target", target, "muteDuration", "60"}})
		}
		closes := func(by string) wire.Code {
			return do(by, act{wire.CmdCloseRoom, &wire.CloseRoomRequest{Room: room}, "chatroom/toggleCloseStat",
				[]string{"roomid", room, "operator", by, "valid", "false"}})
		}
		for i, step := range []struct {
			got, want wire.Code
		}{
			{role("bob", "1", wire.RoomRoleOp_ROOM_ROLE_OP_MANAGER, "carol"), wire.CodeForbidden},
			{role("bob", "1", wire.RoomRoleOp_ROOM_ROLE_OP_MANAGER, "alice"), wire.CodeOK},
			{role("carol", "1", wire.RoomRoleOp_ROOM_ROLE_OP_MANAGER, "bob"), wire.CodeForbidden},
			{role("carol", "2", wire.RoomRoleOp_ROOM_ROLE_OP_FIXED, "bob"), wire.CodeOK},
			{role("alice", "-1", wire.RoomRoleOp_ROOM_ROLE_OP_BLOCK, "bob"), wire.CodeForbidden},
			{role("dave", "-1", wire.RoomRoleOp_ROOM_ROLE_OP_BLOCK, "carol"), wire.CodeForbidden},
			{mute("bob", "carol"), wire.CodeOK},
			{mute("carol", "dave"), wire.CodeForbidden},
			{mute("bob", "alice"), wire.CodeForbidden},
			{closes("bob"), wire.CodeForbidden},
			{closes("alice"), wire.CodeOK},
		} {
			if step.got != step.want {
				s.t.Errorf("step %d: code %d, want %d", i, step.got, step.want)
			}
		}
	})
}
