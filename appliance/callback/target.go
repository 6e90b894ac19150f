package callback

import (
	"context"
	"sync/atomic"
	"time"

	"github.com/yizhan-im/yizhan/appliance/state"
)

// target is one tenant's backend.
type target struct {
	url     string
	breaker breaker
	slots   chan struct{} // one token for each question under way
	most    int64         // of waiting
	waiting atomic.Int64
	metrics *metrics
}

// target finds t's backend. One with another URL than before is another backend.
func (g *Gate) target(t *state.Tenant) *target {
	g.mu.RLock()
	tg := g.targets[t.ID]
	g.mu.RUnlock()
	if tg != nil && tg.url == t.Callback.URL {
		return tg
	}
	g.mu.Lock()
	defer g.mu.Unlock()
	if tg = g.targets[t.ID]; tg != nil && tg.url == t.Callback.URL {
		return tg
	}
	if tg != nil && tg.breaker.retire() {
		g.metrics.paused.Dec()
	}
	tg = &target{
		url:     t.Callback.URL,
		breaker: breaker{minPause: g.options.MinPause, maxPause: g.options.MaxPause},
		slots:   make(chan struct{}, g.options.Concurrency),
		most:    int64(g.options.MaxWaiting),
		metrics: g.metrics,
	}
	g.targets[t.ID] = tg
	return tg
}

// enter waits for a slot, so long at most.
func (tg *target) enter(ctx context.Context, most time.Duration) error {
	select {
	case tg.slots <- struct{}{}:
		tg.metrics.asking.Inc()
		return nil
	default:
	}
	defer tg.waiting.Add(-1)
	if tg.waiting.Add(1) > tg.most {
		return errCrowded
	}
	tg.metrics.waiting.Inc()
	defer tg.metrics.waiting.Dec()
	timer := time.NewTimer(most)
	defer timer.Stop()
	select {
	case tg.slots <- struct{}{}:
		tg.metrics.asking.Inc()
		return nil
	case <-timer.C:
		return errCrowded
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}

func (tg *target) leave() {
	tg.metrics.asking.Dec()
	<-tg.slots
}
