package room

import "github.com/prometheus/client_golang/prometheus"

// metrics count what all rooms of the node do; no room has series of its own,
// which clients could make without bound.
type metrics struct {
	messages, deliveries prometheus.Counter
}

func newMetrics(reg prometheus.Registerer, rs *Rooms) *metrics {
	m := &metrics{
		messages: prometheus.NewCounter(prometheus.CounterOpts{
			Name: "yizhan_room_messages_total",
			Help: "Messages that were sent to rooms.",
		}),
		deliveries: prometheus.NewCounter(prometheus.CounterOpts{
			Name: "yizhan_room_deliveries_total",
			Help: "Pushes of room messages, one for each member that a message was queued for.",
		}),
	}
	if reg != nil {
		reg.MustRegister(m.messages, m.deliveries,
			prometheus.NewGaugeFunc(prometheus.GaugeOpts{
				Name: "yizhan_room_rooms", Help: "Rooms that have members on this node.",
			}, func() float64 { return float64(rs.rooms.Load()) }),
			prometheus.NewGaugeFunc(prometheus.GaugeOpts{
				Name: "yizhan_room_members", Help: "Memberships of sessions in rooms of this node.",
			}, func() float64 { return float64(rs.members.Load()) }))
	}
	return m
}
