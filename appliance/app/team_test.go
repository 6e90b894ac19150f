package app

import (
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"

	"google.golang.org/protobuf/proto"

	"github.com/yizhan-im/yizhan/appliance/state"
	"github.com/yizhan-im/yizhan/appliance/wire"
)

// team lets owner make a team; members are brought in without being asked.
func (w *world) team(owner *peer, changes *wire.TeamChanges, members ...string) string {
	w.t.Helper()
	for _, name := range members {
		w.account(name)
	}
	if changes == nil {
		changes = &wire.TeamChanges{}
	}
	changes.Name, changes.Consent = proto.String("team"), wire.TeamConsent_TEAM_CONSENT_NONE.Enum()
	var out wire.CreateTeamResponse
	owner.ok(wire.CmdCreateTeam, &wire.CreateTeamRequest{ClientId: fmt.Sprint("team", owner.serial), Team: changes, Members: members}, &out)
	if len(out.Failed) > 0 {
		w.t.Fatalf("failed: %v", out.Failed)
	}
	return out.Team
}

// state takes the next push, which must tell p's own standing in team.
func (p *peer) state(team string, standing wire.TeamStanding) *wire.ConversationState {
	p.t.Helper()
	var push wire.TeamStatePush
	p.push(wire.PushTeamState, &push)
	if s := push.State; s.Peer != team || s.Scene != wire.Scene_SCENE_TEAM || s.Team.Standing != standing {
		p.t.Fatalf("state %v, want %v of %s", push.State, standing, team)
	}
	return push.State
}

// entry takes the next push, which must be the team's entry of that seq.
func (p *peer) entry(team string, seq uint64) *wire.Message {
	p.t.Helper()
	var push wire.MessagePush
	p.push(wire.PushMessage, &push)
	if m := push.Message; m.Scene != wire.Scene_SCENE_TEAM || m.To != team || m.Seq != seq {
		p.t.Fatalf("entry %v, want %d of %s", push.Message, seq, team)
	}
	return push.Message
}

func (p *peer) event(team string, seq uint64, kind wire.TeamEventKind, accounts ...string) *wire.TeamEvent {
	p.t.Helper()
	m := p.entry(team, seq)
	if m.Type != state.TypeTeamEvent || m.Event.GetKind() != kind || !slices.Equal(m.Event.Accounts, accounts) {
		p.t.Fatalf("event %v, want %v of %v", m, kind, accounts)
	}
	return m.Event
}

func teamText(team, clientID, body string) *wire.SendRequest {
	return &wire.SendRequest{Scene: wire.Scene_SCENE_TEAM, To: team, ClientId: clientID, Body: body}
}

const isMember = wire.TeamStanding_TEAM_STANDING_MEMBER

func TestTeamMessageReachesAllMembersDevicesButItsOrigin(t *testing.T) {
	w := shared.newTenant(t, state.Limits{})
	alice, desk := w.login("alice"), w.loginOn("alice", "desk", wire.Platform_PLATFORM_PC)
	bob, stranger := w.login("bob"), w.login("carol")
	team := w.team(alice, nil, "bob", "dave")
	for _, p := range []*peer{alice, desk, bob} {
		if s := p.state(team, isMember); s.FirstSeq != 1 || s.LastSeq != 1 || s.ReadSeq != 0 {
			t.Errorf("state %v", s)
		}
		p.event(team, 1, wire.TeamEventKind_TEAM_EVENT_CREATED, "bob", "dave")
	}
	in := teamText(team, "1", "hello")
	in.Mentions = []string{"BOB"}
	var sent wire.SendResponse
	alice.ok(wire.CmdSend, in, &sent)
	for _, p := range []*peer{desk, bob} {
		if m := p.entry(team, 2); m.Body != "hello" || m.From != "alice" || m.Id != sent.Id || !slices.Equal(m.Mentions, []string{"bob"}) {
			t.Errorf("pushed %v", m)
		}
	}

	bob.ok(wire.CmdRead, &wire.ReadRequest{Scene: wire.Scene_SCENE_TEAM, Peer: team, Seq: 2}, nil)
	w.settle(t) // so that the cursor is not told to a device that comes later
	bobDesk := w.loginOn("bob", "desk", wire.Platform_PLATFORM_PC)
	bob.ok(wire.CmdSend, teamText(team, "2", "hi"), nil)
	alice.entry(team, 3)
	desk.entry(team, 3)
	bobDesk.entry(team, 3)
	bob.ok(wire.CmdRead, &wire.ReadRequest{Scene: wire.Scene_SCENE_TEAM, Peer: team, Seq: 3}, nil)
	var read wire.ReadPush
	bobDesk.push(wire.PushRead, &read)
	if read.Scene != wire.Scene_SCENE_TEAM || read.Peer != team || read.Reader != "bob" || read.Seq != 3 {
		t.Errorf("read %v", &read)
	}
	// An offline member finds the same, and what it has not read.
	var sync wire.SyncResponse
	w.login("dave").ok(wire.CmdSync, &wire.SyncRequest{}, &sync)
	if len(sync.Conversations) != 1 || sync.Conversations[0].LastSeq != 3 || sync.Conversations[0].ReadSeq != 0 || sync.Conversations[0].Team.Standing != isMember {
		t.Errorf("sync %v", &sync)
	}
	w.settle(t)
	for _, p := range []*peer{alice, desk, bob, bobDesk, stranger} {
		p.quiet()
	}
}

