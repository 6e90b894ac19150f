package raftstore

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/hashicorp/raft"
)

// Member is one node of the group.
type Member struct {
	ID, Addr string
	Voter    bool // counts for the quorum; a member that is catching up does not
	Leader   bool
}

const (
	// catchUpPoll is how often a joining member is asked how far it is.
	catchUpPoll = 50 * time.Millisecond
	// catchUpTimeout is for one such question.
	catchUpTimeout = 2 * time.Second
)

// Members lists the group as this node knows it.
func (s *Store) Members() ([]Member, error) {
	c, err := s.configuration()
	if err != nil {
		return nil, err
	}
	leader, _ := s.Leader()
	out := make([]Member, 0, len(c.Servers))
	for _, m := range c.Servers {
		out = append(out, Member{
			ID: string(m.ID), Addr: string(m.Address),
			Voter: m.Suffrage == raft.Voter, Leader: string(m.ID) == leader,
		})
	}
	return out, nil
}

func (s *Store) configuration() (raft.Configuration, error) {
	f := s.raft.GetConfiguration() // answered at once
	if err := f.Error(); err != nil {
		return raft.Configuration{}, knownError(err)
	}
	return f.Configuration(), nil
}

// Join makes the node id, reachable at addr, a voter. It must be called on the
// leader, and the node must have been started with an empty folder and without
// Bootstrap. It first receives the log as a non-voter, because a voter that
// cannot be reached, or that lacks the log, could keep the group from deciding
// anything. If ctx ends before it has caught up it stays a non-voter: call Join
// again to go on, or Remove. Join also gives a known member a new address.
func (s *Store) Join(ctx context.Context, id, addr string) error {
	if id == "" || addr == "" {
		return errors.New("raftstore: join needs a node id and an address")
	}
	if id == s.o.NodeID {
		return fmt.Errorf("raftstore: join: %q is this node's own id; every member needs its own", id)
	}
	c, err := s.configuration()
	if err != nil {
		return err
	}
	for _, m := range c.Servers {
		if m.ID == raft.ServerID(id) && m.Address == raft.ServerAddress(addr) && m.Suffrage == raft.Voter {
			return s.Verify(ctx)
		}
	}
	// For a voter this changes the address only.
	err = s.await(ctx, func() error {
		return s.raft.AddNonvoter(raft.ServerID(id), raft.ServerAddress(addr), 0, 0).Error()
	})
	if err != nil {
		return fmt.Errorf("raftstore: join of %q: %w", id, err)
	}
	if err := s.waitCaughtUp(ctx, id, addr); err != nil {
		return fmt.Errorf("raftstore: member %q at %s has not caught up and stays a non-voter; "+
			"see that it runs and can be reached, then join it again or remove it: %w", id, addr, err)
	}
	err = s.await(ctx, func() error {
		return s.raft.AddVoter(raft.ServerID(id), raft.ServerAddress(addr), 0, 0).Error()
	})
	if err != nil {
		return fmt.Errorf("raftstore: join of %q: %w", id, err)
	}
	return nil
}

// waitCaughtUp waits until a member has the log in rounds, each up to the log's
// end when it began, until a round is short enough for the member to be of use
// (Raft dissertation, 4.2.1).
func (s *Store) waitCaughtUp(ctx context.Context, id, addr string) error {
	tick := time.NewTicker(catchUpPoll)
	defer tick.Stop()
	for {
		begin, target := time.Now(), s.raft.LastIndex()
		for {
			has, err := s.hasLog(ctx, id, addr, target)
			if err != nil {
				return err
			}
			if has {
				break
			}
			select {
			case <-tick.C:
			case <-ctx.Done():
				return ctx.Err()
			case <-s.closing:
				return ErrClosed
			}
		}
		if time.Since(begin) < s.o.ElectionTimeout {
			return nil
		}
	}
}

// hasLog asks a member, by an empty AppendEntries as the leader sends it anyway,
// whether its log has the same entry at index as the leader's. An unreachable
// member has not.
func (s *Store) hasLog(ctx context.Context, id, addr string, index uint64) (bool, error) {
	term := s.raft.CurrentTerm()
	// Both before and after the look at the state, so that the term is the one
	// in which this node led.
	if !s.IsLeader() || s.raft.CurrentTerm() != term {
		return false, ErrNotLeader
	}
	var last raft.Log
	if err := s.logs.GetLog(index, &last); err != nil {
		return false, fmt.Errorf("entry %d: %w", index, err)
	}
	own := s.trans.EncodePeer(raft.ServerID(s.o.NodeID), s.trans.LocalAddr())
	req := &raft.AppendEntriesRequest{
		RPCHeader: raft.RPCHeader{ProtocolVersion: raft.ProtocolVersionMax, ID: []byte(s.o.NodeID), Addr: own},
		Term:      term, PrevLogEntry: index, PrevLogTerm: last.Term,
	}
	ctx, cancel := context.WithTimeout(ctx, catchUpTimeout)
	defer cancel()
	answer := make(chan bool, 1)
	go func() {
		var resp raft.AppendEntriesResponse
		err := s.trans.AppendEntries(raft.ServerID(id), raft.ServerAddress(addr), req, &resp)
		answer <- err == nil && resp.Success
	}()
	select {
	case ok := <-answer:
		return ok, nil
	case <-ctx.Done():
		return false, nil // the caller looks at its own context
	case <-s.closing:
		return false, ErrClosed
	}
}

// Remove takes a member out of the group. It must be called on the leader;
// removing the leader itself makes it step down. The removed node goes on serving
// what it has until it is closed; it may join again, with or without its folder.
func (s *Store) Remove(ctx context.Context, id string) error {
	if _, err := s.member(id); err != nil {
		return err
	}
	err := s.await(ctx, func() error { return s.raft.RemoveServer(raft.ServerID(id), 0, 0).Error() })
	if err != nil {
		return fmt.Errorf("raftstore: removal of %q: %w", id, err)
	}
	return nil
}

// TransferLeadership makes the member id the leader, or any voter that is up to
// date if id is empty. It must be called on the leader. While it goes on
// commands are answered by ErrNotLeader.
func (s *Store) TransferLeadership(ctx context.Context, id string) error {
	if id == s.o.NodeID {
		return s.Verify(ctx)
	}
	transfer := func() error { return s.raft.LeadershipTransfer().Error() }
	if id != "" {
		m, err := s.member(id)
		if err != nil {
			return err
		}
		if !m.Voter {
			return fmt.Errorf("raftstore: member %q is not a voter: join it first", id)
		}
		transfer = func() error {
			return s.raft.LeadershipTransferToServer(raft.ServerID(m.ID), raft.ServerAddress(m.Addr)).Error()
		}
	}
	if !s.IsLeader() {
		return ErrNotLeader
	}
	if err := s.await(ctx, transfer); err != nil {
		return fmt.Errorf("raftstore: leadership transfer: %w", err)
	}
	return nil
}

func (s *Store) member(id string) (Member, error) {
	members, err := s.Members()
	if err != nil {
		return Member{}, err
	}
	for _, m := range members {
		if m.ID == id {
			return m, nil
		}
	}
	return Member{}, fmt.Errorf("%w: %q", ErrUnknownMember, id)
}
