package state

import (
	"testing"

	"google.golang.org/protobuf/proto"
	"pgregory.net/rapid"

	"github.com/yizhan-im/yizhan/appliance/wire"
)

// modelFloors is the part of the model that Prune changes: the first seq that is
// kept, by tenant and conversation, where something has gone.
type modelFloors struct {
	floors map[teamKey]uint64
	mark   []byte
}

func (f *modelFloors) of(tenant uint32, conv uint64) uint64 {
	return max(f.floors[teamKey{tenant, conv}], 1)
}

// floorOf is the first seq that is kept of a conversation of two accounts.
func (m *model) floorOf(tenant uint32, conv *modelConv) uint64 {
	return m.pruned.of(tenant, conv.log[0].Id)
}

func (m *model) prune(c *Prune) *PruneResult {
	m.clock = max(m.clock, c.TimeMs)
	res := &PruneResult{Code: wire.CodeOK, Tenant: c.Tenant}
	m.pruned.mark = c.Mark
	for _, l := range c.Logs {
		var id, last uint64
		if l.Team != 0 {
			if t := m.teams.teams[teamKey{c.Tenant, l.Team}]; t != nil {
				id, last = l.Team, uint64(len(t.log))
			}
		} else if conv := m.conv(c.Tenant, l.A, l.B); conv != nil {
			id, last = conv.log[0].Id, uint64(len(conv.log))
		}
		if floor := m.pruned.of(c.Tenant, id); id != 0 && l.Floor > floor && l.Floor <= last+1 {
			m.pruned.floors[teamKey{c.Tenant, id}] = l.Floor
			res.Ranges = append(res.Ranges, PrunedRange{id, floor, l.Floor - 1})
		}
	}
	return res
}

// mark tells in c, whose log is conv, what the floor is.
func (f *modelFloors) tell(tenant uint32, conv uint64, c *wire.ConversationState) {
	if floor := f.of(tenant, conv); floor > 1 {
		c.FloorSeq, c.FirstSeq = floor, max(c.FirstSeq, floor)
	}
}

func drawPrune(t *rapid.T, m *model, now int64) *Prune {
	c := &Prune{TimeMs: now, Tenant: drawTenant.Draw(t, "tenant"), Mark: rapid.SampledFrom([][]byte{nil, []byte("mark")}).Draw(t, "mark")}
	for range rapid.IntRange(0, 3).Draw(t, "logs") {
		l := PrunedLog{A: drawAccount.Draw(t, "a"), B: drawAccount.Draw(t, "b"), Floor: drawSeq.Draw(t, "floor")}
		if keys := m.teamKeys(); len(keys) > 0 && rapid.Bool().Draw(t, "team") {
			l = PrunedLog{Team: rapid.SampledFrom(keys).Draw(t, "id").id, Floor: l.Floor}
		}
		c.Logs = append(c.Logs, l)
	}
	return c
}

// TestPruneMatchesModel: with logs being shortened between messages, recalls,
// reads and syncs, everything is still as the model says.
func TestPruneMatchesModel(t *testing.T) {
	matchModel(t, nil, func(t *rapid.T, m *model) command {
		if rapid.IntRange(0, 4).Draw(t, "prune") == 0 {
			return drawPrune(t, m, drawTime(t, m.clock))
		}
		return drawCommand(t, m)
	})
}

// compareLogs compares Logs, Cut and PruneMark.
func compareLogs(t *rapid.T, q *Queries, m *model) {
	if mark, err := q.PruneMark(); err != nil || string(mark) != string(m.pruned.mark) {
		t.Fatalf("mark %q %v, want %q", mark, err, m.pruned.mark)
	}
	before, keep := drawTime(t, m.clock), uint64(rapid.IntRange(0, 3).Draw(t, "keep"))
	for _, tenant := range []uint32{1, 2, 3} {
		logs := map[uint64][]*wire.Message{}
		for key, conv := range m.convs {
			if key.tenant == tenant {
				logs[conv.log[0].Id] = conv.log
			}
		}
		for key, team := range m.teams.teams {
			if key.tenant == tenant {
				logs[key.id] = team.log
			}
		}
		var after []byte
		for end := false; !end; {
			var err error
			seen := 0
			end, err = q.Logs(tenant, after, 2, func(l *StoredLog) bool {
				seen++
				after = l.After()
				log := logs[l.Conversation]
				floor := m.pruned.of(tenant, l.Conversation)
				if log == nil || l.LastSeq != uint64(len(log)) || l.Floor != floor {
					t.Fatalf("log %+v, want %d entries from %d on", l, len(log), floor)
				}
				delete(logs, l.Conversation)
				want := floor
				for want <= l.LastSeq && (log[want-1].TimeMs < before || keep > 0 && l.LastSeq+1-want > keep) {
					want++
				}
				if got, err := q.Cut(tenant, l, before, keep); err != nil || got != want {
					t.Fatalf("cut of %+v before %d keeping %d: %d %v, want %d", l, before, keep, got, err, want)
				}
				return true
			})
			if err != nil || seen > 2 {
				t.Fatalf("logs of %d: %d logs in a page of 2, %v", tenant, seen, err)
			}
		}
		if len(logs) > 0 {
			t.Fatalf("tenant %d: logs not found: %v", tenant, logs)
		}
	}
}

