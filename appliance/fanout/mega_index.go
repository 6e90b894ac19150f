package fanout

import (
	"slices"
	"sync"

	"github.com/yizhan-im/yizhan/appliance/session"
	"github.com/yizhan-im/yizhan/appliance/state"
)

// megaIndex knows, for each mega-team, which of this node's sessions belong to a
// member. It grows with the sessions of this node, never with a team.
//
// Two sources feed it: a login reads the account's mega-teams from the store, and
// the stream of results tells every later change. Neither waits for the other, so
// they are put together by this rule: while a login reads, what the stream says of
// the account is noted, and counts more than what was read. For one team then
//
//   - nothing was noted: what was read is where the stream is, or later. If later,
//     it may have a joining that the stream has still to tell; so a membership that
//     was read has its version, and what is older than that is not pushed. Or it
//     lacks one whose end the stream has still to tell: the client learns of that by
//     its sync.
//   - something was noted: that is where the stream is, exactly.
//
// So nobody gets a message from before he joined or from after he was removed.
// And nobody misses one: what the stream told before the index had the session was
// committed before its login was answered, and the client syncs after that.
type megaIndex struct {
	hub *session.Hub

	mu       sync.Mutex
	teams    map[megaKey]*megaTeam
	accounts map[accountKey]*megaAccount
	members  int // memberships, of all accounts
}

type megaKey struct {
	tenant uint32
	team   uint64
}

type accountKey struct {
	tenant uint32
	name   string
}

type megaTeam struct{ members []*membership }

// megaAccount is an account with sessions on this node that is in a mega-team, or
// of which that is being read.
type megaAccount struct {
	sessions []*session.Session
	teams    map[uint64]*membership
	reads    int                 // logins that read its teams at the moment
	noted    map[uint64]struct{} // teams of which the stream has told while reads > 0
}

// membership is one account's place in one team.
type membership struct {
	account *megaAccount
	since   uint64 // what has a smaller id is older than the membership
	place   int    // in megaTeam.members
}

func newMegaIndex(hub *session.Hub) *megaIndex {
	return &megaIndex{hub: hub, teams: make(map[megaKey]*megaTeam), accounts: make(map[accountKey]*megaAccount)}
}

func keyOf(s *session.Session) accountKey {
	id := s.Identity()
	return accountKey{id.Tenant, id.Account}
}

// enter makes s known, which is in the hub. read tells the mega-teams that its
// account is in, as they are while it is called.
func (x *megaIndex) enter(s *session.Session, read func() ([]state.MegaTeam, error)) error {
	key := keyOf(s)
	a := x.begin(key, s)
	teams, err := read()
	x.mu.Lock()
	defer x.mu.Unlock()
	a.reads--
	for _, t := range teams {
		if _, noted := a.noted[t.Team]; !noted {
			x.join(a, megaKey{key.tenant, t.Team}, t.Since)
		}
	}
	if a.reads == 0 {
		a.noted = nil
	}
	x.tidy(key, a)
	return err
}

// begin adds s to its account, of which somebody reads from now on.
func (x *megaIndex) begin(key accountKey, s *session.Session) *megaAccount {
	x.mu.Lock()
	defer x.mu.Unlock()
	a := x.account(key)
	if !slices.Contains(a.sessions, s) {
		a.sessions = append(a.sessions, s)
	}
	a.reads++
	if a.noted == nil {
		a.noted = make(map[uint64]struct{})
	}
	return a
}

// leave forgets s, which has left the hub. It may be called more than once, and
// for a session that never entered.
func (x *megaIndex) leave(s *session.Session) {
	if s.Identity() == nil {
		return
	}
	key := keyOf(s)
	x.mu.Lock()
	defer x.mu.Unlock()
	a := x.accounts[key]
	if a == nil {
		return
	}
	a.sessions = slices.DeleteFunc(a.sessions, func(o *session.Session) bool { return o == s })
	x.tidy(key, a)
}

