package api_test

import (
	"bytes"
	"context"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/yizhan-im/yizhan/appliance"
)

func TestFloodIsRefusedPerTenantAndAction(t *testing.T) {
	node := openNode(t, t.TempDir(), nil)
	b := newBackend(t, node, appliance.TenantRequest{APIPerSecond: 2})
	other := newBackend(t, node, appliance.TenantRequest{})
	refused := 0
	for range 50 {
		switch got := b.call("user/getUinfos", "accids", `["a"]`); got {
		case `{"code":200,"uinfos":[]}`:
		case `{"code":416,"desc":"too many calls of user/getUinfos"}`:
			refused++
		default:
			t.Fatal(got)
		}
	}
	if refused == 0 {
		t.Fatal("50 calls at once are allowed with a limit of 2 per second")
	}
	b.want(`{"code":200,"info":{"token":"t","accid":"a","name":""}}`, "user/create", "accid", "a", "token", "t")
	other.want(`{"code":200,"uinfos":[]}`, "user/getUinfos", "accids", `["a"]`)
}

func TestReplayIsRefused(t *testing.T) {
	b := newBackend(t, openNode(t, t.TempDir(), nil), appliance.TenantRequest{})
	b.accounts("alice", "bob")
	const params = "from=alice&to=bob&ope=0&type=0&body=%7B%22msg%22%3A%22once%22%7D"
	const replayed = `{"code":431,"desc":"this request has been received before; send each one with a fresh Nonce and RequestId"}`
	again := func(r *http.Request) *http.Request {
		copied := r.Clone(t.Context())
		copied.Body = io.NopCloser(strings.NewReader(params))
		return copied
	}

	captured := b.request("msg/sendMsg")
	if got := b.do(again(captured)); !strings.HasPrefix(got, `{"code":200,`) {
		t.Fatal(got)
	}
	if got := b.do(again(captured)); got != replayed {
		t.Errorf("a captured request is answered %s", got)
	}

	// Yunxin's official clients repeat a request with fresh credentials and the
	// same RequestId.
	first, second := b.request("msg/sendMsg"), b.request("msg/sendMsg")
	first.Header.Set("RequestId", "id-1")
	second.Header.Set("RequestId", "id-1")
	if got := b.do(again(first)); !strings.HasPrefix(got, `{"code":200,`) {
		t.Fatal(got)
	}
	if got := b.do(again(second)); got != replayed {
		t.Errorf("a repeated RequestId is answered %s", got)
	}
	// Some of them call it otherwise.
	third := b.request("msg/sendMsg")
	third.Header.Set("X-custom-traceid", "id-1")
	if got := b.do(again(third)); got != replayed {
		t.Errorf("a repeated X-custom-traceid is answered %s", got)
	}
	if h := b.history("alice", "bob"); h.Size != 2 {
		t.Errorf("%d messages were sent, want 2", h.Size)
	}
}

func TestOfRequestsAtTheSameMomentOneIsServed(t *testing.T) {
	b := newBackend(t, openNode(t, t.TempDir(), nil), appliance.TenantRequest{})
	b.accounts("alice", "bob")
	const together = 20
	answers := make([]string, together)
	var callers sync.WaitGroup
	for i := range answers {
		r := b.request("msg/sendMsg", "from", "alice", "to", "bob", "ope", "0", "type", "0", "body", `{"msg":"once"}`)
		r.Header.Set("RequestId", "id-1")
		callers.Go(func() { answers[i] = b.do(r) })
	}
	callers.Wait()
	served := 0
	for _, answer := range answers {
		switch {
		case strings.HasPrefix(answer, `{"code":200,`):
			served++
		case !strings.HasPrefix(answer, `{"code":431,`):
			t.Error(answer)
		}
	}
	if h := b.history("alice", "bob"); served != 1 || h.Size != 1 {
		t.Errorf("%d requests are served and %d messages sent, want 1 and 1", served, h.Size)
	}
}

