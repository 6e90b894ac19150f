package app

import (
	"context"
	"slices"
	"sync"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/yizhan-im/yizhan/appliance/state"
	"github.com/yizhan-im/yizhan/appliance/wire"
)

// roomLog writes the histories of rooms behind their fan-out: messages of all
// rooms go into one command each logPeriod, or earlier when there are many. A
// message is in the history at most once: what does not fit the queue, or is
// under way when the store fails, is dropped and counted.
type roomLog struct {
	propose func(context.Context, *state.RoomLog) error
	now     func() time.Time
	period  time.Duration
	dropped prometheus.Counter

	mu      sync.Mutex
	queue   []state.RoomLogEntry
	bytes   int
	closed  bool
	writing bool            // the goroutine is there
	round   chan struct{}   // closed when what is queued now has been written
	hurry   chan struct{}   // of size 1: write now
	running sync.WaitGroup  // the goroutine
	ctx     context.Context // of every write
}

// Bounds of a roomLog, in bytes. A command has at most logCommand.
const (
	logPeriod  = 200 * time.Millisecond
	logQueue   = 8 << 20
	logCommand = state.MaxCommandBytes - 1024
	// logTimeout is how long one command may take before it is given up.
	logTimeout = 10 * time.Second
)

func newRoomLog(ctx context.Context, propose func(context.Context, *state.RoomLog) error, now func() time.Time, reg prometheus.Registerer) *roomLog {
	l := &roomLog{
		propose: propose, now: now, period: logPeriod, ctx: ctx,
		round: make(chan struct{}), hurry: make(chan struct{}, 1),
		dropped: prometheus.NewCounter(prometheus.CounterOpts{
			Name: "yizhan_room_history_dropped_total",
			Help: "Messages of rooms that are not in the history because too many waited or the store failed.",
		}),
	}
	if reg != nil {
		reg.MustRegister(l.dropped)
	}
	return l
}

// add queues a message of a registered room.
func (l *roomLog) add(t *state.Tenant, number uint64, p *wire.RoomMessagePush) {
	encoded, err := p.MarshalVT()
	if err != nil {
		l.dropped.Inc()
		return
	}
	size := len(encoded) + state.RoomLogOverhead
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.closed || l.bytes+size > logQueue || size > logCommand {
		l.dropped.Inc()
		return
	}
	l.queue = append(l.queue, state.RoomLogEntry{
		Tenant: t.ID, Room: number, ID: p.Id, Keep: uint32(t.Limits.RoomHistory), KeepMs: t.Limits.RoomKeepMs(), Message: encoded,
	})
	if l.bytes += size; l.bytes >= logCommand {
		l.hasten()
	}
	if !l.writing {
		l.writing = true
		l.running.Go(l.run)
	}
}

func (l *roomLog) hasten() {
	select {
	case l.hurry <- struct{}{}:
	default:
	}
}

// flush waits until all that was added before has been written or dropped.
func (l *roomLog) flush(ctx context.Context) error {
	l.mu.Lock()
	round, writing := l.round, l.writing
	l.hasten()
	l.mu.Unlock()
	if !writing {
		return nil
	}
	select {
	case <-round:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// run writes until nothing is left.
func (l *roomLog) run() {
	timer := time.NewTimer(l.period)
	defer timer.Stop()
	for {
		select {
		case <-timer.C:
		case <-l.hurry:
		}
		l.mu.Lock()
		entries, round := l.queue, l.round
		l.queue, l.bytes, l.round = nil, 0, make(chan struct{})
		if len(entries) == 0 {
			l.writing = false
			l.mu.Unlock()
			close(round)
			return
		}
		l.mu.Unlock()
		l.write(entries)
		close(round)
		timer.Reset(l.period)
	}
}

// write writes entries in as few commands as they fit in. Those of a room stand
// together, in their order.
func (l *roomLog) write(entries []state.RoomLogEntry) {
	slices.SortStableFunc(entries, func(a, b state.RoomLogEntry) int {
		if a.Tenant != b.Tenant {
			return int(int64(a.Tenant) - int64(b.Tenant))
		}
		switch {
		case a.Room < b.Room:
			return -1
		case a.Room > b.Room:
			return 1
		}
		return 0
	})
	for len(entries) > 0 {
		n, size := 0, 0
		for n < len(entries) {
			if size += len(entries[n].Message) + state.RoomLogOverhead; size > logCommand && n > 0 {
				break
			}
			n++
		}
		ctx, cancel := context.WithTimeout(l.ctx, logTimeout)
		err := l.propose(ctx, &state.RoomLog{TimeMs: l.now().UnixMilli(), Entries: entries[:n]})
		cancel()
		if err != nil {
			l.dropped.Add(float64(n))
		}
		entries = entries[n:]
	}
}

// close writes what is queued, and refuses more.
func (l *roomLog) close() {
	l.mu.Lock()
	l.closed = true
	l.hasten()
	l.mu.Unlock()
	l.running.Wait()
}
