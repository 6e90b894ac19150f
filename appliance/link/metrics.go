package link

import (
	"errors"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/yizhan-im/yizhan/appliance/secure"
)

// The results of a handshake, as metrics show them.
const (
	handshakeOK      = "ok"
	handshakeRefused = "refused"  // too many connections, of all or from one source, or the node drains
	handshakeTimeout = "timeout"  // no hello in time
	handshakeVersion = "version"  // a protocol version that is not served
	handshakeForeign = "foreign"  // another protocol
	handshakeInvalid = "invalid"  // malformed, or for another server's key
	handshakeLeft    = "left"     // the client closed, or the network failed
	handshakeStopped = "stopping" // the node closed
)

// metrics are counted once per read, write, connection or failure, not per
// frame.
type metrics struct {
	connections   prometheus.Gauge
	handshakes    *prometheus.CounterVec // by result
	closes        *prometheus.CounterVec // by reason
	bytesIn       prometheus.Counter
	bytesOut      prometheus.Counter
	framesIn      prometheus.Counter
	framesOut     prometheus.Counter
	queueCutoffs  prometheus.Counter
	writeTimeouts prometheus.Counter
	acceptErrors  prometheus.Counter
}

// newMetrics registers the metrics; sources is how many sources have newcomers.
func newMetrics(reg prometheus.Registerer, sources func() int) *metrics {
	counter := func(name, help string) prometheus.Counter {
		return prometheus.NewCounter(prometheus.CounterOpts{Name: "yizhan_link_" + name, Help: help})
	}
	vector := func(name, help, label string) *prometheus.CounterVec {
		return prometheus.NewCounterVec(prometheus.CounterOpts{Name: "yizhan_link_" + name, Help: help}, []string{label})
	}
	m := &metrics{
		connections:   prometheus.NewGauge(prometheus.GaugeOpts{Name: "yizhan_link_connections", Help: "Open connections, those not logged in included."}),
		handshakes:    vector("handshakes_total", "Handshakes by result.", "result"),
		closes:        vector("closes_total", "Connections that ended after their handshake, by the code of the reason.", "reason"),
		bytesIn:       counter("received_bytes_total", "Bytes read from clients."),
		bytesOut:      counter("sent_bytes_total", "Bytes written to clients."),
		framesIn:      counter("received_frames_total", "Frames received from clients."),
		framesOut:     counter("sent_frames_total", "Frames written to clients."),
		queueCutoffs:  counter("queue_cutoffs_total", "Connections closed because their queue was full."),
		writeTimeouts: counter("write_timeouts_total", "Connections closed because the client accepted nothing for too long."),
		acceptErrors:  counter("accept_errors_total", "Failures to accept a connection."),
	}
	if reg != nil {
		reg.MustRegister(prometheus.NewGaugeFunc(prometheus.GaugeOpts{Name: "yizhan_link_newcomer_sources", Help: "Sources (IPv4 addresses, IPv6 /64) with connections that are not logged in."}, func() float64 { return float64(sources()) }))
		reg.MustRegister(m.connections, m.handshakes, m.closes, m.bytesIn, m.bytesOut, m.framesIn, m.framesOut,
			m.queueCutoffs, m.writeTimeouts, m.acceptErrors)
	}
	return m
}

// handshakeFailed counts and logs a connection that never got a session, because
// of err or because the server stopped it.
func (s *Server) handshakeFailed(c *conn, err error, stopped bool) {
	s.handshakes.release()
	result := handshakeLeft
	switch {
	case stopped:
		result = handshakeStopped
	case errors.Is(err, errExpired):
		result = handshakeTimeout
	case errors.Is(err, secure.ErrVersion):
		result = handshakeVersion
	case errors.Is(err, secure.ErrNotLink):
		result = handshakeForeign
	case errors.Is(err, secure.ErrHandshake):
		result = handshakeInvalid
	}
	s.metrics.handshakes.WithLabelValues(result).Inc()
	s.log.Debug("link: handshake failed", "remote", c.socket.RemoteAddr(), "result", result, "error", err)
}
