package weblink_test

import (
	"testing"

	"google.golang.org/protobuf/proto"

	"github.com/yizhan-im/yizhan/appliance/state"
	"github.com/yizhan-im/yizhan/appliance/wire"
)

// A team is the same on either transport, in either direction, and for the
// tenant's backend.
func TestTeamsAcrossTransports(t *testing.T) {
	for _, transports := range [][2]string{{onLink, onWeb}, {onWeb, onLink}, {onWeb, onWeb}} {
		t.Run(transports[0]+" to "+transports[1], func(t *testing.T) {
			s := openSite(t, state.Limits{})
			s.account("alice", "bob", "carol")
			alice, _ := s.login(transports[0], "alice", "a", phone)
			bob, _ := s.login(transports[1], "bob", "b", web)
			var state wire.TeamStatePush
			var push wire.MessagePush

			var made wire.CreateTeamResponse
			alice.ok(wire.CmdCreateTeam, &wire.CreateTeamRequest{
				ClientId: "c1", Members: []string{"bob", "nobody"}, Note: "你好 \"<&>\"",
				Team: &wire.TeamChanges{
					Name: proto.String("t3am 你好"), JoinMode: wire.TeamJoinMode_TEAM_JOIN_VERIFY.Enum(), WholeHistory: proto.Bool(false),
				},
			}, &made)
			if made.Team == "" || len(made.Failed) != 1 {
				t.Fatalf("made %v", &made)
			}
			alice.next(wire.PushTeamState, &state)
			alice.next(wire.PushMessage, &push)
			if ev := push.Message.Event; ev.GetKind() != wire.TeamEventKind_TEAM_EVENT_CREATED || ev.Changes.GetName() != "t3am 你好" || ev.Changes.WholeHistory == nil {
				t.Errorf("alice got %v", &push)
			}
			if bob.next(wire.PushTeamState, &state); state.State.Team.Standing != wire.TeamStanding_TEAM_STANDING_INVITED || state.State.Team.Note != "你好 \"<&>\"" {
				t.Errorf("bob got %v", &state)
			}
			bob.ok(wire.CmdAnswerTeam, &wire.AnswerTeamRequest{Team: made.Team, Accept: true}, nil)
			bob.next(wire.PushTeamState, &state)
			if c := state.State; c.Peer != made.Team || c.FirstSeq != 2 || c.Team.Self.GetInviter() != "alice" || c.Team.Self.GetJoinedMs() == 0 {
				t.Errorf("bob got %v", &state)
			}
			for _, u := range []user{alice, bob} {
				if u.next(wire.PushMessage, &push); push.Message.Event.GetKind() != wire.TeamEventKind_TEAM_EVENT_JOINED || push.Message.Seq != 2 {
					t.Errorf("got %v", &push)
				}
			}

			var sent wire.SendResponse
			bob.ok(wire.CmdSend, &wire.SendRequest{
				Scene: wire.Scene_SCENE_TEAM, To: made.Team, ClientId: "m1", Body: "t3xt", Mentions: []string{"alice"}, MentionAll: true,
			}, &sent)
			want := &wire.Message{
				Scene: wire.Scene_SCENE_TEAM, From: "bob", To: made.Team, ClientId: "m1", Body: "t3xt", FromPlatform: web, FromDevice: "b",
				Mentions: []string{"alice"}, MentionAll: true, Seq: 3, Id: sent.Id, TimeMs: sent.TimeMs,
			}
			if alice.next(wire.PushMessage, &push); !proto.Equal(push.Message, want) {
				t.Errorf("alice got %v, want %v", push.Message, want)
			}
			if _, err := s.app.Send(t.Context(), s.appKey, &wire.Message{Scene: wire.Scene_SCENE_TEAM, From: "alice", To: made.Team, Body: "t3xt of the backend"}); err != nil {
				t.Fatal(err)
			}
			for _, u := range []user{alice, bob} {
				if u.next(wire.PushMessage, &push); push.Message.Seq != 4 || push.Message.FromPlatform != wire.Platform_PLATFORM_REST {
					t.Errorf("got %v", &push)
				}
			}

			carol, _ := s.login(transports[1], "carol", "c", web)
			var joined wire.JoinTeamResponse
			carol.ok(wire.CmdJoinTeam, &wire.JoinTeamRequest{Team: made.Team, Note: "n0te"}, &joined)
			carol.next(wire.PushTeamState, &state)
			var application wire.TeamApplicationPush
			alice.next(wire.PushTeamApplication, &application)
			if joined.Standing != wire.TeamStanding_TEAM_STANDING_APPLIED || application.Team != made.Team || application.Application.GetNote() != "n0te" {
				t.Errorf("%v, alice got %v", &joined, &application)
			}
			var list wire.TeamApplicationsResponse
			if alice.ok(wire.CmdTeamApplications, &wire.TeamApplicationsRequest{Team: made.Team}, &list); len(list.Applications) != 1 {
				t.Errorf("applications %v", &list)
			}

			var sync wire.SyncResponse
			bob.ok(wire.CmdSync, &wire.SyncRequest{}, &sync)
			if len(sync.Conversations) != 1 || sync.Conversations[0].LastSeq != 4 || sync.Conversations[0].FirstSeq != 2 || sync.Conversations[0].Scene != wire.Scene_SCENE_TEAM {
				t.Errorf("bob's sync %v", &sync)
			}
			var history wire.HistoryResponse
			bob.ok(wire.CmdHistory, &wire.HistoryRequest{Scene: wire.Scene_SCENE_TEAM, Peer: made.Team, FromSeq: 1, ToSeq: 3}, &history)
			if len(history.Messages) != 2 || history.FirstSeq != 2 || !proto.Equal(history.Messages[1], want) {
				t.Errorf("bob's history %v", &history)
			}
			var members wire.TeamMembersResponse
			if bob.ok(wire.CmdTeamMembers, &wire.TeamMembersRequest{Team: made.Team}, &members); len(members.Members) != 2 {
				t.Errorf("members %v", &members)
			}
			var teams wire.TeamsResponse
			if bob.ok(wire.CmdTeams, &wire.TeamsRequest{Teams: []string{made.Team}}, &teams); len(teams.Teams) != 1 || teams.Teams[0].Members != 2 {
				t.Errorf("teams %v", &teams)
			}
			if code, note := bob.code(wire.CmdDismissTeam, &wire.DismissTeamRequest{Team: made.Team}); code != wire.CodeTeamPermission || note == "" {
				t.Errorf("dismissed by a member: %v %q", code, note)
			}
			if _, err := s.app.ChangeTeam(t.Context(), s.appKey, "alice", true, &wire.KickTeamRequest{Team: made.Team, Accounts: []string{"bob"}}); err != nil {
				t.Fatal(err)
			}
			if bob.next(wire.PushTeamState, &state); state.State.Team.Standing != wire.TeamStanding_TEAM_STANDING_KICKED {
				t.Errorf("bob got %v", &state)
			}
			s.wantNoSecrets()
		})
	}
}
