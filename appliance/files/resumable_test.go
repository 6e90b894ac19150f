package files

import (
	"bytes"
	"errors"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"
)

func TestResumableUpload(t *testing.T) {
	s := newSite(t, nil)
	content := text(300_000, "resumable")
	alice := s.alice()
	u := s.newTus(alice, len(content), "filename", "long.log", "dur", "7")
	if !strings.HasPrefix(u.url, s.http.URL+"/files/uploads/7-") {
		t.Errorf("Location %q", u.url)
	}
	if u.offset() != 0 {
		t.Errorf("starts at %d", u.offset())
	}
	u.result().refused(t, errUnfinished)
	a := u.patch(0, bytes.NewReader(content[:100_000])).is(t, http.StatusNoContent)
	if a.header.Get("Upload-Offset") != "100000" || a.header.Get("Tus-Resumable") != "1.0.0" {
		t.Errorf("%v", a.header)
	}
	if expires, err := http.ParseTime(a.header.Get("Upload-Expires")); err != nil || time.Until(expires) < 23*time.Hour {
		t.Errorf("Upload-Expires %v, %v", expires, err)
	}
	if u.offset() != 100_000 {
		t.Errorf("offset %d", u.offset())
	}
	u.patch(99_999, bytes.NewReader(content[99_999:])).is(t, http.StatusConflict)
	u.patch(100_001, bytes.NewReader(content[100_001:])).is(t, http.StatusConflict)
	u.patch(100_000, bytes.NewReader(append(content[100_000:], 'x'))).is(t, http.StatusRequestEntityTooLarge)
	u.request("PATCH", strings.NewReader("x"), "Upload-Offset", "100000").is(t, http.StatusBadRequest) // no Content-Type
	// Clients that cannot PATCH.
	u.request("POST", bytes.NewReader(content[100_000:200_000]), "X-HTTP-Method-Override", "PATCH",
		"Content-Type", "application/offset+octet-stream", "Upload-Offset", "100000").is(t, http.StatusNoContent)
	u.patch(200_000, bytes.NewReader(content[200_000:])).is(t, http.StatusNoContent)
	r := u.result().result(t)
	if r.Body.Name != "long.log" || r.Body.Dur != 7 || r.Body.Ext != "log" || r.Body.Size != int64(len(content)) {
		t.Errorf("%+v", r)
	}
	if a := s.do("GET", r.Link, nil).is(t, http.StatusOK); !bytes.Equal(a.body, content) {
		t.Error("another content")
	}
	if u.offset() != len(content) {
		t.Error("a finished upload is not at its end")
	}
	if r2 := u.result().result(t); r2.Body != r.Body {
		t.Errorf("the result changed: %+v", r2)
	}
	if s.metric("uploads_finished_total", "kind=resumable") != 1 || s.metric("uploads_unfinished") != 0 || s.metric("uploads_unwritten_bytes") != 0 {
		t.Error("the metrics do not say so")
	}
}

func TestCreationWithContent(t *testing.T) {
	s := newSite(t, nil)
	content := text(5000, "at once")
	alice := s.alice()
	a := s.do("POST", "/files/uploads/", bytes.NewReader(content), "Authorization", alice, "Tus-Resumable", "1.0.0",
		"Upload-Length", "5000", "Content-Type", "application/offset+octet-stream").is(t, http.StatusCreated)
	u := &tus{s, alice, a.header.Get("Location")}
	if r := u.result().result(t); r.Body.Size != 5000 {
		t.Errorf("%+v", r)
	}
	u = s.newTus(alice, 0) // an empty file needs no content
	if r := u.result().result(t); r.Body.Size != 0 || r.Body.MD5 != "d41d8cd98f00b204e9800998ecf8427e" {
		t.Errorf("%+v", r)
	}
}

