package room

import (
	"sync/atomic"
	"testing"

	"github.com/yizhan-im/yizhan/appliance/session"
	"github.com/yizhan-im/yizhan/appliance/wire"
)

// counting is a device that counts how often it is pushed to.
type counting struct {
	device
	calls atomic.Int32
}

func (c *counting) PushAll(evs []*session.Event) {
	c.calls.Add(1)
	c.device.PushAll(evs)
}

// circle is a room whose lane waits at the first member of its second turn.
func circle(t *testing.T, rs *Rooms) (devices []*counting, held *barrier) {
	t.Helper()
	held = newBarrier()
	for i := range 3 * turn {
		if i == turn {
			if _, err := rs.Enter(&held.Member, held, 0, "lobby"); err != nil {
				t.Fatal(err)
			}
		}
		d := new(counting)
		if _, err := rs.Enter(&d.Member, d, 0, "lobby"); err != nil {
			t.Fatal(err)
		}
		devices = append(devices, d)
	}
	return devices, held
}

// TestWhoIsMovedGetsWhatIsOnItsWay: the last member takes the place of one that
// leaves, where the lane has been already.
func TestWhoIsMovedGetsWhatIsOnItsWay(t *testing.T) {
	rs := New(Options{})
	devices, held := circle(t, rs)
	sender, leaver, moved := devices[0], devices[5], devices[len(devices)-1]
	sender.start(t, rs, &wire.RoomMessagePush{Room: "lobby", Body: "1"})
	<-held.reached
	rs.Exit(&leaver.Member, "lobby")
	if moved.first.at >= turn {
		t.Fatalf("the last member is at %d", moved.first.at)
	}
	sender.start(t, rs, &wire.RoomMessagePush{Room: "lobby", Body: "2"})
	close(held.open)
	settle(t, rs)
	for i, d := range devices {
		switch d {
		case sender:
		case leaver:
			d.wantBodies(t, "1")
		default:
			if d.wantBodies(t, "1", "2"); t.Failed() {
				t.Fatalf("member %d of %d", i, len(devices))
			}
		}
	}
}

// TestWhoIsMovedAndLeavesGetsNothing: it was to be served out of turn.
func TestWhoIsMovedAndLeavesGetsNothing(t *testing.T) {
	rs := New(Options{})
	devices, held := circle(t, rs)
	devices[0].start(t, rs, &wire.RoomMessagePush{Room: "lobby", Body: "1"})
	<-held.reached
	last := devices[len(devices)-1]
	rs.Exit(&devices[5].Member, "lobby")
	rs.Exit(&last.Member, "lobby")
	close(held.open)
	settle(t, rs)
	last.wantBodies(t)
	devices[len(devices)-2].wantBodies(t, "1")
}

// TestWhatComesOnTheWayRoundGoesTogether: a message begins where the lane is, and
// who has not had those before it gets them together.
func TestWhatComesOnTheWayRoundGoesTogether(t *testing.T) {
	rs := New(Options{})
	devices, held := circle(t, rs)
	sender := devices[0]
	sender.start(t, rs, &wire.RoomMessagePush{Room: "lobby", Body: "1"})
	<-held.reached
	for _, body := range []string{"2", "3"} {
		sender.start(t, rs, &wire.RoomMessagePush{Room: "lobby", Body: body})
	}
	close(held.open)
	settle(t, rs)
	for i, d := range devices[1:] {
		d.wantBodies(t, "1", "2", "3")
		want := int32(2)     // the first one alone, as far as the lane was
		if i+1 >= 2*turn-1 { // held is one more
			want = 1
		}
		if got := d.calls.Load(); got != want {
			t.Fatalf("member %d was pushed to %d times, want %d", i+1, got, want)
		}
	}
}

// TestAPartBeginsWhereItEnded: what is sent later goes round from there, once.
func TestAPartBeginsWhereItEnded(t *testing.T) {
	rs := New(Options{})
	devices, held := circle(t, rs)
	close(held.open)
	part := devices[0].first.part
	for _, body := range []string{"1", "2", "3"} {
		devices[0].start(t, rs, &wire.RoomMessagePush{Room: "lobby", Body: body})
	}
	settle(t, rs)
	part.room.mu.Lock()
	if part.active || part.pending != nil || part.moved != nil || part.known != nil {
		t.Errorf("what is through is kept: %d pending, %d moved", len(part.pending), len(part.moved))
	}
	part.room.mu.Unlock()
	for _, d := range devices[1:] {
		d.wantBodies(t, "1", "2", "3")
	}
}
