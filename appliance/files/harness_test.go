package files

import (
	"bytes"
	"context"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"io"
	"io/fs"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/yizhan-im/yizhan/appliance/wire"
)

// patience is how long a test waits for something that must happen.
const patience = 30 * time.Second

// keyStore is the site's storage in memory.
type keyStore struct {
	mu     sync.Mutex
	values map[string][]byte
	locked sync.Mutex
	fail   error
}

func (k *keyStore) Load(_ context.Context, key string) ([]byte, error) {
	k.mu.Lock()
	defer k.mu.Unlock()
	if v, ok := k.values[key]; ok {
		return v, nil
	}
	return nil, fs.ErrNotExist
}

func (k *keyStore) Store(_ context.Context, key string, value []byte) error {
	k.mu.Lock()
	defer k.mu.Unlock()
	if k.fail != nil {
		return k.fail
	}
	if k.values == nil {
		k.values = map[string][]byte{}
	}
	k.values[key] = bytes.Clone(value)
	return nil
}

func (k *keyStore) Lock(context.Context, string) error   { k.locked.Lock(); return nil }
func (k *keyStore) Unlock(context.Context, string) error { k.locked.Unlock(); return nil }

// tenants are those of the tests: the token of every account is "secret".
var tenants = map[string]uint32{"shop": 7, "bank": 8}

type authenticator struct{}

func (authenticator) CheckCredentials(_ context.Context, _ netip.AddrPort, appKey, account, token string) (uint32, string, error) {
	switch {
	case account == "barred":
		return 0, "", wire.Errorf(wire.CodeBlocked, "the account is blocked")
	case account == "flooder":
		return 0, "", wire.Errorf(wire.CodeRateLimited, "too many refused logins")
	case tenants[appKey] == 0 || token != "secret":
		return 0, "", wire.Errorf(wire.CodeWrongToken, "wrong token")
	}
	return tenants[appKey], strings.ToLower(account), nil
}

// site is a Server behind a real HTTP server, with a clock and a disk that the
// test moves.
type site struct {
	t       testing.TB
	dir     string
	keys    *keyStore
	ledger  *countingLedger
	options Options
	log     *lockedBuffer
	skew    atomic.Int64 // ns
	free    atomic.Int64
	reg     *prometheus.Registry
	server  *Server
	http    *httptest.Server
}

func newSite(t testing.TB, change func(*Options)) *site {
	t.Helper()
	s := &site{t: t, dir: t.TempDir(), keys: new(keyStore), ledger: newLedger(), log: new(lockedBuffer)}
	if change != nil {
		change(&s.options)
	}
	s.free.Store(1 << 40)
	s.open()
	t.Cleanup(func() { s.close() })
	return s
}

func (s *site) now() time.Time { return time.Now().Add(time.Duration(s.skew.Load())) }

func (s *site) open() {
	s.t.Helper()
	s.reg = prometheus.NewRegistry()
	server, err := New(Config{
		Dir: s.dir, Keys: s.keys, Auth: authenticator{}, Ledger: s.ledger, Registerer: s.reg, Now: s.now,
		Logger:    slog.New(slog.NewTextHandler(s.log, &slog.HandlerOptions{Level: slog.LevelDebug})),
		FreeSpace: func(string) (int64, error) { return s.free.Load(), nil },
	}, s.options)
	if err != nil {
		s.t.Fatal(err)
	}
	s.server = server
	s.http = httptest.NewServer(server)
}

func (s *site) close() {
	s.t.Helper()
	if err := s.server.Close(); err != nil {
		s.t.Error(err)
	}
	s.http.Close()
}

// crash is a process that ends and another that starts: nothing is tidied up.
func (s *site) crash() {
	s.t.Helper()
	s.server.cancel()
	s.server.work.Wait()
	s.http.Close()
	s.open()
}

// setOptions is a reload.
func (s *site) setOptions(change func(*Options)) {
	s.t.Helper()
	change(&s.options)
	if err := s.server.SetOptions(s.options); err != nil {
		s.t.Fatal(err)
	}
}

// answer is a response that was read to its end.
type answer struct {
	status int
	header http.Header
	body   []byte
}

// do makes a request. path may be a whole address. header has names and values in
// turn.
func (s *site) do(method, path string, body io.Reader, header ...string) *answer {
	s.t.Helper()
	a, err := s.try(method, path, body, header...)
	if err != nil {
		s.t.Fatalf("%s %s: %v", method, path, err)
	}
	return a
}

func (s *site) try(method, path string, body io.Reader, header ...string) (*answer, error) {
	if !strings.Contains(path, "://") {
		path = s.http.URL + path
	}
	r, err := http.NewRequest(method, path, body)
	if err != nil {
		return nil, err
	}
	for i := 0; i < len(header); i += 2 {
		r.Header.Set(header[i], header[i+1])
	}
	if n := r.Header.Get("Content-Length"); n != "" {
		r.ContentLength, _ = strconv.ParseInt(n, 10, 64)
	}
	resp, err := http.DefaultTransport.RoundTrip(r)
	if err != nil {
		return nil, err
	}
	defer resp.Body.Close()
	b, err := io.ReadAll(resp.Body)
	return &answer{resp.StatusCode, resp.Header, b}, err
}

// is checks the status.
func (a *answer) is(t testing.TB, status int) *answer {
	t.Helper()
	if a.status != status {
		t.Fatalf("status %d, want %d: %s", a.status, status, a.body)
	}
	return a
}

