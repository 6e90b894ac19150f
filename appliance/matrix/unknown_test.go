package matrix

import (
	"bytes"
	"io/fs"
	"os"
	"path/filepath"
	"testing"

	"google.golang.org/protobuf/encoding/protowire"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"

	"github.com/yizhan-im/yizhan/appliance"
	"github.com/yizhan-im/yizhan/appliance/wire"
)

// smuggled is in fields that no message has.
const smuggled = "smuggl3d"

// TestUnknownFieldsAreNotStored: what a client sends in fields that this build does
// not know, nobody has checked; it must get neither into the log nor to others.
func TestUnknownFieldsAreNotStored(t *testing.T) {
	s := newSite(t, appliance.TenantRequest{})
	s.accounts("alice", "bob")
	alice := s.login(overLink, "alice", "")
	team := s.newTeam("alice", "bob")
	var sent wire.SendResponse
	alice.ok(wire.CmdSend, &wire.SendRequest{To: "bob", ClientId: "0", Body: secretText + " to be found"}, &sent)
	valid := []proto.Message{
		&wire.SendRequest{To: "bob", ClientId: "1", Body: "t3xt", Options: &wire.MessageOptions{NoPush: true}, Push: &wire.PushOptions{Content: "t3xt"}},
		&wire.SendRequest{To: "bob", ClientId: "2", Forward: &wire.Origin{Peer: "bob", Seq: sent.Seq}},
		&wire.SendRequest{To: "bob", ClientId: "3", Type: 101, Body: "{}", Merged: []*wire.Origin{{Peer: "bob", Seq: sent.Seq}}},
		&wire.NotifyRequest{To: "bob", ClientId: "4", Attach: "t3xt", Options: &wire.NotifyOptions{Push: &wire.PushOptions{Content: "t3xt"}}},
		&wire.UpdateProfileRequest{Name: proto.String("t3xt")},
		&wire.CreateTeamRequest{ClientId: "5", Team: &wire.TeamChanges{Name: proto.String("t3xt")}},
		&wire.UpdateTeamRequest{Team: team, Changes: &wire.TeamChanges{Name: proto.String("t3xt")}},
		&wire.UpdateTeamMemberRequest{Team: team, Changes: &wire.TeamMemberChanges{Nick: proto.String("t3xt")}},
	}
	for _, in := range valid {
		addUnknown(in.ProtoReflect())
		alice.ok(commandOf(in), in, nil)
	}
	ids := map[string]string{"team": team, "teams": team}
	for _, cmd := range wire.Requests() {
		if cmd == wire.CmdLogin || cmd == wire.CmdLogout {
			continue
		}
		for _, f := range foreignFillings(ids) {
			in := requestOf(t, cmd)
			f.fill(in.ProtoReflect(), 0)
			addUnknown(in.ProtoReflect())
			alice.code(cmd, in)
		}
	}
	found := map[string]bool{}
	for _, text := range []string{secretText + " to be found", smuggled} {
		found[text] = inFolder(t, node.dir, text)
	}
	if !found[secretText+" to be found"] {
		t.Error("a message is not found in the data folder: nothing can be")
	}
	if found[smuggled] {
		t.Error("what is in unknown fields is stored")
	}
}

// addUnknown gives m, and every message in it, a field that it does not have.
func addUnknown(m protoreflect.Message) {
	m.SetUnknown(protowire.AppendString(protowire.AppendTag(nil, 15000, protowire.BytesType), smuggled))
	m.Range(func(fd protoreflect.FieldDescriptor, v protoreflect.Value) bool {
		switch {
		case fd.Message() == nil || fd.IsMap():
		case fd.IsList():
			for i := range v.List().Len() {
				addUnknown(v.List().Get(i).Message())
			}
		default:
			addUnknown(v.Message())
		}
		return true
	})
}

// inFolder reports whether text is in one of the files below dir.
func inFolder(t *testing.T, dir, text string) (found bool) {
	t.Helper()
	err := filepath.WalkDir(dir, func(path string, e fs.DirEntry, err error) error {
		if err != nil || e.IsDir() {
			return err
		}
		content, err := os.ReadFile(path)
		if os.IsNotExist(err) {
			return nil // the store removes files that it no longer needs
		}
		found = found || bytes.Contains(content, []byte(text))
		return err
	})
	if err != nil && !os.IsNotExist(err) {
		t.Fatal(err)
	}
	return found
}
