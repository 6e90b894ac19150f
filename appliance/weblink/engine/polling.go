package engine

import (
	"sync"
	"time"
)

// polling is what a session needs that is not a WebSocket, or was not from its
// beginning.
type polling struct {
	id    sid
	timer *time.Timer
	wake  chan struct{} // one token: something has changed for the poll that waits

	// Under Conn.mu.
	get       bool    // a poll waits
	post      bool    // a POST is being read or handled
	released  bool    // the poll that waits shall end
	probed    bool    // polls shall end soon: candidate has passed its probe
	reserved  bool    // a WebSocket handshake is under way
	candidate *socket // the WebSocket that may take over
}

func newPolling(c *Conn) *polling {
	p := &polling{id: newSID(), wake: make(chan struct{}, 1)}
	p.timer = time.AfterFunc(time.Hour, c.strike)
	return p
}

// signal lets the poll that waits look again.
func (p *polling) signal() {
	select {
	case p.wake <- struct{}{}:
	default:
	}
}

// strike is called by the timer, and by requests that find it late.
func (c *Conn) strike() {
	over := c.tick(c.server.now())
	c.mu.Lock()
	defer c.mu.Unlock()
	switch {
	case c.ended || c.ws != nil:
	case over:
		c.endPollingLocked()
	default:
		c.armLocked(c.dueLocked())
	}
}

// current does what is due, and reports whether the session still polls. The
// timer may be late when the node is busy: requests are not to profit.
func (c *Conn) current() bool {
	c.mu.Lock()
	polls := c.ws == nil && !c.ended
	due := polls && c.server.now() >= c.dueLocked()
	c.mu.Unlock()
	if !due {
		return polls
	}
	c.strike()
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.ws == nil && !c.ended
}

// endPollingLocked ends a session that polls; it is closing already.
func (c *Conn) endPollingLocked() {
	if c.ended || c.ws != nil {
		return
	}
	c.ended = true
	c.out.release()
	c.out = nil
	p := c.polling
	p.timer.Stop()
	p.signal()
	if p.candidate != nil {
		p.candidate.expelLocked()
	}
	go c.end()
}

// broke ends a session whose request failed: what it carried may be lost.
func (c *Conn) broke(err error) {
	c.server.log.Debug("weblink: request of a session failed", "remote", c.remote, "error", err)
	c.close(ReasonTransport, ending{drop: true})
}

// releasePoll ends the poll that waits.
func (c *Conn) releasePoll() {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.ws == nil && c.polling != nil && c.polling.get {
		c.polling.released = true
		c.polling.signal()
	}
}

// buffers lends memory for the bodies of requests and answers.
var buffers = sync.Pool{New: func() any { return new(buffer) }}

type buffer struct{ b []byte }

// maxPooledBuffer is the largest buffer that is kept, in bytes.
const maxPooledBuffer = 64 << 10

func getBuffer() *buffer { return buffers.Get().(*buffer) }

func (b *buffer) release() {
	if cap(b.b) <= maxPooledBuffer {
		b.b = b.b[:0]
		buffers.Put(b)
	}
}