func TestWhoIsAskedJoinsByAnswering(t *testing.T) {
	w := shared.newTenant(t, state.Limits{})
	alice, bob, carol := w.login("alice"), w.login("bob"), w.login("carol")
	team := w.team(alice, nil)
	alice.state(team, isMember)
	alice.event(team, 1, wire.TeamEventKind_TEAM_EVENT_CREATED)
	ask := wire.TeamConsent_TEAM_CONSENT_ASK.Enum()
	alice.ok(wire.CmdUpdateTeam, &wire.UpdateTeamRequest{Team: team, Changes: &wire.TeamChanges{Consent: ask, WholeHistory: proto.Bool(true)}}, nil)
	if ev := alice.event(team, 2, wire.TeamEventKind_TEAM_EVENT_UPDATED); ev.Changes.Consent == nil || ev.By != "alice" {
		t.Errorf("event %v", ev)
	}
	var out wire.InviteTeamResponse
	alice.ok(wire.CmdInviteTeam, &wire.InviteTeamRequest{Team: team, Accounts: []string{"bob", "carol", "nobody"}, Note: "come"}, &out)
	if !slices.Equal(out.Invited, []string{"bob", "carol"}) || !slices.Equal(out.Failed, []string{"nobody"}) || len(out.Added) > 0 {
		t.Errorf("invited %v", &out)
	}
	for _, p := range []*peer{bob, carol} {
		if s := p.state(team, wire.TeamStanding_TEAM_STANDING_INVITED); s.Team.By != "alice" || s.Team.Note != "come" {
			t.Errorf("state %v", s)
		}
		p.refused(wire.CodeNotInTeam, wire.CmdSend, teamText(team, "1", "too early"))
	}
	carol.ok(wire.CmdAnswerTeam, &wire.AnswerTeamRequest{Team: team, Note: "no"}, nil)
	carol.state(team, wire.TeamStanding_TEAM_STANDING_REFUSED)
	carol.refused(wire.CodeTeamStanding, wire.CmdAnswerTeam, &wire.AnswerTeamRequest{Team: team, Accept: true})
	bob.ok(wire.CmdAnswerTeam, &wire.AnswerTeamRequest{Team: team, Accept: true}, nil)
	if s := bob.state(team, isMember); s.FirstSeq != 1 || s.LastSeq != 3 || s.Team.Self.Inviter != "alice" {
		t.Errorf("state %v", s)
	}
	for _, p := range []*peer{alice, bob} {
		p.event(team, 3, wire.TeamEventKind_TEAM_EVENT_JOINED, "bob")
	}
	var history wire.HistoryResponse
	bob.ok(wire.CmdHistory, &wire.HistoryRequest{Scene: wire.Scene_SCENE_TEAM, Peer: team}, &history)
	if len(history.Messages) != 3 || history.FirstSeq != 1 {
		t.Errorf("history %v", &history)
	}
}

