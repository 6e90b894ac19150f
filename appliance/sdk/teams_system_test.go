package sdk_test

import (
	"errors"
	"fmt"
	"path/filepath"
	"slices"
	"sync"
	"testing"

	"google.golang.org/protobuf/proto"

	"github.com/yizhan-im/yizhan/appliance/sdk"
	"github.com/yizhan-im/yizhan/appliance/wire"
)

// newTeam lets a make a team; members are brought in without being asked.
func (a *app) newTeam(changes *wire.TeamChanges, members ...string) sdk.Team {
	a.t.Helper()
	changes.Name, changes.Consent = proto.String("team"), wire.TeamConsent_TEAM_CONSENT_NONE.Enum()
	team, failed, err := a.CreateTeam(a.context(), sdk.NewTeam{Changes: changes, Members: members})
	if err != nil || len(failed) > 0 {
		a.t.Fatal(failed, err)
	}
	return team
}

func (a *app) sendTeam(team sdk.Team, text string) sdk.SendResult {
	a.t.Helper()
	r, err := a.Team(team.ID()).Send(a.context(), sdk.Text(text))
	if err != nil {
		a.t.Fatal(err)
	}
	return r
}

// entries describes what of a team comes up to and with the message last, each
// with its seq; an entry that is not next fails the test.
func (a *app) entries(team sdk.Team, last string) (seen []string) {
	a.t.Helper()
	next := uint64(0)
	for _, event := range a.until("message "+last, func(event sdk.Event) bool {
		m, ok := event.(sdk.TeamMessage)
		return ok && m.Body == last
	}) {
		var m *wire.Message
		what := ""
		switch event := event.(type) {
		case sdk.TeamMessage:
			m, what = event.Message, event.Body
		case sdk.TeamNotice:
			m, what = event.Message, event.Event.Kind.String()
		case sdk.Missing:
			a.t.Errorf("missing %v", event)
		}
		if m == nil || m.To != team.ID() {
			continue
		}
		if next != 0 && m.Seq != next {
			a.t.Errorf("entry %d, want %d", m.Seq, next)
		}
		next = m.Seq + 1
		seen = append(seen, fmt.Sprintf("%d %s", m.Seq, what))
	}
	return seen
}

func (a *app) standing(team sdk.Team, want wire.TeamStanding) *wire.TeamState {
	a.t.Helper()
	var state *wire.TeamState
	a.until(want.String(), func(event sdk.Event) bool {
		s, ok := event.(sdk.TeamStanding)
		if ok && s.Team == team.ID() {
			state = s.State
		}
		return ok && s.Team == team.ID() && s.State.Standing == want
	})
	return state
}

// account makes a further account of the node.
func (n *realNode) account(name string) {
	n.t.Helper()
	token, err := n.node.App().CreateAccount(n.t.Context(), "app", name, "", nil)
	if err != nil {
		n.t.Fatal(err)
	}
	n.tokens[name] = token
}

func TestTeamsThroughARealNode(t *testing.T) {
	n := startNode(t)
	n.account("carol")
	alice, bob := n.app("alice", nil), n.app("bob", nil)
	team := alice.newTeam(&wire.TeamChanges{}, "bob", "carol")
	alice.sendTeam(team, "one")
	bob.sendTeam(team, "two")
	want := []string{"1 TEAM_EVENT_CREATED", "2 one", "3 two"}
	for _, a := range []*app{alice, bob} {
		if got := a.entries(team, "two"); !slices.Equal(got, want) {
			t.Errorf("got %q", got)
		}
	}
	// One who was away gets the same, and so does a second device of it.
	carol, tablet := n.app("carol", nil), n.app("carol", func(o *sdk.Options) { o.Platform = wire.Platform_PLATFORM_WEB })
	for _, a := range []*app{carol, tablet} {
		if got := a.entries(team, "two"); !slices.Equal(got, want) {
			t.Errorf("got %q", got)
		}
	}
	// What one device reads, the other learns.
	if err := carol.Team(team.ID()).MarkRead(carol.context(), 3); err != nil {
		t.Fatal(err)
	}
	tablet.until("read cursor", func(event sdk.Event) bool {
		read, ok := event.(sdk.ReadCursor)
		return ok && read == sdk.ReadCursor{Scene: wire.Scene_SCENE_TEAM, Peer: team.ID(), Seq: 3}
	})

	// Who was kicked gets nothing more, and from the next joining on only.
	if err := team.Kick(alice.context(), "bob"); err != nil {
		t.Fatal(err)
	}
	if s := bob.standing(team, wire.TeamStanding_TEAM_STANDING_KICKED); s.By != "alice" {
		t.Errorf("state %v", s)
	}
	if len(bob.Teams()) != 0 || len(bob.Conversations()) != 0 {
		t.Errorf("bob lists %v and %v", bob.Teams(), bob.Conversations())
	}
	alice.sendTeam(team, "three")
	var refused *wire.Error
	if _, err := bob.Team(team.ID()).Send(bob.context(), sdk.Text("x")); !errors.As(err, &refused) || refused.Code != wire.CodeNotInTeam {
		t.Errorf("sent: %v", err)
	}
	if _, err := team.Invite(alice.context(), "again", "bob"); err != nil {
		t.Fatal(err)
	}
	bob.standing(team, wire.TeamStanding_TEAM_STANDING_MEMBER)
	alice.sendTeam(team, "four")
	if got := bob.entries(team, "four"); !slices.Equal(got, []string{"6 TEAM_EVENT_ADDED", "7 four"}) {
		t.Errorf("bob got %q", got)
	}
	if got := tablet.entries(team, "four"); !slices.Equal(got, []string{"4 TEAM_EVENT_KICKED", "5 three", "6 TEAM_EVENT_ADDED", "7 four"}) {
		t.Errorf("carol's tablet got %q", got)
	}
	if list := bob.Teams(); len(list) != 1 || list[0].Peer != team.ID() || list[0].LastSeq != 7 || list[0].Scene != wire.Scene_SCENE_TEAM {
		t.Errorf("bob lists %v", list)
	}

	if err := team.SetManagers(alice.context(), true, "bob"); err != nil {
		t.Fatal(err)
	}
	bob.until("role", func(event sdk.Event) bool {
		s, ok := event.(sdk.TeamStanding)
		return ok && s.State.Self.GetRole() == wire.TeamRole_TEAM_ROLE_MANAGER
	})
	members, more, err := team.Members(alice.context(), "", 0)
	if err != nil || more || len(members) != 3 || members[1].Role != wire.TeamRole_TEAM_ROLE_MANAGER {
		t.Errorf("members %v %v %v", members, more, err)
	}
	info, err := alice.TeamInfo(alice.context(), team.ID(), "999999")
	if err != nil || len(info) != 1 || info[0].Members != 3 || info[0].Owner != "alice" {
		t.Errorf("info %v %v", info, err)
	}
	if err := team.Dismiss(alice.context()); err != nil {
		t.Fatal(err)
	}
	for _, a := range []*app{bob, tablet} {
		a.standing(team, wire.TeamStanding_TEAM_STANDING_DISMISSED)
	}
}

