package websocket

// part is what a Decoder holds of a header, frame or message that is not
// complete. It exists only as long as there is one.
type part struct {
	header     [maxHeader]byte // the beginning of a header
	headerSize uint8

	arriving bool  // frame's payload has not arrived completely
	frame    frame // while arriving
	got      int   // bytes of its payload

	control []byte // payload of a control frame, which may come between fragments

	op         Opcode // of the fragmented message, OpContinuation when there is none
	compressed bool
	message    []byte
	valid      int // bytes at the start of a text that are whole runes
}

// assembly returns the part of d, which it makes when there is none.
func (d *Decoder) assembly() *part {
	if d.part == nil {
		d.part = new(part)
	}
	return d.part
}

// settle forgets the part of d when it holds nothing.
func (d *Decoder) settle() {
	if p := d.part; p != nil && p.headerSize == 0 && !p.arriving && p.op == OpContinuation {
		d.part = nil
	}
}

// open begins a message unless f continues one.
func (p *part) open(f frame) {
	if p.op == OpContinuation {
		p.op, p.compressed = f.op, f.compressed
	}
}

// append adds b to the message. rest is how many bytes of the frame were to
// come before b, and last whether it is the message's last frame: no more memory
// is taken then than the frame can fill. Otherwise it doubles, so that
// many small pieces do not copy the message over and over.
func (p *part) append(b []byte, rest int, last bool) {
	if need := len(p.message) + len(b); need > cap(p.message) {
		size := max(need, 2*cap(p.message))
		if last {
			size = min(size, len(p.message)+rest)
		}
		grown := make([]byte, len(p.message), size)
		copy(grown, p.message)
		p.message = grown
	}
	p.message = append(p.message, b...)
}

// check fails as soon as a text can no longer become UTF-8. Compressed text is
// checked when it is whole.
func (p *part) check() error {
	if p.op != OpText || p.compressed {
		return nil
	}
	n, ok := validPrefix(p.message[p.valid:])
	if !ok {
		return errInvalidUTF8
	}
	p.valid += n
	return nil
}
