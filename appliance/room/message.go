package room

import (
	"sync/atomic"
	"time"

	"github.com/yizhan-im/yizhan/appliance/session"
)

// Priority says what becomes of a message when its room is overloaded.
type Priority uint8

const (
	// Normal messages are refused (ErrBusy) when the queue is full.
	Normal Priority = iota
	// Low ones are abandoned (ErrAbandoned) when it is half full, or when its
	// messages wait for too long.
	Low
	// High ones have some room beyond the others.
	High
)

// Bounds of a room's queue. The way round 20,000 members takes two lanes some
// 100 ms, and twice that when their clients are on the same processors: what comes
// beyond must not collect memory, and what is pushed later than maxLag is of little
// use to anybody. In a small room more may wait, because it is done sooner.
const (
	minWaiting = 64
	maxWaiting = 512
	// maxPushes is how many pushes those that wait in a room may be, unless they
	// are fewer than minWaiting messages.
	maxPushes = 1 << 20
	// maxBytes is how long the payloads of minWaiting messages and more may be.
	maxBytes = 4 << 20

	maxLag = 400 * time.Millisecond
)

// limit is how many messages may wait in a room of so many members before one of
// this priority is refused.
func (p Priority) limit(members int) int {
	n := min(max(maxPushes/max(members, 1), minWaiting), maxWaiting)
	switch p {
	case Low:
		return n / 2
	case High:
		return n + n/2
	}
	return n
}

// message is one event on its way to the members of a room.
type message struct {
	ev     *session.Event
	id     uint64
	queued time.Time
	from   *membership
	to     *Target // whom it is for, nil for everybody
	sent   func()  // tells the sender; may be nil
	told   atomic.Bool
	left   atomic.Int32 // parts that are not through with it
}

// tell calls sent, once.
func (m *message) tell() {
	if m.sent != nil && !m.told.Swap(true) {
		m.sent()
	}
}

// idShift makes an id of a time: the milliseconds since 1970 take the upper 44
// bits, and the lower 20 count within one. So the ids of a room that has vanished
// and comes back go on growing, without anything being kept, and a room's history
// can be searched by time (state.RoomIDShift is the same number).
const idShift = 20

// nextID gives out an id of that moment, larger than all before.
func (rs *Rooms) nextID(ms int64) uint64 {
	for {
		last := rs.lastID.Load()
		id := max(last+1, uint64(max(ms, 0))<<idShift)
		if rs.lastID.CompareAndSwap(last, id) {
			return id
		}
	}
}
