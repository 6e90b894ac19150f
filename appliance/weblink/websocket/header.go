package websocket

import "encoding/binary"

const (
	maskSize  = 4
	maxHeader = 10 + maskSize
)

// frame is the header of a frame from a client.
type frame struct {
	length     int
	mask       [maskSize]byte
	op         Opcode
	fin        bool
	compressed bool
	known      bool // false: the header is not complete
}

// header reads the header that in begins with or goes on with, and returns how
// many bytes of in belong to it. The beginning of a header is kept.
func (d *Decoder) header(in []byte) (f frame, n int, err error) {
	p := d.part
	if p == nil || p.headerSize == 0 {
		f, n, err = d.parse(in)
		if err == nil && !f.known {
			p = d.assembly()
			n = copy(p.header[:], in)
			p.headerSize = uint8(n)
		}
		return f, n, err
	}
	before := int(p.headerSize)
	have := before + copy(p.header[before:], in)
	f, n, err = d.parse(p.header[:have])
	switch {
	case err != nil:
		return f, 0, err
	case !f.known:
		p.headerSize = uint8(have)
		return f, have - before, nil
	}
	p.headerSize = 0
	d.settle()
	return f, n - before, nil
}

// parse reads a header of n bytes (RFC 6455 §5.2) from b, which is not empty,
// and refuses, as early as its bytes allow, what this connection may not send.
func (d *Decoder) parse(b []byte) (f frame, n int, err error) {
	if err := d.first(b[0], &f); err != nil || len(b) < 2 {
		return f, 0, err
	}
	if b[1]&maskBit == 0 {
		return f, 0, errNotMasked
	}
	length, size := uint64(b[1]&^maskBit), 2
	switch {
	case f.op.isControl() && length > maxControl:
		return f, 0, errControlLength
	case length == len16:
		if size = 4; len(b) < size {
			return f, 0, nil
		}
		if length = uint64(binary.BigEndian.Uint16(b[2:])); length < len16 {
			return f, 0, errLength
		}
	case length == len64:
		if size = 10; len(b) < size {
			return f, 0, nil
		}
		length = binary.BigEndian.Uint64(b[2:])
		if length>>63 != 0 {
			return f, 0, errLengthBit
		}
		if length <= 0xffff {
			return f, 0, errLength
		}
	}
	if !f.op.isControl() && length > d.allowance(f) {
		return f, 0, errTooBig
	}
	if len(b) < size+maskSize {
		return f, 0, nil
	}
	f.length, f.known = int(length), true
	copy(f.mask[:], b[size:])
	return f, size + maskSize, nil
}

// first checks a header's first byte: what may come now.
func (d *Decoder) first(b byte, f *frame) error {
	f.op, f.fin = Opcode(b&0xf), b&finBit != 0
	open := d.part != nil && d.part.op != OpContinuation
	if rsv := b & rsvBits; rsv != 0 {
		// RSV1 marks a compressed message, on its first frame (RFC 7692 §6).
		if rsv != rsv1Bit || !d.deflate || (f.op != OpText && f.op != OpBinary) {
			return errReservedBits
		}
		f.compressed = true
	}
	switch {
	case !f.op.defined():
		return errReservedOpcode
	case f.op.isControl() && !f.fin:
		return errControlFragment
	case f.op == OpContinuation && !open:
		return errNoMessage
	case !f.op.isControl() && f.op != OpContinuation && open:
		return errMessageOpen
	}
	return nil
}

// allowance is how many bytes the payload of f may have. Compressed messages
// may be longer than what they inflate to when they hold what cannot be
// compressed; what they inflate to is limited again.
func (d *Decoder) allowance(f frame) uint64 {
	limit := uint64(d.maxMessage)
	if f.compressed || (f.op == OpContinuation && d.part.compressed) {
		limit += limit/256 + 64
	}
	if f.op == OpContinuation {
		limit -= uint64(len(d.part.message))
	}
	return limit
}
