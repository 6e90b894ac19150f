package socket

import (
	"crypto/rand"
	"sync"

	"github.com/yizhan-im/yizhan/appliance/weblink/engine"
	"github.com/yizhan-im/yizhan/appliance/weblink/socketio"
)

// session is one Engine.IO session. It holds the first socket itself, so that a
// client of a single namespace costs one allocation.
//
// The engine calls Message and Closed, one at a time. Sockets are ended by any
// goroutine, but one that is ended while its receiver runs, or before it was
// accepted, stays in the list until the receiving goroutine tells the receiver.
type session struct {
	server  *Server
	conn    *engine.Conn
	decoder socketio.Decoder // of the receiving goroutine

	mu sync.Mutex
	// Under mu.
	sockets *Socket // list of those whose receivers expect Disconnected
	running *Socket // whose receiver or Connect is being called
	leaving bool    // Disconnect has closed the session: nothing more is received

	refused   uint8 // CONNECTs less events since; of the receiving goroutine
	firstUsed bool
	first     Socket
}

// maxRefused is how many more CONNECTs than events may be for namespaces that
// there are not, or for more than a client may join. Nobody else counts them.
const maxRefused = 100

// Message implements engine.Receiver.
func (c *session) Message(data []byte, binary bool) error {
	if !c.receiving() {
		return nil
	}
	p, ok, err := c.decoder.Decode(c.server.limits, data, binary)
	if err != nil {
		return err
	}
	if !ok {
		return c.wait()
	}
	if p.Type == socketio.Connect {
		return c.connect(&p)
	}
	s := c.enter(p.Namespace)
	if s == nil {
		return ErrNotConnected
	}
	switch p.Type {
	case socketio.Event, socketio.BinaryEvent:
		if c.refused > 0 {
			c.refused--
		}
		err = s.event(&p)
	case socketio.Ack, socketio.BinaryAck:
		s.receiver.Acked(p.ID, p.Data)
	case socketio.Disconnect:
		if c.end(s) {
			s.receiver.Disconnected(engine.ReasonClient)
		}
	}
	c.leave()
	return err
}

// Closed implements engine.Receiver. Nothing runs any more; Accept, Refuse and
// Disconnect may still be called but find that the sockets have ended.
func (c *session) Closed(reason engine.Reason) {
	c.mu.Lock()
	c.reapLocked()
	list := c.sockets
	c.sockets = nil
	for s := list; s != nil; s = s.next {
		s.state.Store(stateEnded)
	}
	c.mu.Unlock()
	for s := list; s != nil; s = s.next {
		s.receiver.Disconnected(reason)
	}
}

// receiving tells the receivers of refused sockets that they have ended, and
// reports whether the session still receives.
func (c *session) receiving() bool {
	c.mu.Lock()
	leaving := c.leaving
	c.reapLocked()
	c.mu.Unlock()
	return !leaving
}

// enter finds the socket of a namespace, when the client has joined it, for a
// call of its receiver. leave follows.
func (c *session) enter(namespace string) *Socket {
	c.mu.Lock()
	defer c.mu.Unlock()
	s := c.findLocked(namespace)
	if s == nil {
		return nil
	}
	// Accept has queued the answer, or is about to, and the client has seen it or
	// did not wait for it: either way it may be answered now.
	s.state.CompareAndSwap(stateAccepting, stateConnected)
	if s.state.Load() != stateConnected {
		return nil
	}
	c.running = s
	return s
}

// leave is called when a receiver or Connect has returned.
func (c *session) leave() {
	c.mu.Lock()
	c.running = nil
	c.reapLocked()
	c.mu.Unlock()
}

// reapLocked tells the receivers of sockets that others have ended. It gives up
// the lock meanwhile.
func (c *session) reapLocked() {
	for {
		s := c.sockets
		for s != nil && s.state.Load() != stateEnded {
			s = s.next
		}
		if s == nil {
			return
		}
		c.removeLocked(s)
		c.mu.Unlock()
		s.receiver.Disconnected(engine.ReasonServer)
		c.mu.Lock()
	}
}

// end takes s, which had joined, out of the session. It reports false when
// another has ended it; leave does the rest then.
func (c *session) end(s *Socket) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	if s.state.Load() == stateEnded {
		return false
	}
	s.state.Store(stateEnded)
	c.removeLocked(s)
	return true
}

// wait lets a packet wait for its attachments. Nothing is kept for clients that
// have joined no namespace: it could only be refused.
func (c *session) wait() error {
	c.mu.Lock()
	defer c.mu.Unlock()
	for s := c.sockets; s != nil; s = s.next {
		if s.joined() {
			return nil
		}
	}
	return ErrNotConnected
}

// refuse answers a CONNECT that no namespace gets to see.
func (c *session) refuse(namespace, message string) error {
	if c.refused >= maxRefused {
		return ErrRefused
	}
	c.refused++
	c.conn.Send(encodeError(namespace, message, nil))
	return nil
}

// connect handles CONNECT.
func (c *session) connect(p *socketio.Packet) error {
	n := c.server.lookup(p.Namespace)
	if n == nil {
		return c.refuse(p.Namespace, invalidNamespace)
	}
	s, err := c.add(p.Namespace)
	if err != nil {
		return err
	}
	if s == nil {
		return c.refuse(p.Namespace, tooManyNamespaces)
	}
	r := n.Connect(s, p.Data)
	if r == nil {
		r = discard{}
	}
	c.mu.Lock()
	s.receiver = r
	c.mu.Unlock()
	c.leave()
	return nil
}

// add makes the socket of a namespace, nil when there are too many, for a call of
// Connect. leave follows.
func (c *session) add(namespace string) (*Socket, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.findLocked(namespace) != nil {
		return nil, ErrConnected
	}
	count := 0
	for s := c.sockets; s != nil; s = s.next {
		count++
	}
	if count >= c.server.maxNamespaces {
		return nil, nil
	}
	s := &c.first
	if c.firstUsed {
		s = new(Socket) // the first may still be in somebody's hands
	}
	c.firstUsed = true
	s.session, s.namespace, s.next = c, namespace, c.sockets
	_, _ = rand.Read(s.id[:]) // never fails (package crypto/rand)
	c.sockets, c.running = s, s
	return s, nil
}

// findLocked is the socket of a namespace, in any state but ended.
func (c *session) findLocked(namespace string) *Socket {
	for s := c.sockets; s != nil; s = s.next {
		if s.namespace == namespace && s.state.Load() != stateEnded {
			return s
		}
	}
	return nil
}

func (c *session) removeLocked(gone *Socket) {
	for at := &c.sockets; *at != nil; at = &(*at).next {
		if *at == gone {
			*at, gone.next = gone.next, nil
			return
		}
	}
}

// discard is the receiver of sockets that have none.
type discard struct{}

func (discard) Event(*Event) error         { return nil }
func (discard) Acked(uint64, []byte)       {}
func (discard) Disconnected(engine.Reason) {}
