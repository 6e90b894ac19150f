package state

import (
	"fmt"
	"strings"
	"testing"

	"google.golang.org/protobuf/proto"

	"github.com/yizhan-im/yizhan/appliance/wire"
	"github.com/yizhan-im/yizhan/raftstore"
)

// relate changes a relation of tenant; the limit is 10 unless set.
func (n *node) relate(tenant uint32, op RelationOp, account, peer string, change ...func(*RelationChange)) *RelationResult {
	n.tb.Helper()
	c := &RelationChange{Op: op, TimeMs: testTime, Tenant: tenant, Account: account, Peer: peer, On: true, Limit: 10}
	for _, f := range change {
		f(c)
	}
	return one[*RelationResult](n, c)
}

// TestBlacklistedSenderStoresNothing: what the receiver's blacklist refuses
// leaves no trace, also no client id: once the sender is off the list, the same
// message is accepted. A message that was accepted before keeps its result.
func TestBlacklistedSenderStoresNothing(t *testing.T) {
	n := newNode(t)
	tenant := n.setup("app", "a", "b")
	first := one[*SendResult](n, text(testTime, tenant, "a", "b", "1", "hello"))
	mustCode(t, "blacklist", n.relate(tenant, RelationBlacklist, "b", "a").Code, wire.CodeOK)
	before := n.dump()
	res := one[*SendResult](n, text(testTime, tenant, "a", "b", "2", "again"))
	mustCode(t, "send to who has blacklisted me", res.Code, wire.CodeBlacklisted)
	if res.Message != nil || res.Seq != 0 || res.ID != 0 {
		t.Errorf("the refused message got numbers: %+v", res)
	}
	if after := n.dump(); difference(before, after) != "" {
		t.Errorf("a refused message changed:\n%s", difference(before, after))
	}
	if again := one[*SendResult](n, text(testTime, tenant, "a", "b", "1", "hello")); again.Code != wire.CodeOK || !again.Duplicate || again.Seq != first.Seq {
		t.Errorf("a repeated message: %+v, want the first result %+v", again, first)
	}
	mustCode(t, "send the other way", one[*SendResult](n, text(testTime, tenant, "b", "a", "3", "you")).Code, wire.CodeOK)
	mustCode(t, "take off", n.relate(tenant, RelationBlacklist, "b", "a", func(c *RelationChange) { c.On = false }).Code, wire.CodeOK)
	if res := one[*SendResult](n, text(testTime, tenant, "a", "b", "2", "again")); res.Code != wire.CodeOK || res.Duplicate || res.Seq != 3 {
		t.Errorf("the message after all: %+v", res)
	}
}

func TestMutedSenderIsMarked(t *testing.T) {
	n := newNode(t)
	tenant := n.setup("app", "a", "b")
	n.relate(tenant, RelationMute, "b", "a")
	if res := one[*SendResult](n, text(testTime, tenant, "a", "b", "1", "hello")); res.Code != wire.CodeOK || !res.Muted || res.Message == nil {
		t.Errorf("from a muted sender: %+v", res)
	}
	if res := one[*SendResult](n, text(testTime, tenant, "b", "a", "1", "hello")); res.Muted {
		t.Error("the muting account's own message is muted")
	}
}

// TestListsAreKnownAfterARestart: the filter in front of the lists learns what
// is stored, in as many batches as it takes, and answers right meanwhile.
func TestListsAreKnownAfterARestart(t *testing.T) {
	n := newNode(t)
	names := []string{"a"}
	for i := range 9 {
		names = append(names, fmt.Sprint("b", i))
	}
	tenant := n.setup("app", names...)
	for _, b := range names[1:] {
		n.relate(tenant, RelationBlacklist, b, "a")
	}
	n.reload(maxHotConvs, filterSize{blocks: 1, segments: 2, rows: 4})
	loaded := false
	for round := range 5 {
		for _, b := range names[1:] {
			mustCode(t, "to "+b, one[*SendResult](n, text(testTime, tenant, "a", b, fmt.Sprint(round), "x")).Code, wire.CodeBlacklisted)
			mustCode(t, "from "+b, one[*SendResult](n, text(testTime, tenant, b, "a", fmt.Sprint(round), "x")).Code, wire.CodeOK)
		}
		n.inApply(func(*raftstore.Tx) error {
			loaded = n.b.m.specials.next == nil
			return nil
		})
	}
	if !loaded {
		t.Error("the filter has not loaded")
	}
}

