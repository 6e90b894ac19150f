package engineio

// Limits bound what one peer may send at once. The zero value allows nothing.
type Limits struct {
	// MaxPayload is the largest WebSocket message and the largest payload, in
	// bytes as they travel: with packet types, separators and base64. The
	// handshake tells it to the client.
	MaxPayload int
	// MaxPackets is the largest number of packets in one payload.
	MaxPackets int
}

// DecodeFrame reads the packet of one WebSocket message: a binary one is a
// binary Message as it stands, even an empty one, a text one starts with its
// type. The packet shares memory with frame. Nothing is allocated.
//
// Errors: ErrTooLarge, ErrEmptyPacket, ErrUnknownType, ErrInvalidUTF8.
func (l Limits) DecodeFrame(frame []byte, binary bool) (Packet, error) {
	if len(frame) > l.MaxPayload {
		return Packet{}, ErrTooLarge
	}
	if binary {
		return Packet{Type: Message, Binary: true, Data: within(frame)}, nil
	}
	return decodeText(frame)
}

// AppendFrame appends the content of p's WebSocket message to dst. The message
// is to be sent as binary when p.Binary is set and as text otherwise. On an
// error dst is returned as it was.
//
// Errors: ErrUnknownType, ErrBinaryType, ErrInvalidUTF8.
func AppendFrame(dst []byte, p Packet) ([]byte, error) {
	if err := p.check(); err != nil {
		return dst, err
	}
	if !p.Binary {
		dst = append(dst, '0'+byte(p.Type))
	}
	return append(dst, p.Data...), nil
}
