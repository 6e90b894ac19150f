package raftstore

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"github.com/cockroachdb/pebble/v2"
	"github.com/cockroachdb/pebble/v2/bloom"
	"github.com/cockroachdb/pebble/v2/vfs"
)

// Keys of the store itself, below minUserByte. Changing these breaks
// compatibility with stored states.
var (
	keyApplied = []byte("\x00applied")  // index and term of the newest entry in the state
	keyCluster = []byte("\x00cluster")  // the cluster's id, by the log; same on every member
	keyOwner   = []byte("\x00identity") // the node's identity; not replicated
)

const (
	// stateFormat is pinned, so that a newer Pebble does not make the data
	// unreadable for the binary that an update may have to go back to.
	stateFormat = pebble.FormatValueSeparation
	// memTablesWaiting: with the flushes behind by this many, applying stops.
	memTablesWaiting = 4
	// stateMaxOpenFiles leaves descriptors for connections.
	stateMaxOpenFiles = 512
	// bloomBits per key: 1 % false positives.
	bloomBits = 10
	// generationDigits of a state folder's name.
	generationDigits = 8
)

// stateEnv is what opening a state needs.
type stateEnv struct {
	root       string // the folder of the generations
	cache      int64
	memTable   uint64
	fs         vfs.FS
	logger     pebble.Logger
	background func(error) // told of failed flushes and compactions
}

func newStateEnv(o *Options, ballast *ballast, closing <-chan struct{}, fatal func(error), background func(error)) *stateEnv {
	fs := &patientFS{FS: vfs.Default, closing: closing, release: ballast.release}
	return &stateEnv{
		root: filepath.Join(o.Dir, stateRoot), cache: o.CacheBytes, memTable: o.MemTableBytes,
		fs:         vfs.OnDiskFull(fs, func() { ballast.release() }),
		logger:     pebbleLogger{o.Logger, fatal},
		background: background,
	}
}

// open opens the database in dir; it must exist unless create is set.
func (e *stateEnv) open(dir string, create bool) (*pebble.DB, error) {
	// Pebble takes its memtables out of the cache's size.
	cache := pebble.NewCache(e.cache + memTablesWaiting*int64(e.memTable))
	defer cache.Unref()
	o := &pebble.Options{
		FS:                          e.fs,
		DisableWAL:                  true, // the Raft log is the durability
		Cache:                       cache,
		MemTableSize:                e.memTable,
		MemTableStopWritesThreshold: memTablesWaiting,
		L0CompactionThreshold:       4,
		L0StopWritesThreshold:       24,
		MaxOpenFiles:                stateMaxOpenFiles,
		FormatMajorVersion:          stateFormat,
		CompactionConcurrencyRange:  func() (int, int) { return 1, 2 },
		Logger:                      e.logger,
		ErrorIfNotExists:            !create,
		EventListener: &pebble.EventListener{
			BackgroundError: e.background,
		},
	}
	for i := range o.Levels {
		o.Levels[i].FilterPolicy = bloom.FilterPolicy(bloomBits)
	}
	return pebble.Open(dir, o)
}

