package eventlog

import (
	"context"
	"log/slog"
	"sync"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/yizhan-im/yizhan/appliance/limitlog"
	"github.com/yizhan-im/yizhan/appliance/state"
	"github.com/yizhan-im/yizhan/appliance/wire"
	"github.com/yizhan-im/yizhan/raftstore"
)

const (
	// maxQueued bounds the events that wait, some 300 bytes each: what 10,000 clients
	// a second do in six seconds.
	maxQueued = 1 << 16
	// gather is how long the first event of a command waits for others.
	gather = 100 * time.Millisecond
	// maxCommand is how long a command becomes, in bytes: well below the most.
	maxCommand = state.MaxCommandBytes / 2
	// retry is the pause after the store has refused a command.
	retry = time.Second
	// closePatience is how long Close writes what waits.
	closePatience = 5 * time.Second
)

// Store is what of *raftstore.Store a Writer needs.
type Store interface {
	Submit(cmd []byte, c raftstore.Completion) error
}

// Config is what a Writer works with. Store is required.
type Config struct {
	Store      Store
	Now        func() time.Time // nil is time.Now
	Logger     *slog.Logger     // nil discards
	Registerer prometheus.Registerer
}

// Writer records events. Its methods may be called from any goroutine.
type Writer struct {
	store Store
	now   func() time.Time
	log   *limitlog.Logger

	mu     sync.Mutex
	queue  []state.LoginEvent // guarded by mu
	closed bool               // guarded by mu

	wake chan struct{} // has room for one
	ctx  context.Context
	stop context.CancelFunc // ends waiting for the store
	done chan struct{}

	recorded, dropped, failed prometheus.Counter
}

// New makes a Writer and starts it. Its owner closes it before the store.
func New(c Config) *Writer {
	if c.Now == nil {
		c.Now = time.Now
	}
	if c.Logger == nil {
		c.Logger = slog.New(slog.DiscardHandler)
	}
	w := &Writer{store: c.Store, now: c.Now, log: limitlog.New(c.Logger), wake: make(chan struct{}, 1), done: make(chan struct{})}
	w.ctx, w.stop = context.WithCancel(context.Background())
	events := prometheus.NewCounterVec(prometheus.CounterOpts{
		Name: "yizhan_eventlog_events_total",
		Help: "Logins and logouts: recorded, dropped because too many waited, or not recorded because the command failed.",
	}, []string{"outcome"})
	w.recorded, w.dropped, w.failed = events.WithLabelValues("recorded"), events.WithLabelValues("dropped"), events.WithLabelValues("failed")
	if c.Registerer != nil {
		c.Registerer.MustRegister(events, prometheus.NewGaugeFunc(prometheus.GaugeOpts{
			Name: "yizhan_eventlog_waiting",
			Help: "Logins and logouts that are still to be recorded.",
		}, func() float64 { return float64(w.waiting()) }))
	}
	go w.run()
	return w
}

func (w *Writer) waiting() int {
	w.mu.Lock()
	defer w.mu.Unlock()
	return len(w.queue)
}

// Add records e, soon. It does not block; e must not be changed afterwards.
func (w *Writer) Add(e state.LoginEvent) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.closed || len(w.queue) >= maxQueued {
		w.dropped.Inc()
		return
	}
	w.queue = append(w.queue, e)
	if len(w.queue) == 1 || len(w.queue) == state.MaxEventsAtOnce {
		select {
		case w.wake <- struct{}{}:
		default:
		}
	}
}

// Close records what waits, for some seconds at most, and stops.
func (w *Writer) Close() {
	w.mu.Lock()
	first := !w.closed
	w.closed = true
	w.mu.Unlock()
	if first {
		timer := time.AfterFunc(closePatience, w.stop)
		defer timer.Stop()
		close(w.wake)
	}
	<-w.done
	w.stop()
}

func (w *Writer) run() {
	defer close(w.done)
	for range w.wake {
		w.pause(gather)
		w.flush()
	}
	w.flush()
	w.dropped.Add(float64(w.waiting()))
}

// pause lets others come, unless enough are there or the Writer is to end.
func (w *Writer) pause(d time.Duration) {
	timer := time.NewTimer(d)
	defer timer.Stop()
	for {
		w.mu.Lock()
		enough := w.closed || len(w.queue) >= state.MaxEventsAtOnce
		w.mu.Unlock()
		if enough {
			return
		}
		select {
		case <-timer.C:
			return
		case <-w.ctx.Done():
			return
		case _, open := <-w.wake:
			if !open {
				return
			}
		}
	}
}

// flush records what is in the queue, one command after another.
func (w *Writer) flush() {
	for w.ctx.Err() == nil {
		cmd, n := w.command()
		if n == 0 {
			return
		}
		if !w.submit(cmd, n) {
			return // Close has lost patience
		}
		w.take(n)
	}
}

// command encodes as many events as fit.
func (w *Writer) command() (cmd []byte, n int) {
	w.mu.Lock()
	defer w.mu.Unlock()
	size := 0
	for n < len(w.queue) && n < state.MaxEventsAtOnce && size < maxCommand {
		size += len(w.queue[n].Account) + w.queue[n].Event.SizeVT() + 32
		n++
	}
	c := state.RecordEvents{TimeMs: w.now().UnixMilli(), Events: w.queue[:n]}
	return c.Append(make([]byte, 0, size)), n
}

func (w *Writer) take(n int) {
	w.mu.Lock()
	defer w.mu.Unlock()
	rest := copy(w.queue, w.queue[n:])
	clear(w.queue[rest:])
	w.queue = w.queue[:rest]
}

// outcome is a Completion.
type outcome chan error

// Done implements raftstore.Completion.
func (o outcome) Done(result any, err error) {
	if r, ok := result.(*state.EventsResult); err == nil && ok && r.Code != wire.CodeOK {
		err = &refusedError{r}
	}
	o <- err
}

type refusedError struct{ result *state.EventsResult }

func (e *refusedError) Error() string { return "the state machine answered " + e.result.Code.String() }

// submit records one command; false when it was given up. A command whose outcome is
// not known is not repeated: an event less is better than one that never was.
func (w *Writer) submit(cmd []byte, n int) bool {
	for {
		o := make(outcome, 1)
		err := w.store.Submit(cmd, o)
		if err == nil {
			select {
			case err = <-o:
			case <-w.ctx.Done():
				return false
			}
			if err != nil {
				w.failed.Add(float64(n))
				w.log.Warn("login events were not recorded", slog.Any("error", err))
				return true
			}
			w.recorded.Add(float64(n))
			return true
		}
		w.log.Warn("login events wait", slog.Any("error", err))
		select {
		case <-time.After(retry):
		case <-w.ctx.Done():
			return false
		}
	}
}
