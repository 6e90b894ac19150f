package app

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"

	"google.golang.org/protobuf/proto"

	"github.com/yizhan-im/yizhan/appliance/state"
	"github.com/yizhan-im/yizhan/appliance/wire"
)

// TestNoticesOfAQueueFitAFrame: one who leaves may take 16 MB along, and no member
// may lose its connection by that.
func TestNoticesOfAQueueFitAFrame(t *testing.T) {
	for _, c := range []struct {
		name                string
		elements, key, size int
		pieces              int
		values              bool
	}{
		{"none", 0, 1, 0, 1, false},
		{"few", 3, 5, 100, 1, true},
		{"one command", 4, 100, 16 << 10, 1, true},
		{"a full queue", state.MaxRoomQueue, 5, 16 << 10, 1, false},
		{"a full queue of long keys", state.MaxRoomQueue, 512, 16 << 10, 2, false},
	} {
		p := &wire.RoomNoticePush{Room: "7", Kind: noticeQueue, By: "bob", Ext: "ext", QueueOp: wire.RoomQueueOp_ROOM_QUEUE_LEFT}
		for i := range c.elements {
			key := fmt.Sprintf("%0*d", c.key, i)
			p.Elements = append(p.Elements, &wire.RoomElement{Key: key, Value: strings.Repeat("v", c.size), Owner: "bob", Transient: true})
		}
		pieces := noticePieces(p)
		if len(pieces) != c.pieces {
			t.Errorf("%s: %d notices, want %d", c.name, len(pieces), c.pieces)
		}
		n := 0
		for _, piece := range pieces {
			if size := piece.SizeVT(); size > wire.MaxFrame/2 {
				t.Errorf("%s: a notice of %d bytes", c.name, size)
			}
			if piece.Room != "7" || piece.Kind != p.Kind || piece.By != "bob" || piece.Ext != "ext" || piece.QueueOp != p.QueueOp {
				t.Errorf("%s: %v", c.name, piece.Kind)
			}
			for _, e := range piece.Elements {
				if e.Key != p.Elements[n].Key || e.Owner != "bob" || (e.Value != "") != c.values {
					t.Errorf("%s: element %d has key %.9s and a value of %d bytes", c.name, n, e.Key, len(e.Value))
				}
				n++
			}
		}
		if n != c.elements {
			t.Errorf("%s: %d elements of %d are told", c.name, n, c.elements)
		}
	}
}

// TestAStartTakesNothingNewOutOfQueues: only what the last run has left there.
func TestAStartTakesNothingNewOutOfQueues(t *testing.T) {
	w := newNode(t).newTenant(t, state.Limits{})
	name, number := w.room("ann")
	bob := w.login("bob")
	bob.enters(name)
	bob.ok(wire.CmdOfferRoomQueue, &wire.OfferRoomQueueRequest{Room: name, Elements: []*wire.RoomElement{{Key: "a", Transient: true}}}, nil)
	w.change(&state.RoomChange{Op: state.RoomQueueOffer, By: "bob", Room: number, Elements: []*wire.RoomElement{{Key: "b", Transient: true}}})
	<-w.app.swept
	if left, err := w.app.RoomQueue(t.Context(), w.tenant.AppKey, number, nil); err != nil || len(left) != 2 {
		t.Errorf("left: %v, %v", left, err)
	}
	// An offer waits, or gives up.
	a := &App{swept: make(chan struct{})}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	c := &state.RoomChange{Elements: []*wire.RoomElement{{Key: "a"}}}
	if err := a.awaitSweep(ctx, c); err != nil {
		t.Errorf("an element that stays waits: %v", err)
	}
	c.Elements[0].Transient = true
	if err := a.awaitSweep(ctx, c); !errors.Is(err, context.Canceled) {
		t.Errorf("an element that goes with its owner does not wait: %v", err)
	}
	close(a.swept)
	if err := a.awaitSweep(ctx, c); err != nil {
		t.Errorf("after the sweep: %v", err)
	}
}

// TestOneWhoLeavesWithALargeQueue: those inside stay connected and learn of all.
func TestOneWhoLeavesWithALargeQueue(t *testing.T) {
	w := newNode(t).newTenant(t, state.Limits{})
	name, number := w.room("ann")
	w.change(&state.RoomChange{Op: state.RoomUpdate, Room: number, Info: &wire.RoomChanges{Quiet: proto.Bool(true)}})
	ann, bob := w.login("ann"), w.login("bob")
	bob.enters(name)
	value := strings.Repeat("v", 4096)
	for i := range 40 { // 10 elements each: 1.6 MB
		c := &state.RoomChange{Op: state.RoomQueueOffer, By: "bob", Room: number}
		for j := range 10 {
			c.Elements = append(c.Elements, &wire.RoomElement{Key: fmt.Sprint(i, ".", j), Value: value, Transient: true})
		}
		w.change(c)
	}
	ann.enters(name)
	bob.ok(wire.CmdExitRoom, &wire.ExitRoomRequest{Room: name}, nil)
	left := ann.notice(noticeQueue, "bob")
	for left.QueueOp == wire.RoomQueueOp_ROOM_QUEUE_OFFERED { // the last of them may have come after ann
		left = ann.notice(noticeQueue, "bob")
	}
	if len(left.Elements) != 400 || left.SizeVT() > wire.MaxFrame {
		t.Errorf("%d elements in %d bytes", len(left.Elements), left.SizeVT())
	}
}
