package matrix

import (
	"testing"

	"google.golang.org/protobuf/proto"

	"github.com/yizhan-im/yizhan/appliance/wire"
)

// newTeam makes a team of owner with members that are not asked, as the tenant's
// backend, and returns its id.
func (s *site) newTeam(owner string, members ...string) string {
	s.t.Helper()
	var made struct{ Tid string }
	s.backend.ok(&made, "team/create", "tname", "t3xt team", "owner", owner, "members", list(members...), "msg", "t3xt", "magree", "0", "joinmode", "1")
	return made.Tid
}

// TestTeamLife: made, accepted, written in, applied for, left and dismissed; every
// member's device sees the log in its order, and what only concerns itself.
func TestTeamLife(t *testing.T) {
	run(t, func(s *site) {
		s.accounts("alice", "bob", "carol")
		alice, bob, carol := s.here("alice"), s.there("bob"), s.there("carol")
		var state wire.TeamStatePush
		var push wire.MessagePush

		var made wire.CreateTeamResponse
		request := &wire.CreateTeamRequest{
			ClientId: "c1", Members: []string{"bob", "nobody"}, Note: "t3xt 你好 \"<&>\"",
			Team: &wire.TeamChanges{Name: proto.String("t3xt 你好"), JoinMode: wire.TeamJoinMode_TEAM_JOIN_VERIFY.Enum(), WholeHistory: proto.Bool(false)},
		}
		if alice.ok(wire.CmdCreateTeam, request, &made); made.Team == "" || len(made.Failed) != 1 {
			s.t.Fatalf("made %v", &made)
		}
		var again wire.CreateTeamResponse
		if alice.ok(wire.CmdCreateTeam, request, &again); again.Team != made.Team {
			s.t.Errorf("made again: %v, first %v", &again, &made)
		}
		team := made.Team
		alice.next(wire.PushTeamState, &state)
		if alice.next(wire.PushMessage, &push); push.Message.Event.GetKind() != wire.TeamEventKind_TEAM_EVENT_CREATED || push.Message.Event.Changes.GetName() != "t3xt 你好" {
			s.t.Errorf("alice got %v", &push)
		}
		if bob.next(wire.PushTeamState, &state); state.State.Team.Standing != wire.TeamStanding_TEAM_STANDING_INVITED || state.State.Team.Note != "t3xt 你好 \"<&>\"" {
			s.t.Errorf("bob got %v", &state)
		}
		bob.ok(wire.CmdAnswerTeam, &wire.AnswerTeamRequest{Team: team, Accept: true}, nil)
		if bob.next(wire.PushTeamState, &state); state.State.FirstSeq != 2 || state.State.Team.Self.GetInviter() != "alice" {
			s.t.Errorf("bob got %v", &state)
		}
		for _, d := range []*device{alice, bob} {
			if d.next(wire.PushMessage, &push); push.Message.Event.GetKind() != wire.TeamEventKind_TEAM_EVENT_JOINED || push.Message.Seq != 2 {
				s.t.Errorf("%s got %v", d.account, &push)
			}
		}

		var sent wire.SendResponse
		bob.ok(wire.CmdSend, &wire.SendRequest{Scene: wire.Scene_SCENE_TEAM, To: team, ClientId: "m1", Body: "t3xt", Mentions: []string{"alice"}, MentionAll: true}, &sent)
		want := &wire.Message{
			Scene: wire.Scene_SCENE_TEAM, From: "bob", To: team, ClientId: "m1", Body: "t3xt", FromPlatform: s.second.platform(), FromDevice: "bob on " + string(s.second),
			Mentions: []string{"alice"}, MentionAll: true, Seq: 3, Id: sent.Id, TimeMs: sent.TimeMs,
		}
		if alice.next(wire.PushMessage, &push); !proto.Equal(push.Message, want) {
			s.t.Errorf("alice got %v, want %v", push.Message, want)
		}
		carol.none()
		s.backend.ok(nil, "msg/sendMsg", "from", "alice", "ope", "1", "to", team, "type", "0", "body", `{"msg":"t3xt of the backend"}`)
		for _, d := range []*device{alice, bob} {
			if d.next(wire.PushMessage, &push); push.Message.Seq != 4 || push.Message.FromPlatform != wire.Platform_PLATFORM_REST {
				s.t.Errorf("%s got %v", d.account, &push)
			}
		}

		var joined wire.JoinTeamResponse
		if carol.ok(wire.CmdJoinTeam, &wire.JoinTeamRequest{Team: team, Note: "t3xt"}, &joined); joined.Standing != wire.TeamStanding_TEAM_STANDING_APPLIED {
			s.t.Errorf("joining: %v", &joined)
		}
		var application wire.TeamApplicationPush
		if alice.next(wire.PushTeamApplication, &application); application.Team != team || application.Application.Account != "carol" {
			s.t.Errorf("alice got %v", &application)
		}
		bob.none(wire.PushTeamApplication)
		var waiting wire.TeamApplicationsResponse
		if alice.ok(wire.CmdTeamApplications, &wire.TeamApplicationsRequest{Team: team}, &waiting); len(waiting.Applications) != 1 || waiting.Applications[0].Note != "t3xt" {
			s.t.Errorf("applications %v", &waiting)
		}
		alice.ok(wire.CmdAnswerTeam, &wire.AnswerTeamRequest{Team: team, Account: "carol"}, nil)
		for _, standing := range []wire.TeamStanding{wire.TeamStanding_TEAM_STANDING_APPLIED, wire.TeamStanding_TEAM_STANDING_REFUSED} {
			if carol.next(wire.PushTeamState, &state); state.State.Team.Standing != standing {
				s.t.Errorf("carol got %v, want %v", &state, standing)
			}
		}

		var sync wire.SyncResponse
		if bob.ok(wire.CmdSync, &wire.SyncRequest{}, &sync); len(sync.Conversations) != 1 || sync.Conversations[0].LastSeq != 4 || sync.Conversations[0].FirstSeq != 2 {
			s.t.Errorf("bob's sync %v", &sync)
		}
		var history wire.HistoryResponse
		if bob.ok(wire.CmdHistory, &wire.HistoryRequest{Scene: wire.Scene_SCENE_TEAM, Peer: team, FromSeq: 1, ToSeq: 3}, &history); len(history.Messages) != 2 || !proto.Equal(history.Messages[1], want) {
			s.t.Errorf("bob's history %v", &history)
		}
		var members wire.TeamMembersResponse
		if bob.ok(wire.CmdTeamMembers, &wire.TeamMembersRequest{Team: team}, &members); len(members.Members) != 2 {
			s.t.Errorf("members %v", &members)
		}
		var teams wire.TeamsResponse
		if bob.ok(wire.CmdTeams, &wire.TeamsRequest{Teams: []string{team}}, &teams); len(teams.Teams) != 1 || teams.Teams[0].Members != 2 {
			s.t.Errorf("teams %v", &teams)
		}

		bob.ok(wire.CmdLeaveTeam, &wire.LeaveTeamRequest{Team: team}, nil)
		if bob.next(wire.PushTeamState, &state); state.State.Team.Standing != wire.TeamStanding_TEAM_STANDING_LEFT {
			s.t.Errorf("bob got %v", &state)
		}
		bob.refused(wire.CodeNotInTeam, wire.CmdHistory, &wire.HistoryRequest{Scene: wire.Scene_SCENE_TEAM, Peer: team})
		alice.ok(wire.CmdDismissTeam, &wire.DismissTeamRequest{Team: team}, nil)
		alice.refused(wire.CodeTeamMissing, wire.CmdSend, &wire.SendRequest{Scene: wire.Scene_SCENE_TEAM, To: team, ClientId: "m9", Body: "t3xt"})
	})
}

