package raftstore

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/hashicorp/raft"
)

// commandOverhead is what a queued command counts beside its bytes: its length
// prefix and its Completion.
const commandOverhead = 32

// entry is a group of commands on its way to becoming one Raft entry.
type entry struct {
	buf   []byte       // staging; Raft gets an exact copy, so this is pooled
	comps []Completion // comps[i] belongs to command i
	size  int          // bytes counted against the queue
}

// queue collects commands into entries. Submitters fill the open entry; the
// committer takes the oldest. Everything is guarded by mu.
type queue struct {
	maxEntry, maxBytes int

	mu     sync.Mutex
	open   *entry   // the entry being filled; nil when none
	sealed []*entry // full entries before it, oldest first
	bytes  int      // counted bytes of all of them
	closed bool

	wake chan struct{} // holds one token when there is something to take, or closed
	pool sync.Pool     // of *entry
}

func newQueue(maxEntry, maxBytes int) *queue {
	q := &queue{maxEntry: maxEntry, maxBytes: maxBytes, wake: make(chan struct{}, 1)}
	q.pool.New = func() any { return &entry{buf: make([]byte, 0, 4<<10)} }
	return q
}

// add copies cmd into the open entry.
func (q *queue) add(cmd []byte, c Completion) error {
	need := len(cmd) + commandOverhead
	if commandsHeader+maxLenBytes+len(cmd) > q.maxEntry {
		return ErrTooLarge
	}
	q.mu.Lock()
	switch {
	case q.closed:
		q.mu.Unlock()
		return ErrClosed
	case q.bytes+need > q.maxBytes:
		q.mu.Unlock()
		return ErrBusy
	}
	if q.open != nil && len(q.open.buf)+maxLenBytes+len(cmd) > q.maxEntry {
		q.sealed = append(q.sealed, q.open)
		q.open = nil
	}
	first := q.open == nil
	if first {
		q.open = q.pool.Get().(*entry)
		q.open.buf = beginCommands(q.open.buf)
	}
	e := q.open
	e.buf = appendCommand(e.buf, cmd)
	e.comps = append(e.comps, c)
	e.size += need
	q.bytes += need
	q.mu.Unlock()
	if first {
		q.signal()
	}
	return nil
}

func (q *queue) signal() {
	select {
	case q.wake <- struct{}{}:
	default:
	}
}

// take waits for an entry and removes it. It returns nil once the queue is
// closed and empty.
func (q *queue) take() *entry {
	for {
		q.mu.Lock()
		var e *entry
		if len(q.sealed) > 0 {
			e = q.sealed[0]
			q.sealed[0] = nil
			q.sealed = q.sealed[1:]
		} else {
			e, q.open = q.open, nil
		}
		if e != nil {
			q.bytes -= e.size
			more := q.open != nil || len(q.sealed) > 0
			q.mu.Unlock()
			if more {
				q.signal()
			}
			return e
		}
		closed := q.closed
		q.mu.Unlock()
		if closed {
			return nil
		}
		<-q.wake
	}
}

// close refuses new commands; what is queued is still taken.
func (q *queue) close() {
	q.mu.Lock()
	q.closed = true
	q.mu.Unlock()
	q.signal()
}

func (q *queue) size() int {
	q.mu.Lock()
	defer q.mu.Unlock()
	return q.bytes
}

// maxIdleComps bounds the Completion slice that a pooled entry keeps (32 KiB).
const maxIdleComps = 2048

// recycle gives an entry back to the pool.
func (q *queue) recycle(e *entry) {
	clear(e.comps)
	if cap(e.comps) > maxIdleComps {
		e.comps = nil
	}
	e.comps, e.size = e.comps[:0], 0
	q.pool.Put(e)
}

// handed is an entry that Raft has, or has answered.
type handed struct {
	e       *entry
	future  raft.ApplyFuture
	start   time.Time
	results entryResults
	err     error
}

// entryResults are the outcomes of the commands of one entry.
type entryResults []any

// applyFailure is the outcome of an entry that this node could not apply.
type applyFailure struct{ err error }

