package api

import (
	"sync"
	"time"

	"golang.org/x/time/rate"

	"github.com/yizhan-im/yizhan/appliance/state"
)

// maxLimits bounds the limiter's memory (about 180 bytes each). Only calls with
// valid credentials make one, so it is reached with thousands of tenants.
const maxLimits = 1 << 16

// limiter bounds how often each tenant calls each action.
type limiter struct {
	mu     sync.Mutex
	limits map[limitKey]*limit
}

type limitKey struct {
	tenant uint32
	quota  string
}

// limit is what is left of one quota.
type limit struct {
	*rate.Limiter
	blocked time.Time // until when all is refused
}

func newLimiter() *limiter {
	return &limiter{limits: make(map[limitKey]*limit)}
}

// allow takes one call, or says how long the caller should wait.
func (l *limiter) allow(t *state.Tenant, act *action, now time.Time) (wait time.Duration, ok bool) {
	q := quotaOf(t, act)
	perSecond := rate.Limit(float64(q.calls) / q.per.Seconds())
	l.mu.Lock()
	defer l.mu.Unlock()
	key := limitKey{t.ID, q.name}
	left := l.limits[key]
	if left == nil {
		if len(l.limits) >= maxLimits && !l.dropIdle(now) {
			return retryAfter, false
		}
		left = new(limit)
		l.limits[key] = left
	}
	if left.Limiter == nil || left.Limit() != perSecond { // new, or the tenant's limits have changed
		*left = limit{Limiter: rate.NewLimiter(perSecond, q.calls)}
	}
	if wait := left.blocked.Sub(now); wait > 0 {
		return wait, false
	}
	if left.AllowN(now, 1) {
		return 0, true
	}
	left.blocked = now.Add(q.block)
	return max(q.block, time.Duration(float64(time.Second)/float64(perSecond))), false
}

// dropIdle forgets limits that are full again and refuse nobody, which changes no
// decision, and reports whether there were any.
func (l *limiter) dropIdle(now time.Time) bool {
	dropped := false
	for key, left := range l.limits {
		if left.TokensAt(now) >= float64(left.Burst()) && !now.Before(left.blocked) {
			delete(l.limits, key)
			dropped = true
		}
	}
	return dropped
}