func TestFullDiskIsCode503AndHistoryIsServed(t *testing.T) {
	b := newBackend(t, openNode(t, t.TempDir(), nil), appliance.TenantRequest{})
	b.accounts("alice", "bob")
	b.send("alice", "bob", "before")
	b.node.Reconfigure(appliance.LinkConfig{}, appliance.WebLinkConfig{}, 1<<62)
	tick := time.NewTicker(5 * time.Millisecond)
	defer tick.Stop()
	for deadline := time.Now().Add(20 * time.Second); !b.node.Status().Store.RefusingWrites; <-tick.C {
		if time.Now().After(deadline) {
			t.Fatal("the store still accepts writes")
		}
	}
	b.wantError(503, "the server's disk is full; it can read but not write", "user/create", "accid", "carol")
	if got := b.send("alice", "bob", "full"); got.Code != 503 {
		t.Errorf("sending: %+v", got)
	}
	if h := b.history("alice", "bob"); h.Code != 200 || h.Size != 1 {
		t.Errorf("history: %+v", h)
	}
}

// TestConstantNonceWorks: many backends use one, Yunxin's own examples too.
func TestConstantNonceWorks(t *testing.T) {
	b := newBackend(t, openNode(t, t.TempDir(), nil), appliance.TenantRequest{})
	at := time.Now()
	for _, name := range []string{"a", "b", "c"} {
		r := b.request("user/create", "accid", name, "token", "t")
		b.sign(r, "12345", at)
		if got := b.do(r); !strings.HasPrefix(got, `{"code":200,`) {
			t.Errorf("%s: %s", name, got)
		}
	}
}

func TestRequestThatWasNotServedMayBeRepeated(t *testing.T) {
	b := newBackend(t, openNode(t, t.TempDir(), nil), appliance.TenantRequest{})
	b.accounts("alice", "bob")
	r := func() *http.Request {
		r := b.request("msg/sendMsg", "from", "alice", "to", "bob", "ope", "0", "type", "0", "body", `{"msg":"once"}`)
		r.Header.Set("RequestId", "id-1")
		return r
	}
	gone, cancel := context.WithCancel(t.Context())
	cancel()
	if got := b.do(r().WithContext(gone)); !strings.HasPrefix(got, `{"code":503,`) {
		t.Fatalf("a caller that is gone: %s", got)
	}
	if got := b.do(r()); !strings.HasPrefix(got, `{"code":200,`) {
		t.Errorf("repeated after code 503: %s", got)
	}
	if h := b.history("alice", "bob"); h.Size != 1 {
		t.Errorf("%d messages were sent, want 1", h.Size)
	}
}

// TestRetryAfterRestartSendsOnce: the memory of requests is gone, but the
// message's client id comes from the RequestId.
func TestRetryAfterRestartSendsOnce(t *testing.T) {
	dir := t.TempDir()
	node := openNode(t, dir, nil)
	b := newBackend(t, node, appliance.TenantRequest{})
	b.accounts("alice", "bob")
	send := func() string {
		r := b.request("msg/sendMsg", "from", "alice", "to", "bob", "ope", "0", "type", "0", "body", `{"msg":"once"}`)
		r.Header.Set("RequestId", "id-1")
		return b.do(r)
	}
	first := send()
	if err := node.Close(); err != nil {
		t.Fatal(err)
	}
	b.node = openNode(t, dir, nil)
	if again := send(); again != first || !strings.HasPrefix(again, `{"code":200,`) {
		t.Errorf("first %s, again %s", first, again)
	}
	if h := b.history("alice", "bob"); h.Size != 1 {
		t.Errorf("%d messages were sent, want 1", h.Size)
	}
}

