package raftstore

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"reflect"
	"testing"
	"time"
)

// clusterOptions are those of a node that speaks TCP on the loopback.
func clusterOptions(t testing.TB, id string) Options {
	o := testOptions(t, t.TempDir())
	o.NodeID, o.Bind = id, "127.0.0.1:0"
	o.Bootstrap = id == "n1"
	o.ElectionTimeout = time.Second // leaders do not change because the machine is busy
	return o
}

// freeAddress is one that nobody listens on now.
func freeAddress(t testing.TB) string {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	return l.Addr().String()
}

// cluster starts a group of n nodes n1, n2, … led by n1.
func cluster(t testing.TB, n int, change func(*Options)) []*Store {
	t.Helper()
	var nodes []*Store
	for i := range n {
		o := clusterOptions(t, fmt.Sprintf("n%d", i+1))
		if change != nil {
			change(&o)
		}
		if i == 0 {
			nodes = append(nodes, openLeader(t, o))
			continue
		}
		s := openTest(t, o)
		if err := nodes[0].Join(testContext(t), o.NodeID, s.Addr()); err != nil {
			t.Fatal(err)
		}
		nodes = append(nodes, s)
	}
	return nodes
}

// sameBooks waits until every node has applied what the first has, and compares.
func sameBooks(t testing.TB, nodes ...*Store) *book {
	t.Helper()
	want := mustBook(t, nodes[0])
	for _, s := range nodes[1:] {
		until(t, s.o.NodeID+" has caught up", func() bool { return s.fsm.applied.Load() >= nodes[0].fsm.applied.Load() })
		if got := mustBook(t, s); !reflect.DeepEqual(got, want) {
			t.Fatalf("%s has %d commands, %s has %d, or in another order", s.o.NodeID, got.Last, nodes[0].o.NodeID, want.Last)
		}
	}
	return want
}

func TestThreeNodesHoldTheSame(t *testing.T) {
	t.Parallel()
	nodes := cluster(t, 3, nil)
	propose(t, nodes[0], 1, 1, 50, 20)
	if b := sameBooks(t, nodes...); b.Last != 50 {
		t.Fatalf("last position %d", b.Last)
	}
	for _, s := range nodes {
		ms, err := s.Members()
		if err != nil {
			t.Fatal(err)
		}
		if len(ms) != 3 || !ms[0].Leader || !ms[0].Voter || !ms[1].Voter || !ms[2].Voter {
			t.Errorf("%s sees members %+v", s.o.NodeID, ms)
		}
		if c := s.Status().ClusterID; c == "" || c != nodes[0].Status().ClusterID {
			t.Errorf("%s is of cluster %q", s.o.NodeID, c)
		}
	}
	if err := nodes[1].Submit(ledgerCommand(1, 51, 0), CompletionFunc(func(any, error) {})); !errors.Is(err, ErrNotLeader) {
		t.Errorf("submit to a follower: %v", err)
	}
}

func TestLeadershipIsTransferred(t *testing.T) {
	t.Parallel()
	nodes := cluster(t, 3, nil)
	ctx := testContext(t)
	propose(t, nodes[0], 1, 1, 10, 0)
	if err := nodes[0].TransferLeadership(ctx, "n3"); err != nil {
		t.Fatal(err)
	}
	if err := nodes[2].WaitLeader(ctx); err != nil {
		t.Fatal(err)
	}
	until(t, "n3 leads", nodes[2].IsLeader)
	if err := nodes[2].Verify(ctx); err != nil {
		t.Fatal(err)
	}
	propose(t, nodes[2], 1, 11, 20, 0)
	if err := nodes[0].TransferLeadership(ctx, "n2"); !errors.Is(err, ErrNotLeader) {
		t.Errorf("transfer by a follower: %v", err)
	}
	if err := nodes[2].TransferLeadership(ctx, "nobody"); !errors.Is(err, ErrUnknownMember) {
		t.Errorf("transfer to nobody: %v", err)
	}
	sameBooks(t, nodes[2], nodes[0], nodes[1])
}

