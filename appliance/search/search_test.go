package search

import (
	"bytes"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/blevesearch/bleve/v2"

	"github.com/yizhan-im/yizhan/appliance/state"
	"github.com/yizhan-im/yizhan/appliance/wire"
	"github.com/yizhan-im/yizhan/raftstore"
)

const start = int64(1_700_000_000_000)

// site is a store with the state machine, whose results an Engine follows by hand.
type site struct {
	tb      testing.TB
	dir     string
	store   *raftstore.Store
	queries *state.Queries
	nowMs   int64
	marker  uint32 // tenant of settle
	sent    int
	log     bytes.Buffer

	mu     sync.Mutex
	engine *Engine
}

func newSite(tb testing.TB) *site {
	tb.Helper()
	s := &site{tb: tb, dir: tb.TempDir(), nowMs: start}
	store, err := raftstore.Open(tb.Context(), raftstore.Options{
		Dir: filepath.Join(s.dir, "store"), NodeID: "n1", Machine: state.New(), Bootstrap: true, BallastBytes: -1,
		FreeSpace: func(string) (uint64, error) { return 1 << 40, nil },
		OnApplied: func(results []any) {
			s.mu.Lock()
			defer s.mu.Unlock()
			if s.engine != nil {
				s.engine.Applied(results)
			}
		},
	})
	if err != nil {
		tb.Fatal(err)
	}
	s.store = store
	tb.Cleanup(func() {
		if err := store.Close(); err != nil {
			tb.Error(err)
		}
	})
	if err := store.WaitLeader(tb.Context()); err != nil {
		tb.Fatal(err)
	}
	s.queries = state.NewQueries(store.View)
	return s
}

// open makes an Engine that works only when it is told to.
func (s *site) open() *Engine {
	s.tb.Helper()
	e, err := New(Config{Dir: filepath.Join(s.dir, "search"), Queries: s.queries, Logger: slog.New(slog.NewTextHandler(&s.log, nil))})
	if err != nil {
		s.tb.Fatal(err)
	}
	s.mu.Lock()
	s.engine = e
	s.mu.Unlock()
	s.tb.Cleanup(func() { _ = e.Close() })
	return e
}

func (s *site) shut(e *Engine) {
	s.tb.Helper()
	s.mu.Lock()
	s.engine = nil
	s.mu.Unlock()
	if err := e.Close(); err != nil {
		s.tb.Fatal(err)
	}
}

// settle lets e index everything that was applied so far: results come after the
// answers to commands, so it waits for those of a message of its own.
func (s *site) settle(e *Engine) {
	s.tb.Helper()
	if s.marker == 0 {
		s.marker = s.tenant("marker", "m")
	}
	last := s.send(s.marker, "m", "m", "marker").ID
	for seen := uint64(0); seen < last; {
		<-e.dirty.wake
		e.turn()
		e.dirty.mu.Lock()
		seen = e.dirty.work.seen
		e.dirty.mu.Unlock()
	}
	e.turn()
}

func (s *site) run(c interface{ Append([]byte) []byte }) any {
	s.tb.Helper()
	result, err := s.store.Propose(s.tb.Context(), c.Append(nil))
	if err != nil {
		s.tb.Fatal(err)
	}
	return result
}

func (s *site) tenant(key string, accounts ...string) uint32 {
	s.tb.Helper()
	t := s.run(&state.CreateTenant{TimeMs: s.nowMs, AppKey: key, Secret: "s"}).(*state.TenantResult).Tenant
	for _, account := range accounts {
		s.run(&state.CreateAccount{TimeMs: s.nowMs, Tenant: t.ID, Account: account, TokenHash: state.HashToken(key, account, "t")})
	}
	return t.ID
}

func (s *site) message(tenant uint32, m *wire.Message) *state.SendResult {
	s.tb.Helper()
	s.sent++
	s.nowMs += 1000
	m.ClientId = fmt.Sprint(s.sent)
	res := s.run(&state.Send{TimeMs: s.nowMs, Tenant: tenant, Message: m}).(*state.SendResult)
	if res.Code != wire.CodeOK {
		s.tb.Fatalf("send: %v", res.Code)
	}
	return res
}

func (s *site) send(tenant uint32, from, to, body string) *state.SendResult {
	s.tb.Helper()
	return s.message(tenant, &wire.Message{From: from, To: to, Body: body})
}

