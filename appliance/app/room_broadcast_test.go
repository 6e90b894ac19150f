package app

import (
	"context"
	"testing"

	"github.com/yizhan-im/yizhan/appliance/state"
	"github.com/yizhan-im/yizhan/appliance/wire"
)

// TestABroadcastToRoomsEndsWithItsCaller: who waits no more gets nothing sent to the
// rooms that are left.
func TestABroadcastToRoomsEndsWithItsCaller(t *testing.T) {
	w := newNode(t).newTenant(t, state.Limits{})
	name, _ := w.room("ann")
	ann := w.login("ann")
	ann.enters(name)
	ann.push(wire.PushRoomNotice, new(wire.RoomNoticePush))
	gone, leave := context.WithCancel(t.Context())
	leave()
	if rooms, err := w.app.BroadcastToRooms(gone, w.tenant.AppKey, &RoomMessage{From: "ann", Body: "late"}); rooms != 0 || err == nil {
		t.Errorf("sent to %d rooms, %v", rooms, err)
	}
	if rooms, err := w.app.BroadcastToRooms(t.Context(), w.tenant.AppKey, &RoomMessage{From: "ann", Body: "now"}); rooms != 1 || err != nil {
		t.Errorf("sent to %d rooms, %v", rooms, err)
	}
	var p wire.RoomMessagePush
	if ann.push(wire.PushRoomMessage, &p); p.Body != "now" {
		t.Errorf("told %q first", p.Body)
	}
}