// teamActs are what can be done to a team of owner, manager, manager2, member and
// member2; outsider and guest are none of it. codes are the answers to the owner, a
// manager, a member and an outsider.
var teamActs = []struct {
	name  string
	act   func(team, by string) act
	codes [4]wire.Code
}{
	{"dismiss", func(team, by string) act {
		return act{wire.CmdDismissTeam, &wire.DismissTeamRequest{Team: team}, "team/remove", []string{"tid", team, "owner", by}}
	}, [4]wire.Code{200, 802, 802, 804}},
	{"rename", func(team, by string) act {
		return act{wire.CmdUpdateTeam, &wire.UpdateTeamRequest{Team: team, Changes: &wire.TeamChanges{Name: proto.String("t3xt")}}, "team/update", []string{"tid", team, "owner", by, "tname", "t3xt"}}
	}, [4]wire.Code{200, 200, 802, 804}},
	{"join mode", func(team, by string) act {
		return act{wire.CmdUpdateTeam, &wire.UpdateTeamRequest{Team: team, Changes: &wire.TeamChanges{JoinMode: wire.TeamJoinMode_TEAM_JOIN_CLOSED.Enum()}}, "team/update", []string{"tid", team, "owner", by, "joinmode", "2"}}
	}, [4]wire.Code{200, 200, 802, 804}},
	{"invite", func(team, by string) act {
		return act{wire.CmdInviteTeam, &wire.InviteTeamRequest{Team: team, Accounts: []string{"guest"}}, "team/add", []string{"tid", team, "owner", by, "members", list("guest"), "magree", "1", "msg", "t3xt"}}
	}, [4]wire.Code{200, 200, 802, 804}},
	{"kick a member", kickAct("member2"), [4]wire.Code{200, 200, 802, 804}},
	{"kick a manager", kickAct("manager2"), [4]wire.Code{200, 802, 802, 804}},
	{"transfer", func(team, by string) act {
		return act{wire.CmdTransferTeam, &wire.TransferTeamRequest{Team: team, To: "member2"}, "team/changeOwner", []string{"tid", team, "owner", by, "newowner", "member2", "leave", "2"}}
	}, [4]wire.Code{200, 802, 802, 804}},
	{"make a manager", func(team, by string) act {
		return act{wire.CmdSetTeamManagers, &wire.SetTeamManagersRequest{Team: team, Accounts: []string{"member2"}, Manager: true}, "team/addManager", []string{"tid", team, "owner", by, "members", list("member2")}}
	}, [4]wire.Code{200, 802, 802, 804}},
	{"unmake a manager", func(team, by string) act {
		return act{wire.CmdSetTeamManagers, &wire.SetTeamManagersRequest{Team: team, Accounts: []string{"manager2"}}, "team/removeManager", []string{"tid", team, "owner", by, "members", list("manager2")}}
	}, [4]wire.Code{200, 802, 802, 804}},
	{"mute a member", muteAct("member2"), [4]wire.Code{200, 200, 802, 804}},
	{"mute a manager", muteAct("manager2"), [4]wire.Code{200, 802, 802, 804}},
	{"mute the team", func(team, by string) act {
		return act{wire.CmdMuteTeam, &wire.MuteTeamRequest{Team: team, Mute: wire.TeamMute_TEAM_MUTE_MEMBERS}, "team/muteTlistAll", []string{"tid", team, "owner", by, "muteType", "1"}}
	}, [4]wire.Code{200, 200, 802, 804}},
	{"name a member", func(team, by string) act {
		return act{
			wire.CmdUpdateTeamMember, &wire.UpdateTeamMemberRequest{Team: team, Account: "member2", Changes: &wire.TeamMemberChanges{Nick: proto.String("t3xt")}},
			"team/updateTeamNick", []string{"tid", team, "owner", by, "accid", "member2", "nick", "t3xt"},
		}
	}, [4]wire.Code{200, 200, 802, 804}},
	{"not be notified", func(team, by string) act {
		return act{
			wire.CmdUpdateTeamMember, &wire.UpdateTeamMemberRequest{Team: team, Changes: &wire.TeamMemberChanges{NotifyOff: proto.Bool(true)}},
			"team/muteTeam", []string{"tid", team, "accid", by, "ope", "1"},
		}
	}, [4]wire.Code{200, 200, 200, 804}},
	{"leave", func(team, by string) act {
		return act{wire.CmdLeaveTeam, &wire.LeaveTeamRequest{Team: team}, "team/leave", []string{"tid", team, "accid", by}}
	}, [4]wire.Code{802, 200, 200, 804}},
	{"send", func(team, by string) act {
		return act{
			wire.CmdSend, &wire.SendRequest{Scene: wire.Scene_SCENE_TEAM, To: team, ClientId: team, Body: "t3xt"},
			"msg/sendMsg", []string{"from", by, "ope", "1", "to", team, "type", "0", "body", `{"msg":"t3xt"}`},
		}
	}, [4]wire.Code{200, 200, 200, 804}},
}

