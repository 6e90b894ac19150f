package state

import (
	"fmt"
	"slices"
	"testing"

	"google.golang.org/protobuf/proto"
	"pgregory.net/rapid"

	"github.com/yizhan-im/yizhan/appliance/wire"
)

var (
	drawMode = rapid.Custom(func(t *rapid.T) uint32 { return rapid.Uint32Range(0, 1).Draw(t, "mode") })
	drawMute = rapid.SampledFrom([]wire.TeamMute{0, 0, 1, 3})
)

// drawnOps has the operations, and those more often that change who is what.
var drawnOps = []TeamOp{
	TeamCreate, TeamDismiss, TeamUpdate, TeamUpdate, TeamInvite, TeamInvite, TeamInvite, TeamJoin, TeamJoin, TeamJoin,
	TeamAnswer, TeamAnswer, TeamAnswer, TeamKick, TeamKick, TeamLeave, TeamTransfer, TeamManagers, TeamManagers, TeamManagers,
	TeamMuteMembers, TeamMuteMembers, TeamMuteAll, TeamSettings, TeamSettings,
}

// drawTeamChanges gives each field with the chance of one in two to four.
func drawTeamChanges(t *rapid.T) *wire.TeamChanges {
	u := &wire.TeamChanges{Name: rapid.Ptr(drawText, true).Draw(t, "name")}
	if rapid.Bool().Draw(t, "modes") {
		mode := func() *wire.TeamWho { return wire.TeamWho(drawMode.Draw(t, "who")).Enum() }
		u.JoinMode = wire.TeamJoinMode(rapid.Uint32Range(0, 2).Draw(t, "join")).Enum()
		u.Consent = wire.TeamConsent(drawMode.Draw(t, "consent")).Enum()
		u.InviteMode, u.UpdateMode, u.CustomMode = mode(), mode(), mode()
		u.WholeHistory = rapid.Ptr(rapid.Bool(), true).Draw(t, "whole")
	}
	switch rapid.IntRange(0, 5).Draw(t, "more") {
	case 0:
		u.ServerCustom = proto.String("server")
	case 1:
		u.Custom = proto.String("custom")
	case 2:
		u.MemberLimit = proto.Uint32(rapid.Uint32Range(1, 7).Draw(t, "limit"))
	}
	return u
}

// drawTeamCommand is about a team that exists, mostly; the model says which do.
func drawTeamCommand(t *rapid.T, m *model, now int64) command {
	tenant, by := drawTenant.Draw(t, "tenant"), drawAccount.Draw(t, "by")
	id := uint64(3)
	if keys := m.teamKeys(); len(keys) > 0 {
		key := rapid.SampledFrom(keys).Draw(t, "team")
		id = key.id
		if rapid.IntRange(0, 9).Draw(t, "own tenant") > 0 {
			tenant = key.tenant
		}
		// Mostly by who may do something.
		if team := m.team(tenant, id); team != nil && rapid.Bool().Draw(t, "member") {
			by = rapid.SampledFrom(team.names()).Draw(t, "of")
			if rapid.Bool().Draw(t, "owner") {
				by = team.info.Owner
			}
		}
	}
	switch rapid.IntRange(0, 10).Draw(t, "what") {
	case 10:
		return &CleanTeam{TimeMs: now, Tenant: tenant, Team: id}
	case 0, 1, 2:
		return &Send{TimeMs: now, Tenant: tenant, Session: 9, Message: &wire.Message{
			Scene: wire.Scene_SCENE_TEAM, From: by, To: TeamID(id), ClientId: fmt.Sprint(rapid.IntRange(1, 40).Draw(t, "client id")), Body: "hi",
			Mentions: rapid.SampledFrom([][]string{nil, {"a", "b"}}).Draw(t, "mentions"), MentionAll: rapid.Bool().Draw(t, "all"),
			Receipt: rapid.Bool().Draw(t, "receipt"),
		}}
	case 3:
		if rapid.Bool().Draw(t, "recall") {
			return &Recall{TimeMs: now, Tenant: tenant, From: by, Team: id, Seq: drawSeq.Draw(t, "seq"), Note: "n", WindowMs: rapid.SampledFrom([]int64{0, week}).Draw(t, "window")}
		}
		return &Read{TimeMs: now, Tenant: tenant, Session: 9, Reader: by, Team: id, Seq: drawSeq.Draw(t, "seq")}
	}
	c := &TeamChange{
		TimeMs: now, Tenant: tenant, Session: 5, By: by, Team: id, MemberLimit: 6, TeamLimit: rapid.Uint32Range(1, 4).Draw(t, "teams"),
		Op:   rapid.SampledFrom(drawnOps).Draw(t, "op"),
		Flag: rapid.Bool().Draw(t, "flag"), Backend: rapid.Bool().Draw(t, "backend"),
	}
	others := rapid.SliceOfNDistinct(rapid.SampledFrom([]string{"a", "aa", "b", "c", "x"}), 1, 4, rapid.ID).Draw(t, "accounts")
	others = slices.DeleteFunc(others, func(s string) bool { return s == by })
	if len(others) == 0 {
		others = []string{"d"}
	}
	switch c.Op {
	case TeamCreate:
		c.Team, c.Accounts, c.ClientID = 0, others, rapid.SampledFrom([]string{"1", "2", "3", "4", "5"}).Draw(t, "client id")
		c.Info, c.Direct = drawTeamChanges(t), rapid.Bool().Draw(t, "direct")
	case TeamUpdate:
		c.Info = drawTeamChanges(t)
	case TeamInvite:
		c.Accounts, c.Direct, c.Note = others, rapid.Bool().Draw(t, "direct"), drawText.Draw(t, "note")
	case TeamKick, TeamManagers, TeamMuteMembers:
		c.Accounts = others
	case TeamTransfer:
		c.Accounts = others[:1]
	case TeamAnswer:
		c.Accounts = others[:rapid.IntRange(0, 1).Draw(t, "named")]
	case TeamMuteAll:
		c.Mute = drawMute.Draw(t, "mute")
	case TeamSettings:
		c.Member = &wire.TeamMemberChanges{Nick: rapid.Ptr(drawText, true).Draw(t, "nick"), NotifyOff: rapid.Ptr(rapid.Bool(), true).Draw(t, "notify")}
		c.Accounts = others[:1]
		if rapid.Bool().Draw(t, "self") {
			c.Accounts = []string{by}
		}
	case TeamJoin:
		c.Note = drawText.Draw(t, "note")
	}
	return c
}

