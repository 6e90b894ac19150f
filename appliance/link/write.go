package link

import (
	"errors"
	"net"
	"os"
	"sync"
	"syscall"
	"time"

	"github.com/yizhan-im/yizhan/appliance/link/internal/framing"
	"github.com/yizhan-im/yizhan/appliance/secure"
	"github.com/yizhan-im/yizhan/appliance/session"
	"github.com/yizhan-im/yizhan/appliance/tcp"
	"github.com/yizhan-im/yizhan/appliance/wire"
)

// outState says who will write what is queued on a connection. Whoever changes
// it to outWriting seals and writes alone until it is outIdle again.
type outState uint8

const (
	outIdle    outState = iota // nothing is queued
	outHeld                    // the reader, when it has handled what it has read
	outQueued                  // a flusher, which has the connection in its list
	outWriting                 // a goroutine is at it, and takes what is added
)

// sealAtOnce is how much is sealed for one write.
const sealAtOnce = 4 * secure.MaxRecordPlain

// enqueue queues whole frames. It never blocks: whoever calls it may be the
// goroutine that applies everybody's messages.
func (c *conn) enqueue(frames []byte) {
	c.mu.Lock()
	if !c.takesMore() {
		return
	}
	c.appendLocked(frames)
	schedule := c.scheduleLocked()
	c.mu.Unlock()
	if schedule {
		c.flusher.Add(c)
	}
}

// PushAll implements session.Conn. Nothing passes through the flusher, unless
// somebody else is writing or the socket has no room.
func (c *conn) PushAll(evs []*session.Event) {
	c.mu.Lock()
	if !c.takesMore() {
		return
	}
	for _, ev := range evs {
		c.appendLocked(c.encode(ev))
	}
	mine := c.scheduleLocked()
	c.mu.Unlock()
	if mine {
		c.flush()
	}
}

// takesMore reports whether something may be queued. If not, it unlocks mu: the
// connection is closing, or is now closed because its queue is full.
func (c *conn) takesMore() bool {
	if c.closing.Load() {
		c.mu.Unlock()
		return false
	}
	if c.out != nil && len(c.out.B) > c.options.QueueBytes {
		c.mu.Unlock()
		c.cutOff()
		return false
	}
	return true
}

func (c *conn) appendLocked(frames []byte) {
	if c.out == nil {
		c.out = framing.GetBuffer()
	}
	c.out.B = append(c.out.B, frames...)
	c.outFrames++
}

// scheduleLocked reports whether the caller must give c to its flusher, or flush.
func (c *conn) scheduleLocked() bool {
	if c.outState != outIdle {
		return false
	}
	c.outState = outQueued
	return true
}

// hold makes what is queued from now on wait for flushHeld.
func (c *conn) hold() {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.outState == outIdle {
		c.outState = outHeld
	}
}

func (c *conn) flushHeld() {
	c.mu.Lock()
	held := c.outState == outHeld
	if held && c.out == nil && !c.closing.Load() {
		c.outState = outIdle
		held = false
	}
	c.mu.Unlock()
	if held {
		c.flush()
	}
}

// Close implements session.Conn.
func (c *conn) Close(reason wire.Code, last *session.Event) {
	c.close(reason, last, false)
}

// cutOff closes the connection of a client that does not keep up. What is queued
// for it is dropped; it will sync.
func (c *conn) cutOff() {
	if c.close(wire.CodeSlowClient, closePush(wire.CodeSlowClient, "the queue of this connection is full"), true) {
		c.server.metrics.queueCutoffs.Inc()
		c.server.log.Warn("link: client reads too slowly, its queue is full", "remote", c.socket.RemoteAddr(), "session", sessionID(c.session))
	}
}

// close begins the end of the connection and reports whether it was the first to
// do so. With drop, what is queued is forgotten.
func (c *conn) close(reason wire.Code, last *session.Event, drop bool) bool {
	c.mu.Lock()
	if c.closing.Swap(true) {
		c.mu.Unlock()
		return false
	}
	c.reason = reason
	if c.session == nil { // nothing can be said before the handshake
		c.endNowLocked()
		c.mu.Unlock()
		return true
	}
	if drop {
		c.out.Release()
		c.out, c.outFrames = nil, 0
	}
	if last != nil {
		c.appendLocked(last.Encoded(session.EncodingLinkPlain, encodePlain))
	}
	c.limit = c.server.now() + int64(c.server.pauses.linger)
	c.wakeNoLaterLocked(c.limit)
	schedule := c.scheduleLocked() // also when nothing is queued: the flusher ends the stream
	c.mu.Unlock()
	if schedule {
		c.flusher.Add(c)
	}
	return true
}

