package state

import (
	"github.com/yizhan-im/yizhan/appliance/wire"
	"github.com/yizhan-im/yizhan/raftstore"
)

func (m *Machine) createAccount(tx *raftstore.Tx, r *reader) (*AccountResult, error) {
	var c CreateAccount
	ok := c.decode(r)
	res := &AccountResult{Code: wire.CodeBadProtocol, Change: AccountCreated, Tenant: c.Tenant, Account: c.Account}
	if !ok {
		return res, nil
	}
	if !validAccount(c.Account) || len(c.TokenHash) != TokenHashSize || !validProfile(c.Profile) {
		res.Code = wire.CodeBadParameter
		return res, nil
	}
	if err := m.tick(tx, c.TimeMs); err != nil {
		return nil, err
	}
	m.key = appendTenantKey(m.key[:0], c.Tenant)
	if ok, err := m.exists(tx); err != nil || !ok {
		res.Code = wire.CodeNotFound
		return res, err
	}
	if ok, err := m.accountExists(tx, c.Tenant, c.Account); err != nil || ok {
		res.Code = wire.CodeRepeated
		return res, err
	}
	if _, ok, err := m.tombstone(tx, c.Tenant, c.Account); err != nil || ok {
		res.Code = wire.CodeAccountGone
		return res, err
	}
	return res, m.addAccount(tx, res, c.TokenHash, c.Profile)
}

func (m *Machine) setToken(tx *raftstore.Tx, r *reader) (*AccountResult, error) {
	var c SetToken
	ok := c.decode(r)
	res := &AccountResult{Code: wire.CodeBadProtocol, Change: AccountTokenSet, Tenant: c.Tenant, Account: c.Account}
	if !ok {
		return res, nil
	}
	if !validAccount(c.Account) || len(c.TokenHash) != TokenHashSize {
		res.Code = wire.CodeBadParameter
		return res, nil
	}
	return m.changeAccount(tx, c.TimeMs, res, func(a *accountRow) {
		a.tokenHash = c.TokenHash
		res.Kick = true
	})
}

func (m *Machine) setBlocked(tx *raftstore.Tx, r *reader) (*AccountResult, error) {
	var c SetBlocked
	ok := c.decode(r)
	res := &AccountResult{Code: wire.CodeBadProtocol, Change: AccountUnblocked, Tenant: c.Tenant, Account: c.Account}
	if c.Blocked {
		res.Change = AccountBlocked
	}
	if !ok {
		return res, nil
	}
	if !validAccount(c.Account) {
		res.Code = wire.CodeBadParameter
		return res, nil
	}
	return m.changeAccount(tx, c.TimeMs, res, func(a *accountRow) {
		a.blocked = c.Blocked
		res.Kick = c.Blocked && c.Kick
	})
}

// changeAccount rewrites the account's row as change says.
func (m *Machine) changeAccount(tx *raftstore.Tx, timeMs int64, res *AccountResult, change func(*accountRow)) (*AccountResult, error) {
	if err := m.tick(tx, timeMs); err != nil {
		return nil, err
	}
	m.key = appendAccountKey(m.key[:0], tableAccount, res.Tenant, res.Account)
	stored, ok, err := tx.Get(m.key)
	if err != nil {
		return nil, err
	}
	if !ok {
		res.Code = wire.CodeNotFound
		return res, nil
	}
	var row accountRow
	if err := row.decode(stored); err != nil {
		return nil, err
	}
	change(&row)
	res.Code = wire.CodeOK
	return res, m.putAccount(tx, &row)
}

// putAccount stores row under m.key.
func (m *Machine) putAccount(tx *raftstore.Tx, row *accountRow) error {
	m.val = row.append(m.val[:0])
	return tx.Set(m.key, m.val)
}

func (m *Machine) updateProfile(tx *raftstore.Tx, r *reader) (*AccountResult, error) {
	var c UpdateProfile
	ok := c.decode(r)
	res := &AccountResult{Code: wire.CodeBadProtocol, Change: AccountProfile, Tenant: c.Tenant, Account: c.Account}
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
	m.key = appendAccountKey(m.key[:0], tableProfile, c.Tenant, c.Account)
	stored, ok, err := tx.Get(m.key)
	if err != nil {
		return nil, err
	}
	if !ok {
		res.Code = wire.CodeNotFound
		return res, nil
	}
	p := new(wire.Profile)
	if err := p.UnmarshalVT(stored); err != nil {
		return nil, rowError("profile", err)
	}
	before := p.Name
	mergeProfile(p, c.Update)
	if !validProfile(p) {
		res.Code = wire.CodeBadParameter
		return res, nil
	}
	if err := m.indexName(tx, c.Tenant, c.Account, before, p.Name); err != nil {
		return nil, err
	}
	p.UpdatedMs = m.site.clockMs
	res.Code = wire.CodeOK
	return res, m.put(tx, p)
}

// mergeProfile sets the fields of p that u has.
func mergeProfile(p *wire.Profile, u *wire.UpdateProfileRequest) {
	set := func(dst *string, src *string) {
		if src != nil {
			*dst = *src
		}
	}
	set(&p.Name, u.Name)
	set(&p.Icon, u.Icon)
	set(&p.Sign, u.Sign)
	set(&p.Email, u.Email)
	set(&p.Birth, u.Birth)
	set(&p.Mobile, u.Mobile)
	set(&p.Ex, u.Ex)
	if u.Gender != nil {
		p.Gender = *u.Gender
	}
}

func validProfile(p *wire.Profile) bool {
	for _, s := range []string{p.Name, p.Icon, p.Sign, p.Email, p.Birth, p.Mobile, p.Ex} {
		if !validText(s, maxProfile) {
			return false
		}
	}
	return p.SizeVT() <= maxProfile
}
