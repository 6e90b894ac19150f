package room

import "github.com/prometheus/client_golang/prometheus"

// metrics count what all rooms of the node do; no room has series of its own,
// which clients could make without bound.
type metrics struct {
	messages, deliveries, abandoned, refused, unannounced prometheus.Counter
	lag                                                   prometheus.Histogram
}

func newMetrics(reg prometheus.Registerer, rs *Rooms) *metrics {
	counter := func(name, help string) prometheus.Counter {
		return prometheus.NewCounter(prometheus.CounterOpts{Name: name, Help: help})
	}
	m := &metrics{
		messages:    counter("yizhan_room_messages_total", "Messages and notices that were sent to rooms."),
		deliveries:  counter("yizhan_room_deliveries_total", "Pushes of room messages, one for each member that a message was queued for."),
		abandoned:   counter("yizhan_room_abandoned_total", "Messages of low priority that were not sent because their room was overloaded."),
		refused:     counter("yizhan_room_refused_total", "Other messages that were not sent because the queue of their room was full."),
		unannounced: counter("yizhan_room_unannounced_total", "Entries and exits that a large room was not told of."),
		lag: prometheus.NewHistogram(prometheus.HistogramOpts{
			Name:    "yizhan_room_lag_seconds",
			Help:    "From a room message's place in the order until it is in the queues of all members' connections.",
			Buckets: prometheus.ExponentialBuckets(0.0001, 2.5, 11), // 0.1 ms … 1 s
		}),
	}
	if reg != nil {
		reg.MustRegister(m.messages, m.deliveries, m.abandoned, m.refused, m.unannounced, m.lag,
			prometheus.NewGaugeFunc(prometheus.GaugeOpts{
				Name: "yizhan_room_rooms", Help: "Rooms that have members on this node.",
			}, func() float64 { return float64(rs.rooms.Load()) }),
			prometheus.NewGaugeFunc(prometheus.GaugeOpts{
				Name: "yizhan_room_members", Help: "Memberships of sessions in rooms of this node.",
			}, func() float64 { return float64(rs.members.Load()) }),
			prometheus.NewGaugeFunc(prometheus.GaugeOpts{
				Name: "yizhan_room_waiting", Help: "Room messages that not all members' connections have in their queues.",
			}, func() float64 { return float64(rs.waiting.Load()) }))
	}
	return m
}
