package engineio

import (
	"bytes"
	"encoding/base64"
)

const (
	// separator stands between the packets of a payload (ASCII "RS").
	separator = 0x1e
	// binaryMark starts a binary Message, in place of a type; base64 follows.
	binaryMark = 'b'
)

// DecodePayload reads the body of one long-polling request and appends its
// packets to dst. It is all or nothing: on an error dst is returned as it was,
// so that no packet of a malformed payload takes effect.
//
// The packets share memory with payload, and base64 is decoded in place: the
// call overwrites payload, also when it fails. Nothing is allocated when dst
// has room.
//
// Errors: ErrTooLarge, ErrTooManyPackets, ErrEmptyPacket, ErrUnknownType,
// ErrInvalidUTF8, ErrBadBase64.
func (l Limits) DecodePayload(dst []Packet, payload []byte) ([]Packet, error) {
	if len(payload) > l.MaxPayload {
		return dst, ErrTooLarge
	}
	out := dst
	for more := true; more; {
		if len(out)-len(dst) >= l.MaxPackets {
			return dst, ErrTooManyPackets
		}
		var packet []byte
		packet, payload, more = bytes.Cut(payload, []byte{separator})
		p, err := decodePolled(packet)
		if err != nil {
			return dst, err
		}
		out = append(out, p)
	}
	return out, nil
}

// AppendPayload appends to dst one payload with as many of packets, from the
// first on, as the limits allow, and says how many those are; the rest belongs
// into the next payload. On an error dst is returned as it was, and n is the
// index of the packet at fault.
//
// Errors: ErrTooLarge when a packet cannot fit into any payload,
// ErrTooManyPackets when MaxPackets allows none, ErrUnknownType, ErrBinaryType,
// ErrInvalidUTF8, ErrSeparator.
func (l Limits) AppendPayload(dst []byte, packets []Packet) (out []byte, n int, err error) {
	if len(packets) > 0 && l.MaxPackets < 1 {
		return dst, 0, ErrTooManyPackets
	}
	out = dst
	for ; n < len(packets) && n < l.MaxPackets; n++ {
		p := packets[n]
		size := p.polledLen()
		if size > l.MaxPayload {
			return dst, n, ErrTooLarge
		}
		if n > 0 && len(out)-len(dst)+1+size > l.MaxPayload {
			break
		}
		if err := p.check(); err != nil {
			return dst, n, err
		}
		if !p.Binary && bytes.IndexByte(p.Data, separator) >= 0 {
			return dst, n, ErrSeparator
		}
		if n > 0 {
			out = append(out, separator)
		}
		out = p.appendPolled(out)
	}
	return out, n, nil
}

// polledLen is the length of p inside a payload.
func (p Packet) polledLen() int {
	if p.Binary {
		return 1 + base64.StdEncoding.EncodedLen(len(p.Data))
	}
	return 1 + len(p.Data)
}

func (p Packet) appendPolled(dst []byte) []byte {
	if p.Binary {
		return base64.StdEncoding.AppendEncode(append(dst, binaryMark), p.Data)
	}
	return append(append(dst, '0'+byte(p.Type)), p.Data...)
}

func decodePolled(b []byte) (Packet, error) {
	if len(b) == 0 || b[0] != binaryMark {
		return decodeText(b)
	}
	data, err := decodeBase64InPlace(b[1:])
	if err != nil {
		return Packet{}, err
	}
	return Packet{Type: Message, Binary: true, Data: data}, nil
}

// strictBase64 also refuses stray bits behind the last byte, so that each
// message has one encoding.
var strictBase64 = base64.StdEncoding.Strict()

const (
	encodedBlock = 1024 // a multiple of 4: whole base64 groups
	decodedBlock = encodedBlock / 4 * 3
)

// decodeBase64InPlace decodes b into its own beginning. It goes block by block
// over the stack because package base64 does not promise that source and
// destination may overlap.
func decodeBase64InPlace(b []byte) ([]byte, error) {
	// Package base64 skips line breaks even when it is strict.
	if len(b)%4 != 0 || bytes.IndexByte(b, '\n') >= 0 || bytes.IndexByte(b, '\r') >= 0 {
		return nil, ErrBadBase64
	}
	var block [decodedBlock]byte
	written := 0
	for rest := b; len(rest) > 0; {
		source := rest[:min(len(rest), encodedBlock)]
		rest = rest[len(source):]
		n, err := strictBase64.Decode(block[:], source)
		// A block that came out short was padded, which only the last may be.
		if err != nil || len(rest) > 0 && n != decodedBlock {
			return nil, ErrBadBase64
		}
		written += copy(b[written:], block[:n])
	}
	return within(b[:written]), nil
}
