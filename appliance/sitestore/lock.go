package sitestore

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/yizhan-im/yizhan/appliance/state"
	"github.com/yizhan-im/yizhan/appliance/wire"
)

// lease is a lock that this process holds, or is trying to take: within the
// process only one at a time may try.
type lease struct {
	name  string
	owner state.StorageOwner
	done  chan struct{} // closed when it is not in Storage.leases any more

	// Guarded by Storage.mu.
	held bool // taken, and nobody unlocks it yet

	// Set before held.
	stop    context.CancelFunc // ends the renewals
	stopped chan struct{}      // closed when they have ended
}

// endRenewals returns when none is under way any more.
func (l *lease) endRenewals() {
	l.stop()
	<-l.stopped
}

const (
	// lockPoll is how often a waiting Lock looks whether another node has given the
	// lock up.
	lockPoll = time.Second
	// releaseTimeout bounds an unlock that nobody waits for. What it cannot release
	// lapses with its lease.
	releaseTimeout = 10 * time.Second
)

// Lock takes the lock name, and waits as long as ctx allows while another process
// or another caller in this one has it. The lock is renewed until Unlock.
func (s *Storage) Lock(ctx context.Context, name string) error {
	l, err := s.claim(ctx, name, true)
	if err != nil {
		return lockError("lock", name, err)
	}
	for {
		taken, err := s.take(ctx, l)
		if err != nil || taken {
			return lockError("lock", name, err)
		}
		if err := s.waitForHolder(ctx, name); err != nil {
			s.drop(l)
			return lockError("lock", name, err)
		}
	}
}

// TryLock takes the lock name if nobody has it, and reports whether it did.
func (s *Storage) TryLock(ctx context.Context, name string) (bool, error) {
	l, err := s.claim(ctx, name, false)
	if err != nil || l == nil {
		return false, lockError("lock", name, err)
	}
	taken, err := s.take(ctx, l)
	if err == nil && !taken {
		s.drop(l)
	}
	return taken, lockError("lock", name, err)
}

// RenewLockLease makes sure that this process still holds the lock. Its lease is
// renewed all the time, so that it does not need the duration that the caller
// expects to work: a long lease would only keep others waiting for a dead node.
func (s *Storage) RenewLockLease(ctx context.Context, name string, _ time.Duration) error {
	l := s.holding(name)
	if l == nil {
		return lockError("renew", name, ErrNotHeld)
	}
	return lockError("renew", name, s.renew(ctx, l))
}

// Unlock gives the lock up. When it returns an error the lock lapses with its
// lease. A lock that was lost meanwhile, or given up by Close, is no error.
func (s *Storage) Unlock(ctx context.Context, name string) error {
	s.mu.Lock()
	l := s.leases[name]
	if s.closed || l == nil || !l.held {
		defer s.mu.Unlock()
		if s.closed {
			return nil
		}
		return lockError("unlock", name, ErrNotHeld)
	}
	l.held = false
	s.work.Add(1)
	s.mu.Unlock()
	defer s.work.Done()
	defer s.drop(l)
	l.endRenewals()
	_, err := s.proposeWithin(ctx, &state.StorageUnlock{Name: l.name, Owner: l.owner})
	return lockError("unlock", name, err)
}

// claim makes the caller the only one in this process that tries to take the
// lock. Without wait it returns nil when somebody has it already.
func (s *Storage) claim(ctx context.Context, name string, wait bool) (*lease, error) {
	if !state.ValidStorageLockName(name) {
		return nil, ErrBadKey
	}
	for {
		if err := ctx.Err(); err != nil {
			return nil, err
		}
		s.mu.Lock()
		if s.closed {
			s.mu.Unlock()
			return nil, ErrClosed
		}
		other := s.leases[name]
		if other == nil {
			s.tokens++
			l := &lease{
				name: name, done: make(chan struct{}),
				owner: state.StorageOwner{Node: s.node, Epoch: s.epoch, Token: s.tokens},
			}
			s.leases[name] = l
			s.mu.Unlock()
			return l, nil
		}
		s.mu.Unlock()
		if !wait {
			return nil, nil
		}
		select {
		case <-other.done:
		case <-ctx.Done():
			return nil, ctx.Err()
		case <-s.ctx.Done():
			return nil, ErrClosed
		}
	}
}

// drop ends a claim.
func (s *Storage) drop(l *lease) {
	s.mu.Lock()
	delete(s.leases, l.name)
	s.mu.Unlock()
	close(l.done)
}

