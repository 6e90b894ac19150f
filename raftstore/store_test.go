package raftstore

import (
	"context"
	"errors"
	"fmt"
	"reflect"
	"runtime"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/hashicorp/raft"
	"github.com/prometheus/client_golang/prometheus"
)

func TestStoreKeepsCommandsAcrossRestarts(t *testing.T) {
	t.Parallel()
	o := testOptions(t, t.TempDir())
	for round := range uint64(3) {
		o.Machine = &ledger{}
		s := openLeader(t, o)
		propose(t, s, 1, round*20+1, round*20+20, 10)
		closeTest(t, s)
		if _, err := s.Propose(testContext(t), ledgerCommand(1, 1, 0)); !errors.Is(err, ErrClosed) {
			t.Fatalf("propose after close: %v", err)
		}
	}
	o.Machine = &ledger{}
	s := openLeader(t, o)
	if b := mustBook(t, s); b.Last != 60 {
		t.Fatalf("last position %d", b.Last)
	}
}

// TestReplayGivesTheSameState applies one sequence live, and again from the log
// with the state thrown away, where batches are cut otherwise.
func TestReplayGivesTheSameState(t *testing.T) {
	t.Parallel()
	o := testOptions(t, t.TempDir())
	s := openLeader(t, o)
	var wg sync.WaitGroup
	for client := range uint64(8) {
		wg.Go(func() {
			for n := range uint64(100) {
				if err := submitAgain(s, ledgerCommand(client, n, int(n)), &wg); err != nil {
					t.Error(err)
					return
				}
			}
		})
	}
	wg.Wait()
	want := mustBook(t, s)
	closeTest(t, s)
	o.Machine, o.RebuildState = &ledger{}, true
	s = openLeader(t, o)
	if got := mustBook(t, s); want.Last != 800 || !reflect.DeepEqual(got, want) {
		t.Errorf("replayed %d commands, had %d, or in another order", got.Last, want.Last)
	}
}

// submitAgain submits until the queue has room; the completion counts in wg.
func submitAgain(s *Store, cmd []byte, wg *sync.WaitGroup) error {
	wg.Add(1)
	for {
		err := s.Submit(cmd, CompletionFunc(func(any, error) { wg.Done() }))
		if err == nil {
			return nil
		}
		if !errors.Is(err, ErrBusy) {
			wg.Done()
			return err
		}
		time.Sleep(time.Millisecond)
	}
}

// TestBatchBoundariesDoNotMatter cuts one sequence of entries in every possible
// way.
func TestBatchBoundariesDoNotMatter(t *testing.T) {
	t.Parallel()
	var logs []*raft.Log
	for i := range uint64(6) {
		data := commandsEntry(ledgerCommand(1, 2*i, 3), ledgerCommand(i%2, 100+i, 0))
		if i == 2 {
			data = commandsEntry([]byte("short"))
		}
		l := &raft.Log{Index: i + 5, Term: 1, Type: raft.LogCommand, Data: data}
		if i == 4 {
			l.Type, l.Data = raft.LogConfiguration, nil
		}
		logs = append(logs, l)
	}
	var want string
	for cut := range 1 << (len(logs) - 1) {
		db := memDB(t)
		s := newStore(testOptions(t, t.TempDir()))
		s.state = newStateDB(db, "")
		f := &fsm{s: s, machine: &ledger{}, tx: Tx{keys: newKeyIndex()}}
		f.use(s.state, 0, 0, "")
		var results []any
		from := 0
		for i := range logs {
			if i == len(logs)-1 || cut&(1<<i) != 0 {
				results = append(results, f.ApplyBatch(logs[from:i+1])...)
				from = i + 1
			}
		}
		results = append(results, f.ApplyBatch(logs[1:4])...) // again, as after a restart
		it, err := newIter(db, nil, nil)
		if err != nil {
			t.Fatal(err)
		}
		state, err := scan(it)
		if err != nil {
			t.Fatal(err)
		}
		got := fmt.Sprint(results, state)
		if want == "" {
			want = got
		}
		if got != want {
			t.Fatalf("cut %b: %s\nwant %s", cut, got, want)
		}
	}
	if !strings.Contains(want, "short command") {
		t.Errorf("results are %s", want)
	}
}

