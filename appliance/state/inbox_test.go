package state

import (
	"fmt"
	"strings"
	"testing"
	"unicode/utf8"

	"google.golang.org/protobuf/proto"

	"github.com/yizhan-im/yizhan/appliance/wire"
)

// stateOf is the conversation of account with peer as a list shows it.
func stateOf(t testing.TB, n *node, tenant uint32, account, peer string) *wire.ConversationState {
	t.Helper()
	res, err := n.q.ConversationStates(tenant, account, []*wire.ConversationKey{{Peer: peer}})
	if err != nil || len(res.Conversations) != 1 {
		t.Fatalf("state of %s and %s: %v %v", account, peer, res, err)
	}
	return res.Conversations[0]
}

// TestUnreadIsExactUpToItsBound: of more entries the newest ones count, and it
// says so.
func TestUnreadIsExactUpToItsBound(t *testing.T) {
	n := newNode(t)
	tenant := n.setup("app", "a", "b")
	send := func(from, to string, count int, prefix string) {
		var batch []command
		for i := range count {
			batch = append(batch, text(testTime, tenant, from, to, fmt.Sprint(prefix, i), "x"))
		}
		n.apply(batch...)
	}
	want := func(unread uint32, more bool) {
		t.Helper()
		c := stateOf(t, n, tenant, "b", "a")
		total, err := n.q.Unread(tenant, "b")
		if c.Unread != unread || c.UnreadMore != more || err != nil || total.Unread != unread || total.More != more {
			t.Errorf("unread %d more %v, total %v %v; want %d %v", c.Unread, c.UnreadMore, total, err, unread, more)
		}
	}
	send("a", "b", MaxUnreadScan, "1-")
	want(MaxUnreadScan, false)
	one[*SendResult](n, &Recall{TimeMs: testTime, Tenant: tenant, From: "a", Peer: "b", Seq: 7})
	want(MaxUnreadScan-2, true) // of the newest 200 one is the recall, one was recalled
	one[*ReadResult](n, &Read{TimeMs: testTime, Tenant: tenant, Reader: "b", Peer: "a", Seq: 1})
	want(MaxUnreadScan-2, false)
	one[*ReadResult](n, &Read{TimeMs: testTime, Tenant: tenant, Reader: "b", Peer: "a", Seq: 198})
	want(2, false)
	send("b", "a", MaxUnreadScan+5, "2-")
	want(0, false)
	if c := stateOf(t, n, tenant, "a", "b"); c.Unread != MaxUnreadScan || !c.UnreadMore {
		t.Errorf("a has %d %v unread", c.Unread, c.UnreadMore)
	}
	one[*ConversationChangeResult](n, &ConversationChange{TimeMs: testTime, Tenant: tenant, Account: "a", Peer: "b", Clear: true, ClearSeq: 400})
	if c := stateOf(t, n, tenant, "a", "b"); c.Unread != 6 || c.UnreadMore || c.FirstSeq != 401 {
		t.Errorf("after the clearing a has %d %v unread from %d on", c.Unread, c.UnreadMore, c.FirstSeq)
	}
	history, err := n.q.History(tenant, "a", &wire.HistoryRequest{Peer: "b"})
	if err != nil || len(history.Messages) != 6 || history.FirstSeq != 401 {
		t.Errorf("history begins at %d with %d entries: %v", history.FirstSeq, len(history.Messages), err)
	}
	if history, err = n.q.History(tenant, "b", &wire.HistoryRequest{Peer: "a"}); err != nil || len(history.Messages) != MaxHistoryPage || history.FirstSeq != 0 {
		t.Errorf("the other side has %d entries from %d on: %v", len(history.Messages), history.FirstSeq, err)
	}
}

