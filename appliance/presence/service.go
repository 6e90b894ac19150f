package presence

import (
	"log/slog"
	"sync"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/yizhan-im/yizhan/appliance/limitlog"
	"github.com/yizhan-im/yizhan/appliance/session"
	"github.com/yizhan-im/yizhan/appliance/wire"
)

// Times of a Service.
const (
	// DefaultGrace is how long a lost device counts as online: longer than clients
	// need to come back from a restart of their node, shorter than people take
	// notice.
	DefaultGrace = 20 * time.Second
	// debounce is how long a change waits for further ones of the same account.
	debounce = 300 * time.Millisecond
)

// maxQueued bounds the changes that wait, some 150 bytes each. Each account has at
// most one, and one for each account that alone is to be told. Beyond it changes are
// dropped and counted; whoever was to be told learns when it next asks.
const maxQueued = 1 << 18

// Config is what a Service works with. Hub and Audience are required.
type Config struct {
	Hub *session.Hub
	// Audience tells who is to be told of a publisher's presence: its subscribers
	// that may see it. When only is not empty, it is whether that account is one, and
	// hidden whether it must see the publisher offline.
	Audience func(tenant uint32, publisher, only string) (accounts []string, hidden bool, err error)
	Remote   Remote        // nil: there are no other nodes
	Grace    time.Duration // 0 is DefaultGrace; below 0 a lost device is offline at once
	Now      func() time.Time
	// Logger gets what fails; nil discards. Registerer may be nil.
	Logger     *slog.Logger
	Registerer prometheus.Registerer
}

// Service is a Directory and who tells of its changes. Its methods may be called
// from any goroutine.
type Service struct {
	Directory
	audience func(tenant uint32, publisher, only string) ([]string, bool, error)
	log      *limitlog.Logger

	queueMu sync.Mutex
	queued  map[topic]struct{} // guarded by queueMu: what is in queue
	queue   fifo[change]       // guarded by queueMu: in the order of due
	wake    chan struct{}      // has room for one

	stop    chan struct{}
	stopped sync.WaitGroup
	closing sync.Once

	receivers []*session.Session // scratch of the goroutine
}

// topic is whose presence has changed, and for whom: everybody when only is empty.
type topic struct {
	account
	only string
}

type change struct {
	topic
	due time.Time
}

// New makes a Service and starts it.
func New(c Config) *Service {
	if c.Grace == 0 {
		c.Grace = DefaultGrace
	}
	if c.Now == nil {
		c.Now = time.Now
	}
	if c.Logger == nil {
		c.Logger = slog.New(slog.DiscardHandler)
	}
	s := &Service{
		audience: c.Audience,
		log:      limitlog.New(c.Logger),
		queued:   make(map[topic]struct{}),
		wake:     make(chan struct{}, 1),
		stop:     make(chan struct{}),
	}
	s.Directory = Directory{
		hub: c.Hub, remote: c.Remote, grace: c.Grace, now: c.Now, started: c.Now(),
		lingering: make(map[account][]lingerer),
		changed:   s.Changed,
		poke:      s.poke,
	}
	s.metrics = newMetrics(c.Registerer, s)
	s.stopped.Go(s.run)
	return s
}

// Close ends the Service: what waits is not told any more.
func (s *Service) Close() {
	s.closing.Do(func() { close(s.stop) })
	s.stopped.Wait()
}

// Changed makes the subscribers of an account learn of its presence, soon.
func (s *Service) Changed(tenant uint32, name string) { s.enqueue(topic{account{tenant, name}, ""}) }

// ChangedFor makes one subscriber learn of an account's presence: what it may see of
// it has changed.
func (s *Service) ChangedFor(tenant uint32, name, subscriber string) {
	s.enqueue(topic{account{tenant, name}, subscriber})
}

func (s *Service) enqueue(t topic) {
	s.queueMu.Lock()
	if _, waits := s.queued[t]; waits {
		s.queueMu.Unlock()
		s.metrics.coalesced.Inc()
		return
	}
	if len(s.queued) >= maxQueued {
		s.queueMu.Unlock()
		s.metrics.dropped.Inc()
		return
	}
	s.queued[t] = struct{}{}
	s.queue.push(change{t, s.now().Add(debounce)})
	first := s.queue.len() == 1
	s.queueMu.Unlock()
	if first {
		s.poke()
	}
}

// poke makes the goroutine look at the queues.
func (s *Service) poke() {
	select {
	case s.wake <- struct{}{}:
	default:
	}
}

// run tells of what is due, until Close.
func (s *Service) run() {
	timer := time.NewTimer(0)
	defer timer.Stop()
	for {
		select {
		case <-s.stop:
			return
		case <-s.wake:
		case <-timer.C:
		}
		now := s.now()
		next, waits := s.expire(now)
		if due, queued := s.tellDue(now); queued && (!waits || due.Before(next)) {
			next, waits = due, true
		}
		if waits {
			timer.Reset(max(next.Sub(s.now()), 0))
		}
	}
}

// tellDue tells of the changes that are due, and when the next one is.
func (s *Service) tellDue(now time.Time) (next time.Time, ok bool) {
	for {
		select {
		case <-s.stop:
			return time.Time{}, false
		default:
		}
		s.queueMu.Lock()
		if s.queue.len() == 0 {
			s.queueMu.Unlock()
			return time.Time{}, false
		}
		c := s.queue.first()
		if c.due.After(now) {
			s.queueMu.Unlock()
			return c.due, true
		}
		s.queue.pop()
		delete(s.queued, c.topic) // what changes from here on is told again
		s.queueMu.Unlock()
		s.tell(c.topic)
	}
}

// tell pushes the presence of t as it is now.
func (s *Service) tell(t topic) {
	accounts, hidden, err := s.audience(t.tenant, t.name, t.only)
	if err != nil {
		s.metrics.failed.Inc()
		s.log.Warn("presence was not told", slog.Any("error", err))
		return
	}
	s.receivers = s.receivers[:0]
	for _, name := range accounts {
		s.receivers = s.hub.Sessions(s.receivers, t.tenant, name)
	}
	if len(s.receivers) == 0 {
		return
	}
	p := &wire.Presence{Account: t.name, TimeMs: s.now().UnixMilli()}
	if !hidden {
		p = s.Presence(t.tenant, t.name)
	}
	ev := session.NewEvent(wire.PushPresence, &wire.PresencePush{Presence: p})
	for _, r := range s.receivers {
		r.Conn().Push(ev)
	}
	s.metrics.events.Inc()
	s.metrics.deliveries.Add(float64(len(s.receivers)))
	clear(s.receivers) // sessions that are gone must not stay alive here
}
