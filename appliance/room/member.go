package room

import (
	"sync"

	"github.com/yizhan-im/yizhan/appliance/session"
	"github.com/yizhan-im/yizhan/appliance/wire"
)

// Member is a session as far as rooms are concerned: the rooms that it is in.
// It is part of what is kept for each connection, so it is small. The zero
// Member is in no room.
//
// Calls of Enter, Exit and Send come from one goroutine at a time, that of the
// session's requests. Leave may come from any.
type Member struct {
	mu     sync.Mutex
	closed bool        // under mu: Leave was called
	first  *membership // under mu: the rooms, linked by next
}

// membership is one session in one room.
type membership struct {
	conn session.Conn
	room *room
	next *membership // of the same Member, under its mutex
	at   int         // index in room.members, under the room's mutex
}

// find returns where the link to the membership in the room of this name is,
// pointing to nil when there is none, and how many come before it.
func (m *Member) find(name string) (link **membership, before int) {
	link = &m.first
	for *link != nil && (*link).room.key.name != name {
		link = &(*link).next
		before++
	}
	return link, before
}

// Enter makes the session a member of a room of its tenant, which is made when
// it does not exist, and returns how many members the room then has. Messages
// that others send from now on are pushed to conn, which must be the same in all
// calls for m. Entering a room again changes nothing.
//
// ErrTooMany: the session is in as many rooms as it may be. ErrClosed: Leave was
// called.
func (rs *Rooms) Enter(m *Member, conn session.Conn, tenant uint32, name string) (members int, err error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.closed {
		return 0, ErrClosed
	}
	link, before := m.find(name)
	if *link != nil {
		return (*link).room.len(), nil
	}
	if before >= rs.perSession {
		return 0, ErrTooMany
	}
	entered := &membership{conn: conn}
	members = rs.add(key{tenant, name}, entered)
	*link = entered
	rs.members.Add(1)
	return members, nil
}

// Exit ends the session's membership in a room, if it is in it. A message that
// is on its way to the members at this moment may still be pushed.
func (rs *Rooms) Exit(m *Member, name string) {
	m.mu.Lock()
	defer m.mu.Unlock()
	link, _ := m.find(name)
	ended := *link
	if ended == nil {
		return
	}
	*link, ended.next = ended.next, nil
	rs.remove(ended)
	rs.members.Add(-1)
}

// Leave takes the session out of all its rooms. It cannot enter any more. Leave
// may be called more than once.
func (rs *Rooms) Leave(m *Member) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.closed = true
	for m.first != nil {
		ended := m.first
		m.first, ended.next = ended.next, nil
		rs.remove(ended)
		rs.members.Add(-1)
	}
}

// Send gives the message p to the members of the room p.Room, except to the
// session that sends it. It sets p's Id and TimeMs. sent is called when all have
// it in their queues and before they get the next message of the room: what it
// queues for the sender has its place in the order of the room's messages. It
// must not block, or call Rooms for this room.
//
// ErrNotMember: the session is not in the room. ErrBusy: too many messages wait
// for their turn; p was not sent.
func (rs *Rooms) Send(m *Member, p *wire.RoomMessagePush, sent func()) error {
	m.mu.Lock()
	link, _ := m.find(p.Room)
	from := *link
	m.mu.Unlock()
	if from == nil {
		return ErrNotMember
	}
	deliveries, err := from.room.send(from, p, rs.now, sent)
	if err != nil {
		return err
	}
	rs.metrics.messages.Inc()
	rs.metrics.deliveries.Add(float64(deliveries))
	return nil
}
