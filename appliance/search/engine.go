package search

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"sync"
	"sync/atomic"
	"time"

	"github.com/blevesearch/bleve/v2"
	"github.com/prometheus/client_golang/prometheus"

	"github.com/yizhan-im/yizhan/appliance/state"
)

const (
	// maxOpen is how many indexes are open together: one takes a few hundred KB.
	maxOpen = 64
	// linger gathers messages for one batch: what a second brings costs little more
	// than one message.
	linger = time.Second
	// maxSearches is how many queries run together.
	maxSearches = 4
	// rest is how many times as long as it has worked on a batch the indexer pauses:
	// it takes a twentieth of one processor, in short pieces. Messages come first;
	// under a load that brings more, what was sent is found later.
	rest = 19
	// retry is when to try again after a failure.
	retry = 10 * time.Second
)

// Config is what an Engine works with. Dir and Queries are required.
type Config struct {
	// Dir is the folder of the indexes; made when it is missing. Nothing else may be
	// in it.
	Dir        string
	Queries    *state.Queries
	Logger     *slog.Logger          // nil discards
	Registerer prometheus.Registerer // nil does not register
}

// Engine follows the log until Close. Its methods may be called from any goroutine.
type Engine struct {
	queries   *state.Queries
	log       *slog.Logger
	metrics   *metrics
	dirty     *dirtySet
	set       *indexSet
	analyzers analyzers
	searches  chan struct{} // one token for each query under way
	caughtUp  atomic.Bool

	// linger and rest are those of the package; tests have no time.
	linger, rest time.Duration

	ctx  context.Context
	stop context.CancelFunc
	work sync.WaitGroup
	once sync.Once
	err  error
}

// New makes an Engine, which does nothing before Start. Errors are of the folder
// only: an index that cannot be read is made anew.
func New(c Config) (*Engine, error) {
	if err := os.MkdirAll(c.Dir, 0o700); err != nil {
		return nil, fmt.Errorf("search: folder: %w", err)
	}
	m, err := newMapping()
	if err != nil {
		return nil, fmt.Errorf("search: analyzers: %w", err)
	}
	if c.Logger == nil {
		c.Logger = slog.New(slog.DiscardHandler)
	}
	e := &Engine{
		queries: c.Queries, log: c.Logger, dirty: newDirtySet(), analyzers: newAnalyzers(m),
		searches: make(chan struct{}, maxSearches), linger: linger, rest: rest,
	}
	e.set = newIndexSet(c.Dir, maxOpen, func(tenant uint32, why error) {
		e.metrics.remade.Inc()
		e.log.Warn("the index for search cannot be used and is made anew", "tenant", tenant, "error", why)
	}, e.dirty.missing)
	e.metrics = newMetrics(c.Registerer, e)
	e.ctx, e.stop = context.WithCancel(context.Background())
	return e, nil
}

// Start begins with what the indexes have missed. From now on Applied must be told
// everything.
func (e *Engine) Start() { e.work.Go(e.run) }

// Applied takes note of results of the state machine, in the order of the log. It
// never waits.
func (e *Engine) Applied(results []any) { e.dirty.applied(results) }

// Close ends queries and the indexer, and closes the indexes.
func (e *Engine) Close() error {
	e.once.Do(func() {
		e.stop()
		e.work.Wait()
		e.err = e.set.close()
	})
	return e.err
}

func (e *Engine) run() {
	for !e.catchUpAll() {
		if !e.pause(retry) {
			return
		}
	}
	for {
		select {
		case <-e.dirty.wake:
		case <-e.ctx.Done():
			return
		}
		if !e.pause(e.linger) {
			return
		}
		e.turn()
	}
}

// turn indexes what has changed since the last turn.
func (e *Engine) turn() {
	w := e.dirty.take()
	if w.lost {
		e.metrics.overflows.Inc()
		e.log.Info("more has changed than search can follow; it looks for the changes")
	}
	if !w.lost && e.follow(&w) {
		return
	}
	for !e.catchUpAll() {
		if !e.pause(retry) {
			return
		}
	}
}

// pause waits for d; false when the Engine is to end.
func (e *Engine) pause(d time.Duration) bool {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
		return e.ctx.Err() == nil
	case <-e.ctx.Done():
		return false
	}
}

// failed logs err of one tenant's index, unless the Engine is closing.
func (e *Engine) failed(what string, tenant uint32, err error) {
	if e.ctx.Err() == nil && !errors.Is(err, errClosed) {
		e.metrics.failures.Inc()
		e.log.Warn("search: "+what, "tenant", tenant, "error", err)
	}
}

// Analysis of one batch on all processors at once would hold up messages.
func init() { bleve.Config.SetAnalysisQueueSize(1) }
