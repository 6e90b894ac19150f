package socketio

import "bytes"

// reserved says whether the name raw, as it stands in JSON, has a meaning of its
// own on either side of the reference.
func reserved(raw []byte) bool {
	name := bytes.Trim(raw, `"`)
	if bytes.IndexByte(raw, '\\') >= 0 {
		name = []byte(unquote(raw))
	}
	switch string(name) {
	case "connect", "connect_error", "disconnect", "disconnecting", "newListener", "removeListener":
		return true
	}
	return false
}

// Event takes the array of an event apart: its name, and the arguments behind it
// as a JSON array. A name that is a number comes as it was written. The name is
// a copy; args is a part of p.Data, one byte of which is overwritten. So Event can
// be called once: p.Data is nil afterwards.
//
// Errors: ErrBadPayload when p is no event or has been taken apart. A packet
// that a Decoder returned has no other.
func (p *Packet) Event() (name string, args []byte, err error) {
	data := p.Data
	if p.Type != Event && p.Type != BinaryEvent || len(data) < len(`[0]`) || data[0] != '[' || data[len(data)-1] != ']' {
		return "", nil, ErrBadPayload
	}
	s := scanner{in: data, at: 1}
	s.space()
	raw, err := s.eventName()
	if err != nil {
		return "", nil, err
	}
	if raw[0] == '"' {
		name = unquote(raw)
	} else {
		name = string(raw)
	}
	s.space()
	switch {
	case s.peek() == ',': // becomes the bracket of what follows it
	case s.at == len(data)-1:
		s.at-- // so does the name's last byte, or the space behind the name
	default:
		return "", nil, ErrBadPayload
	}
	data[s.at] = '['
	p.Data = nil
	return name, within(data[s.at:]), nil
}
