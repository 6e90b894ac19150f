package engine

import (
	"log/slog"
	"net/http"
	"sync/atomic"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/yizhan-im/yizhan/appliance/limitlog"
)

// Server serves the sessions of one node. It outlives the HTTP servers that give
// it requests.
type Server struct {
	handler Handler
	log     *limitlog.Logger
	options atomic.Pointer[Options]
}

// NewServer makes a server that gives its sessions to h. Its metrics go to reg,
// which may be nil. Close releases what it holds.
func NewServer(h Handler, logger *slog.Logger, reg prometheus.Registerer, o Options) *Server {
	s := &Server{handler: h, log: limitlog.New(logger)}
	s.options.Store(o.withDefaults())
	return s
}

// ServeHTTP implements http.Handler. The path does not matter; r.RemoteAddr is
// taken for the client's address.
func (s *Server) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	http.Error(w, "not served yet", http.StatusServiceUnavailable)
}

// SetOptions changes the limits of sessions that are opened from now on.
func (s *Server) SetOptions(o Options) { s.options.Store(o.withDefaults()) }

// Connections is how many sessions are open.
func (s *Server) Connections() int { return 0 }

// StopAccepting refuses new sessions with HTTP 503; those that are open go on.
func (s *Server) StopAccepting() {}

// ReleasePolls answers the polls that wait, with a noop, so that an HTTP server
// that shuts down need not wait for them. Clients poll again at once.
func (s *Server) ReleasePolls() {}

// Close closes all sessions and waits until their goroutines have ended.
func (s *Server) Close() error { return nil }
