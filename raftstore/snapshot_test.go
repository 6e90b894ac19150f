package raftstore

import (
	"bytes"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"maps"
	"os"
	"path/filepath"
	"testing"
	"testing/iotest"

	"github.com/hashicorp/raft"
)

func anyCluster(string) error { return nil }

func newSnapStore(t testing.TB, accept func(string) error) *snapStore {
	t.Helper()
	s, err := openSnapStore(t.TempDir(), testLogger(t), accept)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

var snapFiles = map[string]string{
	"000001.sst": string(bytes.Repeat([]byte("table"), 1000)),
	"EMPTY":      "", "MANIFEST": "m", "OPTIONS": "options", "Z-EMPTY": "",
}

func writeFiles(t testing.TB, files map[string]string) string {
	t.Helper()
	dir := filepath.Join(t.TempDir(), "files")
	if err := os.Mkdir(dir, 0o700); err != nil {
		t.Fatal(err)
	}
	for name, content := range files {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

func readFiles(t testing.TB, dir string) map[string]string {
	t.Helper()
	names, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	files := map[string]string{}
	for _, n := range names {
		b, err := os.ReadFile(filepath.Join(dir, n.Name()))
		if err != nil {
			t.Fatal(err)
		}
		files[n.Name()] = string(b)
	}
	return files
}

var snapServers = raft.Configuration{Servers: []raft.Server{{ID: "n1", Address: "a:1"}}}

func createSink(t testing.TB, s *snapStore, index uint64) *snapSink {
	t.Helper()
	k, err := s.Create(raft.SnapshotVersionMax, index, 2, snapServers, 1, nil)
	if err != nil {
		t.Fatal(err)
	}
	return k.(*snapSink)
}

// adopted stores a local snapshot.
func adopted(t testing.TB, s *snapStore, index uint64) string {
	t.Helper()
	k := createSink(t, s, index)
	if err := k.adopt(writeFiles(t, snapFiles), index-1, "c1"); err != nil {
		t.Fatal(err)
	}
	if err := k.Close(); err != nil {
		t.Fatal(err)
	}
	return k.ID()
}

// streamOf reads the stream of a snapshot.
func streamOf(t testing.TB, s *snapStore, id string) []byte {
	t.Helper()
	meta, r, err := s.Open(id)
	if err != nil {
		t.Fatal(err)
	}
	b, err := io.ReadAll(iotest.OneByteReader(r))
	if err = errors.Join(err, r.Close()); err != nil {
		t.Fatal(err)
	}
	if int64(len(b)) != meta.Size {
		t.Fatalf("%d bytes of %d", len(b), meta.Size)
	}
	return b
}

// receive puts a stream into a store in pieces.
func receive(t testing.TB, s *snapStore, stream []byte, piece int) (*snapSink, error) {
	t.Helper()
	k := createSink(t, s, 10)
	for len(stream) > 0 {
		n, err := k.Write(stream[:min(piece, len(stream))])
		if err != nil {
			return k, errors.Join(err, k.Cancel())
		}
		stream = stream[n:]
	}
	return k, k.Close()
}

func TestSnapshotTravels(t *testing.T) {
	from := newSnapStore(t, anyCluster)
	stream := streamOf(t, from, adopted(t, from, 10))
	for _, piece := range []int{1, 7, len(stream)} {
		to := newSnapStore(t, anyCluster)
		k, err := receive(t, to, stream, piece)
		if err != nil {
			t.Fatal(err)
		}
		if got := readFiles(t, to.dataDir(k.ID())); !maps.Equal(got, snapFiles) {
			t.Fatalf("in pieces of %d: files differ", piece)
		}
		m, ok := to.newest()
		if !ok || m.Applied != 9 || m.Cluster != "c1" || !m.Streamed || m.Index != 10 || m.Term != 2 {
			t.Errorf("meta %+v", m)
		}
		again, err := openSnapStore(filepath.Dir(to.root), testLogger(t), anyCluster)
		if err != nil {
			t.Fatal(err)
		}
		list, err := again.List()
		if err != nil || len(list) != 1 || list[0].ID != k.ID() || list[0].Size != int64(len(stream)) ||
			list[0].Configuration.Servers[0] != snapServers.Servers[0] {
			t.Errorf("after reopening: %+v, %v", list, err)
		}
	}
}

func TestDamagedStreamIsRefusedWithoutATrace(t *testing.T) {
	from := newSnapStore(t, anyCluster)
	stream := streamOf(t, from, adopted(t, from, 10))
	to := newSnapStore(t, anyCluster)
	refuse := func(what string, damaged []byte) {
		t.Helper()
		if _, err := receive(t, to, damaged, 512); !errors.Is(err, ErrCorrupt) {
			t.Fatalf("%s: %v", what, err)
		}
		if left := readNames(t, to.root); len(left) != 0 {
			t.Fatalf("%s: left %v", what, left)
		}
	}
	for _, n := range []int{0, 3, streamPrefix, streamPrefix + 10, len(stream) / 2, len(stream) - 1} {
		refuse(fmt.Sprintf("cut after %d", n), stream[:n])
	}
	refuse("longer", append(bytes.Clone(stream), 0))
	for i := 0; i < len(stream); i += 1 + i/20 { // every byte of the header matters most
		flipped := bytes.Clone(stream)
		flipped[i] ^= 0x10
		refuse(fmt.Sprintf("bit flipped in byte %d", i), flipped)
	}
	for _, h := range []streamHeader{
		{Files: []streamFile{{"../evil", 1}}}, {Files: []streamFile{{"a", 1}, {"a", 1}}},
		{Files: []streamFile{{"", 0}}}, {Files: []streamFile{{"a", -1}}},
	} {
		refuse(fmt.Sprint(h.Files), rawStream(t, h, "xx"))
	}
}

// rawStream makes a stream with an unchecked header.
func rawStream(t testing.TB, h streamHeader, content string) []byte {
	t.Helper()
	js := fmt.Appendf(nil, `{"applied":%d,"cluster":%q,"files":[`, h.Applied, h.Cluster)
	for i, f := range h.Files {
		if i > 0 {
			js = append(js, ',')
		}
		js = fmt.Appendf(js, `{"name":%q,"size":%d}`, f.Name, f.Size)
	}
	js = append(js, "]}"...)
	b := fmt.Appendf(nil, "%s\x00\x00%c%c%s%s", streamMagic, len(js)>>8, len(js)&0xff, js, content)
	sum := sha256.Sum256(b)
	return append(b, sum[:]...)
}

func readNames(t testing.TB, dir string) []string {
	t.Helper()
	es, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	var names []string
	for _, e := range es {
		names = append(names, e.Name())
	}
	return names
}

func TestSnapshotOfAnotherClusterIsNotStored(t *testing.T) {
	from := newSnapStore(t, anyCluster)
	stream := streamOf(t, from, adopted(t, from, 10))
	to := newSnapStore(t, func(string) error { return ErrForeignState })
	if _, err := receive(t, to, stream, 512); !errors.Is(err, ErrForeignState) {
		t.Fatal(err)
	}
	if _, ok := to.newest(); ok || len(readNames(t, to.root)) != 0 {
		t.Error("it is there")
	}
}

func TestOldSnapshotsAreRemovedWhenNobodyReadsThem(t *testing.T) {
	s := newSnapStore(t, anyCluster)
	first := adopted(t, s, 10)
	_, r, err := s.Open(first)
	if err != nil {
		t.Fatal(err)
	}
	for i := range uint64(3) {
		adopted(t, s, 20+i)
	}
	if names := readNames(t, s.root); len(names) != snapshotsKept+1 {
		t.Errorf("while it is read: %v", names)
	}
	if _, err := io.Copy(io.Discard, r); err != nil {
		t.Error(err)
	}
	if err := r.Close(); err != nil {
		t.Error(err)
	}
	if names := readNames(t, s.root); len(names) != snapshotsKept {
		t.Errorf("afterwards: %v", names)
	}
	if _, _, err := s.Open(first); err == nil {
		t.Error("a removed snapshot was opened")
	}
	if m, ok := s.newest(); !ok || m.Index != 22 {
		t.Errorf("newest %+v", m)
	}
}

func TestUnreadableSnapshotIsPassedOver(t *testing.T) {
	for name, damage := range map[string]func(dir string) error{
		"no meta":   func(dir string) error { return os.Remove(filepath.Join(dir, snapMetaName)) },
		"garbled":   func(dir string) error { return os.WriteFile(filepath.Join(dir, snapMetaName), []byte("{"), 0o600) },
		"file gone": func(dir string) error { return os.Remove(filepath.Join(dir, snapDataName, "MANIFEST")) },
		"file longer": func(dir string) error {
			return os.WriteFile(filepath.Join(dir, snapDataName, "EMPTY"), []byte("x"), 0o600)
		},
	} {
		t.Run(name, func(t *testing.T) {
			s := newSnapStore(t, anyCluster)
			adopted(t, s, 10)
			if err := damage(filepath.Join(s.root, adopted(t, s, 20))); err != nil {
				t.Fatal(err)
			}
			if err := os.Mkdir(filepath.Join(s.root, tmpPrefix+"left"), 0o700); err != nil {
				t.Fatal(err)
			}
			again, err := openSnapStore(filepath.Dir(s.root), testLogger(t), anyCluster)
			if err != nil {
				t.Fatal(err)
			}
			if m, ok := again.newest(); !ok || m.Index != 10 {
				t.Errorf("newest %+v, %v", m, ok)
			}
			for _, n := range readNames(t, s.root) {
				if n == tmpPrefix+"left" {
					t.Error("what a crash left is still there")
				}
			}
		})
	}
}

func TestCancelledSnapshotLeavesNothing(t *testing.T) {
	s := newSnapStore(t, anyCluster)
	k := createSink(t, s, 10)
	if _, err := k.Write([]byte(streamMagic)); err != nil {
		t.Fatal(err)
	}
	if err := errors.Join(k.Cancel(), k.Cancel(), k.Close()); err != nil {
		t.Error(err)
	}
	if names := readNames(t, s.root); len(names) != 0 {
		t.Errorf("left %v", names)
	}
}

// memoryDir is a folder on a file system in memory if there is one: fsync would
// make fuzzing slow.
func memoryDir(t testing.TB) string {
	t.Helper()
	dir, err := os.MkdirTemp("/dev/shm", "raftstore-")
	if err != nil {
		return t.TempDir()
	}
	t.Cleanup(func() {
		if err := os.RemoveAll(dir); err != nil {
			t.Error(err)
		}
	})
	return dir
}

func FuzzSnapshotStream(f *testing.F) {
	s := newSnapStore(f, anyCluster)
	stream := streamOf(f, s, adopted(f, s, 10))
	f.Add(stream[:200], true)
	f.Add(rawStream(f, streamHeader{Files: []streamFile{{"a", 2}, {"b", 0}}}, "xx"), false)
	f.Add([]byte(streamMagic+"\x00\x00\x00\x02{}"), true)
	f.Fuzz(func(t *testing.T, data []byte, sum bool) {
		if sum { // past the checksum
			h := sha256.Sum256(data)
			data = append(bytes.Clone(data), h[:]...)
		}
		dir := memoryDir(t)
		w := newStreamWriter(dir)
		_, err := w.Write(data)
		h, ferr := w.finish()
		if err != nil || ferr != nil {
			return
		}
		// Whatever is accepted can be sent on unchanged but for the header's form.
		got, err := headerOf(dir, h.Applied, h.Cluster)
		if err != nil {
			t.Fatal(err)
		}
		if len(got.Files) != len(h.Files) {
			t.Errorf("%d files became %d", len(h.Files), len(got.Files))
		}
	})
}