func TestManagersDecideWhoJoins(t *testing.T) {
	w := shared.newTenant(t, state.Limits{})
	alice, mary, bob, carol := w.login("alice"), w.login("mary"), w.login("bob"), w.login("carol")
	team := w.team(alice, &wire.TeamChanges{JoinMode: wire.TeamJoinMode_TEAM_JOIN_VERIFY.Enum()}, "mary", "paul")
	alice.ok(wire.CmdSetTeamManagers, &wire.SetTeamManagersRequest{Team: team, Accounts: []string{"mary"}, Manager: true}, nil)
	for _, p := range []*peer{alice, mary} {
		p.state(team, isMember)
		p.event(team, 1, wire.TeamEventKind_TEAM_EVENT_CREATED, "mary", "paul")
		if p == mary {
			if s := p.state(team, isMember); s.Team.Self.Role != wire.TeamRole_TEAM_ROLE_MANAGER {
				t.Errorf("state %v", s)
			}
		}
		p.event(team, 2, wire.TeamEventKind_TEAM_EVENT_MANAGERS_ADDED, "mary")
	}
	for _, p := range []*peer{bob, carol} {
		var out wire.JoinTeamResponse
		p.ok(wire.CmdJoinTeam, &wire.JoinTeamRequest{Team: team, Note: "please"}, &out)
		if out.Standing != wire.TeamStanding_TEAM_STANDING_APPLIED {
			t.Errorf("standing %v", out.Standing)
		}
		p.state(team, wire.TeamStanding_TEAM_STANDING_APPLIED)
		for _, manager := range []*peer{alice, mary} {
			var push wire.TeamApplicationPush
			manager.push(wire.PushTeamApplication, &push)
			if push.Team != team || push.Application.Note != "please" {
				t.Errorf("application %v", &push)
			}
		}
	}
	// One who was away learns it by sync, and reads who it is.
	var sync wire.SyncResponse
	mary.ok(wire.CmdSync, &wire.SyncRequest{}, &sync)
	if len(sync.Conversations) != 1 || sync.Conversations[0].Team.Applications != 2 {
		t.Errorf("sync %v", &sync)
	}
	var list wire.TeamApplicationsResponse
	mary.ok(wire.CmdTeamApplications, &wire.TeamApplicationsRequest{Team: team}, &list)
	if len(list.Applications) != 2 || list.Applications[0].Account != "bob" {
		t.Errorf("applications %v", &list)
	}
	w.login("paul").refused(wire.CodeTeamPermission, wire.CmdAnswerTeam, &wire.AnswerTeamRequest{Team: team, Account: "bob", Accept: true})
	mary.ok(wire.CmdAnswerTeam, &wire.AnswerTeamRequest{Team: team, Account: "bob", Accept: true}, nil)
	mary.ok(wire.CmdAnswerTeam, &wire.AnswerTeamRequest{Team: team, Account: "carol", Note: "not now"}, nil)
	bob.state(team, isMember)
	bob.event(team, 3, wire.TeamEventKind_TEAM_EVENT_JOINED, "bob")
	if s := carol.state(team, wire.TeamStanding_TEAM_STANDING_REFUSED); s.Team.By != "mary" || s.Team.Note != "not now" {
		t.Errorf("state %v", s)
	}
	// A new member sees the log from its joining on.
	bob.refused(wire.CodeTeamPermission, wire.CmdTeamApplications, &wire.TeamApplicationsRequest{Team: team})
	var history wire.HistoryResponse
	bob.ok(wire.CmdHistory, &wire.HistoryRequest{Scene: wire.Scene_SCENE_TEAM, Peer: team, FromSeq: 1}, &history)
	if len(history.Messages) != 1 || history.Messages[0].Seq != 3 || history.FirstSeq != 3 {
		t.Errorf("history %v", &history)
	}
	w.settle(t)
	bob.quiet()
	carol.quiet()
}

