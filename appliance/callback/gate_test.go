package callback

import (
	"context"
	"crypto/x509"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/yizhan-im/yizhan/appliance/wire"
)

func TestBackendAllowsAndRefuses(t *testing.T) {
	b, s := newBackend(t, (*httptest.Server).Start), newSite(t, Options{})
	app := tenant(1, b.URL)
	if err := s.Ask(t.Context(), app, text("hello")); err != nil {
		t.Errorf("allowed: %v", err)
	}
	b.says(`{"errCode":1,"responseCode":20007,"callbackExt":"mind your words"}`)
	var refusal *wire.Error
	if err := s.Ask(t.Context(), app, text("hello")); !errors.As(err, &refusal) || refusal.Code != 20007 || refusal.Note != "mind your words" {
		t.Errorf("refused: %v", err)
	}
	b.says(`{"errCode":0,"modifyResponse":{"colour":"red"}}`)
	if err := s.Ask(t.Context(), app, text("hello")); wire.CodeOf(err) != wire.CodeForbidden {
		t.Errorf("to be changed to what there is not: %v", err)
	}
	b.says(`{"errCode":0,"modifyResponse":{"body":"***"}}`)
	q := text("hello")
	if err := s.Ask(t.Context(), app, q); err != nil || q.Changed == nil || q.Changed.Body == nil || *q.Changed.Body != "***" || q.Changed.Ext != nil {
		t.Errorf("to be changed: %+v, %v", q.Changed, err)
	}
	if got := s.counted("message", resultChanged); got != 1 {
		t.Errorf("counted %d changed", got)
	}
	if allowed, refused := s.counted("message", resultAllowed), s.counted("message", resultRefused); allowed != 1 || refused != 2 {
		t.Errorf("counted %d allowed and %d refused", allowed, refused)
	}
	if !strings.Contains(s.log.String(), "asks for a change") {
		t.Errorf("log: %s", s.log)
	}
}

// TestWithoutAnAnswerThePolicyDecides: whatever it is that comes instead of one.
func TestWithoutAnAnswerThePolicyDecides(t *testing.T) {
	elsewhere := newBackend(t, (*httptest.Server).Start)
	for name, test := range map[string]struct {
		result string
		answer http.HandlerFunc
	}{
		"nothing": {resultTimeout, func(_ http.ResponseWriter, r *http.Request) { <-r.Context().Done() }},
		"half": {resultTimeout, func(w http.ResponseWriter, r *http.Request) {
			io.WriteString(w, `{"errCode"`)
			w.(http.Flusher).Flush()
			<-r.Context().Done()
		}},
		"hang up": {resultNetwork, func(http.ResponseWriter, *http.Request) { panic(http.ErrAbortHandler) }},
		"status":  {resultStatus, func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusInternalServerError) }},
		"redirect": {resultStatus, func(w http.ResponseWriter, r *http.Request) {
			http.Redirect(w, r, elsewhere.URL, http.StatusTemporaryRedirect)
		}},
		"page": {resultAnswer, func(w http.ResponseWriter, _ *http.Request) { io.WriteString(w, "<html>") }},
		"long": {resultAnswer, func(w http.ResponseWriter, _ *http.Request) {
			io.WriteString(w, `{"errCode":0}`+strings.Repeat(" ", maxAnswer))
		}},
		"long header": {resultNetwork, func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("X", strings.Repeat("x", maxAnswerHeader))
			io.WriteString(w, `{"errCode":0}`)
		}},
	} {
		t.Run(name, func(t *testing.T) {
			b, s := newBackend(t, (*httptest.Server).Start), newSite(t, Options{})
			b.answers(test.answer)
			closed := tenant(1, b.URL+"/path-of-secrets?key=private")
			closed.Callback.TimeoutMs = 300
			if err := s.Ask(t.Context(), closed, text("private")); wire.CodeOf(err) != wire.CodeBusy {
				t.Errorf("fail closed: %v", err)
			}
			open := *closed
			open.Callback.FailClosed = false
			if err := s.Ask(t.Context(), &open, text("private")); err != nil {
				t.Errorf("fail open: %v", err)
			}
			if got := s.counted("message", test.result); got != 2 {
				t.Errorf("%d counted as %s", got, test.result)
			}
			for _, private := range []string{"private", "path-of-secrets", secret, "html"} {
				if log := s.log.String(); strings.Contains(log, private) || !strings.Contains(log, "app_key=app") {
					t.Errorf("log: %s", log)
				}
			}
		})
	}
	if len(elsewhere.questions) != 0 {
		t.Error("a redirect was followed")
	}
}

