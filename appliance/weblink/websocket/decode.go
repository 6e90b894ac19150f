package websocket

import (
	"encoding/binary"
	"unicode/utf8"

	"github.com/gobwas/ws"
)

// Handler takes what one client sends, in order. data is valid during the call
// only. An error ends Decode, which returns it.
type Handler interface {
	// Message is a whole message: unmasked, put together, inflated and at most
	// as long as Init allowed. op is OpText, when data is UTF-8, or OpBinary.
	Message(op Opcode, data []byte) error
	// Ping is to be answered with AppendPong(data), of several unanswered ones at
	// least the last (RFC 6455 §5.5.3).
	Ping(data []byte) error
	// Pong may come unasked (§5.5.3).
	Pong(data []byte) error
	// CloseFrame is the last call for a connection. The answer is a close frame
	// with the same status. status is StatusNoStatus when the frame was empty.
	CloseFrame(status Status, reason string) error
}

// Decoder takes apart what one client sends. It must not be copied after use,
// and its methods must not be called at the same time.
//
// It is small, and holds memory only while a frame or message is incomplete:
// then at most twice what has arrived of it, and never more than the message
// limit of Init and one control frame.
type Decoder struct {
	part       *part // nil while nothing is incomplete
	maxMessage uint32
	deflate    bool
	closed     bool // a close frame came: whatever follows is ignored
	failed     bool
}

// mostMessage bounds the limit of messages, so that lengths fit everywhere.
const mostMessage = 1 << 30

// Init makes d ready for a new connection. maxMessage is the largest message in
// bytes, at most 1 GiB; deflate is what Upgrade returned.
func (d *Decoder) Init(maxMessage int, deflate bool) {
	*d = Decoder{maxMessage: uint32(min(max(maxMessage, 0), mostMessage)), deflate: deflate}
}

// Decode handles the bytes that arrived, wherever they were cut, and changes
// them: frames are unmasked in place, so a message that is whole in one frame
// and one call is neither copied nor costs an allocation.
//
// It returns an *Error for what breaks the protocol, as soon as it does, or the
// error of h. Either ends the connection; further calls fail. After a close
// frame whatever comes is ignored (RFC 6455 §5.5.1).
//
// Work is linear in the bytes that arrive. The number of fragments of a message
// is not limited: each costs the client six bytes or more, and the server the
// time to read them and no memory beyond the payload.
func (d *Decoder) Decode(in []byte, h Handler) error {
	if d.failed {
		return errDecodeAfterFailed
	}
	if err := d.decode(in, h); err != nil {
		d.failed, d.part = true, nil
		return err
	}
	return nil
}

func (d *Decoder) decode(in []byte, h Handler) error {
	for len(in) > 0 && !d.closed {
		if d.part != nil && d.part.arriving {
			n, err := d.take(in, h)
			if err != nil {
				return err
			}
			in = in[n:]
			continue
		}
		f, n, err := d.header(in)
		if err != nil {
			return err
		}
		if in = in[n:]; !f.known {
			return nil // all of in belongs to a header that is not complete
		}
		if len(in) < f.length {
			p := d.assembly()
			p.frame, p.arriving, p.got = f, true, 0
			continue
		}
		payload := in[:f.length:f.length] // no room for a Handler to append into what follows
		in = in[f.length:]
		ws.Cipher(payload, f.mask, 0)
		if err := d.whole(f, payload, h); err != nil {
			return err
		}
	}
	return nil
}

// whole handles a frame that lies in the input, unmasked.
func (d *Decoder) whole(f frame, payload []byte, h Handler) error {
	switch {
	case f.op.isControl():
		return d.control(f.op, payload, h)
	case f.fin && f.op != OpContinuation:
		if f.op == OpText && !f.compressed && !utf8.Valid(payload) {
			return errInvalidUTF8
		}
		return d.deliver(f.op, f.compressed, payload, h)
	}
	p := d.assembly()
	p.open(f)
	p.append(payload, len(payload), f.fin)
	return d.advance(f, h)
}

// take handles input for the payload that has begun to arrive, and returns how
// much of it.
func (d *Decoder) take(in []byte, h Handler) (int, error) {
	p := d.part
	f := p.frame
	rest := f.length - p.got
	in = in[:min(len(in), rest)]
	if f.op.isControl() {
		p.control = append(p.control, in...)
		ws.Cipher(p.control[p.got:], f.mask, p.got)
	} else {
		p.open(f)
		p.append(in, rest, f.fin)
		ws.Cipher(p.message[len(p.message)-len(in):], f.mask, p.got)
	}
	if p.got += len(in); p.got < f.length {
		return len(in), p.check()
	}
	p.arriving = false
	if !f.op.isControl() {
		return len(in), d.advance(f, h)
	}
	control := p.control
	p.control = nil
	d.settle()
	return len(in), d.control(f.op, control, h)
}

// advance goes on after a data frame whose payload was added to the message.
func (d *Decoder) advance(f frame, h Handler) error {
	p := d.part
	if err := p.check(); err != nil || !f.fin {
		return err
	}
	if p.op == OpText && !p.compressed && p.valid < len(p.message) {
		return errInvalidUTF8 // ends within a rune
	}
	op, compressed, message := p.op, p.compressed, p.message
	p.op, p.compressed, p.message, p.valid = OpContinuation, false, nil, 0
	d.settle()
	return d.deliver(op, compressed, message, h)
}

// deliver hands a whole message over. Text that is not compressed was checked.
func (d *Decoder) deliver(op Opcode, compressed bool, data []byte, h Handler) error {
	if !compressed {
		return h.Message(op, data)
	}
	i, data, err := inflate(data, int(d.maxMessage))
	defer i.release()
	if err != nil {
		return err
	}
	if op == OpText && !utf8.Valid(data) {
		return errInvalidUTF8
	}
	return h.Message(op, data)
}

func (d *Decoder) control(op Opcode, data []byte, h Handler) error {
	switch op {
	case OpPing:
		return h.Ping(data)
	case OpPong:
		return h.Pong(data)
	}
	// A close frame: RFC 6455 §5.5.1 and §7.4.
	d.closed, d.part = true, nil
	if len(data) == 0 {
		return h.CloseFrame(StatusNoStatus, "")
	}
	if len(data) == 1 {
		return errCloseLength
	}
	status, reason := Status(binary.BigEndian.Uint16(data)), data[2:]
	if !status.mayTravel() {
		return errCloseStatus
	}
	if !utf8.Valid(reason) {
		return errCloseReason
	}
	return h.CloseFrame(status, string(reason))
}
