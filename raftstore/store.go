package raftstore

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"sync"
	"sync/atomic"

	"github.com/cockroachdb/pebble/v2"
	"github.com/hashicorp/raft"
)

// logCacheBytes bounds the newest entries kept in memory for followers.
const logCacheBytes = 16 << 20

// Store is one node of a replicated store. Its methods may be called from any
// goroutine.
type Store struct {
	o       Options
	log     *slog.Logger
	m       *metrics
	lock    *os.File
	ballast *ballast
	logs    *logStore
	snaps   *snapStore
	env     *stateEnv
	fsm     *fsm
	trans   raft.Transport
	raft    *raft.Raft
	lead    leadership
	diskState

	// The way of a command; see the package's picture.
	queue    *queue
	slots    chan struct{} // one token for each entry that Raft has
	handed   chan *handed  // in the order of the log
	answered chan *handed
	pipeline sync.WaitGroup // committer, waiter, completer

	deliveries chan delivered
	snapWanted chan struct{} // one token: the log has grown enough
	snapMu     sync.Mutex    // one snapshot at a time

	idMu sync.Mutex
	id   identity // guarded by idMu

	stateMu sync.RWMutex
	state   *stateDB // nil once closed; guarded by stateMu

	stopped  atomic.Bool // nothing is accepted any more
	stopNow  atomic.Bool // what is queued is not handed to Raft any more
	ctx      context.Context
	cancel   context.CancelFunc // closes closing
	closing  <-chan struct{}    // background work ends
	raftDown chan struct{}      // closed when Raft has ended
	loops    sync.WaitGroup     // background goroutines
	haltOnce sync.Once

	failOnce  sync.Once
	failing   chan struct{} // closed by the first failure
	failure   error         // read after failing
	failed    chan error
	watch     sync.WaitGroup // watchFailure
	closeOnce sync.Once
	closeErr  error
}

// Open starts the node whose data is in o.Dir and returns without waiting for a
// leader. ErrInUse, ErrLostState and ErrForeignState come with what to do.
func Open(ctx context.Context, o Options) (*Store, error) {
	o, err := o.withDefaults()
	if err != nil {
		return nil, err
	}
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	s := newStore(o)
	if err := s.open(); err != nil {
		return nil, err
	}
	return s, nil
}

func newStore(o Options) *Store {
	s := &Store{
		o: o, log: o.Logger, m: newMetrics(),
		queue:    newQueue(o.MaxEntryBytes, o.QueueBytes),
		slots:    make(chan struct{}, o.InFlight),
		handed:   make(chan *handed, o.InFlight),
		answered: make(chan *handed, o.InFlight),

		deliveries: make(chan delivered, deliveryBatches),
		snapWanted: make(chan struct{}, 1),
		raftDown:   make(chan struct{}),
		failing:    make(chan struct{}),
		failed:     make(chan error, 1),
	}
	s.ctx, s.cancel = context.WithCancel(context.Background())
	s.closing = s.ctx.Done()
	s.lead.changed = make(chan struct{})
	s.diskLook = make(chan struct{}, 1)
	s.minFree.Store(o.MinFreeBytes)
	return s
}

func (s *Store) open() (err error) {
	if err := os.MkdirAll(s.o.Dir, 0o700); err != nil {
		return fmt.Errorf("raftstore: data folder: %w", err)
	}
	if s.lock, err = lockDir(s.o.Dir); err != nil {
		return err
	}
	var p parts
	defer func() {
		if err == nil {
			return
		}
		s.cancel()
		s.m.unregister()
		err = errors.Join(err, p.close(), s.lock.Close())
		if s.trans != nil {
			err = errors.Join(err, closeTransport(s.trans))
		}
	}()
	if err := removeTemps(s.o.Dir); err != nil {
		return err
	}
	var fresh bool
	if p.id, fresh, err = checkRoot(&s.o); err != nil {
		return err
	}
	s.id = p.id
	s.ballast = newBallast(s.o.Dir, s.o.BallastBytes, s.log)
	s.env = newStateEnv(&s.o, s.ballast, s.closing, s.exit, s.onBackgroundError)
	if s.trans, err = newTransport(&s.o, s.identity); err != nil {
		return err
	}
	if fresh {
		err = s.createParts(&p)
	} else {
		err = s.loadParts(&p)
	}
	if err != nil {
		return err
	}
	return s.start(&p)
}

