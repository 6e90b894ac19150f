package fanout

import (
	"sync"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/yizhan-im/yizhan/appliance/session"
	"github.com/yizhan-im/yizhan/appliance/state"
	"github.com/yizhan-im/yizhan/appliance/wire"
)

// A broadcast goes to every session of a tenant. Pushed in one go, that would
// keep the gateways' flushers from everybody else's messages until all are
// written. So it goes broadcastChunk sessions at a time, with broadcastPause
// between: 128,000 sessions a second, of which a message waits for a chunk at
// most.
const (
	broadcastChunk = 256
	broadcastPause = 2 * time.Millisecond
	// broadcastQueue bounds the broadcasts that wait for their turn. Past it, the
	// devices of their tenants are only told to read what they have missed.
	broadcastQueue = 64
)

// broadcaster pushes broadcasts from a goroutine of its own, which lives as long
// as there is something to push.
type broadcaster struct {
	hub     *session.Hub
	metrics *kindMetrics
	crowded prometheus.Counter
	chunk   int

	stop chan struct{}
	done sync.WaitGroup // the goroutine

	mu      sync.Mutex
	queue   []broadcastJob
	behind  map[uint32]uint64 // tenants whose broadcasts found the queue full: the newest version
	running bool
	closed  bool
}

type broadcastJob struct {
	tenant    uint32
	version   uint64
	broadcast *wire.Broadcast // nil: only tell that there is something to read
}

func newBroadcaster(hub *session.Hub, m *kindMetrics, reg prometheus.Registerer) *broadcaster {
	b := &broadcaster{
		hub: hub, metrics: m, chunk: broadcastChunk, stop: make(chan struct{}), behind: make(map[uint32]uint64),
		crowded: prometheus.NewCounter(prometheus.CounterOpts{
			Name: "yizhan_fanout_broadcasts_crowded_total",
			Help: "Broadcasts that found too many others waiting: devices read them instead.",
		}),
	}
	if reg != nil {
		reg.MustRegister(b.crowded)
	}
	return b
}

// broadcast hands a new broadcast to the goroutine. It never waits.
func (f *Fanout) broadcast(r *state.BroadcastResult) {
	if r.Code == wire.CodeOK && r.Broadcast != nil {
		f.broadcaster.add(broadcastJob{r.Tenant, r.ID, r.Broadcast})
	}
}

func (b *broadcaster) add(job broadcastJob) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.closed {
		return
	}
	if len(b.queue) < broadcastQueue {
		b.queue = append(b.queue, job)
	} else {
		b.crowded.Inc()
		b.behind[job.tenant] = job.version
	}
	if !b.running {
		b.running = true
		b.done.Go(b.run)
	}
}

// next takes the next job; false when there is none, and the goroutine ends.
func (b *broadcaster) next() (broadcastJob, bool) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if len(b.queue) > 0 && !b.closed {
		job := b.queue[0]
		b.queue[0] = broadcastJob{}
		b.queue = b.queue[1:]
		return job, true
	}
	if !b.closed {
		for tenant, version := range b.behind {
			delete(b.behind, tenant)
			return broadcastJob{tenant: tenant, version: version}, true
		}
	}
	b.queue, b.running = nil, false
	return broadcastJob{}, false
}

func (b *broadcaster) run() {
	for {
		job, ok := b.next()
		if !ok {
			return
		}
		b.push(job)
	}
}

func (b *broadcaster) push(job broadcastJob) {
	ev := session.NewEvent(wire.PushBroadcast, &wire.BroadcastPush{Broadcast: job.broadcast, Version: job.version})
	pushed, since := 0, 0
	pause := time.NewTimer(broadcastPause)
	defer pause.Stop()
	b.hub.RangeTenant(job.tenant, func(sessions []*session.Session) bool {
		for _, s := range sessions {
			if job.broadcast != nil && !state.MeantFor(job.broadcast, s.Identity().Platform) {
				continue
			}
			if since == b.chunk {
				since = 0
				pause.Reset(broadcastPause)
				select {
				case <-pause.C:
				case <-b.stop:
					return false
				}
			}
			s.Conn().Push(ev)
			pushed, since = pushed+1, since+1
		}
		return true
	})
	if pushed > 0 {
		b.metrics.events.Inc()
		b.metrics.deliveries.Add(float64(pushed))
	}
}

// close gives up what waits, and returns when the goroutine has ended.
func (b *broadcaster) close() {
	b.mu.Lock()
	if !b.closed {
		b.closed = true
		close(b.stop)
	}
	b.mu.Unlock()
	b.done.Wait()
}
