package fanout

import (
	"fmt"
	"testing"

	"google.golang.org/protobuf/proto"

	"github.com/yizhan-im/yizhan/appliance/session"
	"github.com/yizhan-im/yizhan/appliance/state"
	"github.com/yizhan-im/yizhan/appliance/wire"
)

func teamEntry(from string, seq uint64) *wire.Message {
	return &wire.Message{Scene: wire.Scene_SCENE_TEAM, From: from, To: "7", Body: "hello", Seq: seq, Id: 9, TimeMs: 8}
}

func sentToTeam(m *wire.Message, origin uint64, members ...string) *state.SendResult {
	r := sent(m, origin)
	r.Team, r.Members = 7, members
	return r
}

func TestTeamMessageGoesToItsMembersButItsOrigin(t *testing.T) {
	s := newSite(nil)
	s.login(t, 1, 1, "alice")
	s.login(t, 2, 1, "alice")
	s.login(t, 3, 1, "bob")
	s.login(t, 4, 1, "carol") // no member
	s.login(t, 5, 2, "bob")   // of another tenant
	s.login(t, 6, 1, "7")     // an account named like the team
	m := teamEntry("alice", 1)
	s.Deliver([]any{sentToTeam(m, 1, "alice", "away", "bob")})
	s.received(t, 1)
	s.received(t, 2, m)
	s.received(t, 3, m)
	for id := uint64(4); id <= 6; id++ {
		s.received(t, id)
	}
	if s.conns[2].pushes[0] != s.conns[3].pushes[0] {
		t.Error("an event was made twice")
	}
}

// TestTeamChangeIsToldInOrder: first to each account what it is now, then the
// entries to who is a member now, the origin among them.
func TestTeamChangeIsToldInOrder(t *testing.T) {
	s := newSite(nil)
	for id, account := range []string{"alice", "bob", "carol"} {
		s.login(t, uint64(id+1), 1, account)
	}
	entry := teamEntry("alice", 5)
	encoded, err := entry.MarshalVT()
	if err != nil {
		t.Fatal(err)
	}
	left := &wire.ConversationState{Scene: wire.Scene_SCENE_TEAM, Peer: "7", Team: &wire.TeamState{Standing: wire.TeamStanding_TEAM_STANDING_KICKED}}
	joined := &wire.ConversationState{Scene: wire.Scene_SCENE_TEAM, Peer: "7", FirstSeq: 5, Team: &wire.TeamState{Standing: wire.TeamStanding_TEAM_STANDING_MEMBER}}
	s.Deliver([]any{
		&state.TeamResult{Code: wire.CodeTeamPermission, Tenant: 1, Members: []string{"alice"}},
		&state.TeamResult{
			Code: wire.CodeOK, Tenant: 1, Session: 1, By: "alice", Team: 7, Messages: [][]byte{encoded, encoded}, Members: []string{"alice", "carol"},
			States: []state.TeamAccountState{{Account: "bob", State: left}, {Account: "carol", State: joined}},
		},
	})
	s.received(t, 1, entry, entry)
	for id, want := range map[uint64]*wire.ConversationState{2: left, 3: joined} {
		got := s.conns[id].pushes
		var push wire.TeamStatePush
		if err := push.UnmarshalVT(got[0].Payload); err != nil || got[0].Command != wire.PushTeamState || !proto.Equal(push.State, want) {
			t.Errorf("session %d: %v %v %v", id, got[0].Command, &push, err)
		}
	}
	if len(s.conns[2].pushes) != 1 || len(s.conns[3].pushes) != 3 {
		t.Errorf("%d and %d pushes", len(s.conns[2].pushes), len(s.conns[3].pushes))
	}
}

func TestApplicationGoesToManagers(t *testing.T) {
	s := newSite(nil)
	s.login(t, 1, 1, "alice")
	s.login(t, 2, 1, "bob")
	application := &wire.TeamApplication{Account: "bob", Note: "please"}
	s.Deliver([]any{&state.TeamResult{Code: wire.CodeOK, Tenant: 1, By: "bob", Team: 7, Application: application, Managers: []string{"alice"}}})
	var push wire.TeamApplicationPush
	if err := push.UnmarshalVT(s.conns[1].pushes[0].Payload); err != nil || push.Team != "7" || !proto.Equal(push.Application, application) {
		t.Errorf("push %v %v", &push, err)
	}
	s.received(t, 2)
}

func TestReadCursorInATeamStaysWithItsAccount(t *testing.T) {
	s := newSite(nil)
	s.login(t, 1, 1, "bob")
	s.login(t, 2, 1, "bob")
	s.login(t, 3, 1, "alice")
	s.login(t, 4, 1, "7")
	s.Deliver([]any{&state.ReadResult{Code: wire.CodeOK, Tenant: 1, Session: 1, Reader: "bob", Peer: "7", Team: 7, Seq: 4, TimeMs: 5, Changed: true}})
	want := &wire.ReadPush{Scene: wire.Scene_SCENE_TEAM, Reader: "bob", Peer: "7", Seq: 4, TimeMs: 5}
	var push wire.ReadPush
	if err := push.UnmarshalVT(s.conns[2].pushes[0].Payload); err != nil || !proto.Equal(&push, want) {
		t.Errorf("push %v %v", &push, err)
	}
	for _, id := range []uint64{1, 3, 4} {
		if len(s.conns[id].pushes) != 0 {
			t.Errorf("session %d was told", id)
		}
	}
}

// BenchmarkDeliverTeam is one message to a team, of whose members some are
// online with one device, as far as their connections' queues.
func BenchmarkDeliverTeam(b *testing.B) {
	for _, c := range []struct{ members, online int }{{200, 20}, {200, 200}, {500, 0}, {500, 50}, {500, 500}, {2000, 2000}} {
		b.Run(fmt.Sprintf("members=%d/online=%d", c.members, c.online), func(b *testing.B) {
			hub := session.NewHub()
			members := make([]string, c.members)
			for i := range members {
				members[i] = fmt.Sprintf("account%04d", i)
			}
			for i := range 100_000 { // others, so that the maps have their usual size
				login(b, hub, uint64(1_000_000+i), fmt.Sprintf("other%06d", i))
			}
			for i := range c.online {
				login(b, hub, uint64(i+1), members[i*c.members/c.online])
			}
			f := New(hub, nil)
			results := []any{sentToTeam(teamEntry("alice", 1), 0, members...)}
			b.ReportAllocs()
			for b.Loop() {
				f.Deliver(results)
			}
			b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N*c.members), "ns/member")
		})
	}
}

func login(b *testing.B, hub *session.Hub, id uint64, account string) {
	b.Helper()
	_, _, err := hub.Login(session.NewSession(discard{}), &session.Identity{
		SessionID: id, Tenant: 1, Account: account, DeviceID: fmt.Sprint(id),
	}, session.PolicyAll)
	if err != nil {
		b.Fatal(err)
	}
}
