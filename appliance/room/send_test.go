package room

import (
	"errors"
	"sync"
	"testing"
	"time"
	"unsafe"

	"github.com/yizhan-im/yizhan/appliance/session"
	"github.com/yizhan-im/yizhan/appliance/wire"
)

// borrowed is a string that changes with b.
func borrowed(b []byte) string { return unsafe.String(unsafe.SliceData(b), len(b)) }

// eventually waits until ok.
func eventually(t testing.TB, what string, ok func() bool) {
	t.Helper()
	for deadline := time.Now().Add(20 * time.Second); !ok(); time.Sleep(time.Millisecond) {
		if time.Now().After(deadline) {
			t.Errorf("it did not come to pass that %s", what)
			return
		}
	}
}

// gate is a device whose Push calls during, each time.
type gate struct {
	device
	during func()
}

func (g *gate) Push(ev *session.Event) {
	g.during()
	g.device.Push(ev)
}

// TestMembersComeAndGoDuringAMessage: whoever was a member when a message began
// gets it, whoever came later does not, and nobody waits.
func TestMembersComeAndGoDuringAMessage(t *testing.T) {
	rs := New(Options{})
	sender, leaver, stayer, comer := new(device), new(device), new(device), new(device)
	first := new(gate)
	rounds := 0
	first.during = func() {
		if rounds++; rounds > 1 {
			return
		}
		comer.enter(t, rs, "lobby", 5)
		rs.Exit(&leaver.Member, "lobby")
		rs.Exit(&comer.Member, "lobby")
		comer.enter(t, rs, "lobby", 4)
		if got := len(first.first.room.members); got != 4 {
			t.Errorf("%d members", got)
		}
	}
	if _, err := rs.Enter(&first.Member, first, 0, "lobby"); err != nil {
		t.Fatal(err)
	}
	sender.enter(t, rs, "lobby", 2)
	leaver.enter(t, rs, "lobby", 3)
	stayer.enter(t, rs, "lobby", 4)

	sender.send(t, rs, "lobby", "1")
	sender.send(t, rs, "lobby", "2")
	first.wantBodies(t, "1", "2")
	stayer.wantBodies(t, "1", "2")
	leaver.wantBodies(t, "1")
	comer.wantBodies(t, "2")
	sender.wantBodies(t)
	wantLen(t, rs, 1, 4)
}

// TestARoomThatVanishesDuringItsMessage: the members are all gone before the
// message is through, and a room of this name is made anew.
func TestARoomThatVanishesDuringItsMessage(t *testing.T) {
	rs := New(Options{})
	sender, other, late := new(device), new(device), new(device)
	first := new(gate)
	first.during = func() {
		rs.Leave(&first.Member)
		rs.Leave(&sender.Member)
		rs.Leave(&other.Member)
		wantLen(t, rs, 0, 0)
		late.enter(t, rs, "lobby", 1)
	}
	if _, err := rs.Enter(&first.Member, first, 0, "lobby"); err != nil {
		t.Fatal(err)
	}
	sender.enter(t, rs, "lobby", 2)
	other.enter(t, rs, "lobby", 3)
	sender.send(t, rs, "lobby", "1")
	other.wantBodies(t, "1")
	late.wantBodies(t)
	wantLen(t, rs, 1, 1)
}

// TestTheAnswerHasItsPlaceInTheOrder: the next message waits until the sender
// of this one has been told.
func TestTheAnswerHasItsPlaceInTheOrder(t *testing.T) {
	rs := New(Options{})
	alice, bob := new(device), new(device)
	alice.enter(t, rs, "lobby", 1)
	bob.enter(t, rs, "lobby", 2)
	var wg sync.WaitGroup
	err := rs.Send(&alice.Member, &wire.RoomMessagePush{Room: "lobby", Body: "a"}, func() {
		r := alice.first.room
		wg.Go(func() { bob.send(t, rs, "lobby", "b") })
		eventually(t, "bob waits for his turn", func() bool { return r.waiting.Load() == 2 })
		alice.wantBodies(t)
		bob.wantBodies(t, "a")
	})
	if err != nil {
		t.Fatal(err)
	}
	wg.Wait()
	alice.wantBodies(t, "b")
}

// TestDifferentRoomsDoNotWaitForEachOther: a message to one room is sent while
// that of another, in the same shard or not, is under way.
func TestDifferentRoomsDoNotWaitForEachOther(t *testing.T) {
	rs := New(Options{})
	sender, other, listener := new(device), new(device), new(device)
	first := new(gate)
	names := []string{"a", "b", "c", "d", "e", "f", "g", "h"}
	for _, name := range names {
		other.enter(t, rs, name, 1)
		listener.enter(t, rs, name, 2)
	}
	first.during = func() {
		for _, name := range names {
			other.send(t, rs, name, name)
		}
	}
	if _, err := rs.Enter(&first.Member, first, 0, "lobby"); err != nil {
		t.Fatal(err)
	}
	sender.enter(t, rs, "lobby", 2)
	sender.send(t, rs, "lobby", "1")
	listener.wantBodies(t, names...)
}

func TestMoreThanMaxWaitingMessagesAreRefused(t *testing.T) {
	rs := New(Options{})
	first := new(gate)
	var wg sync.WaitGroup
	senders := make([]*device, maxWaiting)
	once := false
	first.during = func() {
		if once {
			return
		}
		once = true
		r := first.first.room
		for _, d := range senders[1:] {
			wg.Go(func() { d.send(t, rs, "lobby", "waits") })
		}
		eventually(t, "all wait", func() bool { return r.waiting.Load() == maxWaiting })
		late := new(device)
		late.enter(t, rs, "lobby", maxWaiting+2)
		err := rs.Send(&late.Member, &wire.RoomMessagePush{Room: "lobby"}, func() { t.Error("told that it was sent") })
		if !errors.Is(err, ErrBusy) {
			t.Errorf("one more than may wait: %v", err)
		}
		rs.Leave(&late.Member)
	}
	if _, err := rs.Enter(&first.Member, first, 0, "lobby"); err != nil {
		t.Fatal(err)
	}
	for i := range senders {
		senders[i] = new(device)
		senders[i].enter(t, rs, "lobby", i+2)
	}
	senders[0].send(t, rs, "lobby", "first")
	wg.Wait()
	if got := len(first.take(t)); got != maxWaiting {
		t.Errorf("%d messages, want %d", got, maxWaiting)
	}
	senders[0].send(t, rs, "lobby", "and on")
	first.wantBodies(t, "and on")
}
