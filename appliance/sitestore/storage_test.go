package sitestore

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/yizhan-im/yizhan/appliance/state"
	"github.com/yizhan-im/yizhan/raftstore"
)

func TestFilesAreATree(t *testing.T) {
	s := newSite(t)
	a, b := s.node("n1", 0), s.node("n2", 0)
	ctx := t.Context()
	before := time.Now().Truncate(time.Millisecond)
	for _, key := range []string{"certificates/ca/x/x.crt", "certificates/ca/x/x.key", "certificates/ca/y/y.crt", "certificates-old", "acme/user.json"} {
		must(t, a.Store(ctx, key, []byte("value of "+key)))
	}
	// Another node sees it at once.
	if value, err := b.Load(ctx, "acme/user.json"); err != nil || string(value) != "value of acme/user.json" {
		t.Errorf("load: %q %v", value, err)
	}
	for _, c := range []struct {
		folder    string
		recursive bool
		want      string
	}{
		{"", false, "acme certificates certificates-old"},
		{"certificates", false, "certificates/ca"},
		{"certificates/ca", false, "certificates/ca/x certificates/ca/y"},
		{"certificates/ca/x", false, "certificates/ca/x/x.crt certificates/ca/x/x.key"},
		{"certificates/ca", true, "certificates/ca/x certificates/ca/x/x.crt certificates/ca/x/x.key certificates/ca/y certificates/ca/y/y.crt"},
	} {
		if keys, err := a.List(ctx, c.folder, c.recursive); err != nil || strings.Join(keys, " ") != c.want {
			t.Errorf("list %q %v: %q %v, want %q", c.folder, c.recursive, keys, err, c.want)
		}
	}
	info, err := b.Stat(ctx, "acme/user.json")
	if err != nil || !info.IsTerminal || info.Size != int64(len("value of acme/user.json")) || info.Key != "acme/user.json" || info.Modified.Before(before) {
		t.Errorf("stat of a file: %+v %v", info, err)
	}
	if info, err = b.Stat(ctx, "certificates/ca"); err != nil || info != (Info{Key: "certificates/ca"}) {
		t.Errorf("stat of a folder: %+v %v", info, err)
	}
	if !a.Exists(ctx, "certificates") || !a.Exists(ctx, "acme/user.json") || a.Exists(ctx, "cert") {
		t.Error("exists")
	}

	must(t, b.Delete(ctx, "certificates/ca/x"))
	if keys, err := a.List(ctx, "certificates", true); err != nil || !slices.Equal(keys, []string{"certificates/ca", "certificates/ca/y", "certificates/ca/y/y.crt"}) {
		t.Errorf("after the folder was deleted: %q %v", keys, err)
	}
	must(t, b.Delete(ctx, "certificates/ca/x"))
	must(t, b.Delete(ctx, "acme/user.json"))
	must(t, b.Store(ctx, "certificates/ca/y/y.crt", nil))
	if value, err := a.Load(ctx, "certificates/ca/y/y.crt"); err != nil || len(value) != 0 {
		t.Errorf("an empty value: %q %v", value, err)
	}

	s.close()
	s.open()
	if keys, err := a.List(ctx, "", false); err != nil || strings.Join(keys, " ") != "certificates certificates-old" {
		t.Errorf("after a restart of the store: %q %v", keys, err)
	}
}

func TestWhatDoesNotExistSaysSo(t *testing.T) {
	a := newSite(t).node("n1", 0)
	ctx := t.Context()
	must(t, a.Store(ctx, "folder/file", []byte("x")))
	for _, key := range []string{"nothing", "folder/other", "folder/file/below", "fold", "folder/"} {
		_, err := a.Load(ctx, key)
		expectError(t, "load "+key, err, fs.ErrNotExist)
		_, err = a.Stat(ctx, key)
		expectError(t, "stat "+key, err, fs.ErrNotExist)
		_, err = a.List(ctx, key, true)
		expectError(t, "list "+key, err, fs.ErrNotExist)
	}
	_, err := a.Load(ctx, "folder")
	expectError(t, "load of a folder", err, fs.ErrNotExist)
	if !strings.Contains(err.Error(), "folder") {
		t.Errorf("the error does not name the key: %v", err)
	}
	if keys, err := newSite(t).node("n1", 0).List(ctx, "", true); err != nil || len(keys) != 0 {
		t.Errorf("an empty storage: %q %v", keys, err)
	}
}

func TestWhatCannotBeStoredIsRefused(t *testing.T) {
	a := newSite(t).node("n1", 0)
	ctx := t.Context()
	expectError(t, "a bad key", a.Store(ctx, "a/../b", nil), ErrBadKey)
	expectError(t, "deleting everything", a.Delete(ctx, ""), ErrBadKey)
	expectError(t, "a bad name", a.Lock(ctx, ""), ErrBadKey)
	secret := bytes.Repeat([]byte("secret"), state.MaxStorageValue/6+1)
	err := a.Store(ctx, "large", secret)
	expectError(t, "a large value", err, ErrTooLarge)
	if strings.Contains(err.Error(), "secret") {
		t.Error("the error holds the value")
	}
	must(t, a.Store(ctx, "large", secret[:state.MaxStorageValue]))
	if err := a.Store(ctx, strings.Repeat("k", 1<<20), nil); !errors.Is(err, ErrBadKey) || len(err.Error()) > 2*state.MaxStorageKey {
		t.Errorf("a key of a MiB: %d bytes of error", len(err.Error()))
	}
	canceled, cancel := context.WithCancel(ctx)
	cancel()
	expectError(t, "store", a.Store(canceled, "k", nil), context.Canceled)
	expectError(t, "delete", a.Delete(canceled, "k"), context.Canceled)
	_, err = a.Load(canceled, "large")
	expectError(t, "load", err, context.Canceled)
	_, err = a.List(canceled, "", true)
	expectError(t, "list", err, context.Canceled)
	if a.Exists(canceled, "large") {
		t.Error("exists, although nobody may wait for the answer")
	}
}

