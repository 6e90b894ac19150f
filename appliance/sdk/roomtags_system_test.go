package sdk_test

import (
	"slices"
	"testing"
	"time"

	"google.golang.org/protobuf/proto"

	"github.com/yizhan-im/yizhan/appliance/sdk"
	"github.com/yizhan-im/yizhan/appliance/state"
	"github.com/yizhan-im/yizhan/appliance/wire"
)

// TestTagsOverARealNode: what is for a client's tags, their mute, and that they are
// entered with again after a reconnect.
func TestTagsOverARealNode(t *testing.T) {
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
	refused := func(err error, want wire.Code) {
		t.Helper()
		if got := wire.CodeOf(err); got != want {
			t.Fatalf("%v, want code %d", err, want)
		}
	}
	alice.enter(id, 1)
	_, err = bob.EnterRoomAs(bob.context(), id, sdk.RoomEntry{Tags: []string{""}})
	refused(err, wire.CodeBadParameter)
	members, err := bob.EnterRoomAs(bob.context(), id, sdk.RoomEntry{Nick: "B", Tags: []string{"red"}})
	if err != nil || members != 2 {
		t.Fatalf("bob entered: %d, %v", members, err)
	}
	const red, blue = `{"tag":"red"}`, `{"tag":"blue"}`
	say := func(body, target string) {
		t.Helper()
		_, err := alice.SendRoom(alice.context(), id, sdk.Content{Body: body, NotifyTags: target})
		ok(err)
	}
	// What bob does not get would come before what he gets.
	next := func(body string) {
		t.Helper()
		bob.until(body, func(e sdk.Event) bool {
			m, is := e.(sdk.RoomMessage)
			if is && m.Body != body {
				t.Errorf("bob got %q, not %q", m.Body, body)
			}
			return is
		})
	}
	say("to blue", blue)
	say("to red", red)
	next("to red")

	room := alice.Room(id)
	ok(room.MuteTag(alice.context(), "red", time.Minute))
	if got := bob.untilNotice(wire.RoomNoticeKind_ROOM_NOTICE_TAG_MUTED); got.Tag != "red" {
		t.Errorf("muted: %v", got)
	}
	_, err = bob.SendRoom(bob.context(), id, sdk.Text("x"))
	refused(err, wire.CodeRoomMuted)
	ok(room.MuteTag(alice.context(), "red", 0))
	tagged, accounts, more, err := room.Tagged(alice.context(), "red", time.Time{}, 0)
	if err != nil || len(tagged) != 1 || accounts != 1 || more || tagged[0].Nick != "B" {
		t.Errorf("tagged: %v, %d, %t, %v", tagged, accounts, more, err)
	}

	ok(bob.Room(id).SetTags(bob.context(), []string{"blue"}, red))
	if got := alice.untilNotice(wire.RoomNoticeKind_ROOM_NOTICE_TAGS); !slices.Equal(got.Member.GetTags(), []string{"blue"}) || got.Member.NotifyTags != red {
		t.Errorf("other tags: %v", got)
	}
	n.stop()
	n.start()
	bob.until("he is in the room again", func(e sdk.Event) bool {
		r, is := e.(sdk.RoomReentry)
		return is && r.Err == nil
	})
	alice.until("she is in the room again", func(e sdk.Event) bool {
		r, is := e.(sdk.RoomReentry)
		return is && r.Err == nil
	})
	say("to red again", red)
	say("to blue again", blue)
	next("to blue again")
	// What is recalled is looked for in the whole history, so it is written.
	refused(room.Recall(alice.context(), 1), wire.CodeNotFound)
	messages, _, err := room.TagHistory(alice.context(), time.Time{}, true, 0, "red")
	if err != nil || len(messages) != 2 || messages[0].Body != "to red" {
		t.Errorf("history: %v, %v", messages, err)
	}
}
