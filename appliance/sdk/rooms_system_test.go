package sdk_test

import (
	"testing"
	"time"

	"google.golang.org/protobuf/proto"

	"github.com/yizhan-im/yizhan/appliance/sdk"
	"github.com/yizhan-im/yizhan/appliance/state"
	"github.com/yizhan-im/yizhan/appliance/wire"
)

// untilNotice waits for a notice of that kind.
func (a *app) untilNotice(kind wire.RoomNoticeKind) (found sdk.RoomNotice) {
	a.t.Helper()
	a.until("notice "+kind.String(), func(e sdk.Event) bool {
		n, ok := e.(sdk.RoomNotice)
		if ok && n.Kind == kind {
			found = n
			return true
		}
		return false
	})
	return found
}

// TestARegisteredRoomOverARealNode: roles, notices, queue, history and the end of a
// membership, as an app sees them.
func TestARegisteredRoomOverARealNode(t *testing.T) {
	n := startNode(t)
	created, err := n.node.App().ChangeRoom(t.Context(), "app", &state.RoomChange{
		Op: state.RoomCreate, By: "alice", ClientID: "c", Info: &wire.RoomChanges{Name: proto.String("studio")},
	})
	if err != nil {
		t.Fatal(err)
	}
	id := state.RoomID(created.Room)
	alice, bob := n.app("alice", nil), n.app("bob", nil)
	ok := func(err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	alice.enter(id, 1)
	bob.enter(id, 2)
	if got := alice.untilNotice(wire.RoomNoticeKind_ROOM_NOTICE_ENTERED); got.By != "alice" {
		t.Errorf("first entered: %v", got)
	}
	if got := alice.untilNotice(wire.RoomNoticeKind_ROOM_NOTICE_ENTERED); got.By != "bob" || got.Member.GetNick() != "BOB" {
		t.Errorf("then entered: %v", got)
	}
	room := alice.Room(id)
	info, members, err := room.Info(alice.context())
	if err != nil || members != 2 || info.Name != "studio" {
		t.Errorf("info: %v, %d, %v", info, members, err)
	}
	ok(room.MuteMember(alice.context(), "bob", time.Minute))
	if got := bob.untilNotice(wire.RoomNoticeKind_ROOM_NOTICE_MEMBER); got.Member.GetMutedUntilMs() == 0 {
		t.Errorf("muted: %v", got)
	}
	if _, err := bob.SendRoom(bob.context(), id, sdk.Text("x")); wire.CodeOf(err) != wire.CodeRoomMuted {
		t.Errorf("muted: %v", err)
	}
	ok(room.MuteMember(alice.context(), "bob", 0))
	ok(room.SetRole(alice.context(), "bob", wire.RoomRoleOp_ROOM_ROLE_OP_FIXED, true))
	sent := bob.say(id, "hello")
	if sent.Abandoned || sent.ID == 0 {
		t.Errorf("sent: %+v", sent)
	}
	alice.until("hello", func(e sdk.Event) bool {
		m, is := e.(sdk.RoomMessage)
		return is && m.Body == "hello" && m.FromNick == "BOB"
	})

	ok(bob.Room(id).Offer(bob.context(), &wire.RoomElement{Key: "mic", Value: "open", Transient: true}))
	if got := alice.untilNotice(wire.RoomNoticeKind_ROOM_NOTICE_QUEUE); len(got.Elements) != 1 || got.Elements[0].Owner != "bob" {
		t.Errorf("queue: %v", got)
	}
	polled, err := room.Poll(alice.context(), "")
	if err != nil || polled.Key != "mic" {
		t.Errorf("polled: %v, %v", polled, err)
	}
	if elements, err := room.Queue(alice.context()); err != nil || len(elements) != 0 {
		t.Errorf("queue: %v, %v", elements, err)
	}
	fixed, _, err := room.Members(alice.context(), wire.RoomMembersKind_ROOM_MEMBERS_FIXED, time.Time{}, 0)
	if err != nil || len(fixed) != 2 {
		t.Errorf("fixed: %v, %v", fixed, err)
	}
	named, err := room.Named(alice.context(), "bob")
	if err != nil || len(named) != 1 || !named[0].Online {
		t.Errorf("named: %v, %v", named, err)
	}
	// Recalling waits until what was sent has been written.
	ok(room.Recall(alice.context(), sent.ID))
	if got := bob.untilNotice(wire.RoomNoticeKind_ROOM_NOTICE_RECALLED); got.MessageId != sent.ID {
		t.Errorf("recalled: %v", got)
	}
	if messages, _, err := room.History(alice.context(), time.Time{}, false, 0); err != nil || len(messages) != 0 {
		t.Errorf("history: %v, %v", messages, err)
	}

	ok(room.Kick(alice.context(), "bob", "bye"))
	bob.until("out", func(e sdk.Event) bool {
		out, is := e.(sdk.RoomOut)
		return is && out.Room == id && out.Reason == wire.RoomOutReason_ROOM_OUT_KICKED && out.Ext == "bye"
	})
	if _, err := bob.SendRoom(bob.context(), id, sdk.Text("x")); wire.CodeOf(err) != wire.CodeForbidden {
		t.Errorf("after being put out: %v", err)
	}
	bob.enter(id, 2)
	ok(room.Close(alice.context()))
	bob.until("closed", func(e sdk.Event) bool {
		out, is := e.(sdk.RoomOut)
		return is && out.Reason == wire.RoomOutReason_ROOM_OUT_CLOSED
	})
	if _, err := bob.EnterRoom(bob.context(), id); wire.CodeOf(err) != wire.CodeRoomClosed {
		t.Errorf("closed: %v", err)
	}
}