// TestTeamAsksAndDecides: an invitation that is accepted offline is found by the
// next login, and an application by the managers.
func TestTeamAsksAndDecides(t *testing.T) {
	n := startNode(t)
	alice := n.app("alice", nil)
	team, _, err := alice.CreateTeam(alice.context(), sdk.NewTeam{
		Changes: &wire.TeamChanges{Name: proto.String("x"), JoinMode: wire.TeamJoinMode_TEAM_JOIN_VERIFY.Enum(), WholeHistory: proto.Bool(true)},
		Members: []string{"bob"}, Note: "come",
	})
	if err != nil {
		t.Fatal(err)
	}
	alice.sendTeam(team, "early")
	bob := n.app("bob", nil)
	if s := bob.standing(team, wire.TeamStanding_TEAM_STANDING_INVITED); s.By != "alice" || s.Note != "come" {
		t.Errorf("state %v", s)
	}
	if len(bob.Teams()) != 0 {
		t.Errorf("bob lists %v", bob.Teams())
	}
	if err := bob.Team(team.ID()).Answer(bob.context(), false, "no"); err != nil {
		t.Fatal(err)
	}
	bob.standing(team, wire.TeamStanding_TEAM_STANDING_REFUSED)
	standing, err := bob.Team(team.ID()).Join(bob.context(), "after all")
	if err != nil || standing != wire.TeamStanding_TEAM_STANDING_APPLIED {
		t.Fatal(standing, err)
	}
	alice.until("application", func(event sdk.Event) bool {
		a, ok := event.(sdk.TeamApplication)
		return ok && a.Team == team.ID() && a.Application.Account == "bob" && a.Application.Note == "after all"
	})
	if list, err := team.Applications(alice.context()); err != nil || len(list) != 1 {
		t.Errorf("applications %v %v", list, err)
	}
	if err := team.Decide(alice.context(), "bob", true, ""); err != nil {
		t.Fatal(err)
	}
	bob.standing(team, wire.TeamStanding_TEAM_STANDING_MEMBER)
	alice.sendTeam(team, "late")
	if got := bob.entries(team, "late"); !slices.Equal(got, []string{"1 TEAM_EVENT_CREATED", "2 early", "3 TEAM_EVENT_JOINED", "4 late"}) {
		t.Errorf("bob got %q", got)
	}
}

// TestNodeRestartsWhileATeamChats: several members send at once while the node is
// closed and reopened, and one member's app with it. Every device has the whole
// log in the same order, each sender's messages in the order it sent them.
func TestNodeRestartsWhileATeamChats(t *testing.T) {
	n := startNode(t)
	n.account("carol")
	store, err := sdk.OpenFileStore(filepath.Join(t.TempDir(), "carol"))
	if err != nil {
		t.Fatal(err)
	}
	defer store.Close()
	durable := func(o *sdk.Options) { o.Store = store }
	alice, bob, carol := n.app("alice", nil), n.app("bob", nil), n.app("carol", durable)
	team := alice.newTeam(&wire.TeamChanges{}, "bob", "carol")
	const messages = 100
	half := make(chan struct{}, 2)
	var sending sync.WaitGroup
	for _, a := range []*app{alice, bob} {
		sending.Go(func() {
			for i := range messages {
				if _, err := a.Team(team.ID()).Send(a.context(), sdk.Text(fmt.Sprint(i))); err != nil {
					t.Errorf("message %d: %v", i, err)
					break
				}
				if i == messages/2 {
					half <- struct{}{}
				}
			}
		})
	}
	first := carol.entries(team, "10")
	carol.close()
	close(carol.got)
	for event := range carol.got {
		if m, ok := event.(sdk.TeamMessage); ok {
			first = append(first, fmt.Sprintf("%d %s", m.Seq, m.Body))
		}
	}
	<-half
	n.stop()
	n.start()
	carol = n.app("carol", durable)
	sending.Wait()
	alice.sendTeam(team, "end")
	seen := append(first, carol.entries(team, "end")...)
	if len(seen) != 2*messages+2 {
		t.Errorf("carol has %d entries: %q", len(seen), seen)
	}
	for name, a := range map[string]*app{"alice": alice, "bob": bob} {
		if got := a.entries(team, "end"); !slices.Equal(got, seen) {
			t.Errorf("%s has\n%q, carol\n%q", name, got, seen)
		}
	}
}
