package sitestore

import (
	"context"
	"errors"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/yizhan-im/yizhan/appliance/state"
	"github.com/yizhan-im/yizhan/raftstore"
)

// site is a real replicated store that any number of nodes' Storages share, and
// their common clock.
type site struct {
	t     *testing.T
	dir   string
	store atomic.Pointer[raftstore.Store]
	skew  atomic.Int64 // how far the clock is ahead of the real one, in ns

	mu    sync.Mutex
	fault func() error // before a proposal; guarded by mu
	after func() error // after one that was committed; guarded by mu
}

func newSite(t *testing.T) *site {
	t.Helper()
	s := &site{t: t, dir: t.TempDir()}
	s.open()
	t.Cleanup(func() { s.close() })
	return s
}

func (s *site) open() {
	s.t.Helper()
	store, err := raftstore.Open(s.t.Context(), raftstore.Options{
		Dir: s.dir, NodeID: "n1", Machine: state.New(), Bootstrap: true, BallastBytes: -1,
		FreeSpace: func(string) (uint64, error) { return 1 << 40, nil },
	})
	if err != nil {
		s.t.Fatal(err)
	}
	s.store.Store(store)
	ctx, cancel := context.WithTimeout(s.t.Context(), patience)
	defer cancel()
	if err := store.WaitLeader(ctx); err != nil {
		s.t.Fatal(err)
	}
}

func (s *site) close() {
	if err := s.store.Load().Close(); err != nil {
		s.t.Error(err)
	}
}

const patience = 30 * time.Second

// Propose implements Proposer, with the faults that a test asks for.
func (s *site) Propose(ctx context.Context, cmd []byte) (any, error) {
	s.mu.Lock()
	fault, after := s.fault, s.after
	s.mu.Unlock()
	if fault != nil {
		if err := fault(); err != nil {
			return nil, err
		}
	}
	result, err := s.store.Load().Propose(ctx, cmd)
	if err == nil && after != nil {
		if err := after(); err != nil {
			return nil, err
		}
	}
	return result, err
}

func (s *site) setFaults(before, after func() error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.fault, s.after = before, after
}

// failing is a fault that comes count times; counted tells how often it came.
func failing(count int64, err error) (fault func() error, counted func() int64) {
	var n atomic.Int64
	return func() error {
			if n.Add(1) <= count {
				return err
			}
			return nil
		}, func() int64 {
			return min(n.Load(), count)
		}
}

func (s *site) queries() *state.Queries {
	return state.NewQueries(func() *raftstore.View { return s.store.Load().View() })
}

func (s *site) advance(d time.Duration) { s.skew.Add(int64(d)) }

// node makes a process of the named node.
func (s *site) node(name string, lease time.Duration) *Storage {
	s.t.Helper()
	storage := New(Config{
		Store: s, Queries: s.queries(), Node: name, Lease: lease,
		Now: func() time.Time { return time.Now().Add(time.Duration(s.skew.Load())) },
	})
	s.t.Cleanup(storage.Close)
	return storage
}

// crash ends a process of a node without its giving anything up.
func (s *site) crash(storage *Storage) {
	storage.mu.Lock()
	storage.closed = true
	storage.mu.Unlock()
	storage.cancel()
	storage.cancelLast()
	storage.work.Wait()
}

// eventually polls until done.
func eventually(t *testing.T, what string, done func() bool) {
	t.Helper()
	tick := time.NewTicker(5 * time.Millisecond)
	defer tick.Stop()
	timeout := time.After(patience)
	for !done() {
		select {
		case <-tick.C:
		case <-timeout:
			t.Fatalf("waited %s in vain: %s", patience, what)
		}
	}
}

func expectError(t *testing.T, what string, err, want error) {
	t.Helper()
	if !errors.Is(err, want) {
		t.Errorf("%s: %v, want %v", what, err, want)
	}
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}
