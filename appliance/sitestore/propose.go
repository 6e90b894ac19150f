package sitestore

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/yizhan-im/yizhan/appliance/state"
	"github.com/yizhan-im/yizhan/raftstore"
)

const (
	// proposeTimeout bounds how long a change waits for a store that cannot take
	// it, unless the caller's context says otherwise.
	proposeTimeout = time.Minute
	// A change that the store did not take is tried again after firstPause, then
	// after twice that, up to maxPause.
	firstPause = 10 * time.Millisecond
	maxPause   = time.Second
)

// propose runs one of the storage's commands, with the time of this moment, until
// the store has taken it. Trying again is harmless, also when the outcome of the
// first try is not known: the commands are idempotent, and locks know their
// owner. Losing a certificate that a CA has just issued would not be.
func (s *Storage) propose(ctx context.Context, cmd any) (any, error) {
	if !s.begin() {
		return nil, ErrClosed
	}
	defer s.work.Done()
	return s.proposeWithin(ctx, cmd)
}

// begin makes Close wait for work.Done, unless it has begun already.
func (s *Storage) begin() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed {
		return false
	}
	s.work.Add(1)
	return true
}

// proposeWithin gives up after proposeTimeout, or when Close cannot wait longer.
func (s *Storage) proposeWithin(ctx context.Context, cmd any) (any, error) {
	if _, ok := ctx.Deadline(); !ok {
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeout(ctx, proposeTimeout)
		defer cancel()
	}
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	defer context.AfterFunc(s.last, func() { cancel(ErrClosed) })()
	return s.retry(ctx, cmd)
}

// retry proposes until ctx is over.
func (s *Storage) retry(ctx context.Context, cmd any) (any, error) {
	pause := firstPause
	for {
		if ctx.Err() != nil {
			return nil, context.Cause(ctx)
		}
		result, err := s.store.Propose(ctx, s.encode(cmd))
		if err == nil {
			return result, nil
		}
		if errors.Is(err, raftstore.ErrClosed) {
			return nil, ErrClosed
		}
		if !worthRetrying(err) {
			return nil, err
		}
		select {
		case <-time.After(pause):
			pause = min(2*pause, maxPause)
		case <-ctx.Done():
			return nil, fmt.Errorf("%w (the store: %w)", context.Cause(ctx), err)
		}
	}
}

func worthRetrying(err error) bool {
	return errors.Is(err, raftstore.ErrBusy) || errors.Is(err, raftstore.ErrNotLeader) || errors.Is(err, raftstore.ErrUncertain)
}

// encode stamps cmd with the clock and encodes it.
func (s *Storage) encode(cmd any) []byte {
	now := s.now().UnixMilli()
	switch c := cmd.(type) {
	case *state.StoragePut:
		c.TimeMs = now
		return c.Append(make([]byte, 0, len(c.Key)+len(c.Value)+32))
	case *state.StorageDelete:
		c.TimeMs = now
		return c.Append(nil)
	case *state.StorageLock:
		c.TimeMs = now
		return c.Append(nil)
	case *state.StorageUnlock:
		c.TimeMs = now
		return c.Append(nil)
	}
	panic("sitestore: unknown command") // only a mistake in this package gets here
}
