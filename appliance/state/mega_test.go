package state

import (
	"fmt"
	"slices"
	"strings"
	"sync/atomic"
	"testing"

	"google.golang.org/protobuf/proto"

	"github.com/yizhan-im/yizhan/appliance/wire"
	"github.com/yizhan-im/yizhan/raftstore"
)

// crowd makes accounts of a tenant, many in each batch.
func (n *node) crowd(tenant uint32, count int) []string {
	n.tb.Helper()
	all := make([]string, count)
	for i := range all {
		all[i] = fmt.Sprintf("m%06d", i)
	}
	for some := range slices.Chunk(all, 500) {
		cmds := make([]command, len(some))
		for i, account := range some {
			cmds[i] = &CreateAccount{TimeMs: testTime, Tenant: tenant, Account: account, TokenHash: HashToken("", "", "")}
		}
		n.apply(cmds...)
	}
	return all
}

// megas makes the client ids of mega-teams differ.
var megas atomic.Int64

// newMega makes a mega-team of by with others, who are not asked.
func (n *node) newMega(tenant uint32, by string, others []string) uint64 {
	n.tb.Helper()
	res := one[*TeamResult](n, &TeamChange{
		TimeMs: testTime, Tenant: tenant, Op: TeamCreate, By: by, ClientID: fmt.Sprint("mega", megas.Add(1)), Flag: true,
		MemberLimit: MaxMegaTeamMembers, TeamLimit: 100, Info: &wire.TeamChanges{Name: proto.String("mega")},
	})
	if res.Code != wire.CodeOK || !res.Mega || res.Members != nil {
		n.tb.Fatalf("create: %+v", res)
	}
	for some := range slices.Chunk(others, MaxTeamAccounts) {
		res := one[*TeamResult](n, &TeamChange{TimeMs: testTime, Tenant: tenant, Op: TeamInvite, By: by, Team: res.Team, Accounts: some, Direct: true, TeamLimit: 100})
		if res.Code != wire.CodeOK || len(res.Added) != len(some) || len(res.Messages) != 0 {
			n.tb.Fatalf("invite: %+v", res)
		}
	}
	return res.Team
}

// TestMessageOfAMegaTeamIsWrittenOnce: three rows beside the site's, and a result
// that names nobody, whatever the number of members.
func TestMessageOfAMegaTeamIsWrittenOnce(t *testing.T) {
	n := newNode(t)
	tenant := n.setup("app", "owner")
	all := n.crowd(tenant, 1500)
	for _, members := range []int{2, 1500} {
		team := n.newMega(tenant, "owner", all[:members])
		before := n.dump()
		res := one[*SendResult](n, teamText(tenant, team, all[1], fmt.Sprint(members)))
		if res.Code != wire.CodeOK || res.Members != nil || !res.Mega || res.Team != team {
			t.Fatalf("send: %+v", res)
		}
		after := n.dump()
		if added, changed := len(after)-len(before), strings.Count(difference(before, after), "+ ")-2; added != 2 || changed != 2 {
			t.Errorf("%d members: %d rows added, %d changed", members, added, changed)
		}
	}
}

