package raftstore

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/cockroachdb/pebble/v2"
	"github.com/hashicorp/raft"
)

const (
	// minTrailingEntries stay in the log even if they are large, because a
	// follower whose log ends with entries that were never committed needs the
	// common part to recognise it (hashicorp/raft issue 697).
	minTrailingEntries = 128
	// maxTrailingEntries bounds deletion and scanning when entries are tiny.
	maxTrailingEntries = 32 << 10
	// snapshotRetry and maxSnapshotRetry: the wait after a failed snapshot.
	snapshotRetry    = time.Second
	maxSnapshotRetry = time.Minute
)

// Snapshot takes a snapshot now and shortens the log. It returns nil if there
// was nothing to do. The store takes snapshots by itself; this is for tests and
// before a backup.
func (s *Store) Snapshot(ctx context.Context) error {
	return s.await(ctx, s.snapshot)
}

// runSnapshotter takes a snapshot whenever the log has grown enough.
func (s *Store) runSnapshotter() {
	defer s.loops.Done()
	wait := snapshotRetry
	for {
		select {
		case <-s.snapWanted:
		case <-s.closing:
			return
		}
		err := s.snapshot()
		if err == nil {
			wait = snapshotRetry
			continue
		}
		if errors.Is(err, ErrClosed) {
			return
		}
		s.log.Warn("raftstore: snapshot failed, will try again", "err", err, "wait", wait)
		select {
		case <-time.After(wait):
		case <-s.closing:
			return
		}
		wait = min(2*wait, maxSnapshotRetry)
	}
}

// snapshot takes one snapshot; one at a time.
func (s *Store) snapshot() error {
	s.snapMu.Lock()
	defer s.snapMu.Unlock()
	if err := s.flushState(); err != nil {
		return err
	}
	s.setTrailing()
	err := s.raft.Snapshot().Error()
	switch {
	case errors.Is(err, raft.ErrNothingNewToSnapshot):
		return nil
	case errors.Is(err, raft.ErrRaftShutdown):
		return ErrClosed
	case err != nil:
		s.m.snapshots.WithLabelValues("failed").Inc()
		return fmt.Errorf("raftstore: snapshot: %w", err)
	}
	s.m.snapshots.WithLabelValues("taken").Inc()
	return nil
}

// flushState writes the memtables out while applying goes on, so that little is
// left for the part of a snapshot that holds it up.
func (s *Store) flushState() error {
	v := s.View()
	defer v.Close()
	if v.db == nil {
		return ErrClosed
	}
	return s.flush(v.db.DB)
}

// flush writes the memtables out. It gives up when the store closes, because on
// a full disk Pebble tries until there is room.
func (s *Store) flush(db *pebble.DB) error {
	done, err := db.AsyncFlush()
	if err != nil {
		return err
	}
	select {
	case <-done:
		return nil
	case <-s.closing:
		return ErrClosed
	}
}

// setTrailing tells Raft, which counts entries, how many make up TrailingBytes.
func (s *Store) setTrailing() {
	entries := uint64(maxTrailingEntries)
	if n, b := s.fsm.logEntries.Load(), s.fsm.logBytes.Load(); n > 0 {
		entries = s.o.TrailingBytes / max(1, b/n)
	}
	entries = min(max(entries, minTrailingEntries), maxTrailingEntries)
	c := s.raft.ReloadableConfig()
	c.TrailingLogs = entries
	if err := s.raft.ReloadConfig(c); err != nil {
		s.log.Error("raftstore: trailing logs not set", "err", err)
	}
}
