package search

import (
	"errors"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/blevesearch/bleve/v2"
)

func testSet(t *testing.T, most int) *indexSet {
	t.Helper()
	s := newIndexSet(t.TempDir(), most, func(uint32, error) {}, func() {})
	t.Cleanup(func() {
		if err := s.close(); err != nil {
			t.Error(err)
		}
	})
	return s
}

func nothing(bleve.Index) error { return nil }

// TestOpeningOneIndexHoldsUpNoOther: a large one may take its time.
func TestOpeningOneIndexHoldsUpNoOther(t *testing.T) {
	s := testSet(t, 4)
	for tenant := range uint32(2) {
		if err := s.use(tenant, nothing); err != nil {
			t.Fatal(err)
		}
	}
	if err := s.trim(0); err != nil {
		t.Fatal(err)
	}
	opening, proceed := make(chan struct{}), make(chan struct{})
	s.opener = func(path string) (bleve.Index, error) {
		if strings.HasSuffix(path, "/0") {
			close(opening)
			<-proceed
		}
		return openIndex(path)
	}
	slow := make(chan error, 1)
	go func() { slow <- s.use(0, nothing) }()
	<-opening
	if err := s.use(1, nothing); err != nil { // with one mutex for all it never ends
		t.Error(err)
	}
	close(proceed)
	if err := <-slow; err != nil {
		t.Error(err)
	}
}

// TestOpenIndexesAreBounded, whoever uses how many at one time.
func TestOpenIndexesAreBounded(t *testing.T) {
	s := testSet(t, 2)
	const tenants, workers, rounds = 6, 4, 30
	var opened atomic.Int32
	s.opener = func(path string) (bleve.Index, error) {
		opened.Add(1)
		return openIndex(path)
	}
	var work sync.WaitGroup
	for worker := range workers {
		work.Go(func() {
			for i := range rounds {
				tenant := uint32((i*(worker+1) + worker) % tenants)
				err := s.use(tenant, func(idx bleve.Index) error {
					n, err := idx.DocCount()
					return errors.Join(err, map[bool]error{true: errors.New("documents of nobody")}[n > 0])
				})
				if err != nil {
					t.Errorf("tenant %d: %v", tenant, err)
				}
			}
		})
	}
	work.Wait()
	if err := s.use(0, nothing); err != nil {
		t.Fatal(err)
	}
	if err := s.trim(s.most); err != nil {
		t.Fatal(err)
	}
	s.mu.Lock()
	listed := len(s.open)
	s.mu.Unlock()
	open := 0
	for _, i := range s.tenants {
		if i.index != nil {
			open++
		}
	}
	if open > s.most || open != listed {
		t.Errorf("%d indexes are open, %d are listed; at most %d may be", open, listed, s.most)
	}
	if n := opened.Load(); n < tenants {
		t.Errorf("opened %d times", n)
	}
	for tenant := range uint32(tenants) {
		if err := s.remove(tenant); err != nil || s.exists(tenant) {
			t.Errorf("removing tenant %d: %v", tenant, err)
		}
	}
	if err := s.close(); err != nil {
		t.Error(err)
	}
	if err := s.use(0, nothing); !errors.Is(err, errClosed) {
		t.Errorf("after the end: %v", err)
	}
}

// TestAnIndexIsOpenedInItsOwnFolder, whatever was made last.
func TestAnIndexIsOpenedInItsOwnFolder(t *testing.T) {
	s := testSet(t, 4)
	for tenant := range uint32(2) {
		if err := s.use(tenant, nothing); err != nil {
			t.Fatal(err)
		}
	}
	if err := s.trim(1); err != nil { // closes the first
		t.Fatal(err)
	}
	// In the folder of the other, which is open, it would wait for a lock in vain.
	idx, err := openIndex(s.path(0))
	if err != nil {
		t.Fatal(err)
	}
	if err := idx.Close(); err != nil {
		t.Error(err)
	}
}
