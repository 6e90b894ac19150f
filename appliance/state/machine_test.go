package state

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/yizhan-im/yizhan/appliance/wire"
	"github.com/yizhan-im/yizhan/raftstore"
)

func mustCode(t *testing.T, what string, got, want wire.Code) {
	t.Helper()
	if got != want {
		t.Errorf("%s: %v, want %v", what, got, want)
	}
}

func TestSendingAgainGivesTheFirstResult(t *testing.T) {
	n := newNode(t)
	tenant := n.setup("app", "a", "b", "c")
	first := one[*SendResult](n, text(testTime, tenant, "a", "b", "1", "hello"))
	mustCode(t, "first", first.Code, wire.CodeOK)
	n.restart()
	for _, again := range []*Send{
		text(testTime+9, tenant, "a", "b", "1", "hello"),
		text(testTime+9, tenant, "a", "b", "1", "other text"),
		text(testTime+9, tenant, "a", "c", "1", "other receiver"),
	} {
		res := one[*SendResult](n, again)
		if res.Code != wire.CodeOK || !res.Duplicate || res.Seq != first.Seq || res.ID != first.ID || res.TimeMs != first.TimeMs || res.Message != nil {
			t.Errorf("again: %+v, want the first: %+v", res, first)
		}
	}
	for _, other := range []*Send{text(testTime, tenant, "b", "a", "1", "other sender"), text(testTime, tenant, "a", "b", "2", "other id")} {
		if res := one[*SendResult](n, other); res.Duplicate {
			t.Errorf("%v is taken for a duplicate", other.Message)
		}
	}
}

// TestClientIDsAreKnownForAWeek: also across the start of a new generation, and
// the rows of generations that nobody asks for are gone.
func TestClientIDsAreKnownForAWeek(t *testing.T) {
	n := newNode(t)
	tenant := n.setup("app", "a", "b")
	endOfWeek := (testTime/week+1)*week - 1
	one[*SendResult](n, text(endOfWeek, tenant, "a", "b", "1", ""))
	if res := one[*SendResult](n, text(endOfWeek+week, tenant, "a", "b", "1", "")); !res.Duplicate {
		t.Error("forgotten within a week")
	}
	if res := one[*SendResult](n, text(endOfWeek+1+week, tenant, "a", "b", "1", "")); res.Duplicate {
		t.Error("still known after its generation and the next")
	}
	prefix := fmt.Sprintf("%x", appendTable(nil, tableClient))
	rows := 0
	for _, row := range n.dump() {
		if strings.HasPrefix(row, prefix) {
			rows++
		}
	}
	if rows != 1 {
		t.Errorf("%d client id rows are stored, want only the new one", rows)
	}
}

func TestClockNeverGoesBack(t *testing.T) {
	n := newNode(t)
	tenant := n.setup("app", "a", "b")
	one[*SendResult](n, text(testTime+1000, tenant, "a", "b", "1", ""))
	if res := one[*SendResult](n, text(testTime-week, tenant, "a", "b", "2", "")); res.TimeMs != testTime+1000 {
		t.Errorf("time %d after %d", res.TimeMs, testTime+1000)
	}
	n.restart()
	if res := one[*SendResult](n, text(0, tenant, "a", "b", "3", "")); res.TimeMs != testTime+1000 {
		t.Errorf("time %d after a restart, want %d", res.TimeMs, testTime+1000)
	}
}

