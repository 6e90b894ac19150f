package raftstore

import (
	"fmt"
	"io"
	"os"
	"path/filepath"
	"sync/atomic"
	"time"

	"github.com/hashicorp/raft"
)

// fsm puts committed entries into the state. Raft calls it from one goroutine,
// which owns every field that is not atomic; Persist and Release of its
// snapshots run elsewhere.
type fsm struct {
	s       *Store
	machine Machine
	db      *stateDB // the same as the store's, which Views use
	gen     uint64   // generation of db
	tx      Tx
	cmds    [][]byte // scratch
	spans   []int    // scratch: end in cmds of each entry
	cluster string   // as the log told; empty until then
	broken  bool     // nothing is applied any more
	seen    uint64   // newest entry that Raft has passed on since the start

	applied, term atomic.Uint64 // newest entry in the state; written here only

	// Log since the last snapshot; the snapshotter resets them.
	logBytes, logEntries atomic.Uint64
	// installs counts streamed installs since an entry was last applied.
	installs int
	ckpt     uint64 // number of the next checkpoint folder
}

// entryFixed is what an entry costs in the log beside its data, about.
const entryFixed = 64

// maxIdleCommands bounds the scratch kept after a large batch (1.5 MiB).
const maxIdleCommands = 64 << 10

var _ raft.BatchingFSM = (*fsm)(nil)

// Apply implements raft.FSM; Raft prefers ApplyBatch.
func (f *fsm) Apply(l *raft.Log) any { return f.ApplyBatch([]*raft.Log{l})[0] }

// ApplyBatch implements raft.BatchingFSM. Every entry of the batch gets into the
// state, or none does and the node stops.
func (f *fsm) ApplyBatch(logs []*raft.Log) []any {
	out := make([]any, len(logs))
	err := f.apply(logs, out)
	if err != nil {
		f.broken = true
		f.tx.abort()
		f.s.fail(fmt.Errorf("raftstore: apply of entries %d to %d: %w", logs[0].Index, logs[len(logs)-1].Index, err))
		for i := range out {
			out[i] = applyFailure{err}
		}
	}
	return out
}

func (f *fsm) apply(logs []*raft.Log, out []any) error {
	if f.broken {
		return ErrClosed
	}
	applied, term := f.applied.Load(), f.term.Load()
	f.cmds, f.spans = f.cmds[:0], f.spans[:0]
	f.seen = logs[len(logs)-1].Index
	cluster := ""
	for _, l := range logs {
		f.logBytes.Add(uint64(len(l.Data)) + entryFixed)
		f.logEntries.Add(1)
		if l.Index > applied { // else a replay of what the state already has
			applied, term = l.Index, l.Term
			if l.Type == raft.LogCommand {
				kind, body, err := openEntry(l.Data)
				if err != nil {
					return err
				}
				switch kind {
				case entryCommands:
					if f.cmds, err = decodeCommands(f.cmds, body); err != nil {
						return err
					}
				case entryCluster:
					cluster = string(body)
				default:
					return fmt.Errorf("%w: log entry of kind %d", ErrCorrupt, kind)
				}
			}
		}
		f.spans = append(f.spans, len(f.cmds))
	}
	f.askSnapshot()
	if applied == f.applied.Load() {
		return nil
	}

	start := time.Now()
	f.tx.begin(f.db.DB, applied)
	if cluster != "" {
		if err := f.learnCluster(cluster); err != nil {
			return err
		}
	}
	results := make([]any, len(f.cmds)) // kept by completions and OnApplied
	if len(f.cmds) > 0 {
		if err := f.machine.Apply(&f.tx, f.cmds, results); err != nil {
			return err
		}
	}
	if err := f.tx.setUint128(keyApplied, applied, term); err != nil {
		return err
	}
	if err := f.tx.commit(); err != nil {
		return err
	}
	f.applied.Store(applied)
	f.term.Store(term)
	f.installs = 0
	f.s.m.installStreak.Set(0)

	from := 0
	for i, to := range f.spans {
		if to > from {
			out[i] = entryResults(results[from:to:to])
		}
		from = to
	}
	f.s.m.commands.Add(float64(len(results)))
	f.s.m.applyBatch.Observe(float64(len(results)))
	f.s.m.applySeconds.Observe(time.Since(start).Seconds())
	clear(f.cmds)
	if cap(f.cmds) > maxIdleCommands {
		f.cmds = nil
	}
	if len(results) > 0 {
		f.s.deliver(results)
	}
	return nil
}

// learnCluster records the cluster's id, which every member gets from the log.
func (f *fsm) learnCluster(cluster string) error {
	if err := f.s.adoptCluster(cluster); err != nil {
		return err
	}
	f.cluster = cluster
	dst, err := f.tx.set(keyCluster, len(cluster))
	if err != nil {
		return err
	}
	copy(dst, cluster)
	return nil
}

// askSnapshot wakes the snapshotter when the log has grown enough.
func (f *fsm) askSnapshot() {
	if f.logBytes.Load() >= f.s.o.SnapshotBytes || f.logEntries.Load() >= f.s.o.SnapshotEntries {
		select {
		case f.s.snapWanted <- struct{}{}:
		default:
		}
	}
}

