package app

import (
	"sync/atomic"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/yizhan-im/yizhan/appliance/wire"
)

// metrics counts without looking labels up: each counter is found by two small
// indices, and made when it first counts.
type metrics struct {
	roomLost prometheus.Counter
	requests *prometheus.CounterVec
	counters [][]atomic.Pointer[prometheus.Counter] // by command, nil for one that is not counted; then codeSlot

	commit prometheus.Histogram
	kicks  *prometheus.CounterVec
}

// unknownCommand is what every command is counted as that wire does not know, so
// that a client cannot make time series.
const unknownCommand wire.Command = 0

var (
	codes     = wire.Codes()
	codeSlots = func() (slots [maxCode + 1]uint8) {
		for i, code := range codes {
			slots[code] = uint8(i + 1)
		}
		return slots
	}()
)

// maxCode is the largest code in the table of wire.
const maxCode = wire.CodeRoomAllMuted

// otherCode is the label of codes that are not in the table.
const otherCode = "other"

// codeSlot is the index of a code. Slot 0 takes codes that are not in the table:
// those that a tenant's backend has chosen, and those of a state machine of a newer
// build.
func codeSlot(code wire.Code) uint8 {
	if code > maxCode {
		return 0
	}
	return codeSlots[code]
}

func newMetrics(reg prometheus.Registerer, waitingReads func() int) *metrics {
	m := &metrics{
		requests: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "yizhan_app_requests_total",
			Help: "Answered requests of clients, by command and code.",
		}, []string{"command", "code"}),
		commit: prometheus.NewHistogram(prometheus.HistogramOpts{
			Name:    "yizhan_app_commit_seconds",
			Help:    "From a client's command to its commit.",
			Buckets: prometheus.ExponentialBuckets(0.00025, 2, 16), // 0.25 ms … 8 s
		}),
		kicks: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "yizhan_app_kicks_total",
			Help: "Sessions that were ended from elsewhere, by reason.",
		}, []string{"reason"}),
	}
	m.roomLost = prometheus.NewCounter(prometheus.CounterOpts{
		Name: "yizhan_room_queue_lost_total",
		Help: "Times that elements of a room's queue were not taken out when their owner left, because the store was busy.",
	})
	requests := wire.Requests()
	m.counters = make([][]atomic.Pointer[prometheus.Counter], requests[len(requests)-1]+1)
	for _, cmd := range append(requests, unknownCommand) {
		m.counters[cmd] = make([]atomic.Pointer[prometheus.Counter], len(codes)+1)
	}
	if reg != nil {
		reg.MustRegister(m.roomLost, m.requests, m.commit, m.kicks, prometheus.NewGaugeFunc(prometheus.GaugeOpts{
			Name: "yizhan_app_reads_waiting",
			Help: "Queries of clients that wait for a worker.",
		}, func() float64 { return float64(waitingReads()) }))
	}
	return m
}

// count counts one answer.
func (m *metrics) count(cmd wire.Command, code wire.Code) {
	if int(cmd) >= len(m.counters) || m.counters[cmd] == nil {
		cmd = unknownCommand
	}
	cell := &m.counters[cmd][codeSlot(code)]
	if counter := cell.Load(); counter != nil {
		(*counter).Inc()
		return
	}
	name := "unknown"
	if cmd != unknownCommand {
		name = cmd.String()
	}
	label := otherCode
	if codeSlot(code) != 0 {
		label = code.String()
	}
	counter := m.requests.WithLabelValues(name, label)
	cell.Store(&counter)
	counter.Inc()
}

func (m *metrics) kicked(reason wire.KickReason) {
	m.kicks.WithLabelValues(kickNames[reason]).Inc()
}

var kickNames = map[wire.KickReason]string{
	wire.KickReason_KICK_REASON_REPLACED:     "replaced",
	wire.KickReason_KICK_REASON_SERVER:       "server",
	wire.KickReason_KICK_REASON_OTHER_DEVICE: "other_device",
	wire.KickReason_KICK_REASON_CREDENTIALS:  "credentials",
}