func TestRelationsStayWithinTheirTenant(t *testing.T) {
	n := newNode(t)
	one, two := n.setup("app", "a", "b"), n.setup("app2", "a", "b")
	n.relate(one, RelationAdd, "a", "b")
	n.relate(one, RelationBlacklist, "b", "a")
	if r, err := n.q.Relation(two, "a", "b"); r != nil || err != nil {
		t.Errorf("the other tenant's relation: %v %v", r, err)
	}
	if res := n.apply(text(testTime, two, "a", "b", "1", "x"))[0].(*SendResult); res.Code != wire.CodeOK {
		t.Errorf("the other tenant's blacklist counts: %v", res.Code)
	}
	mustCode(t, "no such tenant", n.relate(9, RelationAdd, "a", "b").Code, wire.CodeNotFound)
	for _, account := range []string{"a", "b"} {
		if s, err := n.q.Sync(two, account, 0, 0); err != nil || s.RelationsVersion != 0 {
			t.Errorf("%s: version %d %v, want none", account, s.GetRelationsVersion(), err)
		}
	}
}

func TestRelationsAreChecked(t *testing.T) {
	n := newNode(t)
	tenant := n.setup("app", "a", "b")
	before := n.dump()
	long := strings.Repeat("x", maxRelationEx+1)
	for name, change := range map[string]func(*RelationChange){
		"with oneself":           func(c *RelationChange) { c.Peer = "a" },
		"with nobody":            func(c *RelationChange) { c.Peer = "" },
		"of nobody":              func(c *RelationChange) { c.Account = "" },
		"a long note":            func(c *RelationChange) { c.Note = long },
		"a long alias":           func(c *RelationChange) { c.Alias = &long },
		"a long ex":              func(c *RelationChange) { c.Ex = &long },
		"a long server ex":       func(c *RelationChange) { c.ServerEx = &long },
		"a note that isn't text": func(c *RelationChange) { c.Note = "\xff" },
		"an alias without text":  func(c *RelationChange) { c.Alias = proto.String("\xff") },
	} {
		mustCode(t, name, n.relate(tenant, RelationAdd, "a", "b", change).Code, wire.CodeBadParameter)
	}
	mustCode(t, "unknown mode", one[*FriendModeResult](n, &SetFriendMode{TimeMs: testTime, Tenant: tenant, Account: "a", Mode: 3}).Code, wire.CodeBadParameter)
	mustCode(t, "mode of nobody", one[*FriendModeResult](n, &SetFriendMode{TimeMs: testTime, Tenant: tenant, Account: "c"}).Code, wire.CodeNotFound)
	if after := n.dump(); difference(before, after) != "" {
		t.Errorf("refused commands changed:\n%s", difference(before, after))
	}
}

// TestOldSpareRelationsMakeRoom: an account remembers so many relations that are
// over. A device that has seen less than what is forgotten must read them all;
// others go on with the difference.
func TestOldSpareRelationsMakeRoom(t *testing.T) {
	n := newNode(t)
	const more = 5
	tenant := n.setup("app", "a")
	names := []string{"a"}
	var accounts []command
	for i := range MaxSpareRelations + more {
		names = append(names, fmt.Sprintf("b%04d", i))
		accounts = append(accounts, &CreateAccount{TimeMs: testTime, Tenant: tenant, Account: names[1+i], TokenHash: HashToken("", "", "")})
	}
	n.apply(accounts...)
	n.relate(tenant, RelationAdd, "a", names[1], func(c *RelationChange) { c.Limit = 5000 })
	n.relate(tenant, RelationMute, "a", names[1])
	start := one[*FriendModeResult](n, &SetFriendMode{TimeMs: testTime, Tenant: tenant, Account: "a", Mode: 1}).Version
	var batch []command
	for _, b := range names[2:] {
		for _, op := range []RelationOp{RelationAdd, RelationUpdate, RelationDelete} {
			batch = append(batch, &RelationChange{
				Op: op, TimeMs: testTime, Tenant: tenant, Account: "a", Peer: b, Alias: proto.String("alias"), Limit: 5000,
			})
		}
	}
	results := n.apply(batch...)
	version := func(result any) uint64 {
		var r wire.Relation
		if err := r.UnmarshalVT(result.(*RelationResult).Relation); err != nil {
			t.Fatal(err)
		}
		return r.Version
	}
	read := func(version uint64) (all []*wire.Relation, startOver bool) {
		req := &wire.RelationsRequest{Version: version}
		for {
			res, err := n.q.Relations(tenant, "a", req)
			if err != nil {
				t.Fatal(err)
			}
			if res.StartOver && len(all) > 0 {
				t.Fatal("told to start over while reading all")
			}
			startOver = startOver || res.StartOver
			all = append(all, res.Relations...)
			if !res.More {
				return all, startOver
			}
			req.Version, req.Floor = res.Version, res.Floor
		}
	}
	if got, _ := n.q.Relation(tenant, "a", names[2]); got != nil {
		t.Errorf("the oldest is remembered: %v", got)
	}
	kept := names[2+more-1]
	if got, _ := n.q.Relation(tenant, "a", kept); got.GetAlias() != "alias" {
		t.Errorf("%s is forgotten: %v", kept, got)
	}
	all, _ := read(0)
	if len(all) != 1+MaxSpareRelations || all[0].Account != names[1] || !all[0].Friend {
		t.Errorf("all relations are %d, the first %v", len(all), all[0])
	}
	if again, startOver := read(start); !startOver || len(again) != len(all) {
		t.Errorf("a device that knows less than what is forgotten: %d relations, start over %v", len(again), startOver)
	}
	forgotten := version(results[3*(more-1)-1]) // the newest change that is forgotten
	if rest, startOver := read(forgotten); startOver || len(rest) != MaxSpareRelations {
		t.Errorf("a device that knows all that is forgotten: %d relations, start over %v", len(rest), startOver)
	}
	if _, startOver := read(forgotten - 1); !startOver {
		t.Error("a device that knows just less is not told to start over")
	}
}