// Snapshot implements raft.FSM. Applying waits for it, so it only flushes what
// the snapshotter's own flush just before left over, and links files.
func (f *fsm) Snapshot() (raft.FSMSnapshot, error) {
	if f.broken {
		return nil, ErrClosed
	}
	if f.seen < f.applied.Load() {
		// After a start Raft replays what the state has already. Its idea of where
		// the snapshot ends would be behind what the snapshot holds.
		return nil, fmt.Errorf("raftstore: snapshot: the log is replayed up to entry %d of %d", f.seen, f.applied.Load())
	}
	start := time.Now()
	if err := f.s.flush(f.db.DB); err != nil {
		return nil, fmt.Errorf("raftstore: snapshot: flush: %w", err)
	}
	dir := filepath.Join(f.s.snaps.root, fmt.Sprintf("%scheckpoint-%d", tmpPrefix, f.ckpt))
	f.ckpt++
	if err := f.db.Checkpoint(dir); err != nil {
		return nil, fmt.Errorf("raftstore: snapshot: checkpoint: %w", err)
	}
	f.s.m.snapshotPause.Observe(time.Since(start).Seconds())
	return &fsmSnapshot{
		dir: dir, applied: f.applied.Load(), cluster: f.cluster,
		bytes: f.logBytes.Load(), entries: f.logEntries.Load(), fsm: f,
	}, nil
}

// fsmSnapshot is a checkpoint on its way into the snapshot store.
type fsmSnapshot struct {
	dir            string
	applied        uint64
	cluster        string
	bytes, entries uint64 // log counted when it was taken
	fsm            *fsm
}

// Persist implements raft.FSMSnapshot.
func (p *fsmSnapshot) Persist(sink raft.SnapshotSink) error {
	k, ok := sink.(*snapSink)
	if !ok {
		return fmt.Errorf("raftstore: snapshot sink is a %T", sink)
	}
	if err := k.adopt(p.dir, p.applied, p.cluster); err != nil {
		return err
	}
	if err := k.Close(); err != nil {
		return err
	}
	p.fsm.logBytes.Add(-p.bytes)
	p.fsm.logEntries.Add(-p.entries)
	return nil
}

// Release implements raft.FSMSnapshot.
func (p *fsmSnapshot) Release() {
	if err := os.RemoveAll(p.dir); err != nil { // gone already if adopted
		p.fsm.s.log.Error("raftstore: checkpoint not removed", "err", err)
	}
}

// Restore implements raft.FSM: a streamed install, already verified and durable
// in the snapshot store. It runs in the apply goroutine.
func (f *fsm) Restore(rc io.ReadCloser) error {
	r := unwrapSnapshot(rc)
	if r == nil {
		return fmt.Errorf("raftstore: restore from a %T", rc)
	}
	if f.broken {
		return ErrClosed
	}
	f.s.drainDelivery()
	if err := f.restore(r.meta); err != nil {
		// Nothing was swapped: the old state is whole, and the leader tries again.
		f.s.log.Error("raftstore: snapshot not installed", "id", r.meta.ID, "err", err)
		return err
	}
	f.installs++
	f.s.m.restores.WithLabelValues("install").Inc()
	f.s.m.installStreak.Set(float64(f.installs))
	f.s.log.Info("raftstore: snapshot installed", "id", r.meta.ID, "applied", r.meta.Applied)
	if f.installs > 1 {
		f.s.log.Warn("raftstore: snapshots are installed again and again without progress; "+
			"if this goes on, remove this member and let it join empty", "installs", f.installs)
	}
	if err := f.reset(); err != nil {
		f.broken = true
		f.s.fail(err)
		return err
	}
	return nil
}

// restore replaces the state by a snapshot's. Until the last step the old one
// stays in use, and a crash at any point leaves one of the two.
func (f *fsm) restore(m snapMeta) error {
	if m.Cluster != "" {
		if err := f.s.adoptCluster(m.Cluster); err != nil {
			return err
		}
	}
	db, err := f.s.env.fromSnapshot(f.s.snaps.dataDir(m.ID), f.gen+1, m, f.s.identity())
	if err != nil {
		return err
	}
	f.gen++
	f.seen = m.Index
	f.use(db, m.Applied, 0, m.Cluster)
	f.s.swap(db)
	f.logBytes.Store(0)
	f.logEntries.Store(0)
	return nil
}

// use makes db the state.
func (f *fsm) use(db *stateDB, applied, term uint64, cluster string) {
	f.db, f.cluster = db, cluster
	f.applied.Store(applied)
	f.term.Store(term)
}

// reset makes the machine load from the state.
func (f *fsm) reset() error {
	v := f.s.View()
	defer v.Close()
	if err := f.machine.Reset(v); err != nil {
		return fmt.Errorf("raftstore: machine reset: %w", err)
	}
	return nil
}

// fromSnapshot makes generation gen of a snapshot's data and opens it.
func (e *stateEnv) fromSnapshot(data string, gen uint64, m snapMeta, id identity) (*stateDB, error) {
	err := e.create(gen, id, func(tmp string) error { return linkState(data, tmp) })
	if err != nil {
		return nil, fmt.Errorf("raftstore: restore of snapshot %s: %w", m.ID, err)
	}
	db, err := e.open(e.path(gen), false)
	if err != nil {
		return nil, fmt.Errorf("raftstore: restored state: %w", err)
	}
	in, err := readStateInfo(db)
	if err == nil && (in.applied != m.Applied || in.cluster != m.Cluster) {
		err = fmt.Errorf("%w: snapshot %s holds entry %d of cluster %q, its meta says %d of %q",
			ErrCorrupt, m.ID, in.applied, in.cluster, m.Applied, m.Cluster)
	}
	if err != nil {
		_ = db.Close()
		_ = os.RemoveAll(e.path(gen))
		return nil, err
	}
	return newStateDB(db, e.path(gen)), nil
}

// unwrapSnapshot finds our reader under Raft's progress counters.
func unwrapSnapshot(rc io.ReadCloser) *snapReader {
	for {
		switch r := rc.(type) {
		case *snapReader:
			return r
		case raft.ReadCloserWrapper:
			rc = r.WrappedReadCloser()
		default:
			return nil
		}
	}
}