func TestResumableUploadIsRefused(t *testing.T) {
	s := newSite(t, func(o *Options) { o.Default = Limits{MaxSize: 100_000, Deny: []string{"text/html"}} })
	alice := s.alice()
	_, a := s.createTus(alice, 100_001)
	a.is(t, http.StatusRequestEntityTooLarge)
	_, a = s.createTus(alice, -1)
	a.is(t, http.StatusBadRequest)
	_, a = s.createTus(alice, 10, "name", "a/b")
	a.refused(t, errBadRequest)
	s.do("POST", "/files/uploads", nil, "Authorization", alice, "Tus-Resumable", "1.0.0", "Upload-Defer-Length", "1").is(t, http.StatusNotImplemented)
	s.do("POST", "/files/uploads", nil, "Authorization", alice, "Upload-Length", "5").is(t, http.StatusPreconditionFailed)
	s.do("POST", "/files/uploads", nil, "Tus-Resumable", "1.0.0", "Upload-Length", "5").refused(t, errNoGrant)

	// The type is found out before all has come.
	u := s.newTus(alice, 100_000, "filename", "harmless.png")
	u.patch(0, bytes.NewReader([]byte("<html><body>"+strings.Repeat("x", 5000)))).refused(t, errType)
	u.request("HEAD", nil).is(t, http.StatusNotFound)

	eventually(t, "the refusal is counted", func() bool { return s.metric("requests_total", "operation=resumable", "result=type") == 1 })

	u = s.newTus(alice, 10, "md5", strings.Repeat("0", 32))
	u.patch(0, strings.NewReader("0123456789")).refused(t, errDigest)
	u.request("HEAD", nil).is(t, http.StatusNotFound)

	// Nobody else may touch an upload.
	u = s.newTus(alice, 10)
	for _, other := range []string{s.bearer("shop", "carol"), s.bearer("bank", "alice")} {
		theirs := &tus{s, other, u.url}
		theirs.request("HEAD", nil).is(t, http.StatusNotFound)
		theirs.patch(0, strings.NewReader("0123456789")).refused(t, errNotFound)
		theirs.request("DELETE", nil).refused(t, errNotFound)
		theirs.result().refused(t, errNotFound)
	}
	u.request("DELETE", nil).is(t, http.StatusNoContent)
	u.request("HEAD", nil).is(t, http.StatusNotFound)
	if n, unwritten := s.server.quota.counts(); n != 0 || unwritten != 0 {
		t.Errorf("%d uploads and %d bytes are still counted", n, unwritten)
	}
	if left, _ := os.ReadDir(filepath.Join(s.dir, stagingFolder)); len(left) > 0 {
		t.Errorf("left behind: %v", left)
	}
}

// TestUploadGoesOnAfterACrash: another process takes up where the journal says, and
// what came after the last sync is dropped.
func TestUploadGoesOnAfterACrash(t *testing.T) {
	s := newSite(t, nil)
	content := text(200_000, "crash")
	u := s.newTus(s.alice(), len(content), "name", "x.txt")
	u.patch(0, bytes.NewReader(content[:120_000])).is(t, http.StatusNoContent)
	part := filepath.Join(s.dir, stagingFolder, u.url[strings.LastIndexByte(u.url, '/')+1:]+partSuffix)
	f, err := os.OpenFile(part, os.O_WRONLY|os.O_APPEND, 0)
	if err != nil {
		t.Fatal(err)
	}
	_, err = f.Write(make([]byte, 5000)) // zeros that a power failure leaves
	if err := errors.Join(err, f.Close()); err != nil {
		t.Fatal(err)
	}
	s.crash()
	u.url = s.http.URL + u.url[strings.Index(u.url, "/files/"):]
	if u.offset() != 120_000 {
		t.Fatalf("goes on at %d", u.offset())
	}
	if n, unwritten := s.server.quota.counts(); n != 1 || unwritten != 80_000 {
		t.Errorf("%d uploads and %d bytes are counted", n, unwritten)
	}
	u.patch(120_000, bytes.NewReader(content[120_000:])).is(t, http.StatusNoContent)
	r := u.result().result(t)
	if a := s.do("GET", r.Link, nil).is(t, http.StatusOK); !bytes.Equal(a.body, content) {
		t.Error("another content")
	}
	if r.SHA256 != a256(content) {
		t.Errorf("sha256 %s", r.SHA256)
	}
}

