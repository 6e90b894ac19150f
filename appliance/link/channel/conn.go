package channel

import (
	"errors"
	"io"
	"net"
	"slices"
	"sync"
	"time"

	"github.com/yizhan-im/yizhan/appliance/link/internal/framing"
	"github.com/yizhan-im/yizhan/appliance/secure"
	"github.com/yizhan-im/yizhan/appliance/wire"
)

const (
	// maxQueued is how many bytes may wait for Flush; Append flushes by itself
	// when there are more.
	maxQueued = 256 << 10
	// maxKept is the largest buffer, in bytes, that a connection keeps after the
	// rare large frame that needed it.
	maxKept = 64 << 10
)

// Conn is a client's connection after its handshake. One goroutine may read
// while others write.
type Conn struct {
	nc     net.Conn
	secure *secure.Channel

	// Reading, owned by the goroutine that calls ReadFrame.
	in         []byte // what has been read from the socket: in[start:end] is not opened yet
	start, end int
	plain      []byte // opened bytes that hold the next frames; shares memory with in or partial
	partial    []byte // memory for a frame that several records carry
	unpacked   []byte // memory for a decompressed payload

	// Writing.
	queueMu sync.Mutex
	queue   []byte // whole frames, not sealed
	spare   []byte // the other half of queue's double buffer; under writeMu
	writeMu sync.Mutex
	sealed  []byte // under writeMu
	broken  error  // why writing is over; under writeMu
}

// ReadFrame waits for the next frame. Its payload is decompressed, and valid
// until the next call. After an error the connection is of no more use, except
// after one for which os.ErrDeadlineExceeded holds. io.EOF means that the server
// closed it between two records.
func (c *Conn) ReadFrame() (wire.Frame, error) {
	for {
		f, n, err := wire.ParseFrame(c.plain, wire.MaxFrame)
		if err != nil {
			return wire.Frame{}, err
		}
		if n > 0 {
			c.plain = c.plain[n:]
			return c.decompress(f)
		}
		if err := c.open(); err != nil {
			return wire.Frame{}, err
		}
	}
}

func (c *Conn) decompress(f wire.Frame) (wire.Frame, error) {
	if f.Compression == wire.CompressionNone {
		return f, nil
	}
	if cap(c.unpacked) > maxKept {
		c.unpacked = nil
	}
	out, err := framing.Decompress(c.unpacked[:0], &f, c.secure.Codecs())
	if err != nil {
		return wire.Frame{}, err
	}
	c.unpacked = out
	f.Payload, f.Compression = out, wire.CompressionNone
	return f, nil
}

// open adds the plain bytes of the next record to c.plain.
func (c *Conn) open() error {
	for {
		plain, n, err := c.secure.Open(c.in[c.start:c.end])
		if err != nil {
			return err
		}
		if n > 0 {
			c.start += n
			if len(c.plain) == 0 {
				c.plain = plain
				return nil
			}
			c.keepPartial()
			c.partial = append(c.partial, plain...)
			c.plain = c.partial
			return nil
		}
		c.keepPartial()
		if err := c.fill(); err != nil {
			return err
		}
	}
}

// keepPartial moves the beginning of a frame out of the read buffer, which is
// about to change.
func (c *Conn) keepPartial() {
	switch {
	case len(c.plain) == 0:
		c.plain = nil
		if cap(c.partial) > maxKept {
			c.partial = nil
		}
		c.partial = c.partial[:0]
	case len(c.partial) > 0 && &c.plain[0] == &c.partial[0]:
		// It is there already.
	default:
		c.partial = append(c.partial[:0], c.plain...) // may overlap: append moves
		c.plain = c.partial
	}
}

// fill reads from the socket once, after making room.
func (c *Conn) fill() error {
	if c.start > 0 {
		c.end = copy(c.in, c.in[c.start:c.end])
		c.start = 0
	}
	if c.end == len(c.in) {
		c.in = slices.Grow(c.in, max(len(c.in), secure.MaxRecord-len(c.in)))
		c.in = c.in[:cap(c.in)]
	}
	n, err := c.nc.Read(c.in[c.end:])
	c.end += n
	if n > 0 {
		return nil
	}
	if errors.Is(err, io.EOF) && (c.end > 0 || len(c.plain) > 0) {
		return io.ErrUnexpectedEOF
	}
	return err
}

// Append queues f for the next Flush, with body as its payload when that is not
// nil and f.Payload otherwise, compressed as agreed with the server. Any
// goroutine may call it. When much is queued it flushes, which may block.
func (c *Conn) Append(f *wire.Frame, body wire.Body) error {
	codecs := c.secure.Codecs()
	if !f.Command.Compressible() {
		codecs = 0
	}
	c.queueMu.Lock()
	var err error
	c.queue, err = framing.Append(c.queue, f, body, codecs)
	full := len(c.queue) > maxQueued
	c.queueMu.Unlock()
	if err == nil && full {
		err = c.Flush()
	}
	return err
}

// Flush writes all that is queued. Any goroutine may call it: one that waits for
// another's write finds that its own frames went along, or writes them together
// with those of others.
func (c *Conn) Flush() error {
	c.writeMu.Lock()
	defer c.writeMu.Unlock()
	if c.broken != nil {
		return c.broken
	}
	c.queueMu.Lock()
	frames := c.queue
	c.queue = c.spare[:0]
	c.queueMu.Unlock()
	c.spare = frames[:0]

	if len(frames) == 0 {
		return nil
	}
	c.sealed = c.secure.Seal(c.sealed[:0], frames)
	// A write that stops in the middle leaves a piece of a record behind, which
	// nothing can follow.
	if _, c.broken = c.nc.Write(c.sealed); c.broken != nil {
		return c.broken
	}
	if cap(c.sealed) > maxKept {
		c.sealed, c.spare = nil, nil
	}
	return nil
}

// WriteFrame is Append, then Flush.
func (c *Conn) WriteFrame(f *wire.Frame, body wire.Body) error {
	if err := c.Append(f, body); err != nil {
		return err
	}
	return c.Flush()
}

// Codecs is what both sides have agreed to use for compression.
func (c *Conn) Codecs() secure.Codecs { return c.secure.Codecs() }

// SetReadDeadline bounds the wait of ReadFrame, which may go on after it.
func (c *Conn) SetReadDeadline(t time.Time) error { return c.nc.SetReadDeadline(t) }

// SetWriteDeadline bounds Flush. A Flush that misses it breaks the connection.
func (c *Conn) SetWriteDeadline(t time.Time) error { return c.nc.SetWriteDeadline(t) }

// LocalAddr is this end's address.
func (c *Conn) LocalAddr() net.Addr { return c.nc.LocalAddr() }

// RemoteAddr is the server's address.
func (c *Conn) RemoteAddr() net.Addr { return c.nc.RemoteAddr() }

// Close closes the connection. Reads and writes that wait return net.ErrClosed.
func (c *Conn) Close() error { return c.nc.Close() }
