package app

import (
	"context"
	"sync"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/yizhan-im/yizhan/appliance/session"
	"github.com/yizhan-im/yizhan/appliance/state"
)

const (
	// usageEvery is how often all tenants are counted for the metrics, and usageFresh
	// how old a count may be that is answered with.
	usageEvery = time.Hour
	usageFresh = time.Minute
	// usageRows is how many rows are counted at a time, some 10 ms, and usagePause the
	// rest between: others read, too.
	usageRows  = 10_000
	usagePause = 5 * time.Millisecond
)

// Usage is what a tenant uses.
type Usage struct {
	state.Usage
	// Connections are its sessions on this node now.
	Connections int
	// CountedMs is when the rest was counted.
	CountedMs int64
}

// usageCounter counts what tenants use, one tenant at a time.
type usageCounter struct {
	turn chan struct{} // one token: who has it counts
	stop context.CancelFunc
	done chan struct{}

	mu     sync.Mutex
	counts map[uint32]Usage // guarded by mu; of existing tenants only

	// of all tenants, when they were last counted
	accounts, active, conversations, teams, messages, rooms prometheus.Gauge
}

func (a *App) startUsage(reg prometheus.Registerer) {
	gauge := func(name, help string) prometheus.Gauge {
		g := prometheus.NewGauge(prometheus.GaugeOpts{Name: "yizhan_usage_" + name, Help: help + " of all tenants, counted once an hour."})
		if reg != nil {
			reg.MustRegister(g)
		}
		return g
	}
	ctx, stop := context.WithCancel(context.Background())
	a.usage = &usageCounter{
		turn: make(chan struct{}, 1), stop: stop, done: make(chan struct{}), counts: map[uint32]Usage{},
		accounts:      gauge("accounts", "Accounts"),
		active:        gauge("active_accounts", "Accounts that have logged in since midnight (UTC), or are connected to this node,"),
		conversations: gauge("conversations", "Conversations of two accounts"),
		teams:         gauge("teams", "Teams"),
		messages:      gauge("messages", "Messages and other entries that are kept in conversations and teams"),
		rooms:         gauge("rooms", "Registered rooms"),
	}
	go a.runUsage(ctx)
}

func (u *usageCounter) close() {
	u.stop()
	<-u.done
}

func (a *App) runUsage(ctx context.Context) {
	defer close(a.usage.done)
	timer := time.NewTimer(usageFresh) // whoever starts a node has other worries
	defer timer.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-timer.C:
		}
		a.countAll(ctx)
		timer.Reset(usageEvery)
	}
}

// countAll counts all tenants for the metrics, and forgets those that are gone.
func (a *App) countAll(ctx context.Context) {
	tenants, err := a.queries.Tenants()
	if err != nil {
		return
	}
	var sum state.Usage
	counts := make(map[uint32]Usage, len(tenants))
	for _, t := range tenants {
		u, err := a.countTenant(ctx, t.ID)
		if err != nil {
			return
		}
		counts[t.ID] = u
		sum.Accounts += u.Accounts
		sum.Active += u.Active
		sum.Conversations += u.Conversations
		sum.Teams += u.Teams
		sum.Messages += u.Messages
		sum.Rooms += u.Rooms
	}
	a.usage.mu.Lock()
	a.usage.counts = counts
	a.usage.mu.Unlock()
	for g, n := range map[prometheus.Gauge]uint64{
		a.usage.accounts: sum.Accounts, a.usage.active: sum.Active, a.usage.conversations: sum.Conversations,
		a.usage.teams: sum.Teams, a.usage.messages: sum.Messages, a.usage.rooms: sum.Rooms,
	} {
		g.Set(float64(n))
	}
}

// Usage tells what a tenant uses. It counts all rows of the tenant, unless it has
// done so within maxAge, which is a minute at least: some seconds for a million accounts. CodeBusy: it
// could not be done in time; then try again.
func (a *App) Usage(ctx context.Context, appKey string, maxAge time.Duration) (Usage, error) {
	t, err := a.Tenant(ctx, appKey)
	if err != nil {
		return Usage{}, err
	}
	u, fresh := a.countedUsage(t.ID, max(maxAge, usageFresh))
	if !fresh {
		if u, err = a.countTenant(ctx, t.ID); err != nil {
			return Usage{}, a.edge(err)
		}
		a.usage.mu.Lock()
		a.usage.counts[t.ID] = u
		a.usage.mu.Unlock()
	}
	a.hub.RangeTenant(t.ID, func(sessions []*session.Session) bool {
		u.Connections += len(sessions)
		return true
	})
	return u, nil
}

func (a *App) countedUsage(tenant uint32, maxAge time.Duration) (u Usage, fresh bool) {
	a.usage.mu.Lock()
	defer a.usage.mu.Unlock()
	u, ok := a.usage.counts[tenant]
	return u, ok && a.now().Sub(time.UnixMilli(u.CountedMs)) < maxAge
}

// countTenant waits for its turn and counts.
func (a *App) countTenant(ctx context.Context, tenant uint32) (u Usage, err error) {
	select {
	case a.usage.turn <- struct{}{}:
		defer func() { <-a.usage.turn }()
	case <-ctx.Done():
		return u, ctx.Err()
	}
	if counted, fresh := a.countedUsage(tenant, usageFresh); fresh {
		return counted, nil // while this one waited
	}
	now := a.now()
	midnight := now.UTC().Truncate(24 * time.Hour).UnixMilli()
	var sessions []*session.Session
	active := func(account string, lastLoginMs int64) bool {
		if lastLoginMs >= midnight {
			return true
		}
		sessions = a.hub.Sessions(sessions[:0], tenant, account)
		return len(sessions) > 0
	}
	u.CountedMs = now.UnixMilli()
	pause := time.NewTimer(0)
	defer pause.Stop()
	for after := []byte(nil); ; {
		if after, err = a.queries.UsagePart(tenant, after, usageRows, active, &u.Usage); err != nil || after == nil {
			return u, err
		}
		pause.Reset(usagePause)
		select {
		case <-pause.C:
		case <-ctx.Done():
			return u, ctx.Err()
		}
	}
}
