package raftstore

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"path/filepath"
	"sort"
	"sync"

	"github.com/hashicorp/raft"
)

const (
	// snapshotsKept: the newest, and one before it in case the newest cannot be
	// read. Each keeps the tables it links alive on the disk.
	snapshotsKept = 2

	snapDataName  = "data" // the database's files
	snapMetaName  = "META"
	snapMetaVer   = 1
	snapIDPattern = "%020d-%020d-%06d" // index, term, number: sorts by age
)

// snapMeta is the content of a snapshot's META file.
type snapMeta struct {
	Version     int                  `json:"version"`
	ID          string               `json:"id"`
	Index       uint64               `json:"index"`
	Term        uint64               `json:"term"`
	RaftVersion raft.SnapshotVersion `json:"raft_version"`
	Config      []byte               `json:"config"` // raft.EncodeConfiguration
	ConfigIndex uint64               `json:"config_index"`
	Size        int64                `json:"size"`    // of the stream
	Applied     uint64               `json:"applied"` // what the state says; Index counts entries that never reach it
	Cluster     string               `json:"cluster"`
	// Streamed: it came from the leader, so the log need not reach it.
	Streamed bool `json:"streamed,omitempty"`
}

func (m *snapMeta) raft() *raft.SnapshotMeta {
	return &raft.SnapshotMeta{
		Version: m.RaftVersion, ID: m.ID, Index: m.Index, Term: m.Term,
		Configuration: raft.DecodeConfiguration(m.Config), ConfigurationIndex: m.ConfigIndex, Size: m.Size,
	}
}

// snapStore keeps snapshots as folders: a META file and the files of a Pebble
// checkpoint. A local snapshot is adopted by renaming, never copied; a remote one
// is streamed into a temporary folder, verified, and renamed.
type snapStore struct {
	root string
	log  *slog.Logger
	// accept refuses the snapshots of a foreign cluster; set before use.
	accept func(cluster string) error

	mu      sync.Mutex
	metas   []snapMeta     // newest first; guarded by mu
	readers map[string]int // snapshots being read; guarded by mu
	num     int            // of the next id; guarded by mu
}

// openSnapStore lists what is there and removes what a crash left unfinished.
func openSnapStore(dir string, log *slog.Logger, accept func(cluster string) error) (*snapStore, error) {
	s := &snapStore{root: filepath.Join(dir, snapRoot), log: log, accept: accept, readers: map[string]int{}}
	if err := os.MkdirAll(s.root, 0o700); err != nil {
		return nil, err
	}
	if err := removeTemps(s.root); err != nil {
		return nil, err
	}
	names, err := os.ReadDir(s.root)
	if err != nil {
		return nil, err
	}
	for _, n := range names {
		var index, term uint64
		var num int
		if c, _ := fmt.Sscanf(n.Name(), "%d-%d-%d", &index, &term, &num); c != 3 {
			continue
		}
		s.num = max(s.num, num+1)
		m, err := readSnapMeta(filepath.Join(s.root, n.Name()))
		if err != nil {
			// Raft falls back to an older one, or Open finds the log too short.
			log.Error("raftstore: snapshot ignored", "id", n.Name(), "err", err)
			continue
		}
		s.metas = append(s.metas, m)
	}
	s.sort()
	return s, nil
}

func readSnapMeta(dir string) (m snapMeta, err error) {
	b, err := os.ReadFile(filepath.Join(dir, snapMetaName))
	if err != nil {
		return m, err
	}
	if err := json.Unmarshal(b, &m); err != nil {
		return m, fmt.Errorf("%w: snapshot meta: %w", ErrCorrupt, err)
	}
	if m.Version != snapMetaVer || m.ID != filepath.Base(dir) || m.Index == 0 {
		return m, fmt.Errorf("%w: snapshot meta of version %d, id %q", ErrCorrupt, m.Version, m.ID)
	}
	h, err := headerOf(filepath.Join(dir, snapDataName), m.Applied, m.Cluster)
	if err != nil {
		return m, err
	}
	if _, size, err := h.encode(); err != nil || size != m.Size {
		return m, errors.Join(err, fmt.Errorf("%w: snapshot of %d bytes should have %d", ErrCorrupt, size, m.Size))
	}
	return m, nil
}

func (s *snapStore) sort() {
	sort.Slice(s.metas, func(i, j int) bool {
		a, b := &s.metas[i], &s.metas[j]
		if a.Index != b.Index {
			return a.Index > b.Index
		}
		if a.Term != b.Term {
			return a.Term > b.Term
		}
		return a.ID > b.ID
	})
}

// newest returns the newest snapshot, if any.
func (s *snapStore) newest() (m snapMeta, ok bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if len(s.metas) == 0 {
		return m, false
	}
	return s.metas[0], true
}

func (s *snapStore) dataDir(id string) string { return filepath.Join(s.root, id, snapDataName) }

// Create implements raft.SnapshotStore.
func (s *snapStore) Create(version raft.SnapshotVersion, index, term uint64, config raft.Configuration, configIndex uint64, _ raft.Transport) (raft.SnapshotSink, error) {
	s.mu.Lock()
	id := fmt.Sprintf(snapIDPattern, index, term, s.num)
	s.num++
	s.mu.Unlock()
	k := &snapSink{store: s, tmp: filepath.Join(s.root, tmpPrefix+id), meta: snapMeta{
		Version: snapMetaVer, ID: id, Index: index, Term: term, RaftVersion: version,
		Config: raft.EncodeConfiguration(config), ConfigIndex: configIndex,
	}}
	if err := os.Mkdir(k.tmp, 0o700); err != nil {
		return nil, err
	}
	return k, nil
}

