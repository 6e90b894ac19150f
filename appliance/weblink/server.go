package weblink

import (
	"log/slog"
	"net/http"
	"sync"
	"sync/atomic"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/yizhan-im/yizhan/appliance/limitlog"
	"github.com/yizhan-im/yizhan/appliance/roster"
	"github.com/yizhan-im/yizhan/appliance/session"
	"github.com/yizhan-im/yizhan/appliance/weblink/engine"
	"github.com/yizhan-im/yizhan/appliance/weblink/socket"
	"github.com/yizhan-im/yizhan/appliance/wire"
)

// Transport is the gateway's name, as Conn.Transport gives it.
const Transport = "weblink"

// Namespace is the only namespace that clients may join.
const Namespace = "/"

// drainGrace is how long a client that Drain told to go may stay for its last
// answers.
const drainGrace = 5 * time.Second

// Server is the gateway. It is an http.Handler and outlives the HTTP servers that
// give it requests.
type Server struct {
	handler  session.Handler
	log      *limitlog.Logger
	metrics  *metrics
	options  atomic.Pointer[Options]
	engine   *engine.Server
	loggedIn atomic.Int64
	grace    time.Duration // drainGrace; tests shorten it

	mu       sync.Mutex
	conns    roster.Roster[*conn] // those that have a session of the handler
	draining bool                 // nothing new is accepted
	empty    chan struct{}        // closed when no conn is left; nil while nobody waits
}

// NewServer makes a gateway that gives requests to h. Its metrics go to reg, which
// may be nil. Close releases what it holds.
func NewServer(h session.Handler, logger *slog.Logger, reg prometheus.Registerer, o Options) *Server {
	s := &Server{
		handler: h, log: limitlog.New(logger), grace: drainGrace,
		conns: roster.New(func(c *conn) *int { return &c.place }),
	}
	full := o.withDefaults()
	s.options.Store(full)
	s.metrics = newMetrics(reg, func() float64 { return float64(s.loggedIn.Load()) })
	packets := socket.NewServer(s.namespace, socket.Options{})
	s.engine = engine.NewServer(packets, logger, reg, full.engine())
	return s
}

func (s *Server) namespace(name string) socket.Namespace {
	if name == Namespace {
		return (*namespace)(s)
	}
	return nil
}

// ServeHTTP implements http.Handler. The path does not matter; r.RemoteAddr is
// taken for the client's address.
func (s *Server) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if s.pending() >= s.options.Load().MaxPending && opensSession(r) {
		s.metrics.refusedPending.Inc()
		s.log.Warn("weblink: too many clients that are not logged in", "remote", r.RemoteAddr)
		s.engine.Busy(w, r)
		return
	}
	s.engine.ServeHTTP(w, r)
}

// pending is how many sessions are open without being logged in.
func (s *Server) pending() int {
	return s.engine.Connections() - int(s.loggedIn.Load())
}

// opensSession reports whether r is a handshake: requests of an open session name
// it (Engine.IO protocol, "Handshake").
func opensSession(r *http.Request) bool {
	return r.URL.Query().Get("sid") == ""
}

// SetOptions changes the limits. Sessions that are open keep the timeouts and the
// queue they started with.
func (s *Server) SetOptions(o Options) {
	full := o.withDefaults()
	s.options.Store(full)
	s.engine.SetOptions(full.engine())
}

// Connections is how many sessions are open, those that are not logged in
// included.
func (s *Server) Connections() int { return s.engine.Connections() }

// ReleasePolls answers the polls that wait, so that an HTTP server that shuts down
// need not wait for them. Clients poll again at once.
func (s *Server) ReleasePolls() { s.engine.ReleasePolls() }

// Close closes every session, telling the client why when it can, and waits until
// their goroutines have ended. Whoever connects from then on is refused.
func (s *Server) Close() error {
	s.engine.StopAccepting()
	s.mu.Lock()
	s.draining = true
	conns := s.conns.All()
	s.mu.Unlock()
	last := closePush(wire.CodeBusy, "the node is stopping")
	for _, c := range conns {
		c.Close(wire.CodeBusy, last)
	}
	return s.engine.Close()
}

// register counts c among the open connections. It reports false when no more are
// wanted.
func (s *Server) register(c *conn) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.draining {
		return false
	}
	s.conns.Add(c)
	return true
}

func (s *Server) unregister(c *conn) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.conns.Remove(c)
	if s.conns.Len() == 0 && s.empty != nil {
		close(s.empty)
		s.empty = nil
	}
}