// TestPreviewIsBounded: a text is cut between characters, another body is left out.
func TestPreviewIsBounded(t *testing.T) {
	n := newNode(t)
	tenant := n.setup("app", "a", "b")
	n.apply(text(testTime, tenant, "a", "b", "1", strings.Repeat("汉", 400)))
	last := stateOf(t, n, tenant, "b", "a").Last
	if !last.Cut || len(last.Body) != 399 || !utf8.ValidString(last.Body) {
		t.Errorf("a long text becomes %d bytes, cut %v", len(last.Body), last.Cut)
	}
	long := text(testTime, tenant, "a", "b", "2", `{"x":"`+strings.Repeat("y", 400)+`"}`)
	long.Message.Type = 100
	n.apply(long)
	if last = stateOf(t, n, tenant, "b", "a").Last; !last.Cut || last.Body != "" || last.Type != 100 {
		t.Errorf("a long body of a custom message becomes %v", last)
	}
	n.apply(&Recall{TimeMs: testTime, Tenant: tenant, From: "a", Peer: "b", Seq: 2})
	if last = stateOf(t, n, tenant, "b", "a").Last; last.Seq != 2 || !last.Recalled {
		t.Errorf("after the recall: %v", last)
	}
}

// TestSettingsHaveLimits: 100 top, 5000 settings, and 1000 that are remembered; a
// device that has missed a forgotten one starts over.
func TestSettingsHaveLimits(t *testing.T) {
	n := newNode(t)
	names := []string{"a"}
	for i := range MaxSettings + 1 {
		names = append(names, fmt.Sprint("p", i))
	}
	tenant := n.setup("app", names...)
	set := func(peer string, c ConversationChange) *ConversationChangeResult {
		c.TimeMs, c.Tenant, c.Account, c.Peer = testTime, tenant, "a", peer
		return one[*ConversationChangeResult](n, &c)
	}
	many := func(peers []string, c ConversationChange) (last *ConversationChangeResult) {
		var batch []command
		for _, peer := range peers {
			c := c
			c.TimeMs, c.Tenant, c.Account, c.Peer = testTime, tenant, "a", peer
			batch = append(batch, &c)
		}
		for _, result := range n.apply(batch...) {
			last = result.(*ConversationChangeResult)
		}
		return last
	}
	peers := names[1:]
	if res := many(peers[:MaxTops], ConversationChange{Top: proto.Bool(true)}); res.Code != wire.CodeOK {
		t.Fatal(res.Code)
	}
	if res := set(peers[MaxTops], ConversationChange{Top: proto.Bool(true)}); res.Code != wire.CodeCountLimit {
		t.Errorf("101st top: %v", res.Code)
	}
	if res := many(peers[:MaxSettings], ConversationChange{Muted: proto.Bool(true)}); res.Code != wire.CodeOK {
		t.Fatal(res.Code)
	}
	if res := set(peers[MaxSettings], ConversationChange{Muted: proto.Bool(true)}); res.Code != wire.CodeCountLimit {
		t.Errorf("setting 5001: %v", res.Code)
	}
	if res := set(peers[0], ConversationChange{Ext: proto.String("x")}); res.Code != wire.CodeOK {
		t.Errorf("another change of what has a setting: %v", res.Code)
	}
	if res := set(peers[0], ConversationChange{Ext: proto.String(strings.Repeat("x", maxSettingExt+1))}); res.Code != wire.CodeBadParameter {
		t.Errorf("a long ext: %v", res.Code)
	}
	page, err := n.q.ConversationSettings(tenant, "a", &wire.ConversationSettingsRequest{})
	if err != nil || !page.More {
		t.Fatalf("first page: %v %v", page, err)
	}
	before, err := n.q.Sync(tenant, "a", 0, 1)
	if err != nil {
		t.Fatal(err)
	}
	many(peers[1000:1000+MaxSpareSettings+1], ConversationChange{Muted: proto.Bool(false)})
	if res := set(peers[MaxSettings], ConversationChange{Muted: proto.Bool(true)}); res.Code != wire.CodeOK {
		t.Errorf("after others were taken back: %v", res.Code)
	}
	// A device that is up to date but for these learns of all but the forgotten one,
	// and is told to start over.
	res, err := n.q.ConversationSettings(tenant, "a", &wire.ConversationSettingsRequest{Version: before.SettingsVersion, Limit: 200})
	if err != nil || !res.StartOver {
		t.Errorf("from before the floor: start over %v %v", res.GetStartOver(), err)
	}
	held := 0
	req := &wire.ConversationSettingsRequest{Limit: 200}
	for {
		res, err := n.q.ConversationSettings(tenant, "a", req)
		if err != nil || res.StartOver {
			t.Fatalf("reading all: %v %v", res, err)
		}
		for _, s := range res.Settings {
			if s.Muted || s.Top {
				held++
			}
		}
		if req.Version, req.Floor = res.Version, res.Floor; !res.More {
			break
		}
	}
	if held != MaxSettings-MaxSpareSettings {
		t.Errorf("%d settings, want %d", held, MaxSettings-MaxSpareSettings)
	}
}