// holding is the lease of a lock that this process holds, or nil.
func (s *Storage) holding(name string) *lease {
	s.mu.Lock()
	defer s.mu.Unlock()
	if l := s.leases[name]; l != nil && l.held {
		return l
	}
	return nil
}

// take asks for a claimed lock once. When it returns an error the claim is over.
func (s *Storage) take(ctx context.Context, l *lease) (bool, error) {
	answer, err := s.propose(ctx, &state.StorageLock{Name: l.name, Owner: l.owner, LeaseMs: s.lease.Milliseconds()})
	if err != nil {
		s.giveUp(l) // the command may yet be committed
		return false, err
	}
	switch result := answer.(*state.StorageLockResult); result.Code {
	case wire.CodeOK:
		return true, s.hold(l)
	case wire.CodeRepeated:
		return false, nil
	default:
		s.drop(l)
		return false, codeError(result.Code)
	}
}

// hold begins to renew a lock that was taken.
func (s *Storage) hold(l *lease) error {
	s.mu.Lock()
	if s.closed { // Close has not seen it
		s.mu.Unlock()
		s.release(l)
		return ErrClosed
	}
	var ctx context.Context
	ctx, l.stop = context.WithCancel(s.ctx)
	l.stopped = make(chan struct{})
	l.held = true
	s.work.Add(1)
	s.mu.Unlock()
	go func() {
		defer s.work.Done()
		defer close(l.stopped)
		s.keepRenewing(ctx, l)
	}()
	return nil
}

// keepRenewing renews l until ctx is over or the lock is lost. A renewal that
// fails is tried again: as long as nobody else takes the lock it stays l's.
func (s *Storage) keepRenewing(ctx context.Context, l *lease) {
	tick := time.NewTicker(s.lease / 3)
	defer tick.Stop()
	for {
		select {
		case <-tick.C:
		case <-ctx.Done():
			return
		}
		err := s.renew(ctx, l)
		switch {
		case err == nil || ctx.Err() != nil:
		case errors.Is(err, ErrLockLost):
			s.log.Warn("a lock of the site's storage was lost to another holder: this node was cut off for longer than the lease",
				"lock", l.name, "lease", s.lease)
			return
		default:
			s.log.Warn("cannot renew a lock of the site's storage; trying again", "lock", l.name, "error", err)
		}
	}
}

func (s *Storage) renew(ctx context.Context, l *lease) error {
	ctx, cancel := context.WithTimeout(ctx, s.lease)
	defer cancel()
	answer, err := s.propose(ctx, &state.StorageLock{Name: l.name, Owner: l.owner, LeaseMs: s.lease.Milliseconds(), Renew: true})
	if err != nil {
		return err
	}
	code := answer.(*state.StorageLockResult).Code
	if code == wire.CodeNotFound {
		return ErrLockLost
	}
	return codeError(code)
}

// giveUp releases a lock that may have been taken, without the caller waiting. The
// claim lasts until then, so that the next Lock in this process does not meet it.
func (s *Storage) giveUp(l *lease) {
	if !s.begin() {
		s.release(l) // as soon as Close allows
		return
	}
	go func() {
		defer s.work.Done()
		s.release(l)
	}()
}

// release gives l up if it can. It works after Close.
func (s *Storage) release(l *lease) {
	defer s.drop(l)
	ctx, cancel := context.WithTimeout(s.last, releaseTimeout)
	defer cancel()
	if _, err := s.retry(ctx, &state.StorageUnlock{Name: l.name, Owner: l.owner}); err != nil {
		s.log.Warn("cannot give up a lock of the site's storage; it lapses with its lease", "lock", l.name, "lease", s.lease, "error", err)
	}
}

// waitForHolder waits until it looks as if the lock could be taken. It reads only
// what this node has: asking by a command would fill the log.
func (s *Storage) waitForHolder(ctx context.Context, name string) error {
	tick := time.NewTicker(min(lockPoll, s.lease/3))
	defer tick.Stop()
	for {
		select {
		case <-tick.C:
		case <-ctx.Done():
			return ctx.Err()
		case <-s.ctx.Done():
			return ErrClosed
		}
		holder, held, err := s.queries.StorageHolder(name)
		if err != nil {
			return err
		}
		if !held || holder.LeaseOver(s.now().UnixMilli()) {
			return nil
		}
	}
}

// lockError says which lock err is about; nil stays nil.
func lockError(op, name string, err error) error {
	if err == nil {
		return nil
	}
	if len(name) > state.MaxStorageLockName {
		name = name[:state.MaxStorageLockName] + "…"
	}
	return fmt.Errorf("%s %q: %w", op, name, err)
}
