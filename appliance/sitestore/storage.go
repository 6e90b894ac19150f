package sitestore

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"math/rand/v2"
	"sync"
	"time"

	"github.com/yizhan-im/yizhan/appliance/state"
	"github.com/yizhan-im/yizhan/appliance/wire"
)

var (
	// ErrBadKey is returned for a key or a lock's name that the state machine does
	// not take: see state.ValidStorageKey.
	ErrBadKey = errors.New("not a valid key")

	// ErrTooLarge is returned for a value of more than state.MaxStorageValue bytes.
	ErrTooLarge = errors.New("value too large")

	// ErrFull is returned when a limit of the whole storage is reached.
	ErrFull = errors.New("the site's storage is full")

	// ErrNotHeld is returned by Unlock and RenewLockLease for a lock that this
	// process does not hold.
	ErrNotHeld = errors.New("lock is not held by this process")

	// ErrLockLost is returned by RenewLockLease when the lease was over and another
	// node has taken the lock.
	ErrLockLost = errors.New("lock was lost to another holder")

	// ErrClosed is returned once Close was called.
	ErrClosed = errors.New("the node is stopping")
)

// Proposer is the replicated store (*raftstore.Store).
type Proposer interface {
	Propose(ctx context.Context, cmd []byte) (any, error)
}

// DefaultLease is how long a lock outlives the node that held it. It is renewed
// at a third of that, so two renewals may fail.
const DefaultLease = 30 * time.Second

// Config says what a Storage works on.
type Config struct {
	Store   Proposer
	Queries *state.Queries
	// Node is this node's name within its site. One process at a time runs it.
	Node   string
	Logger *slog.Logger     // nil discards
	Now    func() time.Time // nil is time.Now
	Lease  time.Duration    // of locks; zero is DefaultLease, at most state.MaxStorageLeaseMs
}

// Storage is the site's storage, as one node sees it. Its methods may be called
// from any goroutine.
//
// Keys are paths: parts separated by slashes, without a slash at the ends.
// Folders exist by the files in them. Methods that change something return when
// the change is on disk at a quorum, and when ctx is over; without a deadline in
// ctx they give up after a minute. Errors about a file that does not exist are
// fs.ErrNotExist.
type Storage struct {
	store   Proposer
	queries *state.Queries
	log     *slog.Logger
	now     func() time.Time
	lease   time.Duration
	node    string
	epoch   uint64

	ctx        context.Context // over when Close begins: ends waiting and renewing
	cancel     context.CancelFunc
	last       context.Context // over closeGrace later: ends changes that were under way
	cancelLast context.CancelFunc
	work       sync.WaitGroup // changes and renewals; Add only while not closed

	mu     sync.Mutex
	closed bool              // guarded by mu
	tokens uint64            // the newest given out; guarded by mu
	leases map[string]*lease // by the lock's name; guarded by mu
}

// New makes the Storage of a node's process. Close it before the store.
func New(c Config) *Storage {
	s := &Storage{
		store: c.Store, queries: c.Queries, node: c.Node,
		log: c.Logger, now: c.Now, lease: c.Lease,
		leases: map[string]*lease{},
	}
	if s.log == nil {
		s.log = slog.New(slog.DiscardHandler)
	}
	if s.now == nil {
		s.now = time.Now
	}
	if s.lease <= 0 {
		s.lease = DefaultLease
	}
	s.epoch = rand.Uint64() // a clock may repeat itself on a machine that has none of its own
	s.ctx, s.cancel = context.WithCancel(context.Background())
	s.last, s.cancelLast = context.WithCancel(context.Background())
	return s
}

// closeGrace is how long Close waits for changes that are under way, and for its
// own giving up of locks. What it cannot give up lapses with its lease.
const closeGrace = 2 * time.Second

// Close gives up every lock that this process holds and ends all waiting. Changes
// that are under way may finish; what comes later fails with ErrClosed.
func (s *Storage) Close() {
	s.mu.Lock()
	s.closed = true
	var held []*lease
	for _, l := range s.leases {
		if l.held {
			l.held = false
			held = append(held, l)
		}
	}
	s.mu.Unlock()
	s.cancel()
	defer time.AfterFunc(closeGrace, s.cancelLast).Stop()
	for _, l := range held {
		l.endRenewals()
		s.release(l)
	}
	s.work.Wait()
	s.cancelLast()
}

