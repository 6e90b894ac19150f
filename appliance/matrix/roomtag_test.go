package matrix

import (
	"slices"
	"strconv"
	"testing"

	"github.com/yizhan-im/yizhan/appliance/wire"
)

// TestTagsOfARoom: who enters with tags gets what is for everybody and what is for its
// tags, is muted and counted by them, and reads no more of the history.
func TestTagsOfARoom(t *testing.T) {
	run(t, func(s *site) {
		s.accounts("alice", "bob", "carol")
		room := s.newRoom("alice")
		alice, bob, carol := s.here("alice"), s.there("bob"), s.there("carol")
		const red, blue = `{"tag":"red"}`, `{"tag":"b.*","matchType":"regex"}`
		alice.ok(wire.CmdEnterRoom, &wire.EnterRoomRequest{Room: room}, nil)
		bob.refused(wire.CodeBadParameter, wire.CmdEnterRoom, &wire.EnterRoomRequest{Room: room, Tags: []string{"red", "red"}})
		bob.refused(wire.CodeBadParameter, wire.CmdEnterRoom, &wire.EnterRoomRequest{Room: room, Tags: []string{"red"}, NotifyTags: "red"})
		bob.refused(wire.CodeBadParameter, wire.CmdEnterRoom, &wire.EnterRoomRequest{Room: "open", Tags: []string{"red"}})
		var entered wire.EnterRoomResponse
		bob.ok(wire.CmdEnterRoom, &wire.EnterRoomRequest{Room: room, Tags: []string{"red", "left"}, NotifyTags: red}, &entered)
		if !slices.Equal(entered.Self.GetTags(), []string{"red", "left"}) || entered.Self.GetNotifyTags() != red {
			s.t.Errorf("bob is %v", entered.Self)
		}
		carol.ok(wire.CmdEnterRoom, &wire.EnterRoomRequest{Room: room, Tags: []string{"blue"}}, nil)

		// One message each; what must not come would come before the last one.
		say := func(d *device, body, target string) *wire.SendRoomResponse {
			s.t.Helper()
			sent := new(wire.SendRoomResponse)
			d.ok(wire.CmdSendRoom, &wire.SendRoomRequest{Room: room, Body: body, NotifyTags: target}, sent)
			return sent
		}
		next := func(d *device, body, target string) {
			s.t.Helper()
			var got wire.RoomMessagePush
			if d.next(wire.PushRoomMessage, &got); got.Body != body || got.NotifyTags != target {
				s.t.Errorf("got %v, want %q for %q", &got, body, target)
			}
		}
		say(alice, "t3xt red", red)
		say(bob, "t3xt of bob", "") // as he has entered: for red ones, not for alice
		say(alice, "t3xt blue", blue)
		say(alice, "t3xt all", "")
		next(bob, "t3xt red", red)
		next(bob, "t3xt all", "")
		next(carol, "t3xt blue", blue)
		next(carol, "t3xt all", "")
		bob.refused(wire.CodeBadParameter, wire.CmdSendRoom, &wire.SendRoomRequest{Room: room, Body: "t3xt", NotifyTags: "{"})
		s.backend.ok(nil, "chatroom/sendMsg", "roomid", room, "msgId", "1", "fromAccid", "alice", "msgType", "0", "attach", "t3xt api", "notifyTargetTags", red)
		next(bob, "t3xt api", red)

		// The mute of a tag.
		mute := &wire.MuteRoomTagRequest{Room: room, Tag: "left", Seconds: 60, Notify: true, NotifyExt: "t3xt"}
		carol.refused(wire.CodeForbidden, wire.CmdMuteRoomTag, mute)
		alice.ok(wire.CmdMuteRoomTag, mute, nil)
		notice := func(d *device, kind wire.RoomNoticeKind) *wire.RoomNoticePush {
			s.t.Helper()
			for {
				got := new(wire.RoomNoticePush)
				if d.next(wire.PushRoomNotice, got); got.Kind == kind {
					return got
				}
			}
		}
		if got := notice(carol, wire.RoomNoticeKind_ROOM_NOTICE_TAG_MUTED); got.Tag != "left" || got.MutedUntilMs == 0 || got.Off || got.Ext != "t3xt" {
			s.t.Errorf("carol got %v", got)
		}
		bob.refused(wire.CodeRoomMuted, wire.CmdSendRoom, &wire.SendRoomRequest{Room: room, Body: "t3xt"})
		if got := s.backend.call("chatroom/sendMsg", "roomid", room, "msgId", "2", "fromAccid", "bob", "msgType", "0", "attach", "t3xt"); got.Code != wire.CodeRoomMuted {
			s.t.Errorf("in the name of bob: %+v", got)
		}
		say(carol, "t3xt of carol", "")
		s.backend.ok(nil, "chatroom/tagTemporaryMute", "roomid", room, "operator", "alice", "targetTag", "left", "muteDuration", "0")
		if got := notice(carol, wire.RoomNoticeKind_ROOM_NOTICE_TAG_MUTED); !got.Off || got.By != "alice" {
			s.t.Errorf("carol got %v", got)
		}

		// Who has a tag.
		var tagged wire.RoomTagMembersResponse
		carol.ok(wire.CmdRoomTagMembers, &wire.RoomTagMembersRequest{Room: room, Tag: "red"}, &tagged)
		if len(tagged.Members) != 1 || tagged.Members[0].Account != "bob" || tagged.Accounts != 1 || tagged.More {
			s.t.Errorf("red are %v", &tagged)
		}
		var count struct {
			Data struct{ OnlineUserCount int }
		}
		if s.backend.ok(&count, "chatroom/tagMembersCount", "roomid", room, "tag", "red"); count.Data.OnlineUserCount != 1 {
			s.t.Errorf("red are %+v", count)
		}

		// The history.
		bodies := func(d *device, tags ...string) (all []string) {
			var page wire.RoomHistoryResponse
			d.ok(wire.CmdRoomHistory, &wire.RoomHistoryRequest{Room: room, Reverse: true, Tags: tags}, &page)
			for _, m := range page.Messages {
				all = append(all, m.Body[len("t3xt "):])
			}
			return all
		}
		var page struct{ Msgs []struct{ Sendtime int64 } }
		// The history is written behind; what recalls a message waits for that.
		alice.refused(wire.CodeNotFound, wire.CmdRecallRoom, &wire.RecallRoomRequest{Room: room, Id: 1})
		if s.backend.ok(&page, "history/queryTagHistoryMsg", "roomid", room, "tags", `["red","blue"]`, "limit", "100"); len(page.Msgs) != 5 {
			s.t.Fatalf("for tags: %v", page)
		}
		for _, want := range []struct{ got, want []string }{
			{bodies(alice), []string{"red", "of bob", "blue", "all", "api", "of carol"}},
			{bodies(bob), []string{"red", "of bob", "all", "api"}},
			{bodies(carol), []string{"blue", "all", "of carol"}},
			{bodies(alice, "red"), []string{"red", "of bob", "api"}},
			{bodies(carol, "red"), nil},
		} {
			if !slices.Equal(want.got, want.want) {
				s.t.Errorf("the history is %q, want %q", want.got, want.want)
			}
		}
		last := strconv.FormatInt(page.Msgs[0].Sendtime, 10)
		if s.backend.ok(&page, "history/queryTagHistoryMsg", "roomid", room, "tags", `["red","blue"]`, "toTime", last, "reverse", "2"); len(page.Msgs) >= 5 {
			s.t.Errorf("before the last message: %v", page)
		}

		// Other tags.
		bob.ok(wire.CmdSetRoomTags, &wire.SetRoomTagsRequest{Room: room, Tags: []string{"blue"}, Notify: true}, nil)
		if got := notice(alice, wire.RoomNoticeKind_ROOM_NOTICE_TAGS); got.By != "bob" || !slices.Equal(got.Member.GetTags(), []string{"blue"}) {
			s.t.Errorf("alice got %v", got)
		}
		say(alice, "t3xt red again", red)
		say(alice, "t3xt blue again", blue)
		next(bob, "t3xt blue again", blue)
	})
}
