package state

import (
	"encoding/binary"
	"fmt"

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
