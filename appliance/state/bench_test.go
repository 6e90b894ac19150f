package state

import (
	"fmt"
	"strings"
	"testing"

	"github.com/yizhan-im/yizhan/appliance/wire"
	"github.com/yizhan-im/yizhan/raftstore"
)

// benchBatch is the number of commands of a batch under load.
const benchBatch = 512

// BenchmarkApplySend is the time of Apply alone, per message of 100 bytes,
// without the store's commit of the batch. "hot" has all conversations in the
// cache, "cold" none.
func BenchmarkApplySend(b *testing.B) {
	for _, c := range []struct {
		name  string
		cache int
	}{{"hot", maxHotConvs}, {"cold", 1}} {
		b.Run(c.name, func(b *testing.B) {
			n := newNode(b)
			const accounts = 1000
			names := make([]string, accounts)
			for i := range names {
				names[i] = fmt.Sprintf("account%d", i)
			}
			tenant := n.setup("app", names...)
			n.reload(c.cache, defaultFilterSize)
			body := strings.Repeat("hello ", 16)
			cmds, results := make([][]byte, 0, benchBatch), make([]any, benchBatch)
			b.ReportAllocs()
			b.ResetTimer()
			b.StopTimer()
			for done := 0; done < b.N; done += len(cmds) {
				cmds = cmds[:0]
				for i := range min(benchBatch, b.N-done) {
					// Ids as clients make them: not in any order.
					id := fmt.Sprintf("%016x-%08x", uint64(done+i)*0x9e3779b97f4a7c15, done+i)
					from := (done + i) * 7 % accounts
					cmds = append(cmds, text(testTime, tenant, names[from], names[(from*31+done%10)%accounts], id, body).Append(nil))
				}
				n.inApply(func(tx *raftstore.Tx) error {
					b.StartTimer()
					defer b.StopTimer()
					return n.b.m.Apply(tx, cmds, results[:len(cmds)])
				})
			}
			if res := results[0].(*SendResult); res.Code != wire.CodeOK || res.Duplicate {
				b.Fatalf("result: %+v", res)
			}
		})
	}
}

// benchConversations fills an account's list and one long log.
func benchConversations(b *testing.B, conversations, messages int) (*node, uint32) {
	n := newNode(b)
	names := []string{"m"}
	for i := range conversations {
		names = append(names, fmt.Sprintf("%c%d", 'a'+i%26, i))
	}
	tenant := n.setup("app", names...)
	var batch []command
	for i, name := range names[1:] {
		batch = append(batch, text(testTime, tenant, name, "m", fmt.Sprint(i), strings.Repeat("hello ", 16)))
	}
	for i := range messages {
		batch = append(batch, text(testTime, tenant, "m", names[1], fmt.Sprint(i), strings.Repeat("hello ", 16)))
	}
	n.apply(batch...)
	return n, tenant
}

// BenchmarkSync is one Sync of an account with 1,000 conversations: all of them
// new (the first of ten pages), and nothing new.
func BenchmarkSync(b *testing.B) {
	n, tenant := benchConversations(b, 1000, 0)
	for _, c := range []struct {
		name    string
		version uint64
		found   int
	}{{"all", 0, 100}, {"none", 1000, 0}} {
		b.Run(c.name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				if s, err := n.q.Sync(tenant, "m", c.version, 100); err != nil || len(s.Conversations) != c.found {
					b.Fatal(err)
				}
			}
		})
	}
}

// BenchmarkHistory is one page of 100 messages of 100 bytes.
func BenchmarkHistory(b *testing.B) {
	n, tenant := benchConversations(b, 1, 1000)
	b.ReportAllocs()
	for b.Loop() {
		if h, err := n.q.History(tenant, "m", &wire.HistoryRequest{Peer: "a0"}); err != nil || len(h.Messages) != 100 {
			b.Fatal(err)
		}
	}
}

// BenchmarkSendAppend is the encoding of the command, on the side of the app.
func BenchmarkSendAppend(b *testing.B) {
	c := text(testTime, 1, "account1", "account2", "0123456789abcdef", strings.Repeat("hello ", 16))
	var buf []byte
	b.ReportAllocs()
	for b.Loop() {
		buf = c.Append(buf[:0])
	}
}

