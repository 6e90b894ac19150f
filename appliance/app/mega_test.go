package app

import (
	"fmt"
	"sync"
	"testing"
	"time"

	"google.golang.org/protobuf/proto"

	"github.com/yizhan-im/yizhan/appliance/state"
	"github.com/yizhan-im/yizhan/appliance/wire"
)

// mega lets owner make a mega-team; members are brought in without being asked.
func (w *world) mega(owner *peer, members ...string) string {
	w.t.Helper()
	for _, name := range members {
		w.account(name)
	}
	var out wire.CreateTeamResponse
	owner.ok(wire.CmdCreateTeam, &wire.CreateTeamRequest{
		ClientId: fmt.Sprint("mega", owner.serial), Mega: true, Members: members,
		Team: &wire.TeamChanges{Name: proto.String("mega"), Consent: wire.TeamConsent_TEAM_CONSENT_NONE.Enum()},
	}, &out)
	if len(out.Failed) > 0 {
		w.t.Fatalf("failed: %v", out.Failed)
	}
	return out.Team
}

// TestLoginsMissNothingOfAMegaTeam: accounts log in while messages are sent and
// while they themselves are removed and brought back. What a sync after the login
// does not have, is pushed: every entry, in its order.
func TestLoginsMissNothingOfAMegaTeam(t *testing.T) {
	w := newNode(t).newTenant(t, state.Limits{RequestsPerSecond: 100_000, RequestBurst: 100_000})
	const (
		logins   = 40
		messages = 400
	)
	var members []string
	for i := range logins {
		members = append(members, fmt.Sprintf("member%02d", i))
	}
	owner, sender := w.login("owner"), w.login("sender")
	team := w.mega(owner, append(members, "sender")...)
	sent := make([]chan struct{}, messages) // closed when so many are sent
	for i := range sent {
		sent[i] = make(chan struct{})
	}
	var working sync.WaitGroup
	var last uint64
	working.Go(func() {
		for i := range messages {
			var out wire.SendResponse
			sender.ok(wire.CmdSend, teamText(team, fmt.Sprint(i), "x"), &out)
			last = out.Seq
			close(sent[i])
		}
	})
	devices := make([]*peer, logins)
	reached := make([]uint64, logins)
	for i, name := range members {
		working.Go(func() {
			<-sent[i*messages/logins]
			if i%4 == 3 { // the owner changes who is a member meanwhile
				account := []string{name}
				if _, err := w.app.ChangeTeam(t.Context(), w.tenant.AppKey, "owner", true, &wire.KickTeamRequest{Team: team, Accounts: account}); err != nil {
					t.Error(err)
				}
				if _, err := w.app.ChangeTeam(t.Context(), w.tenant.AppKey, "owner", true, &wire.InviteTeamRequest{Team: team, Accounts: account}); err != nil {
					t.Error(err)
				}
			}
			p := w.login(name)
			var out wire.SyncResponse
			p.ok(wire.CmdSync, &wire.SyncRequest{}, &out)
			for _, c := range out.Conversations {
				if c.Peer == team && c.Team.Standing == isMember {
					reached[i] = c.LastSeq
				}
			}
			devices[i] = p
		})
	}
	working.Wait()
	for i, p := range devices {
		if p == nil || reached[i] == 0 {
			t.Fatalf("%s has not logged in, or is no member", members[i])
		}
		next := reached[i] + 1
		for next <= last {
			var push wire.MessagePush
			p.nextMessage(&push)
			switch seq := push.Message.Seq; {
			case seq < next: // sync has it, too
			case seq > next:
				t.Fatalf("%s reached %d by its sync and got %d instead of %d", members[i], reached[i], seq, next)
			default:
				next++
			}
		}
	}
}

// nextMessage takes the next push of a message and passes over others.
func (p *peer) nextMessage(out *wire.MessagePush) {
	p.t.Helper()
	found := false
	p.wait(p.t, "message", func() bool {
		for ; p.seen < len(p.pushes) && !found; p.seen++ {
			if ev := p.pushes[p.seen]; ev.Command == wire.PushMessage {
				if err := out.UnmarshalVT(ev.Payload); err != nil {
					p.t.Fatal(err)
				}
				found = true
			}
		}
		return found
	})
}

