package raftstore

import (
	"sync"

	"github.com/cockroachdb/pebble/v2"
)

// View reads committed state. Each Get sees the newest committed state, each
// Iter the state at its making; a View as a whole is a snapshot only after Freeze. A
// restore
// that replaces the state does not disturb it: the View keeps reading the old
// one, so keep it for one request only. Methods other than Close may be called
// concurrently.
type View struct {
	db   *stateDB
	snap *pebble.Snapshot // of db after Freeze, else nil
}

// Freeze makes the View a snapshot: all that it reads from now on is of one moment.
// It keeps what is overwritten meanwhile on disk until Close. Nothing else may use the
// View during the call.
func (v *View) Freeze() {
	if v.db != nil && v.snap == nil {
		v.snap = v.db.NewSnapshot()
	}
}

func (v *View) reader() pebble.Reader {
	if v.snap != nil {
		return v.snap
	}
	return v.db.DB
}

// Get returns a copy of the value of key.
func (v *View) Get(key []byte) ([]byte, bool, error) { return v.AppendTo(nil, key) }

// AppendTo appends the value of key to dst, which saves Get's allocation.
func (v *View) AppendTo(dst, key []byte) ([]byte, bool, error) {
	if !validKey(key) {
		return dst, false, ErrReservedKey
	}
	if v.db == nil {
		return dst, false, ErrClosed
	}
	return get(v.reader(), dst, key)
}

// Iter walks [lo, hi); nil means the end of the range on that side. The Iter
// must be closed before the View.
func (v *View) Iter(lo, hi []byte) (*Iter, error) {
	if v.db == nil {
		return nil, ErrClosed
	}
	return newIter(v.reader(), lo, hi)
}

// Close releases the View. A second Close does nothing.
func (v *View) Close() {
	if v.snap != nil {
		_ = v.snap.Close() // it fails only when it is closed twice
		v.snap = nil
	}
	if v.db != nil {
		v.db.release()
		v.db = nil
	}
}

// stateDB is an open Pebble database that lives until its last user lets go.
type stateDB struct {
	*pebble.DB
	dir string

	mu     sync.Mutex
	refs   int           // guarded by mu; the store itself holds one
	closed chan struct{} // closed after the database was closed
	err    error         // of closing; read after closed
	onZero func() error  // runs after the database was closed, set before the last release
}

func newStateDB(db *pebble.DB, dir string) *stateDB {
	return &stateDB{DB: db, dir: dir, refs: 1, closed: make(chan struct{})}
}

// acquire takes a reference; the caller knows that one exists.
func (d *stateDB) acquire() {
	d.mu.Lock()
	d.refs++
	d.mu.Unlock()
}

// release gives a reference back and closes the database with the last.
func (d *stateDB) release() {
	d.mu.Lock()
	d.refs--
	last := d.refs == 0
	d.mu.Unlock()
	if !last {
		return
	}
	d.err = d.Close()
	if d.onZero != nil {
		if err := d.onZero(); d.err == nil {
			d.err = err
		}
	}
	close(d.closed)
}
