package engine

import (
	"log/slog"
	"runtime"
	"sync"
	"sync/atomic"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/yizhan-im/yizhan/appliance/flush"
	"github.com/yizhan-im/yizhan/appliance/limitlog"
	"github.com/yizhan-im/yizhan/appliance/roster"
	"github.com/yizhan-im/yizhan/appliance/source"
)

// Server serves the sessions of one node. It outlives the HTTP servers that give
// it requests.
type Server struct {
	handler   Handler
	log       *limitlog.Logger
	metrics   *metrics
	options   atomic.Pointer[Options]
	started   time.Time // what the times of sessions count from
	pauses    pauses
	sids      registry
	newcomers source.Counter // sessions without Established

	flushers  []*flush.Flusher[*Conn]
	nextFlush atomic.Uint32

	mu       sync.Mutex
	open     roster.Roster[*Conn]
	draining bool        // nothing new is accepted
	closed   atomic.Bool // Close has been called; written under mu

	goroutines sync.WaitGroup // of sessions and of WebSockets that are probed
	writers    sync.WaitGroup // of flushers
}

// pauses are waits that nobody needs to configure. Tests shorten them.
type pauses struct {
	// quiet is how long a client sends nothing before its goroutine is replaced by
	// one with a small stack; see read.go.
	quiet time.Duration
	// quietLayered is quiet for TLS, where the wait also holds a buffer.
	quietLayered time.Duration
	// linger bounds the time from Conn.Close to the end of the session: for writing
	// what is queued, and for the client to read it and close its end.
	linger time.Duration
	// probed is how long a poll waits while the client changes to WebSocket and
	// needs to see its polls end.
	probed time.Duration
	// body is how long the body of a POST may take.
	body time.Duration
}

var defaultPauses = pauses{
	quiet:        time.Second,
	quietLayered: 100 * time.Millisecond,
	linger:       2 * time.Second,
	probed:       100 * time.Millisecond,
	body:         30 * time.Second,
}

// NewServer makes a server that gives its sessions to h. Its metrics go to reg,
// which may be nil. Close releases what it holds.
func NewServer(h Handler, logger *slog.Logger, reg prometheus.Registerer, o Options) *Server {
	s := &Server{
		handler: h,
		log:     limitlog.New(logger),
		started: time.Now(),
		pauses:  defaultPauses,
		open:    roster.New(func(c *Conn) *int { return &c.place }),
	}
	s.metrics = newMetrics(reg, s.newcomers.Len)
	s.options.Store(o.withDefaults())
	s.sids.init()
	for range runtime.GOMAXPROCS(0) {
		f := flush.New((*Conn).flush, func(c *Conn) **Conn { return &c.nextDirty })
		s.flushers = append(s.flushers, f)
		s.writers.Go(f.Run)
	}
	return s
}

// SetOptions changes the limits of sessions that are opened from now on.
func (s *Server) SetOptions(o Options) { s.options.Store(o.withDefaults()) }

// Connections is how many sessions are open.
func (s *Server) Connections() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.open.Len()
}

// StopAccepting refuses new sessions with HTTP 503; those that are open go on.
func (s *Server) StopAccepting() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.draining = true
}

// ReleasePolls answers the polls that wait, with a noop, so that an HTTP server
// that shuts down need not wait for them. Clients poll again at once.
func (s *Server) ReleasePolls() {
	for _, c := range s.all() {
		c.releasePoll()
	}
}

// Close closes all sessions, telling the clients when it can, and waits until
// their goroutines have ended. Requests that come from then on are refused.
func (s *Server) Close() error {
	s.mu.Lock()
	s.draining = true
	s.closed.Store(true)
	s.mu.Unlock()
	for _, c := range s.all() {
		c.close(ReasonShutdown, ending{patient: true})
	}
	s.goroutines.Wait()
	for _, f := range s.flushers {
		f.Stop()
	}
	s.writers.Wait()
	return nil
}

func (s *Server) isClosed() bool { return s.closed.Load() }

// now is the time since the server started, in nanoseconds. Sessions keep their
// times in this form: it is small and monotonic.
func (s *Server) now() int64 { return int64(time.Since(s.started)) }

func (s *Server) all() []*Conn {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.open.All()
}

// register counts c among the open sessions, and its goroutine among those that
// Close waits for. It returns how that went, as metrics show it.
func (s *Server) register(c *Conn) (result string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	switch {
	case s.draining:
		return openStopping
	case s.open.Len() >= c.options.MaxConnections:
		return openFull
	case !s.newcomers.Enter(c.remote.Addr(), c.options.PerSource):
		return openSource
	}
	s.goroutines.Add(1)
	s.open.Add(c)
	return openOK
}

// unregister is called at the end of a session.
func (s *Server) unregister(c *Conn) {
	c.Established() // at the latest
	s.mu.Lock()
	s.open.Remove(c)
	s.mu.Unlock()
	s.goroutines.Done()
}

// guest counts a goroutine that is not yet a session's. It reports false after
// Close.
func (s *Server) guest() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed.Load() {
		return false
	}
	s.goroutines.Add(1)
	return true
}