func (s *site) team(tenant uint32, owner string, members ...string) string {
	s.tb.Helper()
	name := "team"
	res := s.run(&state.TeamChange{
		TimeMs: s.nowMs, Tenant: tenant, Op: state.TeamCreate, By: owner, Accounts: members, Direct: true, ClientID: fmt.Sprint(s.sent, members),
		MemberLimit: 100, TeamLimit: 100, Info: &wire.TeamChanges{Name: &name},
	}).(*state.TeamResult)
	if res.Code != wire.CodeOK {
		s.tb.Fatalf("team: %v", res.Code)
	}
	return state.TeamID(res.Team)
}

// found are the bodies of all pages, the newest first.
func (s *site) found(e *Engine, tenant uint32, account string, req *wire.SearchRequest) (bodies []string) {
	s.tb.Helper()
	if req.Limit == 0 {
		req.Limit = 20
	}
	for range 100 {
		res, err := e.Search(s.tb.Context(), tenant, account, req)
		if err != nil {
			s.tb.Fatalf("search %v: %v", req, err)
		}
		if len(res.Messages) > int(req.Limit) {
			s.tb.Fatalf("%d messages in a page of %d", len(res.Messages), req.Limit)
		}
		for _, m := range res.Messages {
			bodies = append(bodies, m.Body)
		}
		if req.Cursor = res.Cursor; req.Cursor == "" {
			return bodies
		}
	}
	s.tb.Fatal("the pages do not end")
	return nil
}

func (s *site) expect(e *Engine, tenant uint32, account string, req *wire.SearchRequest, want ...string) {
	s.tb.Helper()
	asked := req.String()
	if got := s.found(e, tenant, account, req); !slices.Equal(got, want) {
		s.tb.Errorf("%s finds %q, want %q; %s", account, got, want, asked)
	}
}

func TestWords(t *testing.T) {
	s := newSite(t)
	e := s.open()
	tenant := s.tenant("app", "a", "b", "c")
	s.send(tenant, "a", "b", "Meeting at TEN, Café")
	s.send(tenant, "b", "a", "今天天气很好，我们去吃饭吧")
	s.send(tenant, "a", "c", "天气预报说明天下雨 ﾃｽﾄ")
	s.message(tenant, &wire.Message{From: "a", To: "b", Type: 6, Body: `{"name":"report 2026.pdf","url":"http://x/secret"}`})
	s.message(tenant, &wire.Message{From: "a", To: "b", Type: 100, Body: `{"name":"custom meeting"}`})
	s.settle(e)
	for text, want := range map[string][]string{
		"meeting":      {"Meeting at TEN, Café"},
		"ten MEETING":  {"Meeting at TEN, Café"},
		"café":         {"Meeting at TEN, Café"},
		"meet":         nil,
		"meeting noon": nil,
		"天气":           {"天气预报说明天下雨 ﾃｽﾄ", "今天天气很好，我们去吃饭吧"},
		"天气很好":         {"今天天气很好，我们去吃饭吧"},
		"好天":           nil,
		"雨":            {"天气预报说明天下雨 ﾃｽﾄ"},
		"テスト":          {"天气预报说明天下雨 ﾃｽﾄ"},
		"report":       {`{"name":"report 2026.pdf","url":"http://x/secret"}`},
		"secret":       nil,
		"custom":       nil,
	} {
		s.expect(e, tenant, "a", &wire.SearchRequest{Text: text}, want...)
	}
	s.expect(e, tenant, "a", &wire.SearchRequest{Types: []uint32{100, 6}}, `{"name":"custom meeting"}`, `{"name":"report 2026.pdf","url":"http://x/secret"}`)
	s.expect(e, tenant, "a", &wire.SearchRequest{Text: "天气", From: "b"}, "今天天气很好，我们去吃饭吧")
	s.expect(e, tenant, "a", &wire.SearchRequest{Text: "天气", Peer: "c"}, "天气预报说明天下雨 ﾃｽﾄ")
	s.expect(e, tenant, "a", &wire.SearchRequest{Text: "天气", Peer: "nobody"})
	s.expect(e, tenant, "a", &wire.SearchRequest{Text: "天气", BeginMs: start + 3000, EndMs: start + 3000}, "天气预报说明天下雨 ﾃｽﾄ")
	s.expect(e, tenant, "a", &wire.SearchRequest{Text: "天气", EndMs: start + 2999}, "今天天气很好，我们去吃饭吧")
	s.expect(e, tenant, "a", &wire.SearchRequest{Text: "天气", BeginMs: start + 2001}, "天气预报说明天下雨 ﾃｽﾄ")
}