// TestDismissedMegaTeamIsCleanedInPieces: the mark counts at once, every member is
// told by sync the same before and after the pieces, and nothing is left in the end.
func TestDismissedMegaTeamIsCleanedInPieces(t *testing.T) {
	n := newNode(t)
	tenant := n.setup("app", "owner", "applicant")
	all := n.crowd(tenant, 2*cleanPiece+10)
	team := n.newMega(tenant, "owner", all)
	for _, c := range []*TeamChange{
		{Op: TeamUpdate, By: "owner", Info: &wire.TeamChanges{JoinMode: wire.TeamJoinMode_TEAM_JOIN_VERIFY.Enum()}, MemberLimit: MaxMegaTeamMembers},
		{Op: TeamJoin, By: "applicant", TeamLimit: 100},
		{Op: TeamManagers, By: "owner", Accounts: all[:10], Flag: true},
		{Op: TeamMuteMembers, By: "owner", Accounts: all[10:20], Flag: true},
	} {
		c.TimeMs, c.Tenant, c.Team = testTime, tenant, team
		if res := one[*TeamResult](n, c); res.Code != wire.CodeOK {
			t.Fatalf("%v: %v", c.Op, res.Code)
		}
	}
	q := NewQueries(n.store.View)
	version := func() uint64 {
		res, err := q.Sync(tenant, all[5], 0, 0)
		if err != nil {
			t.Fatal(err)
		}
		return res.Version
	}
	before := version()
	dismiss := &TeamChange{TimeMs: testTime + 5, Tenant: tenant, Op: TeamDismiss, By: "owner", Team: team}
	res := one[*TeamResult](n, dismiss)
	told := []string{}
	for _, s := range res.States {
		told = append(told, s.Account)
	}
	if res.Code != wire.CodeOK || res.Dismissed == nil || !slices.Equal(told, []string{"applicant", "owner"}) {
		t.Fatalf("dismiss: %v, told %v, %v", res.Code, told, res.Dismissed)
	}
	if again := one[*TeamResult](n, dismiss); again.Code != wire.CodeOK || again.Dismissed != nil {
		t.Errorf("dismissed again: %+v", again)
	}
	check := func(account string) {
		t.Helper()
		res, err := q.Sync(tenant, account, before, 0)
		if err != nil || len(res.Conversations) != 1 {
			t.Fatalf("sync of %s: %v %v", account, res, err)
		}
		c := res.Conversations[0]
		if c.Team.Standing != wire.TeamStanding_TEAM_STANDING_DISMISSED || c.Team.By != "owner" || c.Version != dismissed(res) || c.Peer != TeamID(team) {
			t.Errorf("sync of %s: %v", account, c)
		}
		if res, err := q.Sync(tenant, account, c.Version, 0); err != nil || len(res.Conversations) != 0 {
			t.Errorf("%s is told again: %v %v", account, res, err)
		}
		if _, err := q.TeamMembers(tenant, account, team, "", 0); wire.CodeOf(err) != wire.CodeTeamMissing {
			t.Errorf("members: %v", err)
		}
	}
	everybody := func() {
		t.Helper()
		for _, account := range append([]string{"owner", "applicant"}, all...) {
			check(account)
		}
	}
	everybody()
	if res := one[*SendResult](n, teamText(tenant, team, all[3], "late")); res.Code != wire.CodeTeamMissing {
		t.Errorf("sent: %v", res.Code)
	}
	clean := &CleanTeam{TimeMs: testTime + 6, Tenant: tenant, Team: team}
	for i, want := range []CleanTeamResult{{wire.CodeOK, cleanPiece, true}, {wire.CodeOK, cleanPiece, true}, {wire.CodeOK, 10, false}, {wire.CodeOK, 0, false}} {
		if teams, err := q.DismissedMegaTeams(5); err != nil || (len(teams) == 1) != (i < 3) {
			t.Errorf("before piece %d to clean up: %v %v", i, teams, err)
		}
		if got := one[*CleanTeamResult](n, clean); *got != want {
			t.Errorf("piece %d: %+v, want %+v", i, *got, want)
		}
		everybody()
		if i == 1 {
			n.restart()
			q = NewQueries(n.store.View)
		}
	}
	for _, row := range n.dump() {
		for _, table := range []byte{tableTeamMember, tableTeamApplicant, tableMegaTeam, tableMegaClass, tableMegaGone, tableMegaOrder} {
			if strings.HasPrefix(row, fmt.Sprintf("%02x", table)) {
				t.Errorf("left: %s", row)
			}
		}
	}
	if got := one[*CleanTeamResult](n, &CleanTeam{TimeMs: testTime, Tenant: tenant, Team: 1 << 40}); got.Code != wire.CodeOK || got.More {
		t.Errorf("no such team: %+v", got)
	}
}

// dismissed is the version of the only conversation of res.
func dismissed(res *wire.SyncResponse) uint64 { return res.Conversations[0].Version }

