package sitestore

import (
	"context"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/yizhan-im/yizhan/raftstore"
)

// TestOneHolderAtATime: callers of two nodes take the lock in turn.
func TestOneHolderAtATime(t *testing.T) {
	s := newSite(t)
	// A short lease makes a waiter look often.
	nodes := []*Storage{s.node("n1", 100*time.Millisecond), s.node("n2", 100*time.Millisecond)}
	var (
		inside  atomic.Int32
		entered atomic.Int32
		work    sync.WaitGroup
	)
	for i := range 8 {
		work.Go(func() {
			for range 4 {
				if err := nodes[i%2].Lock(t.Context(), "x"); err != nil {
					t.Error(err)
					return
				}
				if inside.Add(1) != 1 {
					t.Error("two holders at one time")
				}
				entered.Add(1)
				inside.Add(-1)
				if err := nodes[i%2].Unlock(t.Context(), "x"); err != nil {
					t.Error(err)
				}
			}
		})
	}
	work.Wait()
	if entered.Load() != 32 {
		t.Errorf("entered %d times", entered.Load())
	}
}

func TestTryLockDoesNotWait(t *testing.T) {
	s := newSite(t)
	a, b := s.node("n1", 0), s.node("n2", 0)
	try := func(n *Storage, name string, want bool) {
		t.Helper()
		if got, err := n.TryLock(t.Context(), name); err != nil || got != want {
			t.Errorf("try: %v %v, want %v", got, err, want)
		}
	}
	try(a, "x", true)
	try(a, "x", false)
	try(b, "x", false)
	try(b, "y", true)
	must(t, a.Unlock(t.Context(), "x"))
	expectError(t, "unlock again", a.Unlock(t.Context(), "x"), ErrNotHeld)
	try(b, "x", true)
	expectError(t, "unlock of another's", a.Unlock(t.Context(), "x"), ErrNotHeld)
}

// TestAHeldLockIsRenewed: it outlives its lease by far.
func TestAHeldLockIsRenewed(t *testing.T) {
	s := newSite(t)
	a, b := s.node("n1", 60*time.Millisecond), s.node("n2", 0)
	must(t, a.Lock(t.Context(), "x"))
	first, _, err := s.queries().StorageHolder("x")
	must(t, err)
	eventually(t, "five leases", func() bool {
		now, held, err := s.queries().StorageHolder("x")
		if err != nil || !held || now.Owner != first.Owner || now.Fence != first.Fence {
			t.Fatalf("holder: %+v %v %v, was %+v", now, held, err, first)
		}
		return now.ExpiresMs-first.ExpiresMs > 300
	})
	must(t, a.RenewLockLease(t.Context(), "x", time.Hour))
	must(t, a.Unlock(t.Context(), "x"))
	must(t, b.Lock(t.Context(), "x"))
	expectError(t, "renewal of an unlocked one", a.RenewLockLease(t.Context(), "x", time.Hour), ErrNotHeld)
}

// TestALockOfADeadNodeIsTakenOver, and the node, should it live after all, cannot
// disturb the new holder.
func TestALockOfADeadNodeIsTakenOver(t *testing.T) {
	s := newSite(t)
	const lease = time.Minute
	a, b := s.node("n1", lease), s.node("n2", lease)
	must(t, a.Lock(t.Context(), "x")) // renews in 20 s: for this test, never
	first, _, _ := s.queries().StorageHolder("x")
	if got, err := b.TryLock(t.Context(), "x"); err != nil || got {
		t.Fatalf("a held lock: %v %v", got, err)
	}
	s.advance(lease)
	if got, err := b.TryLock(t.Context(), "x"); err != nil || !got {
		t.Fatalf("a lock whose lease is over: %v %v", got, err)
	}
	second, _, _ := s.queries().StorageHolder("x")
	if second.Fence <= first.Fence || second.Owner.Node != "n2" {
		t.Errorf("holder %+v after %+v", second, first)
	}
	expectError(t, "renewal", a.RenewLockLease(t.Context(), "x", 0), ErrLockLost)
	must(t, a.Unlock(t.Context(), "x"))
	if still, held, err := s.queries().StorageHolder("x"); err != nil || !held || still.Owner != second.Owner {
		t.Errorf("after the loser's unlock: %+v %v %v", still, held, err)
	}
}

func TestANodeTakesItsLocksBackAfterACrash(t *testing.T) {
	s := newSite(t)
	a := s.node("n1", time.Minute)
	must(t, a.Lock(t.Context(), "x"))
	s.crash(a)
	s.close()
	s.open()
	s.advance(-time.Hour) // the machine has no clock of its own
	again, other := s.node("n1", time.Minute), s.node("n2", time.Minute)
	must(t, again.Lock(t.Context(), "x"))
	if got, err := other.TryLock(t.Context(), "x"); err != nil || got {
		t.Errorf("another node within the lease: %v %v", got, err)
	}
}

