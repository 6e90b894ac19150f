package search

import (
	"encoding/binary"
	"errors"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"sync"

	"github.com/blevesearch/bleve/v2"
	"github.com/blevesearch/bleve/v2/index/scorch"
)

// Keys that an index keeps for us.
var (
	keyVersion = []byte("version") // everything up to this version of the site is here
	keyScan    = []byte("scan")    // target version and position of a scan under way
	keyFormat  = []byte("format")
)

// format changes with what a document is made of: an index of another one is made
// anew.
const format = "1"

// tenantIndex is the index of one tenant. mu is held for reading by who uses index,
// and for writing by who opens, closes or removes it.
type tenantIndex struct {
	path  string
	mu    sync.RWMutex
	index bleve.Index // guarded by mu: nil while it is not open
}

// openedIndex is what an indexSet knows of one that is open, or about to be.
type openedIndex struct {
	used  uint64 // by the set's clock
	ready bool   // it may be closed to make room
}

// indexSet holds the open indexes, some most of them: as many more as are being
// opened at one moment. An index that is not used is closed; opening it again takes
// some milliseconds, for which only those wait who want this one.
type indexSet struct {
	dir  string
	most int
	made func(tenant uint32, why error) // an index was made anew
	// unusable: an index that is there cannot be opened.
	unusable func()
	// opener opens what is in a folder: openIndex, if not a test's.
	opener func(path string) (bleve.Index, error)

	// mu is held for moments; whoever holds it waits for no index.
	mu      sync.Mutex
	clock   uint64
	tenants map[uint32]*tenantIndex // those that were ever used; bounded by the tenants
	open    map[uint32]*openedIndex // of those, the ones that are open
	closed  bool
}

func newIndexSet(dir string, most int, made func(uint32, error), unusable func()) *indexSet {
	return &indexSet{
		dir: dir, most: most, made: made, unusable: unusable, opener: openIndex,
		tenants: map[uint32]*tenantIndex{}, open: map[uint32]*openedIndex{},
	}
}

var errClosed = errors.New("search: closed")

func (s *indexSet) path(tenant uint32) string {
	return filepath.Join(s.dir, strconv.FormatUint(uint64(tenant), 10))
}

// exists reports whether the tenant has an index, open or not.
func (s *indexSet) exists(tenant uint32) bool {
	_, err := os.Stat(s.path(tenant))
	return err == nil
}

// use calls f with the tenant's index, which it opens, or makes when there is none.
// One that is there and cannot be opened stays as it is until catching up makes it
// anew: an empty one in its place would look like one that has everything.
func (s *indexSet) use(tenant uint32, f func(bleve.Index) error) error {
	return s.with(tenant, false, f)
}

// remake is use, but what cannot be opened is made anew.
func (s *indexSet) remake(tenant uint32, f func(bleve.Index) error) error {
	return s.with(tenant, true, f)
}

func (s *indexSet) with(tenant uint32, anew bool, f func(bleve.Index) error) error {
	t := s.of(tenant)
	for {
		t.mu.RLock()
		if t.index != nil {
			s.touch(tenant)
			err := f(t.index)
			t.mu.RUnlock()
			return err
		}
		t.mu.RUnlock()
		if err := s.openOne(tenant, t, anew); err != nil {
			return err
		} // and it may be closed again at once, to make room
	}
}

func (s *indexSet) of(tenant uint32) *tenantIndex {
	s.mu.Lock()
	defer s.mu.Unlock()
	t := s.tenants[tenant]
	if t == nil {
		t = &tenantIndex{path: s.path(tenant)}
		s.tenants[tenant] = t
	}
	return t
}

func (s *indexSet) touch(tenant uint32) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if o := s.open[tenant]; o != nil {
		s.clock++
		o.used = s.clock
	}
}