func TestKickedMemberGetsNothingMore(t *testing.T) {
	w := shared.newTenant(t, state.Limits{})
	alice, bob := w.login("alice"), w.login("bob")
	team := w.team(alice, nil, "bob", "carol")
	bob.state(team, isMember)
	bob.entry(team, 1)
	alice.ok(wire.CmdKickTeam, &wire.KickTeamRequest{Team: team, Accounts: []string{"bob"}}, nil)
	alice.ok(wire.CmdSend, teamText(team, "1", "among us"), nil)
	if s := bob.state(team, wire.TeamStanding_TEAM_STANDING_KICKED); s.Team.By != "alice" {
		t.Errorf("state %v", s)
	}
	bob.refused(wire.CodeNotInTeam, wire.CmdHistory, &wire.HistoryRequest{Scene: wire.Scene_SCENE_TEAM, Peer: team})
	bob.refused(wire.CodeNotInTeam, wire.CmdTeamMembers, &wire.TeamMembersRequest{Team: team})
	bob.refused(wire.CodeNotInTeam, wire.CmdRecall, &wire.RecallRequest{Scene: wire.Scene_SCENE_TEAM, Peer: team, Seq: 1})
	alice.ok(wire.CmdKickTeam, &wire.KickTeamRequest{Team: team, Accounts: []string{"bob"}}, nil) // again: done already
	w.settle(t)
	bob.quiet()
}

func TestDismissedTeamIsGoneForAll(t *testing.T) {
	w := shared.newTenant(t, state.Limits{})
	alice, bob := w.login("alice"), w.login("bob")
	team := w.team(alice, nil, "bob")
	alice.ok(wire.CmdDismissTeam, &wire.DismissTeamRequest{Team: team}, nil)
	alice.ok(wire.CmdDismissTeam, &wire.DismissTeamRequest{Team: team}, nil) // the answer was lost
	bob.state(team, isMember)
	bob.entry(team, 1)
	bob.state(team, wire.TeamStanding_TEAM_STANDING_DISMISSED)
	for cmd, in := range map[wire.Command]wire.Body{
		wire.CmdSend: teamText(team, "1", "x"), wire.CmdHistory: &wire.HistoryRequest{Scene: wire.Scene_SCENE_TEAM, Peer: team},
		wire.CmdLeaveTeam: &wire.LeaveTeamRequest{Team: team}, wire.CmdTeamMembers: &wire.TeamMembersRequest{Team: team},
	} {
		bob.refused(wire.CodeTeamMissing, cmd, in)
	}
	var out wire.TeamsResponse
	bob.ok(wire.CmdTeams, &wire.TeamsRequest{Teams: []string{team}}, &out)
	if len(out.Teams) > 0 {
		t.Errorf("teams %v", &out)
	}
}