// generations lists the complete state folders, oldest first.
func (e *stateEnv) generations() ([]uint64, error) {
	names, err := os.ReadDir(e.root)
	if errors.Is(err, os.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	var gens []uint64
	for _, n := range names {
		if len(n.Name()) != generationDigits {
			continue
		}
		if g, err := strconv.ParseUint(n.Name(), 10, 64); err == nil {
			gens = append(gens, g)
		}
	}
	return gens, nil // ReadDir sorts by name, and names have one length
}

func (e *stateEnv) path(gen uint64) string {
	return filepath.Join(e.root, fmt.Sprintf("%0*d", generationDigits, gen))
}

// create makes generation gen, in full or not at all: fill gets a temporary
// folder (existing and empty) and what it leaves there becomes the generation,
// owned by id.
func (e *stateEnv) create(gen uint64, id identity, fill func(tmp string) error) error {
	if err := os.MkdirAll(e.root, 0o700); err != nil {
		return err
	}
	tmp := filepath.Join(e.root, tmpPrefix+strconv.FormatUint(gen, 10))
	if err := os.RemoveAll(tmp); err != nil {
		return err
	}
	if err := os.Mkdir(tmp, 0o700); err != nil {
		return err
	}
	if err := fill(tmp); err != nil {
		return err
	}
	db, err := e.open(tmp, true)
	if err != nil {
		return err
	}
	id.Phase = ""
	err = db.Set(keyOwner, id.encode(), pebble.NoSync)
	if err == nil {
		err = db.Flush()
	}
	if err = errors.Join(err, db.Close()); err != nil {
		return err
	}
	if err := syncDir(tmp); err != nil {
		return err
	}
	if err := renameDurably(tmp, e.path(gen)); err != nil {
		return err
	}
	return syncDir(filepath.Dir(e.root))
}

// createEmpty makes generation gen with nothing applied.
func (e *stateEnv) createEmpty(gen uint64, id identity) error {
	return e.create(gen, id, func(string) error { return nil })
}

// stateInfo is what a state says about itself.
type stateInfo struct {
	applied, term uint64
	cluster       string // empty until the log told
	owner         identity
	hasOwner      bool
}

func readStateInfo(db *pebble.DB) (in stateInfo, err error) {
	v, ok, err := get(db, nil, keyApplied)
	if err != nil {
		return in, err
	}
	if ok {
		if len(v) != 16 {
			return in, fmt.Errorf("%w: applied index of %d bytes", ErrCorrupt, len(v))
		}
		in.applied, in.term = binary.BigEndian.Uint64(v), binary.BigEndian.Uint64(v[8:])
	}
	if v, _, err = get(db, nil, keyCluster); err != nil {
		return in, err
	}
	in.cluster = string(v)
	if v, in.hasOwner, err = get(db, nil, keyOwner); err != nil || !in.hasOwner {
		return in, err
	}
	in.owner, err = decodeIdentity(v)
	return in, err
}

// linkState fills tmp with the database of a snapshot. Tables never change, so
// they are linked; the small rest is copied.
func linkState(from, tmp string) error {
	names, err := os.ReadDir(from)
	if err != nil {
		return err
	}
	for _, n := range names {
		src, dst := filepath.Join(from, n.Name()), filepath.Join(tmp, n.Name())
		if immutable(n.Name()) {
			err = os.Link(src, dst)
		} else {
			err = copyFile(src, dst)
		}
		if err != nil {
			return err
		}
	}
	return syncDir(tmp)
}

// immutable reports whether Pebble never writes to a file of this name again.
func immutable(name string) bool {
	return strings.HasSuffix(name, ".sst") || strings.HasSuffix(name, ".blob")
}

// pebbleLogger gives Pebble's messages to slog.
type pebbleLogger struct {
	log   *slog.Logger
	fatal func(error)
}

func (l pebbleLogger) Infof(format string, args ...any) {
	l.log.Debug("pebble: " + fmt.Sprintf(format, args...))
}

func (l pebbleLogger) Errorf(format string, args ...any) {
	l.log.Error("pebble: " + fmt.Sprintf(format, args...))
}

// Fatalf must not return: Pebble's own state would be wrong.
func (l pebbleLogger) Fatalf(format string, args ...any) {
	l.fatal(fmt.Errorf("pebble: "+format, args...))
}

// patientFS makes writes of Pebble's manifest wait for room on a full disk:
// Pebble ends the process when one fails. Tables may fail: Pebble tries again.
type patientFS struct {
	vfs.FS
	closing <-chan struct{}
	release func() bool
}

// categoryManifest is Pebble's name for manifest writes.
const categoryManifest = "pebble-manifest"

// Create implements vfs.FS.
func (p *patientFS) Create(name string, c vfs.DiskWriteCategory) (vfs.File, error) {
	f, err := p.FS.Create(name, c)
	if err != nil || c != categoryManifest {
		return f, err
	}
	return &patientFile{f, p}, nil
}

// Unwrap implements vfs.FS.
func (p *patientFS) Unwrap() vfs.FS { return p.FS }

type patientFile struct {
	vfs.File
	fs *patientFS
}

// Write implements io.Writer.
func (f *patientFile) Write(b []byte) (n int, err error) {
	for {
		w, err := f.File.Write(b[n:])
		n += w
		if n == len(b) && err == nil {
			return n, nil
		}
		if err == nil {
			return n, io.ErrShortWrite
		}
		if !isDiskFull(err) {
			return n, err
		}
		f.fs.release()
		select {
		case <-time.After(diskRetry):
		case <-f.fs.closing:
			return n, err
		}
	}
}
