package state

import (
	"github.com/yizhan-im/yizhan/appliance/wire"
)

// transfer gives the team to a member. It has an effect once: asked again by who
// was the owner, it finds the new one there and is done.
func (o *teamOp) transfer() (wire.Code, error) {
	to := o.c.Accounts[0]
	k, is, err := o.find(to)
	switch {
	case err != nil:
		return 0, err
	case !is:
		return wire.CodeNotInTeam, nil
	case k.role() == wire.TeamRole_TEAM_ROLE_OWNER:
		return wire.CodeOK, nil
	case o.by.role() != wire.TeamRole_TEAM_ROLE_OWNER:
		return wire.CodeTeamPermission, nil
	}
	info, err := o.info()
	if err != nil {
		return 0, err
	}
	if err := o.log(&wire.TeamEvent{Kind: wire.TeamEventKind_TEAM_EVENT_OWNER, By: o.c.By, Accounts: o.c.Accounts}); err != nil {
		return 0, err
	}
	if k.role() == wire.TeamRole_TEAM_ROLE_MANAGER {
		o.t.head.managers--
	}
	if err := o.setRole(o.c.By, wire.TeamRole_TEAM_ROLE_MEMBER); err != nil {
		return 0, err
	}
	if err := o.setOwner(to); err != nil {
		return 0, err
	}
	info.Owner, info.UpdatedMs = to, o.m.site.clockMs
	o.t.head.infoVersion = o.t.head.version
	o.res.Members = o.t.audience()
	if err := o.putInfo(info); err != nil {
		return 0, err
	}
	if !o.c.Flag {
		return wire.CodeOK, o.tellStates([]string{o.c.By, to})
	}
	gone := []string{o.c.By}
	if err := o.logMembers(&wire.TeamEvent{Kind: wire.TeamEventKind_TEAM_EVENT_LEFT, By: o.c.By, Accounts: gone}); err != nil {
		return 0, err
	}
	if err := o.expel(gone, wire.TeamStanding_TEAM_STANDING_LEFT); err != nil {
		return 0, err
	}
	return wire.CodeOK, o.tellStates([]string{to})
}

// setOwner also lifts a mute, which nobody else could.
func (o *teamOp) setOwner(account string) error {
	row, err := o.member(account)
	if err != nil {
		return err
	}
	row.role, row.muted = wire.TeamRole_TEAM_ROLE_OWNER, false
	return o.putMember(account, &row)
}

func (o *teamOp) setManagers() (wire.Code, error) {
	if o.by.role() != wire.TeamRole_TEAM_ROLE_OWNER {
		return wire.CodeTeamPermission, nil
	}
	role, kind := wire.TeamRole_TEAM_ROLE_MEMBER, wire.TeamEventKind_TEAM_EVENT_MANAGERS_REMOVED
	if o.c.Flag {
		role, kind = wire.TeamRole_TEAM_ROLE_MANAGER, wire.TeamEventKind_TEAM_EVENT_MANAGERS_ADDED
	}
	changed, ok, err := o.changing(func(k mark) bool { return k.role() != role })
	if err != nil || !ok {
		return wire.CodeNotInTeam, err
	}
	if o.c.Flag && int(o.t.head.managers)+len(changed) > o.t.maxManagers() {
		return wire.CodeTeamManagers, nil
	}
	if len(changed) == 0 {
		return wire.CodeOK, nil
	}
	if o.c.Flag {
		o.t.head.managers += uint64(len(changed))
	} else {
		o.t.head.managers -= uint64(len(changed))
	}
	if err := o.log(&wire.TeamEvent{Kind: kind, By: o.c.By, Accounts: changed}); err != nil {
		return 0, err
	}
	for _, account := range changed {
		if err := o.setRole(account, role); err != nil {
			return 0, err
		}
	}
	o.res.Members = o.t.audience()
	return wire.CodeOK, o.tellStates(changed)
}

