package state

import (
	"github.com/yizhan-im/yizhan/appliance/wire"
)

func (o *teamOp) invite() (wire.Code, error) {
	info, err := o.info()
	if err != nil {
		return 0, err
	}
	if !o.by.manages() && info.InviteMode != wire.TeamWho_TEAM_WHO_EVERYONE {
		return wire.CodeTeamPermission, nil
	}
	var strangers []string
	for _, account := range o.c.Accounts {
		_, is, err := o.find(account)
		if err != nil {
			return 0, err
		}
		if !is {
			strangers = append(strangers, account)
		}
	}
	o.c.Accounts = strangers
	if int(o.t.head.members)+len(strangers) > int(info.MemberLimit) {
		return wire.CodeTeamFull, nil
	}
	if err := o.classify(info); err != nil {
		return 0, err
	}
	if err := o.ask(); err != nil {
		return 0, err
	}
	if len(o.res.Added) == 0 {
		return wire.CodeOK, o.putHead() // applications may have become invitations
	}
	ev := &wire.TeamEvent{Kind: wire.TeamEventKind_TEAM_EVENT_ADDED, By: o.c.By, Accounts: o.res.Added}
	if err := o.logMembers(ev); err != nil {
		return 0, err
	}
	if err := o.admit(o.res.Added, o.c.By, info); err != nil {
		return 0, err
	}
	if err := o.tellStates(o.res.Added); err != nil {
		return 0, err
	}
	o.res.Members = o.t.audience()
	return wire.CodeOK, o.putHead()
}

// classify decides what becomes of c.Accounts, none of which is a member.
func (o *teamOp) classify(info *wire.Team) error {
	direct := o.c.Direct || info.Consent == wire.TeamConsent_TEAM_CONSENT_NONE
	for _, account := range o.c.Accounts {
		counts, ok, err := o.m.teamAccount(o.tx, o.c.Tenant, account)
		switch {
		case err != nil:
			return err
		case !ok || counts.isFull(o.t.head.mega(), o.c.TeamLimit):
			o.res.Failed = append(o.res.Failed, account)
		case direct:
			o.res.Added = append(o.res.Added, account)
		default:
			o.res.Asked = append(o.res.Asked, account)
		}
	}
	return nil
}

// ask invites those who must consent.
func (o *teamOp) ask() error {
	for _, account := range o.res.Asked {
		standing := standingRow{standing: wire.TeamStanding_TEAM_STANDING_INVITED, version: o.m.nextID(), by: o.c.By, note: o.c.Note}
		if err := o.dropApplication(account); err != nil {
			return err
		}
		if err := o.setStanding(account, &standing); err != nil {
			return err
		}
		o.tell(account, standing.state(o.c.Team, &o.t.head, nil))
	}
	return nil
}

// join is by an account that nobody has to have invited.
func (o *teamOp) join() (wire.Code, error) {
	if _, is, err := o.find(o.c.By); err != nil || is {
		return wire.CodeAlreadyInTeam, err
	}
	standing, _, err := o.standing(o.c.By)
	if err != nil {
		return 0, err
	}
	info, err := o.info()
	if err != nil {
		return 0, err
	}
	switch {
	case standing.standing == wire.TeamStanding_TEAM_STANDING_INVITED || info.JoinMode == wire.TeamJoinMode_TEAM_JOIN_FREE:
		return o.enter(o.c.By, standing.invitedBy(), info)
	case info.JoinMode == wire.TeamJoinMode_TEAM_JOIN_CLOSED:
		return wire.CodeTeamPermission, nil
	}
	return o.apply(standing.standing == wire.TeamStanding_TEAM_STANDING_APPLIED)
}

// invitedBy is who has invited, "" when nobody has.
func (s *standingRow) invitedBy() string {
	if s.standing == wire.TeamStanding_TEAM_STANDING_INVITED {
		return s.by
	}
	return ""
}

// enter makes account a member because it wanted to be.
func (o *teamOp) enter(account, inviter string, info *wire.Team) (wire.Code, error) {
	counts, ok, err := o.m.teamAccount(o.tx, o.c.Tenant, account)
	switch {
	case err != nil:
		return 0, err
	case !ok:
		return wire.CodeNotFound, nil
	case counts.isFull(o.t.head.mega(), o.c.TeamLimit):
		return wire.CodeTooManyTeams, nil
	case o.t.head.members >= uint64(info.MemberLimit):
		return wire.CodeTeamFull, nil
	}
	accounts := []string{account}
	if err := o.logMembers(&wire.TeamEvent{Kind: wire.TeamEventKind_TEAM_EVENT_JOINED, By: o.c.By, Accounts: accounts}); err != nil {
		return 0, err
	}
	if err := o.admit(accounts, inviter, info); err != nil {
		return 0, err
	}
	o.res.Members, o.res.Standing = o.t.audience(), wire.TeamStanding_TEAM_STANDING_MEMBER
	if err := o.tellStates(accounts); err != nil {
		return 0, err
	}
	return wire.CodeOK, o.putHead()
}

