package presence

import "github.com/prometheus/client_golang/prometheus"

type metrics struct {
	back, lost, hasty          prometheus.Counter
	coalesced, dropped, failed prometheus.Counter
	events, deliveries         prometheus.Counter
}

func newMetrics(reg prometheus.Registerer, s *Service) *metrics {
	devices := prometheus.NewCounterVec(prometheus.CounterOpts{
		Name: "yizhan_presence_lost_devices_total",
		Help: "Devices whose connection was lost: back within the grace period, offline after it, or at once because too many were lost.",
	}, []string{"outcome"})
	changes := prometheus.NewCounterVec(prometheus.CounterOpts{
		Name: "yizhan_presence_changes_total",
		Help: "Changes of presence: told to at least one device, coalesced with one that waited, dropped because too many waited, or failed.",
	}, []string{"outcome"})
	m := &metrics{
		back: devices.WithLabelValues("back"), lost: devices.WithLabelValues("offline"), hasty: devices.WithLabelValues("at_once"),
		coalesced: changes.WithLabelValues("coalesced"), dropped: changes.WithLabelValues("dropped"),
		failed: changes.WithLabelValues("failed"), events: changes.WithLabelValues("told"),
		deliveries: prometheus.NewCounter(prometheus.CounterOpts{
			Name: "yizhan_presence_deliveries_total",
			Help: "Presences queued for one session each.",
		}),
	}
	if reg != nil {
		reg.MustRegister(devices, changes, m.deliveries,
			prometheus.NewGaugeFunc(prometheus.GaugeOpts{
				Name: "yizhan_presence_changes_waiting",
				Help: "Accounts whose subscribers are still to be told of a change.",
			}, func() float64 { return float64(s.waiting()) }),
			prometheus.NewGaugeFunc(prometheus.GaugeOpts{
				Name: "yizhan_presence_lingering_devices",
				Help: "Lost devices that still count as online.",
			}, func() float64 { return float64(s.lingerers()) }))
	}
	return m
}

func (s *Service) waiting() int {
	s.queueMu.Lock()
	defer s.queueMu.Unlock()
	return len(s.queued)
}

func (d *Directory) lingerers() int {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.total
}
