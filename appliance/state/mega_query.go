package state

import (
	"encoding/binary"
	"fmt"
	"slices"

	"github.com/yizhan-im/yizhan/appliance/wire"
	"github.com/yizhan-im/yizhan/raftstore"
)

// MegaTeam is one mega-team of an account.
type MegaTeam struct {
	Team uint64
	// Since is the version of the account's becoming a member: what has a smaller
	// id is older.
	Since uint64
}

// MegaTeams lists the mega-teams that an account is a member of, as they are at one
// moment. It costs one look for an account that is in none.
func (q *Queries) MegaTeams(tenant uint32, account string) ([]MegaTeam, error) {
	v := q.view()
	defer v.Close()
	var counts teamAccountRow
	ok, err := readRow(v, appendAccountKey(nil, tableTeamAccount, tenant, account), counts.decode)
	if err != nil || !ok || counts.mega == 0 {
		return nil, err
	}
	prefix := appendConvPrefix(nil, tableMegaTeam, tenant, account)
	teams := make([]MegaTeam, 0, counts.mega)
	err = scan(v, prefix, prefixEnd(prefix), func(key, stored []byte) error {
		var row megaTeamRow
		if err := row.decode(stored); err != nil {
			return err
		}
		id, err := teamOfKey(key)
		teams = append(teams, MegaTeam{id, row.since})
		return err
	})
	return teams, err
}

// addDismissed adds a mega-team that was dismissed while the account was a member
// of it, as its standing will say once it is cleaned up.
func (p *syncPage) addDismissed(v *raftstore.View, tenant uint32, id uint64, head *teamHead) error {
	var gone megaGoneRow
	// When it is not there, the last piece was cleaned just now: sync may say
	// less than the standing does by now.
	if _, err := readRow(v, appendTeamKey(nil, tableMegaGone, tenant, id), gone.decode); err != nil || head.version <= p.after {
		return err
	}
	state := dismissedState(id, head, gone.by)
	if c := p.slot(state.Version); c != nil {
		delete(p.logs, c) // of the one that had the place before
		c.Scene, c.Peer, c.Version, c.TimeMs, c.Team = state.Scene, state.Peer, state.Version, state.TimeMs, state.Team
		p.placed(c)
	}
	return nil
}

// IsMegaTeam reports whether the team is a mega-team; false when there is none.
func (q *Queries) IsMegaTeam(tenant uint32, team uint64) (bool, error) {
	v := q.view()
	defer v.Close()
	var head teamHead
	_, err := readRow(v, appendTeamKey(nil, tableTeamHead, tenant, team), head.decode)
	return head.mega(), err
}

// DismissedTeam is a mega-team that CleanTeam has work with.
type DismissedTeam struct {
	Tenant uint32
	Team   uint64
}

// DismissedMegaTeams lists at most limit mega-teams of all tenants that were
// dismissed and are not cleaned up.
func (q *Queries) DismissedMegaTeams(limit int) (teams []DismissedTeam, err error) {
	v := q.view()
	defer v.Close()
	prefix := appendTable(nil, tableMegaGone)
	it, err := v.Iter(prefix, prefixEnd(prefix))
	if err != nil {
		return nil, readError(err)
	}
	for ok := it.First(); ok && len(teams) < limit; ok = it.Next() {
		key := it.Key()[len(prefix):]
		if len(key) != 12 {
			err = fmt.Errorf("%w: key %x of a dismissed mega-team", errDamaged, key)
			break
		}
		teams = append(teams, DismissedTeam{binary.BigEndian.Uint32(key), binary.BigEndian.Uint64(key[4:])})
	}
	if closeErr := it.Close(); err == nil {
		err = readError(closeErr)
	}
	return teams, err
}

