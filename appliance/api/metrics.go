package api

import (
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/yizhan-im/yizhan/appliance/wire"
)

// metrics count requests. Labels hold only names of known actions and codes.
type metrics struct {
	requests  *prometheus.CounterVec
	seconds   *prometheus.HistogramVec
	forgotten prometheus.Counter
}

func newMetrics(reg prometheus.Registerer) *metrics {
	m := &metrics{
		requests: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "yizhan_api_requests_total",
			Help: "HTTP API requests by action and result code.",
		}, []string{"action", "code"}),
		seconds: prometheus.NewHistogramVec(prometheus.HistogramOpts{
			Name:    "yizhan_api_request_seconds",
			Help:    "Time to serve an HTTP API request.",
			Buckets: prometheus.ExponentialBuckets(0.0005, 2, 14), // 0.5 ms to 4 s
		}, []string{"action"}),
		forgotten: prometheus.NewCounter(prometheus.CounterOpts{
			Name: "yizhan_api_replay_window_cut_total",
			Help: "How often requests had to be forgotten before their time, so that a replay of them would be served.",
		}),
	}
	if reg != nil {
		reg.MustRegister(m.requests, m.seconds, m.forgotten)
	}
	return m
}

func (m *metrics) observe(action string, code wire.Code, elapsed time.Duration) {
	m.requests.WithLabelValues(action, code.String()).Inc()
	m.seconds.WithLabelValues(action).Observe(elapsed.Seconds())
}
