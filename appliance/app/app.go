package app

import (
	"context"
	"log/slog"
	"math/rand/v2"
	"sync"
	"sync/atomic"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/yizhan-im/yizhan/appliance/eventlog"
	"github.com/yizhan-im/yizhan/appliance/presence"
	"github.com/yizhan-im/yizhan/appliance/room"
	"github.com/yizhan-im/yizhan/appliance/session"
	"github.com/yizhan-im/yizhan/appliance/state"
	"github.com/yizhan-im/yizhan/raftstore"
)

// Config is what an App works with. Store, Queries and Hub are required.
type Config struct {
	Store      *raftstore.Store
	Queries    *state.Queries
	Hub        *session.Hub
	Logger     *slog.Logger          // nil discards
	Registerer prometheus.Registerer // nil does not register
	Now        func() time.Time      // nil is time.Now
	NodeID     string                // for logs
	Gate       Gate                  // nil asks nobody
	Searcher   Searcher              // nil: there is no search
	MegaTeams  MegaTeams             // nil delivers nothing to mega-teams

	Remote        presence.Remote // nil: no other nodes have sessions
	PresenceGrace time.Duration   // see presence.Config
}

// App serves the requests of all sessions of this node and of the HTTP API. Its
// methods may be called from any goroutine.
type App struct {
	presence *presence.Service
	events   *eventlog.Writer

	store     *raftstore.Store
	queries   *state.Queries
	hub       *session.Hub
	rooms     *room.Rooms
	roomLog   *roomLog
	closings  closings
	roomTasks sync.WaitGroup // goroutines about rooms
	swept     chan struct{}  // closed when sweepRooms is done; see awaitSweep
	log       *eventLog
	metrics   *metrics
	now       func() time.Time

	tenants  *tenantCache
	reads    *readPool
	searches *readPool
	logins   chan struct{} // one token for each login under way
	failures *failureLimiter

	mega     MegaTeams
	janitor  *janitor
	remover  *remover
	usage    *usageCounter
	searcher Searcher // nil: there is none

	gate       Gate
	asking     context.Context // of every question; ended by stopAsking
	stopAsking context.CancelFunc
	lines      sync.WaitGroup // goroutines of startLine

	lastSession atomic.Uint64
}

// New makes an App. Its owner calls Close when no gateway calls it any more and
// before it closes the store.
func New(c Config) *App {
	if c.Logger == nil {
		c.Logger = slog.New(slog.DiscardHandler)
	}
	if c.Now == nil {
		c.Now = time.Now
	}
	a := &App{
		store:    c.Store,
		queries:  c.Queries,
		hub:      c.Hub,
		searcher: c.Searcher,
		log:      newEventLog(c.Logger.With("node", c.NodeID)),
		now:      c.Now,
		tenants:  newTenantCache(c.Queries.TenantByKey, c.Now),
		reads:    newReadPool(readWorkers, readQueue),
		searches: newReadPool(searchWorkers, searchQueue),
		logins:   make(chan struct{}, maxLogins),
		failures: newFailureLimiter(),
		gate:     c.Gate,
		mega:     c.MegaTeams,
	}
	if a.mega == nil {
		a.mega = nobodyWatches{}
	}
	a.presence = newPresence(a, &c)
	a.events = eventlog.New(eventlog.Config{Store: c.Store, Now: c.Now, Logger: c.Logger.With("node", c.NodeID), Registerer: c.Registerer})
	a.asking, a.stopAsking = context.WithCancel(context.Background())
	a.closings.now = c.Now
	a.rooms = room.New(room.Options{Now: c.Now, Registerer: c.Registerer, Left: a.leftRoom})
	a.roomLog = newRoomLog(context.Background(), a.logRooms, c.Now, c.Registerer)
	a.metrics = newMetrics(c.Registerer, a.reads.waiting)
	// Session ids must not repeat after a restart or on another node: a random
	// start in 63 bits, then counting.
	a.lastSession.Store(rand.Uint64() >> 1)
	a.startJanitor(c.Registerer)
	a.startRemover(c.Registerer)
	a.startUsage(c.Registerer)
	a.swept = make(chan struct{})
	a.roomTasks.Go(a.runRooms)
	return a
}

// Close gives up the questions under way and stops the workers after they have
// answered what waits. Later queries are refused.
func (a *App) Close() {
	a.stopAsking()
	a.janitor.close()
	a.remover.close()
	a.usage.close()
	a.lines.Wait()
	a.presence.Close()
	a.events.Close()
	a.reads.close()
	a.searches.close()
	a.rooms.Close()
	a.roomTasks.Wait()
	a.roomLog.close()
}

// nextSessionID is never 0, which marks commands that come from no session.
func (a *App) nextSessionID() uint64 {
	for {
		if id := a.lastSession.Add(1); id != 0 {
			return id
		}
	}
}

var _ session.Handler = (*App)(nil)