// TestCompleteUploadBecomesAFileAfterACrash: the process ended at any point between
// the last byte and the answer.
func TestCompleteUploadBecomesAFileAfterACrash(t *testing.T) {
	content := text(10_000, "complete")
	for _, point := range []string{"before", "described", "renamed"} {
		t.Run(point, func(t *testing.T) {
			s := newSite(t, nil)
			d, err := declare(func(string) string { return "" })
			if err != nil {
				t.Fatal(err)
			}
			u, err := s.server.begin(t.Context(), s.server.setup.Load(), Principal{7, "shop", "alice"}, int64(len(content)), d, true)
			if err != nil {
				t.Fatal(err)
			}
			if _, err := u.append(bytes.NewReader(content), func(string) error { return nil }); err != nil {
				t.Fatal(err)
			}
			m, err := u.meta()
			if err != nil {
				t.Fatal(err)
			}
			store := s.server.setup.Load().blobs.(*local)
			if point != "before" {
				journal, err := os.ReadFile(u.journal())
				if err != nil {
					t.Fatal(err)
				}
				part, err := os.ReadFile(u.part())
				if err != nil {
					t.Fatal(err)
				}
				if err := store.put(t.Context(), u.id, m, u.part()); err != nil {
					t.Fatal(err)
				}
				if point == "described" { // as if before the rename
					if err := errors.Join(os.Remove(store.path(u.id)), os.WriteFile(u.part(), part, 0o600)); err != nil {
						t.Fatal(err)
					}
				}
				if err := os.WriteFile(u.journal(), journal, 0o600); err != nil {
					t.Fatal(err)
				}
			}
			s.crash()
			eventually(t, "the file is there", func() bool {
				a := s.do("GET", "/files/o/"+u.id.String(), nil, "Authorization", s.alice())
				return a.status == http.StatusOK && bytes.Equal(a.body, content)
			})
			eventually(t, "nothing is left", func() bool {
				left, _ := os.ReadDir(filepath.Join(s.dir, stagingFolder))
				n, unwritten := s.server.quota.counts()
				return len(left) == 0 && n == 0 && unwritten == 0
			})
			if r := (&tus{s, s.alice(), s.http.URL + "/files/uploads/" + u.id.String()}).result().result(t); r.SHA256 != m.SHA256 {
				t.Errorf("%+v", r)
			}
		})
	}
}

// TestDamagedUploadsAreRemoved: a start never fails because of one.
func TestDamagedUploadsAreRemoved(t *testing.T) {
	s := newSite(t, nil)
	alice := s.alice()
	damage := []func(part, journal string) error{
		func(_, journal string) error { return os.Truncate(journal, 100) },
		func(part, _ string) error { return os.Truncate(part, 10) },
		func(part, _ string) error { return os.Remove(part) },
		func(_, journal string) error { return os.WriteFile(journal, make([]byte, journalLen), 0o600) },
		func(_, journal string) error { return os.Remove(journal) },
	}
	var uploads []*tus
	for _, harm := range damage {
		u := s.newTus(alice, 1000)
		u.patch(0, bytes.NewReader(text(500, "x"))).is(t, http.StatusNoContent)
		base := filepath.Join(s.dir, stagingFolder, u.url[strings.LastIndexByte(u.url, '/')+1:])
		if err := harm(base+partSuffix, base+journalSuffix); err != nil {
			t.Fatal(err)
		}
		uploads = append(uploads, u)
	}
	s.crash()
	for i, u := range uploads {
		u.url = s.http.URL + u.url[strings.Index(u.url, "/files/"):]
		if a := u.request("HEAD", nil); a.status != http.StatusNotFound {
			t.Errorf("damage %d: status %d", i, a.status)
		}
	}
	if left, _ := os.ReadDir(filepath.Join(s.dir, stagingFolder)); len(left) > 0 {
		t.Errorf("left behind: %v", left)
	}
}

// TestTornSlotLeavesTheOneBefore: a crash in the middle of writing the journal.
func TestTornSlotLeavesTheOneBefore(t *testing.T) {
	s := newSite(t, nil)
	content := text(3000, "torn")
	u := s.newTus(s.alice(), len(content))
	u.patch(0, bytes.NewReader(content[:1000])).is(t, http.StatusNoContent)
	u.patch(1000, bytes.NewReader(content[1000:2000])).is(t, http.StatusNoContent)
	journal := filepath.Join(s.dir, stagingFolder, u.url[strings.LastIndexByte(u.url, '/')+1:]+journalSuffix)
	b, err := os.ReadFile(journal)
	if err != nil {
		t.Fatal(err)
	}
	b[journalHeadLen+9]++ // the second slot is the first of the two
	if err := os.WriteFile(journal, b, 0o600); err != nil {
		t.Fatal(err)
	}
	s.crash()
	u.url = s.http.URL + u.url[strings.Index(u.url, "/files/"):]
	if u.offset() != 1000 {
		t.Fatalf("goes on at %d", u.offset())
	}
	u.patch(1000, bytes.NewReader(content[1000:])).is(t, http.StatusNoContent)
	if r := u.result().result(t); r.SHA256 != a256(content) {
		t.Error("another content")
	}
}