// passes reports whether the member is one of those that are wanted.
func (m *memberRow) passes(filter wire.TeamMemberFilter) bool {
	switch filter {
	case wire.TeamMemberFilter_TEAM_MEMBERS_MANAGERS:
		return m.role != wire.TeamRole_TEAM_ROLE_MEMBER
	case wire.TeamMemberFilter_TEAM_MEMBERS_MUTED:
		return m.muted
	}
	return true
}

// classOf is the class of members of a mega-team that a filter lets pass, 0 for all.
func classOf(filter wire.TeamMemberFilter) byte {
	switch filter {
	case wire.TeamMemberFilter_TEAM_MEMBERS_MANAGERS:
		return classManager
	case wire.TeamMemberFilter_TEAM_MEMBERS_MUTED:
		return classMuted
	}
	return 0
}

// membersOfClass reads a page of the members of a class of a mega-team.
func membersOfClass(v *raftstore.View, tenant uint32, team uint64, class byte, after string, limit int) (*wire.TeamMembersResponse, error) {
	prefix := appendTeamClass(nil, tenant, team, class)
	it, err := v.Iter(append(slices.Clone(prefix), after...), prefixEnd(prefix))
	if err != nil {
		return nil, readError(err)
	}
	res := new(wire.TeamMembersResponse)
	for ok := it.First(); ok && err == nil; ok = it.Next() {
		name := string(it.Key()[len(prefix):])
		if name == after {
			continue
		}
		if len(res.Members) == limit {
			res.More = true
			break
		}
		res.Members, err = appendMember(v, res.Members, tenant, team, name)
	}
	if closeErr := it.Close(); err == nil {
		err = readError(closeErr)
	}
	return res, err
}

// appendMember appends a member, if it still is one: an index tells what it was a
// moment ago.
func appendMember(v *raftstore.View, dst []*wire.TeamMember, tenant uint32, team uint64, account string) ([]*wire.TeamMember, error) {
	var row memberRow
	ok, err := readRow(v, appendTeamMemberKey(nil, tableTeamMember, tenant, team, account), row.decode)
	if err != nil || !ok {
		return dst, err
	}
	return append(dst, row.member(account)), nil
}

// MegaTeamMembersByTime reads the members of a mega-team in the order of their
// joining, the oldest first, or with reverse the newest: those who have joined at
// fromMs or later, or with reverse at fromMs or earlier, where 0 means now. At most
// limit, 1 to MaxTeamMembersPage. CodeTeamType: the team is no mega-team.
func (q *Queries) MegaTeamMembersByTime(tenant uint32, team uint64, fromMs int64, limit int, reverse bool) ([]*wire.TeamMember, error) {
	v := q.view()
	defer v.Close()
	if err := requireMega(v, tenant, team); err != nil {
		return nil, err
	}
	prefix := appendTeamKey(nil, tableMegaOrder, tenant, team)
	lo, hi := appendU64(slices.Clone(prefix), uint64(max(fromMs, 0))), prefixEnd(prefix)
	if reverse {
		lo = prefix
		if fromMs > 0 {
			hi = appendU64(slices.Clone(prefix), uint64(fromMs)+1)
		}
	}
	it, err := v.Iter(lo, hi)
	if err != nil {
		return nil, readError(err)
	}
	first, next := it.First, it.Next
	if reverse {
		first, next = it.Last, it.Prev
	}
	var members []*wire.TeamMember
	for ok := first(); ok && err == nil && len(members) < min(limit, MaxTeamMembersPage); ok = next() {
		if key := it.Key()[len(prefix):]; len(key) > 8 {
			members, err = appendMember(v, members, tenant, team, string(key[8:]))
		}
	}
	if closeErr := it.Close(); err == nil {
		err = readError(closeErr)
	}
	return members, err
}

// requireMega is nil for a mega-team: CodeTeamMissing, CodeTeamType.
func requireMega(v *raftstore.View, tenant uint32, team uint64) error {
	head, err := readHead(v, tenant, team)
	if err == nil && !head.mega() {
		err = wire.Errorf(wire.CodeTeamType, "the team is not a mega-team")
	}
	return err
}
