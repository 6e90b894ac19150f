package room

import (
	"runtime"
	"slices"
	"sync"
	"time"

	"github.com/yizhan-im/yizhan/appliance/session"
)

// lanes push messages to members: as many goroutines as there are processors take
// parts from one list, in whatever room they are, serve some members of each and put
// it back at the end. So the parts of a large room keep pace with each other,
// whatever else a processor has to do meanwhile.
type lanes struct {
	rooms *Rooms
	most  int

	mu         sync.Mutex
	head, tail *part // linked by next; each part is in it at most once
	running    int
	idle       []*lane
}

// lane is the memory of one of the goroutines.
type lane struct {
	rooms    *Rooms
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

// start puts p, which has a message, at the end of the list.
func (ls *lanes) start(p *part) {
	ls.mu.Lock()
	defer ls.mu.Unlock()
	ls.appendLocked(p)
	if ls.running == ls.most {
		return
	}
	ls.running++
	l := &lane{rooms: ls.rooms}
	if last := len(ls.idle) - 1; last >= 0 {
		l, ls.idle = ls.idle[last], ls.idle[:last]
	}
	ls.rooms.running.Go(func() { ls.run(l) })
}

func (ls *lanes) appendLocked(p *part) {
	p.next = nil
	if ls.head == nil {
		ls.head = p
	} else {
		ls.tail.next = p
	}
	ls.tail = p
}

// run pushes until there is nothing left.
func (ls *lanes) run(l *lane) {
	var served *part // has more to do
	for begun := time.Now(); ; {
		ls.mu.Lock()
		if served != nil {
			ls.appendLocked(served)
		}
		p := ls.head
		if p == nil {
			ls.running--
			ls.idle = append(ls.idle, l)
			ls.mu.Unlock()
			return
		}
		ls.head = p.next
		ls.mu.Unlock()
		if served = p; !l.serve(p) {
			served = nil
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