func kickAct(whom string) func(team, by string) act {
	return func(team, by string) act {
		return act{wire.CmdKickTeam, &wire.KickTeamRequest{Team: team, Accounts: []string{whom}}, "team/kick", []string{"tid", team, "owner", by, "member", whom}}
	}
}

func muteAct(whom string) func(team, by string) act {
	return func(team, by string) act {
		return act{wire.CmdMuteTeamMembers, &wire.MuteTeamMembersRequest{Team: team, Accounts: []string{whom}, Muted: true}, "team/muteTlist", []string{"tid", team, "owner", by, "accid", whom, "mute", "1"}}
	}
}

// TestWhoMayDoWhatInATeam: the same roles have the same rights over every way.
func TestWhoMayDoWhatInATeam(t *testing.T) {
	actors(t, func(s *site, do doer) {
		s.accounts("owner", "manager", "manager2", "member", "member2", "outsider", "guest")
		for _, test := range teamActs {
			for i, by := range []string{"owner", "manager", "member", "outsider"} {
				team := s.newTeam("owner", "manager", "manager2", "member", "member2")
				s.backend.ok(nil, "team/addManager", "tid", team, "owner", "owner", "members", list("manager", "manager2"))
				if code := do(by, test.act(team, by)); code != test.codes[i] {
					s.t.Errorf("%s, by %s: code %d, want %d", test.name, by, code, test.codes[i])
				}
			}
		}
	})
}

