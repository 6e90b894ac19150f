package raftstore

import (
	"errors"
	"fmt"
	"syscall"
	"testing"

	"github.com/hashicorp/raft"
)

// newLogStore makes a log with entries 1 to last, of which some are applied and
// some covered by a snapshot.
func newLogStore(t testing.TB, last, committed, covered uint64) (l *logStore, broken *error) {
	t.Helper()
	dir := t.TempDir()
	b, err := openLog(dir, true)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := b.Close(); err != nil {
			t.Error(err)
		}
	})
	broken = new(error)
	l = &logStore{
		BoltStore: b, ballast: newBallast(dir, -1, testLogger(t)),
		onFull: func() {}, onBroken: func(err error) { *broken = err }, closing: t.Context().Done(),
		committed: func() uint64 { return committed }, covered: func() uint64 { return covered },
	}
	if last > 0 {
		if err := l.StoreLogs(logEntries(1, last)); err != nil {
			t.Fatal(err)
		}
	}
	return l, broken
}

func logEntries(from, to uint64) []*raft.Log {
	var es []*raft.Log
	for i := from; i <= to; i++ {
		es = append(es, &raft.Log{Index: i, Term: 1, Data: fmt.Append(nil, i)})
	}
	return es
}

func checkRange(t testing.TB, l *logStore, first, last uint64) {
	t.Helper()
	f, err1 := l.FirstIndex()
	la, err2 := l.LastIndex()
	if err := errors.Join(err1, err2); err != nil || f != first || la != last {
		t.Fatalf("log has %d to %d, want %d to %d (%v)", f, la, first, last, err)
	}
	for i := first; i <= last && i > 0; i++ {
		var e raft.Log
		if err := l.GetLog(i, &e); err != nil || string(e.Data) != fmt.Sprint(i) {
			t.Fatalf("entry %d: %q, %v", i, e.Data, err)
		}
	}
}

func TestLogIsDeletedFromEitherEnd(t *testing.T) {
	const n = 2*deleteChunk + 100
	l, _ := newLogStore(t, n, 0, 0)
	for _, step := range []struct{ lo, hi, first, last uint64 }{
		{1, deleteChunk + 7, deleteChunk + 8, n},
		{n - 10, n, deleteChunk + 8, n - 11},
		{1, 5, deleteChunk + 8, n - 11},       // gone already
		{n, n + 100, deleteChunk + 8, n - 11}, // never there
		{0, n, 0, 0},
	} {
		if err := l.DeleteRange(step.lo, step.hi); err != nil {
			t.Fatal(err)
		}
		checkRange(t, l, step.first, step.last)
	}
}

func TestCommittedEntriesAreNotTruncated(t *testing.T) {
	l, broken := newLogStore(t, 100, 50, 20)
	if err := l.DeleteRange(1, 20); err != nil { // compaction
		t.Fatal(err)
	}
	if err := l.DeleteRange(90, 100); err != nil { // a conflict that was never committed
		t.Fatal(err)
	}
	checkRange(t, l, 21, 89)
	if err := l.DeleteRange(50, 89); !errors.Is(err, ErrForeignState) || !errors.Is(*broken, ErrForeignState) {
		t.Fatalf("truncation of a committed entry: %v, %v", err, *broken)
	}
	checkRange(t, l, 21, 89)
}

func TestLogNeverHasAHole(t *testing.T) {
	l, _ := newLogStore(t, 30, 100, 100)
	if err := l.StoreLogs(logEntries(101, 110)); err != nil { // after a streamed install of 100
		t.Fatal(err)
	}
	checkRange(t, l, 101, 110)
}

func TestSameTermIsWrittenOnce(t *testing.T) {
	l, _ := newLogStore(t, 0, 0, 0)
	for _, term := range []uint64{1, 2, 2} {
		if err := l.SetUint64([]byte(keyTerm), term); err != nil {
			t.Fatal(err)
		}
		if got, err := l.GetUint64([]byte(keyTerm)); err != nil || got != term {
			t.Fatalf("term %d, %v", got, err)
		}
	}
	before := l.Stats()
	if err := l.SetUint64([]byte(keyTerm), 2); err != nil {
		t.Fatal(err)
	}
	after := l.Stats()
	if w := after.TxStats.GetWrite() - before.TxStats.GetWrite(); w != 0 {
		t.Errorf("%d writes", w)
	}
}

func TestFullDiskGetsTheBallast(t *testing.T) {
	l, broken := newLogStore(t, 0, 0, 0)
	l.ballast = newBallast(t.TempDir(), 1<<20, testLogger(t))
	if err := l.ballast.refill(); err != nil {
		t.Fatal(err)
	}
	full := 0
	l.onFull = func() { full++ }
	tries := 0
	noRoom := func() error { tries++; return fmt.Errorf("write: %w", syscall.ENOSPC) }
	if err := l.try(noRoom); !isDiskFull(err) || tries != 2 || full != 1 || l.ballast.missing() == 0 {
		t.Errorf("%v after %d tries, told %d times, ballast lacks %d", err, tries, full, l.ballast.missing())
	}
	if err := l.try(noRoom); !isDiskFull(err) || tries != 3 {
		t.Errorf("without ballast: %v after %d tries", err, tries)
	}
	if *broken != nil {
		t.Errorf("a full disk is no failure: %v", *broken)
	}
	if err := l.try(func() error { return syscall.EIO }); err == nil || !errors.Is(*broken, syscall.EIO) {
		t.Errorf("a broken disk: %v, %v", err, *broken)
	}
	// A vote waits for room.
	left := 3
	err := l.insist(func() error {
		if left--; left > 0 {
			return syscall.ENOSPC
		}
		return nil
	})
	if err != nil || left != 0 {
		t.Errorf("insisted: %v, %d left", err, left)
	}
}
