package api

import (
	"sync"
	"time"

	"golang.org/x/time/rate"

	"github.com/yizhan-im/yizhan/appliance/state"
)

// maxLimits bounds the limiter's memory (about 150 bytes each). Only calls with
// valid credentials make one, so it is reached with thousands of tenants.
const maxLimits = 1 << 16

// limiter bounds how often each tenant calls each action.
type limiter struct {
	mu     sync.Mutex
	limits map[limitKey]*rate.Limiter
}

type limitKey struct {
	tenant uint32
	action string
}

func newLimiter() *limiter {
	return &limiter{limits: make(map[limitKey]*rate.Limiter)}
}

// allow takes one call. A tenant may use a whole second's calls at once; an
// action with a limit per minute, a whole minute's.
func (l *limiter) allow(t *state.Tenant, act *action, now time.Time) bool {
	perSecond, burst := rate.Limit(t.Limits.APIPerSecond), t.Limits.APIPerSecond
	if act.perMinute > 0 {
		perSecond, burst = rate.Limit(act.perMinute)/60, act.perMinute
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	key := limitKey{t.ID, act.name}
	limit := l.limits[key]
	if limit == nil {
		if len(l.limits) >= maxLimits && !l.dropIdle(now) {
			return false
		}
		limit = rate.NewLimiter(perSecond, burst)
		l.limits[key] = limit
	}
	if limit.Limit() != perSecond { // the tenant's limits have changed
		limit.SetLimitAt(now, perSecond)
		limit.SetBurstAt(now, burst)
	}
	return limit.AllowN(now, 1)
}

// dropIdle forgets limits that are full again, which changes no decision, and
// reports whether there were any.
func (l *limiter) dropIdle(now time.Time) bool {
	dropped := false
	for key, limit := range l.limits {
		if limit.TokensAt(now) >= float64(limit.Burst()) {
			delete(l.limits, key)
			dropped = true
		}
	}
	return dropped
}
