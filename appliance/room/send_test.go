package room

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"
	"unsafe"

	"github.com/yizhan-im/yizhan/appliance/session"
	"github.com/yizhan-im/yizhan/appliance/wire"
)

// borrowed is a string that changes with b.
func borrowed(b []byte) string { return unsafe.String(unsafe.SliceData(b), len(b)) }

// barrier is a device that holds up whoever pushes to it, until it is opened.
type barrier struct {
	gate
	reached, open chan struct{}
}

func newBarrier() *barrier {
	b := &barrier{reached: make(chan struct{}), open: make(chan struct{})}
	once := false
	b.during = func() {
		if !once {
			once = true
			close(b.reached)
		}
		<-b.open
	}
	return b
}

// enterHeld makes b the first member of a room.
func (b *barrier) enterHeld(t testing.TB, rs *Rooms, name string) {
	t.Helper()
	if _, err := rs.Enter(&b.Member, b, 0, name); err != nil {
		t.Fatal(err)
	}
}

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

func (g *gate) PushAll(evs []*session.Event) {
	for _, ev := range evs {
		g.Push(ev)
	}
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
		if got := len(first.first.part.members); got != 4 {
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

// TestWhatWasSentBeforeIsNotForWhoComes: a message that waits was sent before
// somebody entered.
func TestWhatWasSentBeforeIsNotForWhoComes(t *testing.T) {
	rs := New(Options{})
	sender, comer, first := new(device), new(device), newBarrier()
	first.enterHeld(t, rs, "lobby")
	sender.enter(t, rs, "lobby", 2)
	sender.start(t, rs, &wire.RoomMessagePush{Room: "lobby", Body: "1"})
	<-first.reached
	sender.start(t, rs, &wire.RoomMessagePush{Room: "lobby", Body: "2"})
	comer.enter(t, rs, "lobby", 3)
	sender.start(t, rs, &wire.RoomMessagePush{Room: "lobby", Body: "3"})
	close(first.open)
	settle(t, rs)
	comer.wantBodies(t, "3")
	first.wantBodies(t, "1", "2", "3")
}

// TestARoomThatVanishesDuringItsMessage: the members are all gone before the
// message is through, and a room of this name is made anew. The sender is told.
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
	told := 0
	if err := rs.Send(&sender.Member, &wire.RoomMessagePush{Room: "lobby", Body: "1"}, func() { told++ }); err != nil {
		t.Fatal(err)
	}
	settle(t, rs)
	if told != 1 {
		t.Errorf("the sender was told %d times", told)
	}
	other.wantBodies(t, "1")
	late.wantBodies(t)
	wantLen(t, rs, 1, 1)
}

// TestASenderWhoHasLeftIsTold: the message waits while its sender leaves.
func TestASenderWhoHasLeftIsTold(t *testing.T) {
	rs := New(Options{})
	sender, other, first := new(device), new(device), newBarrier()
	first.enterHeld(t, rs, "lobby")
	sender.enter(t, rs, "lobby", 2)
	other.enter(t, rs, "lobby", 3)
	other.start(t, rs, &wire.RoomMessagePush{Room: "lobby", Body: "1"})
	<-first.reached
	told := make(chan struct{})
	if err := rs.Send(&sender.Member, &wire.RoomMessagePush{Room: "lobby", Body: "2"}, func() { close(told) }); err != nil {
		t.Fatal(err)
	}
	rs.Exit(&sender.Member, "lobby")
	close(first.open)
	<-told
	settle(t, rs)
	first.wantBodies(t, "1", "2")
}

// TestTheAnswerHasItsPlaceInTheOrder: the sender is told behind the messages
// before its own, and before those behind it.
func TestTheAnswerHasItsPlaceInTheOrder(t *testing.T) {
	rs := New(Options{})
	alice, bob, first := new(device), new(device), newBarrier()
	first.enterHeld(t, rs, "lobby")
	alice.enter(t, rs, "lobby", 2)
	bob.enter(t, rs, "lobby", 3)
	bob.start(t, rs, &wire.RoomMessagePush{Room: "lobby", Body: "a"})
	<-first.reached
	err := rs.Send(&alice.Member, &wire.RoomMessagePush{Room: "lobby", Body: "b"}, func() {
		alice.Push(session.NewEvent(wire.PushRoomMessage, &wire.RoomMessagePush{Body: "answer to b"}))
	})
	if err != nil {
		t.Fatal(err)
	}
	bob.start(t, rs, &wire.RoomMessagePush{Room: "lobby", Body: "c"})
	close(first.open)
	settle(t, rs)
	alice.wantBodies(t, "a", "answer to b", "c")
	bob.wantBodies(t, "b")
}

// TestDifferentRoomsDoNotWaitForEachOther: a message to one room is sent while
// that of another is under way.
func TestDifferentRoomsDoNotWaitForEachOther(t *testing.T) {
	rs := New(Options{Lanes: 8})
	sender, other, listener, first := new(device), new(device), new(device), newBarrier()
	first.enterHeld(t, rs, "lobby")
	sender.enter(t, rs, "lobby", 2)
	sender.start(t, rs, &wire.RoomMessagePush{Room: "lobby", Body: "1"})
	<-first.reached
	for i := range 16 {
		name := fmt.Sprint("room ", i)
		other.Member = Member{}
		other.enter(t, rs, name, 1)
		listener.Member = Member{}
		listener.enter(t, rs, name, 2)
		other.start(t, rs, &wire.RoomMessagePush{Room: name, Body: name})
		eventually(t, name+" has its message", func() bool { return len(listener.take(t)) == 1 })
	}
	close(first.open)
	settle(t, rs)
}

// TestLargeAndLongMessagesFindLessRoom: what may wait is bounded by its pushes and
// by its bytes.
func TestLargeAndLongMessagesFindLessRoom(t *testing.T) {
	for members, want := range map[int]int{0: maxWaiting, 2: maxWaiting, 8192: 128, 20_000: minWaiting, 1 << 20: minWaiting} {
		if got := Normal.limit(members); got != want {
			t.Errorf("%d messages may wait in a room of %d, want %d", got, members, want)
		}
	}
	rs := New(Options{})
	sender, held := new(device), newBarrier()
	held.enterHeld(t, rs, "lobby")
	sender.enter(t, rs, "lobby", 2)
	body := strings.Repeat("x", maxBytes/minWaiting)
	send := func() error {
		return rs.Send(&sender.Member, &wire.RoomMessagePush{Room: "lobby", Body: body}, func() {})
	}
	for i := range minWaiting {
		if err := send(); err != nil {
			t.Fatalf("message %d: %v", i, err)
		}
	}
	if err := send(); !errors.Is(err, ErrBusy) {
		t.Errorf("one more: %v, want %v", err, ErrBusy)
	}
	close(held.open)
	settle(t, rs)
	if err := send(); err != nil {
		t.Errorf("when none waits: %v", err)
	}
	settle(t, rs)
}

// TestOverload: messages of low priority go first, then the others, and at last
// those of high priority; whoever sends is told at once.
func TestOverload(t *testing.T) {
	now := time.Unix(1_700_000_000, 0)
	var shift atomic.Int64
	rs := New(Options{Now: func() time.Time { return now.Add(time.Duration(shift.Load())) }})
	sender, first := new(device), newBarrier()
	first.enterHeld(t, rs, "lobby")
	sender.enter(t, rs, "lobby", 2)
	sent := 0
	fill := func(priority Priority, refusal error) {
		t.Helper()
		for {
			err := rs.SendAs(&sender.Member, &wire.RoomMessagePush{Room: "lobby", Body: fmt.Sprint(sent)}, priority, nil, func() {})
			if err == nil {
				if sent++; sent == 1 {
					<-first.reached
				}
				continue
			}
			if !errors.Is(err, refusal) {
				t.Errorf("priority %d: %v, want %v", priority, err, refusal)
			}
			if sent != priority.limit(2) {
				t.Errorf("priority %d: %d messages, want %d", priority, sent, priority.limit(2))
			}
			return
		}
	}
	fill(Low, ErrAbandoned)
	fill(Normal, ErrBusy)
	fill(High, ErrBusy)
	close(first.open)
	settle(t, rs)
	if got := len(first.take(t)); got != High.limit(2) {
		t.Errorf("%d messages, want %d", got, High.limit(2))
	}

	// Low ones also go when the oldest has waited for too long.
	again := newBarrier()
	again.enterHeld(t, rs, "slow")
	sender.enter(t, rs, "slow", 2)
	sender.start(t, rs, &wire.RoomMessagePush{Room: "slow", Body: "1"})
	<-again.reached
	shift.Store(int64(maxLag + 1))
	low := func() error {
		return rs.SendAs(&sender.Member, &wire.RoomMessagePush{Room: "slow", Body: "low"}, Low, nil, func() {})
	}
	if err := low(); !errors.Is(err, ErrAbandoned) {
		t.Errorf("behind one that waits too long: %v", err)
	}
	sender.start(t, rs, &wire.RoomMessagePush{Room: "slow", Body: "2"})
	close(again.open)
	settle(t, rs)
	if err := low(); err != nil {
		t.Error(err)
	}
	settle(t, rs)
	again.wantBodies(t, "1", "2", "low")
}

// TestALargeRoomIsInAllLanes: each member gets every message once and in order,
// whichever lane serves it.
func TestALargeRoomIsInAllLanes(t *testing.T) {
	const members, messages = 3000, 20
	rs := New(Options{Lanes: 4})
	devices := make([]*device, members)
	for i := range devices {
		devices[i] = new(device)
		devices[i].enter(t, rs, "hall", i+1)
	}
	parts := devices[0].first.part.room.parts
	if len(parts) != 4*partsPerLane {
		t.Fatalf("%d parts", len(parts))
	}
	for i, p := range parts {
		if len(p.members) < members/len(parts)/2 {
			t.Errorf("part %d has %d members", i, len(p.members))
		}
	}
	var want []string
	for i := range messages {
		want = append(want, fmt.Sprint(i))
		devices[members-1].start(t, rs, &wire.RoomMessagePush{Room: "hall", Body: fmt.Sprint(i)})
	}
	rs.Close()
	for _, d := range devices[:members-1] {
		d.wantBodies(t, want...)
	}
	devices[members-1].wantBodies(t)
	for _, d := range devices {
		rs.Leave(&d.Member)
	}
	wantLen(t, rs, 0, 0)
}

// TestEmptyEndsAllMemberships also for those who enter other rooms meanwhile.
func TestEmptyEndsAllMemberships(t *testing.T) {
	rs := New(Options{})
	devices := make([]*device, 100)
	for i := range devices {
		devices[i] = new(device)
		devices[i].enter(t, rs, "other", i+1)
		devices[i].enter(t, rs, "lobby", i+1)
	}
	now, _ := rs.Stamp()
	rs.Empty(0, "lobby", now, false, session.NewEvent(wire.PushRoomMessage, &wire.RoomMessagePush{Body: "closed"}))
	rs.Empty(0, "lobby", now, false, nil)
	wantLen(t, rs, 1, 100)
	for _, d := range devices {
		d.wantBodies(t, "closed")
		if d.IsIn("lobby") || !d.IsIn("other") {
			t.Fatal("the wrong membership has ended")
		}
	}
}

// TestEmptyEndsWhatWasThere: who has entered since then stays, as do guests when they
// are to.
func TestEmptyEndsWhatWasThere(t *testing.T) {
	rs := New(Options{})
	enter := func(g *Guest) *device {
		d := new(device)
		if _, _, err := rs.EnterAs(&d.Member, d, 0, "7", 1, g); err != nil {
			t.Fatal(err)
		}
		return d
	}
	nobody, guest := enter(nil), enter(&Guest{Account: "a"})
	then, _ := rs.Stamp()
	later := enter(&Guest{Account: "b"})
	rs.Empty(0, "7", then, false, nil)
	if nobody.IsIn("7") || !guest.IsIn("7") || !later.IsIn("7") {
		t.Error("it is not nobody's membership that has ended")
	}
	rs.Empty(0, "7", then, true, nil)
	if guest.IsIn("7") || !later.IsIn("7") {
		t.Error("it is not the older membership that has ended")
	}
}

func TestGuests(t *testing.T) {
	var left []string
	rs := New(Options{Left: func(tenant uint32, name string, g *Guest) { left = append(left, fmt.Sprint(tenant, name, g.Account)) }})
	alice, bob := &device{tenant: 3}, &device{tenant: 3}
	for d, name := range map[*device]string{alice: "alice", bob: "bob"} {
		if _, again, err := rs.EnterAs(&d.Member, d, 3, "7", 1, &Guest{Account: name}); err != nil || again {
			t.Fatal(err)
		}
	}
	if _, again, err := rs.EnterAs(&bob.Member, bob, 3, "7", 1, &Guest{Account: "bob", Nick: "B"}); err != nil || !again {
		t.Errorf("again: %v, %v", again, err)
	}
	if g := bob.Guest("7"); g.Nick != "B" || len(rs.Guests(3, "7")) != 2 || rs.Count(3, "7") != 2 {
		t.Errorf("bob is %+v of %d", g, rs.Count(3, "7"))
	}
	before := bob.Guest("7")
	before.Transient.Store(true)
	changed := bob.ChangeGuest("7", func(g *Guest) { g.Nick = "C" })
	if changed == nil || changed != bob.Guest("7") || changed.Account != "bob" || changed.Nick != "C" || !changed.Transient.Load() || before.Nick != "B" {
		t.Errorf("bob is %+v, and was %+v", changed, before)
	}
	if bob.ChangeGuest("8", func(*Guest) { t.Error("he is not in room 8") }) != nil {
		t.Error("bob has changed where he is not")
	}
	if g, was := rs.Exit(&bob.Member, "7"); !was || g.Account != "bob" || len(left) != 0 {
		t.Errorf("exit: %v %v, left %v", g, was, left)
	}
	alice.enter(t, rs, "open", 1)
	rs.Leave(&alice.Member)
	if !slices.Equal(left, []string{"37alice"}) {
		t.Errorf("left: %v", left)
	}
}

// TestTwoNodesShareARoom joins two Rooms by their Remotes, as nodes of a site.
func TestTwoNodesShareARoom(t *testing.T) {
	links := [2]*wireTo{{occupied: map[string]bool{}}, {occupied: map[string]bool{}}}
	nodes := [2]*Rooms{New(Options{Remote: links[0]}), New(Options{Remote: links[1]})}
	links[0].rooms, links[1].rooms = nodes[1], nodes[0]
	alice, bob, carol := new(device), new(device), new(device)
	alice.enter(t, nodes[0], "lobby", 1)
	bob.enter(t, nodes[1], "lobby", 1)
	carol.enter(t, nodes[1], "other", 1)
	if !links[1].occupied["lobby"] || links[0].occupied["other"] {
		t.Errorf("occupied: %v, %v", links[0].occupied, links[1].occupied)
	}
	alice.send(t, nodes[0], "lobby", "from node 0")
	settle(t, nodes[1])
	bob.send(t, nodes[1], "lobby", "from node 1")
	settle(t, nodes[0])
	alice.wantBodies(t, "from node 1")
	bob.wantBodies(t, "from node 0")
	carol.wantBodies(t)
	err := nodes[0].Publish(0, "other", Low, nil, func(id uint64, ms int64) *session.Event {
		return session.NewEvent(wire.PushRoomMessage, &wire.RoomMessagePush{Room: "other", Id: id, TimeMs: ms, Body: "to who is elsewhere"})
	})
	if err != nil {
		t.Fatal(err)
	}
	settle(t, nodes[1])
	carol.wantBodies(t, "to who is elsewhere")
	nodes[1].Leave(&carol.Member)
	if links[1].occupied["other"] {
		t.Error("a room without members is occupied")
	}
}

// wireTo is a Remote that leads to another node.
type wireTo struct {
	rooms    *Rooms
	occupied map[string]bool
}

func (w *wireTo) Publish(tenant uint32, name string, p Priority, to *Target, ev *session.Event) {
	_ = w.rooms.Receive(tenant, name, p, to, ev)
}

func (w *wireTo) Occupied(_ uint32, name string, members bool) { w.occupied[name] = members }