// TestJanitorCleansUpAMegaTeam without being asked: in the end its members may be in
// as many others as before, and a device that was away has been told.
func TestJanitorCleansUpAMegaTeam(t *testing.T) {
	n := newNode(t)
	w := n.newTenant(t, state.Limits{MaxMegaTeams: 1})
	owner := w.login("owner")
	var members []string
	for i := range 190 {
		members = append(members, fmt.Sprintf("member%03d", i))
	}
	team := w.mega(owner, members...)
	online := w.login(members[7])
	owner.ok(wire.CmdDismissTeam, &wire.DismissTeamRequest{Team: team}, nil)
	online.wait(t, "dismissal", func() bool { // how it became a member may come before
		for _, ev := range online.pushes {
			var push wire.TeamStatePush
			if ev.Command == wire.PushTeamState && push.UnmarshalVT(ev.Payload) == nil && push.State.Team.Standing == wire.TeamStanding_TEAM_STANDING_DISMISSED {
				return true
			}
		}
		return false
	})
	owner.ok(wire.CmdDismissTeam, &wire.DismissTeamRequest{Team: team}, nil) // the answer was lost

	tick := time.NewTicker(5 * time.Millisecond)
	defer tick.Stop()
	deadline := time.After(patience)
	for {
		teams, err := n.app.queries.DismissedMegaTeams(1)
		if err != nil {
			t.Fatal(err)
		}
		if len(teams) == 0 {
			break
		}
		select {
		case <-tick.C:
		case <-deadline:
			t.Fatal("nobody cleans up")
		}
	}
	for _, name := range members[:3] {
		p := w.login(name)
		var out wire.SyncResponse
		p.ok(wire.CmdSync, &wire.SyncRequest{}, &out)
		if len(out.Conversations) != 1 || out.Conversations[0].Team.Standing != wire.TeamStanding_TEAM_STANDING_DISMISSED {
			t.Errorf("sync of %s: %v", name, &out)
		}
		w.mega(p)
		p.refused(wire.CodeTooManyTeams, wire.CmdCreateTeam, &wire.CreateTeamRequest{ClientId: "more", Mega: true, Team: &wire.TeamChanges{Name: proto.String("x")}})
	}
}

// TestMegaTeamsHaveLimitsOfTheirOwn: those of the tenant for the kind of team.
func TestMegaTeamsHaveLimitsOfTheirOwn(t *testing.T) {
	w := shared.newTenant(t, state.Limits{MaxTeamMembers: 3, MaxMegaTeamMembers: 5})
	owner := w.login("owner")
	team, mega := w.team(owner, nil), w.mega(owner)
	for id, want := range map[string]uint32{team: 3, mega: 5} {
		var out wire.TeamsResponse
		owner.ok(wire.CmdTeams, &wire.TeamsRequest{Teams: []string{id}}, &out)
		if len(out.Teams) != 1 || out.Teams[0].MemberLimit != want || out.Teams[0].Mega != (id == mega) {
			t.Errorf("teams %v, want a limit of %d", &out, want)
		}
	}
	for _, test := range []struct {
		team  string
		limit uint32
		code  wire.Code
	}{{team, 4, wire.CodeBadParameter}, {mega, 4, wire.CodeOK}, {mega, 6, wire.CodeBadParameter}, {team, 2, wire.CodeOK}} {
		code := owner.do(wire.CmdUpdateTeam, &wire.UpdateTeamRequest{Team: test.team, Changes: &wire.TeamChanges{MemberLimit: proto.Uint32(test.limit)}}, nil)
		if code != test.code {
			t.Errorf("limit %d of %s: code %d, want %d", test.limit, test.team, code, test.code)
		}
	}
	owner.refused(wire.CodeBadParameter, wire.CmdCreateTeam, &wire.CreateTeamRequest{ClientId: "big", Team: &wire.TeamChanges{Name: proto.String("x"), MemberLimit: proto.Uint32(4)}})
}

// crowded are mega-teams in which too much waits.
type crowded struct{ nobodyWatches }

func (crowded) Busy() bool { return true }

// TestMegaTeamsThatAreBehindTakeNoMore: what would add to it is refused, and nothing
// else is.
func TestMegaTeamsThatAreBehindTakeNoMore(t *testing.T) {
	n := newNode(t)
	w := n.newTenant(t, state.Limits{})
	owner := w.login("owner")
	w.login("other")
	mega := w.mega(owner, "other")
	var plain wire.CreateTeamResponse
	owner.ok(wire.CmdCreateTeam, &wire.CreateTeamRequest{ClientId: "plain", Team: &wire.TeamChanges{Name: proto.String("x")}}, &plain)
	to := func(team, id string) *wire.SendRequest {
		return &wire.SendRequest{Scene: wire.Scene_SCENE_TEAM, To: team, ClientId: id, Body: "hello"}
	}
	owner.ok(wire.CmdSend, to(mega, "1"), nil)

	n.app.mega = crowded{}
	owner.refused(wire.CodeBusy, wire.CmdSend, to(mega, "2"))
	owner.refused(wire.CodeBusy, wire.CmdNotify, &wire.NotifyRequest{Scene: wire.Scene_SCENE_TEAM, To: mega, ClientId: "n", Attach: "x"})
	message := &wire.Message{Scene: wire.Scene_SCENE_TEAM, From: "owner", To: mega, ClientId: "b", Body: "hello"}
	if _, err := n.app.Send(t.Context(), w.tenant.AppKey, message); wire.CodeOf(err) != wire.CodeBusy {
		t.Errorf("the backend's message: %v", err)
	}
	owner.ok(wire.CmdSend, to(plain.Team, "3"), nil)
	owner.ok(wire.CmdSend, text("other", "4", "hello"), nil)
}
