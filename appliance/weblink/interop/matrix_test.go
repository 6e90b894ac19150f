package interop_test

import (
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"sync"
	"testing"
	"time"

	"github.com/yizhan-im/yizhan/appliance/weblink/engine"
)

// leastCases is what the matrix has for each server. It only grows.
const leastCases = 100

func TestStockClientWithEveryServer(t *testing.T) {
	for _, test := range []struct {
		name                  string
		deflate, tls, proxied bool
	}{
		{name: "plain"},
		{name: "deflate", deflate: true},
		{name: "TLS", tls: true},
		{name: "reverse proxy with TLS and deflate", proxied: true, tls: true, deflate: true},
	} {
		t.Run(test.name, func(t *testing.T) {
			folder(t)
			s := newServer(t, test.deflate)
			start := httptest.NewServer
			if test.tls {
				start = httptest.NewTLSServer
			}
			front := start(s.behind(t, test.proxied))
			t.Cleanup(front.Close)
			var env []string
			if test.tls {
				env = trust(t, front)
			}
			run(t, leastCases, env, "matrix.mjs", front.URL)
		})
	}
}

// server is the Socket.IO server under test with the paths that the cases need.
type server struct {
	mux     *http.ServeMux
	engines []*engine.Server
	desk    *desk
}

func newServer(t *testing.T, deflate bool) *server {
	t.Helper()
	s := &server{mux: http.NewServeMux()}
	app := newEcho()
	packets := app.server()
	start := func(o engine.Options) *engine.Server {
		o.Deflate, o.QueueBytes = deflate, 16<<20 // several 300-KB messages may wait
		e := engine.NewServer(packets, slog.New(slog.DiscardHandler), nil, o)
		s.engines = append(s.engines, e)
		return e
	}
	usual := start(engine.Options{})
	s.mux.Handle("/socket.io/", usual)
	s.mux.Handle("/socket.io", usual) // clients with addTrailingSlash: false
	s.mux.Handle("/brisk/", start(engine.Options{PingInterval: 100 * time.Millisecond}))
	s.mux.Handle("/strict/", start(engine.Options{PingInterval: 100 * time.Millisecond, PingTimeout: time.Second}))
	s.mux.Handle("/no-websocket/", withoutWebSocket(usual))
	s.mux.Handle("/stuck-websocket/", stuckWebSocket(t, usual))
	s.mux.Handle("/busy/{client}/", busyAtFirst(usual))

	s.desk = newDesk()
	s.mux.Handle("/desk/", s.desk.mux)
	s.mux.HandleFunc("GET /desk", func(w http.ResponseWriter, r *http.Request) {
		answer(w, map[string]any{"deflate": deflate})
	})
	t.Cleanup(func() {
		s.desk.close()
		for _, e := range s.engines {
			// Those are left whose network a case has cut.
			if err := e.Close(); err != nil {
				t.Errorf("closing a server: %v", err)
			}
			if n := e.Connections(); n != 0 {
				t.Errorf("%d sessions are left after Close", n)
			}
		}
		app.late.Wait()
	})
	return s
}

// behind is what clients talk to: the server, or a reverse proxy before it.
func (s *server) behind(t *testing.T, proxied bool) http.Handler {
	t.Helper()
	if !proxied {
		return s.mux
	}
	back := httptest.NewServer(s.mux)
	t.Cleanup(back.Close)
	target, err := url.Parse(back.URL)
	if err != nil {
		t.Fatal(err)
	}
	proxy := &httputil.ReverseProxy{Rewrite: func(r *httputil.ProxyRequest) {
		r.SetURL(target)
		r.SetXForwarded()
	}}
	proxy.ErrorLog = slog.NewLogLogger(slog.DiscardHandler, slog.LevelError)
	return proxy
}

func isWebSocket(r *http.Request) bool { return r.Header.Get("Upgrade") != "" }

// withoutWebSocket is as a proxy that does not know WebSocket.
func withoutWebSocket(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if isWebSocket(r) {
			http.Error(w, "no WebSocket here", http.StatusBadRequest)
			return
		}
		next.ServeHTTP(w, r)
	})
}

// stuckWebSocket is as a proxy in which WebSocket handshakes get lost.
func stuckWebSocket(t *testing.T, next http.Handler) http.Handler {
	done := make(chan struct{})
	t.Cleanup(sync.OnceFunc(func() { close(done) }))
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if !isWebSocket(r) {
			next.ServeHTTP(w, r)
			return
		}
		select {
		case <-done:
		case <-r.Context().Done():
		}
	})
}

// busyAtFirst is as a node that starts: each client is turned away twice.
func busyAtFirst(next http.Handler) http.Handler {
	var mu sync.Mutex
	turned := map[string]int{}
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Query().Get("sid") == "" {
			mu.Lock()
			turned[r.PathValue("client")]++
			busy := turned[r.PathValue("client")] <= 2
			mu.Unlock()
			if busy {
				w.Header().Set("Retry-After", "1")
				http.Error(w, "busy", http.StatusServiceUnavailable)
				return
			}
		}
		next.ServeHTTP(w, r)
	})
}