// TestWhoIsMuted: a muted member and a muted team refuse with 812, however the
// message comes.
func TestWhoIsMuted(t *testing.T) {
	actors(t, func(s *site, do doer) {
		s.accounts("owner", "manager", "member", "muted")
		for _, test := range []struct {
			mute  string
			codes [4]wire.Code // of the owner, a manager, a member, a muted one
		}{
			{"0", [4]wire.Code{200, 200, 200, 812}},
			{"1", [4]wire.Code{200, 200, 812, 812}},
			{"3", [4]wire.Code{812, 812, 812, 812}},
		} {
			team := s.newTeam("owner", "manager", "member", "muted")
			s.backend.ok(nil, "team/addManager", "tid", team, "owner", "owner", "members", list("manager"))
			s.backend.ok(nil, "team/muteTlist", "tid", team, "owner", "owner", "accid", "muted", "mute", "1")
			s.backend.ok(nil, "team/muteTlistAll", "tid", team, "owner", "owner", "muteType", test.mute)
			for i, by := range []string{"owner", "manager", "member", "muted"} {
				send := act{
					wire.CmdSend, &wire.SendRequest{Scene: wire.Scene_SCENE_TEAM, To: team, ClientId: team, Body: "t3xt"},
					"msg/sendMsg", []string{"from", by, "ope", "1", "to", team, "type", "0", "body", `{"msg":"t3xt"}`},
				}
				if code := do(by, send); code != test.codes[i] {
					s.t.Errorf("mute %s, by %s: code %d, want %d", test.mute, by, code, test.codes[i])
				}
			}
		}
	})
}