// TestTeamPermissions: what each role, and no role, may do.
func TestTeamPermissions(t *testing.T) {
	w := shared.newTenant(t, state.Limits{})
	roles := map[string]*peer{"owner": w.login("owner"), "manager": w.login("manager"), "member": w.login("member"), "stranger": w.login("stranger")}
	denied := map[string]wire.Code{"owner": wire.CodeTeamPermission, "manager": wire.CodeTeamPermission, "member": wire.CodeTeamPermission, "stranger": wire.CodeNotInTeam}
	name := &wire.TeamChanges{Name: proto.String("x")}
	for _, c := range []struct {
		what string
		may  string
		cmd  wire.Command
		in   func(team string) wire.Body
	}{
		{"dismiss", "owner", wire.CmdDismissTeam, func(team string) wire.Body { return &wire.DismissTeamRequest{Team: team} }},
		{"update", "owner manager", wire.CmdUpdateTeam, func(team string) wire.Body { return &wire.UpdateTeamRequest{Team: team, Changes: name} }},
		{"server custom", "", wire.CmdUpdateTeam, func(team string) wire.Body {
			return &wire.UpdateTeamRequest{Team: team, Changes: &wire.TeamChanges{ServerCustom: proto.String("x")}}
		}},
		{"invite", "owner manager", wire.CmdInviteTeam, func(team string) wire.Body {
			return &wire.InviteTeamRequest{Team: team, Accounts: []string{"guest"}}
		}},
		{"kick a member", "owner manager", wire.CmdKickTeam, func(team string) wire.Body { return &wire.KickTeamRequest{Team: team, Accounts: []string{"plain"}} }},
		{"kick a manager", "owner", wire.CmdKickTeam, func(team string) wire.Body {
			return &wire.KickTeamRequest{Team: team, Accounts: []string{"plain", "other"}}
		}},
		{"leave", "manager member", wire.CmdLeaveTeam, func(team string) wire.Body { return &wire.LeaveTeamRequest{Team: team} }},
		{"transfer", "owner", wire.CmdTransferTeam, func(team string) wire.Body { return &wire.TransferTeamRequest{Team: team, To: "plain", Leave: true} }},
		{"add a manager", "owner", wire.CmdSetTeamManagers, func(team string) wire.Body {
			return &wire.SetTeamManagersRequest{Team: team, Accounts: []string{"plain"}, Manager: true}
		}},
		{"remove a manager", "owner", wire.CmdSetTeamManagers, func(team string) wire.Body {
			return &wire.SetTeamManagersRequest{Team: team, Accounts: []string{"other"}}
		}},
		{"mute a member", "owner manager", wire.CmdMuteTeamMembers, func(team string) wire.Body {
			return &wire.MuteTeamMembersRequest{Team: team, Accounts: []string{"plain"}, Muted: true}
		}},
		{"mute a manager", "owner", wire.CmdMuteTeamMembers, func(team string) wire.Body {
			return &wire.MuteTeamMembersRequest{Team: team, Accounts: []string{"other"}, Muted: true}
		}},
		{"mute all", "owner manager", wire.CmdMuteTeam, func(team string) wire.Body {
			return &wire.MuteTeamRequest{Team: team, Mute: wire.TeamMute_TEAM_MUTE_MEMBERS}
		}},
		{"own nick", "owner manager member", wire.CmdUpdateTeamMember, func(team string) wire.Body {
			return &wire.UpdateTeamMemberRequest{Team: team, Changes: &wire.TeamMemberChanges{Nick: proto.String("n"), NotifyOff: proto.Bool(true)}}
		}},
		{"other's nick", "owner manager", wire.CmdUpdateTeamMember, func(team string) wire.Body {
			return &wire.UpdateTeamMemberRequest{Team: team, Account: "plain", Changes: &wire.TeamMemberChanges{Nick: proto.String("n")}}
		}},
		{"other's notifications", "", wire.CmdUpdateTeamMember, func(team string) wire.Body {
			return &wire.UpdateTeamMemberRequest{Team: team, Account: "plain", Changes: &wire.TeamMemberChanges{NotifyOff: proto.Bool(true)}}
		}},
		{"send", "owner manager member", wire.CmdSend, func(team string) wire.Body { return teamText(team, team, "x") }},
		{"members", "owner manager member", wire.CmdTeamMembers, func(team string) wire.Body { return &wire.TeamMembersRequest{Team: team} }},
		{"recall a member's", "owner manager", wire.CmdRecall, func(team string) wire.Body {
			return &wire.RecallRequest{Scene: wire.Scene_SCENE_TEAM, Peer: team, Seq: 3}
		}},
		{"recall an event", "", wire.CmdRecall, func(team string) wire.Body {
			return &wire.RecallRequest{Scene: wire.Scene_SCENE_TEAM, Peer: team, Seq: 1}
		}},
	} {
		for role, p := range roles {
			w.account("guest")
			team := w.team(roles["owner"], nil, "manager", "other", "member", "plain")
			roles["owner"].ok(wire.CmdSetTeamManagers, &wire.SetTeamManagersRequest{Team: team, Accounts: []string{"manager", "other"}, Manager: true}, nil)
			if _, err := w.app.Send(t.Context(), w.tenant.AppKey, &wire.Message{Scene: wire.Scene_SCENE_TEAM, From: "plain", To: team, Body: "mine"}); err != nil {
				t.Fatal(err)
			}
			want := wire.CodeOK
			if !slices.Contains(strings.Fields(c.may), role) {
				if want = denied[role]; c.cmd == wire.CmdRecall && role != "stranger" {
					want = wire.CodeForbidden
				}
			}
			in := c.in(team)
			if s, ok := in.(*wire.SendRequest); ok {
				s.ClientId = role + team
			}
			if code := p.do(c.cmd, in, nil); code != want {
				t.Errorf("%s by %s: %v, want %v", c.what, role, code, want)
			}
		}
	}
}

