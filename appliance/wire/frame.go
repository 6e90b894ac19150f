package wire

import (
	"encoding/binary"
	"errors"
	"math/bits"
)

// MaxFrame is the longest frame, in bytes after the length prefix, that any
// peer may send. The largest message is a history page.
const MaxFrame = 1 << 20

// MaxFrameHeader bounds what a frame adds to its payload: the length prefix,
// the kind byte and two varints.
const MaxFrameHeader = binary.MaxVarintLen32 + 1 + binary.MaxVarintLen32 + binary.MaxVarintLen64

// Kind says what a frame is. Changing a number breaks compatibility.
type Kind uint8

// The frame kinds.
const (
	KindRequest  Kind = 1
	KindResponse Kind = 2
	KindPush     Kind = 3
	KindPing     Kind = 4
	KindPong     Kind = 5
)

// Compression says how a frame's payload is compressed; see package secure.
// It travels in the upper half of the kind byte.
type Compression uint8

// CompressionNone marks a payload that travels as it is.
const CompressionNone Compression = 0

const (
	kindMask         = 0x0f
	compressionShift = 4
	maxCompression   = 0x0f
)

// Errors of ParseFrame.
var (
	// ErrFrameTooLarge is returned when a frame announces more than the limit.
	ErrFrameTooLarge = errors.New("wire: frame exceeds the size limit")
	// ErrFrameMalformed is returned when a frame's length or header cannot be read.
	ErrFrameMalformed = errors.New("wire: malformed frame")
)

// Frame is one decoded frame. Which fields count depends on Kind.
type Frame struct {
	Kind        Kind
	Compression Compression
	Command     Command // request, push
	Code        Code    // response
	Serial      uint64  // request, response: chosen by the requester, echoed
	Payload     []byte  // shares memory with the input of ParseFrame
}

// Body is a message that can write itself into a buffer of its own size; the
// generated messages do.
type Body interface {
	SizeVT() int
	MarshalToSizedBufferVT(buf []byte) (int, error)
}

// ParseFrame reads the first frame of b, which may hold less or more than one.
// n is the bytes it took, or 0 when b does not yet hold a whole frame. A frame
// longer than limit bytes is refused as soon as its length is known.
func ParseFrame(b []byte, limit int) (f Frame, n int, err error) {
	size, w := binary.Uvarint(b)
	switch {
	case w == 0 && len(b) < binary.MaxVarintLen32:
		return f, 0, nil
	case w <= 0:
		return f, 0, ErrFrameMalformed
	case size > uint64(limit):
		return f, 0, ErrFrameTooLarge
	case size == 0:
		return f, 0, ErrFrameMalformed
	case uint64(len(b)-w) < size:
		return f, 0, nil
	}
	n = w + int(size)
	rest := b[w:n]
	f.Kind = Kind(rest[0] & kindMask)
	f.Compression = Compression(rest[0] >> compressionShift)
	rest = rest[1:]

	ok := true
	take := func() (v uint64) {
		var w int
		if v, w = binary.Uvarint(rest); w <= 0 {
			ok = false
			return 0
		}
		rest = rest[w:]
		return v
	}
	switch f.Kind {
	case KindRequest:
		f.Command, f.Serial = narrow[Command](take(), &ok), take()
	case KindResponse:
		f.Serial, f.Code = take(), narrow[Code](take(), &ok)
	case KindPush:
		f.Command = narrow[Command](take(), &ok)
	case KindPing, KindPong:
		ok = len(rest) == 0 && f.Compression == CompressionNone
	default:
		ok = false
	}
	if !ok {
		return Frame{}, 0, ErrFrameMalformed
	}
	f.Payload = rest
	return f, n, nil
}

// narrow refuses a varint that does not fit the 16 bits of a command or code.
func narrow[T ~uint16](v uint64, ok *bool) T {
	if v > 0xffff {
		*ok = false
	}
	return T(v)
}

// AppendFrame appends f, its payload as it stands, to dst.
func AppendFrame(dst []byte, f *Frame) []byte {
	dst = appendHeader(dst, f, len(f.Payload))
	return append(dst, f.Payload...)
}

// AppendBody appends f with m as its payload in place of f.Payload, without an
// intermediate buffer. A nil m is an empty payload.
func AppendBody(dst []byte, f *Frame, m Body) []byte {
	if m == nil {
		return appendHeader(dst, f, 0)
	}
	size := m.SizeVT()
	dst = appendHeader(dst, f, size)
	start := len(dst)
	dst = grow(dst, size)
	// A generated message fails only when the buffer is smaller than SizeVT.
	if n, err := m.MarshalToSizedBufferVT(dst[start:]); err != nil || n != size {
		panic("wire: message changed while it was encoded")
	}
	return dst
}

func appendHeader(dst []byte, f *Frame, payload int) []byte {
	size := 1 + payload
	switch f.Kind {
	case KindRequest:
		size += uvarintLen(uint64(f.Command)) + uvarintLen(f.Serial)
	case KindResponse:
		size += uvarintLen(f.Serial) + uvarintLen(uint64(f.Code))
	case KindPush:
		size += uvarintLen(uint64(f.Command))
	}
	dst = binary.AppendUvarint(dst, uint64(size))
	dst = append(dst, byte(f.Kind)|byte(f.Compression)<<compressionShift)
	switch f.Kind {
	case KindRequest:
		dst = binary.AppendUvarint(dst, uint64(f.Command))
		dst = binary.AppendUvarint(dst, f.Serial)
	case KindResponse:
		dst = binary.AppendUvarint(dst, f.Serial)
		dst = binary.AppendUvarint(dst, uint64(f.Code))
	case KindPush:
		dst = binary.AppendUvarint(dst, uint64(f.Command))
	}
	return dst
}

func uvarintLen(v uint64) int {
	return (bits.Len64(v|1) + 6) / 7
}

func grow(b []byte, n int) []byte {
	if cap(b)-len(b) < n {
		bigger := make([]byte, len(b), 2*cap(b)+n)
		copy(bigger, b)
		b = bigger
	}
	return b[:len(b)+n]
}
