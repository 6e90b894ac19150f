package state

import (
	"encoding/binary"

	"github.com/yizhan-im/yizhan/appliance/wire"
	"github.com/yizhan-im/yizhan/raftstore"
)

// Mega-teams are teams of which no row and no result grows with the number of
// members. What differs from other teams is here and in team_mark.go; everything
// else about a team is one implementation.

// The classes of tableMegaClass.
const (
	classManager = 1 // the owner and the managers
	classMuted   = 2
)

// appendTeamClass is below all keys of a class of members of a mega-team.
func appendTeamClass(dst []byte, tenant uint32, team uint64, class byte) []byte {
	return append(appendTeamKey(dst, tableMegaClass, tenant, team), class)
}

func appendMegaTeamKey(dst []byte, tenant uint32, account string, team uint64) []byte {
	return appendU64(appendConvPrefix(dst, tableMegaTeam, tenant, account), team)
}

func appendMegaOrderKey(dst []byte, tenant uint32, team uint64, joinedMs int64, account string) []byte {
	return append(appendU64(appendTeamKey(dst, tableMegaOrder, tenant, team), uint64(joinedMs)), account...)
}

// megaTeamRow says, in the table of an account's mega-teams, from which entry on
// the account may read.
type megaTeamRow struct{ firstSeq uint64 }

func (r *megaTeamRow) append(dst []byte) []byte {
	return binary.AppendUvarint(append(dst, rowVersion), r.firstSeq)
}

func (r *megaTeamRow) decode(b []byte) error {
	in := openRow(b)
	r.firstSeq = in.uint()
	return in.end("mega-team of an account")
}

// megaGoneRow is a mega-team that was dismissed and is not cleaned up yet.
type megaGoneRow struct {
	version uint64
	by      string
}

func (r *megaGoneRow) append(dst []byte) []byte {
	return appendString(binary.AppendUvarint(append(dst, rowVersion), r.version), r.by)
}

func (r *megaGoneRow) decode(b []byte) error {
	in := openRow(b)
	r.version, r.by = in.uint(), in.string()
	return in.end("dismissed mega-team")
}

func (t *team) maxManagers() int {
	if t.head.mega() {
		return MaxMegaTeamManagers
	}
	return MaxTeamManagers
}

// isFull reports whether the account is in as many teams of a kind as limit allows.
func (a *teamAccountRow) isFull(mega bool, limit uint32) bool {
	if mega {
		limit = min(limit, maxMegaTeams)
	}
	return *a.memberships(mega) >= uint64(limit)
}

// logMembers logs what becomes of single members. Of a mega-team only who is
// concerned is told: with N members who come one after the other, N entries for
// up to N readers would be N² deliveries, for a list of members that no device
// holds. The change takes a version all the same.
func (o *teamOp) logMembers(ev *wire.TeamEvent) error {
	if !o.t.head.mega() {
		return o.log(ev)
	}
	o.version, o.unlogged = o.m.nextID(), true
	return nil
}

// touch makes a change of a member of a mega-team, which has no entry in the log,
// one that its devices find by sync.
func (o *teamOp) touch(account string) error {
	if !o.t.head.mega() {
		return nil
	}
	row, _, err := o.standing(account)
	if err != nil {
		return err
	}
	row.version = o.version
	return o.setStanding(account, &row)
}

// indexMega keeps the list of the mega-teams of an account.
func (o *teamOp) indexMega(account string, next *standingRow) error {
	o.m.key = appendMegaTeamKey(o.m.key[:0], o.c.Tenant, account, o.c.Team)
	if !next.isMember() {
		return o.tx.Delete(o.m.key)
	}
	row := megaTeamRow{firstSeq: next.firstSeq}
	o.m.val = row.append(o.m.val[:0])
	return o.tx.Set(o.m.key, o.m.val)
}

