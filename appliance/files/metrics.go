package files

import "github.com/prometheus/client_golang/prometheus"

// The kinds of uploads, and the results of requests, as metrics show them. A
// refusal is shown by the name of its Error.
const (
	kindResumable = "resumable"
	kindSingle    = "single"
	resultOK      = "ok"
)

type metrics struct {
	requests   *prometheus.CounterVec // by operation and result
	finished   *prometheus.CounterVec // by kind
	received   prometheus.Counter
	sent       prometheus.Counter
	expired    prometheus.Counter
	removed    prometheus.Counter
	transfers  prometheus.Gauge
	thumbnails *prometheus.CounterVec // by result
	thumbTime  prometheus.Histogram
	thumbBytes prometheus.Gauge
	putTime    prometheus.Histogram
}

func newMetrics(reg prometheus.Registerer, unfinished func() float64, unwritten func() float64) *metrics {
	counter := func(name, help string) prometheus.Counter {
		return prometheus.NewCounter(prometheus.CounterOpts{Name: "yizhan_files_" + name, Help: help})
	}
	vector := func(name, help string, labels ...string) *prometheus.CounterVec {
		return prometheus.NewCounterVec(prometheus.CounterOpts{Name: "yizhan_files_" + name, Help: help}, labels)
	}
	gauge := func(name, help string) prometheus.Gauge {
		return prometheus.NewGauge(prometheus.GaugeOpts{Name: "yizhan_files_" + name, Help: help})
	}
	gaugeFunc := func(name, help string, f func() float64) prometheus.GaugeFunc {
		return prometheus.NewGaugeFunc(prometheus.GaugeOpts{Name: "yizhan_files_" + name, Help: help}, f)
	}
	seconds := func(name, help string) prometheus.Histogram {
		return prometheus.NewHistogram(prometheus.HistogramOpts{
			Name: "yizhan_files_" + name, Help: help, Buckets: prometheus.ExponentialBuckets(0.001, 4, 8),
		})
	}
	m := &metrics{
		requests:   vector("requests_total", "Requests by operation and result.", "operation", "result"),
		finished:   vector("uploads_finished_total", "Uploads that became files, by kind.", "kind"),
		received:   counter("received_bytes_total", "Bytes of content taken from clients."),
		sent:       counter("sent_bytes_total", "Bytes of content given to clients."),
		expired:    counter("uploads_expired_total", "Unfinished uploads that were removed because nothing came any more."),
		removed:    counter("removed_total", "Files that were deleted by who had uploaded them, or with their message."),
		transfers:  gauge("transfers", "Requests that send or receive content now."),
		thumbnails: vector("thumbnails_total", "Thumbnails asked for, by result.", "result"),
		thumbTime:  seconds("thumbnail_seconds", "Time to make a thumbnail."),
		thumbBytes: gauge("thumbnail_cache_bytes", "What thumbnails take on disk."),
		putTime:    seconds("store_seconds", "Time from an upload's last byte to a durable file."),
	}
	if reg != nil {
		reg.MustRegister(m.requests, m.finished, m.received, m.sent, m.expired, m.removed, m.transfers, m.thumbnails, m.thumbTime, m.thumbBytes, m.putTime,
			gaugeFunc("uploads_unfinished", "Unfinished uploads.", unfinished),
			gaugeFunc("uploads_unwritten_bytes", "Bytes that unfinished uploads have announced and not sent yet.", unwritten))
	}
	return m
}