func TestMutedMembersCannotSend(t *testing.T) {
	w := shared.newTenant(t, state.Limits{})
	alice, bob := w.login("alice"), w.login("bob")
	team := w.team(alice, nil, "bob")
	mute := func(muted bool) {
		alice.ok(wire.CmdMuteTeamMembers, &wire.MuteTeamMembersRequest{Team: team, Accounts: []string{"bob"}, Muted: muted}, nil)
	}
	all := func(m wire.TeamMute) { alice.ok(wire.CmdMuteTeam, &wire.MuteTeamRequest{Team: team, Mute: m}, nil) }
	mute(true)
	bob.refused(wire.CodeTeamMuted, wire.CmdSend, teamText(team, "1", "x"))
	mute(false)
	bob.ok(wire.CmdSend, teamText(team, "1", "x"), nil)
	all(wire.TeamMute_TEAM_MUTE_MEMBERS)
	bob.refused(wire.CodeTeamMuted, wire.CmdSend, teamText(team, "2", "x"))
	alice.ok(wire.CmdSend, teamText(team, "2", "x"), nil)
	all(wire.TeamMute_TEAM_MUTE_ALL)
	alice.refused(wire.CodeTeamMuted, wire.CmdSend, teamText(team, "3", "x"))
	all(wire.TeamMute_TEAM_MUTE_NONE)
	bob.ok(wire.CmdSend, teamText(team, "2", "x"), nil)
}

func TestTeamRequestsAreChecked(t *testing.T) {
	w := shared.newTenant(t, state.Limits{MaxTeamMembers: 3, MaxTeams: 2})
	alice := w.login("alice")
	for _, name := range []string{"bob", "carol", "dave"} {
		w.account(name)
	}
	team := w.team(alice, nil, "bob")
	long := func(n int) string { return strings.Repeat("x", n+1) }
	many := make([]string, 201)
	for i := range many {
		many[i] = fmt.Sprint("m", i)
	}
	create := func(c *wire.TeamChanges, members ...string) wire.Body {
		return &wire.CreateTeamRequest{ClientId: "c", Team: c, Members: members}
	}
	update := func(c *wire.TeamChanges) wire.Body { return &wire.UpdateTeamRequest{Team: team, Changes: c} }
	for i, c := range []struct {
		code wire.Code
		cmd  wire.Command
		in   wire.Body
	}{
		{wire.CodeBadParameter, wire.CmdCreateTeam, create(nil)},
		{wire.CodeBadParameter, wire.CmdCreateTeam, create(&wire.TeamChanges{})},
		{wire.CodeBadParameter, wire.CmdCreateTeam, create(&wire.TeamChanges{Name: proto.String(long(maxTeamName))})},
		{wire.CodeBadParameter, wire.CmdCreateTeam, &wire.CreateTeamRequest{Team: &wire.TeamChanges{Name: proto.String("x")}}},
		{wire.CodeBadParameter, wire.CmdCreateTeam, create(&wire.TeamChanges{Name: proto.String("x")}, "alice")},
		{wire.CodeBadParameter, wire.CmdCreateTeam, create(&wire.TeamChanges{Name: proto.String("x"), MemberLimit: proto.Uint32(4)})},
		{wire.CodeTeamFull, wire.CmdCreateTeam, create(&wire.TeamChanges{Name: proto.String("x")}, "bob", "carol", "dave")},
		{wire.CodeBadParameter, wire.CmdUpdateTeam, update(nil)},
		{wire.CodeBadParameter, wire.CmdUpdateTeam, update(&wire.TeamChanges{})},
		{wire.CodeBadParameter, wire.CmdUpdateTeam, update(&wire.TeamChanges{Intro: proto.String(long(maxTeamIntro))})},
		{wire.CodeBadParameter, wire.CmdUpdateTeam, update(&wire.TeamChanges{Announcement: proto.String("\xff")})},
		{wire.CodeBadParameter, wire.CmdUpdateTeam, update(&wire.TeamChanges{JoinMode: wire.TeamJoinMode(3).Enum()})},
		{wire.CodeTeamFull, wire.CmdInviteTeam, &wire.InviteTeamRequest{Team: team, Accounts: []string{"carol", "dave"}}},
		{wire.CodeBadParameter, wire.CmdInviteTeam, &wire.InviteTeamRequest{Team: team, Accounts: many}},
		{wire.CodeBadParameter, wire.CmdInviteTeam, &wire.InviteTeamRequest{Team: team, Accounts: []string{"carol"}, Note: long(maxTeamNote)}},
		{wire.CodeBadParameter, wire.CmdKickTeam, &wire.KickTeamRequest{Team: team}},
		{wire.CodeBadParameter, wire.CmdKickTeam, &wire.KickTeamRequest{Team: "team", Accounts: []string{"bob"}}},
		{wire.CodeTeamMissing, wire.CmdKickTeam, &wire.KickTeamRequest{Team: "99999999", Accounts: []string{"bob"}}},
		{wire.CodeBadParameter, wire.CmdSetTeamManagers, &wire.SetTeamManagersRequest{Team: team, Accounts: many[:11]}},
		{wire.CodeNotInTeam, wire.CmdSetTeamManagers, &wire.SetTeamManagersRequest{Team: team, Accounts: []string{"carol"}}},
		{wire.CodeBadParameter, wire.CmdMuteTeam, &wire.MuteTeamRequest{Team: team, Mute: 2}},
		{wire.CodeNotInTeam, wire.CmdTransferTeam, &wire.TransferTeamRequest{Team: team, To: "carol"}},
		{wire.CodeBadParameter, wire.CmdUpdateTeamMember, &wire.UpdateTeamMemberRequest{Team: team}},
		{wire.CodeBadParameter, wire.CmdUpdateTeamMember, &wire.UpdateTeamMemberRequest{Team: team, Changes: &wire.TeamMemberChanges{Nick: proto.String(long(maxTeamNick))}}},
		{wire.CodeBadParameter, wire.CmdTeams, &wire.TeamsRequest{}},
		{wire.CodeBadParameter, wire.CmdTeams, &wire.TeamsRequest{Teams: []string{"0"}}},
		{wire.CodeBadParameter, wire.CmdTeamMembers, &wire.TeamMembersRequest{Team: team, Limit: 201}},
		{wire.CodeAlreadyInTeam, wire.CmdJoinTeam, &wire.JoinTeamRequest{Team: team}},
		{wire.CodeBadParameter, wire.CmdSend, &wire.SendRequest{Scene: wire.Scene_SCENE_TEAM, To: team, ClientId: "x", Body: "x", Mentions: many[:51]}},
	} {
		if code := alice.do(c.cmd, c.in, nil); code != c.code {
			t.Errorf("%d %v %v: %v, want %v", i, c.cmd, c.in, code, c.code)
		}
	}
	w.team(alice, nil)
	alice.refused(wire.CodeTooManyTeams, wire.CmdCreateTeam, create(&wire.TeamChanges{Name: proto.String("third")}))
}