// TestPruneRemovesTheEntries: entries are gone from the store, one by one or as a range, and
// nothing of the next conversation is.
func TestPruneRemovesTheEntries(t *testing.T) {
	for _, n := range []int{fewEntries, fewEntries + 1, 200} {
		node := newNode(t)
		tenant := node.setup("app", "a", "b", "c")
		var convs [2]uint64
		for i, peer := range []string{"b", "c"} {
			for j := range n + 1 {
				res := one[*SendResult](node, text(testTime+int64(j), tenant, "a", peer, "id"+peer+string(rune('0'+j%10))+string(rune('0'+j/10)), "hello"))
				if j == 0 {
					convs[i] = res.ID
				}
			}
		}
		res := one[*PruneResult](node, &Prune{TimeMs: testTime, Tenant: tenant, Logs: []PrunedLog{
			{A: "b", B: "a", Floor: uint64(n) + 1}, {A: "a", B: "nobody", Floor: 2}, {A: "a", B: "c", Floor: 1000}, {Team: 99, Floor: 2},
		}})
		want := &PruneResult{Code: wire.CodeOK, Tenant: tenant, Ranges: []PrunedRange{{convs[0], 1, uint64(n)}}}
		if len(res.Ranges) != 1 || res.Ranges[0] != want.Ranges[0] || res.Code != want.Code {
			t.Fatalf("pruned %+v, want %+v", res, want)
		}
		v := node.store.View()
		left := map[uint64]int{}
		prefix := appendTable(nil, tableMessage)
		err := scan(v, prefix, prefixEnd(prefix), func(_, row []byte) error {
			var msg wire.Message
			if err := msg.UnmarshalVT(row); err != nil {
				return err
			}
			if msg.To == "b" {
				left[convs[0]]++
			} else {
				left[convs[1]]++
			}
			return nil
		})
		v.Close()
		if err != nil || left[convs[0]] != 1 || left[convs[1]] != n+1 {
			t.Errorf("left of %d: %v %v", n+1, left, err)
		}
		history, err := node.q.History(tenant, "a", &wire.HistoryRequest{Peer: "b"})
		if err != nil || len(history.Messages) != 1 || history.FloorSeq != uint64(n)+1 || history.FirstSeq != uint64(n)+1 {
			t.Errorf("history: %v %v", history, err)
		}
		if res := one[*SendResult](node, &Recall{TimeMs: testTime, Tenant: tenant, From: "a", Peer: "b", Seq: 1}); res.Code != wire.CodeNotFound {
			t.Errorf("recall of what has gone: %v", res.Code)
		}
		again := one[*PruneResult](node, &Prune{TimeMs: testTime, Tenant: tenant, Logs: []PrunedLog{{A: "a", B: "b", Floor: uint64(n)}, {A: "a", B: "b", Floor: uint64(n) + 1}}})
		if len(again.Ranges) > 0 {
			t.Errorf("pruned twice: %+v", again)
		}
		sync, err := node.q.Sync(tenant, "a", 0, 0)
		sync.Conversations[0].Last = nil // see TestInboxMatchesModel
		if err != nil || len(sync.Conversations) != 2 || !proto.Equal(sync.Conversations[0], &wire.ConversationState{
			Peer: "b", LastSeq: uint64(n) + 1, FloorSeq: uint64(n) + 1, FirstSeq: uint64(n) + 1, Version: sync.Conversations[0].Version, TimeMs: testTime + int64(n),
		}) {
			t.Errorf("sync: %v %v", sync, err)
		}
	}
}