// start makes the parts a running node.
func (s *Store) start(p *parts) error {
	s.idMu.Lock() // the transport listens already
	s.id = p.id
	s.idMu.Unlock()
	s.snaps, s.state = p.snaps, p.state
	s.fsm = &fsm{s: s, machine: s.o.Machine, gen: p.gen, tx: Tx{keys: newKeyIndex()}}
	s.fsm.use(p.state, p.info.applied, p.info.term, p.info.cluster)
	s.fsm.seen = s.covered() // Raft replays what follows the newest snapshot
	if err := s.fsm.reset(); err != nil {
		return err
	}
	s.logs = &logStore{
		BoltStore: p.bolt, ballast: s.ballast, closing: s.closing,
		onFull: s.onDiskFull, onBroken: s.fail,
		committed: s.fsm.applied.Load, covered: s.covered,
	}
	if err := s.logs.loadTerm(); err != nil {
		return err
	}
	s.checkDisk()
	cache, err := raft.NewLogCache(max(logCacheBytes/s.o.MaxEntryBytes, 1), s.logs)
	if err != nil {
		return err
	}
	if s.raft, err = startRaft(raftConfig(&s.o), s.fsm, cache, s.logs, s.snaps, s.trans); err != nil {
		return err
	}
	if err := s.m.register(s.o.Registerer, s); err != nil {
		return errors.Join(err, s.raft.Shutdown().Error())
	}
	s.pipeline.Add(3)
	go s.runCommitter()
	go s.runWaiter()
	go s.runCompleter()
	s.loops.Add(4)
	go s.runDelivery()
	go s.runSnapshotter()
	go s.runDisk()
	go s.runLeadership()
	s.watch.Add(1)
	go s.watchFailure()
	return nil
}

// View returns access to the committed state of this node, which may be behind
// the leader's. Close it soon. After Close its reads return ErrClosed.
func (s *Store) View() *View {
	s.stateMu.RLock()
	defer s.stateMu.RUnlock()
	if s.state == nil {
		return &View{}
	}
	s.state.acquire()
	return &View{db: s.state}
}

// Addr is the address at which other members reach this node.
func (s *Store) Addr() string { return string(s.trans.LocalAddr()) }

// Failed gives the reason, once, if the node cannot go on: its disk or its data
// is damaged, or its machine returned an error. Nothing more is accepted or
// applied then; close the store, and start again after looking into it.
func (s *Store) Failed() <-chan error { return s.failed }

// swap makes db the state that Views read; the old one lives until its last
// View is closed.
func (s *Store) swap(db *stateDB) {
	s.stateMu.Lock()
	old := s.state
	s.state = db
	s.stateMu.Unlock()
	old.onZero = func() error { return os.RemoveAll(old.dir) }
	old.release()
}

func (s *Store) identity() identity {
	s.idMu.Lock()
	defer s.idMu.Unlock()
	return s.id
}

// accept refuses the data of another cluster than this node's, if it has one.
func (s *Store) accept(cluster string) error {
	id := s.identity()
	if cluster == "" || id.Cluster == "" || cluster == id.Cluster {
		return nil
	}
	return fmt.Errorf("%w: received data of cluster %q, but this node belongs to cluster %q; "+
		"remove it from the other cluster, or move its folder away and let it join empty", ErrForeignState, cluster, id.Cluster)
}

// adoptCluster notes the cluster's id when a joining node learns it, and refuses
// another cluster's.
func (s *Store) adoptCluster(cluster string) error {
	if err := s.accept(cluster); err != nil {
		return err
	}
	id := s.identity()
	if id.Cluster == cluster {
		return nil
	}
	id.Cluster = cluster
	if err := writeIdentity(s.o.Dir, id); err != nil {
		return err
	}
	id.Phase = ""
	if err := s.logs.Set(keyIdentity, id.encode()); err != nil {
		return err
	}
	s.idMu.Lock()
	s.id.Cluster = cluster
	s.idMu.Unlock()
	return nil
}

// covered is the newest entry in a snapshot.
func (s *Store) covered() uint64 {
	m, _ := s.snaps.newest()
	return m.Index
}

// onBackgroundError is told by Pebble of a failed flush or compaction. Pebble
// tries again; on a full disk that is right, but an fsync that failed for
// another reason cannot be trusted again.
func (s *Store) onBackgroundError(err error) {
	s.m.backgroundErrors.Inc()
	switch {
	case errors.Is(err, pebble.ErrCancelledCompaction):
	case isDiskFull(err):
		s.onDiskFull()
	default:
		s.fail(fmt.Errorf("raftstore: state: %w", err))
	}
}

// exit ends the process when the state engine demands it.
func (s *Store) exit(err error) {
	s.log.Error("raftstore: the state engine cannot go on; the process ends", "err", err)
	s.o.Exit(1)
}

// fail stops the node. It may be called from any goroutine and does not wait.
func (s *Store) fail(err error) {
	if s.ctx.Err() != nil {
		return // what breaks while closing is not news
	}
	s.failOnce.Do(func() {
		s.stopped.Store(true)
		s.stopNow.Store(true)
		s.failure = err
		close(s.failing)
	})
}

// watchFailure stops everything after a failure, from a goroutine of its own,
// because failures come from goroutines that have to stop.
func (s *Store) watchFailure() {
	defer s.watch.Done()
	select {
	case <-s.failing:
		s.log.Error("raftstore: this node has failed and stops", "err", s.failure)
		s.failed <- s.failure
		s.halt()
	case <-s.closing:
	}
}
