package janitor

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"testing"
	"time"

	"github.com/yizhan-im/yizhan/appliance/state"
	"github.com/yizhan-im/yizhan/appliance/wire"
)

// disk is the content of files.
type disk struct {
	mu      sync.Mutex
	there   map[string]bool // tenant and id
	fail    int             // the call after so many fails
	aborted time.Time
}

func (d *disk) RemoveContent(_ context.Context, tenant uint32, ids []string) error {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.fail > 0 {
		if d.fail--; d.fail == 0 {
			return errors.New("the storage is away")
		}
	}
	for _, id := range ids {
		delete(d.there, fmt.Sprint(tenant, id))
	}
	return nil
}

func (d *disk) AbortUploads(_ context.Context, before time.Time) (int, error) {
	d.aborted = before
	return 3, nil
}

func (d *disk) count() int {
	d.mu.Lock()
	defer d.mu.Unlock()
	return len(d.there)
}

// file is the id of a file, another one for each n < 676.
func file(n int) string {
	return "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaa" + string([]byte{'a' + byte(n/26), 'a' + byte(n%26)})
}

func (s *site) storeFiles(d *disk, c state.StoreFile, from, count int) {
	s.tb.Helper()
	for i := range count {
		c.ID = file(from + i)
		if res := s.run(&c).(*state.FileResult); res.Code != wire.CodeOK {
			s.tb.Fatalf("store: %v", res.Code)
		}
		d.there[fmt.Sprint(c.Tenant, c.ID)] = true
	}
}

func (s *site) filesOf(tenant uint32) uint64 {
	s.tb.Helper()
	files, _, err := s.queries.FileTotals(tenant, "")
	if err != nil {
		s.tb.Fatal(err)
	}
	return files
}

// TestOldFilesGo: by their tenant's days, by a life of their own, or not at all.
func TestOldFilesGo(t *testing.T) {
	s := newSite(t)
	d := &disk{there: map[string]bool{}}
	week, ever := s.tenant("week", state.Limits{FileDays: 7}), s.tenant("ever", state.Limits{})
	s.storeFiles(d, state.StoreFile{TimeMs: start, Tenant: week, Size: 10}, 0, 150)
	s.storeFiles(d, state.StoreFile{TimeMs: start, Tenant: ever, Size: 10}, 0, 2)
	s.storeFiles(d, state.StoreFile{TimeMs: start, Tenant: ever, Size: 10, LifeMs: 2 * day}, 2, 3)
	s.storeFiles(d, state.StoreFile{TimeMs: start + 5*day, Tenant: week, Size: 10}, 150, 1)
	j := s.janitor()
	j.files = d
	check := func(after time.Duration, inWeek, inEver uint64) {
		t.Helper()
		s.nowMs.Store(start + after.Milliseconds())
		if err := j.Pass(t.Context()); err != nil {
			t.Fatal(err)
		}
		if a, b := s.filesOf(week), s.filesOf(ever); a != inWeek || b != inEver || d.count() != int(a+b) {
			t.Errorf("after %s: %d and %d files, %d with content; want %d and %d", after, a, b, d.count(), inWeek, inEver)
		}
	}
	check(47*time.Hour, 151, 5)
	check(49*time.Hour, 151, 2)
	check(8*24*time.Hour, 1, 2)
	before := s.proposals.Load()
	check(8*24*time.Hour, 1, 2)
	if n := s.proposals.Load() - before; n != 0 {
		t.Errorf("a pass with nothing to do proposed %d commands", n)
	}
	check(400*24*time.Hour, 0, 2)
	if n, bytes := s.metric("removed_files_total"), s.metric("removed_file_bytes_total"); n != 154 || bytes != 1540 {
		t.Errorf("counted %v removed files with %v bytes", n, bytes)
	}
	if want := s.now().Add(-brokenUpload); !d.aborted.Equal(want) || s.metric("aborted_uploads_total") != 15 {
		t.Errorf("gave up uploads from before %s, want %s", d.aborted, want)
	}
}

// TestADeletionGoesOn: what broke off in the middle is found again, and nobody's
// files go but those that were named.
func TestADeletionGoesOn(t *testing.T) {
	s := newSite(t)
	d := &disk{there: map[string]bool{}}
	app, other := s.tenant("app", state.Limits{}, "a"), s.tenant("other", state.Limits{})
	s.storeFiles(d, state.StoreFile{TimeMs: start, Tenant: app, Type: "image/png"}, 0, 150)
	s.storeFiles(d, state.StoreFile{TimeMs: start, Tenant: app, Type: "video/mp4"}, 150, 20)
	s.storeFiles(d, state.StoreFile{TimeMs: start, Tenant: other, Type: "image/png"}, 0, 5)
	s.run(&state.DeleteFiles{TimeMs: start, Tenant: app, ToMs: start, Type: "image/png"})
	s.storeFiles(d, state.StoreFile{TimeMs: start + 1, Tenant: app, Type: "image/png"}, 170, 1)

	d.fail = 2
	j := s.janitor()
	j.files = d
	if err := j.deleteFiles(t.Context(), 0); err == nil {
		t.Fatal("the storage was away, and nobody says so")
	}
	if n := s.filesOf(app); n != 171-state.MaxRemovedFiles {
		t.Errorf("%d files are left after one command", n)
	}
	j = s.janitor()
	j.files = d
	if err := j.deleteFiles(t.Context(), 0); err != nil {
		t.Fatal(err)
	}
	if a, b := s.filesOf(app), s.filesOf(other); a != 21 || b != 5 || d.count() != 26 {
		t.Errorf("%d and %d files, %d with content; want 21, 5 and 26", a, b, d.count())
	}
	if jobs, err := s.queries.FileJobs(); err != nil || len(jobs) != 0 {
		t.Errorf("jobs %v %v are left", jobs, err)
	}
}

// TestFilesAreDeletedInTheBackground, by the leader.
func TestFilesAreDeletedInTheBackground(t *testing.T) {
	s := newSite(t)
	d := &disk{there: map[string]bool{}}
	app := s.tenant("app", state.Limits{})
	s.storeFiles(d, state.StoreFile{TimeMs: start, Tenant: app}, 0, 3)
	s.run(&state.DeleteFiles{TimeMs: start, Tenant: app, ToMs: start})
	j := newJanitor(Config{Store: s, Queries: s.queries, Files: d, Now: s.now})
	j.filesEvery = time.Millisecond
	j.start()
	defer j.Close()
	ended := func() bool {
		jobs, err := s.queries.FileJobs()
		return err == nil && len(jobs) == 0
	}
	deadline := time.After(30 * time.Second)
	for !ended() {
		select {
		case <-deadline:
			t.Fatal("nothing was removed")
		case <-time.After(time.Millisecond):
		}
	}
	if n := d.count(); n != 0 || s.filesOf(app) != 0 {
		t.Errorf("%d files have content", n)
	}
}
