package raftstore

import (
	"errors"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
)

// usedFolder makes the data folder of a lone node that has entered 1 to n, with
// a snapshot after the first half if asked for, and closes the node.
func usedFolder(t *testing.T, n uint64, snapshot bool) Options {
	t.Helper()
	o := testOptions(t, t.TempDir())
	enter(t, o, 1, n/2, snapshot)
	enter(t, o, n/2+1, n, false)
	return o
}

// enter opens the store for entering some numbers only.
func enter(t *testing.T, o Options, from, to uint64, snapshot bool) {
	t.Helper()
	o.Machine = &ledger{}
	s := openLeader(t, o)
	propose(t, s, 1, from, to, 1000)
	if snapshot {
		if err := s.Snapshot(testContext(t)); err != nil {
			t.Fatal(err)
		}
	}
	closeTest(t, s)
}

// refused opens a damaged folder and expects a refusal that says why and what
// to do.
func refused(t *testing.T, o Options, want error, says ...string) {
	t.Helper()
	o.Machine = &ledger{}
	s, err := Open(testContext(t), o)
	if err == nil {
		closeTest(t, s)
		t.Fatal("opened")
	}
	if !errors.Is(err, want) {
		t.Fatalf("refused with %v", err)
	}
	for _, w := range says {
		if !strings.Contains(err.Error(), w) {
			t.Errorf("the message does not say %q: %v", w, err)
		}
	}
}

// accepted opens a folder and expects n commands.
func accepted(t *testing.T, o Options, n uint64) {
	t.Helper()
	o.Machine = &ledger{}
	s := openLeader(t, o)
	if b := mustBook(t, s); b.Last != n {
		t.Fatalf("%d of %d commands", b.Last, n)
	}
	propose(t, s, 9, 1, 3, 0)
	closeTest(t, s)
}

func remove(t *testing.T, parts ...string) {
	t.Helper()
	if err := os.RemoveAll(filepath.Join(parts...)); err != nil {
		t.Fatal(err)
	}
}

// replace puts a copy of the tree from in the place of to.
func replace(t *testing.T, from, to string) {
	t.Helper()
	remove(t, to)
	if err := os.CopyFS(to, os.DirFS(from)); err != nil {
		t.Fatal(err)
	}
}

const (
	saysRestore = "restore the whole folder from one backup"
	saysRejoin  = "join as a new, empty member"
	saysRebuild = "RebuildState"
)

func TestLostStateIsRefusedAndCanBeRebuilt(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name     string
		snapshot bool
		damage   func(t *testing.T, o Options)
	}{
		{"state folder deleted", false, func(t *testing.T, o Options) { remove(t, o.Dir, stateRoot) }},
		{"state folder deleted, snapshot left", true, func(t *testing.T, o Options) { remove(t, o.Dir, stateRoot) }},
		{"state emptied", true, func(t *testing.T, o Options) {
			remove(t, o.Dir, stateRoot)
			if err := os.MkdirAll(filepath.Join(o.Dir, stateRoot, "00000001"), 0o700); err != nil {
				t.Fatal(err)
			}
		}},
		{"state tables deleted", true, func(t *testing.T, o Options) {
			tables, err := filepath.Glob(filepath.Join(o.Dir, stateRoot, "*", "*.sst"))
			if err != nil || len(tables) == 0 {
				t.Fatalf("tables %v, %v", tables, err)
			}
			remove(t, tables[0])
		}},
	} {
		t.Run(c.name, func(t *testing.T) {
			o := usedFolder(t, 20, c.snapshot)
			c.damage(t, o)
			refused(t, o, ErrLostState, saysRestore, saysRejoin, saysRebuild)
			o.RebuildState = true
			accepted(t, o, 20)
			o.RebuildState = false
			accepted(t, o, 23)
		})
	}
}