func TestRequestsThatAreRefused(t *testing.T) {
	s := newSite(t)
	e := s.open()
	tenant := s.tenant("app", "a", "b")
	s.send(tenant, "a", "b", "hello")
	s.settle(e)
	long := ""
	for i := range maxWords + 1 {
		long += fmt.Sprint(i, " ")
	}
	for _, test := range []struct {
		req  *wire.SearchRequest
		code wire.Code
	}{
		{&wire.SearchRequest{}, wire.CodeBadParameter},
		{&wire.SearchRequest{Peer: "b"}, wire.CodeBadParameter},
		{&wire.SearchRequest{Text: "!?*"}, wire.CodeBadParameter},
		{&wire.SearchRequest{Text: long}, wire.CodeBadParameter},
		{&wire.SearchRequest{Text: "hello", Cursor: "%"}, wire.CodeBadParameter},
		{&wire.SearchRequest{Text: "hello", Cursor: "AAAA"}, wire.CodeBadParameter},
		{&wire.SearchRequest{Text: "hello", Scene: wire.Scene_SCENE_TEAM, Peer: "99"}, wire.CodeTeamMissing},
	} {
		test.req.Limit = 10
		if res, err := e.Search(t.Context(), tenant, "a", test.req); wire.CodeOf(err) != test.code {
			t.Errorf("%v: %v %v, want %v", test.req, res, err, test.code)
		}
	}
	// What looks like the language of a query is words.
	s.expect(e, tenant, "a", &wire.SearchRequest{Text: "hell* /h.*/ +hello -x"})
	for range maxSearches {
		e.searches <- struct{}{}
	}
	if _, err := e.Search(t.Context(), tenant, "a", &wire.SearchRequest{Text: "hello", Limit: 1}); wire.CodeOf(err) != wire.CodeBusy {
		t.Errorf("one search too many: %v", err)
	}
}

// TestNobodyFindsWhatHeMayNotRead: other people's conversations, other tenants', teams before
// joining and after leaving.
func TestNobodyFindsWhatHeMayNotRead(t *testing.T) {
	s := newSite(t)
	e := s.open()
	one, two := s.tenant("one", "a", "b", "c", "d"), s.tenant("two", "a", "b")
	s.send(one, "a", "b", "secret 1")
	s.send(two, "a", "b", "secret 2")
	team := s.team(one, "a", "b")
	group := func(from, body string) {
		s.message(one, &wire.Message{Scene: wire.Scene_SCENE_TEAM, From: from, To: team, Body: body})
	}
	group("a", "secret 3")
	id, _ := state.ParseTeamID(team)
	change := func(op state.TeamOp, by string, accounts ...string) {
		res := s.run(&state.TeamChange{TimeMs: s.nowMs, Tenant: one, Op: op, By: by, Team: id, Accounts: accounts, Direct: true, MemberLimit: 100, TeamLimit: 100}).(*state.TeamResult)
		if res.Code != wire.CodeOK {
			t.Fatal(res.Code)
		}
	}
	change(state.TeamInvite, "a", "c")
	group("b", "secret 4")
	change(state.TeamKick, "a", "b")
	s.settle(e)
	secret := func() *wire.SearchRequest { return &wire.SearchRequest{Text: "secret"} }
	s.expect(e, one, "a", secret(), "secret 4", "secret 3", "secret 1")
	s.expect(e, one, "b", secret(), "secret 1")
	s.expect(e, one, "c", secret(), "secret 4")
	s.expect(e, one, "d", secret())
	s.expect(e, two, "a", secret(), "secret 2")
	s.expect(e, two, "c", secret())
	inTeam := &wire.SearchRequest{Text: "secret", Scene: wire.Scene_SCENE_TEAM, Peer: team, Limit: 5}
	s.expect(e, one, "c", inTeam, "secret 4")
	for account, code := range map[string]wire.Code{"b": wire.CodeNotInTeam, "d": wire.CodeNotInTeam} {
		if _, err := e.Search(t.Context(), one, account, inTeam); wire.CodeOf(err) != code {
			t.Errorf("%s in the team: %v", account, err)
		}
	}
}

