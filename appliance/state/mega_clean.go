package state

import (
	"encoding/binary"

	"github.com/yizhan-im/yizhan/appliance/wire"
	"github.com/yizhan-im/yizhan/raftstore"
)

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
