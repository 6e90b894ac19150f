package websocket

import (
	"sync"

	"github.com/klauspost/compress/flate"
)

// deflateLevel: README.md has the measurement.
const deflateLevel = 1

// minDeflate is the payload in bytes below which DEFLATE cannot gain enough to
// pay for itself: the frame is made without compression.
const minDeflate = 32

// flushTail is what a sync flush of DEFLATE ends with. It does not travel
// (RFC 7692 §7.2.1).
const flushTail = "\x00\x00\xff\xff"

// deflater is a compressor with the place that it writes to.
type deflater struct {
	writer *flate.Writer
	out    []byte
	limit  int  // out may not become longer
	full   bool // it would have
}

func (d *deflater) Write(p []byte) (int, error) {
	if d.full = d.full || len(p) > d.limit-len(d.out); !d.full {
		d.out = append(d.out, p...)
	}
	return len(p), nil
}

// deflaters: a compressor is far too large to own one per connection.
var deflaters = sync.Pool{New: func() any {
	d := new(deflater)
	// The level is a constant of this package, so there is no error.
	d.writer, _ = flate.NewWriter(d, deflateLevel)
	return d
}}

// AppendDeflated is AppendMessage for clients with which permessage-deflate was
// negotiated: the payload is compressed by itself (RFC 7692 §7.2.1), and the
// frame may be shared between all such clients. When compression does not make
// the frame shorter, it is the frame that AppendMessage makes.
func AppendDeflated(dst []byte, op Opcode, payload []byte) []byte {
	if len(payload) < minDeflate {
		return AppendMessage(dst, op, payload)
	}
	d := deflaters.Get().(*deflater)
	defer func() {
		d.out = nil
		deflaters.Put(d)
	}()

	// Room for the longest header first; it moves when a shorter one will do.
	start := len(dst)
	room := headerSize(len(payload))
	body := start + room
	d.out, d.limit, d.full = append(dst, make([]byte, room)...), body+len(payload)-1+len(flushTail), false
	d.writer.Reset(d)
	_, _ = d.writer.Write(payload) // deflater.Write returns no error
	_ = d.writer.Flush()
	if d.full {
		return AppendMessage(d.out[:start], op, payload) // in the memory that there is now
	}
	compressed := d.out[body : len(d.out)-len(flushTail)]
	out := appendHeader(d.out[:start], finBit|rsv1Bit|byte(op), len(compressed))
	return append(out, compressed...)
}
