package engine

import (
	"errors"
	"os"
	"sync"

	"github.com/yizhan-im/yizhan/appliance/tcp"
)

// A WebSocket has one goroutine, which owns everything that is read. While the
// client is busy that is serve: it reads, handles, and waits for more. A
// goroutine's stack grows with what it calls and, once grown, never becomes as
// small again as a new one. So when the client has been quiet for pauses.quiet,
// serve ends and park takes over: a fresh goroutine that does nothing but wait
// for the TCP connection, on a stack of 2 KiB, and starts serve anew when there
// is something to do.
//
// TLS may hold back what it has read from the TCP connection already. That
// serve's last read found nothing within its deadline proves that it holds
// nothing whole: its next bytes will come, or not, through the TCP connection.

const (
	// plainRead is how much is read from a TCP connection at once.
	plainRead = 32 << 10
	// layeredRead is how much is read through TLS at once. This buffer is kept
	// while serve waits, because only a read tells whether TLS holds something.
	layeredRead = 4 << 10
)

// The buffers lend the memory to read into. A WebSocket holds one only while it
// handles what it has read or, with TLS, until it is parked.
var (
	plainBuffers   = sync.Pool{New: func() any { return new([plainRead]byte) }}
	layeredBuffers = sync.Pool{New: func() any { return new([layeredRead]byte) }}
)

var (
	// errExpired ends a WebSocket whose time is over.
	errExpired = errors.New("weblink: deadline passed")
	// errClosed ends a WebSocket that both sides have closed.
	errClosed = errors.New("weblink: closed by both sides")
)

// serve reads and handles what arrives until the client has been quiet for a
// while, or the WebSocket ends.
func (k *socket) serve() {
	quiet := k.quiet()
	for {
		k.wakeBy(k.session.server.now() + quiet)
		var err error
		if k.plain {
			err = k.readPlain()
		} else {
			err = k.readLayered()
		}
		if !errors.Is(err, os.ErrDeadlineExceeded) {
			k.finish(err)
			return
		}
		now := k.session.server.now()
		if err := k.expire(now); err != nil {
			k.finish(err)
			return
		}
		if now-k.lastInput >= quiet && k.raw != nil {
			k.wakeBy(untilDue)
			go k.park()
			return
		}
	}
}

// quiet is after how much silence park takes over, in nanoseconds.
func (k *socket) quiet() int64 {
	if k.plain {
		return int64(k.session.server.pauses.quiet)
	}
	return int64(k.session.server.pauses.quietLayered)
}

// park waits until there is something to do. It must stay shallow.
func (k *socket) park() {
	k.parked = false
	_ = k.raw.Read(k.readable) // whatever ended the wait, serve will meet it
	go k.serve()
}

// readable is the callback of park: at first it looks whether something arrived
// before the poller was armed; when it is called again, something has.
func (k *socket) readable(fd uintptr) bool {
	if k.parked {
		return true
	}
	k.parked = !tcp.HasInput(int(fd))
	return !k.parked
}

// readPlain reads from the TCP connection until the deadline or an error.
func (k *socket) readPlain() error {
	var end error
	err := k.raw.Read(func(fd uintptr) bool {
		end = k.readAll(int(fd))
		return end != nil
	})
	if end != nil {
		return end
	}
	return err
}

// readAll reads and handles until the socket has no more, and returns nil then.
// One that always has more is put aside after a while, as if its deadline had
// passed: a client that sends without a pause must not stop its session's clock.
func (k *socket) readAll(fd int) error {
	buf := plainBuffers.Get().(*[plainRead]byte)
	defer plainBuffers.Put(buf)
	for until := k.session.server.now() + k.quiet(); ; {
		n, err := tcp.Read(fd, buf[:])
		if err == tcp.ErrWouldBlock {
			return nil
		}
		if err != nil {
			return err
		}
		if err := k.receive(buf[:n]); err != nil {
			return err
		}
		if k.lastInput >= until {
			return os.ErrDeadlineExceeded
		}
	}
}

// readLayered reads through TLS until the deadline or an error.
func (k *socket) readLayered() error {
	buf := layeredBuffers.Get().(*[layeredRead]byte)
	defer layeredBuffers.Put(buf)
	for {
		n, err := k.conn.Read(buf[:])
		if n > 0 {
			if err := k.receive(buf[:n]); err != nil {
				return err
			}
		}
		if err != nil {
			return err
		}
	}
}

// expire does what is due, and fails when the WebSocket's time is over.
func (k *socket) expire(now int64) error {
	c := k.session
	if k.attached {
		if c.tick(now) {
			return errExpired
		}
		return nil
	}
	c.mu.Lock()
	over := k.expelled || now >= k.limit
	c.mu.Unlock()
	if over {
		return errExpired
	}
	return nil
}

// wakeBy sets the read deadline to at, or to what is due if that is earlier.
func (k *socket) wakeBy(at int64) {
	if k.attached {
		k.session.wakeBy(at)
		return
	}
	c := k.session
	c.mu.Lock()
	defer c.mu.Unlock()
	if k.expelled {
		at = 0
	}
	k.armLocked(min(at, k.limit))
}

// finish ends the WebSocket. It is the last thing that its goroutine does.
func (k *socket) finish(err error) {
	if !k.attached {
		k.finishCandidate(err)
		return
	}
	c := k.session
	c.mu.Lock()
	if !c.closing.Swap(true) {
		c.reason = ReasonTransport
	}
	c.ended = true
	c.out.release()
	c.out = nil
	c.mu.Unlock()
	k.close()
	k.decoder.Init(0, false) // a message that is not whole
	c.end()
}
