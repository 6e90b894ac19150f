package state

import (
	"slices"

	"github.com/yizhan-im/yizhan/appliance/wire"
	"github.com/yizhan-im/yizhan/raftstore"
)

// changeTeam applies one TeamChange. Whatever may refuse it is looked at before
// the first write: a batch has no way back.
func (m *Machine) changeTeam(tx *raftstore.Tx, kind byte, r *reader) (*TeamResult, error) {
	var c TeamChange
	ok := c.decode(kind, r)
	res := &TeamResult{Code: wire.CodeBadProtocol, Op: c.Op, Tenant: c.Tenant, Session: c.Session, By: c.By, Team: c.Team}
	if !ok {
		return res, nil
	}
	if !c.valid() {
		res.Code = wire.CodeBadParameter
		return res, nil
	}
	if err := m.tick(tx, c.TimeMs); err != nil {
		return nil, err
	}
	if gone, err := m.accountGone(tx, c.Tenant, c.By); err != nil || gone {
		res.Code = wire.CodeAccountGone
		return res, err
	}
	if c.Op == TeamCreate {
		return res, m.createTeam(tx, &c, res)
	}
	t, err := m.team(tx, c.Tenant, c.Team)
	if err != nil {
		return nil, err
	}
	if t == nil {
		res.Code, err = m.goneTeam(tx, &c)
		return res, err
	}
	by, isMember, err := m.teamMark(tx, c.Tenant, c.Team, t, c.By)
	if err != nil {
		return nil, err
	}
	res.Mega = t.head.mega()
	op := teamOp{m: m, tx: tx, c: &c, res: res, t: t, by: by}
	switch {
	case c.Op == TeamJoin:
		res.Code, err = op.join()
	case c.Op == TeamAnswer && len(c.Accounts) == 0:
		res.Code, err = op.answerInvitation()
	case c.Op == TeamLeave:
		res.Code, err = op.leave(isMember)
	case !isMember:
		res.Code = wire.CodeNotInTeam
	default:
		res.Code, err = op.run()
	}
	return res, err
}

// goneTeam answers what is asked of a team that is not there. Who has dismissed
// it may ask again, as after a lost answer.
func (m *Machine) goneTeam(tx *raftstore.Tx, c *TeamChange) (wire.Code, error) {
	if c.Op == TeamDismiss {
		row, _, err := m.standing(tx, c.Tenant, c.By, c.Team)
		if err != nil || row.standing == wire.TeamStanding_TEAM_STANDING_DISMISSED && row.by == c.By {
			return wire.CodeOK, err
		}
	}
	return wire.CodeTeamMissing, nil
}

// teamOp is a TeamChange while it is applied. Its methods return the code to
// answer; other than CodeOK means that nothing was written.
type teamOp struct {
	m   *Machine
	tx  *raftstore.Tx
	c   *TeamChange
	res *TeamResult
	t   *team
	by  mark // of c.By
	// version is that of the newest change, which log and logMembers give;
	// unlogged tells that it has no entry in the log.
	version  uint64
	unlogged bool
}

// run does what only members may do.
func (o *teamOp) run() (wire.Code, error) {
	switch o.c.Op {
	case TeamDismiss:
		return o.dismiss()
	case TeamUpdate:
		return o.update()
	case TeamInvite:
		return o.invite()
	case TeamAnswer:
		return o.answerApplication()
	case TeamKick:
		return o.kick()
	case TeamTransfer:
		return o.transfer()
	case TeamManagers:
		return o.setManagers()
	case TeamMuteMembers:
		return o.muteMembers()
	case TeamMuteAll:
		return o.muteAll()
	default: // TeamSettings
		return o.settings()
	}
}

