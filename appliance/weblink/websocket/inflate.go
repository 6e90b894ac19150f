package websocket

import (
	"bytes"
	"errors"
	"io"
	"sync"

	"github.com/klauspost/compress/flate"
)

// inflateTail follows a compressed payload: the end of its sync flush, which
// did not travel (RFC 7692 §7.2.2), and an empty final block, which makes the
// end of a message the end of a DEFLATE stream.
const inflateTail = flushTail + "\x01\x00\x00\xff\xff"

const (
	// maxWindow is how far back DEFLATE looks, in bytes.
	maxWindow = 32 << 10
	// maxPooledOutput is the largest output buffer, in bytes, that is kept for
	// the next message.
	maxPooledOutput = 64 << 10
	// maxStreams is how many DEFLATE streams one message may consist of. A
	// client that ends its blocks needs two; each costs the server a start, so
	// a message of two-byte streams would be expensive.
	maxStreams = 16
	// minOutput is the smallest output buffer in bytes.
	minOutput = 1 << 10
)

// inflater is a decompressor with its input and output. It is borrowed for one
// message.
type inflater struct {
	reader io.ReadCloser // also a flate.Resetter
	source source
	out    []byte
}

var inflaters = sync.Pool{New: func() any {
	i := new(inflater)
	i.reader = flate.NewReader(&i.source)
	return i
}}

// inflate decompresses one message. It never makes more than limit+1 bytes of
// it. data belongs to the inflater, which the caller gives back with release in
// any case.
//
// Errors: errTooBig, errInvalidDeflate.
func inflate(payload []byte, limit int) (i *inflater, data []byte, err error) {
	i = inflaters.Get().(*inflater)
	if len(payload) == 0 {
		// Not a block at all; zlib's users take it for an empty message.
		return i, nil, nil
	}
	if i.out == nil {
		i.out = make([]byte, 0, min(limit+1, max(minOutput, 4*len(payload))))
	}
	i.source = source{payload: payload}
	dict := []byte(nil)
	for range maxStreams {
		_ = i.reader.(flate.Resetter).Reset(&i.source, dict) // never fails
		if err := i.fill(limit); err != nil {
			return i, nil, err
		}
		// A block that calls itself final ends the stream, not the message: more
		// may follow from the next byte on (RFC 7692 §7.2.3.4).
		if i.source.left() <= len(inflateTail) {
			return i, i.out, nil
		}
		dict = bytes.Clone(i.out[max(0, len(i.out)-maxWindow):])
	}
	return i, nil, errInvalidDeflate
}

// fill reads one DEFLATE stream to its end.
func (i *inflater) fill(limit int) error {
	for {
		// Here out is never longer than limit, so there is room for a byte more.
		if len(i.out) == cap(i.out) {
			grown := make([]byte, len(i.out), min(limit+1, 2*cap(i.out)))
			copy(grown, i.out)
			i.out = grown
		}
		room := i.out[len(i.out):min(cap(i.out), limit+1)]
		n, err := i.reader.Read(room)
		i.out = i.out[:len(i.out)+n]
		switch {
		case len(i.out) > limit:
			return errTooBig
		case errors.Is(err, io.EOF):
			return nil
		case err != nil:
			return errInvalidDeflate
		}
	}
}

func (i *inflater) release() {
	i.source = source{}
	if i.out = i.out[:0]; cap(i.out) > maxPooledOutput {
		i.out = nil
	}
	inflaters.Put(i)
}

// source reads a payload and inflateTail. As an io.ByteReader it is read no
// further than the end of the DEFLATE stream.
type source struct {
	payload []byte
	at      int
}

func (s *source) left() int { return len(s.payload) + len(inflateTail) - s.at }

func (s *source) ReadByte() (byte, error) {
	at := s.at
	if at < len(s.payload) {
		s.at++
		return s.payload[at], nil
	}
	if at -= len(s.payload); at < len(inflateTail) {
		s.at++
		return inflateTail[at], nil
	}
	return 0, io.EOF
}

func (s *source) Read(p []byte) (int, error) {
	n := 0
	if s.at < len(s.payload) {
		n = copy(p, s.payload[s.at:])
	} else {
		n = copy(p, inflateTail[s.at-len(s.payload):])
	}
	if s.at += n; n == 0 && len(p) > 0 {
		return 0, io.EOF
	}
	return n, nil
}