// TestTenantsAreApart: equal names in two tenants are different people.
func TestTenantsAreApart(t *testing.T) {
	n := newNode(t)
	x, y := n.setup("x", "a", "b"), n.setup("y", "a", "b")
	for i := range 3 {
		one[*SendResult](n, text(testTime, x, "a", "b", fmt.Sprint(i), "of x"))
	}
	if res := one[*SendResult](n, text(testTime, y, "a", "b", "0", "of y")); res.Duplicate || res.Seq != 1 {
		t.Errorf("first message of the other tenant: %+v", res)
	}
	h, err := n.q.History(y, "a", &wire.HistoryRequest{Peer: "b"})
	if err != nil || len(h.Messages) != 1 || h.Messages[0].Body != "of y" {
		t.Errorf("history of the other tenant: %v %v", h, err)
	}
	s, err := n.q.Sync(y, "b", 0, 0)
	if err != nil || len(s.Conversations) != 1 || s.Conversations[0].LastSeq != 1 {
		t.Errorf("sync of the other tenant: %v %v", s, err)
	}
	one[*AccountResult](n, &SetBlocked{TimeMs: testTime, Tenant: x, Account: "a", Blocked: true})
	if a, err := n.q.Account(y, "a"); err != nil || a.Blocked {
		t.Errorf("account of the other tenant: %+v %v", a, err)
	}
	mustCode(t, "to an account of another tenant only",
		one[*SendResult](n, text(testTime, n.setup("z", "a"), "a", "b", "1", "")).Code, wire.CodeNotFound)
}

func TestMalformedRequestsAreRefused(t *testing.T) {
	n := newNode(t)
	tenant := n.setup("app", "a", "b")
	one[*SendResult](n, text(testTime, tenant, "a", "b", "1", ""))
	long := strings.Repeat("x", 200)
	before := n.dump()
	for name, m := range map[string]*wire.Message{
		"no sender":        {To: "b", ClientId: "x"},
		"no receiver":      {From: "a", ClientId: "x"},
		"long receiver":    {From: "a", To: long, ClientId: "x"},
		"no client id":     {From: "a", To: "b"},
		"long client id":   {From: "a", To: "b", ClientId: long},
		"long device":      {From: "a", To: "b", ClientId: "x", FromDevice: long},
		"body not UTF-8":   {From: "a", To: "b", ClientId: "x", Body: "\xff"},
		"ext not UTF-8":    {From: "a", To: "b", ClientId: "x", Ext: "\xff"},
		"team":             {From: "a", To: "b", ClientId: "x", Scene: wire.Scene_SCENE_TEAM},
		"forged recall":    {From: "a", To: "b", ClientId: "x", Type: TypeRecall},
		"forged reference": {From: "a", To: "b", ClientId: "x", RefSeq: 1},
		"forged mark":      {From: "a", To: "b", ClientId: "x", Recalled: true},
		"forged seq":       {From: "a", To: "b", ClientId: "x", Seq: 1},
		"forged id":        {From: "a", To: "b", ClientId: "x", Id: 1},
		"forged time":      {From: "a", To: "b", ClientId: "x", TimeMs: 1},
	} {
		mustCode(t, name, one[*SendResult](n, &Send{TimeMs: testTime, Tenant: tenant, Message: m}).Code, wire.CodeBadParameter)
	}
	hash := HashToken("", "", "")
	for name, c := range map[string]command{
		"account without name":   &CreateAccount{Tenant: tenant, TokenHash: hash},
		"long account":           &CreateAccount{Tenant: tenant, Account: long, TokenHash: hash},
		"account without token":  &CreateAccount{Tenant: tenant, Account: "new"},
		"large profile":          &CreateAccount{Tenant: tenant, Account: "new", TokenHash: hash, Profile: &wire.Profile{Ex: strings.Repeat("x", maxProfile)}},
		"profile not UTF-8":      &UpdateProfile{Tenant: tenant, Account: "a", Update: &wire.UpdateProfileRequest{Name: ptr("\xff")}},
		"short token hash":       &SetToken{Tenant: tenant, Account: "a", TokenHash: hash[1:]},
		"block nobody":           &SetBlocked{Tenant: tenant},
		"profile of nobody":      &UpdateProfile{Tenant: tenant},
		"login without device":   &RecordLogin{Tenant: tenant, Account: "a"},
		"ack with a long device": &Ack{Tenant: tenant, Account: "a", DeviceID: long},
	} {
		mustCode(t, name, one[*AccountResult](n, c).Code, wire.CodeBadParameter)
	}
	for name, c := range map[string]command{
		"tenant without appkey":     &CreateTenant{Secret: "s"},
		"tenant without secret":     &CreateTenant{AppKey: "new"},
		"tenant with a long name":   &CreateTenant{AppKey: "new", Secret: "s", Name: long},
		"negative later limit":      &CreateTenant{AppKey: "new", Secret: "s", Limits: Limits{MaxFriends: -1}},
		"friends over the bound":    &CreateTenant{AppKey: "new", Secret: "s", Limits: Limits{MaxFriends: maxRelations + 1}},
		"negative limit":            &CreateTenant{AppKey: "new", Secret: "s", Limits: Limits{RequestBurst: -1}},
		"body limit over a command": &CreateTenant{AppKey: "new", Secret: "s", Limits: Limits{MaxBodyBytes: MaxCommandBytes}},
		"callback of nobody":        &SetCallback{},
		"callback at a long URL":    &SetCallback{AppKey: "app", Callback: Callback{URL: strings.Repeat("x", maxCallbackURL+1)}},
		"callback not UTF-8":        &SetCallback{AppKey: "app", Callback: Callback{URL: "\xff"}},
		"callback with patience":    &SetCallback{AppKey: "app", Callback: Callback{TimeoutMs: MaxCallbackTimeoutMs + 1}},
		"callback before its time":  &SetCallback{AppKey: "app", Callback: Callback{TimeoutMs: -1}},
		"update to no secret":       &UpdateTenant{AppKey: "app", Secret: ptr("")},
		"update to a bad limit":     &UpdateTenant{AppKey: "app", Limits: &Limits{RecallSeconds: maxLimit + 1}},
	} {
		mustCode(t, name, one[*TenantResult](n, c).Code, wire.CodeBadParameter)
	}
	mustCode(t, "read by nobody", one[*ReadResult](n, &Read{Tenant: tenant, Peer: "b"}).Code, wire.CodeBadParameter)
	mustCode(t, "recall with a long note", one[*SendResult](n, &Recall{Tenant: tenant, From: "a", Peer: "b", Seq: 1, Note: strings.Repeat("x", maxNote+1)}).Code, wire.CodeBadParameter)
	if after := n.dump(); difference(before, after) != "" {
		t.Errorf("refused commands changed:\n%s", difference(before, after))
	}
}

