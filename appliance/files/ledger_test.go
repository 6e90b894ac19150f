package files

import (
	"bytes"
	"context"
	"io"
	"maps"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/minio/minio-go/v7"

	"github.com/yizhan-im/yizhan/appliance/wire"
)

// countingLedger counts in memory, as the state machine does for a site.
type countingLedger struct {
	mu      sync.Mutex
	files   map[string]StoredFile // by the random part
	most    int64                 // bytes of a tenant; 0 is no limit
	blind   bool                  // FileRoom sees no limit, as when others fill it meanwhile
	failing bool
}

func newLedger() *countingLedger { return &countingLedger{files: map[string]StoredFile{}} }

func (l *countingLedger) room(tenant func(StoredFile) bool, size int64) error {
	for _, f := range l.files {
		if tenant(f) {
			size += f.Size
		}
	}
	if l.most > 0 && size > l.most {
		return wire.Errorf(wire.CodeCountLimit, "the tenant may have %d bytes", l.most)
	}
	return nil
}

func (l *countingLedger) FileRoom(_ context.Context, appKey, _ string, size int64) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.blind {
		return nil
	}
	return l.room(func(f StoredFile) bool { return f.AppKey == appKey }, size)
}

func (l *countingLedger) StoreFile(_ context.Context, f StoredFile) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.failing {
		return wire.Errorf(wire.CodeBusy, "no leader")
	}
	if _, there := l.files[f.ID]; there {
		return nil
	}
	if err := l.room(func(o StoredFile) bool { return o.Tenant == f.Tenant }, f.Size); err != nil {
		return err
	}
	l.files[f.ID] = f
	return nil
}

func (l *countingLedger) RemoveFiles(_ context.Context, tenant uint32, ids []string) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.failing {
		return wire.Errorf(wire.CodeBusy, "no leader")
	}
	for _, id := range ids {
		if l.files[id].Tenant == tenant {
			delete(l.files, id)
		}
	}
	return nil
}

func (l *countingLedger) change(f func()) {
	l.mu.Lock()
	defer l.mu.Unlock()
	f()
}

// all are the files that are counted.
func (l *countingLedger) all() map[string]StoredFile {
	l.mu.Lock()
	defer l.mu.Unlock()
	return maps.Clone(l.files)
}

// counted fails unless exactly the files of these results are counted.
func (s *site) counted(results ...*Result) {
	s.t.Helper()
	files := s.ledger.all()
	for _, r := range results {
		_, random, _ := strings.Cut(r.ID, "-")
		if f, ok := files[random]; !ok || f.Size != r.Body.Size || f.Type != r.Type {
			s.t.Errorf("file %s is counted as %+v, %v", r.ID, f, ok)
		}
		delete(files, random)
	}
	if len(files) > 0 {
		s.t.Errorf("counted beside them: %v", files)
	}
}

func TestFilesAreCounted(t *testing.T) {
	s := newSite(t, nil)
	alice := s.alice()
	a := s.put(alice, "", text(600, "x")).result(t)
	u := s.newTus(alice, 300)
	s.counted(a) // what is unfinished is not
	u.patch(0, bytes.NewReader(text(300, "x"))).is(t, http.StatusNoContent)
	b := u.result().result(t)
	s.counted(a, b)
	s.put(alice, "md5=00000000000000000000000000000000", text(400, "x")).refused(t, errDigest)
	s.do("DELETE", "/files/o/"+a.ID, nil, "Authorization", alice).is(t, http.StatusNoContent)
	s.counted(b)
	u.request("DELETE", nil).is(t, http.StatusNoContent) // its upload, which is a file
	s.counted()
}

