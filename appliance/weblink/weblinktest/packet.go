package weblinktest

import (
	"bytes"
	"encoding/json"
	"fmt"
	"strconv"

	"google.golang.org/protobuf/encoding/protojson"
	"google.golang.org/protobuf/proto"

	"github.com/yizhan-im/yizhan/appliance/wire"
)

// The packet types that the client meets (Engine.IO protocol 4, "Packet types";
// Socket.IO protocol 5, "Packet types").
const (
	engineOpen    = '0'
	engineClose   = '1'
	enginePing    = '2'
	enginePong    = '3'
	engineMessage = '4'
	engineNoop    = '6'

	socketConnect      = '0'
	socketDisconnect   = '1'
	socketEvent        = '2'
	socketAck          = '3'
	socketConnectError = '4'
)

// Event is one event from the server.
type Event struct {
	Name string
	Body json.RawMessage // its argument
}

// Decode reads the event's argument.
func (e Event) Decode(m proto.Message) error { return Decode(e.Body, m) }

// Decode reads a JSON form that the server has written. It is strict: a field that
// m does not have is an error.
func Decode(body []byte, m proto.Message) error { return protojson.Unmarshal(body, m) }

// RefusedError is why the server did not let the client in.
type RefusedError struct {
	Message      string    `json:"-"`
	Code         wire.Code `json:"code"`
	Note         string    `json:"note"`
	RetryAfterMs uint32    `json:"retryAfterMs"`
}

// Error implements error.
func (e *RefusedError) Error() string {
	return fmt.Sprintf("refused: %s, code %d: %s", e.Message, e.Code, e.Note)
}

func parseRefusal(packet []byte) error {
	var answer struct {
		Message string          `json:"message"`
		Data    json.RawMessage `json:"data"`
	}
	if err := json.Unmarshal(packet, &answer); err != nil {
		return fmt.Errorf("a CONNECT_ERROR %q: %w", packet, err)
	}
	refused := &RefusedError{Message: answer.Message}
	if len(answer.Data) > 0 {
		if err := json.Unmarshal(answer.Data, refused); err != nil {
			return fmt.Errorf("a CONNECT_ERROR %q: %w", packet, err)
		}
	}
	return refused
}

func parseEvent(packet []byte) (Event, error) {
	var args []json.RawMessage
	if err := json.Unmarshal(packet, &args); err != nil {
		return Event{}, fmt.Errorf("an event %q: %w", packet, err)
	}
	if len(args) != 2 {
		return Event{}, fmt.Errorf("an event with %d members, want its name and one argument: %q", len(args), packet)
	}
	e := Event{Body: args[1]}
	return e, json.Unmarshal(args[0], &e.Name)
}

// answer is what an acknowledgement carries.
type answer struct {
	Code wire.Code       `json:"code"`
	Body json.RawMessage `json:"body"`
}

func parseAck(packet []byte) (id uint64, a answer, err error) {
	digits := bytes.IndexByte(packet, '[')
	if digits < 0 {
		return 0, a, fmt.Errorf("an ACK without arguments: %q", packet)
	}
	if id, err = strconv.ParseUint(string(packet[:digits]), 10, 64); err != nil {
		return 0, a, err
	}
	var args []answer
	if err := json.Unmarshal(packet[digits:], &args); err != nil || len(args) != 1 {
		return 0, a, fmt.Errorf("an ACK %q: %d arguments, error %w", packet, len(args), err)
	}
	return id, args[0], nil
}
