package state

import (
	"fmt"
	"reflect"
	"slices"
	"strings"
	"testing"

	"google.golang.org/protobuf/proto"

	"github.com/yizhan-im/yizhan/appliance/wire"
	"github.com/yizhan-im/yizhan/raftstore"
)

// newTeam makes a team of by with others, who are not asked.
func (n *node) newTeam(tenant uint32, by string, others ...string) uint64 {
	n.tb.Helper()
	res := one[*TeamResult](n, &TeamChange{
		TimeMs: testTime, Tenant: tenant, Op: TeamCreate, By: by, ClientID: fmt.Sprint(by, len(others)), Accounts: others[:min(len(others), MaxTeamAccounts)],
		Direct: true, MemberLimit: MaxTeamMembers, TeamLimit: 1000, Info: &wire.TeamChanges{Name: proto.String("team")},
	})
	if res.Code != wire.CodeOK || len(res.Failed) > 0 {
		n.tb.Fatalf("create: %+v", res)
	}
	for len(others) > MaxTeamAccounts {
		others = others[MaxTeamAccounts:]
		res := one[*TeamResult](n, &TeamChange{
			TimeMs: testTime, Tenant: tenant, Op: TeamInvite, By: by, Team: res.Team, Accounts: others[:min(len(others), MaxTeamAccounts)],
			Direct: true, TeamLimit: 1000,
		})
		if res.Code != wire.CodeOK || len(res.Failed) > 0 {
			n.tb.Fatalf("invite: %+v", res)
		}
	}
	return res.Team
}

func teamText(tenant uint32, team uint64, from, clientID string) *Send {
	c := text(testTime, tenant, from, TeamID(team), clientID, strings.Repeat("hello ", 16))
	c.Message.Scene = wire.Scene_SCENE_TEAM
	return c
}

func names(n int) []string {
	out := make([]string, n)
	for i := range out {
		out[i] = fmt.Sprintf("account%04d", i)
	}
	return out
}

// TestTeamMessageIsWrittenOnce: the rows that a message adds or changes are the
// same for 2 members as for 500.
func TestTeamMessageIsWrittenOnce(t *testing.T) {
	n := newNode(t)
	all := names(500)
	tenant := n.setup("app", all...)
	for _, members := range []int{2, 500} {
		team := n.newTeam(tenant, all[0], all[1:members]...)
		before := n.dump()
		res := one[*SendResult](n, teamText(tenant, team, all[1], fmt.Sprint(members)))
		if res.Code != wire.CodeOK || !slices.Equal(res.Members, all[:members]) {
			t.Fatalf("send: %v to %d members", res.Code, len(res.Members))
		}
		after := n.dump()
		// Added: the message and the client id; changed: the head and the site row.
		if added, changed := len(after)-len(before), strings.Count(difference(before, after), "+ ")-2; added != 2 || changed != 2 {
			t.Errorf("%d members: %d rows added, %d changed", members, added, changed)
		}
	}
}

// TestRemovedMemberGetsNothingMore neither by sync nor by history, and learns
// once that it is out; what comes later changes nothing for it.
func TestRemovedMemberGetsNothingMore(t *testing.T) {
	n := newNode(t)
	tenant := n.setup("app", "a", "b", "c")
	team := n.newTeam(tenant, "a", "b", "c")
	asks := teamText(tenant, team, "b", "1")
	asks.Message.Receipt = true
	one[*SendResult](n, asks)
	before, err := n.q.Sync(tenant, "b", 0, 0)
	if err != nil {
		t.Fatal(err)
	}
	kick := one[*TeamResult](n, &TeamChange{TimeMs: testTime, Tenant: tenant, Op: TeamKick, By: "a", Team: team, Accounts: []string{"b"}})
	if kick.Code != wire.CodeOK || !slices.Equal(kick.Members, []string{"a", "c"}) || len(kick.States) != 1 || kick.States[0].Account != "b" {
		t.Fatalf("kick: %+v", kick)
	}
	if res := one[*SendResult](n, teamText(tenant, team, "a", "2")); !slices.Equal(res.Members, []string{"a", "c"}) {
		t.Errorf("sent to %v", res.Members)
	}
	after, err := n.q.Sync(tenant, "b", before.Version, 0)
	if err != nil || len(after.Conversations) != 1 || !proto.Equal(after.Conversations[0], kick.States[0].State) {
		t.Fatalf("sync: %v %v", after, err)
	}
	if s := after.Conversations[0]; s.Team.Standing != wire.TeamStanding_TEAM_STANDING_KICKED || s.LastSeq != 0 {
		t.Errorf("state %v", s)
	}
	if again, err := n.q.Sync(tenant, "b", after.Version, 0); err != nil || len(again.Conversations) != 0 {
		t.Errorf("sync again: %v %v", again, err)
	}
	_, err = n.q.History(tenant, "b", &wire.HistoryRequest{Scene: wire.Scene_SCENE_TEAM, Peer: TeamID(team)})
	if wire.CodeOf(err) != wire.CodeNotInTeam {
		t.Errorf("history: %v", err)
	}
	for _, c := range []command{teamText(tenant, team, "b", "3"), &Recall{TimeMs: testTime, Tenant: tenant, From: "b", Team: team, Seq: 2}} {
		if res := one[*SendResult](n, c); res.Code != wire.CodeNotInTeam {
			t.Errorf("%T: %v", c, res.Code)
		}
	}
	if res := one[*ReadResult](n, &Read{TimeMs: testTime, Tenant: tenant, Reader: "b", Team: team, Seq: 2}); res.Code != wire.CodeNotInTeam {
		t.Errorf("read: %v", res.Code)
	}
	// Who reads its message now is no business of it either.
	if res := one[*ReadResult](n, &Read{TimeMs: testTime, Tenant: tenant, Reader: "c", Team: team, Seq: 2}); res.Code != wire.CodeOK || len(res.Receipts) > 0 {
		t.Errorf("read by another: %v, tells %v", res.Code, res.Receipts)
	}
}