// joined and left take what the stream tells of an account.
func (x *megaIndex) joined(key accountKey, team uint64) {
	x.mu.Lock()
	defer x.mu.Unlock()
	a := x.accounts[key]
	if a == nil {
		if a = x.account(key); len(a.sessions) == 0 {
			x.tidy(key, a) // it is not here
			return
		}
	}
	if a.reads > 0 {
		a.noted[team] = struct{}{}
	}
	// What the stream tells from now on is later, even where a login has read that
	// the account has left and joined again.
	x.join(a, megaKey{key.tenant, team}, 0).since = 0
}

func (x *megaIndex) left(key accountKey, team uint64) {
	x.mu.Lock()
	defer x.mu.Unlock()
	a := x.accounts[key]
	if a == nil {
		return
	}
	if a.reads > 0 {
		a.noted[team] = struct{}{}
	}
	x.part(a, megaKey{key.tenant, team})
	x.tidy(key, a)
}

// receivers appends the sessions of those who are members of a team where the log
// has id.
func (x *megaIndex) receivers(dst []*session.Session, key megaKey, id uint64) []*session.Session {
	x.mu.Lock()
	defer x.mu.Unlock()
	t := x.teams[key]
	if t == nil {
		return dst
	}
	for _, m := range t.members {
		if m.since <= id {
			dst = append(dst, m.account.sessions...)
		}
	}
	return dst
}

// drop forgets a team that was dismissed.
func (x *megaIndex) drop(key megaKey) {
	x.mu.Lock()
	defer x.mu.Unlock()
	t := x.teams[key]
	if t == nil {
		return
	}
	for _, m := range t.members {
		delete(m.account.teams, key.team)
		if m.account.reads > 0 {
			m.account.noted[key.team] = struct{}{}
		}
	}
	x.members -= len(t.members)
	delete(x.teams, key)
	// Accounts that are in no team any more go when their last session does.
}

// len is how many memberships there are.
func (x *megaIndex) len() int {
	x.mu.Lock()
	defer x.mu.Unlock()
	return x.members
}

// The rest is called with mu held.

// account finds or makes what is known of an account. A new one may have sessions
// that have entered long ago, when it was in no team. One of them that leaves the
// hub now will ask for mu after that.
func (x *megaIndex) account(key accountKey) *megaAccount {
	a := x.accounts[key]
	if a == nil {
		a = &megaAccount{sessions: x.hub.Sessions(nil, key.tenant, key.name), teams: make(map[uint64]*membership)}
		x.accounts[key] = a
	}
	return a
}

// join makes the account a member since a version, unless it is one.
func (x *megaIndex) join(a *megaAccount, key megaKey, since uint64) *membership {
	if m := a.teams[key.team]; m != nil {
		return m
	}
	t := x.teams[key]
	if t == nil {
		t = new(megaTeam)
		x.teams[key] = t
	}
	m := &membership{account: a, since: since, place: len(t.members)}
	t.members = append(t.members, m)
	a.teams[key.team] = m
	x.members++
	return m
}

func (x *megaIndex) part(a *megaAccount, key megaKey) {
	m := a.teams[key.team]
	if m == nil {
		return
	}
	delete(a.teams, key.team)
	x.members--
	t := x.teams[key]
	last := len(t.members) - 1
	t.members[m.place] = t.members[last]
	t.members[m.place].place = m.place
	t.members[last] = nil
	t.members = t.members[:last]
	if last == 0 {
		delete(x.teams, key)
	}
}

// tidy forgets what is known of an account that has no session left, or of one
// that is in no team and that nobody reads.
func (x *megaIndex) tidy(key accountKey, a *megaAccount) {
	if a.reads > 0 || len(a.sessions) > 0 && len(a.teams) > 0 {
		return
	}
	for team := range a.teams {
		x.part(a, megaKey{key.tenant, team})
	}
	delete(x.accounts, key)
}
