package raftstore

import (
	"errors"
	"fmt"
	"log/slog"
	"os"
	"strings"
	"time"

	"github.com/hashicorp/raft"
	"github.com/prometheus/client_golang/prometheus"
)

// Defaults, each with its reason.
const (
	// DefaultMaxEntryBytes: at 256 KiB packing has paid off (facts: 4x on one
	// node) and one entry still replicates in about a millisecond.
	DefaultMaxEntryBytes = 256 << 10
	// DefaultInFlight: two entries keep the log busy while the other applies;
	// more only makes entries smaller.
	DefaultInFlight = 2
	// DefaultQueueBytes bounds commands waiting for their entry: about 0.3 s of
	// 200-byte commands at full speed.
	DefaultQueueBytes = 8 << 20
	// DefaultSnapshotBytes bounds the log (and so replay after a crash).
	DefaultSnapshotBytes = 128 << 20
	// DefaultSnapshotEntries bounds the log when entries are small: replay and
	// deletion cost is per entry there.
	DefaultSnapshotEntries = 64 << 10
	// DefaultTrailingBytes stays in the log behind a snapshot, so that a follower
	// that was away briefly needs no streamed install.
	DefaultTrailingBytes = 32 << 20
	// DefaultMinFreeBytes leaves room for flushes, compactions and the log of
	// what was already accepted.
	DefaultMinFreeBytes = 256 << 20
	// DefaultBallastBytes is enough for Raft's term and vote, a manifest and a
	// few entries when another program has filled the disk.
	DefaultBallastBytes = 32 << 20
	// DefaultCacheBytes is Pebble's block cache.
	DefaultCacheBytes = 64 << 20
	// DefaultMemTableBytes is Pebble's write buffer; up to four may wait for
	// their flush.
	DefaultMemTableBytes = 32 << 20
	// DefaultElectionTimeout is hashicorp/raft's default for a local network.
	DefaultElectionTimeout = time.Second
	// loneElectionTimeout: with the in-memory transport there is nobody to wait
	// for.
	loneElectionTimeout = 50 * time.Millisecond
	// DefaultFreeSpacePeriod is how often free space is looked at.
	DefaultFreeSpacePeriod = time.Second

	minEntryBytes = 4 << 10
	maxEntryBytes = 16 << 20
)

// Options configure a Store. Dir, NodeID and Machine are required; every other
// zero value means its default.
type Options struct {
	// Dir holds everything the node stores. It belongs to one process.
	Dir string
	// NodeID is the member's name in the group, at most 255 bytes; it never
	// changes for a Dir.
	NodeID string
	// Machine is the state machine.
	Machine Machine
	// Bootstrap creates a new cluster of this one node if Dir is empty. Without
	// it an empty Dir waits to be joined to a cluster. Ignored once Dir is in use.
	Bootstrap bool
	// RebuildState throws a missing or damaged state folder away and rebuilds it
	// from the newest local snapshot and the log, if those are complete. Use it
	// for one start, after reading an ErrLostState message that offers it.
	RebuildState bool

	// Bind is the TCP address to listen on for other members, "host:port".
	// Without Bind, StreamLayer and Transport the node is alone.
	Bind string
	// Advertise is the address the others dial; empty means the bound one.
	Advertise string
	// StreamLayer replaces plain TCP, for example by mutual TLS.
	StreamLayer raft.StreamLayer
	// Transport replaces the whole transport, which then has to keep other
	// clusters out (compare memberLayer). The store closes it if it has a Close
	// method.
	Transport raft.Transport

	// OnApplied is called on every node, in order, with the results of each batch
	// after it is in the state. After a restart the last results may come again.
	// It runs on its own goroutine, fed by a bounded channel: while it blocks,
	// applying stops. It must not wait for a Completion.
	OnApplied func(results []any)

	Logger     *slog.Logger          // nil discards
	Registerer prometheus.Registerer // nil does not register

	MaxEntryBytes   int    // most bytes of one Raft entry
	InFlight        int    // most entries handed to Raft and not yet applied
	QueueBytes      int    // most bytes of commands waiting for an entry
	SnapshotBytes   uint64 // snapshot after this many bytes of log
	SnapshotEntries uint64 // or after this many entries
	TrailingBytes   uint64 // log kept behind a snapshot, about
	CacheBytes      int64  // Pebble block cache
	MemTableBytes   uint64 // Pebble write buffer

	// MinFreeBytes: below this, Submit refuses with ErrDiskFull until free space
	// is a quarter above it again.
	MinFreeBytes uint64
	// BallastBytes is the size of a file given back to a full disk so that Raft
	// can still record its term and vote. Negative means none.
	BallastBytes int64
	// FreeSpace reports bytes free for this process on the disk of dir; nil means
	// statfs.
	FreeSpace func(dir string) (uint64, error)
	// FreeSpacePeriod is how often FreeSpace is called.
	FreeSpacePeriod time.Duration

	// ElectionTimeout is Raft's heartbeat and election timeout: silence of this
	// length starts an election.
	ElectionTimeout time.Duration

	// Exit ends the process when the state engine cannot go on (its manifest
	// cannot be written); nil means os.Exit. It must not return.
	Exit func(code int)
}

