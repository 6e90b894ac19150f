package room

import (
	"github.com/yizhan-im/yizhan/appliance/session"
	"github.com/yizhan-im/yizhan/appliance/wire"
)

// Send gives the message p to the members of the room p.Room, except to the
// session that sends it. It sets p's Id and TimeMs and returns when the message
// has its place in the room's order. sent is called once, from another goroutine,
// at that place in what the sender is pushed: what it queues for the sender comes
// after the messages before this one and before those behind it. It must not
// block, or call Rooms.
//
// ErrNotMember: the session is not in the room. ErrBusy, ErrAbandoned: too many
// messages wait; p was not sent, and sent is not called.
func (rs *Rooms) Send(m *Member, p *wire.RoomMessagePush, sent func()) error {
	return rs.SendAs(m, p, Normal, nil, sent)
}

// SendAs is Send of a message of that priority to those members that to means.
func (rs *Rooms) SendAs(m *Member, p *wire.RoomMessagePush, priority Priority, to *Target, sent func()) error {
	from := m.in(p.Room)
	if from == nil {
		return ErrNotMember
	}
	r := from.part.room
	return rs.publish(r, r.key, from, priority, to, sent, func(id uint64, ms int64) *session.Event {
		p.Id, p.TimeMs = id, ms
		return session.NewEvent(wire.PushRoomMessage, p)
	})
}

// Publish gives the event that make makes to those members of a room that to
// means; make is given the event's id in the room's order and its time in Unix
// milliseconds. A room without members is fine.
func (rs *Rooms) Publish(tenant uint32, name string, priority Priority, to *Target, make func(id uint64, timeMs int64) *session.Event) error {
	k := key{tenant, name}
	return rs.publish(rs.room(k), k, nil, priority, to, nil, make)
}

// Receive gives an event that another node has published to the members here.
func (rs *Rooms) Receive(tenant uint32, name string, priority Priority, to *Target, ev *session.Event) error {
	r := rs.room(key{tenant, name})
	if r == nil {
		return nil
	}
	return rs.enqueue(r, nil, priority, to, nil, func(uint64, int64) *session.Event { return ev })
}

func (rs *Rooms) publish(r *room, k key, from *membership, priority Priority, to *Target, sent func(), make func(uint64, int64) *session.Event) error {
	var ev *session.Event
	keep := func(id uint64, ms int64) *session.Event {
		ev = make(id, ms)
		return ev
	}
	if r == nil {
		ms := rs.now().UnixMilli()
		keep(rs.nextID(ms), ms)
	} else if err := rs.enqueue(r, from, priority, to, sent, keep); err != nil {
		return err
	}
	rs.metrics.messages.Inc()
	if rs.remote != nil {
		rs.remote.Publish(k.tenant, k.name, priority, to, ev)
	}
	return nil
}

// enqueue gives a message its place in the order of r.
func (rs *Rooms) enqueue(r *room, from *membership, priority Priority, to *Target, sent func(), make func(uint64, int64) *session.Event) error {
	r.mu.Lock()
	now := rs.now()
	if err := r.refuses(priority, now); err != nil {
		r.mu.Unlock()
		if err == ErrAbandoned {
			rs.metrics.abandoned.Inc()
		} else {
			rs.metrics.refused.Inc()
		}
		return err
	}
	// Made under the mutex: ids grow in the order of the queue.
	id := rs.nextID(now.UnixMilli())
	m := &message{ev: make(id, now.UnixMilli()), id: id, queued: now, from: from, to: to, sent: sent}
	start := r.enqueue(m)
	queued := len(r.parts) > 0
	if queued {
		rs.waiting.Add(1)
	}
	r.mu.Unlock()
	for _, p := range start {
		rs.lanes.start(p)
	}
	if !queued {
		m.tell()
	}
	return nil
}

// Stamp gives out an id and a time, in Unix milliseconds, for what goes to some
// members only.
func (rs *Rooms) Stamp() (id uint64, timeMs int64) {
	timeMs = rs.now().UnixMilli()
	return rs.nextID(timeMs), timeMs
}
