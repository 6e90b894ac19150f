package state

import (
	"encoding/binary"
	"fmt"

	"github.com/yizhan-im/yizhan/appliance/wire"
	"github.com/yizhan-im/yizhan/raftstore"
)

// MaxTeamMembersPage and MaxTeams bound the pages of TeamMembers and Teams.
const (
	MaxTeamMembersPage = 200
	MaxTeams           = 50
)

// errTeamMissing and errNotInTeam are never changed.
var (
	errTeamMissing = wire.Errorf(wire.CodeTeamMissing, "there is no such team, or it was dismissed")
	errNotInTeam   = wire.Errorf(wire.CodeNotInTeam, "the account is not a member of the team")
)

// teams adds the account's teams that have changed. Every team's head is read,
// as every conversation's row is: that is what saves a write for each member
// when a message is sent.
func (p *syncPage) teams(v *raftstore.View, tenant uint32, account string) error {
	prefix := appendConvPrefix(nil, tableTeamStanding, tenant, account)
	var key, buf []byte
	return scan(v, prefix, prefixEnd(prefix), func(standingKey, stored []byte) error {
		var row standingRow
		if err := row.decode(stored); err != nil {
			return err
		}
		id, err := teamOfKey(standingKey)
		if err != nil {
			return err
		}
		if !row.isMember() {
			if row.version > p.after {
				p.addTeam(&row, id, &teamHead{}, nil)
			}
			return nil
		}
		var head teamHead
		var ok bool
		key = appendTeamKey(key[:0], tableTeamHead, tenant, id)
		if buf, ok, err = v.AppendTo(buf[:0], key); err != nil {
			return readError(err)
		}
		if !ok {
			return fmt.Errorf("%w: member of team %d, which has no head", errDamaged, id)
		}
		if err := head.decode(buf); err != nil {
			return err
		}
		p.notified = max(p.notified, head.notified)
		if max(row.version, head.version, head.applied) <= p.after {
			return nil
		}
		if head.dismissed { // a mega-team that is not cleaned up
			return p.addDismissed(v, tenant, id, &head)
		}
		if low := max(row.version, head.version); low > p.after && p.passes(low) {
			return nil
		}
		self, err := readMember(v, tenant, id, account)
		if err != nil {
			return err
		}
		p.addTeam(&row, id, &head, self)
		return nil
	})
}

// passes reports whether a change of that version, or a later one, does not
// fit the page, and notes that.
func (p *syncPage) passes(version uint64) bool {
	full := len(p.found) == p.limit && version > p.found[0].Version
	p.more = p.more || full
	return full
}

func (p *syncPage) addTeam(row *standingRow, id uint64, head *teamHead, self *wire.TeamMember) {
	state := row.state(id, head, self)
	if state.Version <= p.after {
		return // an application, which only managers see
	}
	if c := p.slot(state.Version); c != nil {
		c.Scene, c.Peer, c.LastSeq, c.ReadSeq, c.FirstSeq = state.Scene, state.Peer, state.LastSeq, state.ReadSeq, state.FirstSeq
		c.Version, c.TimeMs, c.Team = state.Version, state.TimeMs, state.Team
		if row.isMember() {
			p.logs[c] = id
		} else {
			delete(p.logs, c) // a slot is used again
		}
		p.placed(c)
	}
}

// teamOfKey is the team in the key of a standing.
func teamOfKey(key []byte) (uint64, error) {
	if len(key) < 8 {
		return 0, fmt.Errorf("%w: key %x is too short", errDamaged, key)
	}
	return binary.BigEndian.Uint64(key[len(key)-8:]), nil
}

// readMember reads a member that is there.
func readMember(v *raftstore.View, tenant uint32, team uint64, account string) (*wire.TeamMember, error) {
	var row memberRow
	ok, err := readRow(v, appendTeamMemberKey(nil, tableTeamMember, tenant, team, account), row.decode)
	if err == nil && !ok {
		err = fmt.Errorf("%w: a member of team %d has no row", errDamaged, team)
	}
	if err != nil {
		return nil, err
	}
	return row.member(account), nil
}