// TestMembersOfAMegaTeamArePaged by name, role and mute, and by the time of joining.
func TestMembersOfAMegaTeamArePaged(t *testing.T) {
	n := newNode(t)
	tenant := n.setup("app", "owner", "stranger")
	all := n.crowd(tenant, 30)
	team := n.newMega(tenant, "owner", all[:29])
	for _, c := range []*TeamChange{
		{Op: TeamManagers, By: "owner", Accounts: []string{all[3], all[7], all[9]}, Flag: true},
		{Op: TeamManagers, By: "owner", Accounts: all[7:8]},
		{Op: TeamMuteMembers, By: all[3], Accounts: all[10:15], Flag: true},
		{Op: TeamMuteMembers, By: all[3], Accounts: all[11:12]},
		{Op: TeamKick, By: all[3], Accounts: all[12:13]},
		{Op: TeamTransfer, By: "owner", Accounts: all[9:10]},
		{TimeMs: testTime + 9, Op: TeamJoin, By: all[29], TeamLimit: 100},
	} {
		c.TimeMs, c.Tenant, c.Team = max(c.TimeMs, testTime), tenant, team
		if res := one[*TeamResult](n, c); res.Code != wire.CodeOK {
			t.Fatalf("%v: %v", c.Op, res.Code)
		}
	}
	q := NewQueries(n.store.View)
	pages := func(filter wire.TeamMemberFilter) (found []string) {
		t.Helper()
		for more := true; more; {
			after := ""
			if len(found) > 0 {
				after = found[len(found)-1]
			}
			res, err := q.TeamMembersLike(tenant, all[0], team, filter, after, 2)
			if err != nil || len(res.Members) > 2 {
				t.Fatal(res, err)
			}
			for _, m := range res.Members {
				found = append(found, m.Account)
			}
			more = res.More
		}
		return found
	}
	if got, want := pages(wire.TeamMemberFilter_TEAM_MEMBERS_MANAGERS), []string{all[3], all[9]}; !slices.Equal(got, want) {
		t.Errorf("managers %v, want %v", got, want)
	}
	if got, want := pages(wire.TeamMemberFilter_TEAM_MEMBERS_MUTED), []string{all[10], all[13], all[14]}; !slices.Equal(got, want) {
		t.Errorf("muted %v, want %v", got, want)
	}
	if got := pages(wire.TeamMemberFilter_TEAM_MEMBERS_ALL); len(got) != 30 || !slices.IsSorted(got) || slices.Contains(got, all[12]) {
		t.Errorf("members %v", got)
	}
	if _, err := q.TeamMembersLike(tenant, "stranger", team, wire.TeamMemberFilter_TEAM_MEMBERS_MUTED, "", 2); wire.CodeOf(err) != wire.CodeNotInTeam {
		t.Errorf("for a stranger: %v", err)
	}
	joined := func(fromMs int64, limit int, reverse bool) (found []string) {
		t.Helper()
		members, err := q.MegaTeamMembersByTime(tenant, team, fromMs, limit, reverse)
		if err != nil {
			t.Fatal(err)
		}
		for _, m := range members {
			found = append(found, m.Account)
		}
		return found
	}
	if got, want := joined(0, 2, false), []string{all[0], all[1]}; !slices.Equal(got, want) {
		t.Errorf("first %v, want %v", got, want)
	}
	if got, want := joined(0, 2, true), []string{all[29], "owner"}; !slices.Equal(got, want) {
		t.Errorf("last %v, want %v", got, want)
	}
	if got, want := joined(testTime+1, 9, false), []string{all[29]}; !slices.Equal(got, want) {
		t.Errorf("later %v, want %v", got, want)
	}
	if got, want := joined(testTime+8, 2, true), []string{"owner", all[28]}; !slices.Equal(got, want) {
		t.Errorf("before %v, want %v", got, want)
	}
	plain := n.newTeam(tenant, "owner", all[0])
	if _, err := q.MegaTeamMembersByTime(tenant, plain, 0, 1, false); wire.CodeOf(err) != wire.CodeTeamType {
		t.Errorf("of a team: %v", err)
	}
	if got, err := q.MegaTeams(tenant, all[0]); err != nil || len(got) != 1 || got[0].Team != team {
		t.Errorf("mega-teams %v %v", got, err)
	}
	if got, err := q.MegaTeams(tenant, all[12]); err != nil || len(got) != 0 {
		t.Errorf("mega-teams of who was removed: %v %v", got, err)
	}
}

// TestLimitsOfMegaTeams are counted apart from those of teams.
func TestLimitsOfMegaTeams(t *testing.T) {
	n := newNode(t)
	tenant := n.setup("app", "a", "b", "c")
	create := func(id string, mega bool, limit uint32) wire.Code {
		return one[*TeamResult](n, &TeamChange{
			TimeMs: testTime, Tenant: tenant, Op: TeamCreate, By: "a", ClientID: id, Flag: mega, MemberLimit: 2000, TeamLimit: limit,
			Info: &wire.TeamChanges{Name: proto.String("x")},
		}).Code
	}
	for i, want := range []struct {
		mega bool
		code wire.Code
	}{{true, wire.CodeOK}, {false, wire.CodeOK}, {true, wire.CodeTooManyTeams}, {false, wire.CodeTooManyTeams}} {
		if got := create(fmt.Sprint(i), want.mega, 1); got != want.code {
			t.Errorf("team %d: %v, want %v", i, got, want.code)
		}
	}
	big := func(mega bool) wire.Code {
		return one[*TeamResult](n, &TeamChange{
			TimeMs: testTime, Tenant: tenant, Op: TeamCreate, By: "b", ClientID: fmt.Sprint(mega), Flag: mega, MemberLimit: MaxMegaTeamMembers, TeamLimit: 9,
			Info: &wire.TeamChanges{Name: proto.String("x"), MemberLimit: proto.Uint32(MaxTeamMembers + 1)},
		}).Code
	}
	if mega, plain := big(true), big(false); mega != wire.CodeOK || plain != wire.CodeBadParameter {
		t.Errorf("more members than a team may have: %v and %v", mega, plain)
	}
}

