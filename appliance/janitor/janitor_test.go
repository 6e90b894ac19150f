package janitor

import (
	"context"
	"errors"
	"fmt"
	"sync/atomic"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/yizhan-im/yizhan/appliance/state"
	"github.com/yizhan-im/yizhan/appliance/wire"
	"github.com/yizhan-im/yizhan/raftstore"
)

const (
	day   = int64(24 * 60 * 60 * 1000)
	start = int64(1_700_000_000_000)
)

// site is a store with the state machine, and a clock.
type site struct {
	tb      testing.TB
	store   *raftstore.Store
	queries *state.Queries
	nowMs   atomic.Int64
	// fail makes the n-th next Propose fail; 0: none.
	fail      atomic.Int64
	proposals atomic.Int64
	follower  atomic.Bool
	registry  *prometheus.Registry // of the newest janitor
}

func newSite(tb testing.TB) *site {
	tb.Helper()
	store, err := raftstore.Open(tb.Context(), raftstore.Options{
		Dir: tb.TempDir(), NodeID: "n1", Machine: state.New(), Bootstrap: true, BallastBytes: -1,
		FreeSpace: func(string) (uint64, error) { return 1 << 40, nil },
	})
	if err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(func() {
		if err := store.Close(); err != nil {
			tb.Error(err)
		}
	})
	if err := store.WaitLeader(tb.Context()); err != nil {
		tb.Fatal(err)
	}
	s := &site{tb: tb, store: store, queries: state.NewQueries(store.View)}
	s.nowMs.Store(start)
	return s
}

func (s *site) IsLeader() bool { return !s.follower.Load() && s.store.IsLeader() }

func (s *site) Propose(ctx context.Context, cmd []byte) (any, error) {
	if s.fail.Load() > 0 && s.fail.Add(-1) == 0 {
		return nil, errors.New("the leader is gone")
	}
	s.proposals.Add(1)
	return s.store.Propose(ctx, cmd)
}

func (s *site) now() time.Time { return time.UnixMilli(s.nowMs.Load()) }

func (s *site) janitor() *Janitor {
	s.registry = prometheus.NewRegistry()
	j := newJanitor(Config{Store: s, Queries: s.queries, Now: s.now, Registerer: s.registry})
	close(j.done)
	s.tb.Cleanup(j.Close)
	return j
}

// metric is a counter or gauge of the newest janitor.
func (s *site) metric(name string) float64 {
	s.tb.Helper()
	families, err := s.registry.Gather()
	if err != nil {
		s.tb.Fatal(err)
	}
	for _, f := range families {
		if f.GetName() == "yizhan_retention_"+name {
			return f.GetMetric()[0].GetCounter().GetValue() + f.GetMetric()[0].GetGauge().GetValue()
		}
	}
	s.tb.Fatalf("there is no metric %s", name)
	return 0
}

func (s *site) run(c interface{ Append([]byte) []byte }) any {
	s.tb.Helper()
	result, err := s.store.Propose(s.tb.Context(), c.Append(nil))
	if err != nil {
		s.tb.Fatal(err)
	}
	return result
}

func (s *site) tenant(key string, l state.Limits, accounts ...string) uint32 {
	s.tb.Helper()
	t := s.run(&state.CreateTenant{TimeMs: start, AppKey: key, Secret: "s", Limits: l}).(*state.TenantResult).Tenant
	for _, account := range accounts {
		s.run(&state.CreateAccount{TimeMs: start, Tenant: t.ID, Account: account, TokenHash: state.HashToken(key, account, "t")})
	}
	return t.ID
}

func (s *site) send(tenant uint32, to string, timeMs int64, n int) {
	s.tb.Helper()
	for i := range n {
		res := s.run(&state.Send{TimeMs: timeMs, Tenant: tenant, Message: &wire.Message{
			From: "a", To: to, ClientId: fmt.Sprintf("%s-%d-%d", to, timeMs, i), Body: "hello",
		}}).(*state.SendResult)
		if res.Code != wire.CodeOK {
			s.tb.Fatalf("send: %v", res.Code)
		}
	}
}

// kept is what a's history with to begins and ends with, 0 when it is empty.
func (s *site) kept(tenant uint32, to string) (first, last uint64) {
	s.tb.Helper()
	res, err := s.queries.History(tenant, "a", &wire.HistoryRequest{Peer: to, FromSeq: 1, ToSeq: 1 << 40, Limit: 1})
	if err != nil {
		s.tb.Fatal(err)
	}
	newest, err := s.queries.History(tenant, "a", &wire.HistoryRequest{Peer: to, Limit: 1})
	if err != nil {
		s.tb.Fatal(err)
	}
	if len(res.Messages) == 0 || len(newest.Messages) == 0 {
		return 0, 0
	}
	return res.Messages[0].Seq, newest.Messages[0].Seq
}

func (s *site) expect(tenant uint32, to string, first, last uint64) {
	s.tb.Helper()
	if f, l := s.kept(tenant, to); f != first || l != last {
		s.tb.Errorf("tenant %d, %s: kept %d to %d, want %d to %d", tenant, to, f, l, first, last)
	}
}