// readHead reads the head of a team that is not dismissed.
func readHead(v *raftstore.View, tenant uint32, team uint64) (head teamHead, err error) {
	ok, err := readRow(v, appendTeamKey(nil, tableTeamHead, tenant, team), head.decode)
	if err == nil && (!ok || head.dismissed) {
		err = errTeamMissing
	}
	return head, err
}

// readStanding reads a membership: errNotInTeam when there is none.
func readStanding(v *raftstore.View, tenant uint32, account string, team uint64) (row standingRow, err error) {
	if !validAccount(account) {
		return row, errNotInTeam
	}
	ok, err := readRow(v, appendStandingKey(nil, tenant, account, team), row.decode)
	if err == nil && (!ok || !row.isMember()) {
		err = errNotInTeam
	}
	return row, err
}

// openHistory opens the log that req means, for account; first is the first
// entry that it may read, 0 when it may read all. l is nil when there is none.
func openHistory(v *raftstore.View, tenant uint32, account string, req *wire.HistoryRequest) (l *convLog, first uint64, err error) {
	switch req.Scene {
	case wire.Scene_SCENE_P2P:
		l, err = openLog(v, tenant, account, req.Peer)
		return l, 0, err
	case wire.Scene_SCENE_TEAM:
		id, ok := ParseTeamID(req.Peer)
		if !ok {
			return nil, 0, wire.Errorf(wire.CodeBadParameter, "peer must be the number of a team")
		}
		return openTeamLog(v, tenant, account, id)
	}
	return nil, 0, wire.Errorf(wire.CodeBadParameter, "scene %d has no history", req.Scene)
}

func openTeamLog(v *raftstore.View, tenant uint32, account string, id uint64) (*convLog, uint64, error) {
	head, err := readHead(v, tenant, id)
	if err != nil {
		return nil, 0, err
	}
	row, err := readStanding(v, tenant, account, id)
	if err != nil {
		return nil, 0, err
	}
	l, err := newLog(v, tenant, id, head.lastSeq)
	return l, row.firstSeq, err
}

// TeamMessageByID finds the entry of a team's log that has the given id, for the
// team's tenant. CodeNotFound when there is none.
func (q *Queries) TeamMessageByID(tenant uint32, team, id uint64) (*wire.Message, error) {
	v := q.view()
	defer v.Close()
	head, err := readHead(v, tenant, team)
	if err != nil {
		return nil, err
	}
	l, err := newLog(v, tenant, team, head.lastSeq)
	if err != nil {
		return nil, err
	}
	return l.byID(id)
}

// Teams reads the data of those teams that exist, in the order asked for, at most
// MaxTeams (else CodeCountLimit). Whoever knows a team's number may see what it
// is, before joining it.
func (q *Queries) Teams(tenant uint32, ids []uint64) ([]*wire.Team, error) {
	if len(ids) > MaxTeams {
		return nil, wire.Errorf(wire.CodeCountLimit, "at most %d teams", MaxTeams)
	}
	v := q.view()
	defer v.Close()
	teams := make([]*wire.Team, 0, len(ids))
	for _, id := range ids {
		t, err := readTeam(v, tenant, id)
		if err == errTeamMissing {
			continue
		}
		if err != nil {
			return nil, err
		}
		teams = append(teams, t)
	}
	return teams, nil
}

func readTeam(v *raftstore.View, tenant uint32, id uint64) (*wire.Team, error) {
	head, err := readHead(v, tenant, id)
	if err != nil {
		return nil, err
	}
	t := new(wire.Team)
	ok, err := readRow(v, appendTeamKey(nil, tableTeam, tenant, id), t.UnmarshalVT)
	if err == nil && !ok {
		err = fmt.Errorf("%w: team %d has no data", errDamaged, id)
	}
	if err != nil {
		return nil, err
	}
	t.InfoVersion, t.Members, t.Mute = head.infoVersion, uint32(head.members), head.mute
	return t, nil
}