// apply makes By an applicant; again replaces what he has said.
func (o *teamOp) apply(again bool) (wire.Code, error) {
	_, ok, err := o.m.teamAccount(o.tx, o.c.Tenant, o.c.By)
	switch {
	case err != nil:
		return 0, err
	case !ok:
		return wire.CodeNotFound, nil
	case !again && o.t.head.applications >= MaxTeamApplications:
		return wire.CodeCountLimit, nil
	}
	row := applicantRow{timeMs: o.m.site.clockMs, note: o.c.Note}
	o.m.key = appendTeamMemberKey(o.m.key[:0], tableTeamApplicant, o.c.Tenant, o.c.Team, o.c.By)
	was, err := o.m.exists(o.tx)
	if err != nil {
		return 0, err
	}
	if !was {
		o.t.head.applications++
	}
	o.m.val = row.append(o.m.val[:0])
	if err := o.tx.Set(o.m.key, o.m.val); err != nil {
		return 0, err
	}
	o.t.head.applied = o.m.nextID()
	standing := standingRow{standing: wire.TeamStanding_TEAM_STANDING_APPLIED, version: o.t.head.applied, note: o.c.Note}
	if err := o.setStanding(o.c.By, &standing); err != nil {
		return 0, err
	}
	o.tell(o.c.By, standing.state(o.c.Team, &o.t.head, nil))
	o.res.Standing = standing.standing
	o.res.Application = &wire.TeamApplication{Account: o.c.By, Note: o.c.Note, TimeMs: row.timeMs}
	if o.res.Managers, err = o.managers(); err != nil {
		return 0, err
	}
	return wire.CodeOK, o.putHead()
}

func (o *teamOp) answerInvitation() (wire.Code, error) {
	standing, _, err := o.standing(o.c.By)
	if err != nil {
		return 0, err
	}
	if standing.standing != wire.TeamStanding_TEAM_STANDING_INVITED {
		return wire.CodeTeamStanding, nil
	}
	if !o.c.Flag {
		o.res.Standing = wire.TeamStanding_TEAM_STANDING_REFUSED
		return wire.CodeOK, o.end(o.c.By, o.res.Standing, o.m.nextID(), o.c.Note)
	}
	info, err := o.info()
	if err != nil {
		return 0, err
	}
	return o.enter(o.c.By, standing.by, info)
}

func (o *teamOp) answerApplication() (wire.Code, error) {
	if !o.by.manages() {
		return wire.CodeTeamPermission, nil
	}
	account := o.c.Accounts[0]
	o.m.key = appendTeamMemberKey(o.m.key[:0], tableTeamApplicant, o.c.Tenant, o.c.Team, account)
	if ok, err := o.m.exists(o.tx); err != nil || !ok {
		return wire.CodeTeamStanding, err
	}
	if o.c.Flag {
		info, err := o.info()
		if err != nil {
			return 0, err
		}
		return o.enter(account, "", info)
	}
	if err := o.dropApplication(account); err != nil {
		return 0, err
	}
	o.res.Standing = wire.TeamStanding_TEAM_STANDING_REFUSED
	if err := o.end(account, o.res.Standing, o.m.nextID(), o.c.Note); err != nil {
		return 0, err
	}
	return wire.CodeOK, o.putHead()
}

func (o *teamOp) kick() (wire.Code, error) {
	var gone []string
	for _, account := range o.c.Accounts {
		k, is, err := o.find(account)
		if err != nil {
			return 0, err
		}
		if is && k.role() >= o.by.role() {
			return wire.CodeTeamPermission, nil
		}
		if is {
			gone = append(gone, account)
		}
	}
	if !o.by.manages() {
		return wire.CodeTeamPermission, nil
	}
	if len(gone) == 0 {
		return wire.CodeOK, nil
	}
	if err := o.logMembers(&wire.TeamEvent{Kind: wire.TeamEventKind_TEAM_EVENT_KICKED, By: o.c.By, Accounts: gone}); err != nil {
		return 0, err
	}
	return wire.CodeOK, o.expel(gone, wire.TeamStanding_TEAM_STANDING_KICKED)
}

// leave is by a member or, when it was asked again, by one who has left.
func (o *teamOp) leave(isMember bool) (wire.Code, error) {
	if !isMember {
		standing, _, err := o.standing(o.c.By)
		if err != nil || standing.standing != wire.TeamStanding_TEAM_STANDING_LEFT {
			return wire.CodeNotInTeam, err
		}
		return wire.CodeOK, nil
	}
	if o.by.role() == wire.TeamRole_TEAM_ROLE_OWNER {
		return wire.CodeTeamPermission, nil
	}
	gone := []string{o.c.By}
	if err := o.logMembers(&wire.TeamEvent{Kind: wire.TeamEventKind_TEAM_EVENT_LEFT, By: o.c.By, Accounts: gone}); err != nil {
		return 0, err
	}
	return wire.CodeOK, o.expel(gone, wire.TeamStanding_TEAM_STANDING_LEFT)
}