// enlist puts a new member into the order of joining.
func (o *teamOp) enlist(account string, joinedMs int64) error {
	o.m.key = appendMegaOrderKey(o.m.key[:0], o.c.Tenant, o.c.Team, joinedMs, account)
	return o.tx.Set(o.m.key, []byte{rowVersion})
}

// strike takes a member whose mark is k out of what only mega-teams have. Its own
// row is still there.
func (o *teamOp) strike(account string, k mark) error {
	row, err := o.member(account)
	if err != nil {
		return err
	}
	o.t.head.members--
	o.m.key = appendMegaOrderKey(o.m.key[:0], o.c.Tenant, o.c.Team, row.joinedMs, account)
	if err := o.tx.Delete(o.m.key); err != nil {
		return err
	}
	return o.setMark(account, k, 0, true)
}

// dismissMega ends a mega-team by a mark on its head. What is left of its members
// goes by CleanTeam, piece by piece; until then sync tells them by the head. The
// owner's own standing ends here, so that he may repeat himself.
func (o *teamOp) dismissMega() error {
	head := &o.t.head
	o.version = o.m.nextID()
	if err := o.strike(o.c.By, o.by); err != nil {
		return err
	}
	o.m.key = appendTeamMemberKey(o.m.key[:0], tableTeamMember, o.c.Tenant, o.c.Team, o.c.By)
	if err := o.tx.Delete(o.m.key); err != nil {
		return err
	}
	head.dismissed, head.version, head.timeMs = true, o.version, o.m.site.clockMs
	// Sync does not look behind an application, so those who wait, few enough, are
	// told now.
	waiting, err := o.applicants()
	if err != nil {
		return err
	}
	for _, account := range waiting {
		o.m.key = appendTeamMemberKey(o.m.key[:0], tableTeamApplicant, o.c.Tenant, o.c.Team, account)
		if err := o.tx.Delete(o.m.key); err != nil {
			return err
		}
		if err := o.end(account, wire.TeamStanding_TEAM_STANDING_DISMISSED, o.version, ""); err != nil {
			return err
		}
	}
	head.applications = 0
	if err := o.end(o.c.By, wire.TeamStanding_TEAM_STANDING_DISMISSED, o.version, ""); err != nil {
		return err
	}
	o.res.Dismissed = dismissedState(o.c.Team, head, o.c.By)
	gone := megaGoneRow{version: o.version, by: o.c.By}
	o.m.key = appendTeamKey(o.m.key[:0], tableMegaGone, o.c.Tenant, o.c.Team)
	o.m.val = gone.append(o.m.val[:0])
	if err := o.tx.Set(o.m.key, o.m.val); err != nil {
		return err
	}
	o.m.teams.forget(teamKey{o.c.Tenant, o.c.Team})
	return o.putHead()
}

// dismissedState is what becomes of the members of a mega-team that is dismissed.
func dismissedState(team uint64, head *teamHead, by string) *wire.ConversationState {
	row := standingRow{
		standing: wire.TeamStanding_TEAM_STANDING_DISMISSED, version: head.version, timeMs: head.timeMs, by: by,
	}
	return row.state(team, head, nil)
}

// kindCleanTeam is the kind of CleanTeam.
const kindCleanTeam = 77

// cleanPiece is how many members one CleanTeam is done with: some 2 ms of Apply.
const cleanPiece = 128

// CleanTeam takes the next members out of a mega-team that was dismissed. Who
// leads the site proposes it until the result does not say More; one too many has
// no effect.
type CleanTeam struct {
	TimeMs int64
	Tenant uint32
	Team   uint64
}

// Append appends the encoded command to dst.
func (c *CleanTeam) Append(dst []byte) []byte {
	return binary.AppendUvarint(target(dst, kindCleanTeam, c.TimeMs, c.Tenant), c.Team)
}

func (c *CleanTeam) decode(r *reader) bool {
	c.TimeMs, c.Tenant, c.Team = r.time(), r.u32(), r.uint()
	return r.done()
}

