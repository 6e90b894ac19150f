package sdk

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"io"
	"io/fs"
	"math/rand/v2"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/yizhan-im/yizhan/appliance/files"
	"github.com/yizhan-im/yizhan/appliance/wire"
)

// fileSite is the real service, behind a network that breaks.
type fileSite struct {
	server *httptest.Server
	files  *files.Server
	// breakAfter says after how many bytes of a body, in either direction, the
	// connection breaks; 0 is never.
	breakAfter func() int64
	broken     atomic.Int64
	grants     atomic.Int64
	skew       atomic.Int64 // ns
}

type siteKeys struct {
	mu    sync.Mutex
	value []byte
}

func (k *siteKeys) Load(context.Context, string) ([]byte, error) {
	k.mu.Lock()
	defer k.mu.Unlock()
	if k.value == nil {
		return nil, fs.ErrNotExist
	}
	return k.value, nil
}

func (k *siteKeys) Store(_ context.Context, _ string, value []byte) error {
	k.mu.Lock()
	defer k.mu.Unlock()
	k.value = value
	return nil
}

func (*siteKeys) Lock(context.Context, string) error   { return nil }
func (*siteKeys) Unlock(context.Context, string) error { return nil }

// CheckCredentials takes the token "secret".
func (s *fileSite) CheckCredentials(_ context.Context, _ netip.AddrPort, _, account, token string) (uint32, string, error) {
	s.grants.Add(1)
	if token != "secret" {
		return 0, "", wire.Errorf(wire.CodeWrongToken, "wrong token")
	}
	return 7, account, nil
}

func newFileSite(t *testing.T, o files.Options) *fileSite {
	t.Helper()
	s := &fileSite{breakAfter: func() int64 { return 0 }}
	var err error
	s.files, err = files.New(files.Config{Dir: t.TempDir(), Keys: new(siteKeys), Auth: s, Now: func() time.Time {
		return time.Now().Add(time.Duration(s.skew.Load()))
	}}, o)
	if err != nil {
		t.Fatal(err)
	}
	s.server = httptest.NewServer(s.files)
	t.Cleanup(func() {
		if err := s.files.Close(); err != nil {
			t.Error(err)
		}
		s.server.Close()
	})
	return s
}

// RoundTrip implements http.RoundTripper.
func (s *fileSite) RoundTrip(r *http.Request) (*http.Response, error) {
	if n := s.breakAfter(); n > 0 && r.Body != nil && r.ContentLength > n {
		broken := r.Clone(r.Context())
		broken.Body = io.NopCloser(&breaking{r.Body, n, s})
		r = broken
	}
	resp, err := http.DefaultTransport.RoundTrip(r)
	if err == nil {
		if n := s.breakAfter(); n > 0 && resp.ContentLength > n && r.Method == http.MethodGet {
			resp.Body = struct {
				io.Reader
				io.Closer
			}{&breaking{resp.Body, n, s}, resp.Body}
		}
	}
	return resp, err
}

var errNetwork = errors.New("the network broke")

type breaking struct {
	from io.Reader
	left int64
	s    *fileSite
}

func (b *breaking) Read(p []byte) (int, error) {
	if b.left <= 0 {
		b.s.broken.Add(1)
		return 0, errNetwork
	}
	n, err := b.from.Read(p[:min(int64(len(p)), b.left)])
	b.left -= int64(n)
	return n, err
}

func (s *fileSite) client(t *testing.T, account string) *Files {
	t.Helper()
	f, err := NewFiles(FilesOptions{
		URL: s.server.URL + "/", AppKey: "shop", Account: account, Token: "secret",
		MinBackoff: time.Millisecond, MaxBackoff: 10 * time.Millisecond, HTTP: &http.Client{Transport: s},
	})
	if err != nil {
		t.Fatal(err)
	}
	return f
}

func randomBytes(size int) []byte {
	b := make([]byte, size)
	_, _ = rand.NewChaCha8([32]byte{3}).Read(b)
	return b
}

// TestFilesSurviveABadNetwork: every transfer breaks several times.
func TestFilesSurviveABadNetwork(t *testing.T) {
	s := newFileSite(t, files.Options{})
	content := randomBytes(3 << 20)
	rnd := rand.New(rand.NewPCG(1, 2))
	var mu sync.Mutex
	s.breakAfter = func() int64 {
		mu.Lock()
		defer mu.Unlock()
		return 100_000 + rnd.Int64N(600_000)
	}
	file, err := s.client(t, "alice").Upload(t.Context(), bytes.NewReader(content), int64(len(content)), FileInfo{Name: "big.bin", Duration: 1500 * time.Millisecond})
	if err != nil {
		t.Fatal(err)
	}
	uploads := s.broken.Load()
	if file.Name != "big.bin" || file.Size != int64(len(content)) || file.Ext != "bin" || file.Dur != 1500 {
		t.Errorf("%+v", file)
	}
	bob := s.client(t, "bob")
	var got bytes.Buffer
	if err := bob.Download(t.Context(), file.URL, &got); err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(got.Bytes(), content) {
		t.Error("another content")
	}
	if downloads := s.broken.Load() - uploads; uploads < 3 || downloads < 3 {
		t.Errorf("only %d breaks of the upload and %d of the download", uploads, downloads)
	}
	link, err := bob.Link(t.Context(), file.URL)
	if err != nil || time.Until(link.Expires) < 30*time.Minute {
		t.Fatalf("%+v %v", link, err)
	}
	got.Reset()
	if err := bob.Download(t.Context(), link.URL, &got); err != nil || !bytes.Equal(got.Bytes(), content) {
		t.Errorf("by the link: %v", err)
	}
}

