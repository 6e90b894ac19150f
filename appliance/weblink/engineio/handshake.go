package engineio

import (
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"time"
	"unicode/utf8"
)

// ErrBadHandshake is returned when a handshake misses a value or holds one out
// of its range.
var ErrBadHandshake = errors.New("engineio: bad handshake")

// maxDelay is the longest delay a client's timer can take: browsers keep it,
// in milliseconds, in 32 bits.
const maxDelay = math.MaxInt32 * time.Millisecond

// Handshake is the data of the Open packet, the first that a server sends.
type Handshake struct {
	SID          string        // the session's id, not empty
	Upgrades     []string      // transports the client may switch to; may be empty
	PingInterval time.Duration // between two Pings; whole milliseconds from 1 to 2³¹-1 travel
	PingTimeout  time.Duration // how long a Pong may take; in the same range
	MaxPayload   int           // bytes the client may put into one payload, at least 1
}

// handshakeJSON is a Handshake as it travels; durations are in milliseconds.
type handshakeJSON struct {
	SID          string   `json:"sid"`
	Upgrades     []string `json:"upgrades"`
	PingInterval int64    `json:"pingInterval"`
	PingTimeout  int64    `json:"pingTimeout"`
	MaxPayload   int      `json:"maxPayload"`
}

// Packet is the Open packet that carries h. It fails with ErrBadHandshake.
func (h Handshake) Packet() (Packet, error) {
	if err := h.check(); err != nil {
		return Packet{}, err
	}
	upgrades := h.Upgrades
	if upgrades == nil {
		upgrades = []string{} // clients iterate over it: null would break them
	}
	data, err := json.Marshal(handshakeJSON{h.SID, upgrades, h.PingInterval.Milliseconds(), h.PingTimeout.Milliseconds(), h.MaxPayload})
	if err != nil {
		return Packet{}, fmt.Errorf("%w: %w", ErrBadHandshake, err)
	}
	return Packet{Type: Open, Data: data}, nil
}

// ParseHandshake reads the data of an Open packet, as a client does. Members it
// does not know are ignored. It fails with ErrBadHandshake.
func ParseHandshake(data []byte) (Handshake, error) {
	var j handshakeJSON
	if err := json.Unmarshal(data, &j); err != nil {
		return Handshake{}, fmt.Errorf("%w: %w", ErrBadHandshake, err)
	}
	// Before the multiplication, which could overflow into the range.
	if max(j.PingInterval, j.PingTimeout) > math.MaxInt32 || min(j.PingInterval, j.PingTimeout) < 1 {
		return Handshake{}, fmt.Errorf("%w: ping times must be from 1 ms to %v", ErrBadHandshake, maxDelay)
	}
	h := Handshake{
		SID:          j.SID,
		Upgrades:     j.Upgrades,
		PingInterval: time.Duration(j.PingInterval) * time.Millisecond,
		PingTimeout:  time.Duration(j.PingTimeout) * time.Millisecond,
		MaxPayload:   j.MaxPayload,
	}
	if err := h.check(); err != nil {
		return Handshake{}, err
	}
	return h, nil
}

func (h Handshake) check() error {
	switch {
	case h.SID == "" || !utf8.ValidString(h.SID):
		return fmt.Errorf("%w: sid must be UTF-8 and not empty", ErrBadHandshake)
	case min(h.PingInterval, h.PingTimeout) < time.Millisecond || max(h.PingInterval, h.PingTimeout) > maxDelay:
		return fmt.Errorf("%w: ping times must be from 1 ms to %v", ErrBadHandshake, maxDelay)
	case h.MaxPayload < 1:
		return fmt.Errorf("%w: maxPayload must be positive", ErrBadHandshake)
	}
	return nil
}