// TestOldMessagesGo: by age, by number, per tenant, and for ever when asked.
func TestOldMessagesGo(t *testing.T) {
	s := newSite(t)
	week := s.tenant("week", state.Limits{RetentionDays: 7}, "a", "b", "c")
	few := s.tenant("few", state.Limits{RetentionMessages: 3}, "a", "b")
	usual := s.tenant("usual", state.Limits{}, "a", "b")
	ever := s.tenant("ever", state.Limits{RetentionDays: state.RetentionForever, RetentionMessages: state.RetentionForever}, "a", "b")
	for _, tenant := range []uint32{week, few, usual, ever} {
		s.send(tenant, "b", start, 5)
	}
	s.send(week, "c", start, 2)
	for _, tenant := range []uint32{week, few, usual, ever} {
		s.send(tenant, "b", start+5*day, 5)
	}
	j := s.janitor()
	s.nowMs.Store(start + 8*day)
	if err := j.Pass(t.Context()); err != nil {
		t.Fatal(err)
	}
	s.expect(week, "b", 6, 10)
	s.expect(week, "c", 0, 0)
	s.expect(few, "b", 8, 10)
	s.expect(usual, "b", 1, 10)
	if n := s.metric("pruned_messages_total"); n != 5+2+7 {
		t.Errorf("counted %v pruned messages, want 14", n)
	}
	if n := s.metric("messages"); n != 5+3+10+10 {
		t.Errorf("counted %v messages, want 28", n)
	}
	// The conversation that is empty now goes on where it was.
	s.send(week, "c", start+8*day, 1)
	s.expect(week, "c", 3, 3)

	s.nowMs.Store(start + 400*day)
	if err := j.Pass(t.Context()); err != nil {
		t.Fatal(err)
	}
	s.expect(usual, "b", 0, 0)
	s.expect(ever, "b", 1, 10)
	before := s.proposals.Load()
	if err := j.Pass(t.Context()); err != nil {
		t.Fatal(err)
	}
	if n := s.proposals.Load() - before; n != 0 {
		t.Errorf("a pass with nothing to do proposed %d commands", n)
	}
}

// TestAnotherLeaderGoesOn: a pass that broke off in the middle is continued where it
// was, by a janitor that knows nothing but what is stored.
func TestAnotherLeaderGoesOn(t *testing.T) {
	s := newSite(t)
	peers := make([]string, 2*state.MaxPrunedLogs+10)
	for i := range peers {
		peers[i] = fmt.Sprintf("p%03d", i)
	}
	tenant := s.tenant("app", state.Limits{RetentionDays: 1}, append(peers, "a")...)
	for _, peer := range peers {
		s.send(tenant, peer, start, 1)
	}
	s.nowMs.Store(start + 2*day)
	s.fail.Store(2)
	if err := s.janitor().Pass(t.Context()); err == nil {
		t.Fatal("the second command failed, and the pass did not")
	}
	left := func() (n int) {
		for _, peer := range peers {
			if first, _ := s.kept(tenant, peer); first > 0 {
				n++
			}
		}
		return n
	}
	if n := left(); n != len(peers)-state.MaxPrunedLogs {
		t.Fatalf("%d logs are left after one command", n)
	}
	before := s.proposals.Load()
	j := s.janitor()
	if err := j.Pass(t.Context()); err != nil {
		t.Fatal(err)
	}
	if n := left(); n != 0 {
		t.Errorf("%d logs are left", n)
	}
	if n := s.proposals.Load() - before; n != 3 {
		t.Errorf("%d commands, want 3: two with logs, and one that says that the pass is over", n)
	}
	if mark, err := s.queries.PruneMark(); err != nil || mark != nil {
		t.Errorf("mark %x %v is left", mark, err)
	}
	if n := s.metric("messages"); n != 0 {
		t.Errorf("the sums of half a pass are shown: %v", n)
	}
}

// TestOnlyTheLeaderWorks, and Close ends the work.
func TestOnlyTheLeaderWorks(t *testing.T) {
	s := newSite(t)
	tenant := s.tenant("app", state.Limits{RetentionDays: 1}, "a", "b")
	s.send(tenant, "b", start, 2)
	s.nowMs.Store(start + 2*day)
	s.follower.Store(true)
	work := func() *Janitor {
		j := newJanitor(Config{Store: s, Queries: s.queries, Now: s.now})
		j.firstPass = 0
		j.start()
		return j
	}
	j := work()
	j.Close()
	s.expect(tenant, "b", 1, 2)

	s.follower.Store(false)
	s.send(tenant, "b", start+2*day, 1)
	j = work()
	deadline := time.After(30 * time.Second)
	for {
		if first, _ := s.kept(tenant, "b"); first == 3 {
			break
		}
		select {
		case <-deadline:
			t.Fatal("nothing was removed")
		default:
		}
	}
	j.Close()
}

func TestMarksThatAreNoneStartOver(t *testing.T) {
	for _, b := range [][]byte{nil, {1}, {1, 2, 3}} {
		if m := decodeMark(b); m.tenant != 0 || m.after != nil {
			t.Errorf("mark %x: %+v", b, m)
		}
	}
	m := mark{7, []byte("x")}
	if back := decodeMark(m.encode()); back.tenant != 7 || string(back.after) != "x" {
		t.Errorf("mark came back as %+v", back)
	}
}