// List implements raft.SnapshotStore.
func (s *snapStore) List() ([]*raft.SnapshotMeta, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	var out []*raft.SnapshotMeta
	for i := range s.metas {
		out = append(out, s.metas[i].raft())
	}
	return out, nil
}

// Open implements raft.SnapshotStore. The reader is a *snapReader.
func (s *snapStore) Open(id string) (*raft.SnapshotMeta, io.ReadCloser, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for i := range s.metas {
		m := &s.metas[i]
		if m.ID != id {
			continue
		}
		h, err := headerOf(s.dataDir(id), m.Applied, m.Cluster)
		if err != nil {
			return nil, nil, err
		}
		r, err := newStreamReader(s.dataDir(id), h)
		if err != nil {
			return nil, nil, err
		}
		s.readers[id]++
		return m.raft(), &snapReader{streamReader: r, store: s, meta: *m}, nil
	}
	return nil, nil, fmt.Errorf("raftstore: no snapshot %q", id)
}

// add makes a finished snapshot known and removes those too many.
func (s *snapStore) add(m snapMeta) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.metas = append(s.metas, m)
	s.sort()
	s.reap()
}

// reap removes old snapshots that nobody reads. The caller holds mu.
func (s *snapStore) reap() {
	for i := len(s.metas) - 1; i >= snapshotsKept; i-- {
		id := s.metas[i].ID
		if s.readers[id] > 0 {
			continue
		}
		// Rename first: a half-removed snapshot must not look whole.
		tmp := filepath.Join(s.root, tmpPrefix+"old-"+id)
		err := os.Rename(filepath.Join(s.root, id), tmp)
		if err == nil {
			err = os.RemoveAll(tmp)
		}
		if err != nil {
			s.log.Error("raftstore: old snapshot not removed", "id", id, "err", err)
			continue
		}
		s.metas = append(s.metas[:i], s.metas[i+1:]...)
	}
}

// snapReader streams a snapshot; a local restore takes its folder instead.
type snapReader struct {
	*streamReader
	store *snapStore
	meta  snapMeta
	once  sync.Once
}

// Close implements io.Closer.
func (r *snapReader) Close() error {
	err := r.closeFile()
	r.once.Do(func() {
		r.store.mu.Lock()
		defer r.store.mu.Unlock()
		if r.store.readers[r.meta.ID]--; r.store.readers[r.meta.ID] <= 0 {
			delete(r.store.readers, r.meta.ID)
		}
		r.store.reap()
	})
	return err
}

// snapSink receives one snapshot, by adopt or as a stream by Write.
type snapSink struct {
	store   *snapStore
	tmp     string
	meta    snapMeta
	w       *streamWriter // nil until the first Write
	adopted bool
	ended   bool
}

// ID implements raft.SnapshotSink.
func (k *snapSink) ID() string { return k.meta.ID }

// adopt takes over a local checkpoint.
func (k *snapSink) adopt(dir string, applied uint64, cluster string) error {
	k.meta.Applied, k.meta.Cluster, k.adopted = applied, cluster, true
	return os.Rename(dir, filepath.Join(k.tmp, snapDataName))
}

// Write implements io.Writer.
func (k *snapSink) Write(p []byte) (int, error) {
	if k.w == nil {
		data := filepath.Join(k.tmp, snapDataName)
		if err := os.Mkdir(data, 0o700); err != nil {
			return 0, err
		}
		k.w = newStreamWriter(data)
	}
	return k.w.Write(p)
}

// Cancel implements raft.SnapshotSink.
func (k *snapSink) Cancel() error {
	if k.ended {
		return nil
	}
	k.ended = true
	var err error
	if k.w != nil {
		err = k.w.closeFile()
	}
	return errors.Join(err, os.RemoveAll(k.tmp))
}

// Close implements raft.SnapshotSink: after it the snapshot is whole and
// durable, or gone.
func (k *snapSink) Close() error {
	if k.ended {
		return nil
	}
	err := k.finish()
	if err != nil {
		return errors.Join(err, k.Cancel())
	}
	k.ended = true
	k.store.add(k.meta)
	return nil
}

func (k *snapSink) finish() error {
	switch {
	case k.w != nil:
		h, err := k.w.finish()
		if err != nil {
			return err
		}
		// Refused here, because once it is stored the next start would use it.
		if err := k.store.accept(h.Cluster); err != nil {
			return err
		}
		k.meta.Applied, k.meta.Cluster, k.meta.Streamed = h.Applied, h.Cluster, true
	case !k.adopted:
		return fmt.Errorf("%w: snapshot stream cut short", ErrCorrupt)
	}
	h, err := headerOf(filepath.Join(k.tmp, snapDataName), k.meta.Applied, k.meta.Cluster)
	if err != nil {
		return err
	}
	if _, k.meta.Size, err = h.encode(); err != nil {
		return err
	}
	js, err := json.Marshal(&k.meta)
	if err != nil {
		return err
	}
	if err := writeFileDurably(filepath.Join(k.tmp, snapMetaName), js); err != nil {
		return err
	}
	return renameDurably(k.tmp, filepath.Join(k.store.root, k.meta.ID))
}