func TestRemovedMemberNoLongerCounts(t *testing.T) {
	t.Parallel()
	nodes := cluster(t, 3, nil)
	ctx := testContext(t)
	if err := nodes[0].Remove(ctx, "nobody"); !errors.Is(err, ErrUnknownMember) {
		t.Fatalf("removal of nobody: %v", err)
	}
	for _, id := range []string{"n2", "n3"} {
		if err := nodes[0].Remove(ctx, id); err != nil {
			t.Fatal(err)
		}
	}
	closeTest(t, nodes[1])
	closeTest(t, nodes[2])
	propose(t, nodes[0], 1, 1, 10, 0) // would hang if they counted
	// With its folder a removed node comes back and catches up.
	o := nodes[1].o
	back := openTest(t, o)
	if err := nodes[0].Join(ctx, "n2", back.Addr()); err != nil {
		t.Fatal(err)
	}
	sameBooks(t, nodes[0], back)
}

func TestLeaderThatIsRemovedStepsDown(t *testing.T) {
	t.Parallel()
	nodes := cluster(t, 3, nil)
	ctx := testContext(t)
	if err := nodes[0].Remove(ctx, "n1"); err != nil {
		t.Fatal(err)
	}
	until(t, "another leads", func() bool { return nodes[1].IsLeader() || nodes[2].IsLeader() })
	if nodes[0].IsLeader() {
		t.Error("the removed node leads")
	}
}

func TestJoinOfAnUnreachableNodeDoesNotStopTheGroup(t *testing.T) {
	t.Parallel()
	nodes := cluster(t, 1, nil)
	ctx, cancel := context.WithTimeout(context.Background(), 300*time.Millisecond)
	defer cancel()
	err := nodes[0].Join(ctx, "n2", freeAddress(t))
	if !errors.Is(err, context.DeadlineExceeded) {
		t.Fatalf("join: %v", err)
	}
	propose(t, nodes[0], 1, 1, 10, 0)
	if ms, err := nodes[0].Members(); err != nil || len(ms) != 2 || ms[1].Voter {
		t.Fatalf("members %+v, %v", ms, err)
	}
	// The node appears, at another address.
	s := openTest(t, clusterOptions(t, "n2"))
	if err := nodes[0].Join(testContext(t), "n2", s.Addr()); err != nil {
		t.Fatal(err)
	}
	if err := nodes[0].Join(testContext(t), "n2", s.Addr()); err != nil {
		t.Fatalf("join of a member: %v", err)
	}
	sameBooks(t, nodes[0], s)
}

func TestJoinRefusesNonsense(t *testing.T) {
	t.Parallel()
	s := cluster(t, 1, nil)[0]
	for _, c := range [][2]string{{"", "a:1"}, {"n2", ""}, {"n1", "a:1"}, {"n2", s.Addr()}} {
		if err := s.Join(testContext(t), c[0], c[1]); err == nil {
			t.Errorf("join of %q at %q succeeded", c[0], c[1])
		}
	}
}

// manySnapshots makes snapshots frequent and the log short.
func manySnapshots(o *Options) {
	o.SnapshotBytes, o.TrailingBytes, o.SnapshotEntries = 256<<10, 4<<10, 1000
}

func TestNewMemberGetsASnapshotStreamed(t *testing.T) {
	t.Parallel()
	nodes := cluster(t, 1, manySnapshots)
	propose(t, nodes[0], 1, 1, 400, 1000)
	if err := nodes[0].Snapshot(testContext(t)); err != nil {
		t.Fatal(err)
	}
	if first, err := nodes[0].logs.FirstIndex(); err != nil || first < 100 {
		t.Fatalf("log begins with %d, %v: a new member would need no snapshot", first, err)
	}
	o := clusterOptions(t, "n2")
	manySnapshots(&o)
	m := o.Machine.(*ledger)
	s := openTest(t, o)
	if err := nodes[0].Join(testContext(t), "n2", s.Addr()); err != nil {
		t.Fatal(err)
	}
	propose(t, nodes[0], 1, 401, 420, 10)
	sameBooks(t, nodes[0], s)
	if m.resets < 2 {
		t.Errorf("machine was reset %d times", m.resets)
	}
	if st := s.Status(); st.SnapshotIndex == 0 || st.ClusterID != nodes[0].Status().ClusterID {
		t.Errorf("status %+v", st)
	}
	if gens, err := s.env.generations(); err != nil || len(gens) != 1 {
		t.Errorf("generations %v, %v: the replaced state is still there", gens, err)
	}
	// What it has now survives a restart.
	closeTest(t, s)
	s = openTest(t, o)
	if err := nodes[0].Join(testContext(t), "n2", s.Addr()); err != nil { // its port changed
		t.Fatal(err)
	}
	sameBooks(t, nodes[0], s)
}

