package state

import (
	"cmp"
	"fmt"
	"slices"

	"github.com/yizhan-im/yizhan/appliance/wire"
	"github.com/yizhan-im/yizhan/raftstore"
)

// log appends an entry to the team's log. The head is stored here; whoever
// changes it afterwards stores it again with putInfo or putHead.
func (o *teamOp) log(ev *wire.TeamEvent) error {
	m := o.m
	var sent SendResult
	m.advanceTeam(&o.t.head, &sent)
	entry := wire.Message{
		Scene: wire.Scene_SCENE_TEAM, From: o.c.By, To: TeamID(o.c.Team), Type: TypeTeamEvent, Event: ev,
		Seq: sent.Seq, Id: sent.ID, TimeMs: sent.TimeMs,
	}
	encoded := appendBody(nil, &entry)
	o.res.Messages = append(o.res.Messages, encoded)
	o.version, o.unlogged = sent.ID, false
	m.key = appendMessageKey(m.key[:0], o.c.Tenant, o.c.Team, sent.Seq)
	if err := o.tx.Set(m.key, encoded); err != nil {
		return err
	}
	return o.putHead()
}

func (o *teamOp) putHead() error { return o.m.putTeam(o.tx, o.c.Tenant, o.c.Team, o.t) }

// info reads the team's data.
func (o *teamOp) info() (*wire.Team, error) {
	o.m.key = appendTeamKey(o.m.key[:0], tableTeam, o.c.Tenant, o.c.Team)
	stored, ok, err := o.tx.Get(o.m.key)
	if err != nil {
		return nil, err
	}
	info := new(wire.Team)
	if !ok {
		return nil, fmt.Errorf("%w: team %d has no data", errDamaged, o.c.Team)
	}
	if err := info.UnmarshalVT(stored); err != nil {
		return nil, rowError("team", err)
	}
	return info, nil
}

// putInfo stores the team's data and head.
func (o *teamOp) putInfo(info *wire.Team) error {
	o.m.key = appendTeamKey(o.m.key[:0], tableTeam, o.c.Tenant, o.c.Team)
	if err := o.m.put(o.tx, info); err != nil {
		return err
	}
	return o.putHead()
}

// setRoster replaces the roster and counts it.
func (o *teamOp) setRoster(r *roster) {
	o.m.teams.weight += max(0, len(r.names)-len(o.t.members.names))
	o.t.members = r
	o.t.head.members = uint64(len(r.names))
}

// member reads a member's row, which is there.
func (o *teamOp) member(account string) (row memberRow, err error) {
	o.m.key = appendTeamMemberKey(o.m.key[:0], tableTeamMember, o.c.Tenant, o.c.Team, account)
	stored, ok, err := o.tx.Get(o.m.key)
	if err != nil {
		return row, err
	}
	if !ok {
		return row, fmt.Errorf("%w: a member of team %d has no row", errDamaged, o.c.Team)
	}
	return row, row.decode(stored)
}

// putMember stores a member's row and its mark.
func (o *teamOp) putMember(account string, row *memberRow) error {
	if o.t.head.mega() {
		before, _, err := o.find(account)
		if err != nil {
			return err
		}
		if err := o.setMark(account, before, markOf(row), false); err != nil {
			return err
		}
	} else {
		o.setRoster(o.t.members.marked(account, markOf(row)))
	}
	o.m.key = appendTeamMemberKey(o.m.key[:0], tableTeamMember, o.c.Tenant, o.c.Team, account)
	o.m.val = row.append(o.m.val[:0])
	return o.tx.Set(o.m.key, o.m.val)
}

func (o *teamOp) setRole(account string, role wire.TeamRole) error {
	row, err := o.member(account)
	if err != nil {
		return err
	}
	row.role = role
	return o.putMember(account, &row)
}

// standing reads what account is to the team; ok is false for nothing.
func (o *teamOp) standing(account string) (row standingRow, ok bool, err error) {
	return o.m.standing(o.tx, o.c.Tenant, account, o.c.Team)
}

