package engine

import "github.com/prometheus/client_golang/prometheus"

// Transports, as queries and metrics name them.
const (
	transportPolling   = "polling"
	transportWebSocket = "websocket"
)

// The results of a request to open a session, as metrics show them.
const (
	openOK       = "ok"
	openFull     = "full"     // Options.MaxConnections
	openSource   = "source"   // Options.PerSource
	openStopping = "stopping" // StopAccepting or Close
	openRefused  = "refused"  // not a request that opens a session
	openOrigin   = "origin"   // another origin than Options.Origins
)

// The results of an upgrade from polling to WebSocket.
const (
	upgradeOK      = "ok"
	upgradeRefused = "refused" // another one is under way, or done
	upgradeTimeout = "timeout"
	upgradeInvalid = "invalid" // not what the protocol says
	upgradeLeft    = "left"    // the connection or the session ended
)

// metrics are counted once per read, write, session or failure, not per message.
type metrics struct {
	sessions      *prometheus.GaugeVec   // by transport
	opens         *prometheus.CounterVec // by result
	closes        *prometheus.CounterVec // by reason
	upgrades      *prometheus.CounterVec // by result
	bytesIn       prometheus.Counter
	bytesOut      prometheus.Counter
	messagesIn    prometheus.Counter
	messagesOut   prometheus.Counter
	queueCutoffs  prometheus.Counter
	writeTimeouts prometheus.Counter
}

// newMetrics registers the metrics; sources is how many sources have newcomers.
func newMetrics(reg prometheus.Registerer, sources func() int) *metrics {
	counter := func(name, help string) prometheus.Counter {
		return prometheus.NewCounter(prometheus.CounterOpts{Name: "yizhan_weblink_" + name, Help: help})
	}
	vector := func(name, help, label string) *prometheus.CounterVec {
		return prometheus.NewCounterVec(prometheus.CounterOpts{Name: "yizhan_weblink_" + name, Help: help}, []string{label})
	}
	m := &metrics{
		sessions:      prometheus.NewGaugeVec(prometheus.GaugeOpts{Name: "yizhan_weblink_sessions", Help: "Open sessions, those not logged in included, by transport."}, []string{"transport"}),
		opens:         vector("opens_total", "Requests to open a session, by result.", "result"),
		closes:        vector("closes_total", "Sessions that ended, by reason.", "reason"),
		upgrades:      vector("upgrades_total", "WebSockets opened to replace polling, by result.", "result"),
		bytesIn:       counter("received_bytes_total", "Bytes read from clients: frames and bodies."),
		bytesOut:      counter("sent_bytes_total", "Bytes written to clients: frames and bodies."),
		messagesIn:    counter("received_messages_total", "Packets received from clients, heartbeat included."),
		messagesOut:   counter("sent_messages_total", "Packets written to clients, heartbeat included."),
		queueCutoffs:  counter("queue_cutoffs_total", "Sessions closed because their queue was full."),
		writeTimeouts: counter("write_timeouts_total", "Sessions closed because the client accepted nothing for too long."),
	}
	if reg != nil {
		reg.MustRegister(prometheus.NewGaugeFunc(prometheus.GaugeOpts{Name: "yizhan_weblink_newcomer_sources", Help: "Sources (IPv4 addresses, IPv6 /64) with sessions that are not logged in."}, func() float64 { return float64(sources()) }))
		reg.MustRegister(m.sessions, m.opens, m.closes, m.upgrades, m.bytesIn, m.bytesOut, m.messagesIn, m.messagesOut,
			m.queueCutoffs, m.writeTimeouts)
	}
	return m
}

func (m *metrics) opened(transport string) {
	m.opens.WithLabelValues(openOK).Inc()
	m.sessions.WithLabelValues(transport).Inc()
}

func (m *metrics) upgraded() {
	m.upgrades.WithLabelValues(upgradeOK).Inc()
	m.sessions.WithLabelValues(transportPolling).Dec()
	m.sessions.WithLabelValues(transportWebSocket).Inc()
}

func (m *metrics) closed(reason Reason, ws bool) {
	m.closes.WithLabelValues(reason.String()).Inc()
	transport := transportPolling
	if ws {
		transport = transportWebSocket
	}
	m.sessions.WithLabelValues(transport).Dec()
}
