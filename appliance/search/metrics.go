package search

import "github.com/prometheus/client_golang/prometheus"

type metrics struct {
	documents, overflows, remade, failures prometheus.Counter
	queries                                *prometheus.CounterVec
	seconds                                prometheus.Histogram
}

func newMetrics(reg prometheus.Registerer, e *Engine) *metrics {
	counter := func(name, help string) prometheus.Counter {
		return prometheus.NewCounter(prometheus.CounterOpts{Name: "yizhan_search_" + name, Help: help})
	}
	m := &metrics{
		documents: counter("documents_total", "Documents that were written to or removed from the indexes."),
		overflows: counter("overflows_total", "How often more had changed than was noted, so that the changes had to be looked for."),
		remade:    counter("remade_total", "Indexes that could not be used and were made anew."),
		failures:  counter("failures_total", "Failures of indexing, which was tried again."),
		queries: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "yizhan_search_queries_total", Help: "Queries, by what became of them.",
		}, []string{"outcome"}),
		seconds: prometheus.NewHistogram(prometheus.HistogramOpts{
			Name: "yizhan_search_query_seconds", Help: "How long queries took.",
			Buckets: prometheus.ExponentialBuckets(0.0005, 2, 13), // 0.5 ms … 2 s
		}),
	}
	if reg != nil {
		reg.MustRegister(m.documents, m.overflows, m.remade, m.failures, m.queries, m.seconds,
			prometheus.NewGaugeFunc(prometheus.GaugeOpts{
				Name: "yizhan_search_waiting_conversations", Help: "Conversations with messages that are not indexed yet.",
			}, func() float64 { return float64(e.dirty.waiting()) }),
			prometheus.NewGaugeFunc(prometheus.GaugeOpts{
				Name: "yizhan_search_caught_up", Help: "1 when the indexes follow the messages, 0 while they look for what they have missed.",
			}, func() float64 {
				if e.caughtUp.Load() {
					return 1
				}
				return 0
			}))
	}
	return m
}
