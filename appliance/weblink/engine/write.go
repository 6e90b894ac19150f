package engine

import (
	"errors"
	"os"

	"github.com/yizhan-im/yizhan/appliance/tcp"
)

// flushHeld writes what the reader, or Opened, has queued.
func (c *Conn) flushHeld() {
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

// flush writes what is queued, once: what is queued meanwhile has its turn after
// other sessions. When the client does not take it all, a goroutine of its own
// goes on; flush does not block.
func (c *Conn) flush() {
	w := writers.Get().(*writer)
	if !c.take(w) {
		w.release()
		return
	}
	err := w.write(false)
	if errors.Is(err, tcp.ErrWouldBlock) {
		// Whoever flushes is a flusher, or a reader whom the flushers outlive: this
		// counts up from more than zero.
		c.server.writers.Go(func() { c.flushSlowly(w) })
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
func (c *Conn) flushSlowly(w *writer) {
	defer w.release()
	for {
		if err := w.write(true); err != nil {
			c.writeFailed(err)
			return
		}
		if !c.take(w) {
			return
		}
	}
}

// take moves what is queued to w. When there is nothing, writing is over: for
// now, or for ever when the session is closing.
func (c *Conn) take(w *writer) bool {
	c.mu.Lock()
	out := c.out
	c.out = nil
	c.outState = outWriting
	closing := c.closing.Load()
	if out == nil && !closing {
		c.outState = outIdle
	}
	c.mu.Unlock()
	if out != nil {
		c.server.metrics.messagesOut.Add(float64(len(out.frames)))
		w.load(c.ws, out)
		return true
	}
	if closing {
		c.endStream()
	}
	return false
}

// endStream tells the client that nothing more comes. The reader waits for it to
// close its end too, unless it has done so.
func (c *Conn) endStream() {
	k := c.ws
	c.mu.Lock()
	k.streamOver = true
	over := k.peerClosed
	c.mu.Unlock()
	if over {
		c.endNow()
		return
	}
	half, ok := k.conn.(interface{ CloseWrite() error })
	if !ok {
		return // the close frame says it too
	}
	if k.plain {
		_ = half.CloseWrite()
		return
	}
	// TLS writes its farewell, and may wait for the client to take it.
	c.server.writers.Go(func() { _ = half.CloseWrite() })
}

// writeFailed ends a session that cannot be written to.
func (c *Conn) writeFailed(err error) {
	reason := ReasonTransport
	if errors.Is(err, os.ErrDeadlineExceeded) {
		reason = ReasonSlow
	}
	c.mu.Lock()
	first := !c.closing.Swap(true)
	if first {
		c.reason = reason
	}
	c.mu.Unlock()
	if first && reason == ReasonSlow {
		c.server.metrics.writeTimeouts.Inc()
		c.server.log.Warn("weblink: client accepted nothing for too long", "remote", c.remote)
	}
	c.endNow()
}
