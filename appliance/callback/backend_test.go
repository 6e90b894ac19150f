package callback

import (
	"bytes"
	"crypto/md5"
	"crypto/sha1"
	"encoding/hex"
	"encoding/json"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/yizhan-im/yizhan/appliance/app"
	"github.com/yizhan-im/yizhan/appliance/state"
	"github.com/yizhan-im/yizhan/appliance/wire"
)

// patience bounds the wait for what must happen soon; no test needs it to pass.
const patience = 20 * time.Second

const secret = "the secret of the tenant"

// backend is a tenant's backend that checks who asks, as README.md tells its
// author to do.
type backend struct {
	*httptest.Server
	questions chan map[string]any // that were put, if there is room
	dials     atomic.Int64

	mu     sync.Mutex
	answer http.HandlerFunc
}

func newBackend(t testing.TB, start func(*httptest.Server)) *backend {
	b := &backend{questions: make(chan map[string]any, 1000)}
	b.says(`{"errCode":0}`)
	b.Server = httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, err := io.ReadAll(r.Body)
		if err != nil {
			return
		}
		if problem := checkSum(r, body); problem != "" {
			t.Errorf("the backend does not believe the question: %s", problem)
		}
		var question map[string]any
		if err := json.Unmarshal(body, &question); err != nil {
			t.Errorf("the question is no JSON: %v", err)
		}
		select {
		case b.questions <- question:
		default:
		}
		b.mu.Lock()
		answer := b.answer
		b.mu.Unlock()
		answer(w, r)
	}))
	b.Config.ErrorLog = slog.NewLogLogger(slog.DiscardHandler, 0)
	b.Config.ConnState = func(_ net.Conn, s http.ConnState) {
		if s == http.StateNew {
			b.dials.Add(1)
		}
	}
	start(b.Server)
	t.Cleanup(func() {
		b.CloseClientConnections() // handlers that wait for their client end
		b.Close()
	})
	return b
}

func checkSum(r *http.Request, body []byte) string {
	header := func(name string) string { return r.Header.Get(name) }
	if header("AppKey") != "app" || r.Method != http.MethodPost || !strings.HasPrefix(header("Content-Type"), "application/json") {
		return "AppKey, method or content type"
	}
	ms, err := strconv.ParseInt(header("CurTime"), 10, 64)
	if err != nil || time.Since(time.UnixMilli(ms)).Abs() > 5*time.Minute {
		return "CurTime"
	}
	digest := md5.Sum(body)
	if header("MD5") != hex.EncodeToString(digest[:]) {
		return "MD5"
	}
	sum := sha1.Sum([]byte(secret + header("MD5") + header("CurTime")))
	if header("CheckSum") != hex.EncodeToString(sum[:]) {
		return "CheckSum"
	}
	return ""
}

func (b *backend) answers(h http.HandlerFunc) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.answer = h
}

func (b *backend) says(body string) {
	b.answers(func(w http.ResponseWriter, _ *http.Request) { io.WriteString(w, body) })
}

// hangs makes the backend answer nothing until the asker gives up.
func (b *backend) hangs() {
	b.answers(func(_ http.ResponseWriter, r *http.Request) { <-r.Context().Done() })
}

func (b *backend) next(t testing.TB) map[string]any {
	t.Helper()
	select {
	case q := <-b.questions:
		return q
	case <-time.After(patience):
		t.Fatal("the backend is not asked")
		return nil
	}
}

// site is a Gate and what it tells operators.
type site struct {
	*Gate
	registry *prometheus.Registry
	log      *lockedBuffer
}

func newSite(t testing.TB, o Options) *site {
	s := &site{registry: prometheus.NewRegistry(), log: new(lockedBuffer)}
	o.Registerer, o.Logger = s.registry, slog.New(slog.NewTextHandler(s.log, nil))
	s.Gate = New(o)
	t.Cleanup(s.Close)
	return s
}

// counted is how many questions had this result.
func (s *site) counted(event, result string) int {
	return int(value(s.metrics.requests.WithLabelValues(event, result)))
}

// value is that of one counter or gauge.
func value(c prometheus.Collector) float64 {
	registry := prometheus.NewRegistry()
	registry.MustRegister(c)
	families, err := registry.Gather()
	if err != nil {
		panic(err)
	}
	m := families[0].GetMetric()[0]
	return m.GetCounter().GetValue() + m.GetGauge().GetValue()
}

// tenant is one whose backend is at url and has plenty of time, and which refuses
// without an answer.
func tenant(id uint32, url string) *state.Tenant {
	return &state.Tenant{ID: id, AppKey: "app", Secret: secret, Callback: state.Callback{URL: url, Events: ^state.CallbackEvents(0), FailClosed: true, TimeoutMs: int(3 * patience / time.Millisecond)}}
}

// text is a question about a text.
func text(body string) *app.Question {
	return &app.Question{
		Event: state.CallbackMessage, TimeMs: 1_700_000_000_000, Account: "alice", DeviceID: "phone", Platform: wire.Platform_PLATFORM_IOS,
		Message: &wire.SendRequest{To: "bob", ClientId: "id", Body: body},
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

// eventually waits for what another goroutine is about to do.
func eventually(t testing.TB, what string, holds func() bool) {
	t.Helper()
	tick := time.NewTicker(time.Millisecond)
	defer tick.Stop()
	for deadline := time.Now().Add(patience); !holds(); <-tick.C {
		if time.Now().After(deadline) {
			t.Fatalf("still not so: %s", what)
		}
	}
}
