package fanout

import (
	"errors"
	"fmt"
	"runtime"
	"testing"
	"testing/synctest"

	"google.golang.org/protobuf/proto"

	"github.com/yizhan-im/yizhan/appliance/session"
	"github.com/yizhan-im/yizhan/appliance/state"
	"github.com/yizhan-im/yizhan/appliance/wire"
)

// enter logs a session in whose account is in the given mega-teams.
func (s *site) enter(t testing.TB, id uint64, tenant uint32, account string, teams ...state.MegaTeam) *session.Session {
	t.Helper()
	s.login(t, id, tenant, account)
	for _, found := range s.hub.Sessions(nil, tenant, account) {
		if found.Identity().SessionID != id {
			continue
		}
		if err := s.Enter(found, func() ([]state.MegaTeam, error) { return teams, nil }); err != nil {
			t.Fatal(err)
		}
		return found
	}
	t.Fatal("the session is not in the hub")
	return nil
}

func megaEntryOf(from string, seq, id uint64) *wire.Message {
	m := teamEntry(from, seq)
	m.Id = id
	return m
}

func sentToMega(m *wire.Message, origin uint64) *state.SendResult {
	r := sent(m, origin)
	r.Team, r.Mega, r.ID = 7, true, m.Id
	return r
}

func megaState(account string, standing wire.TeamStanding) state.TeamAccountState {
	return state.TeamAccountState{Account: account, State: &wire.ConversationState{
		Scene: wire.Scene_SCENE_TEAM, Peer: "7", Team: &wire.TeamState{Standing: standing, Mega: true},
	}}
}

// TestMegaTeamsMessagesMeetTheirPlaceInTheLog: in one stream of results a member
// joins, is removed, and messages lie between.
func TestMegaTeamsMessagesMeetTheirPlaceInTheLog(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newSite(nil)
		defer s.Close()
		s.enter(t, 1, 1, "alice", state.MegaTeam{Team: 7, Since: 2})
		s.enter(t, 2, 1, "alice", state.MegaTeam{Team: 7, Since: 2})
		s.enter(t, 3, 1, "bob")
		s.enter(t, 4, 2, "alice") // of another tenant
		joined, kicked := megaState("bob", wire.TeamStanding_TEAM_STANDING_MEMBER), megaState("bob", wire.TeamStanding_TEAM_STANDING_KICKED)
		before, first, second, third := megaEntryOf("alice", 1, 1), megaEntryOf("alice", 2, 3), megaEntryOf("alice", 3, 5), megaEntryOf("alice", 4, 7)
		s.Deliver([]any{
			sentToMega(before, 0), // older than alice's membership
			sentToMega(first, 1),
			&state.TeamResult{Code: wire.CodeOK, Tenant: 1, Team: 7, Mega: true, States: []state.TeamAccountState{joined}},
			sentToMega(second, 1),
			&state.TeamResult{Code: wire.CodeOK, Tenant: 1, Team: 7, Mega: true, States: []state.TeamAccountState{kicked}},
			sentToMega(third, 1),
			&state.TeamResult{Code: wire.CodeTeamPermission, Tenant: 1, Team: 7, Mega: true, States: []state.TeamAccountState{joined}},
		})
		synctest.Wait()
		s.received(t, 1)
		s.received(t, 2, first, second, third)
		s.received(t, 4)
		got := s.conns[3].pushes
		if len(got) != 3 || got[0].Command != wire.PushTeamState || got[1].Command != wire.PushMessage || got[2].Command != wire.PushTeamState {
			t.Errorf("bob got %v", got)
		}
		if got[1] != s.conns[2].pushes[1] {
			t.Error("an event was made twice")
		}
	})
}

func TestMegaTeamIsDismissedForAllWhoAreOnline(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newSite(nil)
		defer s.Close()
		for id, account := range []string{"alice", "bob", "carol"} {
			s.enter(t, uint64(id+1), 1, account, state.MegaTeam{Team: 7})
		}
		gone := megaState("alice", wire.TeamStanding_TEAM_STANDING_DISMISSED)
		gone.State.Version = 9
		s.Deliver([]any{
			&state.TeamResult{Code: wire.CodeOK, Tenant: 1, Team: 7, Mega: true, States: []state.TeamAccountState{gone}, Dismissed: gone.State},
			sentToMega(megaEntryOf("alice", 5, 10), 0),
		})
		synctest.Wait()
		for id := range uint64(3) {
			var push wire.TeamStatePush
			got := s.conns[id+1].pushes
			if len(got) != 1 || push.UnmarshalVT(got[0].Payload) != nil || !proto.Equal(push.State, gone.State) {
				t.Errorf("session %d got %v", id+1, got)
			}
		}
		if n := s.mega.index.len(); n != 0 {
			t.Errorf("%d memberships are left", n)
		}
	})
}

