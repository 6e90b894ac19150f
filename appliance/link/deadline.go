package link

import (
	"math"
	"time"

	"github.com/yizhan-im/yizhan/appliance/wire"
)

// A connection ends by a deadline that depends on its phase: the handshake's,
// the login's, after it the idle timeout, which each input moves, and
// pauses.linger once it is closing. To set the socket's deadline for each input
// would cost about as much as a small read. So it is set once; when it strikes
// and the client has sent something since, it is set again for what is left.

// untilEnd asks wakeBy for no earlier wake-up than the connection's end.
const untilEnd = math.MaxInt64

// endLocked is when the connection's time is over if nothing more arrives. Only
// the reader may ask, for it owns lastInput.
func (c *conn) endLocked() int64 {
	if c.closing.Load() || c.idle == 0 {
		return c.limit
	}
	return c.lastInput + int64(c.idle)
}

// expire ends the connection if its time is over. One that has a session is
// closed with wire.CodeTimeout and then lingers; others end by the error.
func (c *conn) expire(now int64) error {
	c.mu.Lock()
	end := c.endLocked()
	loggedIn := c.idle > 0
	c.mu.Unlock()
	switch {
	case now < end:
		return nil
	case c.closing.Load() || c.session == nil:
		return errExpired
	}
	note := "nothing was heard from the client for too long"
	if !loggedIn {
		note = "the login took too long"
	}
	c.Close(wire.CodeTimeout, closePush(wire.CodeTimeout, note))
	return nil
}

// wakeBy sets the read deadline to at, or to the connection's end if that is
// earlier. Only the reader calls it.
func (c *conn) wakeBy(at int64) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.armLocked(min(at, c.endLocked()))
}

// wakeNoLaterLocked brings the read deadline forward to at.
func (c *conn) wakeNoLaterLocked(at int64) {
	if at < c.armed {
		c.armLocked(at)
	}
}

// endNow makes the reader end the connection at once; it is closing already.
// Nobody else closes the socket: that waits for the reader, which may be the one
// who wants it closed, or be held up in a handler.
func (c *conn) endNow() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.endNowLocked()
}

func (c *conn) endNowLocked() {
	c.limit = 0
	c.armLocked(0)
}

func (c *conn) armLocked(at int64) {
	c.armed = at
	// This fails only when the socket is closed, which the reader meets anyway.
	_ = c.socket.SetReadDeadline(c.server.started.Add(time.Duration(at)))
}