// TestDeadBackendIsLeftAlone: once it is known not to answer, its tenant's users
// do not wait for it; when it answers again, it is asked again.
func TestDeadBackendIsLeftAlone(t *testing.T) {
	b := newBackend(t, (*httptest.Server).Start)
	s := newSite(t, Options{MinPause: time.Hour})
	app := tenant(1, b.URL)
	b.answers(func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusBadGateway) })
	for range breakerInRow {
		if err := s.Ask(t.Context(), app, text("x")); wire.CodeOf(err) != wire.CodeBusy {
			t.Fatal(err)
		}
	}
	asked := len(b.questions)
	for range 1000 {
		if err := s.Ask(t.Context(), app, text("x")); wire.CodeOf(err) != wire.CodeBusy {
			t.Fatal(err)
		}
	}
	if len(b.questions) != asked || s.counted("message", resultPaused) != 1000 || value(s.metrics.paused) != 1 {
		t.Errorf("%d questions to a backend that is left alone, %d counted", len(b.questions)-asked, s.counted("message", resultPaused))
	}
	if !strings.Contains(s.log.String(), "left alone") {
		t.Errorf("log: %s", s.log)
	}
	// Another URL is another backend.
	b.says(`{"errCode":0}`)
	if err := s.Ask(t.Context(), tenant(1, b.URL+"/other"), text("x")); err != nil {
		t.Errorf("at another URL: %v", err)
	}
	if got := value(s.metrics.paused); got != 0 {
		t.Errorf("%v backends are left alone", got)
	}

	s = newSite(t, Options{MinPause: time.Millisecond})
	b.answers(func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusBadGateway) })
	for range breakerInRow {
		_ = s.Ask(t.Context(), app, text("x"))
	}
	b.says(`{"errCode":0}`)
	eventually(t, "the backend is asked again", func() bool { return s.Ask(t.Context(), app, text("x")) == nil })
	if err := s.Ask(t.Context(), app, text("x")); err != nil || value(s.metrics.paused) != 0 {
		t.Errorf("after it has answered: %v", err)
	}
	if !strings.Contains(s.log.String(), "answers again") {
		t.Errorf("log: %s", s.log)
	}
}

// TestSlowBackendHurtsNobodyElse: while all that one tenant may ask is under way,
// another is served; and how much that is, is bounded.
func TestSlowBackendHurtsNobodyElse(t *testing.T) {
	slow, quick := newBackend(t, (*httptest.Server).Start), newBackend(t, (*httptest.Server).Start)
	s := newSite(t, Options{Concurrency: 3, MaxWaiting: 2})
	slow.hangs()
	ctx, cancel := context.WithCancel(t.Context())
	var asking sync.WaitGroup
	for range 5 {
		asking.Go(func() {
			if err := s.Ask(ctx, tenant(1, slow.URL), text("x")); !errors.Is(err, context.Canceled) && wire.CodeOf(err) != wire.CodeBusy {
				t.Errorf("who waits for a slow backend: %v", err)
			}
		})
	}
	eventually(t, "three are asked and two wait", func() bool {
		return value(s.metrics.asking) == 3 && value(s.metrics.waiting) == 2
	})
	if err := s.Ask(ctx, tenant(1, slow.URL), text("x")); wire.CodeOf(err) != wire.CodeBusy || s.counted("message", resultCrowded) != 1 {
		t.Errorf("one too many: %v", err)
	}
	for range 20 {
		if err := s.Ask(ctx, tenant(2, quick.URL), text("x")); err != nil {
			t.Errorf("another tenant: %v", err)
		}
	}
	cancel()
	asking.Wait()
	if got := value(s.metrics.asking) + value(s.metrics.waiting); got != 0 {
		t.Errorf("%v are asked or wait after the end", got)
	}
	// Giving up said nothing about the backend.
	slow.says(`{"errCode":0}`)
	if err := s.Ask(t.Context(), tenant(1, slow.URL), text("x")); err != nil {
		t.Errorf("after all was given up: %v", err)
	}
}

// TestWaitingIsNotTheBackendsFault: however many questions do not get their turn, a
// backend that answers is not left alone.
func TestWaitingIsNotTheBackendsFault(t *testing.T) {
	b, s := newBackend(t, (*httptest.Server).Start), newSite(t, Options{Concurrency: 1})
	release := make(chan struct{})
	b.answers(func(w http.ResponseWriter, _ *http.Request) {
		<-release
		io.WriteString(w, `{"errCode":0}`)
	})
	var asking sync.WaitGroup
	asking.Go(func() {
		if err := s.Ask(t.Context(), tenant(1, b.URL), text("x")); err != nil {
			t.Errorf("who was asked about: %v", err)
		}
	})
	b.next(t)
	hurried := tenant(1, b.URL)
	hurried.Callback.TimeoutMs = 2
	for range 2 * breakerWindow {
		if err := s.Ask(t.Context(), hurried, text("x")); wire.CodeOf(err) != wire.CodeBusy {
			t.Errorf("without a turn: %v", err)
		}
	}
	close(release)
	asking.Wait()
	if err := s.Ask(t.Context(), tenant(1, b.URL), text("x")); err != nil || s.counted("message", resultCrowded) != 2*breakerWindow {
		t.Errorf("after %d without a turn: %v", s.counted("message", resultCrowded), err)
	}
}

