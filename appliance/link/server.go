package link

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
	"github.com/yizhan-im/yizhan/appliance/secure"
	"github.com/yizhan-im/yizhan/appliance/session"
	"github.com/yizhan-im/yizhan/appliance/source"
	"github.com/yizhan-im/yizhan/appliance/wire"
)

// Server is the gateway: it serves the connections of any number of listeners.
type Server struct {
	key     *secure.ServerKey
	handler session.Handler
	log     *limitlog.Logger
	metrics *metrics
	options atomic.Pointer[Options]
	started time.Time // what the times of connections count from
	pauses  pauses

	handshakes slots
	newcomers  source.Counter // connections that are not logged in
	// crypto holds a token for each handshake that is being computed: at most on
	// half of the cores, so that those who come do not hold up those who are here.
	crypto    chan struct{}
	flushers  []*flush.Flusher[*conn]
	nextFlush atomic.Uint32

	mu       sync.Mutex
	open     roster.Roster[*conn]
	draining bool          // nothing new is accepted
	closed   bool          // Close has been called
	stopped  bool          // writers are no longer waited for
	empty    chan struct{} // closed when no connection is left; nil while nobody waits

	goroutines sync.WaitGroup // of connections
	writers    sync.WaitGroup // of flushers
}

// pauses are waits that nobody needs to configure. Tests shorten them.
type pauses struct {
	// quiet is how long a client sends nothing before its goroutine is replaced by
	// one with a small stack; see read.go.
	quiet time.Duration
	// linger bounds the time from Conn.Close to the end of the connection: for
	// writing what is queued, and for the client to read it and close its end.
	linger time.Duration
	// grace is how long a client that Drain told to go may stay for its last
	// answers.
	grace time.Duration
}

var defaultPauses = pauses{quiet: time.Second, linger: 2 * time.Second, grace: 5 * time.Second}

// NewServer makes a gateway that serves with key and gives requests to h. Its
// metrics go to reg, which may be nil. Close releases what it holds.
func NewServer(key *secure.ServerKey, h session.Handler, logger *slog.Logger, reg prometheus.Registerer, o Options) *Server {
	s := &Server{
		key:     key,
		handler: h,
		log:     limitlog.New(logger),
		started: time.Now(),
		pauses:  defaultPauses,
		open:    roster.New(func(c *conn) *int { return &c.place }),
		crypto:  make(chan struct{}, max(1, runtime.GOMAXPROCS(0)/2)),
	}
	s.metrics = newMetrics(reg, s.newcomers.Len)
	s.options.Store(o.withDefaults())
	s.handshakes.init()
	for range runtime.GOMAXPROCS(0) {
		f := flush.New((*conn).flush, func(c *conn) **conn { return &c.nextDirty })
		s.flushers = append(s.flushers, f)
		s.writers.Go(f.Run)
	}
	return s
}

// SetOptions changes the limits. Connections that are open keep the timeouts
// and the queue they started with.
func (s *Server) SetOptions(o Options) {
	s.options.Store(o.withDefaults())
	s.handshakes.wake()
}

// Connections is how many connections are open, those that are not logged in
// included.
func (s *Server) Connections() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.open.Len()
}

// Close closes every connection, telling the client why when it can, and waits
// until their goroutines have ended. A connection that a listener accepts from
// then on is refused.
func (s *Server) Close() error {
	s.mu.Lock()
	s.draining, s.closed = true, true
	conns := s.open.All()
	s.mu.Unlock()
	s.handshakes.close()

	last := closePush(wire.CodeBusy, "the node is stopping")
	for _, c := range conns {
		c.Close(wire.CodeBusy, last)
	}
	s.goroutines.Wait()
	for _, f := range s.flushers {
		f.Stop()
	}
	s.mu.Lock()
	s.stopped = true
	s.mu.Unlock()
	s.writers.Wait()
	return nil
}

// startWriter starts a goroutine that Close waits for. It reports false when Close
// waits no more: whoever pushes to rooms may be that late.
func (s *Server) startWriter(run func()) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if !s.stopped {
		s.writers.Go(run)
	}
	return !s.stopped
}

func (s *Server) isClosed() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.closed
}

// now is the time since the server started, in nanoseconds. Connections keep
// their times in this form: it is small and monotonic.
func (s *Server) now() int64 {
	return int64(time.Since(s.started))
}

// register counts c among the open connections, and its goroutine among those
// that Close waits for. It reports false when no more are wanted.
func (s *Server) register(c *conn) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.draining || s.open.Len() >= c.options.MaxConnections || !s.newcomers.Enter(c.RemoteAddr().Addr(), c.options.PerSource) {
		return false
	}
	s.goroutines.Add(1)
	s.open.Add(c)
	s.metrics.connections.Set(float64(s.open.Len()))
	return true
}

// unregister is called by the last goroutine of a connection, at its end.
func (s *Server) unregister(c *conn) {
	c.settle() // at the latest
	s.mu.Lock()
	s.open.Remove(c)
	s.metrics.connections.Set(float64(s.open.Len()))
	if s.open.Len() == 0 && s.empty != nil {
		close(s.empty)
		s.empty = nil
	}
	s.mu.Unlock()
	s.goroutines.Done()
}
