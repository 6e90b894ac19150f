package state

import (
	"encoding/binary"

	"github.com/yizhan-im/yizhan/appliance/wire"
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

// megaTeamRow says, in the table of an account's mega-teams, with which version the
// account has become a member.
type megaTeamRow struct{ since uint64 }

func (r *megaTeamRow) append(dst []byte) []byte {
	return binary.AppendUvarint(append(dst, rowVersion), r.since)
}

func (r *megaTeamRow) decode(b []byte) error {
	in := openRow(b)
	r.since = in.uint()
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
	row := megaTeamRow{since: next.version}
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