func (m *Machine) createTeam(tx *raftstore.Tx, c *TeamChange, res *TeamResult) error {
	// No message has such an id: theirs are UTF-8.
	clientID := "\xff" + c.ClientID
	first, hash, ok, err := m.firstSend(tx, c.Tenant, c.By, clientID)
	if err != nil {
		return err
	}
	if ok {
		res.Code, res.Duplicate, res.Team = wire.CodeOK, true, first.id
		return nil
	}
	owner, ok, err := m.teamAccount(tx, c.Tenant, c.By)
	switch {
	case err != nil:
		return err
	case !ok:
		res.Code = wire.CodeNotFound
		return nil
	case owner.isFull(c.Flag, c.TeamLimit):
		res.Code = wire.CodeTooManyTeams
		return nil
	}
	info := &wire.Team{MemberLimit: c.MemberLimit, Mega: c.Flag}
	mergeTeam(info, c.Info)
	if !validTeam(info, c.MemberLimit) {
		res.Code = wire.CodeBadParameter
		return nil
	}
	if len(c.Accounts)+1 > int(info.MemberLimit) {
		res.Code = wire.CodeTeamFull
		return nil
	}

	res.Team = m.nextID()
	info.Id, info.Owner = TeamID(res.Team), c.By
	info.CreatedMs, info.UpdatedMs = m.site.clockMs, m.site.clockMs
	if err := m.putClient(tx, c.Tenant, c.By, clientID, hash, &clientRow{id: res.Team, timeMs: m.site.clockMs}); err != nil {
		return err
	}

	t := &team{members: new(roster)}
	if c.Flag {
		t.head.flags, res.Mega = headMega, true
	}
	m.teams.put(teamKey{c.Tenant, res.Team}, t)
	c.Team = res.Team
	o := teamOp{m: m, tx: tx, c: c, res: res, t: t}
	if err := o.classify(info); err != nil {
		return err
	}
	if err := o.log(&wire.TeamEvent{Kind: wire.TeamEventKind_TEAM_EVENT_CREATED, By: c.By, Accounts: res.Added, Changes: c.Info}); err != nil {
		return err
	}
	t.head.infoVersion = t.head.version
	if err := o.admit([]string{c.By}, "", info); err != nil {
		return err
	}
	if err := o.setRole(c.By, wire.TeamRole_TEAM_ROLE_OWNER); err != nil {
		return err
	}
	if err := o.admit(res.Added, c.By, info); err != nil {
		return err
	}
	if err := o.ask(); err != nil {
		return err
	}
	if err := o.tellStates(append([]string{c.By}, res.Added...)); err != nil {
		return err
	}
	res.Code, res.Members = wire.CodeOK, t.audience()
	return o.putInfo(info)
}

func (o *teamOp) dismiss() (wire.Code, error) {
	if o.by.role() != wire.TeamRole_TEAM_ROLE_OWNER {
		return wire.CodeTeamPermission, nil
	}
	if o.t.head.mega() {
		return wire.CodeOK, o.dismissMega()
	}
	version := o.m.nextID()
	waiting, err := o.applicants()
	if err != nil {
		return 0, err
	}
	gone := append(slices.Clone(o.t.members.names), waiting...)
	for i, account := range gone {
		table := byte(tableTeamMember)
		if i >= len(o.t.members.names) {
			table = tableTeamApplicant
		}
		o.m.key = appendTeamMemberKey(o.m.key[:0], table, o.c.Tenant, o.c.Team, account)
		if err := o.tx.Delete(o.m.key); err != nil {
			return 0, err
		}
		if err := o.end(account, wire.TeamStanding_TEAM_STANDING_DISMISSED, version, ""); err != nil {
			return 0, err
		}
	}
	head := &o.t.head
	head.dismissed, head.version, head.timeMs = true, version, o.m.site.clockMs
	head.members, head.managers, head.applications = 0, 0, 0
	o.m.teams.forget(teamKey{o.c.Tenant, o.c.Team})
	return wire.CodeOK, o.m.putTeam(o.tx, o.c.Tenant, o.c.Team, o.t)
}

func (o *teamOp) update() (wire.Code, error) {
	info, err := o.info()
	if err != nil {
		return 0, err
	}
	if !o.mayUpdate(info, o.c.Info) {
		return wire.CodeTeamPermission, nil
	}
	mergeTeam(info, o.c.Info)
	limit := o.c.MemberLimit
	if o.c.Info.MemberLimit == nil {
		limit = MaxMegaTeamMembers // the tenant's may have been lowered since
	}
	if !validTeam(info, limit) || info.MemberLimit < uint32(o.t.head.members) {
		return wire.CodeBadParameter, nil
	}
	if err := o.log(&wire.TeamEvent{Kind: wire.TeamEventKind_TEAM_EVENT_UPDATED, By: o.c.By, Changes: o.c.Info}); err != nil {
		return 0, err
	}
	info.UpdatedMs = o.m.site.clockMs
	o.t.head.infoVersion = o.t.head.version
	o.res.Members = o.t.audience()
	return wire.CodeOK, o.putInfo(info)
}