// TestAStoreThatCannotTakeItIsAskedAgain: a certificate that a CA has issued must
// not be lost because the store is busy or changes its leader.
func TestAStoreThatCannotTakeItIsAskedAgain(t *testing.T) {
	s := newSite(t)
	a := s.node("n1", 0)
	for _, err := range []error{raftstore.ErrBusy, raftstore.ErrNotLeader} {
		fault, counted := failing(3, err)
		s.setFaults(fault, nil)
		must(t, a.Store(t.Context(), "k", []byte("v")))
		if counted() != 3 {
			t.Errorf("%v came %d times", err, counted())
		}
	}
	// Committed, but nobody knows: once more does no harm.
	lost, _ := failing(2, fmt.Errorf("%w: no answer", raftstore.ErrUncertain))
	s.setFaults(nil, lost)
	must(t, a.Lock(t.Context(), "x"))
	must(t, a.Delete(t.Context(), "k"))
	lost, _ = failing(1, fmt.Errorf("%w: no answer", raftstore.ErrUncertain))
	s.setFaults(nil, lost)
	must(t, a.Unlock(t.Context(), "x"))

	s.setFaults(func() error { return raftstore.ErrDiskFull }, nil)
	expectError(t, "a full disk", a.Store(t.Context(), "k", nil), raftstore.ErrDiskFull)
	s.setFaults(func() error { return raftstore.ErrNotLeader }, nil)
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Millisecond)
	defer cancel()
	err := a.Store(ctx, "k", nil)
	expectError(t, "no leader for too long", err, context.DeadlineExceeded)
	expectError(t, "and why", err, raftstore.ErrNotLeader)
	s.setFaults(nil, nil)
}

func TestConcurrentWritersDoNotMixUpAFile(t *testing.T) {
	s := newSite(t)
	nodes := []*Storage{s.node("n1", 0), s.node("n2", 0)}
	var work sync.WaitGroup
	for i := range 8 {
		work.Go(func() {
			for range 10 {
				value := bytes.Repeat([]byte{byte('a' + i)}, 5000+i)
				if err := nodes[i%2].Store(t.Context(), "f", value); err != nil {
					t.Error(err)
				}
				got, err := nodes[(i+1)%2].Load(t.Context(), "f")
				if err != nil || len(got) < 5000 || !bytes.Equal(got, bytes.Repeat(got[:1], 5000+int(got[0]-'a'))) {
					t.Errorf("read %d bytes, %v", len(got), err)
				}
			}
		})
	}
	work.Wait()
}

func TestOthersCannotEnterTheStoreFolder(t *testing.T) {
	s := newSite(t)
	must(t, s.node("n1", 0).Store(t.Context(), "k", []byte("private key")))
	for _, folder := range []string{"raft", "state"} {
		info, err := os.Stat(s.dir + "/" + folder)
		must(t, err)
		if info.Mode().Perm()&0o077 != 0 {
			t.Errorf("%s has mode %v", folder, info.Mode())
		}
	}
}

func TestAfterCloseEverythingSaysSo(t *testing.T) {
	s := newSite(t)
	a := s.node("n1", 0)
	a.Close()
	expectError(t, "store", a.Store(t.Context(), "k", nil), ErrClosed)
	expectError(t, "delete", a.Delete(t.Context(), "k"), ErrClosed)
	expectError(t, "lock", a.Lock(t.Context(), "x"), ErrClosed)
	_, err := a.TryLock(t.Context(), "x")
	expectError(t, "try", err, ErrClosed)
	must(t, a.Unlock(t.Context(), "x"))
}

func BenchmarkStore(b *testing.B) {
	s := &site{dir: b.TempDir()}
	store, err := raftstore.Open(b.Context(), raftstore.Options{Dir: s.dir, NodeID: "n1", Machine: state.New(), Bootstrap: true, BallastBytes: -1})
	if err != nil {
		b.Fatal(err)
	}
	defer store.Close()
	if err := store.WaitLeader(b.Context()); err != nil {
		b.Fatal(err)
	}
	s.store.Store(store)
	a := New(Config{Store: store, Queries: s.queries(), Node: "n1"})
	defer a.Close()
	value := bytes.Repeat([]byte("x"), 8<<10)
	b.Run("Store", func(b *testing.B) {
		b.ReportAllocs()
		for i := range b.N {
			if err := a.Store(b.Context(), fmt.Sprintf("certificates/ca/%d/x.crt", i%1000), value); err != nil {
				b.Fatal(err)
			}
		}
	})
	b.Run("Load", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			if _, err := a.Load(b.Context(), "certificates/ca/0/x.crt"); err != nil {
				b.Fatal(err)
			}
		}
	})
	b.Run("ListFolder", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			if _, err := a.List(b.Context(), "certificates/ca", false); err != nil {
				b.Fatal(err)
			}
		}
	})
}
