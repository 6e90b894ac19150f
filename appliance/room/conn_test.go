package room

import (
	"net/netip"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/yizhan-im/yizhan/appliance/session"
	"github.com/yizhan-im/yizhan/appliance/wire"
)

// idle is a session.Conn that does nothing.
type idle struct{}

func (*idle) Reply(uint64, wire.Code, wire.Body) {}
func (*idle) Push(*session.Event)                {}
func (*idle) PushAll([]*session.Event)           {}
func (*idle) Close(wire.Code, *session.Event)    {}
func (*idle) SetIdleTimeout(time.Duration)       {}
func (*idle) RemoteAddr() netip.AddrPort         { return netip.AddrPort{} }
func (*idle) Transport() string                  { return "test" }

// device is a session in a test: it keeps what it is pushed.
type device struct {
	idle
	Member
	tenant uint32

	mu     sync.Mutex
	pushed []*session.Event
}

func (d *device) Push(ev *session.Event) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.pushed = append(d.pushed, ev)
}

func (d *device) PushAll(evs []*session.Event) {
	for _, ev := range evs {
		d.Push(ev)
	}
}

func (d *device) enter(t testing.TB, rs *Rooms, name string, want int) {
	t.Helper()
	if got, err := rs.Enter(&d.Member, d, d.tenant, name); err != nil || got != want {
		t.Fatalf("entering %s: %d members, %v; want %d", name, got, err, want)
	}
}

func (d *device) send(t testing.TB, rs *Rooms, name, body string) *wire.RoomMessagePush {
	t.Helper()
	p := &wire.RoomMessagePush{Room: name, Body: body}
	d.start(t, rs, p)
	settle(t, rs)
	return p
}

// start sends p and does not wait.
func (d *device) start(t testing.TB, rs *Rooms, p *wire.RoomMessagePush) {
	t.Helper()
	if err := rs.Send(&d.Member, p, func() {}); err != nil {
		t.Fatalf("sending to %s: %v", p.Room, err)
	}
}

// settle waits until all messages are pushed.
func settle(t testing.TB, rs *Rooms) {
	t.Helper()
	eventually(t, "all messages are pushed", func() bool { return rs.waiting.Load() == 0 })
}

// take returns the messages pushed since the last call.
func (d *device) take(t testing.TB) []*wire.RoomMessagePush {
	t.Helper()
	d.mu.Lock()
	defer d.mu.Unlock()
	messages := make([]*wire.RoomMessagePush, len(d.pushed))
	for i, ev := range d.pushed {
		messages[i] = decode(t, ev)
	}
	d.pushed = nil
	return messages
}

func (d *device) wantBodies(t testing.TB, want ...string) {
	t.Helper()
	var got []string
	for _, m := range d.take(t) {
		got = append(got, m.Body)
	}
	if !slices.Equal(got, want) {
		t.Fatalf("got %q, want %q", got, want)
	}
}

func decode(t testing.TB, ev *session.Event) *wire.RoomMessagePush {
	t.Helper()
	p := new(wire.RoomMessagePush)
	if err := p.UnmarshalVT(ev.Payload); err != nil || ev.Command != wire.PushRoomMessage {
		t.Fatalf("push %v: %v", ev.Command, err)
	}
	return p
}

func wantLen(t testing.TB, rs *Rooms, rooms, members int) {
	t.Helper()
	if r, m := rs.Len(); r != rooms || m != members {
		t.Errorf("%d rooms with %d members, want %d with %d", r, m, rooms, members)
	}
}