// BenchmarkApplyMegaSend is BenchmarkApplyTeamSend for a mega-team: sent by a few
// members whose marks are known, or by ever other ones.
func BenchmarkApplyMegaSend(b *testing.B) {
	for _, members := range []int{1000, 100_000} {
		for _, senders := range []int{100, members} {
			name := fmt.Sprintf("members=%d/few senders", members)
			if senders == members {
				name = fmt.Sprintf("members=%d/all send", members)
			}
			b.Run(name, func(b *testing.B) {
				n := newNode(b)
				tenant := n.setup("app", "owner")
				all := n.crowd(tenant, members)
				team := n.newMega(tenant, "owner", all)
				n.reload(maxHotMembers, defaultFilterSize)
				benchApply(b, n, func(i int) command {
					return teamText(tenant, team, all[i*7919%senders], fmt.Sprintf("%016x-%08x", uint64(i)*0x9e3779b97f4a7c15, i))
				})
			})
		}
	}
}

// BenchmarkApplyMegaChange is a change of the members of a mega-team of 100,000.
func BenchmarkApplyMegaChange(b *testing.B) {
	n := newNode(b)
	tenant := n.setup("app", "owner")
	all := n.crowd(tenant, 100_000)
	team := n.newMega(tenant, "owner", all)
	some := all[50_000:50_200]
	for _, c := range []struct {
		name string
		make func(i int) *TeamChange
	}{
		{"kick and invite 1", func(i int) *TeamChange {
			return &TeamChange{Op: []TeamOp{TeamKick, TeamInvite}[i%2], By: "owner", Accounts: some[:1], Direct: true, TeamLimit: 9}
		}},
		{"kick and invite 200", func(i int) *TeamChange {
			return &TeamChange{Op: []TeamOp{TeamKick, TeamInvite}[i%2], By: "owner", Accounts: some, Direct: true, TeamLimit: 9}
		}},
		{"mute and unmute", func(i int) *TeamChange {
			return &TeamChange{Op: TeamMuteMembers, By: "owner", Accounts: some[:1], Flag: i%2 == 0}
		}},
	} {
		b.Run(c.name, func(b *testing.B) {
			benchApply(b, n, func(i int) command {
				change := c.make(i)
				change.TimeMs, change.Tenant, change.Team = testTime, tenant, team
				return change
			})
			// What was kicked last comes back.
			n.apply(&TeamChange{TimeMs: testTime, Tenant: tenant, Op: TeamInvite, By: "owner", Team: team, Accounts: some, Direct: true, TeamLimit: 9})
		})
	}
	b.Run("clean 128", func(b *testing.B) {
		b.StopTimer()
		for i := range b.N {
			gone := n.newMega(tenant, "owner", all[i%100*1000:i%100*1000+cleanPiece])
			n.apply(&TeamChange{TimeMs: testTime, Tenant: tenant, Op: TeamDismiss, By: "owner", Team: gone})
			n.inApply(func(tx *raftstore.Tx) error {
				b.StartTimer()
				defer b.StopTimer()
				return n.b.m.Apply(tx, [][]byte{(&CleanTeam{TimeMs: testTime, Tenant: tenant, Team: gone}).Append(nil)}, make([]any, 1))
			})
		}
	})
}

// BenchmarkTeamReceipts reads who of 500 members has read 50 messages.
func BenchmarkTeamReceipts(b *testing.B) {
	n := newNode(b)
	all := names(500)
	tenant := n.setup("app", all...)
	team := n.newTeam(tenant, all[0], all[1:]...)
	var seqs []uint64
	for i := range MaxReceipts {
		c := teamText(tenant, team, all[0], fmt.Sprint(i))
		c.Message.Receipt = true
		seqs = append(seqs, one[*SendResult](n, c).Seq)
	}
	q := NewQueries(n.store.View)
	b.ReportAllocs()
	for b.Loop() {
		if res, err := q.TeamReceipts(tenant, team, all[0], true, seqs, 0); err != nil || len(res.Receipts) != MaxReceipts {
			b.Fatal(res, err)
		}
	}
}