// Store puts value at key, in place of what is there.
func (s *Storage) Store(ctx context.Context, key string, value []byte) error {
	if !state.ValidStorageKey(key) {
		return pathError("store", key, ErrBadKey)
	}
	if len(value) > state.MaxStorageValue {
		return pathError("store", key, fmt.Errorf("%w: %d bytes, at most %d", ErrTooLarge, len(value), state.MaxStorageValue))
	}
	result, err := s.propose(ctx, &state.StoragePut{Key: key, Value: value})
	if err != nil {
		return pathError("store", key, err)
	}
	return pathError("store", key, codeError(result.(*state.StorageResult).Code))
}

// Load returns the value at key.
func (s *Storage) Load(ctx context.Context, key string) ([]byte, error) {
	if err := ctx.Err(); err != nil {
		return nil, pathError("load", key, err)
	}
	value, err := s.queries.StorageLoad(key)
	return value, pathError("load", key, err)
}

// Delete removes the file key and everything in the folder key. It is no error
// when there is neither. A folder of more than state.MaxStorageDelete files goes
// in several steps, which others may see.
func (s *Storage) Delete(ctx context.Context, key string) error {
	if !state.ValidStorageKey(key) {
		return pathError("delete", key, ErrBadKey)
	}
	for {
		answer, err := s.propose(ctx, &state.StorageDelete{Key: key})
		if err != nil {
			return pathError("delete", key, err)
		}
		result := answer.(*state.StorageResult)
		if err := codeError(result.Code); err != nil || !result.More {
			return pathError("delete", key, err)
		}
	}
}

// Exists reports whether key is a file or a folder. It also reports false when
// that cannot be told.
func (s *Storage) Exists(ctx context.Context, key string) bool {
	_, err := s.Stat(ctx, key)
	return err == nil
}

// List returns the keys of what is in a folder, sorted: the files and folders
// directly in it or, with recursive, also everything below these. The empty key
// is the root, which always exists.
func (s *Storage) List(ctx context.Context, folder string, recursive bool) ([]string, error) {
	if err := ctx.Err(); err != nil {
		return nil, pathError("list", folder, err)
	}
	keys, err := s.queries.StorageList(folder, recursive)
	return keys, pathError("list", folder, err)
}

// Info is what Stat tells.
type Info struct {
	Key        string
	Modified   time.Time // zero for a folder
	Size       int64     // of the value, in bytes; 0 for a folder
	IsTerminal bool      // a file
}

// Stat tells what is at key. Where there are a file and a folder it is the file.
func (s *Storage) Stat(ctx context.Context, key string) (Info, error) {
	if err := ctx.Err(); err != nil {
		return Info{}, pathError("stat", key, err)
	}
	found, err := s.queries.StorageStat(key)
	if err != nil {
		return Info{}, pathError("stat", key, err)
	}
	info := Info{Key: key, Size: found.Size, IsTerminal: !found.Folder}
	if info.IsTerminal {
		info.Modified = time.UnixMilli(found.ModifiedMs)
	}
	return info, nil
}

// codeError is what a command's code means.
func codeError(code wire.Code) error {
	switch code {
	case wire.CodeOK:
		return nil
	case wire.CodeCountLimit:
		return fmt.Errorf("%w: at most %d files, %d MiB and %d locks; remove what is not needed any more",
			ErrFull, state.MaxStorageEntries, state.MaxStorageBytes>>20, state.MaxStorageLocks)
	}
	return fmt.Errorf("the state machine refused it with code %v", code)
}

// pathError says which key err is about; nil stays nil.
func pathError(op, key string, err error) error {
	if err == nil {
		return nil
	}
	if wire.CodeOf(err) == wire.CodeNotFound {
		err = fs.ErrNotExist
	}
	if len(key) > state.MaxStorageKey {
		key = key[:state.MaxStorageKey] + "…"
	}
	return &fs.PathError{Op: op, Path: key, Err: err}
}