// TestTeamsOfTenantsAreApart: with the team's number and names that exist in
// both, another tenant reaches nothing.
func TestTeamsOfTenantsAreApart(t *testing.T) {
	n := newNode(t)
	tenant := n.setup("app", "a", "b")
	other := n.setup("app2", "a", "b")
	team := n.newTeam(tenant, "a", "b")
	before := n.dump()
	if res := one[*SendResult](n, teamText(other, team, "a", "1")); res.Code != wire.CodeTeamMissing {
		t.Errorf("send: %v", res.Code)
	}
	for op := TeamDismiss; op < teamOps; op++ {
		c := &TeamChange{
			TimeMs: testTime, Tenant: other, Op: op, By: "a", Team: team, Backend: true, Direct: true, Flag: true, MemberLimit: 9, TeamLimit: 9,
			Info: &wire.TeamChanges{Name: proto.String("mine")},
		}
		switch op {
		case TeamInvite, TeamKick, TeamTransfer, TeamManagers, TeamMuteMembers, TeamSettings:
			c.Accounts = []string{"b"}
		}
		if op != TeamUpdate {
			c.Info = nil
		}
		if op == TeamSettings {
			c.Member = &wire.TeamMemberChanges{Nick: proto.String("x")}
		}
		if res := one[*TeamResult](n, c); res.Code != wire.CodeTeamMissing || len(res.States) > 0 || len(res.Messages) > 0 {
			t.Errorf("op %d: %+v", op, res)
		}
	}
	if after := n.dump(); !reflect.DeepEqual(before, after) {
		t.Errorf("another tenant changed:\n%s", difference(before, after))
	}
	if _, err := n.q.TeamMembers(other, "", team, "", 0); wire.CodeOf(err) != wire.CodeTeamMissing {
		t.Errorf("members: %v", err)
	}
	if _, err := n.q.TeamMessageByID(other, team, team+1); wire.CodeOf(err) != wire.CodeTeamMissing {
		t.Errorf("message: %v", err)
	}
}

// TestOldStandingsMakeRoom: an account that is invited without end keeps the
// newest invitations and all its memberships.
func TestOldStandingsMakeRoom(t *testing.T) {
	n := newNode(t)
	tenant := n.setup("app", "a", "b")
	mine := n.newTeam(tenant, "b")
	var last uint64
	for i := range 2*maxQuietStandings + 10 {
		res := one[*TeamResult](n, &TeamChange{
			TimeMs: testTime, Tenant: tenant, Op: TeamCreate, By: "a", ClientID: fmt.Sprint(i), Accounts: []string{"b"},
			MemberLimit: 2, TeamLimit: 1000, Info: &wire.TeamChanges{Name: proto.String("t")},
		})
		if !slices.Equal(res.Asked, []string{"b"}) {
			t.Fatalf("create %d: %+v", i, res)
		}
		last = res.Team
	}
	var invited []string
	for version := uint64(0); ; {
		page, err := n.q.Sync(tenant, "b", version, MaxSyncPage)
		if err != nil {
			t.Fatal(err)
		}
		for _, c := range page.Conversations {
			invited = append(invited, c.Peer)
		}
		if version = page.Version; !page.More {
			break
		}
	}
	if len(invited) <= keptQuietStandings || len(invited) > maxQuietStandings+1 ||
		!slices.Contains(invited, TeamID(mine)) || !slices.Contains(invited, TeamID(last)) {
		t.Errorf("%d standings are left", len(invited))
	}
	if res := one[*TeamResult](n, &TeamChange{TimeMs: testTime, Tenant: tenant, Op: TeamAnswer, By: "b", Team: last, Flag: true, TeamLimit: 1000}); res.Code != wire.CodeOK {
		t.Errorf("answer: %v", res.Code)
	}
}

