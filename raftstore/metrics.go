package raftstore

import (
	"errors"
	"fmt"

	"github.com/hashicorp/raft"
	"github.com/prometheus/client_golang/prometheus"
)

// metrics of one Store. Those that only repeat a number the store keeps anyway
// are read when they are scraped.
type metrics struct {
	rejected         *prometheus.CounterVec // by reason: a refused Submit
	entries          prometheus.Counter     // handed to Raft by this node
	commandsPerEntry prometheus.Histogram
	commitSeconds    prometheus.Histogram // from handing over to applied, per entry
	commands         prometheus.Counter   // applied by this node
	applyBatch       prometheus.Histogram // commands per Pebble batch
	applySeconds     prometheus.Histogram // per Pebble batch
	snapshots        *prometheus.CounterVec
	snapshotPause    prometheus.Histogram
	restores         *prometheus.CounterVec // by how: "start" or "install"
	installStreak    prometheus.Gauge       // streamed installs since the last applied entry
	backgroundErrors prometheus.Counter     // failed flushes and compactions

	registerer prometheus.Registerer
	registered []prometheus.Collector
}

const namespace = "raftstore"

// rejections maps what Submit returns to a label.
var rejections = []struct {
	err    error
	reason string
}{
	{ErrBusy, "busy"}, {ErrNotLeader, "not_leader"}, {ErrDiskFull, "disk_full"},
	{ErrClosed, "closed"}, {ErrTooLarge, "too_large"},
}

func newMetrics() *metrics {
	counter := func(name, help string) prometheus.Counter {
		return prometheus.NewCounter(prometheus.CounterOpts{Namespace: namespace, Name: name, Help: help})
	}
	vec := func(name, label, help string) *prometheus.CounterVec {
		return prometheus.NewCounterVec(prometheus.CounterOpts{Namespace: namespace, Name: name, Help: help}, []string{label})
	}
	histogram := func(name, help string, buckets []float64) prometheus.Histogram {
		return prometheus.NewHistogram(prometheus.HistogramOpts{Namespace: namespace, Name: name, Help: help, Buckets: buckets})
	}
	seconds := prometheus.ExponentialBuckets(0.0001, 2, 16) // 0.1 ms to 3.3 s
	counts := prometheus.ExponentialBuckets(1, 4, 9)        // 1 to 65536
	m := &metrics{
		rejected:         vec("rejected_total", "reason", "Commands refused before they were queued."),
		entries:          counter("entries_total", "Entries handed to Raft by this node."),
		commandsPerEntry: histogram("entry_commands", "Commands packed into one entry.", counts),
		commitSeconds:    histogram("commit_seconds", "Time from handing an entry to Raft until it is applied here.", seconds),
		commands:         counter("commands_total", "Commands applied to the state of this node."),
		applyBatch:       histogram("apply_commands", "Commands applied in one batch.", counts),
		applySeconds:     histogram("apply_seconds", "Time to apply one batch.", seconds),
		snapshots:        vec("snapshots_total", "outcome", "Local snapshots taken, by outcome."),
		snapshotPause:    histogram("snapshot_pause_seconds", "Time for which a snapshot held up applying.", seconds),
		restores:         vec("restores_total", "how", "Replacements of the whole state, at start or by a streamed install."),
		installStreak: prometheus.NewGauge(prometheus.GaugeOpts{Namespace: namespace, Name: "install_streak",
			Help: "Streamed installs since an entry was last applied; more than 1 means this member does not catch up."}),
		backgroundErrors: counter("background_errors_total", "Failed flushes and compactions of the state."),
	}
	for _, r := range rejections {
		m.rejected.WithLabelValues(r.reason)
	}
	return m
}

// reject counts a refused Submit.
func (m *metrics) reject(err error) {
	for _, r := range rejections {
		if errors.Is(err, r.err) {
			m.rejected.WithLabelValues(r.reason).Inc()
			return
		}
	}
}

// register makes the metrics of a running store visible; nil makes none.
func (m *metrics) register(to prometheus.Registerer, s *Store) error {
	if to == nil {
		return nil
	}
	gauge := func(name, help string, f func() float64) prometheus.Collector {
		return prometheus.NewGaugeFunc(prometheus.GaugeOpts{Namespace: namespace, Name: name, Help: help}, f)
	}
	m.registerer = to
	for _, c := range []prometheus.Collector{
		m.rejected, m.entries, m.commandsPerEntry, m.commitSeconds, m.commands, m.applyBatch, m.applySeconds,
		m.snapshots, m.snapshotPause, m.restores, m.installStreak, m.backgroundErrors,
		gauge("leader", "1 while this node leads the group.", func() float64 { return boolValue(s.raft.State() == raft.Leader) }),
		gauge("refusing_writes", "1 while writes are refused because the disk is full.", func() float64 { return boolValue(s.refusing.Load()) }),
		gauge("disk_free_bytes", "Free disk space when it was last looked at.", func() float64 { return float64(s.diskFree.Load()) }),
		gauge("queue_bytes", "Bytes of commands waiting for their entry.", func() float64 { return float64(s.queue.size()) }),
		gauge("applied_index", "Newest log entry in the state.", func() float64 { return float64(s.fsm.applied.Load()) }),
		gauge("term", "Raft's current term.", func() float64 { return float64(s.raft.CurrentTerm()) }),
		gauge("log_bytes", "Bytes of log since the last snapshot.", func() float64 { return float64(s.fsm.logBytes.Load()) }),
	} {
		if err := to.Register(c); err != nil {
			m.unregister()
			return fmt.Errorf("raftstore: metrics: %w", err)
		}
		m.registered = append(m.registered, c)
	}
	return nil
}

// unregister undoes register, so that the next Store can use the same names.
func (m *metrics) unregister() {
	for _, c := range m.registered {
		m.registerer.Unregister(c)
	}
	m.registered = nil
}

func boolValue(b bool) float64 {
	if b {
		return 1
	}
	return 0
}
