package jsonwire

import (
	"cmp"
	"slices"
	"strings"

	"google.golang.org/protobuf/reflect/protoreflect"

	"github.com/yizhan-im/yizhan/appliance/wire"
)

// Event is one event of WebLink with what it carries.
type Event struct {
	Command wire.Command
	// Argument is the message of a request or push.
	Argument protoreflect.MessageDescriptor
	// Answer is that of a request's answer; nil when the answer is empty.
	Answer protoreflect.MessageDescriptor
}

// Events lists all requests and pushes in the order of their names.
func Events() []Event {
	var all []Event
	for cmd, create := range requests {
		argument := create().ProtoReflect().Descriptor()
		all = append(all, Event{cmd, argument, answerOf(argument)})
	}
	for cmd, create := range pushes {
		all = append(all, Event{Command: cmd, Argument: create().ProtoReflect().Descriptor()})
	}
	slices.SortFunc(all, func(a, b Event) int { return cmp.Compare(a.Command.String(), b.Command.String()) })
	return all
}

// answerOf finds the XResponse of an XRequest.
func answerOf(request protoreflect.MessageDescriptor) protoreflect.MessageDescriptor {
	name, isRequest := strings.CutSuffix(string(request.Name()), "Request")
	for _, m := range wire.Messages() {
		if isRequest && string(m.Name()) == name+"Response" {
			return m
		}
	}
	return nil
}
