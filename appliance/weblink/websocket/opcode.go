package websocket

import "fmt"

// Opcode says what a frame carries (RFC 6455 §5.2).
type Opcode byte

// The opcodes that RFC 6455 §11.8 defines. The others are refused.
const (
	OpContinuation Opcode = 0x0
	OpText         Opcode = 0x1
	OpBinary       Opcode = 0x2
	OpClose        Opcode = 0x8
	OpPing         Opcode = 0x9
	OpPong         Opcode = 0xa
)

// isControl: control frames have the highest bit of the opcode set (§5.5).
func (o Opcode) isControl() bool { return o&0x8 != 0 }

func (o Opcode) defined() bool { return o <= OpBinary || (OpClose <= o && o <= OpPong) }

// Status says why a connection is closed (RFC 6455 §7.4.1 and the registry of
// WebSocket close codes at IANA).
type Status uint16

const (
	StatusNormal         Status = 1000
	StatusGoingAway      Status = 1001
	StatusProtocolError  Status = 1002
	StatusUnsupported    Status = 1003
	StatusNoStatus       Status = 1005 // never travels: the close frame was empty
	StatusInvalidPayload Status = 1007
	StatusPolicy         Status = 1008
	StatusTooBig         Status = 1009
	StatusInternal       Status = 1011
	StatusTryAgainLater  Status = 1013
)

// mayTravel reports whether s may stand in a close frame: registered codes
// except 1004 (no meaning yet), 1005, 1006 and 1015 (for local use), and the
// ranges of libraries (3000–3999) and applications (4000–4999), RFC 6455 §7.4.
func (s Status) mayTravel() bool {
	switch {
	case s >= 1000 && s <= 1003, s >= 1007 && s <= 1014:
		return true
	default:
		return s >= 3000 && s <= 4999
	}
}

// Error is what breaks the protocol. The connection is to be closed with a
// close frame of this status and reason. It repeats nothing that the client
// sent, so it may be logged.
type Error struct {
	Status Status
	Reason string
}

func (e *Error) Error() string {
	return fmt.Sprintf("websocket: %s (close with %d)", e.Reason, e.Status)
}

// One value each: a flood of broken connections allocates no errors.
var (
	errReservedBits      = &Error{StatusProtocolError, "reserved bit set"}
	errReservedOpcode    = &Error{StatusProtocolError, "reserved opcode"}
	errControlFragment   = &Error{StatusProtocolError, "fragmented control frame"}
	errControlLength     = &Error{StatusProtocolError, "control frame longer than 125 bytes"}
	errNoMessage         = &Error{StatusProtocolError, "continuation without a message"}
	errMessageOpen       = &Error{StatusProtocolError, "new message within a fragmented one"}
	errNotMasked         = &Error{StatusProtocolError, "frame not masked"}
	errLength            = &Error{StatusProtocolError, "payload length not in its shortest form"}
	errLengthBit         = &Error{StatusProtocolError, "payload length with its highest bit set"}
	errCloseLength       = &Error{StatusProtocolError, "close frame of one byte"}
	errCloseStatus       = &Error{StatusProtocolError, "close status that may not be sent"}
	errCloseReason       = &Error{StatusInvalidPayload, "close reason is not UTF-8"}
	errInvalidUTF8       = &Error{StatusInvalidPayload, "text is not UTF-8"}
	errInvalidDeflate    = &Error{StatusInvalidPayload, "compressed data is damaged"}
	errTooBig            = &Error{StatusTooBig, "message too big"}
	errDecodeAfterFailed = &Error{StatusProtocolError, "input after a failure"}
)
