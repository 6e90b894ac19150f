package state

import (
	"encoding/binary"

	"github.com/yizhan-im/yizhan/appliance/wire"
)

// teams ends the next of what the account is to teams.
func (o *removalOp) teams() (over bool, err error) {
	m := o.m
	var ids []uint64
	err = scanTx(o.tx, appendConvPrefix(nil, tableTeamStanding, o.tenant, o.account), func(key, _ []byte) error {
		if len(ids) == removalTeams {
			return errEnough
		}
		ids = append(ids, lastU64(key))
		return nil
	})
	if err != nil {
		return false, err
	}
	for _, id := range ids {
		if err := o.team(id); err != nil {
			return false, err
		}
		for _, key := range [...][]byte{appendStandingKey(nil, o.tenant, o.account, id), appendMegaTeamKey(nil, o.tenant, o.account, id)} {
			if err := o.tx.Delete(key); err != nil {
				return false, err
			}
		}
	}
	if len(ids) == removalTeams {
		return false, nil
	}
	m.key = appendAccountKey(m.key[:0], tableTeamAccount, o.tenant, o.account)
	return true, o.tx.Delete(m.key)
}

// team takes the account out of one team, as if it had left. Its standing goes
// afterwards.
func (o *removalOp) team(id uint64) error {
	m := o.m
	t, err := m.team(o.tx, o.tenant, id)
	if err != nil {
		return err
	}
	if t == nil { // dismissed; of a mega-team members may still be there
		m.marks.forget(markKey{o.tenant, id, o.account})
		m.key = appendTeamMemberKey(m.key[:0], tableTeamMember, o.tenant, id, o.account)
		return o.tx.Delete(m.key)
	}
	c := &TeamChange{Op: TeamLeave, Tenant: o.tenant, By: o.account, Team: id, Backend: true}
	res := &TeamResult{Code: wire.CodeOK, Op: c.Op, Tenant: o.tenant, By: o.account, Team: id, Mega: t.head.mega()}
	by, isMember, err := m.teamMark(o.tx, o.tenant, id, t, o.account)
	if err != nil {
		return err
	}
	op := teamOp{m: m, tx: o.tx, c: c, res: res, t: t, by: by}
	switch {
	case !isMember:
		if err := op.dropApplication(o.account); err != nil {
			return err
		}
		return op.putHead()
	case by.role() != wire.TeamRole_TEAM_ROLE_OWNER:
		res.Code, err = op.leave(true)
	default:
		var heir string
		if heir, err = op.heir(); err != nil {
			return err
		}
		if heir == "" {
			c.Op, res.Op = TeamDismiss, TeamDismiss
			res.Code, err = op.dismiss()
			break
		}
		c.Op, res.Op, c.Flag, c.Accounts = TeamTransfer, TeamTransfer, true, []string{heir}
		res.Code, err = op.transfer()
	}
	if err == nil && res.Code == wire.CodeOK {
		o.res.Parts = append(o.res.Parts, res)
	}
	return err
}

// maxHeirs is how many members of a mega-team are looked at for one who can own it.
const maxHeirs = 1000

// heir is who owns the team after its owner, o.c.By: the manager who has been a
// member for longest, else the member who has; of several the first by name. It is
// empty when there is nobody who is not being deleted too.
func (o *teamOp) heir() (heir string, err error) {
	best := int64(-1)
	consider := func(account string, joinedMs int64) error {
		if account == o.c.By || best >= 0 && joinedMs >= best {
			return nil
		}
		gone, err := o.m.accountGone(o.tx, o.c.Tenant, account)
		if err == nil && !gone {
			heir, best = account, joinedMs
		}
		return err
	}
	managers, err := o.managers()
	if err != nil {
		return "", err
	}
	for _, account := range managers {
		row, err := o.member(account)
		if err != nil {
			return "", err
		}
		if err := consider(account, row.joinedMs); err != nil {
			return "", err
		}
	}
	if heir != "" {
		return heir, nil
	}
	if !o.t.head.mega() {
		for _, account := range o.t.members.names {
			row, err := o.member(account)
			if err != nil {
				return "", err
			}
			if err := consider(account, row.joinedMs); err != nil {
				return "", err
			}
		}
		return heir, nil
	}
	// In the order of joining.
	var first []string
	prefix := appendTeamKey(nil, tableMegaOrder, o.c.Tenant, o.c.Team)
	err = scanTx(o.tx, prefix, func(key, _ []byte) error {
		if len(first) == maxHeirs {
			return errEnough
		}
		first = append(first, string(key[len(prefix):]))
		return nil
	})
	if err != nil {
		return "", err
	}
	for _, entry := range first {
		if err := consider(entry[8:], int64(binary.BigEndian.Uint64([]byte(entry)))); err != nil || heir != "" {
			return heir, err
		}
	}
	return "", nil
}