// TestMutedAccountsMayNotSend: whatever the filter holds, and never across tenants.
func TestMutedAccountsMayNotSend(t *testing.T) {
	n := newNode(t)
	tenant, other := n.setup("app", "a", "b"), n.setup("app2", "a", "b")
	team := one[*TeamResult](n, &TeamChange{
		Op: TeamCreate, TimeMs: testTime, Tenant: tenant, By: "a", ClientID: "1", MemberLimit: 9, TeamLimit: 9, Info: &wire.TeamChanges{Name: proto.String("t")},
	}).Team
	mute := func(mask, set Mute) {
		t.Helper()
		if res := one[*AccountResult](n, &MuteAccount{TimeMs: testTime, Tenant: tenant, Account: "a", Mask: mask, Set: set}); res.Code != wire.CodeOK {
			t.Fatal(res.Code)
		}
	}
	id := 0
	want := func(code wire.Code, c *Send) {
		t.Helper()
		id++
		c.Message.ClientId = fmt.Sprint(id)
		if res := one[*SendResult](n, c); res.Code != code {
			t.Errorf("%v: %v, want %v", c.Message, res.Code, code)
		}
	}
	toTeam := func() *Send {
		return &Send{TimeMs: testTime, Tenant: tenant, Session: 7, Message: &wire.Message{Scene: wire.Scene_SCENE_TEAM, From: "a", To: TeamID(team)}}
	}
	backend := func() *Send { c := text(testTime, tenant, "a", "b", "", "x"); c.Session = 0; return c }
	for _, size := range []filterSize{defaultFilterSize, {blocks: 1, segments: 0, rows: 1}} {
		n.reload(maxHotConvs, size)
		mute(MuteAll, MuteP2P)
		for range 2 {
			want(wire.CodeForbidden, text(testTime, tenant, "a", "b", "", "x"))
			want(wire.CodeOK, toTeam())
			want(wire.CodeOK, backend())
			want(wire.CodeOK, text(testTime, tenant, "b", "a", "", "x"))
			want(wire.CodeOK, text(testTime, other, "a", "b", "", "x"))
			n.reload(maxHotConvs, size)
		}
		mute(MuteTeam|MuteP2P, MuteTeam)
		want(wire.CodeOK, text(testTime, tenant, "a", "b", "", "x"))
		want(wire.CodeForbidden, toTeam())
		mute(MuteAll, 0)
		want(wire.CodeOK, toTeam())
	}
	if res := one[*AccountResult](n, &MuteAccount{TimeMs: testTime, Tenant: tenant, Account: "nobody", Mask: MuteAll, Set: MuteAll}); res.Code != wire.CodeNotFound {
		t.Errorf("muting nobody: %v", res.Code)
	}
}