// withDefaults returns o with every zero value replaced, or what is wrong.
func (o Options) withDefaults() (Options, error) {
	switch {
	case o.Dir == "":
		return o, errors.New("raftstore: Options.Dir is empty")
	case o.NodeID == "":
		return o, errors.New("raftstore: Options.NodeID is empty")
	case len(o.NodeID) > maxNodeID || strings.Contains(o.NodeID, "\x00"):
		return o, fmt.Errorf("raftstore: Options.NodeID is longer than %d bytes or has a zero byte", maxNodeID)
	case o.Machine == nil:
		return o, errors.New("raftstore: Options.Machine is nil")
	}
	def(&o.MaxEntryBytes, DefaultMaxEntryBytes)
	def(&o.InFlight, DefaultInFlight)
	def(&o.QueueBytes, DefaultQueueBytes)
	def(&o.SnapshotBytes, DefaultSnapshotBytes)
	def(&o.SnapshotEntries, DefaultSnapshotEntries)
	def(&o.TrailingBytes, DefaultTrailingBytes)
	def(&o.CacheBytes, DefaultCacheBytes)
	def(&o.MemTableBytes, DefaultMemTableBytes)
	def(&o.MinFreeBytes, DefaultMinFreeBytes)
	def(&o.BallastBytes, DefaultBallastBytes)
	def(&o.FreeSpacePeriod, DefaultFreeSpacePeriod)
	if o.alone() {
		def(&o.ElectionTimeout, loneElectionTimeout)
	}
	def(&o.ElectionTimeout, DefaultElectionTimeout)
	if o.FreeSpace == nil {
		o.FreeSpace = statfsFree
	}
	if o.Logger == nil {
		o.Logger = slog.New(slog.DiscardHandler)
	}
	if o.Exit == nil {
		o.Exit = os.Exit
	}
	if o.MaxEntryBytes < minEntryBytes || o.MaxEntryBytes > maxEntryBytes {
		return o, fmt.Errorf("raftstore: MaxEntryBytes %d is outside %d to %d", o.MaxEntryBytes, minEntryBytes, maxEntryBytes)
	}
	if o.QueueBytes < o.MaxEntryBytes {
		return o, fmt.Errorf("raftstore: QueueBytes %d is less than MaxEntryBytes %d", o.QueueBytes, o.MaxEntryBytes)
	}
	if o.InFlight < 1 {
		return o, fmt.Errorf("raftstore: InFlight %d is less than 1", o.InFlight)
	}
	return o, nil
}

// alone reports whether the node has no way to reach others.
func (o *Options) alone() bool {
	return o.Bind == "" && o.StreamLayer == nil && o.Transport == nil
}

func def[T comparable](v *T, d T) {
	var zero T
	if *v == zero {
		*v = d
	}
}
