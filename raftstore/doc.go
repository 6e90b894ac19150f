// Package raftstore is a generic replicated store: a log replicated by
// hashicorp/raft, a state in Pebble, and a deterministic Machine between them.
//
// It owns the data folder, the group's membership, the order of commands, their
// durability (a command is acknowledged after a quorum has fsynced it and this
// node has applied it), snapshots, and the decision to refuse writes or to stop.
// It never looks into a command, never reads the clock for a machine, and never
// grows a queue without bound.
//
//	Submit ─▶ open entry ─▶ committer ─▶ raft log ─▶ FSM.ApplyBatch ─▶ Machine.Apply(Tx)
//	 ErrBusy   ≤256 KiB      ≤2 entries   fsync,      one Pebble batch        │
//	 when full               in flight    quorum      + applied index         ▼
//	Done  ◀── completer ◀── waiter ◀───────────────────────────────────── results
//	OnApplied ◀── delivery goroutine ◀── bounded channel (every node) ◀──────┘
//
// DESIGN.md beside this file has the reasons, the layout on disk and the traps.
package raftstore