// TestWhoHasLeftGetsNothing also when it left before it entered.
func TestWhoHasLeftGetsNothing(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newSite(nil)
		defer s.Close()
		gone := s.enter(t, 1, 1, "alice", state.MegaTeam{Team: 7})
		s.hub.Remove(gone)
		s.Leave(gone)
		s.Leave(session.NewSession(discard{})) // never logged in
		failed := s.enter(t, 2, 1, "bob")
		if err := s.Enter(failed, func() ([]state.MegaTeam, error) { return nil, errors.New("no disk") }); err == nil {
			t.Error("a read that failed is a success")
		}
		s.hub.Remove(failed)
		s.Leave(failed)
		s.Deliver([]any{sentToMega(megaEntryOf("carol", 1, 2), 0)})
		synctest.Wait()
		s.received(t, 1)
		s.received(t, 2)
		if len(s.mega.index.accounts) != 0 {
			t.Errorf("%d accounts are left", len(s.mega.index.accounts))
		}
	})
}

// TestFullQueueDelaysAndDropsNothing lets more results wait than there is room for
// while nobody takes them.
func TestFullQueueDelaysAndDropsNothing(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newSite(nil)
		defer s.Close()
		s.enter(t, 1, 1, "alice", state.MegaTeam{Team: 7})
		var want []*wire.Message
		var results []any
		for i := range uint64(megaQueue + 100) {
			m := megaEntryOf("bob", i+1, i+1)
			want, results = append(want, m), append(results, sentToMega(m, 0))
		}
		s.Deliver(results)
		synctest.Wait()
		s.received(t, 1, want...)
	})
}

// BenchmarkDeliverMega is one message to a mega-team of which some are online, as
// far as their connections' queues; the time is that of the mega-teams' own
// goroutine, and so bounds what it does to others.
func BenchmarkDeliverMega(b *testing.B) {
	for _, online := range []int{0, 100, 1000, 10_000, 100_000} {
		b.Run(fmt.Sprint("online=", online), func(b *testing.B) {
			hub := session.NewHub()
			f := New(hub, nil)
			for i := range online {
				s := session.NewSession(discard{})
				if _, _, err := hub.Login(s, &session.Identity{SessionID: uint64(i + 1), Tenant: 1, Account: fmt.Sprintf("account%06d", i), DeviceID: "d"}, session.PolicyAll); err != nil {
					b.Fatal(err)
				}
				if err := f.Enter(s, func() ([]state.MegaTeam, error) { return []state.MegaTeam{{Team: 7}}, nil }); err != nil {
					b.Fatal(err)
				}
			}
			runtime.GC()
			result := sentToMega(megaEntryOf("alice", 1, 2), 0)
			b.ReportAllocs()
			for b.Loop() {
				f.mega.deliver(result)
			}
			if online > 0 {
				b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N*online), "ns/member")
			}
		})
	}
}

// BenchmarkEnterMega is what a login costs here, for an account that is in none,
// one or the most mega-teams.
func BenchmarkEnterMega(b *testing.B) {
	for _, n := range []int{0, 1, 100} {
		b.Run(fmt.Sprint("teams=", n), func(b *testing.B) {
			hub := session.NewHub()
			f := New(hub, nil)
			s := session.NewSession(discard{})
			if _, _, err := hub.Login(s, &session.Identity{SessionID: 1, Tenant: 1, Account: "a", DeviceID: "d"}, session.PolicyAll); err != nil {
				b.Fatal(err)
			}
			teams := make([]state.MegaTeam, n)
			for i := range teams {
				teams[i].Team = uint64(i + 1)
			}
			b.ReportAllocs()
			for b.Loop() {
				_ = f.Enter(s, func() ([]state.MegaTeam, error) { return teams, nil })
				f.Leave(s)
			}
		})
	}
}

// TestBusyFromHalfOfTheQueueOn, which leaves the other half to what is under way.
func TestBusyFromHalfOfTheQueueOn(t *testing.T) {
	f := New(session.NewHub(), nil)
	defer f.Close()
	for range megaQueue / 2 {
		f.mega.queue <- nil // nobody takes it: the goroutine starts with the first result
	}
	if f.Busy() {
		t.Error("busy with half of the queue")
	}
	f.mega.queue <- nil
	if !f.Busy() {
		t.Error("not busy with more than half of the queue")
	}
}
