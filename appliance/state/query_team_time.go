package state

import (
	"github.com/yizhan-im/yizhan/appliance/wire"
	"github.com/yizhan-im/yizhan/raftstore"
)

// TeamHistoryByTime is HistoryByTime for the log of a team. With an account only
// what that may read is there, and it must be a member: CodeNotInTeam.
// CodeTeamMissing: there is no such team.
func (q *Queries) TeamHistoryByTime(tenant uint32, account string, team uint64, beginMs, endMs int64, limit int, reverse bool, types []uint32) ([]*wire.Message, error) {
	v := q.snapshot()
	defer v.Close()
	l, from, err := openTeamLogFor(v, tenant, account, team)
	if err != nil {
		return nil, err
	}
	return backendView(l.byTime(from, beginMs, endMs, limit, reverse, types))
}

func openTeamLogFor(v *raftstore.View, tenant uint32, account string, team uint64) (*convLog, uint64, error) {
	if account != "" {
		return openTeamLog(v, tenant, account, team)
	}
	head, err := readHead(v, tenant, team)
	if err != nil {
		return nil, 0, err
	}
	l, err := newLog(v, tenant, team, head.lastSeq)
	return l, 0, err
}

// Membership is what an account is in one of its teams.
type Membership struct {
	Team      *wire.Team
	Self      *wire.TeamMember
	NotifyOff bool
}

// Memberships lists the teams that account is a member of, in the order of their
// creation, without mega-teams. CodeNotFound: there is no such account.
func (q *Queries) Memberships(tenant uint32, account string) (all []Membership, err error) {
	teams, err := q.AccountTeams(tenant, account)
	if err != nil {
		return nil, err
	}
	v := q.snapshot()
	defer v.Close()
	for _, t := range teams {
		if t.Mega {
			continue
		}
		id, _ := ParseTeamID(t.Id)
		row, err := readStanding(v, tenant, account, id)
		if err == errNotInTeam {
			continue // has left meanwhile
		}
		if err != nil {
			return nil, err
		}
		members, err := appendMember(v, nil, tenant, id, account)
		if err != nil {
			return nil, err
		}
		for _, self := range members {
			all = append(all, Membership{Team: t, Self: self, NotifyOff: row.notifyOff})
		}
	}
	return all, nil
}

// TeamMessageShown is TeamMessageByID as a backend may see it.
func (q *Queries) TeamMessageShown(tenant uint32, team, id uint64) (*wire.Message, error) {
	m, err := q.TeamMessageByID(tenant, team, id)
	if err != nil {
		return nil, err
	}
	_, err = backendView([]*wire.Message{m}, nil)
	return m, err
}