// TestCountsFollowTheRows: limits work on counts that are kept beside the rows.
func TestCountsFollowTheRows(t *testing.T) {
	n := newNode(t)
	tenant := n.setup("app", "a", "b", "c", "d")
	limit := func(most uint32) func(*RelationChange) { return func(c *RelationChange) { c.Limit = most } }
	off := func(c *RelationChange) { c.On = false }
	for _, step := range []struct {
		op            RelationOp
		account, peer string
		change        func(*RelationChange)
		want          wire.Code
	}{
		{RelationAdd, "a", "b", limit(1), wire.CodeOK},
		{RelationAdd, "a", "b", limit(1), wire.CodeOK}, // again
		{RelationAdd, "a", "c", limit(1), wire.CodeCountLimit},
		{RelationAdd, "c", "a", limit(1), wire.CodeCountLimit}, // the other one is full
		{RelationDelete, "b", "a", limit(1), wire.CodeOK},
		{RelationAsk, "a", "c", limit(1), wire.CodeOK},
		{RelationAsk, "a", "d", limit(1), wire.CodeCountLimit},
		{RelationAsk, "b", "c", limit(1), wire.CodeCountLimit}, // c has one request
		{RelationDecline, "c", "a", limit(1), wire.CodeOK},
		{RelationDecline, "c", "a", limit(1), wire.CodeOK}, // again
		{RelationAsk, "b", "c", limit(1), wire.CodeOK},
		{RelationAsk, "a", "d", limit(1), wire.CodeOK},
		{RelationDelete, "a", "d", limit(1), wire.CodeOK}, // takes it back
		{RelationAccept, "d", "a", limit(1), wire.CodeNotFound},
		{RelationAsk, "a", "d", limit(1), wire.CodeOK},
		{RelationBlacklist, "a", "b", limit(1), wire.CodeOK},
		{RelationBlacklist, "a", "c", limit(1), wire.CodeCountLimit},
		{RelationMute, "a", "c", limit(1), wire.CodeOK},
		{RelationBlacklist, "a", "b", off, wire.CodeOK},
		{RelationBlacklist, "a", "b", off, wire.CodeOK}, // again
		{RelationBlacklist, "a", "c", limit(1), wire.CodeOK},
	} {
		if res := n.relate(tenant, step.op, step.account, step.peer, step.change); res.Code != step.want {
			t.Fatalf("%v: %v, want %v", step, res.Code, step.want)
		}
	}
}

// BenchmarkSpecialOf is what the lists cost a message: where there is no list at
// all, and where there are 100,000 but none has the sender.
func BenchmarkSpecialOf(b *testing.B) {
	for _, listed := range []int{0, 100_000} {
		b.Run(fmt.Sprint("listed=", listed), func(b *testing.B) {
			n := newNode(b)
			n.inApply(func(tx *raftstore.Tx) error {
				m := n.b.m
				if err := m.Apply(tx, nil, nil); err != nil { // loads the filter
					return err
				}
				for i := range listed {
					m.specials.add(appendRelationKey(nil, tableSpecial, 1, fmt.Sprint("account", i), "x"))
				}
				names := make([]string, 1024)
				for i := range names {
					names[i] = fmt.Sprint("account", i)
				}
				b.ReportAllocs()
				for i := 0; b.Loop(); i++ {
					if _, err := m.specialOf(tx, 1, names[i%1024], names[i*7%1024]); err != nil {
						return err
					}
				}
				return nil
			})
		})
	}
}