func ptr[T any](v T) *T { return &v }

func TestTenantsAreLimited(t *testing.T) {
	n := newNode(t)
	n.setup("app")
	n.inApply(func(*raftstore.Tx) error { n.b.m.site.tenants = MaxTenants; return nil })
	mustCode(t, "one too many", one[*TenantResult](n, &CreateTenant{AppKey: "more", Secret: "s"}).Code, wire.CodeCountLimit)
}

// TestStateRebuiltFromSnapshotIsTheSame: a state made of a snapshot and the log
// behind it has the bytes of the one that was lost, and goes on like it.
func TestStateRebuiltFromSnapshotIsTheSame(t *testing.T) {
	n := newNode(t)
	tenant := n.setup("app", "a", "b")
	for i := range 20 {
		one[*SendResult](n, text(testTime, tenant, "a", "b", fmt.Sprint(i), "hello"))
		if i == 10 {
			n.snapshot()
		}
	}
	one[*ReadResult](n, &Read{TimeMs: testTime, Tenant: tenant, Reader: "b", Peer: "a", Seq: 7})
	before := n.dump()
	n.close()
	if err := os.RemoveAll(filepath.Join(n.dir, "state")); err != nil {
		t.Fatal(err)
	}
	n.rebuild = true
	n.open(New())
	if after := n.dump(); difference(before, after) != "" {
		t.Errorf("rebuilt state differs:\n%s", difference(before, after))
	}
	if res := one[*SendResult](n, text(testTime, tenant, "b", "a", "x", "")); res.Seq != 21 {
		t.Errorf("seq %d after the rebuild, want 21", res.Seq)
	}
}

