package state

import (
	"context"
	"encoding/binary"
	"fmt"
	"testing"
	"time"

	"github.com/yizhan-im/yizhan/appliance/wire"
	"github.com/yizhan-im/yizhan/raftstore"
)

// node is a Machine on a real Store, with the batches that a test chooses.
type node struct {
	tb    testing.TB
	dir   string
	store *raftstore.Store
	b     *batcher
	q     *Queries

	rebuild  bool   // open with RebuildState
	memTable uint64 // 0 is the default
}

// batcher makes of each command that the store hands it a whole batch for the
// Machine, or runs hook.
type batcher struct {
	m    *Machine
	hook func(tx *raftstore.Tx) error
}

func (b *batcher) Reset(v *raftstore.View) error { return b.m.Reset(v) }

func (b *batcher) Apply(tx *raftstore.Tx, batches [][]byte, results []any) error {
	for i, batch := range batches {
		if len(batch) == 0 {
			if err := b.hook(tx); err != nil {
				return err
			}
			continue
		}
		cmds := splitBatch(batch)
		inner := make([]any, len(cmds))
		if err := b.m.Apply(tx, cmds, inner); err != nil {
			return err
		}
		results[i] = inner
	}
	return nil
}

func splitBatch(batch []byte) (cmds [][]byte) {
	for len(batch) > 0 {
		n, w := binary.Uvarint(batch)
		cmds = append(cmds, batch[w:w+int(n)])
		batch = batch[w+int(n):]
	}
	return cmds
}

func newNode(tb testing.TB) *node {
	tb.Helper()
	n := &node{tb: tb, dir: tb.TempDir()}
	n.open(New())
	tb.Cleanup(func() { n.close() })
	n.q = NewQueries(func() *raftstore.View { return n.store.View() })
	return n
}

func (n *node) open(m *Machine) {
	n.tb.Helper()
	n.b = &batcher{m: m}
	store, err := raftstore.Open(context.Background(), raftstore.Options{
		Dir: n.dir, NodeID: "n1", Machine: n.b, Bootstrap: true, BallastBytes: -1, RebuildState: n.rebuild,
		MemTableBytes: n.memTable,
		FreeSpace:     func(string) (uint64, error) { return 1 << 40, nil },
	})
	if err != nil {
		n.tb.Fatalf("open: %v", err)
	}
	n.store = store
	ctx, cancel := context.WithTimeout(context.Background(), 30*time.Second)
	defer cancel()
	if err := store.WaitLeader(ctx); err != nil {
		n.tb.Fatalf("no leader: %v", err)
	}
}

func (n *node) close() {
	if err := n.store.Close(); err != nil {
		n.tb.Errorf("close: %v", err)
	}
}

// restart closes and opens the store; the Machine is a new one.
func (n *node) restart() {
	n.close()
	n.open(New())
}

// propose submits one batch, or the hook, and waits for its results.
func (n *node) propose(batch []byte) any {
	n.tb.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), 30*time.Second)
	defer cancel()
	result, err := n.store.Propose(ctx, batch)
	if err != nil {
		n.tb.Fatalf("propose: %v", err)
	}
	return result
}

// inApply runs f in the apply goroutine.
func (n *node) inApply(f func(tx *raftstore.Tx) error) {
	n.tb.Helper()
	n.b.hook = f
	n.propose(nil)
}

// reload makes the Machine forget what it mirrors, and mirror less from now on.
func (n *node) reload(convs int, size filterSize) {
	n.tb.Helper()
	n.inApply(func(*raftstore.Tx) error {
		v := n.store.View()
		defer v.Close()
		n.b.m.convs.limit, n.b.m.clients.filterSize, n.b.m.specials.filterSize, n.b.m.teams.limit = convs, size, size, convs
		n.b.m.marks.limit = convs
		return n.b.m.Reset(v)
	})
}

// wipe removes all data.
func (n *node) wipe() {
	n.tb.Helper()
	n.inApply(func(tx *raftstore.Tx) error { return tx.DeleteRange(nil, nil) })
	n.reload(maxHotConvs, defaultFilterSize)
}

type command interface{ Append(dst []byte) []byte }

// raw is a command that is already encoded, or garbage.
type raw []byte

func (r raw) Append(dst []byte) []byte { return append(dst, r...) }

func batchOf(cmds ...command) (batch []byte) {
	for _, c := range cmds {
		batch = appendString(batch, c.Append(nil))
	}
	return batch
}

// apply runs cmds as one batch.
func (n *node) apply(cmds ...command) []any {
	n.tb.Helper()
	return n.propose(batchOf(cmds...)).([]any)
}

// one runs one command and returns its result.
func one[R any](n *node, c command) R {
	n.tb.Helper()
	result, ok := n.apply(c)[0].(R)
	if !ok {
		n.tb.Fatalf("result of %T is not a %T", c, result)
	}
	return result
}

// dump is every stored key and value, in order.
func (n *node) dump() []string {
	n.tb.Helper()
	v := n.store.View()
	defer v.Close()
	var rows []string
	err := scan(v, nil, nil, func(key, row []byte) error {
		rows = append(rows, fmt.Sprintf("%x = %x", key, row))
		return nil
	})
	if err != nil {
		n.tb.Fatalf("dump: %v", err)
	}
	return rows
}

const (
	testTime = int64(1_700_000_000_000)
	week     = int64(generationMs)
)

// setup makes a tenant with accounts and returns its id.
func (n *node) setup(appKey string, accounts ...string) uint32 {
	n.tb.Helper()
	res := one[*TenantResult](n, &CreateTenant{TimeMs: testTime, AppKey: appKey, Secret: "secret"})
	if res.Code != wire.CodeOK {
		n.tb.Fatalf("create tenant: %v", res.Code)
	}
	for _, account := range accounts {
		c := &CreateAccount{TimeMs: testTime, Tenant: res.Tenant.ID, Account: account, TokenHash: HashToken(appKey, account, "token")}
		if res := one[*AccountResult](n, c); res.Code != wire.CodeOK {
			n.tb.Fatalf("create account: %v", res.Code)
		}
	}
	return res.Tenant.ID
}

func text(timeMs int64, tenant uint32, from, to, clientID, body string) *Send {
	return &Send{TimeMs: timeMs, Tenant: tenant, Session: 7, Message: &wire.Message{From: from, To: to, ClientId: clientID, Body: body}}
}

// snapshot makes the store take one now.
func (n *node) snapshot() {
	n.tb.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), 30*time.Second)
	defer cancel()
	if err := n.store.Snapshot(ctx); err != nil {
		n.tb.Fatalf("snapshot: %v", err)
	}
}
