package secure

import (
	"encoding/binary"
	"errors"
	"fmt"
	"strings"

	"github.com/yizhan-im/yizhan/appliance/wire"
)

// Version is the version of the handshake and the records that this build
// speaks. A new one may change everything after the version byte.
const Version = 1

// Both handshake messages travel in an envelope: magic, version, length of the
// body as a 16-bit big-endian number, body. Changing it breaks compatibility
// with every version, for a refusal must be readable by all of them.
const (
	magic        = "YZL"
	envelopeSize = len(magic) + 1 + 2

	// refusalVersion marks a plaintext refusal in place of a reply.
	refusalVersion = 0
	refusalBody    = 2 + 1 + 1 // code, lowest and highest version served
)

// MaxHello and MaxReply bound the handshake messages, envelope included. Both
// are far longer than what version 1 sends (55 bytes): later builds may add to
// the encrypted payloads, and this one ignores what it does not know.
const (
	MaxHello = 256
	MaxReply = 256
)

// minBody is the shortest Noise message here: an ephemeral public key and one
// encrypted byte with its tag.
const minBody = PublicKeySize + 1 + tagSize

// Errors of the handshake. All of them end the connection.
var (
	// ErrNotLink is returned when the peer's first bytes are not the protocol's.
	ErrNotLink = errors.New("secure: the peer does not speak the Link protocol")
	// ErrVersion is returned when the peer speaks a version that this build does not.
	ErrVersion = errors.New("secure: protocol version not served")
	// ErrHandshake is returned when a handshake message has a length out of range
	// or fails authentication: it was altered, or made for another server key.
	ErrHandshake = errors.New("secure: handshake failed")
)

// RefusedError is the server's plaintext refusal. Nothing authenticates it, for
// there are no keys yet: it may be shown and may slow reconnecting down, but must
// not make a client fall back to something weaker or give up for good.
type RefusedError struct {
	Code            wire.Code
	Lowest, Highest uint8 // versions that the server speaks
}

// Error implements error.
func (e *RefusedError) Error() string {
	return fmt.Sprintf("secure: server refused the handshake: %d %s (it speaks versions %d to %d, this client %d)",
		e.Code, e.Code.Meaning(), e.Lowest, e.Highest, Version)
}

// Refusal is the plaintext reply that turns a client away before any handshake,
// for example with wire.CodeBusy when too many are in flight.
func Refusal(code wire.Code) []byte {
	b := appendEnvelope(nil, refusalVersion, refusalBody)
	b = binary.BigEndian.AppendUint16(b, uint16(code))
	return append(b, Version, Version)
}

func parseRefusal(body []byte) *RefusedError {
	return &RefusedError{
		Code:    wire.Code(binary.BigEndian.Uint16(body)),
		Lowest:  body[2],
		Highest: body[3],
	}
}

// appendEnvelope appends the envelope of a body of the given length to dst.
func appendEnvelope(dst []byte, version byte, body int) []byte {
	dst = append(dst, magic...)
	dst = append(dst, version)
	return binary.BigEndian.AppendUint16(dst, uint16(body))
}

// parseEnvelope reads the envelope at the start of in; n is its size, or 0 when
// it has not wholly arrived. Only a client may be refused. Bytes are judged as
// they come, so that a stranger is turned away by his first byte and an unknown
// version by its number alone.
func parseEnvelope(in []byte, limit int, refusable bool) (version byte, body []byte, n int, err error) {
	if !strings.HasPrefix(magic, string(in[:min(len(in), len(magic))])) {
		return 0, nil, 0, ErrNotLink
	}
	if len(in) <= len(magic) {
		return 0, nil, 0, nil
	}
	version = in[len(magic)]
	least := minBody
	switch {
	case version == Version:
	case version == refusalVersion && refusable:
		least = refusalBody
	default:
		return version, nil, 0, fmt.Errorf("%w: the peer speaks version %d, this build %d", ErrVersion, version, Version)
	}
	if len(in) < envelopeSize {
		return version, nil, 0, nil
	}
	length := int(binary.BigEndian.Uint16(in[len(magic)+1:]))
	size := envelopeSize + length
	if length < least || size > limit {
		return version, nil, 0, fmt.Errorf("%w: message of %d bytes", ErrHandshake, size)
	}
	if len(in) < size {
		return version, nil, 0, nil
	}
	return version, in[envelopeSize:size], size, nil
}