// TeamMembers reads a page of a team's members in the order of their names,
// after the given one, at most limit (1..MaxTeamMembersPage, 0 means 100). With
// an account, it must be a member: CodeNotInTeam.
func (q *Queries) TeamMembers(tenant uint32, account string, team uint64, after string, limit int) (*wire.TeamMembersResponse, error) {
	return q.TeamMembersLike(tenant, account, team, wire.TeamMemberFilter_TEAM_MEMBERS_ALL, after, limit)
}

// TeamMembersLike is TeamMembers for those that the filter lets pass.
func (q *Queries) TeamMembersLike(tenant uint32, account string, team uint64, filter wire.TeamMemberFilter, after string, limit int) (*wire.TeamMembersResponse, error) {
	v := q.view()
	defer v.Close()
	head, err := readHead(v, tenant, team)
	if err != nil {
		return nil, err
	}
	if account != "" {
		if _, err := readStanding(v, tenant, account, team); err != nil {
			return nil, err
		}
	}
	if limit <= 0 {
		limit = defaultPage
	}
	limit = min(limit, MaxTeamMembersPage)
	if class := classOf(filter); class != 0 && head.mega() {
		return membersOfClass(v, tenant, team, class, after, limit)
	}
	prefix := appendTeamKey(nil, tableTeamMember, tenant, team)
	it, err := v.Iter(append(append([]byte(nil), prefix...), after...), prefixEnd(prefix))
	if err != nil {
		return nil, readError(err)
	}
	res := new(wire.TeamMembersResponse)
	for ok := it.First(); ok; ok = it.Next() {
		name := string(it.Key()[len(prefix):])
		if name == after {
			continue
		}
		var row memberRow
		if err = row.decode(it.Value()); err != nil {
			break
		}
		if !row.passes(filter) {
			continue
		}
		if len(res.Members) == limit {
			res.More = true
			break
		}
		res.Members = append(res.Members, row.member(name))
	}
	if closeErr := it.Close(); err == nil {
		err = readError(closeErr)
	}
	return res, err
}

// TeamApplications lists who waits for an answer of the managers, at most
// MaxTeamApplications. account must manage the team: CodeTeamPermission.
func (q *Queries) TeamApplications(tenant uint32, account string, team uint64) (*wire.TeamApplicationsResponse, error) {
	v := q.view()
	defer v.Close()
	if _, err := readHead(v, tenant, team); err != nil {
		return nil, err
	}
	if _, err := readStanding(v, tenant, account, team); err != nil {
		return nil, err
	}
	self, err := readMember(v, tenant, team, account)
	if err != nil {
		return nil, err
	}
	if self.Role == wire.TeamRole_TEAM_ROLE_MEMBER {
		return nil, wire.Errorf(wire.CodeTeamPermission, "only managers see who wants to join")
	}
	prefix := appendTeamKey(nil, tableTeamApplicant, tenant, team)
	res := new(wire.TeamApplicationsResponse)
	err = scan(v, prefix, prefixEnd(prefix), func(key, stored []byte) error {
		var row applicantRow
		if err := row.decode(stored); err != nil {
			return err
		}
		res.Applications = append(res.Applications, &wire.TeamApplication{
			Account: string(key[len(prefix):]), Note: row.note, TimeMs: row.timeMs,
		})
		return nil
	})
	return res, err
}

// AccountTeams lists the teams that account is a member of, in the order of
// their creation.
func (q *Queries) AccountTeams(tenant uint32, account string) ([]*wire.Team, error) {
	v := q.view()
	defer v.Close()
	if _, err := readAccount(v, tenant, account); err != nil {
		return nil, err
	}
	prefix := appendConvPrefix(nil, tableTeamStanding, tenant, account)
	var teams []*wire.Team
	err := scan(v, prefix, prefixEnd(prefix), func(key, stored []byte) error {
		var row standingRow
		if err := row.decode(stored); err != nil || !row.isMember() {
			return err
		}
		id, err := teamOfKey(key)
		if err != nil {
			return err
		}
		t, err := readTeam(v, tenant, id)
		if err == errTeamMissing { // a mega-team that is not cleaned up
			return nil
		}
		teams = append(teams, t)
		return err
	})
	return teams, err
}