// TestARenewalThatFailsIsTriedAgain, and the lock survives, even past its lease,
// while nobody else takes it.
func TestARenewalThatFailsIsTriedAgain(t *testing.T) {
	s := newSite(t)
	a := s.node("n1", 60*time.Millisecond)
	must(t, a.Lock(t.Context(), "x"))
	first, _, _ := s.queries().StorageHolder("x")
	fault, counted := failing(2, raftstore.ErrDiskFull)
	s.setFaults(fault, nil)
	eventually(t, "two failures", func() bool { return counted() == 2 })
	eventually(t, "a renewal", func() bool {
		now, _, err := s.queries().StorageHolder("x")
		must(t, err)
		return now.Fence == first.Fence && now.ExpiresMs > first.ExpiresMs+60
	})
}

func TestWaitingForALockEnds(t *testing.T) {
	s := newSite(t)
	a, b := s.node("n1", 0), s.node("n2", 0)
	must(t, a.Lock(t.Context(), "x"))
	for _, n := range []*Storage{a, b} { // within the process, and from another node
		ctx, cancel := context.WithTimeout(t.Context(), 20*time.Millisecond)
		expectError(t, "with its context", n.Lock(ctx, "x"), context.DeadlineExceeded)
		cancel()
	}
	ended := make(chan error)
	go func() { ended <- b.Lock(t.Context(), "x") }()
	eventually(t, "the waiter", func() bool {
		b.mu.Lock()
		defer b.mu.Unlock()
		return b.leases["x"] != nil
	})
	b.Close()
	expectError(t, "with Close", <-ended, ErrClosed)
}

// TestCloseGivesLocksUp: an orderly stop leaves nobody waiting for a lease.
func TestCloseGivesLocksUp(t *testing.T) {
	s := newSite(t)
	a, b := s.node("n1", 0), s.node("n2", 0)
	must(t, a.Lock(t.Context(), "x"))
	must(t, a.Lock(t.Context(), "y"))
	a.Close()
	for _, name := range []string{"x", "y"} {
		if got, err := b.TryLock(t.Context(), name); err != nil || !got {
			t.Errorf("%s: %v %v", name, got, err)
		}
	}
	must(t, a.Unlock(t.Context(), "x"))
	if holder, held, err := s.queries().StorageHolder("x"); err != nil || !held || holder.Owner.Node != "n2" {
		t.Errorf("a late unlock took another's lock: %+v %v %v", holder, held, err)
	}
}

// TestCloseWaitsForWhatIsUnderWay: an unlock, and a certificate that a CA has just
// issued.
func TestCloseWaitsForWhatIsUnderWay(t *testing.T) {
	s := newSite(t)
	a, b := s.node("n1", 0), s.node("n2", 0)
	must(t, a.Lock(t.Context(), "x"))
	arrived, proceed := make(chan struct{}), make(chan struct{})
	s.setFaults(func() error {
		arrived <- struct{}{}
		<-proceed
		return nil
	}, nil)
	unlocked, stored := make(chan error), make(chan error)
	go func() { unlocked <- a.Unlock(t.Context(), "x") }()
	go func() { stored <- a.Store(t.Context(), "k", []byte("v")) }()
	<-arrived
	<-arrived
	closed := make(chan struct{})
	go func() {
		defer close(closed)
		a.Close()
	}()
	<-a.ctx.Done() // Close has begun
	s.setFaults(nil, nil)
	close(proceed)
	expectError(t, "unlock", <-unlocked, nil)
	expectError(t, "store", <-stored, nil)
	<-closed
	if got, err := b.TryLock(t.Context(), "x"); err != nil || !got {
		t.Errorf("the lock is not free: %v", err)
	}
	if value, err := b.Load(t.Context(), "k"); err != nil || string(value) != "v" {
		t.Errorf("the file: %q %v", value, err)
	}
}

// TestCloseDoesNotWaitForAStoreWithoutALeader for long.
func TestCloseDoesNotWaitForAStoreWithoutALeader(t *testing.T) {
	s := newSite(t)
	a := s.node("n1", 0)
	must(t, a.Lock(t.Context(), "x"))
	s.setFaults(func() error { return raftstore.ErrNotLeader }, nil)
	stored := make(chan error)
	go func() { stored <- a.Store(t.Context(), "k", nil) }()
	a.Close()
	expectError(t, "store", <-stored, ErrClosed)
	s.setFaults(nil, nil)
}

// TestALockThatCameTooLateIsGivenUp: the caller has gone when the command is
// committed.
func TestALockThatCameTooLateIsGivenUp(t *testing.T) {
	s := newSite(t)
	a, b := s.node("n1", 0), s.node("n2", 0)
	ctx, cancel := context.WithCancel(t.Context())
	var once sync.Once
	s.setFaults(nil, func() (err error) {
		once.Do(func() {
			cancel()
			err = raftstore.ErrUncertain
		})
		return err
	})
	expectError(t, "lock", a.Lock(ctx, "x"), context.Canceled)
	s.setFaults(nil, nil)
	eventually(t, "the lock to be free", func() bool {
		got, err := b.TryLock(t.Context(), "x")
		must(t, err)
		return got
	})
}