func TestFullQueueRefusesAndRecovers(t *testing.T) {
	t.Parallel()
	o := testOptions(t, t.TempDir())
	m := &ledger{gate: make(chan struct{})}
	o.Machine, o.MaxEntryBytes, o.QueueBytes = m, minEntryBytes, 2*minEntryBytes
	s := openLeader(t, o)
	var done atomic.Int64
	accepted := int64(0)
	for {
		err := s.Submit(ledgerCommand(1, uint64(accepted+1), 500), CompletionFunc(func(_ any, err error) {
			if err == nil {
				done.Add(1)
			}
		}))
		if errors.Is(err, ErrBusy) {
			if n := s.queue.size(); n > o.QueueBytes {
				t.Fatalf("%d bytes are queued", n)
			}
			if len(s.slots) == s.o.InFlight {
				break // nothing moves any more
			}
			time.Sleep(time.Millisecond) // the committer has yet to take some
			continue
		}
		if err != nil {
			t.Fatal(err)
		}
		accepted++
	}
	if most := int64((2+2)*minEntryBytes/500) + 1; accepted > most {
		t.Errorf("%d commands were accepted, %d fit", accepted, most)
	}
	if err := s.Submit(make([]byte, minEntryBytes), CompletionFunc(ignore)); !errors.Is(err, ErrTooLarge) {
		t.Errorf("too large: %v", err)
	}
	close(m.gate)
	until(t, "what was accepted is done", func() bool { return done.Load() == accepted })
	propose(t, s, 2, 1, 3, 0)
}

func TestCompletionsComeInTheOrderOfTheLog(t *testing.T) {
	t.Parallel()
	var applied []uint64
	o := testOptions(t, t.TempDir())
	o.OnApplied = func(results []any) {
		for _, r := range results {
			applied = append(applied, r.(entered).Position)
		}
	}
	s := openLeader(t, o)
	var wg sync.WaitGroup
	var positions []uint64 // written by the completer only
	const n = 2000
	wg.Add(n)
	for i := range uint64(n) {
		for {
			err := s.Submit(ledgerCommand(1, i, 20), CompletionFunc(func(r any, err error) {
				positions = append(positions, r.(entered).Position)
				wg.Done()
			}))
			if err == nil {
				break
			}
			if !errors.Is(err, ErrBusy) {
				t.Fatal(err)
			}
		}
	}
	wg.Wait()
	closeTest(t, s) // everything applied was delivered
	for i := range uint64(n) {
		if positions[i] != i+1 || applied[i] != i+1 {
			t.Fatalf("completion %d is of position %d, delivery of %d", i, positions[i], applied[i])
		}
	}
}

func TestCloseFinishesWhatIsQueued(t *testing.T) {
	t.Parallel()
	o := testOptions(t, t.TempDir())
	o.MaxEntryBytes = minEntryBytes
	s := openLeader(t, o)
	var good, bad atomic.Int64
	const n = 1000
	for i := range uint64(n) {
		err := s.Submit(ledgerCommand(1, i+1, 100), CompletionFunc(func(_ any, err error) {
			if err == nil {
				good.Add(1)
			} else {
				bad.Add(1)
			}
		}))
		if err != nil {
			t.Fatal(err)
		}
	}
	closeTest(t, s)
	if good.Load() != n || bad.Load() != 0 {
		t.Errorf("%d done, %d not", good.Load(), bad.Load())
	}
}

// TestCloseLeavesNothingRunning is not parallel: it looks at all goroutines.
func TestCloseLeavesNothingRunning(t *testing.T) {
	nodes := cluster(t, 2, func(o *Options) { o.OnApplied = func([]any) {} })
	propose(t, nodes[0], 1, 1, 10, 0)
	lone := openLeader(t, testOptions(t, t.TempDir()))
	for _, s := range append(nodes, lone) {
		closeTest(t, s)
	}
	var stacks string
	t.Cleanup(func() {
		if t.Failed() {
			t.Log(stacks)
		}
	})
	until(t, "the goroutines have ended", func() bool {
		buf := make([]byte, 1<<20)
		stacks = string(buf[:runtime.Stack(buf, true)])
		for _, running := range []string{"raftstore.(*Store)", "raft.(*Raft)", "raft.(*NetworkTransport)", "pebble/v2.(*DB)"} {
			if strings.Contains(stacks, running) {
				return false
			}
		}
		return true
	})
}