// TestTeamLimitsHold: what no tenant may exceed, and that a refusal changes
// nothing.
func TestTeamLimitsHold(t *testing.T) {
	n := newNode(t)
	all := names(MaxTeamManagers + 4)
	tenant := n.setup("app", all...)
	team := n.newTeam(tenant, all[0], all[1:]...)
	before := n.dump()
	change := func(op TeamOp, accounts ...string) *TeamChange {
		return &TeamChange{TimeMs: testTime, Tenant: tenant, Op: op, By: all[0], Team: team, Accounts: accounts, Flag: true, MemberLimit: 9, TeamLimit: 1}
	}
	for name, c := range map[string]struct {
		c    *TeamChange
		code wire.Code
	}{
		"too many managers": {change(TeamManagers, all[1:MaxTeamManagers+2]...), wire.CodeTeamManagers},
		"account twice":     {change(TeamKick, all[1], all[1]), wire.CodeBadParameter},
		"oneself":           {change(TeamKick, all[0]), wire.CodeBadParameter},
		"nobody":            {change(TeamKick), wire.CodeBadParameter},
		"unknown mute":      {&TeamChange{TimeMs: testTime, Tenant: tenant, Op: TeamMuteAll, By: all[0], Team: team, Mute: 2}, wire.CodeBadParameter},
		"too many teams":    {&TeamChange{TimeMs: testTime, Tenant: tenant, Op: TeamCreate, By: all[0], ClientID: "new", MemberLimit: 9, TeamLimit: 1, Info: &wire.TeamChanges{Name: proto.String("x")}}, wire.CodeTooManyTeams},
		"limit below size":  {&TeamChange{TimeMs: testTime, Tenant: tenant, Op: TeamUpdate, By: all[0], Team: team, MemberLimit: 100, Info: &wire.TeamChanges{MemberLimit: proto.Uint32(3)}}, wire.CodeBadParameter},
		"text too long":     {&TeamChange{TimeMs: testTime, Tenant: tenant, Op: TeamUpdate, By: all[0], Team: team, MemberLimit: 100, Info: &wire.TeamChanges{Intro: proto.String(strings.Repeat("x", maxTeamText+1))}}, wire.CodeBadParameter},
		"server's field":    {&TeamChange{TimeMs: testTime, Tenant: tenant, Op: TeamUpdate, By: all[0], Team: team, MemberLimit: 100, Info: &wire.TeamChanges{ServerCustom: proto.String("x")}}, wire.CodeTeamPermission},
	} {
		if res := one[*TeamResult](n, c.c); res.Code != c.code {
			t.Errorf("%s: %v, want %v", name, res.Code, c.code)
		}
	}
	if after := n.dump(); !reflect.DeepEqual(before, after) {
		t.Errorf("refused commands changed:\n%s", difference(before, after))
	}
}

// TestTeamNumbersHaveOneForm: another spelling of a number is no team's.
func TestTeamNumbersHaveOneForm(t *testing.T) {
	for _, s := range []string{"", "0", "01", "+1", "-1", "1 ", "0x1", "1_0", "18446744073709551616"} {
		if id, ok := ParseTeamID(s); ok {
			t.Errorf("%q is team %d", s, id)
		}
	}
	for _, id := range []uint64{1, 10, 1<<64 - 1} {
		if got, ok := ParseTeamID(TeamID(id)); !ok || got != id {
			t.Errorf("%d came back as %d %v", id, got, ok)
		}
	}
}

// benchApply measures Apply alone for commands that make(i) makes.
func benchApply(b *testing.B, n *node, make func(i int) command) {
	b.Helper()
	cmds, results := [][]byte{}, [benchBatch]any{}
	b.ReportAllocs()
	b.ResetTimer()
	b.StopTimer()
	for done := 0; done < b.N; done += len(cmds) {
		cmds = cmds[:0]
		for i := range min(benchBatch, b.N-done) {
			cmds = append(cmds, make(done+i).Append(nil))
		}
		n.inApply(func(tx *raftstore.Tx) error {
			b.StartTimer()
			defer b.StopTimer()
			return n.b.m.Apply(tx, cmds, results[:len(cmds)])
		})
		for _, res := range results[:len(cmds)] {
			if code := reflect.ValueOf(res).Elem().FieldByName("Code").Interface(); code != wire.CodeOK {
				b.Fatalf("%+v", res)
			}
		}
	}
}

