package room

import (
	"sync"
	"time"
)

// room is one room and its members.
//
// Its members are in parts, so that several lanes can serve them. While there are
// messages, lanes go through the members of a part in a circle and give each of
// them, together, what has come since it was there the last time. So a message
// reaches the last member after one way round, wherever in the circle it came, and
// the more messages there are the fewer system calls each of them costs.
type room struct {
	key key

	mu        sync.Mutex // the last to be taken
	members   int
	waiting   int       // messages that some part is not through with
	bytes     int       // of their payloads
	announced time.Time // when the members were last told who has come or gone
	parts     []*part
}

// part is those members of a room that one lane at a time serves. All is under the
// room's mutex, but for next and known, which belong to the lane.
type part struct {
	room *room
	next *part

	members []*membership
	at, lap int       // the member that is next, and how often they were all through
	pending []pending // what not all members have, oldest first
	// moved are members that a removal has put where a lane has been already: it
	// serves them first.
	moved  []*membership
	active bool // the lane has the part, or will

	// known says of sets of tags whether messages are for them whose targets have
	// patterns.
	known map[*message]map[string]bool
}

// pending is a message on its way round, and where it began.
type pending struct {
	*message
	at, lap int
}

// isThrough reports whether all that were members of p when the message came have
// it, but for those in p.moved.
func (m *pending) isThrough(p *part) bool {
	switch p.lap - m.lap {
	case 0:
		return false
	case 1:
		return p.at >= m.at
	}
	return true // the members are fewer now than those before m.at were
}

// smallRoom is a number of members below which it is of no use to give memory back.
const smallRoom = 32

const (
	// wholeRoom is how many members have one part: below that, a second lane would
	// cost more than it saves.
	wholeRoom = 512
	// partsPerLane is how many parts a large room has for each lane: with several,
	// they keep pace also when one lane stands still for a while.
	partsPerLane = 4
)

// add makes m a member and returns how many there are. Messages with larger ids
// than m.since are for it.
func (r *room) add(rs *Rooms, m *membership) int {
	r.mu.Lock()
	defer r.mu.Unlock()
	p := r.place(rs)
	m.part, m.at, m.since = p, len(p.members), rs.lastID.Load()
	m.seen = m.since
	p.members = append(p.members, m)
	r.members++
	return r.members
}

// place is the part for a new member.
func (r *room) place(rs *Rooms) *part {
	grow := r.members >= wholeRoom && len(r.parts) < partsPerLane*rs.lanes.most && rs.lanes.most > 1
	if len(r.parts) == 0 || grow {
		p := &part{room: r}
		r.parts = append(r.parts, p)
		return p
	}
	least := r.parts[0]
	for _, p := range r.parts[1:] {
		if len(p.members) < len(least.members) {
			least = p
		}
	}
	return least
}

// remove takes m, which must be a member, out and returns how many are left.
func (r *room) remove(m *membership) int {
	r.mu.Lock()
	defer r.mu.Unlock()
	p := m.part
	last := len(p.members) - 1
	if c := cap(p.members); c > smallRoom && last < c/4 {
		p.members = append(make([]*membership, 0, c/2), p.members...)
	}
	moved := p.members[last]
	p.members[m.at], moved.at = moved, m.at
	if m.at < p.at && m != moved && len(p.pending) > 0 {
		p.moved = append(p.moved, moved)
	}
	m.at = gone
	p.members[last] = nil
	p.members = p.members[:last]
	r.members--
	return r.members
}

func (r *room) len() int {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.members
}

// all returns the members as they are.
func (r *room) all() []*membership {
	r.mu.Lock()
	defer r.mu.Unlock()
	all := make([]*membership, 0, r.members)
	for _, p := range r.parts {
		all = append(all, p.members...)
	}
	return all
}

// lag is how long the oldest message waits, 0 when none does. The caller holds mu.
func (r *room) lag(now time.Time) (lag time.Duration) {
	for _, p := range r.parts {
		if len(p.pending) > 0 {
			lag = max(lag, now.Sub(p.pending[0].queued))
		}
	}
	return lag
}

// refuses reports why a message of that priority cannot be queued. The caller
// holds mu.
func (r *room) refuses(p Priority, now time.Time) error {
	switch over := r.waiting >= p.limit(r.members) || r.waiting >= minWaiting && r.bytes >= maxBytes; {
	case p == Low && (over || r.lag(now) > maxLag):
		return ErrAbandoned
	case over:
		return ErrBusy
	}
	return nil
}

// enqueue gives m to all parts. The caller holds mu, and starts the parts that
// are returned.
func (r *room) enqueue(m *message) (start []*part) {
	if len(r.parts) == 0 {
		return nil
	}
	r.waiting++
	r.bytes += len(m.ev.Payload)
	m.left.Store(int32(len(r.parts)))
	for _, p := range r.parts {
		p.pending = append(p.pending, pending{m, p.at, p.lap})
		if !p.active {
			p.active = true
			start = append(start, p)
		}
	}
	return start
}