func TestFailedMachineStopsTheNode(t *testing.T) {
	t.Parallel()
	o := testOptions(t, t.TempDir())
	s := openLeader(t, o)
	propose(t, s, 1, 1, 5, 0)
	if _, err := s.Propose(testContext(t), []byte("fail")); !errors.Is(err, ErrUncertain) || !errors.Is(err, errLedger) {
		t.Errorf("the failing command: %v", err)
	}
	if err := <-s.Failed(); !errors.Is(err, errLedger) {
		t.Errorf("failed with %v", err)
	}
	if err := s.Submit(ledgerCommand(1, 6, 0), CompletionFunc(ignore)); !errors.Is(err, ErrClosed) {
		t.Errorf("submit: %v", err)
	}
	if b := mustBook(t, s); b.Last != 5 {
		t.Errorf("%d commands can be read", b.Last)
	}
	if err := s.WaitLeader(testContext(t)); !errors.Is(err, ErrClosed) {
		t.Errorf("wait for a leader: %v", err)
	}
}

func TestCorruptEntryStopsTheNode(t *testing.T) {
	t.Parallel()
	o := testOptions(t, t.TempDir())
	s := openLeader(t, o)
	data := commandsEntry(ledgerCommand(1, 1, 0))
	data[len(data)-1] ^= 1
	_ = s.raft.Apply(data, 0).Error()
	if err := <-s.Failed(); !errors.Is(err, ErrCorrupt) {
		t.Errorf("failed with %v", err)
	}
	if b := mustBook(t, s); b.Last != 0 {
		t.Errorf("%d commands", b.Last)
	}
}

func TestProposeGivesUpWithItsContext(t *testing.T) {
	t.Parallel()
	o := testOptions(t, t.TempDir())
	m := &ledger{gate: make(chan struct{})}
	o.Machine = m
	s := openLeader(t, o)
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	if _, err := s.Propose(ctx, ledgerCommand(1, 1, 0)); !errors.Is(err, ErrUncertain) || !errors.Is(err, context.Canceled) {
		t.Errorf("propose: %v", err)
	}
	close(m.gate)
	propose(t, s, 1, 2, 2, 0)
	if b := mustBook(t, s); b.Last != 2 { // it was committed all the same
		t.Errorf("%d commands", b.Last)
	}
}

func TestViewsOutliveTheStore(t *testing.T) {
	t.Parallel()
	s := openLeader(t, testOptions(t, t.TempDir()))
	propose(t, s, 1, 1, 3, 0)
	v := s.View()
	closed := make(chan error, 1)
	go func() { closed <- s.Close() }()
	until(t, "the store has let go", func() bool { w := s.View(); defer w.Close(); return w.db == nil })
	if _, ok, err := v.Get(ledgerKey(0x20, 1, 3)); !ok || err != nil {
		t.Errorf("view: %v, %v", ok, err)
	}
	v.Close()
	v.Close()
	if err := <-closed; err != nil {
		t.Error(err)
	}
	if _, _, err := v.Get(ledgerKey(0x10)); !errors.Is(err, ErrClosed) {
		t.Errorf("closed view: %v", err)
	}
	w := s.View()
	defer w.Close()
	if _, err := w.Iter(nil, nil); !errors.Is(err, ErrClosed) {
		t.Errorf("view of a closed store: %v", err)
	}
}

func TestSnapshotShortensTheLog(t *testing.T) {
	t.Parallel()
	o := testOptions(t, t.TempDir())
	manySnapshots(&o)
	s := openLeader(t, o)
	propose(t, s, 1, 1, 800, 1000)
	until(t, "a snapshot was taken by itself", func() bool { return s.Status().SnapshotIndex > 0 })
	if err := s.Snapshot(testContext(t)); err != nil {
		t.Fatal(err)
	}
	st := s.Status()
	if first, err := s.logs.FirstIndex(); err != nil || first+minTrailingEntries > st.Last+1 || first < st.Last-2*minTrailingEntries {
		t.Errorf("the log begins with %d and ends with %d, %v", first, st.Last, err)
	}
	if n := len(readNames(t, s.snaps.root)); n > snapshotsKept {
		t.Errorf("%d snapshots", n)
	}
	closeTest(t, s)
	o.Machine = &ledger{}
	s = openLeader(t, o)
	if b := mustBook(t, s); b.Last != 800 {
		t.Errorf("%d commands", b.Last)
	}
}