// Submit queues cmd, which is copied, and tells c the outcome. When Submit
// returns an error (ErrBusy, ErrNotLeader, ErrDiskFull, ErrClosed, ErrTooLarge)
// nothing was queued and c is never told. Done may come before Submit returns.
// Done's errors: ErrNotLeader and ErrClosed (certainly not committed),
// ErrUncertain.
func (s *Store) Submit(cmd []byte, c Completion) error {
	err := s.submit(cmd, c)
	if err != nil {
		s.m.reject(err)
	}
	return err
}

func (s *Store) submit(cmd []byte, c Completion) error {
	switch {
	case s.stopped.Load():
		return ErrClosed
	case s.refusing.Load():
		return ErrDiskFull
	case s.raft.State() != raft.Leader:
		return ErrNotLeader
	}
	return s.queue.add(cmd, c)
}

// Propose submits cmd and waits. When ctx ends first the outcome is
// ErrUncertain, wrapped together with the context's error.
func (s *Store) Propose(ctx context.Context, cmd []byte) (any, error) {
	type outcome struct {
		result any
		err    error
	}
	ch := make(chan outcome, 1)
	err := s.Submit(cmd, CompletionFunc(func(result any, err error) { ch <- outcome{result, err} }))
	if err != nil {
		return nil, err
	}
	select {
	case o := <-ch:
		return o.result, o.err
	case <-ctx.Done():
		return nil, fmt.Errorf("%w: %w", ErrUncertain, ctx.Err())
	}
}

// runCommitter takes the oldest entry whenever fewer than InFlight are with
// Raft. There is no linger: while Raft is busy the open entry fills by itself.
func (s *Store) runCommitter() {
	defer s.pipeline.Done()
	defer close(s.handed)
	for {
		s.slots <- struct{}{}
		e := s.queue.take()
		if e == nil {
			return
		}
		if s.stopNow.Load() {
			s.handed <- &handed{e: e, err: ErrClosed}
			continue
		}
		sealCommands(e.buf, len(e.comps))
		// Raft's log cache and its replication keep the bytes for an unknown time.
		data := append(make([]byte, 0, len(e.buf)), e.buf...)
		s.m.entries.Inc()
		s.m.commandsPerEntry.Observe(float64(len(e.comps)))
		s.handed <- &handed{e: e, start: time.Now(), future: s.raft.ApplyLog(raft.Log{Data: data}, 0)}
	}
}

// runWaiter waits for Raft's answers in order and frees the slot of each at
// once, so that slow completions do not hold up the log.
func (s *Store) runWaiter() {
	defer s.pipeline.Done()
	defer close(s.answered)
	for h := range s.handed {
		if h.future != nil {
			h.err = outcomeError(s.answer(h.future))
			if h.err == nil {
				switch r := h.future.Response().(type) {
				case entryResults:
					h.results = r
				case applyFailure:
					h.err = fmt.Errorf("%w: %w", ErrUncertain, r.err)
				}
			}
			s.m.commitSeconds.Observe(time.Since(h.start).Seconds())
		}
		<-s.slots
		s.answered <- h
	}
}

// answer waits for Raft's answer to one entry, or until Raft is down: it forgets
// those that it had handed to the apply goroutine.
func (s *Store) answer(f raft.ApplyFuture) error {
	done := make(chan error, 1)
	go func() { done <- f.Error() }()
	select {
	case err := <-done:
		return err
	case <-s.raftDown:
		return raft.ErrRaftShutdown
	}
}

// runCompleter tells each command's owner.
func (s *Store) runCompleter() {
	defer s.pipeline.Done()
	for h := range s.answered {
		if h.err == nil && len(h.results) != len(h.e.comps) {
			// Only a bug of this package gets here; never let it pass for success.
			h.err = fmt.Errorf("%w: %d results for %d commands", ErrUncertain, len(h.results), len(h.e.comps))
		}
		for i, c := range h.e.comps {
			if h.err != nil {
				c.Done(nil, h.err)
			} else {
				c.Done(h.results[i], nil)
			}
		}
		s.queue.recycle(h.e)
	}
}

// outcomeError says what Raft's error means for the commands of an entry. Only
// errors that Raft gives before it touches the log are certain.
func outcomeError(err error) error {
	switch {
	case err == nil:
		return nil
	case errors.Is(err, raft.ErrNotLeader), errors.Is(err, raft.ErrLeadershipTransferInProgress):
		return ErrNotLeader
	default:
		return fmt.Errorf("%w: %w", ErrUncertain, err)
	}
}