func (o *teamOp) muteMembers() (wire.Code, error) {
	if !o.by.manages() {
		return wire.CodeTeamPermission, nil
	}
	kind := wire.TeamEventKind_TEAM_EVENT_MEMBERS_UNMUTED
	if o.c.Flag {
		kind = wire.TeamEventKind_TEAM_EVENT_MEMBERS_MUTED
	}
	allowed := true
	changed, ok, err := o.changing(func(k mark) bool {
		allowed = allowed && k.role() < o.by.role()
		return k.muted() != o.c.Flag
	})
	switch {
	case err != nil:
		return 0, err
	case !ok:
		return wire.CodeNotInTeam, nil
	case !allowed:
		return wire.CodeTeamPermission, nil
	case len(changed) == 0:
		return wire.CodeOK, nil
	}
	if err := o.logMembers(&wire.TeamEvent{Kind: kind, By: o.c.By, Accounts: changed}); err != nil {
		return 0, err
	}
	for _, account := range changed {
		row, err := o.member(account)
		if err != nil {
			return 0, err
		}
		row.muted = o.c.Flag
		if err := o.putMember(account, &row); err != nil {
			return 0, err
		}
		if err := o.touch(account); err != nil {
			return 0, err
		}
	}
	o.res.Members = o.t.audience()
	return wire.CodeOK, o.tellStates(changed)
}

// changing are those of c.Accounts that differ; ok is false when one of them is
// no member.
func (o *teamOp) changing(differs func(mark) bool) (changed []string, ok bool, err error) {
	for _, account := range o.c.Accounts {
		k, is, err := o.find(account)
		if err != nil || !is {
			return nil, false, err
		}
		if differs(k) {
			changed = append(changed, account)
		}
	}
	return changed, true, nil
}

func (o *teamOp) muteAll() (wire.Code, error) {
	if !o.by.manages() {
		return wire.CodeTeamPermission, nil
	}
	if o.t.head.mute == o.c.Mute {
		return wire.CodeOK, nil
	}
	o.t.head.mute = o.c.Mute
	o.res.Members = o.t.audience()
	return wire.CodeOK, o.log(&wire.TeamEvent{Kind: wire.TeamEventKind_TEAM_EVENT_TEAM_MUTED, By: o.c.By, Mute: o.c.Mute})
}

// settings changes what a member shows in this team and, for himself, whether
// he wants to be notified.
func (o *teamOp) settings() (wire.Code, error) {
	account, u := o.c.Accounts[0], o.c.Member
	k, is, err := o.find(account)
	switch {
	case err != nil:
		return 0, err
	case !is:
		return wire.CodeNotInTeam, nil
	case account != o.c.By && (u.NotifyOff != nil || k.role() >= o.by.role()):
		return wire.CodeTeamPermission, nil
	}
	changed, err := o.setNotify(account, u.NotifyOff)
	if err != nil {
		return 0, err
	}
	if u.Nick == nil && u.Custom == nil {
		if changed {
			err = o.tellStates(o.c.Accounts)
		}
		return wire.CodeOK, err
	}
	row, err := o.member(account)
	if err != nil {
		return 0, err
	}
	give(&row.nick, u.Nick)
	give(&row.custom, u.Custom)
	if err := o.putMember(account, &row); err != nil {
		return 0, err
	}
	o.res.Members = o.t.audience()
	err = o.logMembers(&wire.TeamEvent{
		Kind: wire.TeamEventKind_TEAM_EVENT_MEMBER_UPDATED, By: o.c.By, Accounts: o.c.Accounts,
		Member: &wire.TeamMemberChanges{Nick: u.Nick, Custom: u.Custom},
	})
	if err != nil {
		return 0, err
	}
	if err := o.touch(account); err != nil {
		return 0, err
	}
	return wire.CodeOK, o.tellStates(o.c.Accounts)
}

// setNotify changes what only the account's own devices see.
func (o *teamOp) setNotify(account string, off *bool) (changed bool, err error) {
	if off == nil {
		return false, nil
	}
	standing, _, err := o.standing(account)
	if err != nil || standing.notifyOff == *off {
		return false, err
	}
	standing.notifyOff, standing.version = *off, o.m.nextID()
	return true, o.setStanding(account, &standing)
}
