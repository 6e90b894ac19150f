package raftstore

import "errors"

var (
	// ErrBusy is returned when the bounded queue of commands is full. Nothing
	// was queued: the caller may try again later, or tell its client to.
	ErrBusy = errors.New("raftstore: queue full")

	// ErrNotLeader is returned when this node does not lead the group. The
	// command was certainly not committed by this call.
	ErrNotLeader = errors.New("raftstore: not the leader")

	// ErrDiskFull is returned while free disk space is below
	// Options.MinFreeBytes. Reads keep working and writes resume by themselves.
	ErrDiskFull = errors.New("raftstore: disk full, writes refused")

	// ErrClosed is returned once Close was called or the node has failed (see
	// Store.Failed).
	ErrClosed = errors.New("raftstore: closed")

	// ErrTooLarge is returned for a command that does not fit one entry of
	// Options.MaxEntryBytes.
	ErrTooLarge = errors.New("raftstore: command too large")

	// ErrUncertain is returned when a command was handed to Raft and its outcome
	// is not known (leadership lost, node closing, context over): it may or may
	// not be committed. Submit it again with the same idempotency key.
	ErrUncertain = errors.New("raftstore: outcome uncertain")

	// ErrLostState is returned by Open when a part of the node's data that must
	// be there is missing or older than the rest: starting would lose
	// acknowledged commands or let the node vote twice.
	ErrLostState = errors.New("raftstore: part of the data folder is lost")

	// ErrForeignState is returned by Open when parts of the folder belong to
	// another node or cluster.
	ErrForeignState = errors.New("raftstore: data folder belongs to another node or cluster")

	// ErrInUse is returned by Open when another process has the folder open.
	ErrInUse = errors.New("raftstore: data folder in use by another process")

	// ErrCorrupt is returned when stored or received bytes fail their checksum
	// or do not parse.
	ErrCorrupt = errors.New("raftstore: corrupt data")

	// ErrReservedKey is returned for a key or bound outside the range a machine
	// may use: keys are not empty and begin with a byte from 0x01 to 0xfe.
	ErrReservedKey = errors.New("raftstore: reserved key")

	// ErrUnknownMember is returned when no member has the given id.
	ErrUnknownMember = errors.New("raftstore: no such member")
)
