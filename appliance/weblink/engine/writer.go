package engine

import (
	"sync"
	"time"

	"github.com/yizhan-im/yizhan/appliance/tcp"
)

const (
	// coalesced is how much is written at once when it comes from several frames:
	// to copy small frames together is cheaper than to list them for the kernel,
	// and TLS makes one record of them (RFC 8446 §5.1: at most 16 KiB).
	coalesced = 16 << 10
	// writeCost is what a write through TLS may take of the kernel's buffer besides
	// twice its bytes: the kernel counts its own memory, and TLS writes small
	// records as long as a connection is young.
	writeCost = 2 << 10
	// slowPiece is how much a slow client must take within WriteTimeout when TLS
	// does not tell what it has taken.
	slowPiece = 4 << 10
)

// writer writes the frames of a queue. It is lent to a goroutine that flushes;
// only one that waits for a slow client keeps it for long.
type writer struct {
	k    *socket
	out  *queue
	next int    // index in out of the first frame that is not in rest
	buf  []byte // memory
	rest []byte // of buf or of a frame: not written yet

	// Arguments and results of try and ask, which are made once for all writes.
	try  func(fd uintptr) bool
	ask  func(fd uintptr)
	wait bool
	err  error
}

var writers = sync.Pool{New: func() any {
	w := &writer{buf: make([]byte, 0, coalesced)}
	w.try = w.tryWrite
	w.ask = func(fd uintptr) { w.k.room = tcp.SendRoom(int(fd)) }
	return w
}}

func (w *writer) load(k *socket, out *queue) {
	w.k, w.out, w.next = k, out, 0
}

func (w *writer) release() {
	w.out.release()
	w.k, w.out, w.next, w.rest, w.err = nil, nil, 0, nil, nil
	writers.Put(w)
}

// fill makes rest what is to be written next, and reports whether there is
// anything.
func (w *writer) fill() bool {
	if len(w.rest) > 0 {
		return true
	}
	frames := w.out.frames[w.next:]
	w.buf = w.buf[:0]
	for len(frames) > 0 && len(w.buf)+len(frames[0]) <= cap(w.buf) {
		if len(frames) == 1 && len(w.buf) == 0 {
			break // alone: it need not be copied
		}
		w.buf = append(w.buf, frames[0]...)
		frames = frames[1:]
	}
	w.rest = w.buf
	if len(w.buf) == 0 && len(frames) > 0 {
		w.rest, frames = frames[0], frames[1:]
	}
	w.next = len(w.out.frames) - len(frames)
	return len(w.rest) > 0
}

// write writes everything. Without wait it returns tcp.ErrWouldBlock instead of
// waiting for the client.
func (w *writer) write(wait bool) error {
	w.wait = wait
	if !w.k.plain {
		return w.writeLayered()
	}
	for w.fill() {
		if wait {
			w.k.extend()
		}
		w.err = nil
		if err := w.k.raw.Write(w.try); err != nil {
			return err
		}
		if w.err != nil {
			return w.err
		}
	}
	if wait {
		_ = w.k.conn.SetWriteDeadline(time.Time{})
	}
	return nil
}

// extend gives the client another WriteTimeout.
func (k *socket) extend() {
	_ = k.conn.SetWriteDeadline(time.Now().Add(k.session.options.WriteTimeout))
}

// tryWrite writes until everything is written. When the kernel takes no more it
// returns false, which waits for room, if nothing was written yet and the writer
// may wait.
func (w *writer) tryWrite(fd uintptr) (done bool) {
	progress := false
	for w.fill() {
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
		w.k.session.server.metrics.bytesOut.Add(float64(n))
	}
	return true
}

// writeLayered writes through TLS, which waits in the kernel when that takes no
// more. So without wait it writes only what the kernel surely takes.
func (w *writer) writeLayered() error {
	k := w.k
	// What was known is out of date: TLS answers to the client by itself, and whoever
	// reads waits within TLS, which others cannot write to then, when that finds no
	// room.
	k.room = 0
	for w.fill() {
		piece := w.rest
		if w.wait {
			piece = piece[:min(len(piece), slowPiece)]
			k.extend()
		} else {
			if 2*len(piece)+writeCost > k.room && !w.askRoom() {
				return tcp.ErrWouldBlock
			}
			piece = piece[:min(len(piece), (k.room-writeCost)/2)]
			k.extendLazily()
		}
		n, err := k.conn.Write(piece)
		w.rest = w.rest[n:]
		k.session.server.metrics.bytesOut.Add(float64(n))
		if err != nil {
			return err
		}
		k.room -= 2*n + writeCost
	}
	return nil
}

// askRoom asks the kernel for what it takes, and reports whether that is worth a
// write.
func (w *writer) askRoom() bool {
	k := w.k
	if k.raw == nil || k.raw.Control(w.ask) != nil {
		k.room = 0
	}
	return k.room >= 4*writeCost
}

// extendLazily sees to it that a write which waits, against all expectation, ends.
func (k *socket) extendLazily() {
	timeout := int64(k.session.options.WriteTimeout)
	now := k.session.server.now()
	if k.writeOver-now < timeout/2 {
		k.writeOver = now + timeout
		_ = k.conn.SetWriteDeadline(k.session.server.started.Add(time.Duration(k.writeOver)))
	}
}
