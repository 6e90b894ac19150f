package weblink

import (
	"github.com/prometheus/client_golang/prometheus"

	"github.com/yizhan-im/yizhan/appliance/session"
)

// badKind is what is wrong with a request that the gateway does not understand.
type badKind uint8

const (
	badLogin      badKind = iota // CONNECT's auth payload is not a LoginRequest
	badEvent                     // an event that is no request
	badJSON                      // an argument that is not the request's JSON form
	badSize                      // an argument that is too long
	badAttachment                // binary attachments
	badAck                       // an acknowledgement: the gateway asks for none
	badKinds
)

var badNames = [badKinds]string{
	badLogin: "login", badEvent: "event", badJSON: "json", badSize: "size", badAttachment: "attachment", badAck: "ack",
}

// metrics are what package engine, which counts sessions, bytes and packets, cannot
// know.
type metrics struct {
	badRequests    [badKinds]prometheus.Counter
	ends           *prometheus.CounterVec // by reason
	refusedPending prometheus.Counter
	unsent         prometheus.Counter
}

func newMetrics(reg prometheus.Registerer, loggedIn func() float64) *metrics {
	bad := prometheus.NewCounterVec(prometheus.CounterOpts{
		Name: "yizhan_weblink_bad_requests_total",
		Help: "Requests that could not be understood, by what was wrong.",
	}, []string{"kind"})
	m := &metrics{
		ends: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "yizhan_weblink_ends_total",
			Help: "Connections that ended after a login was tried, by the code of the reason.",
		}, []string{"reason"}),
		refusedPending: prometheus.NewCounter(prometheus.CounterOpts{
			Name: "yizhan_weblink_pending_refused_total",
			Help: "Sessions refused because too many were not logged in.",
		}),
		unsent: prometheus.NewCounter(prometheus.CounterOpts{
			Name: "yizhan_weblink_unsent_pushes_total",
			Help: "Pushes that have no JSON form: a fault of the server.",
		}),
	}
	for kind, name := range badNames {
		m.badRequests[kind] = bad.WithLabelValues(name)
	}
	if reg != nil {
		reg.MustRegister(bad, m.ends, m.refusedPending, m.unsent, prometheus.NewGaugeFunc(prometheus.GaugeOpts{
			Name: "yizhan_weblink_logged_in",
			Help: "Connections that are logged in.",
		}, loggedIn))
	}
	return m
}

func (m *metrics) bad(kind badKind) { m.badRequests[kind].Inc() }

// sessionID is what a log may tell about who is behind a connection; 0 before the
// login.
func sessionID(s *session.Session) uint64 {
	if id := s.Identity(); id != nil {
		return id.SessionID
	}
	return 0
}
