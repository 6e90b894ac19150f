package room

import (
	"sync"
	"time"
)

// room is one room and its members.
//
// Its members are in parts, each of which belongs to one lane. A lane gives a
// message to the members of a part as they were when it began, some at a time, and
// does not hold mu meanwhile: so a part's members are copied before a removal
// would change what is being read, at most once for each message. Additions change
// nothing of it: they write behind its end.
type room struct {
	key key

	mu        sync.Mutex // the last to be taken
	members   int
	waiting   int       // messages that some part is not through with
	bytes     int       // of their payloads
	announced time.Time // when the members were last told who has come or gone
	parts     []*part
}

// part is those members of a room that one lane serves. All but lane is under the
// room's mutex; next and known belong to the lane.
type part struct {
	room *room
	lane *lane
	next *part

	members []*membership
	queue   []*message    // those that the part has not begun
	message *message      // the one that it is at
	reading []*membership // the members to give it to
	read    bool          // reading shares members' memory
	active  bool          // the lane has the part, or will

	// known, the lane's, says of sets of tags whether message is for them; nil
	// unless its target has a pattern.
	known map[string]bool
}

// smallRoom is a number of members below which it is of no use to give memory back.
const smallRoom = 32

// wholeRoom is how many members have one part: below that, a second lane would
// cost more than it saves.
const wholeRoom = 512

// add makes m a member and returns how many there are. Messages with larger ids
// than m.since are for it.
func (r *room) add(rs *Rooms, m *membership) int {
	r.mu.Lock()
	defer r.mu.Unlock()
	p := r.place(rs)
	m.part, m.at, m.since = p, len(p.members), rs.lastID.Load()
	p.members = append(p.members, m)
	r.members++
	return r.members
}

// place is the part for a new member.
func (r *room) place(rs *Rooms) *part {
	first := int(rs.hash(r.key) % uint64(len(rs.lanes)))
	grow := len(r.parts) < len(rs.lanes) && r.members >= wholeRoom
	if len(r.parts) == 0 || grow {
		p := &part{room: r, lane: rs.lanes[(first+len(r.parts))%len(rs.lanes)]}
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
	if sparse := cap(p.members) > smallRoom && last < cap(p.members)/4; p.read || sparse {
		room := cap(p.members)
		if sparse {
			room /= 2
		}
		p.members = append(make([]*membership, 0, room), p.members...)
		p.read = false
	}
	moved := p.members[last]
	p.members[m.at], moved.at = moved, m.at
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
		oldest := p.message
		if oldest == nil && len(p.queue) > 0 {
			oldest = p.queue[0]
		}
		if oldest != nil {
			lag = max(lag, now.Sub(oldest.at))
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
		p.queue = append(p.queue, m)
		if !p.active {
			p.active = true
			start = append(start, p)
		}
	}
	return start
}
