package matrix

import (
	"slices"
	"strconv"
	"testing"

	"google.golang.org/protobuf/proto"

	"github.com/yizhan-im/yizhan/appliance/wire"
)

// newMega makes a mega-team as newTeam makes a team.
func (s *site) newMega(owner string, members ...string) string {
	s.t.Helper()
	var made struct{ Tid string }
	s.backend.ok(&made, "superteam/create", "tname", "t3xt mega", "owner", owner, "inviteAccids", list(members...), "msg", "t3xt", "magree", "0", "joinmode", "1")
	return made.Tid
}

// TestMegaTeamLife: who is brought in, written to, muted and removed learns of it,
// and nobody else; the log tells only what all must know.
func TestMegaTeamLife(t *testing.T) {
	run(t, func(s *site) {
		s.accounts("alice", "bob", "carol", "dave")
		alice, bob, carol := s.here("alice"), s.there("bob"), s.there("carol")
		var state wire.TeamStatePush
		var push wire.MessagePush
		member := func(d *device, standing wire.TeamStanding) {
			s.t.Helper()
			if d.next(wire.PushTeamState, &state); state.State.Team.Standing != standing {
				s.t.Errorf("%s got %v, want %v", d.account, &state, standing)
			}
		}
		var made wire.CreateTeamResponse
		alice.ok(wire.CmdCreateTeam, &wire.CreateTeamRequest{
			ClientId: "c1", Mega: true, Members: []string{"bob"},
			Team: &wire.TeamChanges{Name: proto.String("t3xt"), Consent: wire.TeamConsent_TEAM_CONSENT_NONE.Enum()},
		}, &made)
		team := made.Team
		member(alice, wire.TeamStanding_TEAM_STANDING_MEMBER)
		if member(bob, wire.TeamStanding_TEAM_STANDING_MEMBER); !state.State.Team.Mega || state.State.FirstSeq != 1 {
			s.t.Errorf("bob got %v", &state)
		}
		for _, d := range []*device{alice, bob} {
			if d.next(wire.PushMessage, &push); push.Message.Event.GetKind() != wire.TeamEventKind_TEAM_EVENT_CREATED {
				s.t.Errorf("%s got %v", d.account, &push)
			}
		}
		send := func(d *device, text string) {
			s.t.Helper()
			d.ok(wire.CmdSend, &wire.SendRequest{Scene: wire.Scene_SCENE_TEAM, To: team, ClientId: text, Body: text}, nil)
		}
		gets := func(d *device, text string, seq uint64) {
			s.t.Helper()
			if d.next(wire.PushMessage, &push); push.Message.Body != text || push.Message.Seq != seq || push.Message.To != team {
				s.t.Errorf("%s got %v, want %q as %d", d.account, &push, text, seq)
			}
		}
		send(alice, "t3xt 1")
		gets(bob, "t3xt 1", 2)
		alice.ok(wire.CmdInviteTeam, &wire.InviteTeamRequest{Team: team, Accounts: []string{"carol", "dave"}}, nil)
		if member(carol, wire.TeamStanding_TEAM_STANDING_MEMBER); state.State.FirstSeq != 3 || state.State.LastSeq != 2 {
			s.t.Errorf("carol got %v", &state)
		}
		send(bob, "t3xt 2")
		gets(alice, "t3xt 2", 3)
		gets(carol, "t3xt 2", 3)
		var history wire.HistoryResponse
		if carol.ok(wire.CmdHistory, &wire.HistoryRequest{Scene: wire.Scene_SCENE_TEAM, Peer: team}, &history); len(history.Messages) != 1 || history.FirstSeq != 3 {
			s.t.Errorf("carol's history %v", &history)
		}
		alice.ok(wire.CmdSetTeamManagers, &wire.SetTeamManagersRequest{Team: team, Accounts: []string{"bob"}, Manager: true}, nil)
		bob.ok(wire.CmdMuteTeamMembers, &wire.MuteTeamMembersRequest{Team: team, Accounts: []string{"carol", "dave"}, Muted: true}, nil)
		if member(carol, wire.TeamStanding_TEAM_STANDING_MEMBER); !state.State.Team.Self.GetMuted() {
			s.t.Errorf("carol got %v", &state)
		}
		for _, d := range []*device{alice, bob, carol} {
			if d.next(wire.PushMessage, &push); push.Message.Event.GetKind() != wire.TeamEventKind_TEAM_EVENT_MANAGERS_ADDED {
				s.t.Errorf("%s got %v", d.account, &push)
			}
		}
		carol.refused(wire.CodeTeamMuted, wire.CmdSend, &wire.SendRequest{Scene: wire.Scene_SCENE_TEAM, To: team, ClientId: "x", Body: "t3xt"})
		for filter, want := range [][]string{{"alice", "bob", "carol", "dave"}, {"alice", "bob"}, {"carol", "dave"}} {
			var page wire.TeamMembersResponse
			bob.ok(wire.CmdTeamMembers, &wire.TeamMembersRequest{Team: team, Filter: wire.TeamMemberFilter(filter)}, &page)
			var got []string
			for _, m := range page.Members {
				got = append(got, m.Account)
			}
			if !slices.Equal(got, want) {
				s.t.Errorf("members of filter %d: %v, want %v", filter, got, want)
			}
		}
		alice.refused(wire.CodeBadParameter, wire.CmdTeamMembers, &wire.TeamMembersRequest{Team: team, Filter: 3})
		bob.ok(wire.CmdKickTeam, &wire.KickTeamRequest{Team: team, Accounts: []string{"carol"}}, nil)
		member(carol, wire.TeamStanding_TEAM_STANDING_KICKED)
		s.backend.ok(nil, "superteam/sendMsg", "tid", team, "fromAccid", "alice", "type", "0", "body", `{"msg":"t3xt 3"}`)
		gets(alice, "t3xt 3", 5)
		gets(bob, "t3xt 3", 5)
		carol.none(wire.PushMessage)
		alice.refused(wire.CodeTeamReceipt, wire.CmdSend, &wire.SendRequest{Scene: wire.Scene_SCENE_TEAM, To: team, ClientId: "r", Body: "t3xt", Receipt: true})
		var info wire.TeamsResponse
		if carol.ok(wire.CmdTeams, &wire.TeamsRequest{Teams: []string{team}}, &info); len(info.Teams) != 1 || !info.Teams[0].Mega || info.Teams[0].Members != 3 {
			s.t.Errorf("info %v", &info)
		}

		alice.ok(wire.CmdDismissTeam, &wire.DismissTeamRequest{Team: team}, nil)
		member(bob, wire.TeamStanding_TEAM_STANDING_MEMBER) // that it manages the team
		member(bob, wire.TeamStanding_TEAM_STANDING_DISMISSED)
		alice.ok(wire.CmdDismissTeam, &wire.DismissTeamRequest{Team: team}, nil)
		// Who was away learns of it by its sync, whether the team is cleaned up or not.
		dave := s.there("dave")
		var sync wire.SyncResponse
		if dave.ok(wire.CmdSync, &wire.SyncRequest{}, &sync); len(sync.Conversations) != 1 || sync.Conversations[0].Team.Standing != wire.TeamStanding_TEAM_STANDING_DISMISSED || sync.Conversations[0].Team.By != "alice" {
			s.t.Errorf("dave's sync %v", &sync)
		}
		dave.refused(wire.CodeTeamMissing, wire.CmdSend, &wire.SendRequest{Scene: wire.Scene_SCENE_TEAM, To: team, ClientId: "x", Body: "t3xt"})
	})
}

