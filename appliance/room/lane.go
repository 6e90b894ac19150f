package room

import (
	"runtime"
	"slices"
	"sync"
	"time"

	"github.com/yizhan-im/yizhan/appliance/session"
)

// lane pushes messages to the members of its parts, whose turns are short and in
// a circle. It has a goroutine while there is something to push.
type lane struct {
	rooms *Rooms

	mu         sync.Mutex
	head, tail *part // linked by next; each part is in it at most once
	running    bool

	// Memory of serve.
	members  [turn]*membership
	messages []*message
	events   []*session.Event
}

const (
	// turn is how many members a part serves before the next part has its turn:
	// some 0.2 ms of writing.
	turn = 32

	// stint is how long a lane works until it rests, for at least rest. Goroutines
	// that are ready have their turns between two turns of a lane, but Go's
	// scheduler looks for those whose sockets have become readable only when a
	// processor has nothing to run, or every 10 ms: without rests, everybody's
	// requests would wait for that while the lanes are busy.
	stint = 3 * time.Millisecond
	rest  = 300 * time.Microsecond

	// atOnce is how many messages a member is given in one piece at most.
	atOnce = 32
)

// start gives p, which has a message, to the lane.
func (l *lane) start(p *part) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.appendLocked(p)
	if !l.running {
		l.running = true
		l.rooms.running.Go(l.run)
	}
}

func (l *lane) appendLocked(p *part) {
	p.next = nil
	if l.head == nil {
		l.head = p
	} else {
		l.tail.next = p
	}
	l.tail = p
}

// run pushes until there is nothing left.
func (l *lane) run() {
	for begun := time.Now(); ; {
		l.mu.Lock()
		p := l.head
		if p == nil {
			l.running = false
			l.mu.Unlock()
			return
		}
		l.head = p.next
		l.mu.Unlock()
		if l.serve(p) {
			l.mu.Lock()
			l.appendLocked(p)
			l.mu.Unlock()
		}
		// What else the node does comes first: a room waits some microseconds more.
		if time.Since(begun) < stint {
			runtime.Gosched()
			continue
		}
		time.Sleep(rest)
		begun = time.Now()
	}
}

// serve gives the next members of p what they have not had, and reports whether p
// has more to do.
func (l *lane) serve(p *part) (more bool) {
	members := l.begin(p)
	pushed := 0
	for _, member := range members {
		pushed += l.visit(p, member)
	}
	l.rooms.metrics.deliveries.Add(float64(pushed))
	done, last, more := l.end(p)
	for _, m := range l.messages[:done] {
		delete(p.known, m)
	}
	for _, m := range l.messages[:last] {
		m.tell() // a sender who has left meanwhile
		l.rooms.metrics.lag.Observe(l.rooms.now().Sub(m.queued).Seconds())
		l.rooms.waiting.Add(-1)
	}
	clear(l.members[:])
	clear(l.messages)
	clear(l.events)
	return more
}

// begin notes what p has for its members, and returns whom it is to be given now.
func (l *lane) begin(p *part) []*membership {
	p.room.mu.Lock()
	defer p.room.mu.Unlock()
	l.messages, l.events = l.messages[:0], l.events[:0]
	for i := range p.pending {
		l.messages = append(l.messages, p.pending[i].message)
		l.events = append(l.events, p.pending[i].ev)
	}
	members := l.members[:0]
	for len(p.moved) > 0 && len(members) < turn {
		last := len(p.moved) - 1
		if m := p.moved[last]; m.at != gone {
			members = append(members, m)
		}
		p.moved = p.moved[:last]
	}
	if p.at < len(p.members) {
		n := min(turn-len(members), len(p.members)-p.at)
		members = append(members, p.members[p.at:p.at+n]...)
		p.at += n
	}
	if p.at >= len(p.members) {
		p.at, p.lap = 0, p.lap+1
	}
	return members
}

// visit gives a member what it has not had, and says how many messages that are.
func (l *lane) visit(p *part, member *membership) (pushed int) {
	first, all := len(l.messages), true
	for first > 0 && l.messages[first-1].id > member.seen {
		first--
		all = all && l.messages[first].to == nil && l.messages[first].from != member
	}
	if first == len(l.messages) {
		return 0
	}
	member.seen = l.messages[len(l.messages)-1].id
	if all {
		for events := range slices.Chunk(l.events[first:], atOnce) {
			member.conn.PushAll(events)
		}
		return len(l.messages) - first
	}
	for i, m := range l.messages[first:] {
		if m.from == member {
			m.tell()
		} else if p.wants(m, member) {
			member.conn.PushAll(l.events[first+i : first+i+1])
			pushed++
		}
	}
	return pushed
}

// end notes that the members that begin has returned have the messages: done of
// them, all members of p have; last of those, the members of all other parts too;
// more, that p has more to do.
func (l *lane) end(p *part) (done, last int, more bool) {
	r := p.room
	r.mu.Lock()
	defer r.mu.Unlock()
	if len(p.moved) > 0 {
		return 0, 0, true
	}
	// All parts go through the same messages in the same order: those that other
	// parts are through with are the oldest.
	for done < len(l.messages) && p.pending[done].isThrough(p) {
		if m := l.messages[done]; m.left.Add(-1) == 0 {
			last = done + 1
			r.waiting--
			r.bytes -= len(m.ev.Payload)
		}
		done++
	}
	clear(p.pending[:done])
	if p.pending = p.pending[done:]; len(p.pending) == 0 {
		p.pending, p.moved, p.active = nil, nil, false
	}
	return done, last, p.active
}