// TestTeamsMatchModel is TestMachineMatchesModel where nearly everything is about
// a few teams.
func TestTeamsMatchModel(t *testing.T) {
	var start []command
	for _, account := range []string{"aa", "c", "d"} {
		start = append(start, &CreateAccount{TimeMs: testTime, Tenant: 1, Account: account, TokenHash: HashToken("", "", "")})
	}
	large := &wire.TeamChanges{Name: proto.String("large"), InviteMode: wire.TeamWho_TEAM_WHO_EVERYONE.Enum()}
	open := &wire.TeamChanges{Name: proto.String("open"), InviteMode: wire.TeamWho_TEAM_WHO_EVERYONE.Enum(), WholeHistory: proto.Bool(true)}
	shut := &wire.TeamChanges{Name: proto.String("shut"), JoinMode: wire.TeamJoinMode_TEAM_JOIN_VERIFY.Enum()}
	start = append(start,
		&TeamChange{TimeMs: testTime, Tenant: 1, Op: TeamCreate, By: "a", ClientID: "o", Accounts: []string{"aa", "b", "c"}, Direct: true, MemberLimit: 6, TeamLimit: 4, Info: open},
		&TeamChange{TimeMs: testTime, Tenant: 1, Op: TeamCreate, By: "b", ClientID: "s", Accounts: []string{"a"}, MemberLimit: 4, TeamLimit: 4, Info: shut},
		&TeamChange{TimeMs: testTime, Tenant: 1, Op: TeamCreate, By: "a", ClientID: "l", Accounts: []string{"aa", "b", "c"}, Direct: true, Flag: true, MemberLimit: 6, TeamLimit: 4, Info: large},
	)
	matchModel(t, start, func(t *rapid.T, m *model) command {
		if rapid.IntRange(0, 19).Draw(t, "other") == 0 {
			return drawCommand(t, m)
		}
		return drawTeamCommand(t, m, drawTime(t, m.clock))
	})
}

// compareTeams compares every query of every team, for every account.
func compareTeams(t *rapid.T, q *Queries, m *model) {
	for _, key := range m.teamKeys() {
		team := m.team(key.tenant, key.id)
		for _, tenant := range []uint32{1, 2, 3} {
			got, err := q.Teams(tenant, []uint64{key.id})
			if team == nil || tenant != key.tenant {
				if err != nil || len(got) > 0 {
					t.Fatalf("team %v in tenant %d: %v %v", key, tenant, got, err)
				}
				continue
			}
			want := proto.Clone(team.info).(*wire.Team)
			want.InfoVersion, want.Members, want.Mute = team.infoAt, uint32(len(team.members)), team.mute
			if err != nil || len(got) != 1 || !proto.Equal(got[0], want) {
				t.Fatalf("team %v: %v %v, want %v", key, got, err, want)
			}
		}
		for _, account := range []string{"a", "aa", "b", "c"} {
			compareTeamHistory(t, q, m, key, team, account)
			compareTeamMembers(t, q, m, key, team, account)
			compareReceipts(t, q, m, key, team, account)
		}
	}
}

