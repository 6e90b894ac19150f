package raftstore

import (
	"errors"
	"os"
	"path/filepath"
	"reflect"
	"sync/atomic"
	"syscall"
	"testing"
	"time"
)

// disk is a disk whose free space a test decides.
type disk struct{ free atomic.Uint64 }

func (d *disk) options(t testing.TB) Options {
	o := testOptions(t, t.TempDir())
	o.FreeSpace = func(string) (uint64, error) { return d.free.Load(), nil }
	o.FreeSpacePeriod = 5 * time.Millisecond
	o.MinFreeBytes, o.BallastBytes = 100<<20, 1<<20
	return o
}

func TestFullDiskRefusesWritesServesReadsAndRecovers(t *testing.T) {
	t.Parallel()
	var d disk
	d.free.Store(1 << 30)
	o := d.options(t)
	s := openLeader(t, o)
	ballastThere := func() bool { _, err := os.Stat(filepath.Join(o.Dir, ballastName)); return err == nil }
	propose(t, s, 1, 1, 5, 0)
	if !ballastThere() {
		t.Error("no ballast")
	}
	for round := range uint64(2) {
		d.free.Store(99 << 20)
		until(t, "writes are refused", s.refusing.Load)
		if err := s.Submit(ledgerCommand(1, 100, 0), CompletionFunc(ignore)); !errors.Is(err, ErrDiskFull) {
			t.Errorf("submit: %v", err)
		}
		if b := mustBook(t, s); b.Last != 5+round {
			t.Errorf("%d commands can be read", b.Last)
		}
		if st := s.Status(); !st.RefusingWrites || st.DiskFree != 99<<20 {
			t.Errorf("status %+v", st)
		}
		d.free.Store(101 << 20) // not yet enough: it would flap
		until(t, "it was looked at", func() bool { return s.diskFree.Load() == 101<<20 })
		if !s.refusing.Load() {
			t.Error("writes are taken again too early")
		}
		s.onDiskFull() // a write finds no room in spite of that
		s.ballast.release()
		d.free.Store(126 << 20)
		until(t, "writes are taken again", func() bool { return !s.refusing.Load() })
		until(t, "the ballast is back", ballastThere)
		propose(t, s, 1, 6+round, 6+round, 0)
	}
	s.SetMinFreeBytes(1 << 30)
	until(t, "writes are refused", s.refusing.Load)
	s.SetMinFreeBytes(1 << 20)
	until(t, "writes are taken again", func() bool { return !s.refusing.Load() })
}

func TestLeaderWithAFullDiskLetsAnotherLead(t *testing.T) {
	t.Parallel()
	var d disk
	d.free.Store(1 << 40)
	nodes := cluster(t, 3, func(o *Options) {
		if o.NodeID == "n1" {
			o.FreeSpace, o.FreeSpacePeriod = func(string) (uint64, error) { return d.free.Load(), nil }, 5*time.Millisecond
		}
	})
	propose(t, nodes[0], 1, 1, 5, 0)
	d.free.Store(0)
	until(t, "another leads", func() bool { return nodes[1].IsLeader() || nodes[2].IsLeader() })
	leader := nodes[1]
	if nodes[2].IsLeader() {
		leader = nodes[2]
	}
	propose(t, leader, 1, 6, 10, 0)
	sameBooks(t, append([]*Store{leader}, nodes...)...)
}

// TestRealFullDisk fills a file system of a few megabytes. It needs the right to
// mount one.
func TestRealFullDisk(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	if err := syscall.Mount("tmpfs", dir, "tmpfs", 0, "size=24m"); err != nil {
		t.Skipf("cannot mount a small file system: %v", err)
	}
	t.Cleanup(func() {
		if err := syscall.Unmount(dir, 0); err != nil {
			t.Errorf("unmount: %v", err)
		}
	})
	o := testOptions(t, filepath.Join(dir, "store"))
	o.BallastBytes, o.MinFreeBytes, o.FreeSpacePeriod = 2<<20, 1, 10*time.Millisecond
	o.Registerer = nil
	s := openLeader(t, o)
	propose(t, s, 1, 1, 5, 0)
	// Another program fills the disk.
	hog := filepath.Join(dir, "hog")
	fillDisk(t, hog)
	acknowledged, n := uint64(5), uint64(6)
	until(t, "a write is refused", func() bool {
		_, err := s.Propose(testContext(t), ledgerCommand(1, n, 100<<10))
		n++
		switch {
		case err == nil:
			acknowledged++
		case errors.Is(err, ErrDiskFull):
			return true
		}
		return false
	})
	if b := mustBook(t, s); b.Last < acknowledged {
		t.Errorf("%d of %d commands can be read", b.Last, acknowledged)
	}
	if err := os.Remove(hog); err != nil {
		t.Fatal(err)
	}
	until(t, "writes are taken again", func() bool {
		_, err := s.Propose(testContext(t), ledgerCommand(1, n, 0))
		n++
		return err == nil
	})
	select {
	case err := <-s.Failed():
		t.Fatalf("failed with %v", err)
	default:
	}
	want := mustBook(t, s)
	closeTest(t, s)
	o.Machine = &ledger{}
	s = openLeader(t, o)
	if got := mustBook(t, s); !reflect.DeepEqual(got, want) {
		t.Errorf("after a restart %d of %d commands", got.Last, want.Last)
	}
}

// fillDisk writes a file until there is no room.
func fillDisk(t *testing.T, path string) {
	t.Helper()
	f, err := os.Create(path)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	for chunk := 1 << 20; chunk >= 1<<12; chunk >>= 1 {
		for err == nil {
			_, err = f.Write(make([]byte, chunk))
		}
		if !isDiskFull(err) {
			t.Fatal(err)
		}
		err = nil
	}
}
