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
}

func newMetrics(reg prometheus.Registerer) *metrics {
	gauge := func(name, help string) prometheus.Gauge {
		return prometheus.NewGauge(prometheus.GaugeOpts{Name: "yizhan_retention_" + name, Help: help})
	}
	m := &metrics{
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
		reg.MustRegister(m.pruned, m.last, m.duration, m.logs, m.messages)
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