// TestOnlyMembersArrangeATeam: who has left may take back what he has set, and
// nothing else; and nobody sees or changes the lists of others.
func TestOnlyMembersArrangeATeam(t *testing.T) {
	n := newNode(t)
	tenant := n.setup("app", "a", "b", "c")
	n.setup("app2", "a")
	team := one[*TeamResult](n, &TeamChange{
		Op: TeamCreate, TimeMs: testTime, Tenant: tenant, By: "a", ClientID: "1", Accounts: []string{"b"}, Direct: true, MemberLimit: 9, TeamLimit: 9,
		Info: &wire.TeamChanges{Name: proto.String("t")},
	}).Team
	want := func(code wire.Code, tenant uint32, account string, c ConversationChange) {
		t.Helper()
		c.TimeMs, c.Tenant, c.Account = testTime, tenant, account
		if res := one[*ConversationChangeResult](n, &c); res.Code != code {
			t.Errorf("%s %+v: %v, want %v", account, c, res.Code, code)
		}
	}
	top := ConversationChange{Team: team, Top: proto.Bool(true)}
	want(wire.CodeOK, tenant, "b", top)
	want(wire.CodeNotInTeam, tenant, "c", top)
	want(wire.CodeTeamMissing, tenant+1, "a", top)
	want(wire.CodeTeamMissing, tenant, "a", ConversationChange{Team: team + 1000, Top: proto.Bool(true)})
	want(wire.CodeNotFound, tenant, "a", ConversationChange{Peer: "nobody", Top: proto.Bool(true)})
	want(wire.CodeNotFound, tenant+1, "a", ConversationChange{Peer: "b", Top: proto.Bool(true)})
	n.apply(&TeamChange{Op: TeamLeave, TimeMs: testTime, Tenant: tenant, By: "b", Team: team})
	for _, change := range []ConversationChange{
		top, {Team: team, Muted: proto.Bool(true)}, {Team: team, Marked: proto.Bool(true)}, {Team: team, Ext: proto.String("e")},
		{Team: team, Top: proto.Bool(false), Muted: proto.Bool(true)},
	} {
		want(wire.CodeNotInTeam, tenant, "b", change)
	}
	want(wire.CodeOK, tenant, "b", ConversationChange{Team: team, Top: proto.Bool(false), Muted: proto.Bool(false), Ext: proto.String("")})
	want(wire.CodeNotInTeam, tenant, "b", top)
	if list, err := n.q.Conversations(tenant, "b", "", 0); err != nil || len(list.Conversations) != 0 {
		t.Errorf("the list of who has left: %v %v", list, err)
	}
	for _, cursor := range []string{"x", "top.1.0", "top.01.0.a", "rest.1.300.a", "rest.-.0.a"} {
		if _, err := n.q.Conversations(tenant, "a", cursor, 0); wire.CodeOf(err) != wire.CodeBadParameter {
			t.Errorf("cursor %q: %v", cursor, err)
		}
	}
}

// BenchmarkUnread is the badge of an account with 1,000 conversations, of which
// none, 20 with 5 messages, or 20 with 200 messages have something unread.
func BenchmarkUnread(b *testing.B) {
	for _, c := range []struct {
		name     string
		messages int
	}{{"none", 0}, {"20x5", 5}, {"20x200", 200}} {
		b.Run(c.name, func(b *testing.B) {
			n, tenant := benchConversations(b, 1000, 0)
			for {
				reads, err := n.q.UnreadConversations(tenant, "m", MaxReadMany)
				if err != nil {
					b.Fatal(err)
				}
				if len(reads) == 0 {
					break
				}
				n.apply(&ReadMany{TimeMs: testTime, Tenant: tenant, Account: "m", Reads: reads})
			}
			for i := range min(20, 20*c.messages) {
				var batch []command
				for j := range c.messages {
					batch = append(batch, text(testTime, tenant, fmt.Sprintf("%c%d", 'a'+i%26, i), "m", fmt.Sprint("u", j), strings.Repeat("hello ", 16)))
				}
				n.apply(batch...)
			}
			b.ReportAllocs()
			for b.Loop() {
				if u, err := n.q.Unread(tenant, "m"); err != nil || u.Unread != uint32(20*c.messages) {
					b.Fatal(u, err)
				}
			}
		})
	}
}

// BenchmarkConversations is the first page of 50 of a list of 1,000.
func BenchmarkConversations(b *testing.B) {
	n, tenant := benchConversations(b, 1000, 0)
	b.ReportAllocs()
	for b.Loop() {
		if l, err := n.q.Conversations(tenant, "m", "", 0); err != nil || len(l.Conversations) != 50 {
			b.Fatal(err)
		}
	}
}

// FuzzListPlace: a cursor that is accepted is the only name of its place.
func FuzzListPlace(f *testing.F) {
	for _, cursor := range []string{"", "top.1.0.a", "rest.1700000000000.1.300", "rest.-5.0.a.b"} {
		f.Add(cursor)
	}
	f.Fuzz(func(t *testing.T, cursor string) {
		p, err := parseListPlace(cursor)
		if err == nil && p.given && p.String() != cursor {
			t.Errorf("%q becomes %q", cursor, p.String())
		}
	})
}