func (m *Machine) standing(tx *raftstore.Tx, tenant uint32, account string, team uint64) (row standingRow, ok bool, err error) {
	m.key = appendStandingKey(m.key[:0], tenant, account, team)
	stored, ok, err := tx.Get(m.key)
	if err != nil || !ok {
		return row, false, err
	}
	return row, true, row.decode(stored)
}

// teamAccount reads an account's number of teams; ok is false when there is no
// such account.
func (m *Machine) teamAccount(tx *raftstore.Tx, tenant uint32, account string) (row teamAccountRow, ok bool, err error) {
	m.key = appendAccountKey(m.key[:0], tableTeamAccount, tenant, account)
	stored, ok, err := tx.Get(m.key)
	if err != nil {
		return row, false, err
	}
	if ok {
		return row, true, row.decode(stored)
	}
	ok, err = m.accountExists(tx, tenant, account)
	return row, ok, err
}

// setStanding stores what account is to the team from now on.
func (o *teamOp) setStanding(account string, next *standingRow) error {
	before, had, err := o.standing(account)
	if err != nil {
		return err
	}
	counts, _, err := o.m.teamAccount(o.tx, o.c.Tenant, account)
	if err != nil {
		return err
	}
	next.timeMs = o.m.site.clockMs
	o.m.key = appendStandingKey(o.m.key[:0], o.c.Tenant, account, o.c.Team)
	o.m.val = next.append(o.m.val[:0])
	if err := o.tx.Set(o.m.key, o.m.val); err != nil {
		return err
	}
	if had && before.isMember() == next.isMember() {
		return nil
	}
	mega := o.t.head.mega()
	if had && before.isMember() {
		*counts.memberships(mega)--
	} else if had {
		counts.quiet--
	}
	if next.isMember() {
		*counts.memberships(mega)++
	} else {
		counts.quiet++
	}
	if mega && before.isMember() != next.isMember() {
		if err := o.indexMega(account, next); err != nil {
			return err
		}
	}
	if counts.quiet > maxQuietStandings {
		dropped, err := o.m.dropQuiet(o.tx, o.c.Tenant, account, counts.quiet-keptQuietStandings)
		if err != nil {
			return err
		}
		counts.quiet -= dropped
	}
	o.m.key = appendAccountKey(o.m.key[:0], tableTeamAccount, o.c.Tenant, account)
	o.m.val = counts.append(o.m.val[:0])
	return o.tx.Set(o.m.key, o.m.val)
}

// dropQuiet forgets the n oldest of an account's standings that are no
// memberships. It looks at all of the account's standings, once in a hundred.
func (m *Machine) dropQuiet(tx *raftstore.Tx, tenant uint32, account string, n uint64) (uint64, error) {
	prefix := appendConvPrefix(nil, tableTeamStanding, tenant, account)
	it, err := tx.Iter(prefix, prefixEnd(prefix))
	if err != nil {
		return 0, err
	}
	type quiet struct {
		version uint64
		key     []byte
	}
	var found []quiet
	var row standingRow
	for ok := it.First(); ok && err == nil; ok = it.Next() {
		if err = row.decode(it.Value()); err == nil && !row.isMember() {
			found = append(found, quiet{row.version, slices.Clone(it.Key())})
		}
	}
	if closeErr := it.Close(); err == nil {
		err = closeErr
	}
	if err != nil {
		return 0, err
	}
	slices.SortFunc(found, func(x, y quiet) int { return cmp.Compare(x.version, y.version) })
	found = found[:min(n, uint64(len(found)))]
	for i := range found {
		if err := tx.Delete(found[i].key); err != nil {
			return 0, err
		}
	}
	return uint64(len(found)), nil
}

// end makes account one that is no member, no applicant and not invited, and
// adds that to States.
func (o *teamOp) end(account string, standing wire.TeamStanding, version uint64, note string) error {
	row := standingRow{standing: standing, version: version, by: o.c.By, note: note}
	if err := o.setStanding(account, &row); err != nil {
		return err
	}
	o.tell(account, row.state(o.c.Team, &o.t.head, nil))
	return nil
}

