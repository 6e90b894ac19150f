package fanout

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"testing"

	"pgregory.net/rapid"

	"github.com/yizhan-im/yizhan/appliance/session"
	"github.com/yizhan-im/yizhan/appliance/state"
)

// megaLog is a log of what happens in two mega-teams, of which the store is at the
// end and the stream of results somewhere before it.
type megaLog struct {
	t         *rapid.T
	hub       *session.Hub
	index     *megaIndex
	entries   []megaEntry // entry i has the id i+1
	delivered int
	members   map[string]map[uint64]uint64 // at the end: since when
	online    map[*session.Session]int     // logged in, and how long the log was when that was answered
	devices   int
	depth     int
}

// megaEntry is a message, or a change of what account is to the team.
type megaEntry struct {
	team    uint64
	account string
	joins   bool
	members []string // at this place, of a message
}

var (
	megaAccounts = rapid.SampledFrom([]string{"a", "b"})
	megaTeams    = rapid.SampledFrom([]uint64{1, 2})
)

// step does one thing, which may be a login during which others are done.
func (l *megaLog) step() {
	t := l.t
	account, team := megaAccounts.Draw(t, "account"), megaTeams.Draw(t, "team")
	switch rapid.IntRange(0, 9).Draw(t, "step") {
	case 0, 1, 2:
		_, is := l.members[account][team]
		if is {
			delete(l.members[account], team)
		} else {
			l.members[account][team] = uint64(len(l.entries) + 1)
		}
		l.entries = append(l.entries, megaEntry{team: team, account: account, joins: !is})
	case 3, 4:
		e := megaEntry{team: team}
		for _, name := range slices.Sorted(maps.Keys(l.members)) {
			if _, is := l.members[name][team]; is {
				e.members = append(e.members, name)
			}
		}
		l.entries = append(l.entries, e)
	case 5, 6, 7:
		l.deliver()
	case 8:
		if l.depth < 3 {
			l.login(account)
		}
	case 9:
		if len(l.online) > 0 {
			s := rapid.SampledFrom(slices.SortedFunc(maps.Keys(l.online), func(a, b *session.Session) int {
				return cmp.Compare(a.Identity().SessionID, b.Identity().SessionID)
			})).Draw(t, "session")
			l.hub.Remove(s)
			l.index.leave(s)
			delete(l.online, s)
		}
	}
}

func (l *megaLog) steps() {
	for range rapid.IntRange(0, 4).Draw(l.t, "steps") {
		l.step()
	}
}

func (l *megaLog) login(account string) {
	l.devices++
	s := session.NewSession(discard{})
	_, _, err := l.hub.Login(s, &session.Identity{SessionID: uint64(l.devices), Tenant: 1, Account: account, DeviceID: fmt.Sprint(l.devices)}, session.PolicyAll)
	if err != nil {
		return // too many devices
	}
	l.depth++
	defer func() { l.depth-- }()
	l.steps()
	err = l.index.enter(s, func() (teams []state.MegaTeam, err error) {
		l.steps()
		for team, since := range l.members[account] {
			teams = append(teams, state.MegaTeam{Team: team, Since: since})
		}
		l.steps()
		return teams, nil
	})
	if err != nil {
		l.t.Fatal(err)
	}
	l.online[s] = len(l.entries)
}

// deliver takes the next entry of the stream.
func (l *megaLog) deliver() {
	if l.delivered == len(l.entries) {
		return
	}
	e, id := l.entries[l.delivered], uint64(l.delivered+1)
	l.delivered++
	switch key := (accountKey{1, e.account}); {
	case e.account == "":
		l.check(e, id)
	case e.joins:
		l.index.joined(key, e.team)
	default:
		l.index.left(key, e.team)
	}
}

func (l *megaLog) check(e megaEntry, id uint64) {
	got := l.index.receivers(nil, megaKey{1, e.team}, id)
	seen := map[*session.Session]bool{}
	for _, s := range got {
		if account := s.Identity().Account; !slices.Contains(e.members, account) {
			l.t.Fatalf("entry %d of team %d reaches %s, who is no member at that place", id, e.team, account)
		}
		if seen[s] {
			l.t.Fatalf("entry %d reaches a session twice", id)
		}
		seen[s] = true
	}
	for s, since := range l.online {
		if uint64(since) < id && slices.Contains(e.members, s.Identity().Account) && !seen[s] {
			l.t.Fatalf("entry %d of team %d does not reach session %d of %s, which logged in at %d", id, e.team, s.Identity().SessionID, s.Identity().Account, since)
		}
	}
}

// TestIndexOfMegaTeamsFollowsTheLog lets logins, logouts, changes of members and
// messages meet in any order, with a stream of results that lags behind the store.
// A message reaches exactly who is a member at its place in the log; only a session
// that logs in after it was committed may not get it, since its sync does.
func TestIndexOfMegaTeamsFollowsTheLog(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		hub := session.NewHub()
		l := &megaLog{
			t: t, hub: hub, index: newMegaIndex(hub),
			members: map[string]map[uint64]uint64{"a": {}, "b": {}}, online: map[*session.Session]int{},
		}
		for range 60 {
			l.step()
		}
		for l.delivered < len(l.entries) {
			l.deliver()
		}
		for s := range l.online {
			hub.Remove(s)
			l.index.leave(s)
		}
		if len(l.index.accounts) != 0 || len(l.index.teams) != 0 || l.index.len() != 0 {
			t.Fatalf("with nobody online it still knows %d accounts, %d teams and %d memberships", len(l.index.accounts), len(l.index.teams), l.index.len())
		}
	})
}

// TestDismissedTeamIsForgotten: nothing of it stays, also when a login that read it
// just before ends afterwards.
func TestDismissedTeamIsForgotten(t *testing.T) {
	hub := session.NewHub()
	x := newMegaIndex(hub)
	s := session.NewSession(discard{})
	if _, _, err := hub.Login(s, &session.Identity{SessionID: 1, Tenant: 1, Account: "a", DeviceID: "d"}, session.PolicyAll); err != nil {
		t.Fatal(err)
	}
	err := x.enter(s, func() ([]state.MegaTeam, error) {
		x.joined(accountKey{1, "a"}, 7)
		x.drop(megaKey{1, 7})
		return []state.MegaTeam{{Team: 7}}, nil
	})
	if err != nil || x.len() != 0 || len(x.receivers(nil, megaKey{1, 7}, 9)) != 0 {
		t.Errorf("%d memberships are left, %v", x.len(), err)
	}
	x.leave(s)
	x.leave(s)
	if len(x.accounts) != 0 {
		t.Errorf("%d accounts are left", len(x.accounts))
	}
}