func TestConnectionsAreReused(t *testing.T) {
	b, s := newBackend(t, (*httptest.Server).Start), newSite(t, Options{})
	for range 50 {
		if err := s.Ask(t.Context(), tenant(1, b.URL), text("x")); err != nil {
			t.Fatal(err)
		}
	}
	if n := b.dials.Load(); n != 1 {
		t.Errorf("%d connections for 50 questions", n)
	}
	// A backend may close an idle connection at any moment.
	for range 50 {
		b.CloseClientConnections()
		if err := s.Ask(t.Context(), tenant(1, b.URL), text("x")); err != nil {
			t.Fatal(err)
		}
	}
}

func TestCertificatesAreVerified(t *testing.T) {
	b := newBackend(t, (*httptest.Server).StartTLS)
	roots := x509.NewCertPool()
	roots.AddCert(b.Certificate())
	if err := newSite(t, Options{Roots: roots}).Ask(t.Context(), tenant(1, b.URL), text("x")); err != nil {
		t.Errorf("a trusted certificate: %v", err)
	}
	asked := len(b.questions)
	s := newSite(t, Options{})
	if err := s.Ask(t.Context(), tenant(1, b.URL), text("x")); wire.CodeOf(err) != wire.CodeBusy || len(b.questions) != asked {
		t.Errorf("an unknown authority: %v", err)
	}
	if !strings.Contains(s.log.String(), "certificate is not valid") {
		t.Errorf("log: %s", s.log)
	}
}

func TestOnlyHTTPIsSpoken(t *testing.T) {
	s := newSite(t, Options{})
	for i, url := range []string{"file:///etc/passwd", "ftp://127.0.0.1/", "gopher://127.0.0.1/", "127.0.0.1", "http://%zz/"} {
		if err := s.Ask(t.Context(), tenant(uint32(i+1), url), text("x")); wire.CodeOf(err) != wire.CodeBusy {
			t.Errorf("%s: %v", url, err)
		}
	}
}

// TestBackendDiesMidRun: it is noticed, and nobody is refused by a policy that is open.
func TestBackendDiesMidRun(t *testing.T) {
	b := newBackend(t, (*httptest.Server).Start)
	s := newSite(t, Options{MinPause: time.Millisecond})
	open := tenant(1, b.URL)
	open.Callback.FailClosed = false
	var asking sync.WaitGroup
	stop := make(chan struct{})
	for range 8 {
		asking.Go(func() {
			for {
				if err := s.Ask(t.Context(), open, text("x")); err != nil {
					t.Errorf("fail open: %v", err)
				}
				select {
				case <-stop:
					return
				case <-time.After(time.Millisecond):
				}
			}
		})
	}
	b.next(t)
	address := b.Listener.Addr().String()
	b.Listener.Close()
	// Again and again: a connection that was being accepted while the others were
	// closed would keep this backend alive.
	eventually(t, "the backend is known to be dead", func() bool {
		b.CloseClientConnections()
		return s.counted("message", resultPaused) > 0
	})
	close(stop)
	asking.Wait()
	if s.counted("message", resultNetwork) < breakerInRow || !strings.Contains(s.log.String(), "left alone") {
		t.Errorf("%d failures at %s, log: %s", s.counted("message", resultNetwork), address, s.log)
	}
}

// BenchmarkAsk is one question and its answer, with the backend in this process.
func BenchmarkAsk(b *testing.B) {
	server, s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { io.WriteString(w, `{"errCode":0}`) })), newSite(b, Options{})
	defer server.Close()
	question, app := text("see you at the station at half past seven"), tenant(1, server.URL)
	b.ReportAllocs()
	for b.Loop() {
		if err := s.Ask(context.Background(), app, question); err != nil {
			b.Fatal(err)
		}
	}
}

// BenchmarkAskDead is what a message costs whose backend is known to be dead.
func BenchmarkAskDead(b *testing.B) {
	s := newSite(b, Options{MinPause: time.Hour})
	question, dead := text("x"), tenant(1, "http://127.0.0.1:1/")
	dead.Callback.FailClosed = false
	for range breakerInRow {
		_ = s.Ask(context.Background(), dead, question)
	}
	b.ReportAllocs()
	for b.Loop() {
		if err := s.Ask(context.Background(), dead, question); err != nil {
			b.Fatal(err)
		}
	}
}