// BenchmarkApplyTeamSend is one message of 100 bytes to a team of so many, and
// "cold" the same when no team is in the cache.
func BenchmarkApplyTeamSend(b *testing.B) {
	for _, c := range []struct {
		name    string
		members int
		cache   int
	}{{"members=10", 10, maxHotMembers}, {"members=500", 500, maxHotMembers}, {"members=500/cold", 500, 1}} {
		b.Run(c.name, func(b *testing.B) {
			n := newNode(b)
			all := names(c.members)
			tenant := n.setup("app", all...)
			teams := []uint64{n.newTeam(tenant, all[0], all[1:]...), n.newTeam(tenant, all[1], all[2:]...), n.newTeam(tenant, all[2], append(all[:1:1], all[3:]...)...)}
			n.reload(c.cache, defaultFilterSize)
			benchApply(b, n, func(i int) command {
				return teamText(tenant, teams[i%3], all[3+i%(c.members-3)], fmt.Sprintf("%016x-%08x", uint64(i)*0x9e3779b97f4a7c15, i))
			})
		})
	}
}

// BenchmarkApplyTeamChange is each change of a team of 500.
func BenchmarkApplyTeamChange(b *testing.B) {
	all := names(700)
	for _, c := range []struct {
		name string
		make func(team uint64, i int) command
	}{
		{"read", func(team uint64, i int) command { return &Read{Reader: all[i%500], Team: team, Seq: uint64(i)} }},
		{"update", func(team uint64, i int) command {
			return &TeamChange{Op: TeamUpdate, By: all[0], Team: team, MemberLimit: 1000, Info: &wire.TeamChanges{Intro: proto.String(fmt.Sprint(i))}}
		}},
		{"kick and invite 1", func(team uint64, i int) command {
			return &TeamChange{Op: []TeamOp{TeamKick, TeamInvite}[i%2], By: all[0], Team: team, Accounts: all[400:401], Direct: true, TeamLimit: 9}
		}},
		{"kick and invite 200", func(team uint64, i int) command {
			return &TeamChange{Op: []TeamOp{TeamKick, TeamInvite}[i%2], By: all[0], Team: team, Accounts: all[200:400], Direct: true, TeamLimit: 9}
		}},
		{"mute and unmute", func(team uint64, i int) command {
			return &TeamChange{Op: TeamMuteMembers, By: all[0], Team: team, Accounts: all[1:2], Flag: i%2 == 0}
		}},
		{"managers", func(team uint64, i int) command {
			return &TeamChange{Op: TeamManagers, By: all[0], Team: team, Accounts: all[1:2], Flag: i%2 == 0}
		}},
		{"nick", func(team uint64, i int) command {
			return &TeamChange{Op: TeamSettings, By: all[1], Team: team, Accounts: all[1:2], Member: &wire.TeamMemberChanges{Nick: proto.String(fmt.Sprint(i))}}
		}},
		{"create and dismiss 200", func(team uint64, i int) command {
			if i%2 == 0 {
				return &TeamChange{Op: TeamCreate, By: all[600], ClientID: fmt.Sprint(i), Accounts: all[:199], Direct: true, MemberLimit: 500, TeamLimit: 9, Info: &wire.TeamChanges{Name: proto.String("x")}}
			}
			return nil
		}},
	} {
		b.Run(c.name, func(b *testing.B) {
			n := newNode(b)
			tenant := n.setup("app", all...)
			team := n.newTeam(tenant, all[0], all[1:500]...)
			in := func(c command) command {
				switch c := c.(type) {
				case *Read:
					c.TimeMs, c.Tenant = testTime, tenant
				case *TeamChange:
					c.TimeMs, c.Tenant = testTime, tenant
				}
				return c
			}
			if c.make(team, 1) != nil {
				benchApply(b, n, func(i int) command { return in(c.make(team, i)) })
				return
			}
			b.ReportAllocs()
			for i := range b.N {
				made := one[*TeamResult](n, in(c.make(team, 2*i)))
				gone := one[*TeamResult](n, in(&TeamChange{Op: TeamDismiss, By: all[600], Team: made.Team}))
				if made.Code != wire.CodeOK || gone.Code != wire.CodeOK {
					b.Fatalf("%v %v", made.Code, gone.Code)
				}
			}
		})
	}
}

// BenchmarkSyncTeams is one Sync of an account in 1,000 teams, none changed, and
// all changed (the first of ten pages).
func BenchmarkSyncTeams(b *testing.B) {
	n := newNode(b)
	tenant := n.setup("app", "m", "x")
	for i := range 1000 {
		one[*TeamResult](n, &TeamChange{
			TimeMs: testTime, Tenant: tenant, Op: TeamCreate, By: "x", ClientID: fmt.Sprint(i), Accounts: []string{"m"}, Direct: true,
			MemberLimit: 9, TeamLimit: 1000, Info: &wire.TeamChanges{Name: proto.String("team")},
		})
	}
	for _, c := range []struct {
		name    string
		version uint64
		found   int
	}{{"all", 0, 100}, {"none", 1 << 40, 0}} {
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