func compareTeamHistory(t *rapid.T, q *Queries, m *model, key teamKey, team *modelTeam, account string) {
	req := &wire.HistoryRequest{Scene: wire.Scene_SCENE_TEAM, Peer: TeamID(key.id), Limit: rapid.Uint32Range(1, 5).Draw(t, "limit")}
	if rapid.Bool().Draw(t, "range") {
		req.FromSeq = drawSeq.Draw(t, "from")
	}
	s := m.standing(key.tenant, account, key.id)
	res, err := q.History(key.tenant, account, req)
	switch {
	case team == nil:
		if wire.CodeOf(err) != wire.CodeTeamMissing {
			t.Fatalf("history of a team that is gone: %v", err)
		}
		return
	case !s.isMember():
		if wire.CodeOf(err) != wire.CodeNotInTeam {
			t.Fatalf("history for %s, who is no member: %v %v", account, res, err)
		}
		return
	}
	first := s.firstSeq
	if floor := m.pruned.of(key.tenant, key.id); floor > 1 {
		first = max(first, floor)
	}
	first = max(first, m.inbox.first(key.tenant, account, req.Scene, req.Peer))
	want, more := pageOf(team.log, first, req)
	if err != nil || res.More != more || res.FirstSeq != first {
		t.Fatalf("history %v for %s: %v %v, want more=%v", req, account, res, err, more)
	}
	sameMessages(t, res.Messages, want)
}

func compareTeamMembers(t *rapid.T, q *Queries, m *model, key teamKey, team *modelTeam, account string) {
	res, err := q.TeamMembers(key.tenant, account, key.id, "", 2)
	applications, appErr := q.TeamApplications(key.tenant, account, key.id)
	if team == nil || team.members[account] == nil {
		if err == nil || appErr == nil {
			t.Fatalf("members for %s, who is none: %v %v", account, res, applications)
		}
		return
	}
	var got []string
	for {
		if err != nil {
			t.Fatalf("members: %v", err)
		}
		for _, member := range res.Members {
			got = append(got, member.Account)
			row := team.members[member.Account]
			if row == nil || !proto.Equal(member, row.member(member.Account)) {
				t.Fatalf("member %v, want %v", member, row)
			}
		}
		if !res.More {
			break
		}
		res, err = q.TeamMembers(key.tenant, account, key.id, got[len(got)-1], 2)
	}
	if !slices.Equal(got, team.names()) {
		t.Fatalf("members %v, want %v", got, team.names())
	}
	if team.members[account].role == 0 {
		if wire.CodeOf(appErr) != wire.CodeTeamPermission {
			t.Fatalf("applications for a plain member: %v", appErr)
		}
		return
	}
	if appErr != nil || len(applications.Applications) != len(team.applicants) {
		t.Fatalf("applications %v %v, want %v", applications, appErr, team.applicants)
	}
	for _, a := range applications.Applications {
		if !proto.Equal(a, team.applicants[a.Account]) {
			t.Fatalf("application %v, want %v", a, team.applicants[a.Account])
		}
	}
	teams, err := q.AccountTeams(key.tenant, account)
	want := 0
	for id, s := range m.teams.standings[accountKey{key.tenant, account}] {
		if s.isMember() && m.team(key.tenant, id) != nil {
			want++
		}
	}
	if err != nil || len(teams) != want {
		t.Fatalf("teams of %s: %v %v", account, teams, err)
	}
}

func compareReceipts(t *rapid.T, q *Queries, m *model, key teamKey, team *modelTeam, account string) {
	var seqs []uint64
	if team != nil {
		for i := range team.log {
			seqs = append(seqs, uint64(i+1))
		}
	}
	seqs = seqs[max(0, len(seqs)-MaxReceipts):]
	res, err := q.TeamReceipts(key.tenant, key.id, account, true, seqs, 0)
	code := wire.CodeOK
	switch {
	case team == nil:
		code = wire.CodeTeamMissing
	case team.info.Mega:
		code = wire.CodeTeamReceipt
	case team.members[account] == nil:
		code = wire.CodeNotInTeam
	}
	if wire.CodeOf(err) != code {
		t.Fatalf("receipts of team %v for %s: %v, want %v", key, account, err, code)
	}
	if code != wire.CodeOK {
		return
	}
	want := m.receipts(key.tenant, key.id, team, account)
	want = slices.DeleteFunc(want, func(r *wire.TeamReceipt) bool { return r.Seq < seqs[0] })
	if !slices.EqualFunc(res.Receipts, want, func(a, b *wire.TeamReceipt) bool { return proto.Equal(a, b) }) {
		t.Fatalf("receipts of team %v for %s: %v, want %v", key, account, res.Receipts, want)
	}
	for _, r := range want {
		listed, err := q.TeamReceipts(key.tenant, key.id, account, true, nil, r.Seq)
		if err != nil || len(listed.Read) != int(r.Read) || len(listed.Unread) != int(r.Unread) {
			t.Fatalf("readers of %v: %v %v", r, listed, err)
		}
	}
}
