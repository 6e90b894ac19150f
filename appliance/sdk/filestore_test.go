package sdk

import (
	"bytes"
	"cmp"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/yizhan-im/yizhan/appliance/wire"
)

func openStore(t testing.TB, path string) *FileStore {
	t.Helper()
	s, err := OpenFileStore(path)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = s.Close() })
	return s
}

func mustLoad(t testing.TB, s Store) Checkpoint {
	t.Helper()
	c, err := s.Load("app/bob")
	if err != nil {
		t.Fatal(err)
	}
	slices.SortFunc(c.Conversations, func(a, b Cursor) int { return cmp.Compare(a.Peer, b.Peer) })
	return c
}

func mustSave(t testing.TB, s Store, c Checkpoint) {
	t.Helper()
	if err := s.Save(c); err != nil {
		t.Fatal(err)
	}
}

func TestFileStoreKeepsTheLatest(t *testing.T) {
	path := filepath.Join(t.TempDir(), "state")
	s := openStore(t, path)
	if c := mustLoad(t, s); !reflect.DeepEqual(c, Checkpoint{}) {
		t.Errorf("a new store holds %+v", c)
	}
	alice := Cursor{Peer: "alice", Delivered: 7, Known: 9, Read: 5, PeerRead: 4, TimeMs: 3, Standing: wire.TeamStanding_TEAM_STANDING_KICKED}
	team := Cursor{Scene: wire.Scene_SCENE_TEAM, Peer: "alice", Known: 2}
	mustSave(t, s, Checkpoint{DeviceID: "phone"})
	mustSave(t, s, Checkpoint{Version: 3, Conversations: []Cursor{{Peer: "alice", Delivered: 1}, team}})
	mustSave(t, s, Checkpoint{Version: 5, Conversations: []Cursor{alice}})
	// The process dies: nobody closes the store, its lock goes with it.
	if err := s.lock.Close(); err != nil {
		t.Fatal(err)
	}

	got := mustLoad(t, openStore(t, path))
	if got.DeviceID != "phone" || got.Version != 5 || len(got.Conversations) != 2 ||
		!slices.Contains(got.Conversations, alice) || !slices.Contains(got.Conversations, team) {
		t.Errorf("loaded %+v", got)
	}
}

func TestFileStoreRewritesItselfWhenItGrows(t *testing.T) {
	path := filepath.Join(t.TempDir(), "state")
	s := openStore(t, path)
	mustLoad(t, s)
	const saves = 3*minCompactLines + 10
	for n := range uint64(saves) {
		mustSave(t, s, Checkpoint{Version: n, Conversations: []Cursor{{Peer: "alice", Delivered: n}}})
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	b, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if lines := bytes.Count(b, []byte("\n")); lines > minCompactLines {
		t.Errorf("the file has %d lines", lines)
	}
	if c := mustLoad(t, openStore(t, path)); c.Version != saves-1 || c.Conversations[0].Delivered != saves-1 {
		t.Errorf("loaded %+v", c)
	}
}

func TestFileStoreAfterThePowerFailed(t *testing.T) {
	path := filepath.Join(t.TempDir(), "state")
	s := openStore(t, path)
	mustLoad(t, s)
	mustSave(t, s, Checkpoint{Version: 3})
	mustSave(t, s, Checkpoint{Version: 4})
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	b, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, b[:len(b)-2], 0o600); err != nil { // half a line
		t.Fatal(err)
	}
	s = openStore(t, path)
	if c := mustLoad(t, s); c.Version != 3 {
		t.Errorf("loaded %+v", c)
	}
	mustSave(t, s, Checkpoint{Version: 5})
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	if c := mustLoad(t, openStore(t, path)); c.Version != 5 {
		t.Errorf("loaded %+v", c)
	}
}

func TestFileStoreRefusesWhatItCannotServe(t *testing.T) {
	dir := t.TempDir()
	for name, content := range map[string]string{
		"other": "hello\n", "half": `{"format":"yizhan`, "damaged": `{"format":"yizhan-device/1","owner":"app/bob"}` + "\n{}\nx\n{}\n",
	} {
		path := filepath.Join(dir, name)
		if err := os.WriteFile(path, []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
		if _, err := openStore(t, path).Load("app/bob"); err == nil || !strings.Contains(err.Error(), "move it away") {
			t.Errorf("%s: %v", name, err)
		}
	}

	s := openStore(t, filepath.Join(dir, "bob"))
	mustLoad(t, s)
	if _, err := s.Load("app/alice"); err == nil || !strings.Contains(err.Error(), "belongs to app/bob") {
		t.Errorf("the store of another account: %v", err)
	}
	if _, err := OpenFileStore(filepath.Join(dir, "bob")); err == nil || !strings.Contains(err.Error(), "in use") {
		t.Errorf("a second process: %v", err)
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	if err := s.Save(Checkpoint{}); err == nil {
		t.Error("saved after Close")
	}
	if _, err := s.Load("app/bob"); err == nil {
		t.Error("loaded after Close")
	}
}

func FuzzDecodeStateFile(f *testing.F) {
	f.Add([]byte(`{"format":"yizhan-device/1","owner":"app/bob"}` + "\n" + `{"d":"phone","v":7,"c":[{"p":"alice","n":1,"k":2}]}` + "\n"))
	f.Add([]byte(`{"format":"yizhan-device/1","owner":"app/bob"}` + "\n" + `{"v":7}`))
	f.Add([]byte("\n\n"))
	f.Fuzz(func(t *testing.T, b []byte) {
		owner, c, err := decodeFile(b)
		if err != nil {
			return
		}
		if owner == "" {
			t.Fatal("a file without owner was accepted")
		}
		line, err := encodeLine(c.checkpoint())
		if err != nil {
			t.Fatal(err)
		}
		again := append([]byte(`{"format":"yizhan-device/1","owner":"x"}`+"\n"), line...)
		if _, d, err := decodeFile(again); err != nil || len(d.conversations) != len(c.conversations) {
			t.Fatalf("what was decoded does not survive encoding: %v", err)
		}
	})
}

func BenchmarkFileStoreSave(b *testing.B) {
	s := openStore(b, filepath.Join(b.TempDir(), "state"))
	mustLoad(b, s)
	b.ReportAllocs()
	c := Checkpoint{Conversations: []Cursor{{Peer: "alice"}}}
	for b.Loop() {
		c.Version++
		c.Conversations[0].Delivered++
		if err := s.Save(c); err != nil {
			b.Fatal(err)
		}
	}
}
