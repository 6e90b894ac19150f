package app

import (
	"context"
	"encoding/binary"
	"sync"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/yizhan-im/yizhan/appliance/state"
	"github.com/yizhan-im/yizhan/appliance/wire"
)

const (
	// removerBatch is how many deletions the remover asks for at a time.
	removerBatch = 16
	// What one step looks at: some milliseconds of reading.
	removerAccounts = 1000
	removerRooms    = 200
	removerEntries  = 1000
	// removerErasing is how many messages it takes back at a time.
	removerErasing = 16
)

// endOfTime is later than any time of the store, in ms.
const endOfTime = 253_402_300_799_999

// remover takes away what deleted accounts have left, piece by piece.
type remover struct {
	leaderWork
	finished prometheus.Counter
	erased   prometheus.Counter
	steps    *prometheus.CounterVec
	waiting  prometheus.Gauge
}

func (a *App) startRemover(reg prometheus.Registerer) {
	a.remover = &remover{
		finished: prometheus.NewCounter(prometheus.CounterOpts{
			Name: "yizhan_app_accounts_deleted_total",
			Help: "Deletions of accounts that this node has finished.",
		}),
		erased: prometheus.NewCounter(prometheus.CounterOpts{
			Name: "yizhan_app_account_messages_erased_total",
			Help: "Messages of deleted accounts that this node has erased.",
		}),
		steps: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "yizhan_app_account_deletion_steps_total",
			Help: "Steps of deletions of accounts that this node has proposed, by stage.",
		}, []string{"stage"}),
		waiting: prometheus.NewGauge(prometheus.GaugeOpts{
			Name: "yizhan_app_account_deletions_under_way",
			Help: "Deletions of accounts that were under way when this node, as the leader, last looked.",
		}),
	}
	if reg != nil {
		reg.MustRegister(a.remover.finished, a.remover.erased, a.remover.steps, a.remover.waiting)
	}
	a.remover.leaderWork = a.startWork(a.removeAll)
}

// removeAll finishes the deletions that are under way; false when it was refused.
func (a *App) removeAll(ctx context.Context) bool {
	for {
		waiting, err := a.queries.RemovalCount()
		if err != nil {
			return false
		}
		a.remover.waiting.Set(float64(waiting))
		removals, err := a.queries.Removals(removerBatch)
		if err != nil || len(removals) == 0 {
			return err == nil
		}
		for _, r := range removals {
			if !a.removeOne(ctx, r) {
				return false
			}
		}
	}
}

// removeOne does all steps of one deletion; false when one was refused.
func (a *App) removeOne(ctx context.Context, r *state.Removal) bool {
	for {
		c, err := a.nextStep(ctx, r)
		if err != nil {
			a.log.failed(err)
			return false
		}
		if c == nil {
			return false
		}
		c.TimeMs = a.now().UnixMilli()
		res, err := propose[*state.RemovalResult](ctx, a, c)
		if err != nil || res.Code != wire.CodeOK {
			return false
		}
		a.remover.steps.WithLabelValues(c.Stage.String()).Inc()
		if res.Done {
			a.remover.finished.Inc()
			a.log.failures.Info("deletion of an account finished", "tenant", r.Tenant, "account", r.Account)
			return true
		}
		if res.Stage == r.Stage {
			r.After = c.After
		} else {
			r.Stage, r.After = res.Stage, nil
		}
	}
}

// nextStep looks for what the next step of a deletion is to do. It is nil, with no
// error, when the store refuses for now.
func (a *App) nextStep(ctx context.Context, r *state.Removal) (*state.RemovalStep, error) {
	c := &state.RemovalStep{Tenant: r.Tenant, Account: r.Account, Stage: r.Stage}
	switch r.Stage {
	case state.RemovalErase:
		found, next, err := a.queries.OwnEntries(r.Tenant, r.Account, r.After, removerEntries)
		if err != nil {
			return nil, err
		}
		if !a.eraseAll(ctx, r, found) {
			return nil, nil
		}
		c.After, c.Next = next, next == nil
	case state.RemovalFiles:
		now := a.now().UnixMilli()
		res, err := propose[*state.FileJobResult](ctx, a, &state.DeleteFiles{TimeMs: now, Tenant: r.Tenant, ToMs: endOfTime, Account: r.Account})
		if err != nil || res.Code != wire.CodeOK {
			return nil, nil // as when too many deletions of files are under way
		}
		c.Next = true
	case state.RemovalListed:
		var next string
		var err error
		c.Peers, next, err = a.queries.ListedBy(r.Tenant, r.Account, string(r.After), removerAccounts, state.MaxRemovalPeers)
		c.After, c.Next = []byte(next), next == ""
		return c, err
	case state.RemovalRooms:
		var next, after uint64
		var err error
		if len(r.After) == 8 {
			after = binary.BigEndian.Uint64(r.After)
		}
		c.Rooms, next, err = a.queries.RoomsOf(r.Tenant, r.Account, after, removerRooms, state.MaxRemovalRooms)
		c.After, c.Next = binary.BigEndian.AppendUint64(nil, next), next == 0
		return c, err
	}
	return c, nil
}

// eraseAll takes messages of a deleted account back; false when one was refused that
// may be taken later.
func (a *App) eraseAll(ctx context.Context, r *state.Removal, found []state.OwnEntry) bool {
	var all sync.WaitGroup
	var mu sync.Mutex
	refused := false
	turns := make(chan struct{}, removerErasing)
	for _, e := range found {
		turns <- struct{}{}
		all.Go(func() {
			defer func() { <-turns }()
			res, err := propose[*state.SendResult](ctx, a, &state.MessageChange{
				Op: state.MessageErase, TimeMs: a.now().UnixMilli(), Tenant: r.Tenant, Session: noSession,
				From: r.Account, Peer: e.Peer, Team: e.Team, Seq: e.Seq, FromPlatform: wire.Platform_PLATFORM_REST,
			})
			if err == nil && res.Code == wire.CodeOK && !res.Duplicate {
				a.remover.erased.Inc()
			}
			// Other codes say that it is not there any more.
			if err != nil || res.Code.Temporary() {
				mu.Lock()
				refused = true
				mu.Unlock()
			}
		})
	}
	all.Wait()
	return !refused
}
