package raftstore

import (
	"time"

	"github.com/hashicorp/raft"
)

// Status is what an operator wants to know about a node.
type Status struct {
	NodeID, ClusterID    string // the cluster's id is empty until a joining node has learned it
	State                string // Raft's: Follower, Candidate, Leader, Shutdown
	LeaderID, LeaderAddr string // empty while there is no leader
	Applied              uint64 // newest entry in the state
	Commit               uint64 // newest entry known to be committed
	Last                 uint64 // newest entry in the log
	Term                 uint64
	SnapshotIndex        uint64 // newest entry covered by a snapshot
	DiskFree             uint64 // bytes, when last looked at
	RefusingWrites       bool   // the disk is full
	QueueBytes           int    // commands waiting for their entry
	LastContact          time.Duration
}

// Status describes the node now. LastContact is how long ago a follower heard
// from the leader: 0 for the leader, negative if never.
func (s *Store) Status() Status {
	st := Status{
		NodeID: s.o.NodeID, ClusterID: s.identity().Cluster,
		State:   s.raft.State().String(),
		Applied: s.fsm.applied.Load(), Commit: s.raft.CommitIndex(), Last: s.raft.LastIndex(), Term: s.raft.CurrentTerm(),
		DiskFree: s.diskFree.Load(), RefusingWrites: s.refusing.Load(), QueueBytes: s.queue.size(),
	}
	st.LeaderID, st.LeaderAddr = s.Leader()
	if m, ok := s.snaps.newest(); ok {
		st.SnapshotIndex = m.Index
	}
	if s.raft.State() != raft.Leader {
		st.LastContact = -1
		if t := s.raft.LastContact(); !t.IsZero() {
			st.LastContact = time.Since(t)
		}
	}
	return st
}