// openOne opens t unless somebody has.
func (s *indexSet) openOne(tenant uint32, t *tenantIndex, anew bool) (err error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.index != nil {
		return nil
	}
	s.mu.Lock()
	if s.closed {
		s.mu.Unlock()
		return errClosed
	}
	s.clock++
	o := &openedIndex{used: s.clock}
	s.open[tenant] = o
	s.mu.Unlock()
	// Nobody who holds the lock of one that is ready waits for t's.
	if err = s.trim(s.most); err == nil {
		t.index, err = s.load(tenant, t.path, anew)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if o.ready = err == nil; !o.ready {
		delete(s.open, tenant)
	}
	return err
}

// load opens or makes the index in a folder.
func (s *indexSet) load(tenant uint32, path string, anew bool) (bleve.Index, error) {
	idx, err := s.opener(path)
	if err == nil {
		return idx, nil
	}
	if s.exists(tenant) {
		if !anew {
			s.unusable()
			return nil, err
		}
		s.made(tenant, err)
	}
	return newIndex(path)
}

// trim closes those that were used longest ago until most are open, but none that
// is being opened. It waits for who uses them.
func (s *indexSet) trim(most int) error {
	for {
		t := s.takeOldest(most)
		if t == nil {
			return nil
		}
		t.mu.Lock()
		err := t.close()
		t.mu.Unlock()
		if err != nil {
			return err
		}
	}
}

// takeOldest takes one out of those that are open, nil when they are not too many.
func (s *indexSet) takeOldest(most int) *tenantIndex {
	s.mu.Lock()
	defer s.mu.Unlock()
	if len(s.open) <= most {
		return nil
	}
	var (
		oldest uint32
		first  *openedIndex
	)
	for tenant, o := range s.open {
		if o.ready && (first == nil || o.used < first.used) {
			oldest, first = tenant, o
		}
	}
	if first == nil {
		return nil
	}
	delete(s.open, oldest)
	return s.tenants[oldest]
}

// close is called with t.mu locked.
func (t *tenantIndex) close() error {
	if t.index == nil {
		return nil
	}
	err := t.index.Close()
	t.index = nil
	return err
}

// remove deletes the tenant's index.
func (s *indexSet) remove(tenant uint32) error {
	t := s.of(tenant)
	t.mu.Lock()
	defer t.mu.Unlock()
	s.mu.Lock()
	delete(s.open, tenant)
	s.mu.Unlock()
	if err := t.close(); err != nil {
		return err
	}
	return os.RemoveAll(t.path)
}

func (s *indexSet) close() error {
	s.mu.Lock()
	s.closed = true
	all := slices.Collect(maps.Values(s.tenants))
	clear(s.open)
	s.mu.Unlock()
	var errs []error
	for _, t := range all {
		t.mu.Lock()
		errs = append(errs, t.close())
		t.mu.Unlock()
	}
	return errors.Join(errs...)
}

// config is how indexes are opened. The indexer does not wait for the disk: what
// is lost with the process is indexed again, since the version is lost with it.
//
// Each call gets its own: bleve writes into it, among other things the path of an
// index that it makes, and reads that back when it opens another.
func config() map[string]any { return map[string]any{unsafeBatch: true, "bolt_timeout": "5s"} }

// unsafeBatch lets a write return before it is on disk.
const unsafeBatch = "unsafe_batch"

func openIndex(path string) (idx bleve.Index, err error) {
	defer func() {
		if r := recover(); r != nil { // of files that are damaged in an unforeseen way
			idx, err = nil, fmt.Errorf("search: opening %s: %v", path, r)
		}
	}()
	if idx, err = bleve.OpenUsing(path, config()); err != nil {
		return nil, err
	}
	if got, err := idx.GetInternal(keyFormat); err != nil || string(got) != format {
		return nil, errors.Join(fmt.Errorf("search: index of format %q", got), err, idx.Close())
	}
	return idx, nil
}

// newIndex makes an empty index in place of what is at path. Its format is on disk
// when it returns: without that an index that is closed at once could not be opened.
func newIndex(path string) (bleve.Index, error) {
	if err := os.RemoveAll(path); err != nil {
		return nil, err
	}
	m, err := newMapping()
	if err != nil {
		return nil, err
	}
	durable := config()
	delete(durable, unsafeBatch)
	idx, err := bleve.NewUsing(path, m, scorch.Name, scorch.Name, durable)
	if err != nil {
		return nil, err
	}
	if err := errors.Join(idx.SetInternal(keyFormat, []byte(format)), idx.Close()); err != nil {
		return nil, err
	}
	return openIndex(path)
}

// number reads one of an index's own numbers, 0 when there is none.
func number(idx bleve.Index, key []byte) (uint64, error) {
	b, err := idx.GetInternal(key)
	if err != nil || len(b) < 8 {
		return 0, err
	}
	return binary.BigEndian.Uint64(b), nil
}

func encoded(n uint64) []byte { return binary.BigEndian.AppendUint64(nil, n) }