// mayUpdate reports whether By may change what u has.
func (o *teamOp) mayUpdate(info *wire.Team, u *wire.TeamChanges) bool {
	if u.ServerCustom != nil && !o.c.Backend {
		return false
	}
	if o.by.manages() {
		return true
	}
	everyone := wire.TeamWho_TEAM_WHO_EVERYONE
	switch {
	case u.JoinMode != nil || u.Consent != nil || u.InviteMode != nil || u.UpdateMode != nil || u.CustomMode != nil ||
		u.MemberLimit != nil || u.WholeHistory != nil || u.ServerCustom != nil:
		return false
	case u.Custom != nil && info.CustomMode != everyone:
		return false
	case u.Name != nil || u.Icon != nil || u.Intro != nil || u.Announcement != nil:
		return info.UpdateMode == everyone
	}
	return true
}

// mergeTeam sets the fields of t that u has.
func mergeTeam(t *wire.Team, u *wire.TeamChanges) {
	give(&t.Name, u.Name)
	give(&t.Icon, u.Icon)
	give(&t.Intro, u.Intro)
	give(&t.Announcement, u.Announcement)
	give(&t.Custom, u.Custom)
	give(&t.ServerCustom, u.ServerCustom)
	give(&t.JoinMode, u.JoinMode)
	give(&t.Consent, u.Consent)
	give(&t.InviteMode, u.InviteMode)
	give(&t.UpdateMode, u.UpdateMode)
	give(&t.CustomMode, u.CustomMode)
	give(&t.MemberLimit, u.MemberLimit)
	give(&t.WholeHistory, u.WholeHistory)
}

func give[T any](dst, src *T) {
	if src != nil {
		*dst = *src
	}
}

func validTeam(t *wire.Team, limit uint32) bool {
	most := uint32(MaxTeamMembers)
	if t.Mega {
		most = MaxMegaTeamMembers
	}
	for _, s := range [...]string{t.Name, t.Icon, t.Intro, t.Announcement, t.Custom, t.ServerCustom} {
		if !validText(s, maxTeamText) {
			return false
		}
	}
	return t.Name != "" && t.SizeVT() <= maxTeamInfo &&
		t.JoinMode >= 0 && t.JoinMode <= wire.TeamJoinMode_TEAM_JOIN_CLOSED &&
		t.Consent>>1 == 0 && t.InviteMode>>1 == 0 && t.UpdateMode>>1 == 0 && t.CustomMode>>1 == 0 &&
		t.MemberLimit >= 2 && t.MemberLimit <= min(limit, most)
}

// valid reports whether c can be looked at: its names and texts are bounded.
func (c *TeamChange) valid() bool {
	if !validAccount(c.By) || !validText(c.ClientID, maxClientID-1) || !validText(c.Note, maxNote) ||
		!slices.Contains([]wire.TeamMute{0, wire.TeamMute_TEAM_MUTE_MEMBERS, wire.TeamMute_TEAM_MUTE_ALL}, c.Mute) {
		return false
	}
	seen := make(map[string]bool, len(c.Accounts))
	for _, account := range c.Accounts {
		if !validAccount(account) || seen[account] {
			return false
		}
		seen[account] = true
	}
	named := len(c.Accounts)
	switch c.Op {
	case TeamCreate:
		return c.Team == 0 && c.ClientID != "" && !seen[c.By]
	case TeamInvite, TeamKick, TeamManagers, TeamMuteMembers:
		return named > 0 && !seen[c.By]
	case TeamTransfer:
		return named == 1
	case TeamAnswer:
		return named <= 1
	case TeamSettings:
		return named == 1 && validText(c.Member.GetNick(), maxTeamNick) && validText(c.Member.GetCustom(), maxTeamText)
	}
	return named == 0
}
