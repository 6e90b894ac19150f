package jsonwire

import (
	"strings"
	"testing"

	"google.golang.org/protobuf/reflect/protoreflect"

	"github.com/yizhan-im/yizhan/appliance/wire"
)

// lastCommand is beyond every number that is in use.
const lastCommand wire.Command = 1023

// declared reports whether wire knows cmd: others have no name of their own.
func declared(cmd wire.Command) bool { return !strings.HasPrefix(cmd.String(), "command_") }

func TestEveryCommandOfWireHasItsMessage(t *testing.T) {
	for cmd := range lastCommand {
		_, isRequest := requests[cmd]
		_, isPush := pushes[cmd]
		if wantRequest := declared(cmd) && !cmd.IsPush(); isRequest != wantRequest {
			t.Errorf("%v is in the table of requests: %v, want %v", cmd, isRequest, wantRequest)
		}
		if wantPush := declared(cmd) && cmd.IsPush(); isPush != wantPush {
			t.Errorf("%v is in the table of pushes: %v, want %v", cmd, isPush, wantPush)
		}
	}
	if len(requests) < 14 || len(pushes) < 6 {
		t.Errorf("%d requests and %d pushes: has the numbering changed?", len(requests), len(pushes))
	}
}

// A message is named after its command: send_room has SendRoomRequest.
func TestMessagesBelongToTheirCommands(t *testing.T) {
	for cmd, create := range requests {
		if got, want := nameOf(create()), camel(cmd)+"Request"; got != want {
			t.Errorf("%v takes a %s, want %s", cmd, got, want)
		}
	}
	for cmd, create := range pushes {
		if got, want := nameOf(create()), strings.TrimSuffix(camel(cmd), "Push")+"Push"; got != want {
			t.Errorf("%v carries a %s, want %s", cmd, got, want)
		}
	}
}

func nameOf(m message) string { return string(m.ProtoReflect().Descriptor().Name()) }

// camel is send_room as SendRoom.
func camel(cmd wire.Command) string {
	var b strings.Builder
	for word := range strings.SplitSeq(cmd.String(), "_") {
		b.WriteString(strings.ToUpper(word[:1]) + word[1:])
	}
	return b.String()
}

func TestCommandsAreFoundByName(t *testing.T) {
	if cmd, ok := Command("update_profile"); !ok || cmd != wire.CmdUpdateProfile {
		t.Errorf("update_profile is %v, %v", cmd, ok)
	}
	for _, name := range []string{"", "SEND", "message", "close", "command_0", "command_10", "toString"} {
		if cmd, ok := Command(name); ok {
			t.Errorf("%q is the request %v", name, cmd)
		}
	}
}

// The bound on depth must leave room for the messages of wire.
func TestNoMessageIsNestedDeeperThanTheLimit(t *testing.T) {
	var depth func(d protoreflect.MessageDescriptor) int
	depth = func(d protoreflect.MessageDescriptor) int {
		deepest := 0
		for i := range d.Fields().Len() {
			if m := d.Fields().Get(i).Message(); m != nil {
				deepest = max(deepest, depth(m))
			}
		}
		return deepest + 1
	}
	for cmd, create := range requests {
		if d := depth(create().ProtoReflect().Descriptor()); d > maxDepth/4 {
			t.Errorf("%v is nested %d deep, the limit is %d", cmd, d, maxDepth)
		}
	}
}