func TestOptionsAreChecked(t *testing.T) {
	good := Options{Dir: "d", NodeID: "n", Machine: &ledger{}}
	if _, err := good.withDefaults(); err != nil {
		t.Fatal(err)
	}
	for name, spoil := range map[string]func(*Options){
		"no dir":            func(o *Options) { o.Dir = "" },
		"no id":             func(o *Options) { o.NodeID = "" },
		"long id":           func(o *Options) { o.NodeID = strings.Repeat("x", maxNodeID+1) },
		"zero byte in id":   func(o *Options) { o.NodeID = "a\x00b" },
		"no machine":        func(o *Options) { o.Machine = nil },
		"small entries":     func(o *Options) { o.MaxEntryBytes = 1 },
		"large entries":     func(o *Options) { o.MaxEntryBytes = 1 << 30 },
		"small queue":       func(o *Options) { o.QueueBytes = 1 },
		"nothing in flight": func(o *Options) { o.InFlight = -1 },
	} {
		o := good
		spoil(&o)
		if s, err := Open(t.Context(), o); err == nil {
			closeTest(t, s)
			t.Errorf("%s: opened", name)
		}
	}
}

func TestMetricsComeAndGo(t *testing.T) {
	t.Parallel()
	reg := prometheus.NewPedanticRegistry()
	o := testOptions(t, t.TempDir())
	o.Registerer = reg
	for range 2 { // the second start uses the same names
		o.Machine = &ledger{}
		s := openLeader(t, o)
		propose(t, s, 1, 1, 3, 0)
		_ = s.Submit(make([]byte, maxEntryBytes), CompletionFunc(ignore))
		families, err := reg.Gather()
		if err != nil {
			t.Fatal(err)
		}
		got := map[string]float64{}
		for _, f := range families {
			for _, m := range f.Metric {
				name := f.GetName()
				for _, l := range m.Label {
					name += " " + l.GetValue()
				}
				got[name] = m.GetGauge().GetValue() + m.GetCounter().GetValue()
			}
		}
		for name, want := range map[string]float64{
			"raftstore_leader": 1, "raftstore_commands_total": 3, "raftstore_rejected_total too_large": 1,
			"raftstore_rejected_total busy": 0, "raftstore_refusing_writes": 0,
		} {
			if v, ok := got[name]; !ok || v != want {
				t.Errorf("%s is %v (%v)", name, v, ok)
			}
		}
		closeTest(t, s)
	}
	if families, err := reg.Gather(); err != nil || len(families) != 0 {
		t.Errorf("after close: %d, %v", len(families), err)
	}
}

// TestAFrozenViewIsOfOneMoment: what is committed later it does not see, by Get or by
// Iter, and it may be closed after the store.
func TestAFrozenViewIsOfOneMoment(t *testing.T) {
	t.Parallel()
	s := openLeader(t, testOptions(t, t.TempDir()))
	propose(t, s, 1, 1, 3, 0)
	v, w := s.View(), s.View()
	defer w.Close()
	v.Freeze()
	v.Freeze()
	count := func(v *View) (n int) {
		it, err := v.Iter(nil, nil)
		if err != nil {
			t.Fatal(err)
		}
		for ok := it.First(); ok; ok = it.Next() {
			n++
		}
		if err := it.Close(); err != nil {
			t.Fatal(err)
		}
		return n
	}
	before := count(v)
	propose(t, s, 1, 4, 4, 0)
	if _, ok, err := v.Get(ledgerKey(0x20, 1, 4)); ok || err != nil {
		t.Errorf("a later entry: %v, %v", ok, err)
	}
	if _, ok, err := w.Get(ledgerKey(0x20, 1, 4)); !ok || err != nil {
		t.Errorf("of a view that is no snapshot: %v, %v", ok, err)
	}
	if count(v) != before || count(w) <= before {
		t.Errorf("%d keys before, then %d in the snapshot and %d outside", before, count(v), count(w))
	}
	v.Close()
	v.Freeze() // of a closed view does nothing
	if _, _, err := v.Get(ledgerKey(0x10)); !errors.Is(err, ErrClosed) {
		t.Errorf("closed: %v", err)
	}
}
