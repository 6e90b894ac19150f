package room

import (
	"sync"
	"sync/atomic"
	"time"

	"github.com/yizhan-im/yizhan/appliance/session"
	"github.com/yizhan-im/yizhan/appliance/wire"
)

// maxWaiting bounds the messages that wait for their turn in one room, each with
// the goroutine of its sender: 64 of them to 20,000 members are more than a
// second of pushing. What comes beyond is refused, so that a room under overload
// neither collects memory nor holds up what its members do elsewhere.
const maxWaiting = 64

// idShift makes an id of a time: the milliseconds since 1970 take the upper 44
// bits, and the lower 20 count within one. So the ids of a room that has vanished
// and comes back go on growing, without anything being kept.
const idShift = 20

// room is one room and its members.
//
// Messages take turns: whoever holds turn gives one to all members. It does not
// hold mu meanwhile, but reads the members as they were when it began. So
// members is copied before a removal would change what is being read, at most
// once for each message. Additions change nothing of it: they write behind its
// end.
type room struct {
	key key

	waiting atomic.Int32 // senders that have or wait for turn
	turn    sync.Mutex
	lastID  uint64 // under turn

	mu      sync.Mutex // the last to be taken
	members []*membership
	read    bool // whoever holds turn reads members
}

// smallRoom is a number of members below which it is of no use to give memory back.
const smallRoom = 32

// add makes m a member and returns how many there are.
func (r *room) add(m *membership) int {
	r.mu.Lock()
	defer r.mu.Unlock()
	m.room, m.at = r, len(r.members)
	r.members = append(r.members, m)
	return len(r.members)
}

// remove takes m, which must be a member, out and returns how many are left.
func (r *room) remove(m *membership) int {
	r.mu.Lock()
	defer r.mu.Unlock()
	last := len(r.members) - 1
	if sparse := cap(r.members) > smallRoom && last < cap(r.members)/4; r.read || sparse {
		room := cap(r.members)
		if sparse {
			room /= 2
		}
		r.members = append(make([]*membership, 0, room), r.members...)
		r.read = false
	}
	moved := r.members[last]
	r.members[m.at], moved.at = moved, m.at
	r.members[last] = nil
	r.members = r.members[:last]
	return last
}

func (r *room) len() int {
	r.mu.Lock()
	defer r.mu.Unlock()
	return len(r.members)
}

// begin returns the members for the holder of turn to read until end.
func (r *room) begin() []*membership {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.read = true
	return r.members
}

func (r *room) end() {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.read = false
}

// send gives p to all members but from, and returns to how many.
func (r *room) send(from *membership, p *wire.RoomMessagePush, now func() time.Time, sent func()) (deliveries int, err error) {
	defer r.waiting.Add(-1)
	if r.waiting.Add(1) > maxWaiting {
		return 0, ErrBusy
	}
	r.turn.Lock()
	defer r.turn.Unlock()

	p.TimeMs = now().UnixMilli()
	r.lastID = max(r.lastID+1, uint64(max(p.TimeMs, 0))<<idShift)
	p.Id = r.lastID
	ev := session.NewEvent(wire.PushRoomMessage, p)

	members := r.begin()
	defer r.end()
	for _, m := range members {
		if m != from {
			m.conn.Push(ev)
			deliveries++
		}
	}
	sent()
	return deliveries, nil
}