func TestFileBecomesAMessage(t *testing.T) {
	for mime, kind := range map[string]uint32{"image/png": 1, "audio/aac": 2, "video/mp4": 3, "application/pdf": 6, "": 6} {
		f := &File{Name: "x", URL: "https://im.example.com/files/o/7-a", MD5: "m", Size: 5, Type: mime}
		c := f.Content()
		var body map[string]any
		if err := json.Unmarshal([]byte(c.Body), &body); err != nil || c.Type != kind || body["url"] != f.URL || body["size"] != 5.0 {
			t.Errorf("%s: %+v %v", mime, c, err)
		}
		if _, ok := body["dur"]; ok {
			t.Errorf("%s: %s has what does not apply", mime, c.Body)
		}
	}
}

func TestFilesRefusals(t *testing.T) {
	s := newFileSite(t, files.Options{Default: files.Limits{MaxSize: 1000}})
	alice := s.client(t, "alice")
	refused := func(err error, name string) {
		t.Helper()
		var e *FileError
		if !errors.As(err, &e) || e.Name != name {
			t.Errorf("%v, want %s", err, name)
		}
	}
	_, err := alice.Upload(t.Context(), bytes.NewReader(make([]byte, 1001)), 1001, FileInfo{})
	if e := new(FileError); !errors.As(err, &e) || e.Status != http.StatusRequestEntityTooLarge {
		t.Errorf("%v", err)
	}
	_, err = alice.Upload(t.Context(), strings.NewReader("x"), 1, FileInfo{Name: "a/b"})
	refused(err, "bad_request")
	refused(alice.Download(t.Context(), s.server.URL+"/files/o/7-"+strings.Repeat("a", 32), io.Discard), "not_found")
	for _, url := range []string{"https://evil.example.com/files/o/x", s.server.URL + ".evil.example.com/files/o/x", "x"} {
		if err := alice.Download(t.Context(), url, io.Discard); !errors.Is(err, ErrForeignFile) {
			t.Errorf("%s: %v", url, err)
		}
		if _, err := alice.Link(t.Context(), url); !errors.Is(err, ErrForeignFile) {
			t.Errorf("%s: %v", url, err)
		}
	}
	if _, err = alice.Upload(t.Context(), strings.NewReader("short"), 100, FileInfo{}); !errors.Is(err, io.ErrUnexpectedEOF) {
		t.Errorf("a source that has less than was said: %v", err)
	}
	mallory := s.client(t, "mallory")
	mallory.o.Token = "wrong"
	_, err = mallory.Upload(t.Context(), strings.NewReader("x"), 1, FileInfo{})
	refused(err, "wrong_token")

	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := alice.Upload(ctx, strings.NewReader("x"), 1, FileInfo{}); !errors.Is(err, context.Canceled) {
		t.Errorf("%v", err)
	}
	if err := alice.Download(t.Context(), s.server.URL+"/files/o/x", io.Discard); err == nil {
		t.Error("a malformed id")
	}
	file, err := alice.Upload(t.Context(), strings.NewReader("text"), 4, FileInfo{})
	if err != nil {
		t.Fatal(err)
	}
	full := errors.New("disk full")
	if err := alice.Download(t.Context(), file.URL, failing{full}); !errors.Is(err, full) {
		t.Errorf("%v", err)
	}
}

type failing struct{ error }

func (f failing) Write([]byte) (int, error) { return 0, f.error }

// TestGrantsAreRenewed when they expire, also one that the client thinks is good.
func TestGrantsAreRenewed(t *testing.T) {
	s := newFileSite(t, files.Options{})
	alice := s.client(t, "alice")
	for range 3 {
		if _, err := alice.Upload(t.Context(), strings.NewReader("text"), 4, FileInfo{}); err != nil {
			t.Fatal(err)
		}
	}
	if n := s.grants.Load(); n != 1 {
		t.Errorf("%d grants for three uploads", n)
	}
	s.skew.Store(int64(time.Hour))
	if _, err := alice.Upload(t.Context(), strings.NewReader("text"), 4, FileInfo{}); err != nil {
		t.Fatal(err)
	}
	if n := s.grants.Load(); n != 2 {
		t.Errorf("%d grants", n)
	}
}
