package weblink_test

import (
	"fmt"
	"os"
	"slices"
	"strings"
	"testing"

	"google.golang.org/protobuf/reflect/protoreflect"

	"github.com/yizhan-im/yizhan/appliance/wire"
)

// TestTheProtocolPageNamesEveryEvent keeps the tables of PROTOCOL.md whole.
func TestTheProtocolPageNamesEveryEvent(t *testing.T) {
	page, err := os.ReadFile("PROTOCOL.md")
	if err != nil {
		t.Fatal(err)
	}
	rows := 0
	for cmd := range wire.Command(1023) {
		if strings.HasPrefix(cmd.String(), "command_") {
			continue
		}
		var row string
		switch {
		case cmd == wire.CmdLogin:
			row = fmt.Sprintf("| `%v` | LoginResponse |", cmd)
		case !cmd.IsPush():
			row = fmt.Sprintf("| `%v` | %s | %s |", cmd, messageName(t, cmd, "Request"), messageName(t, cmd, "Response"))
		default:
			row = fmt.Sprintf("| `%v` | %s |", cmd, messageName(t, cmd, "Push"))
		}
		if !strings.Contains(string(page), "\n"+row) {
			t.Errorf("PROTOCOL.md has no row %s", row)
		}
		rows++
	}
	if rows < 20 {
		t.Errorf("only %d commands: has the numbering changed?", rows)
	}
}

// messageName is the message of a command: send_room has SendRoomRequest. A
// command without a response has "–".
func messageName(t *testing.T, cmd wire.Command, suffix string) string {
	t.Helper()
	var name strings.Builder
	for word := range strings.SplitSeq(strings.TrimSuffix(cmd.String(), "_push"), "_") {
		name.WriteString(strings.ToUpper(word[:1]) + word[1:])
	}
	name.WriteString(suffix)
	switch found := slices.ContainsFunc(wire.Messages(), func(m protoreflect.MessageDescriptor) bool { return string(m.Name()) == name.String() }); {
	case found:
		return name.String()
	case suffix != "Response":
		t.Errorf("wire has no %s", name.String())
	}
	return "–"
}
