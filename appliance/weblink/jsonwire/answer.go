package jsonwire

import (
	"fmt"
	"strconv"
	"sync"

	"google.golang.org/protobuf/encoding/protojson"
	"google.golang.org/protobuf/proto"

	"github.com/yizhan-im/yizhan/appliance/wire"
)

// maxScratch is the largest buffer that is kept for another message, in bytes.
const maxScratch = 64 << 10

// scratch lends the memory for a message's protobuf form.
var scratch = sync.Pool{New: func() any { return new([]byte) }}

// AppendMessage appends the JSON object of m, which is a message of wire, to dst.
// A nil m is an empty one. It fails when a string of m is not UTF-8; dst is
// returned as it was then.
func AppendMessage(dst []byte, m wire.Body) ([]byte, error) {
	if m == nil {
		return append(dst, "{}"...), nil
	}
	full, ok := m.(proto.Message)
	if !ok {
		return dst, fmt.Errorf("jsonwire: %T is not a protobuf message", m)
	}
	payload := scratch.Get().(*[]byte)
	*payload = appendMessage((*payload)[:0], m)
	out, ok := plans[full.ProtoReflect().Descriptor().FullName()].append(dst, *payload)
	if cap(*payload) <= maxScratch {
		scratch.Put(payload)
	}
	if ok {
		return out, nil
	}
	return appendAny(dst, full)
}

// appendAny is AppendMessage for what plans do not take.
func appendAny(dst []byte, m proto.Message) ([]byte, error) {
	out, err := protojson.MarshalOptions{}.MarshalAppend(dst, m)
	if err != nil {
		return dst, fmt.Errorf("jsonwire: %T has no JSON form: %w", m, err)
	}
	return out, nil
}

// AppendAnswer appends what a client's acknowledgement gets: {"code":…,"body":{…}}.
// It fails as AppendMessage does.
func AppendAnswer(dst []byte, code wire.Code, body wire.Body) ([]byte, error) {
	start := len(dst)
	dst = append(dst, `{"code":`...)
	dst = strconv.AppendUint(dst, uint64(code), 10)
	dst = append(dst, `,"body":`...)
	out, err := AppendMessage(dst, body)
	if err != nil {
		return dst[:start], err
	}
	return append(out, '}'), nil
}

// AppendPush appends the JSON object of a push, whose protobuf form is payload, to
// dst.
func AppendPush(dst []byte, cmd wire.Command, payload []byte) ([]byte, error) {
	create := pushes[cmd]
	if create == nil {
		return dst, fmt.Errorf("jsonwire: %v is no push", cmd)
	}
	if out, ok := pushPlans[cmd].append(dst, payload); ok {
		return out, nil
	}
	m := create()
	if err := m.UnmarshalVT(payload); err != nil {
		return dst, fmt.Errorf("jsonwire: %v: %w", cmd, err)
	}
	return appendAny(dst, m)
}
