package socketio

import (
	"bytes"
	"unicode/utf8"
)

// decodeText reads a text packet, of the form
//
//	<type>[<attachments>-][<namespace>[?<query>],][<id>][<payload>]
//
// and says how many attachments follow it. The comma may be missing when nothing
// comes behind the namespace.
func decodeText(l Limits, text []byte) (p Packet, due int, err error) {
	switch {
	case len(text) > l.MaxBytes:
		return Packet{}, 0, ErrTooLarge
	case len(text) == 0:
		return Packet{}, 0, ErrEmptyPacket
	case text[0] < '0' || text[0] > '0'+byte(lastType):
		return Packet{}, 0, ErrUnknownType
	case !utf8.Valid(text):
		return Packet{}, 0, ErrInvalidUTF8
	}
	p.Type = PacketType(text[0] - '0')
	rest := text[1:]
	if p.Type == ConnectError {
		return Packet{}, 0, ErrServerOnly
	}
	if p.Type.binary() {
		if due, rest, err = cutAttachments(l, rest); err != nil {
			return Packet{}, 0, err
		}
	}
	if rest, err = p.cutNamespace(l, rest); err != nil {
		return Packet{}, 0, err
	}
	if rest, err = p.cutID(rest); err != nil {
		return Packet{}, 0, err
	}
	if err = p.setPayload(l, rest, due); err != nil {
		return Packet{}, 0, err
	}
	return p, due, nil
}

// cutAttachments reads "<number>-".
func cutAttachments(l Limits, b []byte) (n int, rest []byte, err error) {
	number, size := leadingDigits(b)
	if size == 0 || size == len(b) || b[size] != '-' {
		return 0, nil, ErrBadAttachments
	}
	if size > maxDigits || number > uint64(l.MaxAttachments) {
		return 0, nil, ErrTooManyAttachments
	}
	return int(number), b[size+1:], nil
}

// cutNamespace reads the namespace, the main one when there is none.
func (p *Packet) cutNamespace(l Limits, b []byte) (rest []byte, err error) {
	p.Namespace = MainNamespace
	if len(b) == 0 || b[0] != '/' {
		return b, nil
	}
	// Limited before the search, which would else go through the whole payload.
	head := b[:min(len(b), l.MaxNamespace+1)]
	end := bytes.IndexByte(head, ',')
	if end < 0 {
		end = len(head)
	}
	if end > l.MaxNamespace {
		return nil, ErrBadNamespace
	}
	name, rest := b[:end], b[min(end+1, len(b)):]
	for _, c := range name {
		// Engine.IO separates packets by a control character.
		if c < ' ' || c == 0x7f {
			return nil, ErrBadNamespace
		}
	}
	name, query, _ := bytes.Cut(name, []byte{'?'})
	if string(name) != MainNamespace {
		p.Namespace = string(name)
	}
	p.Query = string(query)
	return rest, nil
}

// cutID reads the acknowledgment id and checks that the type allows or needs it.
func (p *Packet) cutID(b []byte) (rest []byte, err error) {
	id, size := leadingDigits(b)
	p.HasID, p.ID = size > 0, id
	if size > maxDigits || id > MaxID {
		return nil, ErrBadID
	}
	switch p.Type {
	case Connect, Disconnect:
		if p.HasID {
			return nil, ErrBadID
		}
	case Ack, BinaryAck:
		if !p.HasID {
			return nil, ErrBadID
		}
	}
	return b[size:], nil
}

// setPayload checks the payload against the packet's type.
func (p *Packet) setPayload(l Limits, payload []byte, due int) error {
	if len(payload) == 0 {
		if p.Type == Connect || p.Type == Disconnect {
			return nil
		}
		return ErrBadPayload
	}
	s := scanner{in: payload, levels: l.MaxDepth, due: due}
	var err error
	switch {
	case p.Type == Connect && payload[0] == '{':
		err = s.value()
	case (p.Type == Event || p.Type == BinaryEvent) && payload[0] == '[':
		err = s.event()
	case (p.Type == Ack || p.Type == BinaryAck) && payload[0] == '[':
		err = s.value()
	default:
		return ErrBadPayload
	}
	if err != nil {
		return err
	}
	end := s.at
	if s.space(); s.at != len(payload) {
		return ErrBadJSON
	}
	if s.placeholders() != due {
		return ErrBadPlaceholder
	}
	p.Data = within(payload[:end])
	return nil
}

// maxDigits is the length of MaxID. Numbers with more digits are refused, so
// that leading zeros are no place to hide bytes and nothing can overflow.
const maxDigits = 16

// leadingDigits reads the number that b starts with and says how many bytes it
// has, up to maxDigits+1; the number is meaningless with more than maxDigits.
func leadingDigits(b []byte) (n uint64, size int) {
	for size < len(b) && size <= maxDigits && '0' <= b[size] && b[size] <= '9' {
		n = n*10 + uint64(b[size]-'0')
		size++
	}
	return n, size
}
