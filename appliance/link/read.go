package link

import (
	"errors"
	"io"
	"os"
	"sync"

	"github.com/yizhan-im/yizhan/appliance/tcp"
	"github.com/yizhan-im/yizhan/appliance/wire"
)

// A connection has one goroutine, which owns everything that is read. While the
// client is busy that is serve: it reads, handles, and waits for more. A
// goroutine's stack grows with what it calls and, once grown, never becomes as
// small again as a new one. So when the client has been quiet for pauses.quiet,
// serve ends and park takes over: a fresh goroutine that does nothing but wait,
// on a stack of 2 KiB, and starts serve anew when there is something to do.

// readSize is how much is read from a socket at once: room for some records of
// the greatest size.
const readSize = 32 << 10

// readBuffers lends the memory to read into. A connection holds one only while
// it handles what it has read, never while it waits.
var readBuffers = sync.Pool{New: func() any { return new([readSize]byte) }}

// errExpired ends a connection whose time is over.
var errExpired = errors.New("link: deadline passed")

// start is the first goroutine of a connection.
func (c *conn) start() {
	tcp.SetOptions(c.raw)
	c.serve()
}

// serve reads and handles what arrives until the client has been quiet for a
// while, or the connection ends.
func (c *conn) serve() {
	for {
		c.wakeBy(c.server.now() + int64(c.server.pauses.quiet))
		var end error
		err := c.raw.Read(func(fd uintptr) bool {
			end = c.readAll(int(fd))
			return end != nil
		})
		if end != nil {
			err = end
		}
		if !errors.Is(err, os.ErrDeadlineExceeded) {
			c.finish(err)
			return
		}
		now := c.server.now()
		if err := c.expire(now); err != nil {
			c.finish(err)
			return
		}
		if now-c.lastInput >= int64(c.server.pauses.quiet) {
			c.wakeBy(untilEnd)
			go c.park()
			return
		}
	}
}

// park waits until there is something to do. It must stay shallow.
func (c *conn) park() {
	c.parked = false
	_ = c.raw.Read(c.readable) // whatever ended the wait, serve will meet it
	go c.serve()
}

// readable is the callback of park: at first it looks whether something arrived
// before the poller was armed; when it is called again, something has.
func (c *conn) readable(fd uintptr) bool {
	if c.parked {
		return true
	}
	c.parked = !tcp.HasInput(int(fd))
	return !c.parked
}

// readAll reads and handles until the socket has no more, and returns nil then.
// Any error ends the connection.
func (c *conn) readAll(fd int) error {
	buf := readBuffers.Get().(*[readSize]byte)
	defer readBuffers.Put(buf)
	for {
		n, err := tcp.Read(fd, buf[:])
		if err == tcp.ErrWouldBlock {
			return nil
		}
		if err != nil {
			return err
		}
		c.lastInput = c.server.now()
		c.server.metrics.bytesIn.Add(float64(n))
		if err := c.receive(buf[:n]); err != nil {
			return err
		}
	}
}

// receive handles in, which it may change. What it answers is written at the
// end, together: clients send requests in bursts.
func (c *conn) receive(in []byte) error {
	if c.closing.Load() {
		// The client will read why. What it still sends is read, so that closing
		// the socket does not reset the connection, and dropped.
		return c.expire(c.lastInput)
	}
	c.hold()
	defer c.flushHeld()
	joined := c.sealed.join(in)
	rest, err := c.open(joined)
	if err == nil {
		c.sealed.keep(joined, rest)
		return nil
	}
	c.sealed, c.plain = nil, nil
	var reason *wire.Error
	if c.session == nil || !errors.As(err, &reason) {
		return err
	}
	c.server.log.Warn("link: bad input from a client", "remote", c.socket.RemoteAddr(), "session", sessionID(c.session), "code", reason.Code, "note", reason.Note)
	c.Close(reason.Code, closePush(reason.Code, reason.Note))
	return nil
}

// finish ends the connection. It is the last thing that its goroutine does.
func (c *conn) finish(err error) {
	c.mu.Lock()
	stopped := c.closing.Swap(true)
	if !stopped {
		c.reason = wire.CodeNetwork
		if errors.Is(err, io.EOF) {
			c.reason = wire.CodeOK
		}
	}
	reason := c.reason
	c.out.Release()
	c.out = nil
	c.mu.Unlock()

	_ = c.socket.Close()
	c.sealed, c.plain = nil, nil
	if c.session != nil {
		c.server.handler.Disconnected(c.session, reason)
		c.server.metrics.closes.WithLabelValues(reason.String()).Inc()
		c.server.log.Debug("link: connection closed", "remote", c.socket.RemoteAddr(), "reason", reason, "error", err)
	} else {
		c.server.handshakeFailed(c, err, stopped)
	}
	c.server.unregister(c)
}
