package room

import (
	"runtime"
	"sync"
)

// lane pushes messages to the members of its parts, whose turns are short and in
// a circle. It has a goroutine while there is something to push.
type lane struct {
	rooms *Rooms

	mu         sync.Mutex
	head, tail *part // linked by next; each part is in it at most once
	running    bool
}

// turn is how many members a part serves before the next part has its turn.
const turn = 256

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
	for {
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
		runtime.Gosched()
	}
}

// serve gives p's message to the next members and reports whether p has more to
// do.
func (l *lane) serve(p *part) (more bool) {
	m, members := p.begin()
	pushed := 0
	for _, member := range members {
		switch {
		case member == m.from:
			m.tell()
		case member.since < m.id && (m.to == nil || p.wants(m.to, member)):
			member.conn.Push(m.ev)
			pushed++
		}
	}
	l.rooms.metrics.deliveries.Add(float64(pushed))
	done, last, more := p.end(len(members))
	if !done {
		return true
	}
	if last {
		m.tell() // a sender who has left meanwhile
		l.rooms.metrics.lag.Observe(l.rooms.now().Sub(m.at).Seconds())
		l.rooms.waiting.Add(-1)
	}
	return more
}

// begin returns the message that p is at, and whom to give it to now.
func (p *part) begin() (*message, []*membership) {
	p.room.mu.Lock()
	defer p.room.mu.Unlock()
	if p.message == nil {
		p.message = p.queue[0]
		p.queue[0] = nil
		p.queue = p.queue[1:]
		p.reading, p.read, p.known = p.members, true, nil
	}
	return p.message, p.reading[:min(turn, len(p.reading))]
}

// end notes that n members have the message: done, that all of the part have; last,
// that those of all parts have; more, that p has more to do.
func (p *part) end(n int) (done, last, more bool) {
	r := p.room
	r.mu.Lock()
	defer r.mu.Unlock()
	p.reading = p.reading[n:]
	if len(p.reading) > 0 {
		return false, false, true
	}
	if last = p.message.left.Add(-1) == 0; last {
		r.waiting--
		r.bytes -= len(p.message.ev.Payload)
	}
	p.message, p.reading, p.read = nil, nil, false
	if len(p.queue) == 0 {
		p.queue, p.active = nil, false
	}
	return true, last, p.active
}