func TestLostLogIsRefused(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name     string
		snapshot bool
		damage   func(t *testing.T, o Options)
	}{
		{"log folder deleted", false, func(t *testing.T, o Options) { remove(t, o.Dir, logDir) }},
		{"log file deleted", true, func(t *testing.T, o Options) { remove(t, o.Dir, logDir, logName) }},
		{"log emptied", true, func(t *testing.T, o Options) {
			remove(t, o.Dir, logDir)
			b, err := openLog(o.Dir, true)
			if err != nil {
				t.Fatal(err)
			}
			if err := b.Close(); err != nil {
				t.Fatal(err)
			}
		}},
		{"log emptied but for its owner", false, func(t *testing.T, o Options) {
			id, _, err := readIdentity(o.Dir)
			if err != nil {
				t.Fatal(err)
			}
			remove(t, o.Dir, logDir)
			b, err := openLog(o.Dir, true)
			if err != nil {
				t.Fatal(err)
			}
			if err := errors.Join(setIdentity(b, id), b.Close()); err != nil {
				t.Fatal(err)
			}
		}},
		{"identity deleted", false, func(t *testing.T, o Options) { remove(t, o.Dir, identityName) }},
	} {
		t.Run(c.name, func(t *testing.T) {
			o := usedFolder(t, 20, c.snapshot)
			c.damage(t, o)
			refused(t, o, ErrLostState, saysRestore, saysRejoin)
			o.RebuildState = true // does not help: acknowledged commands are lost
			refused(t, o, ErrLostState, saysRestore, saysRejoin)
		})
	}
}

func TestOlderCopyOfTheLogIsRefused(t *testing.T) {
	t.Parallel()
	for _, snapshot := range []bool{false, true} {
		o := usedFolder(t, 20, false)
		copied := t.TempDir()
		replace(t, filepath.Join(o.Dir, logDir), copied)
		enter(t, o, 21, 40, snapshot)
		replace(t, copied, filepath.Join(o.Dir, logDir))
		refused(t, o, ErrLostState, "older copy", saysRestore, saysRejoin)
		o.RebuildState = true
		refused(t, o, ErrLostState, "older copy")
		if snapshot { // which tells by itself
			remove(t, o.Dir, stateRoot)
			refused(t, o, ErrLostState, "older copy")
		}
	}
}

func TestOlderCopyOfTheStateCatchesUp(t *testing.T) {
	t.Parallel()
	o := usedFolder(t, 20, false)
	copied := t.TempDir()
	replace(t, filepath.Join(o.Dir, stateRoot), copied)
	o.SnapshotEntries, o.TrailingBytes = 1<<20, 1
	enter(t, o, 21, 200, true)
	enter(t, o, 201, 400, true)
	replace(t, copied, filepath.Join(o.Dir, stateRoot))
	accepted(t, o, 400)
}

func TestLogThatLostItsSnapshotIsRefused(t *testing.T) {
	t.Parallel()
	o := usedFolder(t, 20, false)
	o.TrailingBytes = 1
	enter(t, o, 21, 400, true)
	remove(t, o.Dir, snapRoot)
	refused(t, o, ErrLostState, "snapshot", saysRestore, saysRejoin)
}

func TestForeignPartsAreRefused(t *testing.T) {
	t.Parallel()
	for _, part := range []string{logDir, stateRoot} {
		t.Run(part, func(t *testing.T) {
			a, b := usedFolder(t, 20, false), usedFolder(t, 20, false)
			replace(t, filepath.Join(b.Dir, part), filepath.Join(a.Dir, part))
			refused(t, a, ErrForeignState, "put back the parts that belong together", saysRestore)
		})
	}
	t.Run("snapshots", func(t *testing.T) {
		a, b := usedFolder(t, 20, true), usedFolder(t, 20, true)
		replace(t, filepath.Join(b.Dir, snapRoot), filepath.Join(a.Dir, snapRoot))
		refused(t, a, ErrForeignState, "put back the parts that belong together")
	})
	t.Run("another node of the cluster", func(t *testing.T) {
		nodes := cluster(t, 2, nil)
		propose(t, nodes[0], 1, 1, 10, 0)
		sameBooks(t, nodes...)
		closeTest(t, nodes[0])
		closeTest(t, nodes[1])
		a, b := nodes[0].o, nodes[1].o
		for _, part := range []string{logDir, stateRoot} {
			kept := t.TempDir()
			replace(t, filepath.Join(a.Dir, part), kept)
			replace(t, filepath.Join(b.Dir, part), filepath.Join(a.Dir, part))
			refused(t, a, ErrForeignState, "put back the parts that belong together")
			replace(t, kept, filepath.Join(a.Dir, part))
		}
		b.NodeID = "n1"
		refused(t, b, ErrForeignState, "correct the node id")
	})
}

