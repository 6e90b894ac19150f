package fanout

import (
	"sync"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/yizhan-im/yizhan/appliance/session"
	"github.com/yizhan-im/yizhan/appliance/state"
	"github.com/yizhan-im/yizhan/appliance/wire"
)

// megaQueue is how many results about mega-teams may wait for their goroutine.
// From half of that on, messages to mega-teams are refused; see Fanout.Busy. Past
// all of it Deliver waits, and with it the store's delivery: nothing is dropped.
const megaQueue = 1024

// mega delivers what happens in mega-teams, in the order of the log, from a
// goroutine of its own: a message for many thousand sessions must not hold up
// those behind it that are for two.
//
// All that concerns a mega-team takes this way, also who joins and leaves it, so
// that each message meets the members of its place in the log, and each device
// learns of its membership before the messages that it gets by it.
type mega struct {
	f     *Fanout
	index *megaIndex
	queue chan any

	start   sync.Once
	stop    chan struct{}
	stopped sync.WaitGroup

	receivers []*session.Session // scratch of the goroutine
	full      prometheus.Counter
}

// megaEvent is an event for all members of a mega-team.
type megaEvent struct {
	key     megaKey
	id      uint64 // its place in the log
	origin  uint64
	event   *session.Event
	metrics *kindMetrics
}

func newMega(f *Fanout) *mega {
	return &mega{f: f, index: newMegaIndex(f.hub), queue: make(chan any, megaQueue), stop: make(chan struct{})}
}

// Enter makes a session of the hub one that gets the messages of its mega-teams.
// read tells which those are, and is called once. Leave must follow when the
// session has left the hub; when that happens meanwhile, the caller sees to it.
// After an error, which is that of read, the session must leave.
func (f *Fanout) Enter(s *session.Session, read func() ([]state.MegaTeam, error)) error {
	return f.mega.index.enter(s, read)
}

// Leave ends what Enter began, also when it never was called.
func (f *Fanout) Leave(s *session.Session) { f.mega.index.leave(s) }

// Busy reports whether more than half of the places for results about mega-teams
// are taken. Who may refuse what would add to them does so: what comes in spite of
// it has the other half, and past that all delivery waits.
func (f *Fanout) Busy() bool { return len(f.mega.queue) > megaQueue/2 }

// Close stops the goroutine for mega-teams, and gives up what waits for it. Nobody
// may call Deliver any more.
func (f *Fanout) Close() {
	f.broadcaster.close()
	close(f.mega.stop)
	f.mega.stopped.Wait()
}

// toTeam pushes ev, whose id in the log is given, to all members of a team but the
// session origin: to members, or if mega is set to those that this node knows.
func (f *Fanout) toTeam(tenant uint32, team, id uint64, members []string, mega bool, origin uint64, ev func() *session.Event, m *kindMetrics) {
	if mega {
		f.mega.enqueue(&megaEvent{megaKey{tenant, team}, id, origin, ev(), m})
	} else if f.findAll(tenant, members, origin) {
		f.push(ev(), m)
	}
}

// enqueue gives one result to the goroutine; see megaQueue.
func (g *mega) enqueue(item any) {
	g.start.Do(func() { g.stopped.Go(g.run) })
	select {
	case g.queue <- item:
		return
	default:
		g.full.Inc()
	}
	select {
	case g.queue <- item:
	case <-g.stop:
	}
}

func (g *mega) run() {
	for {
		select {
		case item := <-g.queue:
			g.deliver(item)
		case <-g.stop:
			return
		}
	}
}

func (g *mega) deliver(item any) {
	switch item := item.(type) {
	case *state.SendResult:
		key := megaKey{item.Tenant, item.Team}
		if g.find(key, item.ID, item.Session) {
			g.pushMessage(item)
		}
	case *state.TeamResult:
		g.team(item)
	case *megaEvent:
		if g.find(item.key, item.id, item.origin) {
			g.push(item.event, item.metrics)
		}
	}
	// Sessions that are gone must not stay alive here.
	clear(g.receivers[:cap(g.receivers)])
}

// team is Fanout.team for a mega-team, which also keeps the index up to date.
func (g *mega) team(r *state.TeamResult) {
	key := megaKey{r.Tenant, r.Team}
	for i := range r.States {
		s := &r.States[i]
		account := accountKey{r.Tenant, s.Account}
		if s.State.Team.Standing == wire.TeamStanding_TEAM_STANDING_MEMBER {
			g.index.joined(account, r.Team)
		} else {
			g.index.left(account, r.Team)
		}
		g.receivers = g.f.hub.Sessions(g.receivers[:0], r.Tenant, s.Account)
		g.push(session.NewEvent(wire.PushTeamState, &wire.TeamStatePush{State: s.State}), &g.f.metrics.teamStates)
	}
	if r.Dismissed != nil {
		g.find(key, r.Dismissed.Version, noOrigin)
		g.push(session.NewEvent(wire.PushTeamState, &wire.TeamStatePush{State: r.Dismissed}), &g.f.metrics.teamStates)
		g.index.drop(key)
	}
	for _, message := range r.Messages {
		var entry wire.Message
		if entry.UnmarshalVTUnsafe(message) == nil && g.find(key, entry.Id, noOrigin) {
			g.push(&session.Event{Command: wire.PushMessage, Payload: messagePush(message)}, &g.f.metrics.messages)
		}
	}
	if r.Application != nil {
		g.receivers = g.receivers[:0]
		for _, manager := range r.Managers {
			g.receivers = g.f.hub.Sessions(g.receivers, r.Tenant, manager)
		}
		g.push(session.NewEvent(wire.PushTeamApplication, &wire.TeamApplicationPush{
			Team: state.TeamID(r.Team), Application: r.Application,
		}), &g.f.metrics.teamApplications)
	}
}

// find collects the sessions of the members of a team where the log has id,
// without the origin.
func (g *mega) find(key megaKey, id, origin uint64) bool {
	g.receivers = g.index.receivers(g.receivers[:0], key, id)
	for i, s := range g.receivers {
		if s.Identity().SessionID == origin {
			g.receivers[i] = g.receivers[len(g.receivers)-1]
			g.receivers = g.receivers[:len(g.receivers)-1]
			break
		}
	}
	return len(g.receivers) > 0
}

func (g *mega) push(ev *session.Event, m *kindMetrics) {
	if len(g.receivers) == 0 {
		return
	}
	for _, s := range g.receivers {
		s.Conn().Push(ev)
	}
	m.events.Inc()
	m.deliveries.Add(float64(len(g.receivers)))
}

// register makes what an operator wants to see of mega-teams a metric.
func (g *mega) register(reg prometheus.Registerer) {
	g.full = prometheus.NewCounter(prometheus.CounterOpts{
		Name: "yizhan_fanout_mega_full_total",
		Help: "Results about mega-teams that found their queue full, so that all delivery waited for it.",
	})
	if reg == nil {
		return
	}
	reg.MustRegister(g.full,
		prometheus.NewGaugeFunc(prometheus.GaugeOpts{
			Name: "yizhan_fanout_mega_waiting",
			Help: "Results about mega-teams that wait to be delivered.",
		}, func() float64 { return float64(len(g.queue)) }),
		prometheus.NewGaugeFunc(prometheus.GaugeOpts{
			Name: "yizhan_fanout_mega_members",
			Help: "Memberships in mega-teams of the accounts that are online on this node.",
		}, func() float64 { return float64(g.index.len()) }),
	)
}
