package engine

import "time"

// A session has something to do by itself at one time: to ping, to miss a pong,
// or to end. Where it waits for input of a WebSocket that time is the socket's
// read deadline; while it polls it is a timer. Either is set once and looked at
// when it strikes, for to set it anew for each input would cost about as much as
// a small read.

// untilDue asks wakeBy for no earlier wake-up than what is due.
const untilDue = int64(1<<63 - 1)

// dueLocked is when the session has something to do if nothing arrives.
func (c *Conn) dueLocked() int64 {
	switch {
	case c.closing.Load():
		return c.limit
	case c.established:
		return c.beat
	default:
		return min(c.beat, c.limit)
	}
}

// tick does what is due and reports whether the session's time is over.
func (c *Conn) tick(now int64) (over bool) {
	c.mu.Lock()
	late := ReasonOpenTimeout
	switch {
	case c.closing.Load():
		over = now >= c.limit
		late = 0
	case !c.established && now >= c.limit:
	case now < c.beat:
		late = 0
	case c.awaitsPong:
		late = ReasonPing
	default:
		late = 0
		c.awaitsPong = true
		// From when the ping was due, as the client counts, but never so that a node
		// which stood still for a while loses everybody.
		timeout := int64(c.options.PingTimeout)
		c.beat = max(c.beat+timeout, now+timeout/2)
		c.appendLocked(pingFrame)
		if c.scheduleLocked() {
			c.mu.Unlock()
			c.flusher.Add(c)
			return false
		}
	}
	c.mu.Unlock()
	if late != 0 {
		c.close(late, ending{})
	}
	return over
}

// ponged takes a pong. One that was not asked for changes nothing.
func (c *Conn) ponged() {
	c.mu.Lock()
	defer c.mu.Unlock()
	if !c.awaitsPong || c.closing.Load() {
		return
	}
	c.awaitsPong = false
	c.beat = c.server.now() + int64(c.options.PingInterval)
	c.wakeNoLaterLocked(c.beat)
}

// wakeBy wakes the session at at, or when something is due if that is earlier.
func (c *Conn) wakeBy(at int64) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.armLocked(min(at, c.dueLocked()))
}

// wakeNoLaterLocked brings the wake-up forward to at.
func (c *Conn) wakeNoLaterLocked(at int64) {
	if at < c.armed {
		c.armLocked(at)
	}
}

func (c *Conn) armLocked(at int64) {
	c.armed = at
	if c.ws != nil {
		// This fails only when the socket is closed, which the reader meets anyway.
		_ = c.ws.conn.SetReadDeadline(c.server.started.Add(time.Duration(at)))
		return
	}
	c.polling.timer.Reset(time.Duration(at - c.server.now()))
}

// endNow makes the reader of the WebSocket end the session at once; it is
// closing already. Nobody else closes the socket: others may still write to it.
func (c *Conn) endNow() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.limit = 0
	c.armLocked(0)
}