func TestMalformedRequests(t *testing.T) {
	b := newBackend(t, openNode(t, t.TempDir(), nil), appliance.TenantRequest{})
	b.wantError(404, "stats/chatroom/topn is not supported yet", "stats/chatroom/topn")
	b.wantError(404, "unknown action: the path is /nimserver/<group>/<name>.action", "user/destroy")
	b.wantError(404, "unknown action: the path is /nimserver/<group>/<name>.action", "user/../user/create")

	bare := b.request("user/create", "accid", "bare", "token", "t")
	bare.URL.Path = "/user/create.action"
	if got, want := b.do(bare), `{"code":200,"info":{"token":"t","accid":"bare","name":""}}`; got != want {
		t.Errorf("without /nimserver: %s, want %s", got, want)
	}
	noSuffix := b.request("user/create", "accid", "a")
	noSuffix.URL.Path = "/nimserver/user/create"
	if got := b.do(noSuffix); !strings.HasPrefix(got, `{"code":404,`) {
		t.Errorf("without .action: %s", got)
	}
	get := b.request("user/create", "accid", "a")
	get.Method = "GET"
	if got, want := b.do(get), `{"code":414,"desc":"use POST, not GET"}`; got != want {
		t.Errorf("GET: %s, want %s", got, want)
	}
	asJSON := b.request("user/create", "accid", "a")
	asJSON.Header.Set("Content-Type", "application/json")
	if got, want := b.do(asJSON), `{"code":414,"desc":"Content-Type must be application/x-www-form-urlencoded;charset=utf-8"}`; got != want {
		t.Errorf("JSON: %s, want %s", got, want)
	}
	untyped := b.request("user/create", "accid", "a", "token", "t")
	untyped.Header.Del("Content-Type")
	if got, want := b.do(untyped), `{"code":200,"info":{"token":"t","accid":"a","name":""}}`; got != want {
		t.Errorf("without Content-Type: %s, want %s", got, want)
	}
	b.wantError(414, "the body is larger than 524288 bytes", "user/create", "accid", "a", "ex", strings.Repeat("e", 512<<10))
	torn := b.request("user/create")
	torn.Body = io.NopCloser(io.MultiReader(strings.NewReader("accid=a"), tornReader{}))
	if got, want := b.do(torn), `{"code":415,"desc":"the body ended too early"}`; got != want {
		t.Errorf("torn body: %s, want %s", got, want)
	}
}

type tornReader struct{}

func (tornReader) Read([]byte) (int, error) { return 0, io.ErrUnexpectedEOF }

func TestLiveness(t *testing.T) {
	node := openNode(t, t.TempDir(), nil)
	for _, path := range []string{"/health/liveness.action", "/nimserver/health/liveness.action"} {
		w := httptest.NewRecorder()
		node.API().ServeHTTP(w, httptest.NewRequest("GET", path, nil))
		if w.Code != http.StatusOK || w.Body.String() != `{"code":200}` {
			t.Errorf("%s: %d %s", path, w.Code, w.Body)
		}
	}
}

// TestRefusalsDoNotFillTheLog: each is a line at debug level, and a few at the
// level that operators see.
func TestRefusalsDoNotFillTheLog(t *testing.T) {
	var log logBuffer
	b := newBackend(t, openNode(t, t.TempDir(), slog.New(slog.NewTextHandler(&log, nil))), appliance.TenantRequest{})
	b.secret = "wrong"
	for range 1000 {
		b.call("user/create", "accid", "a")
	}
	if n := strings.Count(log.String(), "code=414"); n == 0 || n > 500 {
		t.Errorf("1000 refused requests make %d lines", n)
	}
}

func TestLogHoldsNoSecrets(t *testing.T) {
	var log logBuffer
	b := newBackend(t, openNode(t, t.TempDir(), slog.New(slog.NewTextHandler(&log, &slog.HandlerOptions{Level: slog.LevelDebug}))),
		appliance.TenantRequest{})
	b.call("user/create", "accid", "alice", "token", "token-of-alice", "mobile", "13800138000")
	b.call("user/create", "accid", "bob", "token", "token-of-bob")
	b.send("alice", "bob", "words between friends")
	refused := b.request("user/create", "accid", "carol", "token", "token-of-carol")
	sum := refused.Header.Get("CheckSum")
	refused.Header.Set("CheckSum", strings.Repeat("0", 40))
	b.do(refused)
	for _, line := range []string{"level=DEBUG msg=\"api: request\" action=msg/sendMsg code=200", "level=INFO msg=\"api: request\" action=user/create code=414"} {
		if !strings.Contains(log.String(), line) {
			t.Errorf("the log has no line with %s", line)
		}
	}
	for _, secret := range []string{b.secret, sum, "token-of", "13800138000", "words between friends"} {
		if strings.Contains(log.String(), secret) {
			t.Errorf("the log holds %q", secret)
		}
	}
}

// logBuffer keeps what is logged; the node's goroutines write while a test reads.
type logBuffer struct {
	mu  sync.Mutex
	buf bytes.Buffer
}

func (l *logBuffer) Write(line []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.buf.Write(line)
}

func (l *logBuffer) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.buf.String()
}