func TestQuotaOfFiles(t *testing.T) {
	s := newSite(t, nil)
	s.ledger.most = 1000
	alice := s.alice()
	a := s.put(alice, "", text(600, "x")).result(t)
	s.put(alice, "", text(401, "x")).refused(t, errQuota)
	_, refusal := s.createTus(alice, 401)
	refusal.refused(t, errQuota) // before a byte of it comes
	b := s.put(s.bearer("bank", "bob"), "", text(1000, "x")).result(t)

	// Others fill the quota while it comes: then the end decides.
	s.ledger.change(func() { s.ledger.blind = true })
	u := s.newTus(alice, 401)
	u.patch(0, bytes.NewReader(text(401, "x"))).refused(t, errQuota)
	u.request("HEAD", nil).is(t, http.StatusNotFound)
	s.put(alice, "", text(401, "x")).refused(t, errQuota)
	s.counted(a, b)
	if left, _ := os.ReadDir(filepath.Join(s.dir, stagingFolder)); len(left) > 0 {
		t.Errorf("left behind: %v", left)
	}
	if n := s.metric("requests_total", "result=quota"); n != 4 {
		t.Errorf("counted %v refusals", n)
	}
	c := s.put(alice, "", text(400, "x")).result(t)
	s.counted(a, b, c)
}

