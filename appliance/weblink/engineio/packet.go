package engineio

import (
	"errors"
	"unicode/utf8"
)

// Revision is the protocol revision, which clients send as the query EIO.
const Revision = 4

// Type says what a packet is. On the wire it is one ASCII digit. Changing a
// number breaks compatibility.
type Type uint8

// The packet types.
const (
	Open    Type = 0 // server: the handshake, as JSON
	Close   Type = 1 // either: the session ends
	Ping    Type = 2 // server: heartbeat; client: probe of a new transport
	Pong    Type = 3 // the answer to Ping, with the same data
	Message Type = 4 // either: text or binary data of the application
	Upgrade Type = 5 // client: switch to the transport that was probed
	Noop    Type = 6 // server: ends a pending poll during an upgrade
)

const lastType = Noop

// probe is the data of the Ping and Pong that test a new transport.
const probe = "probe"

// Errors of the decoders and encoders. Each of them is the sender's fault, and
// the protocol's answer to the first four is to close the session.
var (
	// ErrEmptyPacket is returned when a text frame, a payload, or the space
	// between two separators holds nothing, not even a packet type.
	ErrEmptyPacket = errors.New("engineio: empty packet; a packet starts with its type")
	// ErrUnknownType is returned when a packet's type is none of 0 to 6.
	ErrUnknownType = errors.New("engineio: unknown packet type; use 0 to 6")
	// ErrBadBase64 is returned when a binary packet of a payload is not padded
	// standard base64 (RFC 4648, section 4) without line breaks.
	ErrBadBase64 = errors.New("engineio: bad base64; use the padded standard alphabet without line breaks")
	// ErrInvalidUTF8 is returned when the data of a text packet is not UTF-8.
	ErrInvalidUTF8 = errors.New("engineio: text is not UTF-8; send it as binary")
	// ErrTooLarge is returned when a frame or payload is longer than
	// Limits.MaxPayload.
	ErrTooLarge = errors.New("engineio: larger than maxPayload; send smaller messages")
	// ErrTooManyPackets is returned when a payload holds more packets than
	// Limits.MaxPackets.
	ErrTooManyPackets = errors.New("engineio: too many packets in a payload; spread them over several requests")
	// ErrBinaryType is returned when a packet to encode is binary but no Message.
	ErrBinaryType = errors.New("engineio: only messages may be binary")
	// ErrSeparator is returned when a text packet to encode into a payload
	// contains the byte 0x1e, which would split it. JSON escapes that byte.
	ErrSeparator = errors.New("engineio: text contains the packet separator 0x1e; escape it or send binary")
)

// Packet is one Engine.IO packet.
type Packet struct {
	Type   Type
	Binary bool   // only of a Message
	Data   []byte // UTF-8 unless Binary; shares memory with a decoder's input
}

// Probe is the packet with which a client tests a new transport, "2probe".
func Probe() Packet { return Packet{Type: Ping, Data: []byte(probe)} }

// IsProbe says whether p tests a new transport, "2probe", or answers such a
// test, "3probe". Any other Ping and Pong belongs to the heartbeat.
func (p Packet) IsProbe() bool {
	return (p.Type == Ping || p.Type == Pong) && string(p.Data) == probe
}

// Pong is the answer to a Ping; it carries, and shares, the data of p.
func (p Packet) Pong() Packet { return Packet{Type: Pong, Data: p.Data} }

// check says why p cannot be encoded.
func (p Packet) check() error {
	switch {
	case p.Type > lastType:
		return ErrUnknownType
	case p.Binary && p.Type != Message:
		return ErrBinaryType
	case !p.Binary && !utf8.Valid(p.Data):
		return ErrInvalidUTF8
	}
	return nil
}

// decodeText reads a type digit and the UTF-8 data that follows it.
func decodeText(b []byte) (Packet, error) {
	if len(b) == 0 {
		return Packet{}, ErrEmptyPacket
	}
	if b[0] < '0' || b[0] > '0'+byte(lastType) {
		return Packet{}, ErrUnknownType
	}
	if !utf8.Valid(b[1:]) {
		return Packet{}, ErrInvalidUTF8
	}
	return Packet{Type: Type(b[0] - '0'), Data: within(b[1:])}, nil
}

// within caps b at its length, so that an append to a packet's data cannot
// overwrite the packet behind it.
func within(b []byte) []byte { return b[:len(b):len(b)] }