// BenchmarkApplySendListed is BenchmarkApplySend on a site where accounts have
// others on their blacklists: "others" not the sender, as nearly always; "muted"
// the sender too, on the mute list.
func BenchmarkApplySendListed(b *testing.B) {
	for _, c := range []struct {
		name string
		peer int // relative to the sender
		op   RelationOp
	}{{"others", 1, RelationBlacklist}, {"muted", 0, RelationMute}} {
		b.Run(c.name, func(b *testing.B) {
			n := newNode(b)
			const accounts = 1000
			names := make([]string, accounts)
			for i := range names {
				names[i] = fmt.Sprintf("account%d", i)
			}
			tenant := n.setup("app", names...)
			receiver := func(i int) int { return (i*31 + 1) % accounts }
			var lists []command
			for i := range accounts {
				peer := names[(i+c.peer)%accounts]
				if owner := names[receiver(i)]; owner != peer {
					lists = append(lists, &RelationChange{Op: c.op, TimeMs: testTime, Tenant: tenant, Account: owner, Peer: peer, On: true, Limit: 10})
				}
			}
			n.apply(lists...)
			body := strings.Repeat("hello ", 16)
			benchCommands(b, n, func(i int) command {
				from := i * 7 % accounts
				return text(testTime, tenant, names[from], names[receiver(from)], fmt.Sprintf("%016x-%08x", uint64(i)*0x9e3779b97f4a7c15, i), body)
			})
		})
	}
}

// BenchmarkApplyRelation is the time of Apply alone, for each change of a
// relation of two among 1,000 accounts.
func BenchmarkApplyRelation(b *testing.B) {
	for _, c := range []struct {
		name string
		ops  []RelationOp // in turn, so that each changes something
	}{
		{"add, delete", []RelationOp{RelationAdd, RelationDelete}},
		{"ask, accept, delete", []RelationOp{RelationAsk, RelationAccept, RelationDelete}},
		{"blacklist", []RelationOp{RelationBlacklist}},
	} {
		b.Run(c.name, func(b *testing.B) {
			n := newNode(b)
			const accounts = 1000
			names := make([]string, accounts)
			for i := range names {
				names[i] = fmt.Sprintf("account%d", i)
			}
			tenant := n.setup("app", names...)
			benchCommands(b, n, func(i int) command {
				pair, turn := i/len(c.ops), i%len(c.ops)
				x, y := names[pair*7%accounts], names[(pair*7*31+1+pair/accounts)%accounts]
				if x == y {
					y = names[(pair+1)%accounts]
				}
				if c.ops[turn] == RelationAccept {
					x, y = y, x
				}
				return &RelationChange{Op: c.ops[turn], TimeMs: testTime, Tenant: tenant, Account: x, Peer: y, On: i/accounts%2 == 0, Limit: 10_000}
			})
		})
	}
}

// benchCommands measures Apply of the commands that nth returns, in batches.
func benchCommands(b *testing.B, n *node, nth func(i int) command) {
	cmds, results := make([][]byte, 0, benchBatch), make([]any, benchBatch)
	b.ReportAllocs()
	b.ResetTimer()
	b.StopTimer()
	for done := 0; done < b.N; done += len(cmds) {
		cmds = cmds[:0]
		for i := range min(benchBatch, b.N-done) {
			cmds = append(cmds, nth(done+i).Append(nil))
		}
		n.inApply(func(tx *raftstore.Tx) error {
			b.StartTimer()
			defer b.StopTimer()
			return n.b.m.Apply(tx, cmds, results[:len(cmds)])
		})
	}
	for _, res := range results[:len(cmds)] {
		switch res := res.(type) {
		case *SendResult:
			if res.Code != wire.CodeOK || res.Duplicate {
				b.Fatalf("result: %+v", res)
			}
		case *RelationResult:
			if res.Code != wire.CodeOK {
				b.Fatalf("result: %+v", res)
			}
		}
	}
}
