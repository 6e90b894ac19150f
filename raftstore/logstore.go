package raftstore

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"sync"
	"time"

	"github.com/hashicorp/raft"
	raftboltdb "github.com/hashicorp/raft-boltdb/v2"
	"go.etcd.io/bbolt"
)

const (
	// initialMmap keeps bbolt from remapping, which stops every reader, until
	// the log's file is this large. It is address space, not memory.
	initialMmap = 1 << 30
	// deleteChunk bounds how long one deletion holds bbolt's single writer, to
	// about 10 ms.
	deleteChunk = 4096
	// logOpenTimeout is how long to wait for bbolt's own lock.
	logOpenTimeout = 5 * time.Second
	// diskRetry is how often a write that must not fail is tried again on a full
	// disk.
	diskRetry = 200 * time.Millisecond
)

var (
	keyIdentity = []byte("yizhan-identity")
	keyTerm     = "CurrentTerm" // hashicorp/raft's name for it
)

// logStore is Raft's log, term and vote in bbolt, with what a full disk needs:
// a write that finds no room gives the ballast back and tries again; an entry
// that still does not fit is refused (Raft does not acknowledge it), a term or
// vote waits, because Raft panics when it cannot be written.
type logStore struct {
	*raftboltdb.BoltStore
	ballast *ballast
	// onFull is told of a write refused for want of room, onBroken of any other
	// error: an fsync that failed once cannot be trusted again.
	onFull   func()
	onBroken func(error)
	closing  <-chan struct{}
	// committed and covered are the newest entries in the state and in a
	// snapshot: what is in the state must not be truncated, what is in a snapshot
	// may be deleted.
	committed, covered func() uint64

	mu   sync.Mutex
	term uint64 // guarded by mu: as stored; rewriting the same term is skipped
}

// openLog opens the log. The file must exist unless create is set.
func openLog(dir string, create bool) (*raftboltdb.BoltStore, error) {
	path := filepath.Join(dir, logDir, logName)
	if create {
		if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
			return nil, err
		}
	} else if _, err := os.Stat(path); errors.Is(err, os.ErrNotExist) {
		return nil, fmt.Errorf("%w: the log %s is missing, and with it acknowledged commands and this node's vote; %s",
			ErrLostState, path, adviseLost)
	}
	b, err := raftboltdb.New(raftboltdb.Options{
		Path: path,
		BoltOptions: &bbolt.Options{
			Timeout:         logOpenTimeout,
			NoFreelistSync:  true, // facts: 6.0 to 1.1 ms per write once the log is long
			FreelistType:    bbolt.FreelistMapType,
			InitialMmapSize: initialMmap,
		},
	})
	if err != nil {
		return nil, fmt.Errorf("raftstore: open log %s: %w", path, err)
	}
	if create {
		err = errors.Join(syncDir(filepath.Dir(path)), syncDir(dir))
	}
	if err != nil {
		return nil, errors.Join(err, b.Close())
	}
	return b, nil
}

// setIdentity records whom the log belongs to.
func setIdentity(b *raftboltdb.BoltStore, id identity) error {
	id.Phase = ""
	return b.Set(keyIdentity, id.encode())
}

// checkIdentity refuses a log of somebody else.
func checkIdentity(b *raftboltdb.BoltStore, id identity) error {
	v, err := b.Get(keyIdentity)
	if errors.Is(err, raftboltdb.ErrKeyNotFound) {
		return fmt.Errorf("%w: the log was replaced by an empty or foreign one; %s", ErrLostState, adviseLost)
	}
	if err != nil {
		return err
	}
	other, err := decodeIdentity(v)
	if err != nil {
		return fmt.Errorf("raftstore: log: %w; %s", err, adviseLost)
	}
	return id.match("log", other)
}

// try runs a write and, if the disk is full, once more without the ballast.
func (l *logStore) try(write func() error) error {
	err := write()
	if isDiskFull(err) && l.ballast.release() {
		err = write()
	}
	switch {
	case err == nil:
	case isDiskFull(err):
		l.onFull()
	default:
		l.onBroken(err)
	}
	return err
}

// insist runs a write until it succeeds. It gives up on errors other than a full
// disk, and ends the goroutine when the store closes: returning an error would
// make Raft panic, and returning nil would be a lie about its vote.
func (l *logStore) insist(write func() error) error {
	for {
		err := l.try(write)
		if !isDiskFull(err) {
			return err
		}
		select {
		case <-time.After(diskRetry):
		case <-l.closing:
			runtime.Goexit()
		}
	}
}

// StoreLog implements raft.LogStore.
func (l *logStore) StoreLog(e *raft.Log) error { return l.StoreLogs([]*raft.Log{e}) }

// StoreLogs implements raft.LogStore. After a streamed install Raft goes on behind
// the snapshot and leaves the old log before it; that is removed first, so that
// the log never has a hole.
func (l *logStore) StoreLogs(es []*raft.Log) error {
	last, err := l.LastIndex()
	if err != nil {
		return err
	}
	if last != 0 && es[0].Index > last+1 {
		if err := l.DeleteRange(0, last); err != nil {
			return err
		}
	}
	return l.try(func() error { return l.BoltStore.StoreLogs(es) })
}

// Set implements raft.StableStore.
func (l *logStore) Set(key, val []byte) error {
	return l.insist(func() error { return l.BoltStore.Set(key, val) })
}

// SetUint64 implements raft.StableStore.
func (l *logStore) SetUint64(key []byte, val uint64) error {
	isTerm := string(key) == keyTerm
	if isTerm {
		l.mu.Lock()
		same := l.term != 0 && l.term == val
		l.mu.Unlock()
		if same {
			return nil
		}
	}
	err := l.insist(func() error { return l.BoltStore.SetUint64(key, val) })
	if err == nil && isTerm {
		l.mu.Lock()
		l.term = val
		l.mu.Unlock()
	}
	return err
}

// loadTerm reads the stored term, so that Raft's rewriting it at start needs no
// room on the disk.
func (l *logStore) loadTerm() error {
	v, err := l.BoltStore.GetUint64([]byte(keyTerm))
	if err != nil && !errors.Is(err, raftboltdb.ErrKeyNotFound) {
		return err
	}
	l.term = v
	return nil
}

// DeleteRange implements raft.LogStore in chunks, because bbolt has one writer
// and a long deletion would hold up every append. A crash between chunks must
// leave a log without a hole: compaction deletes from the low end, truncation of
// a conflicting end (or of everything) from the high end.
func (l *logStore) DeleteRange(lo, hi uint64) error {
	first, err := l.FirstIndex()
	if err != nil {
		return err
	}
	last, err := l.LastIndex()
	if err != nil {
		return err
	}
	lo, hi = max(lo, first), min(hi, last)
	if lo <= l.committed() && hi > l.covered() {
		// Raft never asks for this, unless a leader of another cluster took this
		// node for its own.
		err := fmt.Errorf("%w: asked to truncate the log from entry %d although entry %d is committed; "+
			"find out which cluster this node belongs to, and remove it from the other", ErrForeignState, lo, l.committed())
		l.onBroken(err)
		return err
	}
	fromLow := lo == first && hi < last
	for lo != 0 && lo <= hi {
		a, b := lo, hi
		if fromLow {
			b = min(hi, lo+deleteChunk-1)
			lo = b + 1
		} else {
			if hi-lo >= deleteChunk {
				a = hi - deleteChunk + 1
			}
			hi = a - 1
		}
		if err := l.try(func() error { return l.BoltStore.DeleteRange(a, b) }); err != nil {
			return err
		}
	}
	return nil
}
