package search

import (
	"encoding/binary"
	"errors"
	"fmt"
	"os"
	"path/filepath"
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

// tenantIndex is the open index of one tenant. mu is held for reading by who uses
// index, which is nil when it has been closed to make room.
type tenantIndex struct {
	mu    sync.RWMutex
	path  string
	index bleve.Index
	used  uint64 // by the set's clock
}

// indexSet holds the open indexes, at most so many. An index that is not used is
// closed; opening it again takes some milliseconds.
type indexSet struct {
	dir  string
	most int
	made func(tenant uint32, why error) // an index was made anew
	// unusable: an index that is there cannot be opened. Called with mu locked.
	unusable func()

	mu      sync.Mutex
	clock   uint64
	tenants map[uint32]*tenantIndex
	closed  bool
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
	for {
		t, err := s.open(tenant, anew)
		if err != nil {
			return err
		}
		t.mu.RLock()
		if t.index == nil { // closed again to make room
			t.mu.RUnlock()
			continue
		}
		err = f(t.index)
		t.mu.RUnlock()
		return err
	}
}

func (s *indexSet) open(tenant uint32, anew bool) (*tenantIndex, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed {
		return nil, errClosed
	}
	s.clock++
	if t := s.tenants[tenant]; t != nil {
		t.used = s.clock
		return t, nil
	}
	for len(s.tenants) >= s.most {
		if err := s.closeOldest(); err != nil {
			return nil, err
		}
	}
	t := &tenantIndex{path: s.path(tenant), used: s.clock}
	var err error
	if t.index, err = openIndex(t.path); err != nil {
		if s.exists(tenant) {
			if !anew {
				s.unusable()
				return nil, err
			}
			s.made(tenant, err)
		}
		if t.index, err = newIndex(t.path); err != nil {
			return nil, err
		}
	}
	s.tenants[tenant] = t
	return t, nil
}

// closeOldest waits for who uses it.
func (s *indexSet) closeOldest() error {
	var oldest uint32
	for tenant, t := range s.tenants {
		if o := s.tenants[oldest]; o == nil || t.used < o.used {
			oldest = tenant
		}
	}
	t := s.tenants[oldest]
	delete(s.tenants, oldest)
	return t.close()
}

func (t *tenantIndex) close() error {
	t.mu.Lock()
	defer t.mu.Unlock()
	err := t.index.Close()
	t.index = nil
	return err
}

// remove deletes the tenant's index.
func (s *indexSet) remove(tenant uint32) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if t := s.tenants[tenant]; t != nil {
		delete(s.tenants, tenant)
		if err := t.close(); err != nil {
			return err
		}
	}
	return os.RemoveAll(s.path(tenant))
}

func (s *indexSet) close() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.closed = true
	var errs []error
	for tenant, t := range s.tenants {
		errs = append(errs, t.close())
		delete(s.tenants, tenant)
	}
	return errors.Join(errs...)
}

// config is how indexes are opened. The indexer does not wait for the disk: what
// is lost with the process is indexed again, since the version is lost with it.
var config = map[string]any{"unsafe_batch": true, "bolt_timeout": "5s"}

func openIndex(path string) (idx bleve.Index, err error) {
	defer func() {
		if r := recover(); r != nil { // of files that are damaged in an unforeseen way
			idx, err = nil, fmt.Errorf("search: opening %s: %v", path, r)
		}
	}()
	if idx, err = bleve.OpenUsing(path, config); err != nil {
		return nil, err
	}
	if got, err := idx.GetInternal(keyFormat); err != nil || string(got) != format {
		return nil, errors.Join(fmt.Errorf("search: index of format %q", got), err, idx.Close())
	}
	return idx, nil
}

func newIndex(path string) (bleve.Index, error) {
	if err := os.RemoveAll(path); err != nil {
		return nil, err
	}
	m, err := newMapping()
	if err != nil {
		return nil, err
	}
	idx, err := bleve.NewUsing(path, m, scorch.Name, scorch.Name, config)
	if err != nil {
		return nil, err
	}
	if err := idx.SetInternal(keyFormat, []byte(format)); err != nil {
		return nil, errors.Join(err, idx.Close())
	}
	return idx, nil
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