// TestResultsDoNotShareTheCommand: the store reuses a command's memory after
// Apply; results keep theirs.
func TestResultsDoNotShareTheCommand(t *testing.T) {
	n := newNode(t)
	tenant := n.setup("app", "a", "b")
	cmd := text(testTime, tenant, "a", "b", "1", "hello").Append(nil)
	results := make([]any, 1)
	n.inApply(func(tx *raftstore.Tx) error { return n.b.m.Apply(tx, [][]byte{cmd}, results) })
	clear(cmd)
	res := results[0].(*SendResult)
	var m wire.Message
	if err := m.UnmarshalVT(res.Message); err != nil || res.From != "a" || res.To != "b" || m.Body != "hello" || m.Seq != res.Seq {
		t.Errorf("result %+v, message %v %v", res, &m, err)
	}
}

// TestRecallRules: who may take back what, and what it leaves.
func TestRecallRules(t *testing.T) {
	n := newNode(t)
	tenant := n.setup("app", "a", "b")
	one[*SendResult](n, text(testTime, tenant, "a", "b", "1", "secret"))
	recall := Recall{TimeMs: testTime + 5000, Tenant: tenant, From: "a", Peer: "b", Seq: 1, WindowMs: 5000, Note: "oops"}

	other := recall
	other.From, other.Peer = "b", "a"
	mustCode(t, "by the receiver", one[*SendResult](n, &other).Code, wire.CodeForbidden)
	missing := recall
	missing.Seq = 2
	mustCode(t, "of a message that is not there", one[*SendResult](n, &missing).Code, wire.CodeNotFound)
	late := recall
	late.WindowMs = 4999
	mustCode(t, "after the window", one[*SendResult](n, &late).Code, wire.CodeRecallExpired)

	first := one[*SendResult](n, &recall)
	if first.Code != wire.CodeOK || first.Seq != 2 || first.RefSeq != 1 || first.Duplicate {
		t.Fatalf("recall: %+v", first)
	}
	late.TimeMs += week
	again := one[*SendResult](n, &late)
	if again.Code != wire.CodeOK || !again.Duplicate || again.Seq != first.Seq || again.ID != first.ID || again.TimeMs != first.TimeMs {
		t.Errorf("recalled again, late: %+v, want the first: %+v", again, first)
	}
	itself := recall
	itself.Seq = 2
	mustCode(t, "of a recall", one[*SendResult](n, &itself).Code, wire.CodeForbidden)

	h, err := n.q.History(tenant, "b", &wire.HistoryRequest{Peer: "a"})
	if err != nil || len(h.Messages) != 2 {
		t.Fatalf("history: %v %v", h, err)
	}
	if m := h.Messages[0]; m.Body != "" || !m.Recalled || m.Seq != 1 || m.ClientId != "1" {
		t.Errorf("the recalled message: %v", m)
	}
	if m := h.Messages[1]; m.Type != TypeRecall || m.RefSeq != 1 || m.Body != "oops" {
		t.Errorf("the recall entry: %v", m)
	}
	for _, row := range n.dump() {
		if strings.Contains(row, fmt.Sprintf("%x", "secret")) && !strings.HasPrefix(row, fmt.Sprintf("%x", tableTenant)) {
			t.Errorf("the content is still stored: %s", row)
		}
	}
}

func TestReadCursors(t *testing.T) {
	n := newNode(t)
	tenant := n.setup("app", "a", "b")
	read := func(seq uint64) *ReadResult {
		return one[*ReadResult](n, &Read{TimeMs: testTime, Tenant: tenant, Reader: "b", Peer: "a", Seq: seq})
	}
	mustCode(t, "without a conversation", read(1).Code, wire.CodeNotFound)
	for i := range 3 {
		one[*SendResult](n, text(testTime, tenant, "a", "b", fmt.Sprint(i), ""))
	}
	for _, c := range []struct {
		seq, cursor uint64
		changed     bool
	}{{0, 0, false}, {2, 2, true}, {2, 2, false}, {1, 2, false}, {99, 3, true}} {
		if res := read(c.seq); res.Code != wire.CodeOK || res.Seq != c.cursor || res.Changed != c.changed {
			t.Errorf("read to %d: %+v, want cursor %d, changed %v", c.seq, res, c.cursor, c.changed)
		}
	}
	s, err := n.q.Sync(tenant, "a", 0, 0)
	if err != nil || len(s.Conversations) != 1 || s.Conversations[0].ReadSeq != 0 || s.Conversations[0].PeerReadSeq != 3 {
		t.Errorf("the sender's view: %v %v", s, err)
	}
}