func TestUnfinishedUploadsExpire(t *testing.T) {
	s := newSite(t, func(o *Options) { o.UploadExpiry = time.Hour; o.GrantLifetime = 24 * time.Hour })
	alice := s.alice()
	old := s.newTus(alice, 1000)
	old.patch(0, bytes.NewReader(text(500, "x"))).is(t, http.StatusNoContent)
	s.skew.Add(int64(59 * time.Minute))
	s.server.expire()
	if old.offset() != 500 {
		t.Fatal("expired too early")
	}
	s.skew.Add(int64(30 * time.Minute)) // asking does not keep it
	young := s.newTus(alice, 1000)
	s.server.expire()
	old.request("HEAD", nil).is(t, http.StatusNotFound)
	if young.offset() != 0 {
		t.Error("another expired with it")
	}
	if s.metric("uploads_expired_total") != 1 {
		t.Error("it is not counted")
	}
	if left, _ := os.ReadDir(filepath.Join(s.dir, stagingFolder)); len(left) != 2 {
		t.Errorf("left behind: %v", left)
	}
}

// TestSecondRequestTakesAnUploadOver: a client that lost its connection need not
// wait until the server notices.
func TestSecondRequestTakesAnUploadOver(t *testing.T) {
	s := newSite(t, nil)
	content := text(100_000, "twice")
	u := s.newTus(s.alice(), len(content))
	body, sender := io.Pipe()
	lost := make(chan struct{})
	go func() {
		defer close(lost)
		_, _ = s.try("PATCH", u.url, body, "Authorization", u.bearer, "Tus-Resumable", "1.0.0", "Content-Length", strconv.Itoa(len(content)),
			"Content-Type", "application/offset+octet-stream", "Upload-Offset", "0")
	}()
	if _, err := sender.Write(content[:40_000]); err != nil {
		t.Fatal(err)
	}
	id, err := parseID(u.url[strings.LastIndexByte(u.url, '/')+1:])
	if err != nil {
		t.Fatal(err)
	}
	running, ok := s.server.staging.get(id)
	if !ok {
		t.Fatal("no such upload")
	}
	eventually(t, "what was sent has come", func() bool {
		info, err := os.Stat(running.part())
		return err == nil && info.Size() >= 36_000 // the client buffers a little
	})
	at := u.offset()
	if at < 36_000 {
		t.Errorf("goes on at %d", at)
	}
	u.patch(at, bytes.NewReader(content[at:])).is(t, http.StatusNoContent)
	if r := u.result().result(t); r.SHA256 != a256(content) {
		t.Error("another content")
	}
	_ = sender.CloseWithError(io.ErrUnexpectedEOF)
	<-lost
}

// TestStopKeepsWhatHasCome: Close breaks a transfer off, and it goes on after the
// restart.
func TestStopKeepsWhatHasCome(t *testing.T) {
	s := newSite(t, nil)
	content := text(100_000, "stop")
	u := s.newTus(s.alice(), len(content))
	body, sender := io.Pipe()
	ended := make(chan *answer, 1)
	go func() {
		a, _ := s.try("PATCH", u.url, body, "Authorization", u.bearer, "Tus-Resumable", "1.0.0", "Content-Length", strconv.Itoa(len(content)),
			"Content-Type", "application/offset+octet-stream", "Upload-Offset", "0")
		ended <- a
	}()
	if _, err := sender.Write(content[:50_000]); err != nil {
		t.Fatal(err)
	}
	eventually(t, "some of it has come", func() bool { return s.metric("received_bytes_total") >= 36_000 })
	s.server.Drain()
	_, a := s.createTus(u.bearer, 10)
	a.refused(t, errStopping)
	if err := s.server.Close(); err != nil {
		t.Fatal(err)
	}
	if a := <-ended; a != nil && a.status != http.StatusServiceUnavailable {
		t.Errorf("status %d %s", a.status, a.body)
	}
	_ = sender.Close()
	s.do("GET", "/files/o/x", nil).refused(t, errStopping)
	s.http.Close()
	s.open()
	u.url = s.http.URL + u.url[strings.Index(u.url, "/files/"):]
	at := u.offset()
	if at < 36_000 {
		t.Errorf("goes on at %d", at)
	}
	u.patch(at, bytes.NewReader(content[at:])).is(t, http.StatusNoContent)
	if r := u.result().result(t); r.SHA256 != a256(content) {
		t.Error("another content")
	}
}
