package state

import (
	"encoding/binary"
	"slices"

	"github.com/yizhan-im/yizhan/appliance/wire"
)

// appendString appends a length and the bytes.
func appendString[T string | []byte](dst []byte, s T) []byte {
	dst = binary.AppendUvarint(dst, uint64(len(s)))
	return append(dst, s...)
}

// appendBody appends an encoded message.
func appendBody(dst []byte, m wire.Body) []byte {
	n := m.SizeVT()
	start := len(dst)
	dst = slices.Grow(dst, n)[:start+n]
	// It fails only when the buffer is smaller than SizeVT.
	if w, err := m.MarshalToSizedBufferVT(dst[start:]); err != nil || w != n {
		panic("state: message changed while it was encoded")
	}
	return dst
}

// reader takes fields off the front of b. The first failure sticks in bad, and
// every later field is zero.
type reader struct {
	b   []byte
	bad bool
}

func (r *reader) fail() { r.b, r.bad = nil, true }

// uint takes a uvarint.
func (r *reader) uint() uint64 {
	v, n := binary.Uvarint(r.b)
	if n <= 0 {
		r.fail()
		return 0
	}
	r.b = r.b[n:]
	return v
}

// upTo takes a uvarint that is at most limit.
func (r *reader) upTo(limit uint64) uint64 {
	v := r.uint()
	if v > limit {
		r.fail()
		return 0
	}
	return v
}

func (r *reader) u32() uint32 { return uint32(r.upTo(1<<32 - 1)) }

// time takes a time in milliseconds.
func (r *reader) time() int64 { return int64(r.upTo(maxTimeMs)) }

func (r *reader) bool() bool { return r.upTo(1) == 1 }

// byte takes one byte.
func (r *reader) byte() byte {
	if len(r.b) == 0 {
		r.fail()
		return 0
	}
	v := r.b[0]
	r.b = r.b[1:]
	return v
}

// bytes takes a length and that many bytes, which share r's memory.
func (r *reader) bytes() []byte {
	n := r.uint()
	if n > uint64(len(r.b)) {
		r.fail()
		return nil
	}
	v := r.b[:n:n]
	r.b = r.b[n:]
	return v
}

func (r *reader) string() string { return string(r.bytes()) }

// rest takes everything left.
func (r *reader) rest() []byte {
	v := r.b
	r.b = nil
	return v
}

// done reports whether all was read and nothing is left.
func (r *reader) done() bool { return !r.bad && len(r.b) == 0 }
