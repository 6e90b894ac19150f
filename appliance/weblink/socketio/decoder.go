package socketio

import "bytes"

// Decoder makes packets of the messages of one session, in order. The zero value
// is ready. It holds memory only while a packet waits for its attachments, never
// more than Limits.MaxBytes. It is used by one goroutine at a time.
type Decoder struct {
	waiting *partial // nil unless attachments are due
}

// partial is a packet that waits for attachments.
type partial struct {
	packet Packet // owns its memory; Attachments has room for those announced
	due    int    // attachments announced
	bytes  int    // of text and attachments so far
}

// Waiting says whether the next message must be an attachment.
func (d *Decoder) Waiting() bool { return d.waiting != nil }

// Decode takes the data of one message. When the message completes a packet, ok
// is true and p shares memory with data. A text packet without attachments costs
// no allocation in the main namespace, and one string in others.
//
// Errors: all of this package. After one of them the session is to be closed;
// the decoder has dropped what it held.
func (d *Decoder) Decode(l Limits, data []byte, binary bool) (p Packet, ok bool, err error) {
	l = l.WithDefaults()
	switch {
	case binary && d.waiting != nil:
		return d.attach(l, data)
	case binary:
		return Packet{}, false, ErrUnexpectedBinary
	case d.waiting != nil:
		d.waiting = nil
		return Packet{}, false, ErrAttachmentExpected
	}
	p, due, err := decodeText(l, data)
	if err != nil {
		return Packet{}, false, err
	}
	if due == 0 {
		return p, true, nil
	}
	p.Data = bytes.Clone(p.Data)
	p.Attachments = make([][]byte, 0, due)
	d.waiting = &partial{packet: p, due: due, bytes: len(data)}
	return Packet{}, false, nil
}

// attach takes an attachment. All but the last, which completes the packet
// within the call, are copied.
func (d *Decoder) attach(l Limits, data []byte) (Packet, bool, error) {
	w := d.waiting
	if len(data) > l.MaxBytes-w.bytes {
		d.waiting = nil
		return Packet{}, false, ErrTooLarge
	}
	w.bytes += len(data)
	if len(w.packet.Attachments)+1 < w.due {
		w.packet.Attachments = append(w.packet.Attachments, bytes.Clone(data))
		return Packet{}, false, nil
	}
	d.waiting = nil
	w.packet.Attachments = append(w.packet.Attachments, within(data))
	return w.packet, true, nil
}

// within is b without the room behind it, so that appending to a packet's data
// cannot overwrite what follows in a shared buffer.
func within(b []byte) []byte { return b[:len(b):len(b)] }
