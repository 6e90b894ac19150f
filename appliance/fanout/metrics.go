package fanout

import "github.com/prometheus/client_golang/prometheus"

// metrics are counted per kind of event. Each counter is looked up once.
type metrics struct {
	messages, reads, relations, settings, teamStates, teamApplications, teamReceipts, notifications, broadcasts kindMetrics
	subscriptions                                                                                               kindMetrics
	deletions                                                                                                   kindMetrics
}

type kindMetrics struct {
	events     prometheus.Counter
	deliveries prometheus.Counter
}

func newMetrics(reg prometheus.Registerer) metrics {
	events := prometheus.NewCounterVec(prometheus.CounterOpts{
		Name: "yizhan_fanout_events_total",
		Help: "Events with at least one receiver on this node, by kind.",
	}, []string{"kind"})
	deliveries := prometheus.NewCounterVec(prometheus.CounterOpts{
		Name: "yizhan_fanout_deliveries_total",
		Help: "Events queued for one session each, by kind.",
	}, []string{"kind"})
	if reg != nil {
		reg.MustRegister(events, deliveries)
	}
	kind := func(name string) kindMetrics {
		return kindMetrics{events: events.WithLabelValues(name), deliveries: deliveries.WithLabelValues(name)}
	}
	return metrics{
		messages: kind("message"), reads: kind("read"), relations: kind("relation"), settings: kind("setting"),
		teamStates: kind("team_state"), teamApplications: kind("team_application"), teamReceipts: kind("team_receipt"),
		deletions:     kind("deletion"),
		notifications: kind("notification"), broadcasts: kind("broadcast"),
		subscriptions: kind("presence_subscriptions"),
	}
}