// refused checks that the answer is e.
func (a *answer) refused(t testing.TB, e *Error) {
	t.Helper()
	var body struct {
		Code  wire.Code
		Error string
		Note  string
	}
	if err := json.Unmarshal(a.body, &body); err != nil || a.status != e.Status || body.Error != e.Name || body.Code != e.Code || body.Note == "" {
		t.Fatalf("status %d %s (%v), want %d %s", a.status, a.body, err, e.Status, e.Name)
	}
	if e.Retry > 0 && a.header.Get("Retry-After") == "" {
		t.Errorf("%s without Retry-After", e.Name)
	}
}

func (a *answer) json(t testing.TB, into any) {
	t.Helper()
	a.is(t, http.StatusOK)
	if err := json.Unmarshal(a.body, into); err != nil {
		t.Fatalf("%v: %s", err, a.body)
	}
}

func (a *answer) result(t testing.TB) *Result {
	t.Helper()
	r := new(Result)
	a.json(t, r)
	return r
}

const jsonType = "application/json"

func (s *site) askGrant(appKey, account, token string) *answer {
	s.t.Helper()
	b, _ := json.Marshal(map[string]string{"appKey": appKey, "account": account, "token": token})
	return s.do("POST", "/files/grant", bytes.NewReader(b), "Content-Type", jsonType)
}

// bearer is the Authorization header of an account of a tenant.
func (s *site) bearer(appKey, account string) string {
	s.t.Helper()
	var g struct{ Grant string }
	s.askGrant(appKey, account, "secret").json(s.t, &g)
	return "Bearer " + g.Grant
}

func (s *site) alice() string { return s.bearer("shop", "alice") }

// put uploads in one request.
func (s *site) put(bearer, query string, content []byte) *answer {
	s.t.Helper()
	return s.do("POST", "/files/upload?"+query, bytes.NewReader(content), "Authorization", bearer)
}

// links asks for signed links.
func (s *site) link(bearer, file string) *linkAnswer {
	s.t.Helper()
	b, _ := json.Marshal(map[string][]string{"files": {file}})
	var out struct{ Links []linkAnswer }
	s.do("POST", "/files/links", bytes.NewReader(b), "Content-Type", jsonType, "Authorization", bearer).json(s.t, &out)
	if len(out.Links) != 1 {
		s.t.Fatalf("%d links", len(out.Links))
	}
	return &out.Links[0]
}

// tus is one resumable upload.
type tus struct {
	s      *site
	bearer string
	url    string
}

func (s *site) createTus(bearer string, size int, metadata ...string) (*tus, *answer) {
	s.t.Helper()
	header := []string{"Authorization", bearer, "Tus-Resumable", "1.0.0", "Upload-Length", strconv.Itoa(size)}
	if len(metadata) > 0 {
		header = append(header, "Upload-Metadata", tusMetadata(metadata...))
	}
	a := s.do("POST", "/files/uploads", nil, header...)
	return &tus{s, bearer, a.header.Get("Location")}, a
}

func tusMetadata(pairs ...string) string {
	var all []string
	for i := 0; i < len(pairs); i += 2 {
		all = append(all, pairs[i]+" "+base64.StdEncoding.EncodeToString([]byte(pairs[i+1])))
	}
	return strings.Join(all, ",")
}

func (s *site) newTus(bearer string, size int, metadata ...string) *tus {
	s.t.Helper()
	u, a := s.createTus(bearer, size, metadata...)
	a.is(s.t, http.StatusCreated)
	return u
}

func (u *tus) request(method string, body io.Reader, header ...string) *answer {
	u.s.t.Helper()
	return u.s.do(method, u.url, body, append([]string{"Authorization", u.bearer, "Tus-Resumable", "1.0.0"}, header...)...)
}

func (u *tus) patch(offset int, body io.Reader) *answer {
	u.s.t.Helper()
	return u.request("PATCH", body, "Content-Type", "application/offset+octet-stream", "Upload-Offset", strconv.Itoa(offset))
}

func (u *tus) offset() int {
	u.s.t.Helper()
	a := u.request("HEAD", nil).is(u.s.t, http.StatusOK)
	n, err := strconv.Atoi(a.header.Get("Upload-Offset"))
	if err != nil {
		u.s.t.Fatalf("Upload-Offset: %v", err)
	}
	return n
}

func (u *tus) result() *answer { return u.request("GET", nil) }

// metric is the value of a metric whose labels include those given, as name=value.
func (s *site) metric(name string, labels ...string) float64 {
	s.t.Helper()
	families, err := s.reg.Gather()
	if err != nil {
		s.t.Fatal(err)
	}
	var sum float64
	for _, family := range families {
		if family.GetName() != "yizhan_files_"+name {
			continue
		}
		for _, m := range family.GetMetric() {
			have := map[string]bool{}
			for _, l := range m.GetLabel() {
				have[l.GetName()+"="+l.GetValue()] = true
			}
			matches := true
			for _, l := range labels {
				matches = matches && have[l]
			}
			if matches {
				sum += m.GetCounter().GetValue() + m.GetGauge().GetValue()
			}
		}
	}
	return sum
}

func eventually(t testing.TB, what string, done func() bool) {
	t.Helper()
	tick := time.NewTicker(5 * time.Millisecond)
	defer tick.Stop()
	timeout := time.After(patience)
	for !done() {
		select {
		case <-tick.C:
		case <-timeout:
			t.Fatalf("waited %s in vain: %s", patience, what)
		}
	}
}

type lockedBuffer struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (l *lockedBuffer) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.Write(p)
}

func (l *lockedBuffer) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.String()
}

// text is size bytes that are plain text, another for each seed.
func text(size int, seed string) []byte {
	line := []byte(fmt.Sprintf("a line of %s that is long enough to be plain text\n", seed))
	return bytes.Repeat(line, size/len(line)+1)[:size]
}