func TestCreatingATeamAgainIsTheSameTeam(t *testing.T) {
	w := shared.newTenant(t, state.Limits{})
	alice := w.login("alice")
	in := &wire.CreateTeamRequest{ClientId: "once", Team: &wire.TeamChanges{Name: proto.String("x")}}
	var first, second wire.CreateTeamResponse
	alice.ok(wire.CmdSend, text("alice", "once", "an id may be used for a message too"), nil)
	alice.ok(wire.CmdCreateTeam, in, &first)
	alice.ok(wire.CmdCreateTeam, in, &second)
	if first.Team == "" || first.Team != second.Team {
		t.Errorf("teams %q and %q", first.Team, second.Team)
	}
}

// TestAnotherTenantReachesNoTeam although it knows the number and has accounts of
// the same names.
func TestAnotherTenantReachesNoTeam(t *testing.T) {
	w, other := shared.newTenant(t, state.Limits{}), shared.newTenant(t, state.Limits{})
	alice, bob := w.login("alice"), w.login("bob")
	team := w.team(alice, &wire.TeamChanges{JoinMode: wire.TeamJoinMode_TEAM_JOIN_FREE.Enum()}, "bob")
	bob.state(team, isMember)
	bob.entry(team, 1)
	intruder := other.login("alice")
	for cmd, in := range map[wire.Command]wire.Body{
		wire.CmdSend: teamText(team, "1", "x"), wire.CmdHistory: &wire.HistoryRequest{Scene: wire.Scene_SCENE_TEAM, Peer: team},
		wire.CmdJoinTeam: &wire.JoinTeamRequest{Team: team}, wire.CmdTeamMembers: &wire.TeamMembersRequest{Team: team},
		wire.CmdKickTeam: &wire.KickTeamRequest{Team: team, Accounts: []string{"bob"}}, wire.CmdDismissTeam: &wire.DismissTeamRequest{Team: team},
		wire.CmdRead: &wire.ReadRequest{Scene: wire.Scene_SCENE_TEAM, Peer: team, Seq: 1},
	} {
		intruder.refused(wire.CodeTeamMissing, cmd, in)
	}
	var out wire.TeamsResponse
	intruder.ok(wire.CmdTeams, &wire.TeamsRequest{Teams: []string{team}}, &out)
	if len(out.Teams) > 0 {
		t.Errorf("teams %v", &out)
	}
	w.settle(t)
	bob.quiet()
	intruder.quiet()
}