func TestFolderIsForOneProcess(t *testing.T) {
	t.Parallel()
	o := testOptions(t, t.TempDir())
	openLeader(t, o)
	refused(t, o, ErrInUse, "stop the other process")
}

func TestFirstStartThatWasCutShortBeginsAnew(t *testing.T) {
	t.Parallel()
	o := usedFolder(t, 4, false)
	id, _, err := readIdentity(o.Dir)
	if err != nil {
		t.Fatal(err)
	}
	id.Phase = phaseStarting // as before the last step; nothing was acknowledged
	if err := writeIdentity(o.Dir, id); err != nil {
		t.Fatal(err)
	}
	accepted(t, o, 0)
}

func TestGarbledIdentityIsRefused(t *testing.T) {
	t.Parallel()
	o := usedFolder(t, 4, false)
	if err := os.WriteFile(filepath.Join(o.Dir, identityName), []byte("{}"), 0o600); err != nil {
		t.Fatal(err)
	}
	refused(t, o, ErrCorrupt, saysRestore)
}

func TestSnapshotIsNotRestoredNeedlessly(t *testing.T) {
	t.Parallel()
	o := usedFolder(t, 20, true)
	s := openLeader(t, o) // after the snapshot only a no-op and a barrier were committed
	closeTest(t, s)
	o.Machine = &ledger{}
	s = openLeader(t, o)
	if gens, err := s.env.generations(); err != nil || !reflect.DeepEqual(gens, []uint64{1}) {
		t.Errorf("generations %v, %v", gens, err)
	}
}

func TestCheckLog(t *testing.T) {
	t.Parallel()
	id := identity{Node: "n1", Cluster: "c1"}
	between := func(first, last uint64) logRange {
		return logRange{first, last, 3, func(i uint64) bool { return first <= i && i <= last }}
	}
	snap := func(index uint64, streamed bool) snapMeta {
		return snapMeta{Index: index, Term: 2, Cluster: "c1", Streamed: streamed}
	}
	for _, c := range []struct {
		name string
		log  logRange
		snap snapMeta
		id   identity
		want error
	}{
		{"whole log", between(1, 9), snapMeta{}, id, nil},
		{"joining", between(0, 0), snapMeta{}, identity{Node: "n1"}, nil},
		{"empty log", between(0, 0), snapMeta{}, id, ErrLostState},
		{"snapshots lost", between(5, 9), snapMeta{}, id, ErrLostState},
		{"snapshot and log", between(5, 9), snap(7, false), id, nil},
		{"snapshot just before log", between(5, 9), snap(4, false), id, nil},
		{"newest snapshot lost", between(5, 9), snap(3, false), id, ErrLostState},
		{"snapshot at the end of the log", between(5, 9), snap(9, false), id, nil},
		{"log older than own snapshot", between(5, 9), snap(10, false), id, ErrLostState},
		{"streamed snapshot behind a stale log", between(5, 9), snap(20, true), id, nil},
		{"streamed snapshot without a log", between(0, 0), snap(20, true), id, nil},
		{"log knows no such term", logRange{5, 9, 1, func(uint64) bool { return true }}, snap(7, false), id, ErrLostState},
		{"foreign snapshot", between(5, 9), snapMeta{Index: 7, Cluster: "c2"}, id, ErrForeignState},
	} {
		if err := checkLog(c.log, c.snap, c.id); !errors.Is(err, c.want) {
			t.Errorf("%s: %v", c.name, err)
		}
	}
}