// TestWhatIsGoneIsNotFound: recalled and pruned messages leave the index, and are not
// shown even before they have.
func TestWhatIsGoneIsNotFound(t *testing.T) {
	s := newSite(t)
	e := s.open()
	tenant := s.tenant("app", "a", "b", "c")
	first := s.send(tenant, "a", "b", "word 1")
	s.send(tenant, "a", "b", "word 2")
	s.send(tenant, "a", "b", "word 3")
	s.send(tenant, "a", "c", "word 4")
	s.settle(e)
	word := func() *wire.SearchRequest { return &wire.SearchRequest{Text: "word"} }
	s.expect(e, tenant, "a", word(), "word 4", "word 3", "word 2", "word 1")
	documents := func() uint64 {
		var n uint64
		if err := e.set.use(tenant, func(idx bleve.Index) (err error) { n, err = idx.DocCount(); return err }); err != nil {
			t.Fatal(err)
		}
		return n
	}
	if res := s.run(&state.Recall{TimeMs: s.nowMs, Tenant: tenant, From: "a", Peer: "b", Seq: 3}).(*state.SendResult); res.Code != wire.CodeOK {
		t.Fatal(res.Code)
	}
	s.run(&state.Prune{TimeMs: s.nowMs, Tenant: tenant, Logs: []state.PrunedLog{{A: "a", B: "b", Floor: 2}}})
	s.expect(e, tenant, "a", word(), "word 4", "word 2")
	if n := documents(); n != 2 {
		t.Errorf("%d documents are left after a query that met those that are stale, want 2", n)
	}
	s.run(&state.Prune{TimeMs: s.nowMs, Tenant: tenant, Logs: []state.PrunedLog{{A: "a", B: "b", Floor: 3}}})
	s.settle(e)
	if n := documents(); n != 1 {
		t.Errorf("%d documents are left after pruning, want 1", n)
	}
	if first.Seq != 1 {
		t.Fatal("the test is about entry 1")
	}
}

// TestIndexCatchesUp with what was sent, and recalled, while no Engine was there;
// and is made anew when its folder is gone or damaged.
func TestIndexCatchesUp(t *testing.T) {
	s := newSite(t)
	tenant, other := s.tenant("app", "a", "b", "c"), s.tenant("idle", "a")
	s.send(tenant, "a", "b", "word 1")
	s.send(tenant, "a", "b", "word 2")
	word := func() *wire.SearchRequest { return &wire.SearchRequest{Text: "word"} }
	e := s.open()
	if res, err := e.Search(t.Context(), tenant, "a", &wire.SearchRequest{Text: "word", Limit: 1}); err != nil || !res.Incomplete {
		t.Errorf("before catching up: %v %v", res, err)
	}
	if !e.catchUpAll() {
		t.Fatal(s.log.String())
	}
	s.expect(e, tenant, "a", word(), "word 2", "word 1")
	if res, err := e.Search(t.Context(), tenant, "a", &wire.SearchRequest{Text: "word", Limit: 1}); err != nil || res.Incomplete {
		t.Errorf("after catching up: %v %v", res, err)
	}
	if e.set.exists(other) {
		t.Error("a tenant without messages has an index")
	}
	s.shut(e)

	s.send(tenant, "b", "a", "word 3")
	s.send(tenant, "a", "c", "word 4")
	s.run(&state.Recall{TimeMs: s.nowMs, Tenant: tenant, From: "a", Peer: "b", Seq: 1})
	e = s.open()
	if !e.catchUpAll() {
		t.Fatal(s.log.String())
	}
	s.expect(e, tenant, "a", word(), "word 4", "word 3", "word 2")
	s.shut(e)

	for _, harm := range []func(path string) error{
		os.RemoveAll,
		func(path string) error {
			return os.WriteFile(filepath.Join(path, "index_meta.json"), []byte("?"), 0o600)
		},
		func(path string) error { return os.Truncate(filepath.Join(path, "store", "root.bolt"), 1000) },
		func(path string) error {
			return os.WriteFile(filepath.Join(path, "store", "root.bolt"), bytes.Repeat([]byte("x"), 65536), 0o600)
		},
	} {
		if err := harm(e.set.path(tenant)); err != nil {
			t.Fatal(err)
		}
		e = s.open()
		if !e.catchUpAll() {
			t.Fatal(s.log.String())
		}
		s.expect(e, tenant, "a", word(), "word 4", "word 3", "word 2")
		s.shut(e)
	}
}

