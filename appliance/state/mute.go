package state

import (
	"github.com/yizhan-im/yizhan/appliance/wire"
	"github.com/yizhan-im/yizhan/raftstore"
)

// newMuteFilter makes a filter of the muted accounts: nearly no account is, and
// Send must not look each one up.
func newMuteFilter(size filterSize) specialFilter {
	f := newSpecialFilter(size)
	f.table, f.next = tableAccountMute, appendTable(nil, tableAccountMute)
	return f
}

// mutedAt reports whether the account's user may not send in a place. It
// overwrites m.key.
func (m *Machine) mutedAt(tx *raftstore.Tx, tenant uint32, account string, place Mute) (bool, error) {
	if m.mutes.empty() {
		return false, nil
	}
	m.key = appendAccountKey(m.key[:0], tableAccountMute, tenant, account)
	if !m.mutes.mayHold(m.key) {
		return false, nil
	}
	mute, err := m.accountMute(tx)
	return mute&place != 0, err
}

// accountMute reads the row under m.key.
func (m *Machine) accountMute(tx *raftstore.Tx) (mute Mute, err error) {
	stored, ok, err := tx.Get(m.key)
	if err != nil || !ok {
		return 0, err
	}
	return mute, mute.decode(stored)
}

func (mute *Mute) decode(b []byte) error {
	r := openRow(b)
	*mute = Mute(r.byte())
	if *mute == 0 || *mute > MuteAll {
		r.fail()
	}
	return r.end("mute of an account")
}

// placeOfScene is where a message of a scene is sent.
func placeOfScene(scene wire.Scene) Mute {
	if scene == wire.Scene_SCENE_TEAM {
		return MuteTeam
	}
	return MuteP2P
}

func (m *Machine) muteAccount(tx *raftstore.Tx, r *reader) (*AccountResult, error) {
	var c MuteAccount
	ok := c.decode(r)
	res := &AccountResult{Code: wire.CodeBadProtocol, Change: AccountMuted, Tenant: c.Tenant, Account: c.Account}
	if !ok {
		return res, nil
	}
	if !validAccount(c.Account) {
		res.Code = wire.CodeBadParameter
		return res, nil
	}
	if err := m.tick(tx, c.TimeMs); err != nil {
		return nil, err
	}
	if ok, err := m.accountExists(tx, c.Tenant, c.Account); err != nil || !ok {
		res.Code = wire.CodeNotFound
		return res, err
	}
	m.key = appendAccountKey(m.key[:0], tableAccountMute, c.Tenant, c.Account)
	before, err := m.accountMute(tx)
	if err != nil {
		return nil, err
	}
	res.Code = wire.CodeOK
	switch after := before&^c.Mask | c.Set&c.Mask; after {
	case before:
		return res, nil
	case 0:
		return res, tx.Delete(m.key)
	default:
		m.mutes.add(m.key)
		return res, tx.Set(m.key, []byte{rowVersion, byte(after)})
	}
}

// AccountMute reads where the account's user may not send.
func (q *Queries) AccountMute(tenant uint32, account string) (mute Mute, err error) {
	if !validAccount(account) {
		return 0, nil
	}
	v := q.view()
	defer v.Close()
	_, err = readRow(v, appendAccountKey(nil, tableAccountMute, tenant, account), mute.decode)
	return mute, err
}