// TestBrokenUploadsAreNotCounted: those that end between being counted and being a
// file, and removals that the ledger could not be told of.
func TestBrokenUploadsAreNotCounted(t *testing.T) {
	s := newSite(t, nil)
	alice := s.alice()
	a := s.put(alice, "", text(600, "x")).result(t)

	// The disk refuses the file's place.
	tenant := filepath.Join(s.dir, objectsFolder, "8")
	if err := os.WriteFile(tenant, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	s.put(s.bearer("bank", "bob"), "", text(10, "x")).refused(t, errInternal)
	if n := len(s.ledger.all()); n != 2 {
		t.Fatalf("%d files are counted", n)
	}
	s.server.layGhosts()
	if err := os.Remove(tenant); err != nil {
		t.Fatal(err)
	}
	s.server.layGhosts()
	s.counted(a)

	// A process that ends right after an upload was counted leaves its part.
	id := newID(7)
	s.ledger.change(func() { s.ledger.files[id.random] = StoredFile{Tenant: 7, ID: id.random} })
	if err := os.WriteFile(filepath.Join(s.dir, stagingFolder, id.String()+partSuffix), nil, 0o600); err != nil {
		t.Fatal(err)
	}
	s.crash()
	eventually(t, "it is not counted", func() bool { return len(s.ledger.all()) == 1 })
	s.counted(a)

	s.ledger.change(func() { s.ledger.failing = true })
	s.do("DELETE", "/files/o/"+a.ID, nil, "Authorization", alice).is(t, http.StatusNoContent)
	s.put(alice, "", text(600, "x")).is(t, http.StatusServiceUnavailable)
	s.server.layGhosts()
	s.ledger.change(func() { s.ledger.failing = false })
	s.server.layGhosts()
	s.counted()
}

// accept is a request of shop's backend with this body.
func (s *site) accept(body io.Reader) *Incoming {
	s.t.Helper()
	r := httptest.NewRequest("POST", "http://api.example.com/x", body)
	in, err := s.server.Accept(httptest.NewRecorder(), r, 7, "shop")
	if err != nil {
		s.t.Fatal(err)
	}
	s.t.Cleanup(in.End)
	return in
}

func TestFilesOfABackend(t *testing.T) {
	s := newSite(t, func(o *Options) { o.Default.Deny = []string{"image/*"}; o.Default.PerDay = 10_000 })
	in := s.accept(bytes.NewReader(text(5000, "x")))
	if err := in.Receive(in.Body(), 9000, -1); err != nil {
		t.Fatal(err)
	}
	r, err := in.Store(t.Context(), Details{Name: "a.txt", Tag: "tag", Life: time.Hour, HTTPS: true})
	if err != nil {
		t.Fatal(err)
	}
	in.End()
	if want := "https://api.example.com/files/o/" + r.ID; r.Body.URL != want || r.Body.Size != 5000 || r.SHA256 != a256(text(5000, "x")) || r.Body.Name != "a.txt" {
		t.Errorf("%+v", r)
	}
	s.counted(r)
	_, random, _ := strings.Cut(r.ID, "-")
	if f := s.ledger.all()[random]; f.Account != "" || f.Tag != "tag" || f.LifeMs != time.Hour.Milliseconds() || f.AppKey != "shop" {
		t.Errorf("counted as %+v", f)
	}
	if a := s.do("GET", s.http.URL+r.Link[strings.Index(r.Link, "/files/"):], nil); !bytes.Equal(a.body, text(5000, "x")) {
		t.Error("another content")
	}

	// The day has 5000 left: what was announced beyond the content is given back.
	in = s.accept(bytes.NewReader(text(4000, "x")))
	if err := in.Receive(in.Body(), 5000, -1); err != nil {
		t.Fatal(err)
	}
	in.End()
	for name, c := range map[string]struct {
		body []byte
		most int64
		code wire.Code
	}{
		"too large": {text(5000, "x"), 4999, wire.CodeBadParameter},
		"a picture": {pngImage(t, 64, 64), 5000, wire.CodeBadParameter},
		"the day":   {text(5000, "x"), 5001, wire.CodeCountLimit},
	} {
		in := s.accept(bytes.NewReader(c.body))
		err := in.Receive(in.Body(), c.most, -1)
		if err == nil {
			_, err = in.Store(t.Context(), Details{})
		}
		if wire.CodeOf(err) != c.code {
			t.Errorf("%s: %v, want %v", name, err, c.code)
		}
		in.End()
	}
	broken := s.accept(io.MultiReader(bytes.NewReader(text(5, "x")), failing{}))
	if err := broken.Receive(broken.Body(), 5000, -1); wire.CodeOf(err) != wire.CodeBadParameter {
		t.Errorf("a broken body: %v", err)
	}
	broken.End()
	s.counted(r)
	if left, _ := os.ReadDir(filepath.Join(s.dir, stagingFolder)); len(left) > 0 {
		t.Errorf("left behind: %v", left)
	}

	for name, want := range map[string]int{r.Body.URL: 1, r.Link: 1, "8" + r.ID[1:]: 0, "https://example.com/cat.png": 0, "": 0} {
		n, err := s.server.Delete(t.Context(), 7, []string{name})
		if err != nil || n != want {
			t.Errorf("deleting %s: %d %v, want %d", name, n, err, want)
		}
		if want == 0 {
			s.counted(r)
		} else {
			s.counted()
			s.ledger.change(func() { s.ledger.files[random] = StoredFile{Tenant: 7, ID: random, Size: 5000, Type: r.Type} })
		}
	}
}

// failing is a body that breaks off.
type failing struct{}

func (failing) Read([]byte) (int, error) { return 0, io.ErrUnexpectedEOF }

// TestBrokenUploadsToTheBucketAreGivenUp, and those of others are not.
func TestBrokenUploadsToTheBucketAreGivenUp(t *testing.T) {
	s3 := newS3(t)
	s := newSite(t, func(o *Options) { o.S3 = s3.options() })
	b := s.server.setup.Load().blobs.(*bucket)
	core := &minio.Core{Client: b.client}
	own, foreign := b.key(newID(7)), "files/other/thing"
	for _, key := range []string{own, foreign} {
		if _, err := core.NewMultipartUpload(t.Context(), testBucket, key, minio.PutObjectOptions{}); err != nil {
			t.Fatal(err)
		}
	}
	open := func() (keys []string) {
		for info := range b.client.ListIncompleteUploads(t.Context(), testBucket, "", true) {
			if info.Err != nil {
				t.Fatal(info.Err)
			}
			keys = append(keys, info.Key)
		}
		return keys
	}
	if n, err := s.server.AbortUploads(t.Context(), time.Now().Add(-time.Hour)); err != nil || n != 0 || len(open()) != 2 {
		t.Errorf("gave up %d of %v that are new: %v", n, open(), err)
	}
	if n, err := s.server.AbortUploads(t.Context(), time.Now().Add(time.Hour)); err != nil || n != 1 {
		t.Errorf("gave up %d: %v", n, err)
	}
	if left := open(); len(left) != 1 || left[0] != foreign {
		t.Errorf("left %v", left)
	}
	r := s.put(s.alice(), "", text(100, "x")).result(t)
	s.counted(r)
	_, random, _ := strings.Cut(r.ID, "-")
	for range 2 { // what is gone is no error
		if err := s.server.RemoveContent(t.Context(), 7, []string{random}); err != nil {
			t.Fatal(err)
		}
	}
	s.do("GET", r.Link, nil).refused(t, errNotFound)
	if err := s.server.RemoveContent(t.Context(), 7, []string{"../../x"}); err == nil {
		t.Error("a name that leads elsewhere is taken")
	}
}
