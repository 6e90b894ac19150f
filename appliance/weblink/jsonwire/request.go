package jsonwire

import (
	"bytes"
	"errors"
	"fmt"
	"regexp"

	"google.golang.org/protobuf/encoding/protojson"

	"github.com/yizhan-im/yizhan/appliance/wire"
)

// MaxRequest bounds a request's JSON, in bytes. JSON writes a byte as six at most
// (\u0001), and handlers take no more than 32 KiB of protobuf.
const MaxRequest = 256 << 10

// maxDepth bounds how deeply a request's objects and arrays may be nested. Those
// of wire need two; the rest is for fields that only later versions know.
const maxDepth = 32

// Errors of AppendRequest.
var (
	// ErrCommand is returned for a command that is no request.
	ErrCommand = errors.New("jsonwire: no such request")
	// ErrTooLarge is returned for more than MaxRequest bytes of JSON.
	ErrTooLarge = fmt.Errorf("jsonwire: the request is longer than %d bytes", MaxRequest)
)

// SyntaxError is returned for JSON that is not the request's message.
type SyntaxError struct {
	Message string // name of the message, such as SendRequest
	Reason  string // where and what, without a word of the input
}

// Error implements error.
func (e *SyntaxError) Error() string {
	return fmt.Sprintf("not the JSON form of %s: %s", e.Message, e.Reason)
}

var decode = protojson.UnmarshalOptions{DiscardUnknown: true, RecursionLimit: maxDepth}

// AppendRequest appends the protobuf form of the request cmd, whose JSON object
// is value, to dst. No value, or null, is a message without fields. On error dst
// is returned as it was.
func AppendRequest(dst []byte, cmd wire.Command, value []byte) ([]byte, error) {
	create := requests[cmd]
	if create == nil {
		return dst, ErrCommand
	}
	if len(value) > MaxRequest {
		return dst, ErrTooLarge
	}
	value = trim(value)
	if len(value) == 0 || string(value) == "null" {
		return dst, nil
	}
	if out, ok := requestPlans[cmd].parse(dst, value); ok {
		return out, nil
	}
	m := create()
	if err := decode.Unmarshal(value, m); err != nil {
		return dst, &SyntaxError{Message: string(m.ProtoReflect().Descriptor().Name()), Reason: reason(err)}
	}
	return appendMessage(dst, m), nil
}

// Argument takes the one argument, or none, out of an event's JSON array. It does
// not look at it: what is no object, or more than one, AppendRequest refuses.
func Argument(array []byte) []byte {
	array = trim(array)
	if len(array) < 2 || array[0] != '[' || array[len(array)-1] != ']' {
		return array
	}
	return array[1 : len(array)-1]
}

// trim removes the white space of JSON (RFC 8259 §2).
func trim(b []byte) []byte { return bytes.Trim(b, " \t\r\n") }

// appendMessage appends the protobuf form of m.
func appendMessage(dst []byte, m wire.Body) []byte {
	start := len(dst)
	dst = grow(dst, m.SizeVT())
	// A generated message fails only when the buffer is smaller than SizeVT.
	if _, err := m.MarshalToSizedBufferVT(dst[start:]); err != nil {
		panic("jsonwire: message changed while it was encoded")
	}
	return dst
}

func grow(b []byte, n int) []byte {
	if cap(b)-len(b) < n {
		b = append(make([]byte, 0, 2*cap(b)+n), b...)
	}
	return b[:len(b)+n]
}

// known are the parts of protojson's errors that repeat nothing of the input:
// field names come from the message's description.
var known = regexp.MustCompile(`\(line (\d+:\d+)\): (invalid value for \w+ field \w+|duplicate field|unexpected token)?`)

// reason says where decoding failed, and why as far as that tells nothing of the
// input.
func reason(err error) string {
	found := known.FindStringSubmatch(err.Error())
	switch {
	case found == nil:
		return "malformed, or nested too deeply"
	case found[2] == "":
		return "malformed at " + found[1]
	default:
		return found[2] + " at " + found[1]
	}
}
