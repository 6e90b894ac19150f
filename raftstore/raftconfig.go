package raftstore

import (
	"fmt"
	"time"

	"github.com/hashicorp/raft"
)

const (
	// maxBatchBytes bounds the entries of one AppendEntries and of one apply
	// batch; hashicorp/raft counts entries, each of at most MaxEntryBytes.
	maxBatchBytes = 8 << 20
	// maxBatchEntries: more than this gains nothing.
	maxBatchEntries = 64
	// never is for what the store does itself.
	never = 365 * 24 * time.Hour
)

// batchEntries is how many entries of the largest size fit maxBatchBytes.
func batchEntries(maxEntry int) int {
	return min(max(maxBatchBytes/maxEntry, 1), maxBatchEntries)
}

func raftConfig(o *Options) *raft.Config {
	c := raft.DefaultConfig()
	c.LocalID = raft.ServerID(o.NodeID)
	c.Logger = &raftLogger{log: o.Logger, name: "raft"}
	c.HeartbeatTimeout = o.ElectionTimeout
	c.ElectionTimeout = o.ElectionTimeout
	c.LeaderLeaseTimeout = o.ElectionTimeout / 2
	c.CommitTimeout = min(c.CommitTimeout, o.ElectionTimeout/4)
	c.MaxAppendEntries = batchEntries(o.MaxEntryBytes)
	// The state carries the applied index, so a snapshot is restored only if it
	// is newer; see Store.loadState.
	c.NoSnapshotRestoreOnStart = true
	// A removed node goes on serving reads and tells so, instead of vanishing.
	c.ShutdownOnRemove = false
	// The snapshotter decides by bytes, not by time and entries.
	c.SnapshotInterval = never
	c.SnapshotThreshold = ^uint64(0)
	c.TrailingLogs = maxTrailingEntries
	c.NoLegacyTelemetry = true
	return c
}

// startRaft starts Raft, which panics on a log that it cannot read.
func startRaft(c *raft.Config, f *fsm, logs raft.LogStore, stable raft.StableStore, snaps raft.SnapshotStore, t raft.Transport) (r *raft.Raft, err error) {
	defer func() {
		if p := recover(); p != nil {
			err = fmt.Errorf("%w: log: %v; %s", ErrCorrupt, p, adviseLost)
		}
	}()
	r, err = raft.NewRaft(c, f, logs, stable, snaps, t)
	if err != nil {
		return nil, fmt.Errorf("raftstore: start of raft: %w", err)
	}
	return r, nil
}