func TestLaggingMemberGetsASnapshotStreamedWhileViewsAreOpen(t *testing.T) {
	t.Parallel()
	nodes := cluster(t, 3, manySnapshots)
	propose(t, nodes[0], 1, 1, 20, 100)
	lag := nodes[2]
	sameBooks(t, nodes[0], lag)
	o := lag.o
	o.Bind = lag.Addr()
	closeTest(t, lag)
	propose(t, nodes[0], 1, 21, 600, 1000)
	if err := nodes[0].Snapshot(testContext(t)); err != nil {
		t.Fatal(err)
	}
	delivered := make(chan uint64, 1<<12)
	o.OnApplied = func(results []any) {
		for _, r := range results {
			delivered <- r.(entered).Position
		}
	}
	o.Machine = &ledger{}
	lag = openTest(t, o)
	v := lag.View() // may keep the old state open
	sameBooks(t, nodes[0], lag)
	if _, ok, err := v.Get(ledgerKey(0x20, 1, 1)); err != nil || !ok {
		t.Errorf("view opened before the install: %v, %v", ok, err)
	}
	v.Close()
	propose(t, nodes[0], 1, 601, 610, 0)
	for p := uint64(0); p < 610; { // ends with the test's deadline if it never comes
		next := <-delivered
		if next <= p {
			t.Fatalf("position %d delivered after %d", next, p)
		}
		p = next
	}
	// The stale log before the snapshot is gone.
	first, err := lag.logs.FirstIndex()
	if err != nil || first < 100 {
		t.Errorf("log begins with %d, %v", first, err)
	}
}

func TestNodeOfAnotherClusterIsRefused(t *testing.T) {
	t.Parallel()
	a := cluster(t, 1, nil)[0]
	b := cluster(t, 1, func(o *Options) { o.NodeID = "m1"; o.Bootstrap = true })[0]
	propose(t, a, 1, 1, 30, 0)
	propose(t, b, 2, 1, 5, 0)
	// An operator's mistake: b belongs to a cluster of its own. It must not lose
	// what it has acknowledged.
	ctx, cancel := context.WithTimeout(context.Background(), 500*time.Millisecond)
	defer cancel()
	if err := a.Join(ctx, "m1", b.Addr()); !errors.Is(err, context.DeadlineExceeded) {
		t.Fatalf("join: %v", err)
	}
	if got := mustBook(t, b); got.Last != 5 || !b.IsLeader() {
		t.Errorf("the other cluster now has %v, leader %v", got.At, b.IsLeader())
	}
	propose(t, b, 2, 6, 10, 0)
	propose(t, a, 1, 31, 40, 0)
}

func TestLoneNodeCanBeginToListen(t *testing.T) {
	t.Parallel()
	o := testOptions(t, t.TempDir())
	s := openLeader(t, o)
	propose(t, s, 1, 1, 5, 0)
	closeTest(t, s)
	o.Bind, o.Machine = "127.0.0.1:0", &ledger{}
	o.ElectionTimeout = time.Second // leaders do not change because the machine is busy
	s = openLeader(t, o)
	second := openTest(t, clusterOptions(t, "n2"))
	if err := s.Join(testContext(t), "n2", second.Addr()); err != nil {
		t.Fatal(err)
	}
	propose(t, s, 1, 6, 10, 0)
	sameBooks(t, s, second)
	ms, err := second.Members()
	if err != nil || len(ms) != 2 || ms[0].Addr != s.Addr() {
		t.Errorf("members %+v, %v", ms, err)
	}
}

func TestBindToEveryAddressNeedsAdvertise(t *testing.T) {
	t.Parallel()
	o := testOptions(t, t.TempDir())
	o.Bind = "0.0.0.0:0"
	if s, err := Open(testContext(t), o); err == nil {
		closeTest(t, s)
		t.Fatal("opened")
	}
	o.Advertise = "localhost:7000"
	s := openTest(t, o)
	if s.Addr() != "localhost:7000" {
		t.Errorf("address %q", s.Addr())
	}
	if _, err := os.Stat(filepath.Join(o.Dir, identityName)); err != nil {
		t.Error(err)
	}
}
