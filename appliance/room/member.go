package room

import (
	"sync"
	"sync/atomic"

	"github.com/yizhan-im/yizhan/appliance/session"
	"github.com/yizhan-im/yizhan/appliance/wire"
)

// Member is a session as far as rooms are concerned: the rooms that it is in.
// It is part of what is kept for each connection, so it is small. The zero
// Member is in no room.
//
// Calls of Enter and Send come from one goroutine at a time, that of the
// session's requests. Leave and Exit may come from any.
type Member struct {
	mu     sync.Mutex
	closed bool        // under mu: Leave was called
	first  *membership // under mu: the rooms, linked by next
}

// membership is one session in one room.
type membership struct {
	conn  session.Conn
	owner *Member
	part  *part
	next  *membership // of the same Member, under its mutex
	guest atomic.Pointer[Guest]
	since uint64 // messages with larger ids are for it
	seen  uint64 // it has had those up to this id; the lane's
	at    int    // index in part.members, or gone; under the room's mutex
}

// gone is the index of a membership that has ended.
const gone = -1

// Guest is what a registered room's other members see of one. Its fields never
// change, but for Transient.
type Guest struct {
	Account           string
	Session           uint64
	Platform          wire.Platform
	Nick, Avatar, Ext string
	EnteredMs         int64
	// Tags are those that it has entered with, and Notify is whom what it sends is
	// for unless it says otherwise, nil for everybody: see SetTags.
	Tags   []string
	Notify *Target
	tagKey string // of Tags: equal for equal ones
	// Transient: the account has put elements into the room's queue that go when it
	// leaves.
	Transient atomic.Bool
}

// find returns where the link to the membership in the room of this name is,
// pointing to nil when there is none, and how many come before it.
func (m *Member) find(name string) (link **membership, before int) {
	link = &m.first
	for *link != nil && (*link).part.room.key.name != name {
		link = &(*link).next
		before++
	}
	return link, before
}

// in returns the membership in a room, nil when there is none.
func (m *Member) in(name string) *membership {
	m.mu.Lock()
	defer m.mu.Unlock()
	link, _ := m.find(name)
	return *link
}

// IsIn reports whether the session is in a room of its tenant.
func (m *Member) IsIn(name string) bool { return m.in(name) != nil }

// Guest is what the session is in a room, nil when it is not in it or has entered
// as nobody.
func (m *Member) Guest(name string) *Guest {
	if in := m.in(name); in != nil {
		return in.guest.Load()
	}
	return nil
}

// ChangeGuest lets change make something else of what the session is in a room, and
// returns that; nil when it is in it as nobody, or not at all. change may be called
// more than once.
func (m *Member) ChangeGuest(name string, change func(g *Guest)) *Guest {
	in := m.in(name)
	if in == nil {
		return nil
	}
	for {
		old := in.guest.Load()
		if old == nil {
			return nil
		}
		g := old.copy()
		if change(g); in.guest.CompareAndSwap(old, g) {
			return g
		}
	}
}

// Enter makes the session a member of a room of its tenant, as nobody in
// particular: see EnterAs.
func (rs *Rooms) Enter(m *Member, conn session.Conn, tenant uint32, name string) (members int, err error) {
	members, _, err = rs.EnterAs(m, conn, tenant, name, rs.perSession, nil)
	return members, err
}

// EnterAs makes the session a member of a room of its tenant, which is made when
// it does not exist, and returns how many members the room then has. Messages
// that others send from now on are pushed to conn, which must be the same in all
// calls for m. Entering a room again changes nothing but the guest.
//
// ErrTooMany: the session is in limit rooms. ErrClosed: Leave was called.
func (rs *Rooms) EnterAs(m *Member, conn session.Conn, tenant uint32, name string, limit int, g *Guest) (members int, again bool, err error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.closed {
		return 0, false, ErrClosed
	}
	link, before := m.find(name)
	if in := *link; in != nil {
		in.guest.Store(g)
		return in.part.room.len(), true, nil
	}
	if before >= limit {
		return 0, false, ErrTooMany
	}
	entered := &membership{conn: conn, owner: m}
	entered.guest.Store(g)
	members = rs.add(key{tenant, name}, entered)
	*link = entered
	rs.members.Add(1)
	return members, false, nil
}

// Exit ends the session's membership in a room, if it is in it, and returns what
// it was there. A message that is on its way to the members at this moment may
// still be pushed.
func (rs *Rooms) Exit(m *Member, name string) (g *Guest, was bool) {
	m.mu.Lock()
	defer m.mu.Unlock()
	link, _ := m.find(name)
	ended := *link
	if ended == nil {
		return nil, false
	}
	rs.unlink(link)
	return ended.guest.Load(), true
}

// unlink ends the membership that link points to; its Member's mutex is held.
func (rs *Rooms) unlink(link **membership) {
	ended := *link
	*link, ended.next = ended.next, nil
	rs.remove(ended)
	rs.members.Add(-1)
}

// Leave takes the session out of all its rooms. It cannot enter any more. Leave
// may be called more than once. Options.Left is told of each room in which the
// session was a Guest.
func (rs *Rooms) Leave(m *Member) {
	type left struct {
		key   key
		guest *Guest
	}
	var tell []left
	m.mu.Lock()
	m.closed = true
	for m.first != nil {
		if g := m.first.guest.Load(); g != nil && rs.left != nil {
			tell = append(tell, left{m.first.part.room.key, g})
		}
		rs.unlink(&m.first)
	}
	m.mu.Unlock()
	for _, l := range tell {
		rs.left(l.key.tenant, l.key.name, l.guest)
	}
}

// Empty ends the memberships in a room that began before an id was given out (see
// Stamp), with guests also those of Guests, and tells each with out, which may be nil.
// It returns the guests that were Transient.
func (rs *Rooms) Empty(tenant uint32, name string, before uint64, guests bool, out *session.Event) (transient []*Guest) {
	r := rs.room(key{tenant, name})
	if r == nil {
		return nil
	}
	for _, in := range r.all() {
		if in.since >= before || !guests && in.guest.Load() != nil {
			continue
		}
		m := in.owner
		m.mu.Lock()
		link := &m.first
		for *link != nil && *link != in {
			link = &(*link).next
		}
		was := *link != nil
		if was {
			rs.unlink(link)
		}
		m.mu.Unlock()
		if was && out != nil {
			in.conn.Push(out)
		}
		if g := in.guest.Load(); was && g != nil && g.Transient.Load() {
			transient = append(transient, g)
		}
	}
	return transient
}

// Guests lists the members of a room that are guests, in no order.
func (rs *Rooms) Guests(tenant uint32, name string) []*Guest {
	r := rs.room(key{tenant, name})
	if r == nil {
		return nil
	}
	members := r.all()
	guests := make([]*Guest, 0, len(members))
	for _, in := range members {
		if g := in.guest.Load(); g != nil {
			guests = append(guests, g)
		}
	}
	return guests
}

// Count is how many members a room has on this node.
func (rs *Rooms) Count(tenant uint32, name string) int {
	if r := rs.room(key{tenant, name}); r != nil {
		return r.len()
	}
	return 0
}