// TestConcurrentSendersInATeamAreSeenAlike: every member sees the same entries in
// the same order without a gap, and each sender its own in the order it sent.
func TestConcurrentSendersInATeamAreSeenAlike(t *testing.T) {
	w := shared.newTenant(t, state.Limits{RequestBurst: 1000})
	const senders, each = 5, 40
	all := []*peer{w.login("s0")}
	var names []string
	for i := 1; i < senders; i++ {
		names = append(names, fmt.Sprint("s", i))
		all = append(all, w.login(names[i-1]))
	}
	watcher := w.loginOn("s1", "desk", wire.Platform_PLATFORM_PC)
	team := w.team(all[0], nil, names...)
	var wait sync.WaitGroup
	for i, p := range all {
		wait.Go(func() {
			for n := range each {
				p.start(wire.CmdSend, teamText(team, fmt.Sprint(n), fmt.Sprint(i, " ", n)))
			}
		})
	}
	wait.Wait()
	watcher.state(team, isMember)
	watcher.event(team, 1, wire.TeamEventKind_TEAM_EVENT_CREATED, names...)
	next := make([]int, senders)
	var log []string
	for seq := uint64(2); seq < 2+senders*each; seq++ {
		m := watcher.entry(team, seq)
		var from, n int
		if _, err := fmt.Sscan(m.Body, &from, &n); err != nil || n != next[from] {
			t.Fatalf("entry %d is %q, want number %d", seq, m.Body, next[from])
		}
		next[from]++
		log = append(log, m.Body)
	}
	var history wire.HistoryResponse
	all[0].ok(wire.CmdHistory, &wire.HistoryRequest{Scene: wire.Scene_SCENE_TEAM, Peer: team, FromSeq: 2}, &history)
	for i, m := range history.Messages {
		if m.Body != log[i] {
			t.Fatalf("history has %q at %d, pushed was %q", m.Body, i, log[i])
		}
	}
}

// TestTeamsOutliveTheNode: after a restart every device finds by sync, history
// and members what was there before.
func TestTeamsOutliveTheNode(t *testing.T) {
	dir := t.TempDir()
	n, stop, err := startNode(dir)
	if err != nil {
		t.Fatal(err)
	}
	w := n.newTenant(t, state.Limits{})
	alice := w.login("alice")
	team := w.team(alice, nil, "bob", "carol")
	for i := range 20 {
		alice.ok(wire.CmdSend, teamText(team, fmt.Sprint(i), "x"), nil)
	}
	alice.ok(wire.CmdKickTeam, &wire.KickTeamRequest{Team: team, Accounts: []string{"carol"}}, nil)
	look := func(w *world) (seen []string) {
		for _, name := range []string{"alice", "bob", "carol"} {
			p := w.login(name)
			var sync wire.SyncResponse
			p.ok(wire.CmdSync, &wire.SyncRequest{}, &sync)
			for _, c := range sync.Conversations {
				seen = append(seen, c.String())
			}
			if name == "carol" {
				continue
			}
			var history wire.HistoryResponse
			p.ok(wire.CmdHistory, &wire.HistoryRequest{Scene: wire.Scene_SCENE_TEAM, Peer: team}, &history)
			var members wire.TeamMembersResponse
			p.ok(wire.CmdTeamMembers, &wire.TeamMembersRequest{Team: team}, &members)
			seen = append(seen, fmt.Sprint(len(history.Messages), history.Messages[len(history.Messages)-1].Id, members.Members))
		}
		return seen
	}
	before := look(w)
	stop()
	again, stop, err := startNode(dir)
	if err != nil {
		t.Fatal(err)
	}
	defer stop()
	w.node = again
	if after := look(w); !slices.Equal(before, after) || len(after) != 5 {
		t.Errorf("after the restart:\n%q\nbefore:\n%q", after, before)
	}
	w.login("bob").ok(wire.CmdSend, teamText(team, "new", "x"), nil)
}