func (o *teamOp) tell(account string, state *wire.ConversationState) {
	o.res.States = append(o.res.States, TeamAccountState{account, state})
}

// tellStates adds the present state of members to States.
func (o *teamOp) tellStates(accounts []string) error {
	for _, account := range accounts {
		standing, _, err := o.standing(account)
		if err != nil {
			return err
		}
		row, err := o.member(account)
		if err != nil {
			return err
		}
		o.tell(account, standing.state(o.c.Team, &o.t.head, row.member(account)))
	}
	return nil
}

// admit makes accounts plain members as of the entry that was logged last. The
// caller puts the head and tells them.
func (o *teamOp) admit(accounts []string, inviter string, info *wire.Team) error {
	head := &o.t.head
	first := head.lastSeq
	if head.mega() {
		head.members += uint64(len(accounts))
		if o.unlogged {
			first++
		}
	} else {
		o.setRoster(o.t.members.with(accounts))
	}
	for _, account := range accounts {
		row := memberRow{joinedMs: o.m.site.clockMs, inviter: inviter}
		o.m.key = appendTeamMemberKey(o.m.key[:0], tableTeamMember, o.c.Tenant, o.c.Team, account)
		o.m.val = row.append(o.m.val[:0])
		if err := o.tx.Set(o.m.key, o.m.val); err != nil {
			return err
		}
		standing := standingRow{
			standing: wire.TeamStanding_TEAM_STANDING_MEMBER, version: o.version, firstSeq: first, readSeq: first - 1,
		}
		if info.WholeHistory {
			standing.firstSeq = 1
		}
		if err := o.dropApplication(account); err != nil {
			return err
		}
		if err := o.setStanding(account, &standing); err != nil {
			return err
		}
		if head.mega() {
			if err := o.enlist(account, row.joinedMs); err != nil {
				return err
			}
		}
	}
	return nil
}

// expel takes members out as of the entry that was logged last.
func (o *teamOp) expel(accounts []string, standing wire.TeamStanding) error {
	for _, account := range accounts {
		k, _, err := o.find(account)
		if err != nil {
			return err
		}
		if k.role() == wire.TeamRole_TEAM_ROLE_MANAGER {
			o.t.head.managers--
		}
		if o.t.head.mega() {
			if err := o.strike(account, k); err != nil {
				return err
			}
		}
		o.m.key = appendTeamMemberKey(o.m.key[:0], tableTeamMember, o.c.Tenant, o.c.Team, account)
		if err := o.tx.Delete(o.m.key); err != nil {
			return err
		}
		if err := o.end(account, standing, o.version, ""); err != nil {
			return err
		}
	}
	if !o.t.head.mega() {
		o.setRoster(o.t.members.without(accounts))
	}
	o.res.Members = o.t.audience()
	return o.putHead()
}

// applicants lists who waits for an answer.
func (o *teamOp) applicants() (names []string, err error) {
	if o.t.head.applications == 0 {
		return nil, nil
	}
	prefix := appendTeamKey(nil, tableTeamApplicant, o.c.Tenant, o.c.Team)
	it, err := o.tx.Iter(prefix, prefixEnd(prefix))
	if err != nil {
		return nil, err
	}
	for ok := it.First(); ok; ok = it.Next() {
		names = append(names, string(it.Key()[len(prefix):]))
	}
	return names, it.Close()
}

// dropApplication deletes account's application, if there is one.
func (o *teamOp) dropApplication(account string) error {
	if o.t.head.applications == 0 {
		return nil
	}
	o.m.key = appendTeamMemberKey(o.m.key[:0], tableTeamApplicant, o.c.Tenant, o.c.Team, account)
	ok, err := o.m.exists(o.tx)
	if err != nil || !ok {
		return err
	}
	o.t.head.applications--
	o.t.head.applied = o.m.nextID()
	return o.tx.Delete(o.m.key)
}