// flush writes what is queued, once: what is queued meanwhile has its turn after
// other connections. When the socket does not take it all, a goroutine of its
// own goes on; flush does not block.
func (c *conn) flush() {
	w := writers.Get().(*writer)
	if !c.take(w) {
		w.release()
		return
	}
	err := w.write(c.raw, false)
	if errors.Is(err, tcp.ErrWouldBlock) {
		if !c.server.startWriter(func() { c.flushSlowly(w) }) {
			w.release()
			c.writeFailed(net.ErrClosed)
		}
		return
	}
	w.release()
	if err != nil {
		c.writeFailed(err)
		return
	}
	c.mu.Lock()
	c.outState = outIdle
	again := (c.out != nil || c.closing.Load()) && c.scheduleLocked()
	c.mu.Unlock()
	if again {
		c.flusher.Add(c)
	}
}

// flushSlowly goes on with what w holds and what is queued behind it, as fast as
// the client reads.
func (c *conn) flushSlowly(w *writer) {
	defer w.release()
	for {
		for w.pending() {
			_ = c.socket.SetWriteDeadline(time.Now().Add(c.options.WriteTimeout))
			if err := w.write(c.raw, true); err != nil {
				c.writeFailed(err)
				return
			}
		}
		_ = c.socket.SetWriteDeadline(time.Time{})
		if !c.take(w) {
			return
		}
	}
}

// take moves what is queued to w. When there is nothing, writing is over: for
// now, or for ever when the connection is closing.
func (c *conn) take(w *writer) bool {
	c.mu.Lock()
	out, frames := c.out, c.outFrames
	c.out, c.outFrames = nil, 0
	c.outState = outWriting
	closing := c.closing.Load()
	if out == nil && !closing {
		c.outState = outIdle
	}
	c.mu.Unlock()

	if out != nil {
		c.server.metrics.framesOut.Add(float64(frames))
		w.load(c, out)
		return true
	}
	if closing {
		c.endStream()
	}
	return false
}

// endStream tells the client that nothing more comes. The reader waits for it to
// close its end too, unless the node is in a hurry.
func (c *conn) endStream() {
	if c.socket.CloseWrite() != nil || c.server.isClosed() {
		c.endNow()
	}
}

// writeFailed ends a connection that cannot be written to.
func (c *conn) writeFailed(err error) {
	reason := wire.CodeNetwork
	if errors.Is(err, os.ErrDeadlineExceeded) {
		reason = wire.CodeSlowClient
		c.server.metrics.writeTimeouts.Inc()
		c.server.log.Warn("link: client accepted nothing for too long", "remote", c.socket.RemoteAddr(), "session", sessionID(c.session))
	}
	c.mu.Lock()
	if !c.closing.Swap(true) {
		c.reason = reason
	}
	c.endNowLocked()
	c.mu.Unlock()
}

// writer seals frames and writes the records. It is lent to a goroutine that
// flushes; only one that waits for a slow client keeps it for long.
type writer struct {
	c      *conn
	out    *framing.Buffer
	plain  []byte // of out: not sealed yet
	sealed []byte // memory
	rest   []byte // of sealed: not written yet

	// Arguments and results of try and once, which are made once for all writes.
	try  func(fd uintptr) bool
	once func(fd uintptr)
	wait bool
	err  error
}

var writers = sync.Pool{New: func() any {
	w := &writer{sealed: make([]byte, 0, 4<<10)}
	w.try = w.tryWrite
	w.once = func(fd uintptr) { w.tryWrite(fd) }
	return w
}}

func (w *writer) load(c *conn, out *framing.Buffer) {
	w.c, w.out, w.plain = c, out, out.B
}

func (w *writer) pending() bool {
	return len(w.plain)+len(w.rest) > 0
}

func (w *writer) release() {
	w.out.Release()
	w.c, w.out, w.plain, w.rest, w.err = nil, nil, nil, nil, nil
	writers.Put(w)
}

// write writes all that is pending. With wait it waits, once, until the socket
// takes something; without, it returns tcp.ErrWouldBlock.
func (w *writer) write(raw syscall.RawConn, wait bool) error {
	w.wait, w.err = wait, nil
	var err error
	if wait {
		err = raw.Write(w.try)
	} else {
		err = raw.Control(w.once) // as Write, without what it takes to be able to wait
	}
	if err != nil {
		return err
	}
	if w.err == nil && !w.pending() {
		w.out.Release()
		w.out = nil
	}
	return w.err
}

func (w *writer) tryWrite(fd uintptr) (done bool) {
	progress := false
	for w.pending() {
		if len(w.rest) == 0 {
			piece := w.plain[:min(len(w.plain), sealAtOnce)]
			w.plain = w.plain[len(piece):]
			w.sealed = w.c.secure.Seal(w.sealed[:0], piece)
			w.rest = w.sealed
		}
		n, err := tcp.Write(int(fd), w.rest)
		if err == tcp.ErrWouldBlock && w.wait {
			return progress
		}
		if err != nil {
			w.err = err
			return true
		}
		progress = true
		w.rest = w.rest[n:]
		w.c.server.metrics.bytesOut.Add(float64(n))
	}
	return true
}
