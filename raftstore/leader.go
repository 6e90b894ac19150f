package raftstore

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/hashicorp/raft"
)

// takeUpRetry is the wait after a new leader could not finish its first duties.
const takeUpRetry = 200 * time.Millisecond

// leadership tells waiters of changes.
type leadership struct {
	mu      sync.Mutex
	changed chan struct{} // closed and replaced at each change; guarded by mu
	ledTerm uint64        // newest term in which this node took up its duties; guarded by mu
}

// Leader returns the id and address of the group's leader as far as this node
// knows; both are empty while there is none.
func (s *Store) Leader() (id, addr string) {
	a, i := s.raft.LeaderWithID()
	return string(i), string(a)
}

// IsLeader reports whether this node leads the group, to its own knowledge: a
// leader that was cut off learns it within Options.ElectionTimeout. Use Verify
// before an answer that must not be stale.
func (s *Store) IsLeader() bool { return s.raft.State() == raft.Leader }

// Verify asks a quorum whether this node still leads; ErrNotLeader if not.
func (s *Store) Verify(ctx context.Context) error {
	return s.await(ctx, func() error { return s.raft.VerifyLeader().Error() })
}

// WaitLeader waits until the group has a leader. If that is this node, it also
// waits until everything committed earlier is in the state.
func (s *Store) WaitLeader(ctx context.Context) error {
	for {
		s.lead.mu.Lock()
		changed, ledTerm := s.lead.changed, s.lead.ledTerm
		s.lead.mu.Unlock()
		switch id, _ := s.Leader(); {
		case s.stopped.Load():
			return ErrClosed
		case id != "" && id != s.o.NodeID, id != "" && ledTerm == s.raft.CurrentTerm():
			return nil
		}
		select {
		case <-changed:
		case <-ctx.Done():
			return fmt.Errorf("raftstore: no leader: %w", ctx.Err())
		case <-s.closing:
			return ErrClosed
		}
	}
}

// runLeadership watches for changes and does what a new leader has to do.
func (s *Store) runLeadership() {
	defer s.loops.Done()
	// One token is enough: what matters is read from Raft, not from the event.
	events := make(chan raft.Observation, 1)
	observer := raft.NewObserver(events, false, func(o *raft.Observation) bool {
		switch o.Data.(type) {
		case raft.LeaderObservation, raft.RaftState:
			return true
		}
		return false
	})
	s.raft.RegisterObserver(observer)
	defer s.raft.DeregisterObserver(observer)
	var retry <-chan time.Time
	for {
		retry = nil
		if err := s.takeUp(); err != nil && s.IsLeader() {
			s.log.Warn("raftstore: leader could not take up its duties, will try again", "err", err)
			retry = time.After(takeUpRetry)
		}
		s.lead.mu.Lock()
		close(s.lead.changed)
		s.lead.changed = make(chan struct{})
		s.lead.mu.Unlock()
		select {
		case <-events:
		case <-retry:
		case <-s.closing:
			return
		}
	}
}

// takeUp brings the state of a new leader up to date, tells the log the
// cluster's id if it does not have it, and corrects this node's address.
func (s *Store) takeUp() error {
	term := s.raft.CurrentTerm()
	s.lead.mu.Lock()
	led := s.lead.ledTerm
	s.lead.mu.Unlock()
	if led == term || !s.IsLeader() {
		return nil
	}
	if err := s.await(s.ctx, func() error { return s.raft.Barrier(0).Error() }); err != nil {
		return fmt.Errorf("barrier: %w", err)
	}
	if err := s.tellCluster(); err != nil {
		return fmt.Errorf("cluster id: %w", err)
	}
	if err := s.correctAddress(); err != nil {
		return fmt.Errorf("own address: %w", err)
	}
	s.lead.mu.Lock()
	s.lead.ledTerm = term
	s.lead.mu.Unlock()
	return nil
}

// tellCluster puts the cluster's id into the log, once in a cluster's life.
func (s *Store) tellCluster() error {
	v := s.View()
	defer v.Close()
	if v.db == nil {
		return ErrClosed
	}
	_, known, err := get(v.db.DB, nil, keyCluster)
	if err != nil || known {
		return err
	}
	id := s.identity()
	if id.Cluster == "" { // only a member that was told can be elected
		return errors.New("not known to this node")
	}
	return s.await(s.ctx, func() error { return s.raft.Apply(clusterEntry(id.Cluster), 0).Error() })
}

// correctAddress makes the group know this node by its present address, for
// example when a node that was alone begins to listen.
func (s *Store) correctAddress() error {
	own := s.trans.LocalAddr()
	members, err := s.configuration()
	if err != nil {
		return err
	}
	for _, m := range members.Servers {
		if m.ID == raft.ServerID(s.o.NodeID) && m.Address != own {
			s.log.Info("raftstore: this node has a new address", "old", m.Address, "new", own)
			return s.await(s.ctx, func() error { return s.raft.AddVoter(m.ID, own, 0, 0).Error() })
		}
	}
	return nil
}

// await runs f, which waits for Raft, and gives up waiting (f goes on until Raft
// answers it) when ctx ends or Raft is down: Raft forgets to answer requests
// that it had queued when it was shut down.
func (s *Store) await(ctx context.Context, f func() error) error {
	done := make(chan error, 1)
	go func() { done <- f() }()
	select {
	case err := <-done:
		return knownError(err)
	case <-ctx.Done():
		return ctx.Err()
	case <-s.raftDown:
		return ErrClosed
	}
}

// knownError replaces those of Raft's errors that this package has a name for.
func knownError(err error) error {
	switch {
	case errors.Is(err, raft.ErrNotLeader), errors.Is(err, raft.ErrLeadershipLost), errors.Is(err, raft.ErrLeadershipTransferInProgress):
		return fmt.Errorf("%w: %w", ErrNotLeader, err)
	case errors.Is(err, raft.ErrRaftShutdown):
		return ErrClosed
	}
	return err
}
