package janitor

import (
	"context"
	"log/slog"
	"sync"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/yizhan-im/yizhan/appliance/state"
	"github.com/yizhan-im/yizhan/raftstore"
)

const (
	// passEvery is how often all logs are looked through: what expires stays for
	// that long at most, beside the time that a pass takes.
	passEvery = time.Hour
	// stepPause is what everybody else gets between two steps of a pass: a step
	// looks at stepLogs logs, some 20 ms of reading.
	stepPause = 100 * time.Millisecond
	stepLogs  = 1000
	// firstPass is when the first pass begins: whoever starts a node has other worries.
	firstPass = time.Minute
	// retry is when to try again after a failure, and how often a node that does not
	// lead looks whether it does now.
	retry = 10 * time.Second
	// proposeWait is how long the outcome of one command is waited for.
	proposeWait = 30 * time.Second
)

// Store is what of *raftstore.Store a Janitor needs.
type Store interface {
	IsLeader() bool
	Propose(ctx context.Context, cmd []byte) (any, error)
}

var _ Store = (*raftstore.Store)(nil)

// Config is what a Janitor works with. Store and Queries are required.
type Config struct {
	Store      Store
	Queries    *state.Queries
	Files      Files                 // nil: there are none
	Logger     *slog.Logger          // nil discards
	Registerer prometheus.Registerer // nil does not register
	Now        func() time.Time      // nil is time.Now
}

// Janitor works in the background until Close.
type Janitor struct {
	store   Store
	queries *state.Queries
	files   Files
	log     *slog.Logger
	now     func() time.Time
	metrics *metrics

	// firstPass and filesEvery are those of the package; tests have no time.
	firstPass, filesEvery time.Duration

	clock steadyClock // of run

	ctx  context.Context
	stop context.CancelFunc
	done chan struct{} // closed when nobody works any more
}

// New starts a Janitor. Its owner closes it before the store.
func New(c Config) *Janitor {
	j := newJanitor(c)
	j.start()
	return j
}

func (j *Janitor) start() {
	go func() {
		defer close(j.done)
		var files sync.WaitGroup
		files.Go(j.runFiles)
		j.run()
		files.Wait()
	}()
}

func newJanitor(c Config) *Janitor {
	j := &Janitor{store: c.Store, queries: c.Queries, log: c.Logger, now: c.Now, metrics: newMetrics(c.Registerer), firstPass: firstPass, filesEvery: filesEvery, files: c.Files, done: make(chan struct{})}
	if j.files == nil {
		j.files = noFiles{}
	}
	if j.log == nil {
		j.log = slog.New(slog.DiscardHandler)
	}
	if j.now == nil {
		j.now = time.Now
	}
	j.clock = newSteadyClock(j.now)
	j.ctx, j.stop = context.WithCancel(context.Background())
	return j
}

// Close ends the work and waits for that.
func (j *Janitor) Close() {
	j.stop()
	<-j.done
}

// Pass looks through everything now, on whatever node, and returns when all is done.
// Doing that beside the work in the background does no harm.
func (j *Janitor) Pass(ctx context.Context) error { return j.pass(ctx, 0) }

func (j *Janitor) run() {
	j.believesClock() // from here on it is known
	if !j.pause(j.ctx, j.firstPass) {
		return
	}
	for {
		wait := retry
		if steady := j.believesClock(); j.store.IsLeader() && steady {
			began := j.now()
			switch err := j.pass(j.ctx, stepPause); {
			case j.ctx.Err() != nil:
			case err != nil:
				j.log.Warn("removing old messages failed; it is tried again", "error", err)
			default:
				wait = max(passEvery-j.now().Sub(began), retry)
			}
		}
		if !j.pause(j.ctx, wait) {
			return
		}
	}
}

// believesClock reports whether the clock may say what is old; see steadyClock.
func (j *Janitor) believesClock() bool {
	steady, jumped := j.clock.look()
	if jumped != 0 {
		j.metrics.jumps.Inc()
		j.log.Warn("the clock has jumped ahead: nothing is removed for its age until it has gone on for a day. Check the machine's time", "by", jumped, "rest", jumpRest)
	}
	return steady
}

// pause waits for d; false when ctx is over.
func (j *Janitor) pause(ctx context.Context, d time.Duration) bool {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
		return true
	case <-ctx.Done():
		return false
	}
}