// TestAnIndexThatIsDamagedWhileItIsClosedIsMadeAnew: whoever opens it next must not
// take an empty one for whole.
func TestAnIndexThatIsDamagedWhileItIsClosedIsMadeAnew(t *testing.T) {
	s := newSite(t)
	e := s.open()
	tenant := s.tenant("app", "a", "b")
	word := &wire.SearchRequest{Text: "word"}
	s.send(tenant, "a", "b", "word 1")
	s.settle(e)
	if err := e.set.trim(0); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(e.set.path(tenant), "index_meta.json"), []byte("?"), 0o600); err != nil {
		t.Fatal(err)
	}
	if res, err := e.Search(t.Context(), tenant, "a", word); err == nil {
		t.Errorf("a damaged index answers %v", res)
	}
	s.send(tenant, "a", "b", "word 2")
	s.settle(e)
	s.expect(e, tenant, "a", word, "word 2", "word 1")
}

// TestOverflowIsMadeGood: when more changes than is noted, the changes are looked for.
func TestOverflowIsMadeGood(t *testing.T) {
	s := newSite(t)
	e := s.open()
	tenant := s.tenant("app", "a", "b")
	s.send(tenant, "a", "b", "word 1")
	e.dirty.mu.Lock()
	e.dirty.lose()
	e.dirty.mu.Unlock()
	s.send(tenant, "a", "b", "word 2")
	for range maxRefs + 1 {
		s.run(&state.Recall{TimeMs: s.nowMs, Tenant: tenant, From: "a", Peer: "b", Seq: s.send(tenant, "a", "b", "gone").Seq})
	}
	s.settle(e)
	s.expect(e, tenant, "a", &wire.SearchRequest{Text: "word"}, "word 2", "word 1")
	if !e.caughtUp.Load() {
		t.Error("not caught up")
	}
}

// TestPages: every hit once, in pages, also where most hits are not for who asks.
func TestPages(t *testing.T) {
	s := newSite(t)
	e := s.open()
	tenant := s.tenant("app", "a", "b", "c")
	team := s.team(tenant, "a", "b")
	for i := range 3 * roundSize {
		s.message(tenant, &wire.Message{Scene: wire.Scene_SCENE_TEAM, From: "a", To: team, Body: fmt.Sprint("word ", i)})
	}
	id, _ := state.ParseTeamID(team)
	s.run(&state.TeamChange{TimeMs: s.nowMs, Tenant: tenant, Op: state.TeamInvite, By: "a", Team: id, Accounts: []string{"c"}, Direct: true, MemberLimit: 9, TeamLimit: 9})
	var want []string
	for i := range 7 {
		body := fmt.Sprint("word again ", i)
		s.send(tenant, "c", "b", body)
		want = append([]string{body}, want...)
	}
	s.settle(e)
	s.expect(e, tenant, "c", &wire.SearchRequest{Text: "word", Limit: 2}, want...)
	if n := len(s.found(e, tenant, "b", &wire.SearchRequest{Text: "word", Limit: 50})); n != 3*roundSize+7 {
		t.Errorf("b finds %d", n)
	}
}

// TestAPageFitsAFrame: however long what is found is, and nothing of it is lost.
func TestAPageFitsAFrame(t *testing.T) {
	s := newSite(t)
	e := s.open()
	tenant := s.tenant("app", "a", "b")
	long := strings.Repeat("word ", 6000) // 30 KB
	const sent = 50
	for range sent {
		s.send(tenant, "a", "b", long)
	}
	s.settle(e)
	req, found := &wire.SearchRequest{Text: "word", Limit: sent}, 0
	for pages := 1; ; pages++ {
		res, err := e.Search(t.Context(), tenant, "b", req)
		if err != nil {
			t.Fatal(err)
		}
		if size := res.SizeVT(); size > wire.MaxFrame-wire.MaxFrameHeader {
			t.Errorf("page %d has %d bytes", pages, size)
		}
		found += len(res.Messages)
		if req.Cursor = res.Cursor; req.Cursor == "" {
			break
		}
	}
	if found != sent {
		t.Errorf("%d messages of %d", found, sent)
	}
}
