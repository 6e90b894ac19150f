package janitor

import (
	"time"

	"github.com/prometheus/client_golang/prometheus"
)

// metrics are of this node: only the leader's move.
type metrics struct {
	pruned         prometheus.Counter
	last, duration prometheus.Gauge
	logs, messages prometheus.Gauge

	files, fileBytes, abortedUploads prometheus.Counter

	jumps prometheus.Counter
}

func newMetrics(reg prometheus.Registerer) *metrics {
	gauge := func(name, help string) prometheus.Gauge {
		return prometheus.NewGauge(prometheus.GaugeOpts{Name: "yizhan_retention_" + name, Help: help})
	}
	counter := func(name, help string) prometheus.Counter {
		return prometheus.NewCounter(prometheus.CounterOpts{Name: "yizhan_retention_" + name, Help: help})
	}
	m := &metrics{
		files:          counter("removed_files_total", "Files that were removed because they were over, or because their tenant's backend asked for it."),
		fileBytes:      counter("removed_file_bytes_total", "Bytes that they had."),
		abortedUploads: counter("aborted_uploads_total", "Uploads to the storage of files that had broken off and were given up."),
		jumps:          counter("clock_jumps_total", "Times that the machine's clock has jumped ahead by more than an hour, so that nothing is removed for its age for a day."),
		pruned: prometheus.NewCounter(prometheus.CounterOpts{
			Name: "yizhan_retention_pruned_messages_total",
			Help: "Messages that were removed because they were older, or more, than their tenant keeps.",
		}),
		last:     gauge("last_pass_timestamp_seconds", "When all conversations had been looked through for old messages; 0 when this node has not done that."),
		duration: gauge("last_pass_seconds", "How long that took."),
		logs:     gauge("conversations", "Conversations of one to one and of teams that the last pass found."),
		messages: gauge("messages", "Messages that they hold."),
	}
	if reg != nil {
		reg.MustRegister(m.pruned, m.last, m.duration, m.logs, m.messages, m.files, m.fileBytes, m.abortedUploads, m.jumps)
	}
	return m
}

// passed takes note of a pass that is over.
func (m *metrics) passed(p *pass, now time.Time, took time.Duration) {
	m.last.Set(float64(now.UnixMilli()) / 1000)
	m.duration.Set(took.Seconds())
	if !p.partial {
		m.logs.Set(float64(p.logs))
		m.messages.Set(float64(p.messages))
	}
}