// TestNotesToOneself: from == to is one conversation with one cursor.
func TestNotesToOneself(t *testing.T) {
	n := newNode(t)
	tenant := n.setup("app", "a")
	one[*SendResult](n, text(testTime, tenant, "a", "a", "1", "milk"))
	one[*ReadResult](n, &Read{TimeMs: testTime, Tenant: tenant, Reader: "a", Peer: "a", Seq: 1})
	s, err := n.q.Sync(tenant, "a", 0, 0)
	if err != nil || len(s.Conversations) != 1 {
		t.Fatalf("sync: %v %v", s, err)
	}
	if c := s.Conversations[0]; c.Peer != "a" || c.LastSeq != 1 || c.ReadSeq != 1 || c.PeerReadSeq != 1 {
		t.Errorf("conversation: %v", c)
	}
}

func TestTokens(t *testing.T) {
	n := newNode(t)
	tenant := n.setup("app", "a")
	a, err := n.q.Account(tenant, "a")
	if err != nil || !a.TokenMatches("app", "token") || a.TokenMatches("app", "other") || a.TokenMatches("other", "token") {
		t.Errorf("token of a new account: %+v %v", a, err)
	}
	res := one[*AccountResult](n, &SetToken{TimeMs: testTime, Tenant: tenant, Account: "a", TokenHash: HashToken("app", "a", "new")})
	if res.Code != wire.CodeOK || !res.Kick || res.Change != AccountTokenSet {
		t.Errorf("set token: %+v", res)
	}
	if a, err = n.q.Account(tenant, "a"); err != nil || !a.TokenMatches("app", "new") || a.TokenMatches("app", "token") {
		t.Errorf("after a change: %+v %v", a, err)
	}
}

// TestStoreBatchesByItself: the Machine directly under a Store, which cuts the
// batches, with every command in flight at once: seqs are gapless and in order.
func TestStoreBatchesByItself(t *testing.T) {
	store, err := raftstore.Open(context.Background(), raftstore.Options{
		Dir: t.TempDir(), NodeID: "n1", Machine: New(), Bootstrap: true, BallastBytes: -1,
		FreeSpace: func(string) (uint64, error) { return 1 << 40, nil },
	})
	if err != nil {
		t.Fatal(err)
	}
	defer func() {
		if err := store.Close(); err != nil {
			t.Error(err)
		}
	}()
	ctx, cancel := context.WithTimeout(context.Background(), 30*time.Second)
	defer cancel()
	if err := store.WaitLeader(ctx); err != nil {
		t.Fatal(err)
	}
	const messages = 2000
	results := make(chan any, messages+3)
	submit := func(c command) {
		t.Helper()
		err := store.Submit(c.Append(nil), raftstore.CompletionFunc(func(result any, err error) {
			if err != nil {
				result = err
			}
			results <- result
		}))
		if err != nil {
			t.Fatal(err)
		}
	}
	submit(&CreateTenant{TimeMs: testTime, AppKey: "app", Secret: "s"})
	for _, account := range []string{"a", "b"} {
		submit(&CreateAccount{TimeMs: testTime, Tenant: 1, Account: account, TokenHash: HashToken("", "", "")})
	}
	for i := range messages {
		submit(text(testTime, 1, "a", "b", fmt.Sprint(i), "hello"))
	}
	for range 3 {
		<-results
	}
	for i := range messages {
		if res, ok := (<-results).(*SendResult); !ok || res.Code != wire.CodeOK || res.Seq != uint64(i+1) {
			t.Fatalf("message %d: %+v", i, res)
		}
	}
}