// TestWhoMayDoWhatInAMegaTeam: what TestWhoMayDoWhatInATeam says holds there too.
func TestWhoMayDoWhatInAMegaTeam(t *testing.T) {
	actors(t, func(s *site, do doer) {
		s.accounts("owner", "manager", "manager2", "member", "member2", "outsider", "guest")
		for _, test := range teamActs {
			for i, by := range []string{"owner", "manager", "member", "outsider"} {
				team := s.newMega("owner", "manager", "manager2", "member", "member2")
				s.backend.ok(nil, "superteam/addManager", "tid", team, "owner", "owner", "managerAccids", list("manager", "manager2"))
				if code := do(by, test.act(team, by)); code != test.codes[i] {
					s.t.Errorf("%s, by %s: code %d, want %d", test.name, by, code, test.codes[i])
				}
				s.backend.call("superteam/dismiss", "tid", team, "owner", "owner") // an account is in 100 at most
			}
		}
	})
}

// TestTeamReceipts: who has asked is told, and who has read and not is counted.
func TestTeamReceipts(t *testing.T) {
	run(t, func(s *site) {
		s.accounts("alice", "bob", "carol")
		team := s.newTeam("alice", "bob", "carol")
		alice, bob := s.here("alice"), s.there("bob")
		var sent wire.SendResponse
		alice.ok(wire.CmdSend, &wire.SendRequest{Scene: wire.Scene_SCENE_TEAM, To: team, ClientId: "1", Body: "t3xt", Receipt: true}, &sent)
		var push wire.MessagePush
		if bob.next(wire.PushMessage, &push); !push.Message.Receipt {
			s.t.Errorf("bob got %v", &push)
		}
		bob.ok(wire.CmdRead, &wire.ReadRequest{Scene: wire.Scene_SCENE_TEAM, Peer: team, Seq: sent.Seq}, nil)
		var receipt wire.TeamReceiptPush
		alice.next(wire.PushTeamReceipt, &receipt)
		if receipt.Team != team || receipt.Reader != "bob" || receipt.AfterSeq >= sent.Seq || receipt.Seq != sent.Seq || receipt.TimeMs == 0 {
			s.t.Errorf("alice got %v", &receipt)
		}
		bob.none(wire.PushTeamReceipt)
		var out wire.TeamReceiptsResponse
		alice.ok(wire.CmdTeamReceipts, &wire.TeamReceiptsRequest{Team: team, Seqs: []uint64{sent.Seq}, ListSeq: sent.Seq}, &out)
		if len(out.Receipts) != 1 || out.Receipts[0].Read != 1 || out.Receipts[0].Unread != 1 || !slices.Equal(out.Read, []string{"bob"}) || !slices.Equal(out.Unread, []string{"carol"}) {
			s.t.Errorf("receipts %v", &out)
		}
		var readers struct {
			Data struct {
				ReadSize, UnreadSize     int
				ReadAccids, UnreadAccids []string
			}
		}
		s.backend.ok(&readers, "team/getMarkReadInfo", "tid", team, "msgid", strconv.FormatUint(sent.Id, 10), "fromAccid", "alice")
		if d := readers.Data; d.ReadSize != 1 || d.UnreadSize != 1 || !slices.Equal(d.ReadAccids, out.Read) {
			s.t.Errorf("readers %+v", readers)
		}
		s.backend.ok(nil, "msg/markReadTeamMsg", "accid", "carol", "tid", team, "msgids", "["+strconv.FormatUint(sent.Id, 10)+"]")
		if alice.next(wire.PushTeamReceipt, &receipt); receipt.Reader != "carol" {
			s.t.Errorf("alice got %v", &receipt)
		}
		for _, bad := range []*wire.TeamReceiptsRequest{{Team: team}, {Team: team, Seqs: make([]uint64, 51)}, {Team: "x", ListSeq: 1}} {
			alice.refused(wire.CodeBadParameter, wire.CmdTeamReceipts, bad)
		}
		bob.refused(wire.CodeNotFound, wire.CmdTeamReceipts, &wire.TeamReceiptsRequest{Team: team, ListSeq: sent.Seq})
		alice.refused(wire.CodeBadParameter, wire.CmdSend, &wire.SendRequest{To: "bob", ClientId: "2", Body: "t3xt", Receipt: true})
	})
}
