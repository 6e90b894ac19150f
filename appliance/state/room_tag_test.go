package state

import (
	"fmt"
	"testing"

	"github.com/yizhan-im/yizhan/appliance/wire"
)

func muteTag(tenant uint32, room uint64, by, tag string, seconds uint32) *RoomChange {
	return roomChange(tenant, room, RoomTagMute, by, func(c *RoomChange) { c.Tag, c.Number = tag, seconds })
}

func TestTagsOfARoomAreMutedForAWhile(t *testing.T) {
	n := newNode(t)
	tenant := n.setup("app", "ann", "bob", "cid")
	room, other := n.newRoom(tenant, "ann"), uint64(0)
	other = n.room(wire.CodeOK, roomChange(tenant, 0, RoomCreate, "ann", func(c *RoomChange) {
		c.ClientID, c.RoomLimit, c.Info = "other", 10, &wire.RoomChanges{Name: new("other")}
	})).Room
	n.room(wire.CodeOK, role(tenant, room, "ann", "bob", wire.RoomRoleOp_ROOM_ROLE_OP_MANAGER, true))
	until := func(tenant uint32, room uint64, now int64, want int64, tags ...string) {
		t.Helper()
		if got, err := n.q.RoomTagsMuted(tenant, room, tags, now); err != nil || got != want {
			t.Errorf("%q of %d: until %d, %v; want %d", tags, room, got, err, want)
		}
	}
	const end = testTime + 60_000

	n.room(wire.CodeForbidden, muteTag(tenant, room, "cid", "red", 60))
	n.room(wire.CodeForbidden, muteTag(tenant, other, "bob", "red", 60))
	n.room(wire.CodeNotFound, muteTag(tenant+1, room, "", "red", 60))
	n.room(wire.CodeBadParameter, muteTag(tenant, room, "ann", "", 60))
	n.room(wire.CodeBadParameter, muteTag(tenant, room, "ann", "red", MaxRoomMuteSeconds+1))
	until(tenant, room, testTime, 0, "red")
	if res := n.room(wire.CodeOK, muteTag(tenant, room, "bob", "red", 60)); res.UntilMs != end || res.Tag != "red" {
		t.Errorf("%+v", res)
	}
	until(tenant, room, testTime, end, "blue", "red")
	until(tenant, room, end, 0, "blue", "red")
	until(tenant, room, testTime, 0, "blue", "re", "redd")
	until(tenant, other, testTime, 0, "red")
	until(tenant+1, room, testTime, 0, "red")
	if res := n.room(wire.CodeOK, muteTag(tenant, room, "", "red", 0)); res.UntilMs != 0 {
		t.Errorf("lifted: %+v", res)
	}
	until(tenant, room, testTime, 0, "red")
}

// TestAFullListOfMutedTags: what is over makes place, and a tag that is muted can be
// muted anew and lifted however many there are.
func TestAFullListOfMutedTags(t *testing.T) {
	n := newNode(t)
	tenant := n.setup("app", "ann")
	room := n.newRoom(tenant, "ann")
	for i := range MaxRoomTagMutes {
		n.room(wire.CodeOK, muteTag(tenant, room, "ann", fmt.Sprint("tag", i), 60))
	}
	n.room(wire.CodeCountLimit, muteTag(tenant, room, "ann", "more", 60))
	n.room(wire.CodeOK, muteTag(tenant, room, "ann", "tag7", 600))
	n.room(wire.CodeOK, muteTag(tenant, room, "ann", "tag8", 0))
	n.room(wire.CodeOK, muteTag(tenant, room, "ann", "more", 600))
	n.room(wire.CodeCountLimit, muteTag(tenant, room, "ann", "tag8", 60))

	later := muteTag(tenant, room, "ann", "late", 60)
	later.TimeMs = testTime + 60_000
	n.room(wire.CodeOK, later)
	v := n.q.view()
	defer v.Close()
	left := 0
	prefix := appendRoomKey(nil, tableRoomTagMute, tenant, room)
	if err := scan(v, prefix, prefixEnd(prefix), func(_, _ []byte) error { left++; return nil }); err != nil || left != 3 {
		t.Errorf("%d mutes are left, %v; want tag7, more and late", left, err)
	}
}
