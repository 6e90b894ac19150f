package callback

import (
	"context"
	"errors"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/yizhan-im/yizhan/appliance/state"
)

// What became of a question.
const (
	resultAllowed = "allowed"
	resultChanged = "changed" // allowed, as another message
	resultRefused = "refused"
	resultTimeout = "timeout" // the rest: there was no answer
	resultNetwork = "network"
	resultStatus  = "status"
	resultAnswer  = "bad_answer"
	resultPaused  = "paused"
	resultCrowded = "crowded"
)

// resultOf is what a question counts as that got no answer for this reason.
func resultOf(err error) string {
	var status statusError
	switch {
	case errors.Is(err, errTimeout), errors.Is(err, context.DeadlineExceeded):
		return resultTimeout
	case errors.Is(err, errPaused):
		return resultPaused
	case errors.Is(err, errCrowded):
		return resultCrowded
	case errors.Is(err, errAnswer), errors.Is(err, errTooLong):
		return resultAnswer
	case errors.As(err, &status):
		return resultStatus
	default:
		return resultNetwork
	}
}

// eventName is a label.
func eventName(e state.CallbackEvents) string {
	switch e {
	case state.CallbackLogin:
		return "login"
	case state.CallbackMessage:
		return "message"
	case state.CallbackTeamMessage:
		return "team_message"
	case state.CallbackRecall:
		return "recall"
	case state.CallbackFriend:
		return "friend"
	case state.CallbackProfile:
		return "profile"
	case state.CallbackRoom:
		return "room"
	case state.CallbackRoomEntry:
		return "room_entry"
	default:
		return "team"
	}
}

// metrics know no tenant: there may be thousands. The log names those whose
// backends do not answer.
type metrics struct {
	requests *prometheus.CounterVec
	seconds  prometheus.Histogram
	asking   prometheus.Gauge
	waiting  prometheus.Gauge
	paused   prometheus.Gauge
}

func newMetrics(reg prometheus.Registerer) *metrics {
	m := &metrics{
		requests: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "yizhan_callback_requests_total",
			Help: "Questions to tenants' backends, by event and result: allowed, changed, refused, or why there was no answer.",
		}, []string{"event", "result"}),
		seconds: prometheus.NewHistogram(prometheus.HistogramOpts{
			Name:    "yizhan_callback_seconds",
			Help:    "From a question's sending to its answer or timeout.",
			Buckets: prometheus.ExponentialBuckets(0.0005, 2, 15), // 0.5 ms … 8 s
		}),
		asking: prometheus.NewGauge(prometheus.GaugeOpts{
			Name: "yizhan_callback_asking",
			Help: "Questions under way.",
		}),
		waiting: prometheus.NewGauge(prometheus.GaugeOpts{
			Name: "yizhan_callback_waiting",
			Help: "Questions that wait because their tenant has too many under way.",
		}),
		paused: prometheus.NewGauge(prometheus.GaugeOpts{
			Name: "yizhan_callback_paused",
			Help: "Tenants whose backend does not answer and is left alone for a while.",
		}),
	}
	if reg != nil {
		reg.MustRegister(m.requests, m.seconds, m.asking, m.waiting, m.paused)
	}
	return m
}

func (m *metrics) count(event, result string) { m.requests.WithLabelValues(event, result).Inc() }