// CleanTeamResult is the outcome of CleanTeam.
type CleanTeamResult struct {
	Code wire.Code
	// Cleaned is how many accounts it took out; More tells that there are more.
	Cleaned int
	More    bool
}

func (m *Machine) cleanTeam(tx *raftstore.Tx, r *reader) (*CleanTeamResult, error) {
	var c CleanTeam
	if !c.decode(r) {
		return &CleanTeamResult{Code: wire.CodeBadProtocol}, nil
	}
	if err := m.tick(tx, c.TimeMs); err != nil {
		return nil, err
	}
	res := &CleanTeamResult{Code: wire.CodeOK}
	m.key = appendTeamKey(m.key[:0], tableMegaGone, c.Tenant, c.Team)
	stored, ok, err := tx.Get(m.key)
	if err != nil || !ok {
		return res, err // all is done
	}
	var gone megaGoneRow
	if err := gone.decode(stored); err != nil {
		return nil, err
	}
	t := new(team)
	m.key = appendTeamKey(m.key[:0], tableTeamHead, c.Tenant, c.Team)
	if stored, ok, err = tx.Get(m.key); err != nil || !ok {
		return res, err
	}
	if err := t.head.decode(stored); err != nil {
		return nil, err
	}
	o := teamOp{m: m, tx: tx, c: &TeamChange{Tenant: c.Tenant, Team: c.Team, By: gone.by}, res: new(TeamResult), t: t, version: gone.version}
	accounts, err := o.someMembers()
	if err != nil {
		return nil, err
	}
	for _, account := range accounts {
		if err := o.clean(account); err != nil {
			return nil, err
		}
	}
	res.Cleaned = len(accounts)
	if res.More = res.Cleaned == cleanPiece; !res.More {
		t.head.members, t.head.managers = 0, 0
		if err := o.forgetMega(); err != nil {
			return nil, err
		}
	}
	return res, o.putHead()
}

// someMembers lists the next members, at most cleanPiece.
func (o *teamOp) someMembers() (accounts []string, err error) {
	prefix := appendTeamKey(nil, tableTeamMember, o.c.Tenant, o.c.Team)
	it, err := o.tx.Iter(prefix, prefixEnd(prefix))
	if err != nil {
		return nil, err
	}
	for ok := it.First(); ok && len(accounts) < cleanPiece; ok = it.Next() {
		accounts = append(accounts, string(it.Key()[len(prefix):]))
	}
	return accounts, it.Close()
}

// clean ends the membership of account in a team that was dismissed.
func (o *teamOp) clean(account string) error {
	o.m.key = appendTeamMemberKey(o.m.key[:0], tableTeamMember, o.c.Tenant, o.c.Team, account)
	if err := o.tx.Delete(o.m.key); err != nil {
		return err
	}
	o.m.marks.forget(markKey{o.c.Tenant, o.c.Team, account})
	o.t.head.members--
	row := standingRow{standing: wire.TeamStanding_TEAM_STANDING_DISMISSED, version: o.version, by: o.c.By}
	return o.setStanding(account, &row)
}

// forgetMega deletes the lists of a mega-team that has nobody left.
func (o *teamOp) forgetMega() error {
	for _, table := range [...]byte{tableMegaClass, tableMegaOrder} {
		prefix := appendTeamKey(nil, table, o.c.Tenant, o.c.Team)
		if err := o.tx.DeleteRange(prefix, prefixEnd(prefix)); err != nil {
			return err
		}
	}
	o.m.key = appendTeamKey(o.m.key[:0], tableMegaGone, o.c.Tenant, o.c.Team)
	return o.tx.Delete(o.m.key)
}

// MegaTeam is one mega-team of an account.
type MegaTeam struct {
	Team uint64
	// FirstSeq is the first entry that the account may read.
	FirstSeq uint64
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
		teams = append(teams, MegaTeam{id, row.firstSeq})
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
