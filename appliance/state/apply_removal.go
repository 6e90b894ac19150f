package state

import (
	"github.com/yizhan-im/yizhan/appliance/wire"
	"github.com/yizhan-im/yizhan/raftstore"
)

// newRemovedFilter makes a filter of the names of deleted accounts, as that of the
// muted ones: a message must not look up two names that nobody has deleted.
func newRemovedFilter(size filterSize) specialFilter {
	f := newSpecialFilter(size)
	f.table, f.next = tableTombstone, appendTable(nil, tableTombstone)
	return f
}

// tombstone reads the row of a deleted account; ok is false when there is none. It
// overwrites m.key, unless no account has ever been deleted.
func (m *Machine) tombstone(tx *raftstore.Tx, tenant uint32, account string) (row tombstoneRow, ok bool, err error) {
	if m.removed.empty() {
		return row, false, nil
	}
	m.key = appendAccountKey(m.key[:0], tableTombstone, tenant, account)
	if !m.removed.mayHold(m.key) {
		return row, false, nil
	}
	stored, ok, err := tx.Get(m.key)
	if err != nil || !ok {
		return row, false, err
	}
	return row, true, row.decode(stored)
}

// accountGone reports whether one of the accounts was deleted, and nobody has its
// name since.
func (m *Machine) accountGone(tx *raftstore.Tx, tenant uint32, accounts ...string) (bool, error) {
	for _, account := range accounts {
		row, ok, err := m.tombstone(tx, tenant, account)
		if err != nil || ok && row.gone() {
			return ok, err
		}
	}
	return false, nil
}

// bornAt is the id that an account got that has the name of a deleted one; 0 of any
// other account.
func (m *Machine) bornAt(tx *raftstore.Tx, tenant uint32, account string) (uint64, error) {
	row, _, err := m.tombstone(tx, tenant, account)
	return row.born, err
}

func (m *Machine) putTombstone(tx *raftstore.Tx, tenant uint32, account string, row *tombstoneRow) error {
	m.key = appendAccountKey(m.key[:0], tableTombstone, tenant, account)
	m.removed.add(m.key)
	m.val = row.append(m.val[:0])
	return tx.Set(m.key, m.val)
}

// removeAccount does at once what ends the account: all that is one row. The rest
// goes by RemovalSteps.
func (m *Machine) removeAccount(tx *raftstore.Tx, r *reader) (*RemovalResult, error) {
	var c RemoveAccount
	ok := c.decode(r)
	res := &RemovalResult{Code: wire.CodeBadProtocol, Tenant: c.Tenant, Account: c.Account}
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
	job, running, err := m.removal(tx, c.Tenant, c.Account)
	if err != nil {
		return nil, err
	}
	if running {
		res.Code, res.Stage = wire.CodeOK, job.stage
		return res, nil
	}
	m.key = appendAccountKey(m.key[:0], tableAccount, c.Tenant, c.Account)
	stored, ok, err := tx.Get(m.key)
	if err != nil {
		return nil, err
	}
	if !ok {
		gone, err := m.accountGone(tx, c.Tenant, c.Account)
		res.Code = wire.CodeNotFound
		if gone { // done before
			res.Code, res.Done = wire.CodeOK, true
		}
		return res, err
	}
	var row accountRow
	if err := row.decode(stored); err != nil {
		return nil, err
	}
	if err := m.endAccount(tx, c.Tenant, c.Account); err != nil {
		return nil, err
	}
	if err := m.putTombstone(tx, c.Tenant, c.Account, &tombstoneRow{removedMs: m.site.clockMs}); err != nil {
		return nil, err
	}
	job = removalRow{stage: RemovalRelations, erase: c.Erase, startedMs: m.site.clockMs, tokenHash: row.tokenHash}
	if c.Erase {
		job.stage = RemovalErase
	}
	res.Code, res.Kick, res.Stage = wire.CodeOK, true, job.stage
	return res, m.putRemoval(tx, c.Tenant, c.Account, &job)
}

// endAccount deletes what makes the account one.
func (m *Machine) endAccount(tx *raftstore.Tx, tenant uint32, account string) error {
	m.key = appendAccountKey(m.key[:0], tableProfile, tenant, account)
	stored, ok, err := tx.Get(m.key)
	if err != nil {
		return err
	}
	if ok {
		p := new(wire.Profile)
		if err := p.UnmarshalVT(stored); err != nil {
			return rowError("profile", err)
		}
		if err := m.indexName(tx, tenant, account, p.Name, ""); err != nil {
			return err
		}
	}
	for _, table := range [...]byte{tableAccount, tableProfile, tableDevices, tableAccountMute} {
		m.key = appendAccountKey(m.key[:0], table, tenant, account)
		if err := tx.Delete(m.key); err != nil {
			return err
		}
	}
	return nil
}

// recreateAccount gives a reserved name to a new account.
func (m *Machine) recreateAccount(tx *raftstore.Tx, r *reader) (*AccountResult, error) {
	var c RecreateAccount
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
	if ok, err := m.accountExists(tx, c.Tenant, c.Account); err != nil || ok {
		res.Code = wire.CodeRepeated
		return res, err
	}
	stone, ok, err := m.tombstone(tx, c.Tenant, c.Account)
	switch {
	case err != nil:
		return nil, err
	case !ok:
		res.Code = wire.CodeNotFound
		return res, nil
	case stone.doneMs == 0:
		res.Code = wire.CodeAccountGone
		return res, nil
	}
	stone.born = m.nextID()
	if err := m.putTombstone(tx, c.Tenant, c.Account, &stone); err != nil {
		return nil, err
	}
	return res, m.addAccount(tx, res, c.TokenHash, c.Profile)
}

// addAccount stores a new account, that of res.
func (m *Machine) addAccount(tx *raftstore.Tx, res *AccountResult, tokenHash []byte, p *wire.Profile) error {
	row := accountRow{createdMs: m.site.clockMs, tokenHash: tokenHash}
	m.key = appendAccountKey(m.key[:0], tableAccount, res.Tenant, res.Account)
	if err := m.putAccount(tx, &row); err != nil {
		return err
	}
	if err := m.indexName(tx, res.Tenant, res.Account, "", p.Name); err != nil {
		return err
	}
	p.Account, p.UpdatedMs = res.Account, m.site.clockMs
	m.key = appendAccountKey(m.key[:0], tableProfile, res.Tenant, res.Account)
	res.Code = wire.CodeOK
	return m.put(tx, p)
}

func (m *Machine) removal(tx *raftstore.Tx, tenant uint32, account string) (row removalRow, ok bool, err error) {
	m.key = appendAccountKey(m.key[:0], tableRemoval, tenant, account)
	stored, ok, err := tx.Get(m.key)
	if err != nil || !ok {
		return row, false, err
	}
	return row, true, row.decode(stored)
}

func (m *Machine) putRemoval(tx *raftstore.Tx, tenant uint32, account string, row *removalRow) error {
	m.key = appendAccountKey(m.key[:0], tableRemoval, tenant, account)
	m.val = row.append(m.val[:0])
	return tx.Set(m.key, m.val)
}

// removalOp is a RemovalStep while it is applied.
type removalOp struct {
	m       *Machine
	tx      *raftstore.Tx
	tenant  uint32
	account string
	c       *RemovalStep
	job     removalRow
	res     *RemovalResult
}

func (m *Machine) removalStep(tx *raftstore.Tx, r *reader) (*RemovalResult, error) {
	var c RemovalStep
	ok := c.decode(r)
	res := &RemovalResult{Code: wire.CodeBadProtocol, Tenant: c.Tenant, Account: c.Account}
	if !ok {
		return res, nil
	}
	valid := validAccount(c.Account)
	for _, peer := range c.Peers {
		valid = valid && validAccount(peer) && peer != c.Account
	}
	if !valid {
		res.Code = wire.CodeBadParameter
		return res, nil
	}
	if err := m.tick(tx, c.TimeMs); err != nil {
		return nil, err
	}
	job, running, err := m.removal(tx, c.Tenant, c.Account)
	if err != nil {
		return nil, err
	}
	if res.Code = wire.CodeOK; !running {
		res.Done = true
		return res, nil
	}
	if res.Stage = job.stage; job.stage != c.Stage {
		return res, nil
	}
	o := &removalOp{m: m, tx: tx, tenant: c.Tenant, account: c.Account, c: &c, job: job, res: res}
	over, err := o.step()
	if err != nil {
		return nil, err
	}
	if !over {
		return res, m.putRemoval(tx, c.Tenant, c.Account, &o.job)
	}
	o.job.after = ""
	if o.job.stage++; o.job.stage <= removalStages {
		res.Stage = o.job.stage
		return res, m.putRemoval(tx, c.Tenant, c.Account, &o.job)
	}
	res.Stage, res.Done = 0, true
	return res, o.finish()
}

// step does a piece of the present stage and reports whether that is over.
func (o *removalOp) step() (over bool, err error) {
	switch o.job.stage {
	case RemovalRelations:
		return o.relations()
	case RemovalListed:
		for _, peer := range o.c.Peers {
			if err := o.forgetBy(peer); err != nil {
				return false, err
			}
		}
	case RemovalSubscriptions:
		return o.subscriptions()
	case RemovalTeams:
		return o.teams()
	case RemovalRooms:
		for _, room := range o.c.Rooms {
			if err := o.room(room); err != nil {
				return false, err
			}
		}
	case RemovalInbox:
		return true, o.inbox()
	case RemovalConversations:
		return o.conversations()
	}
	o.job.after = string(o.c.After)
	return o.c.Next, nil
}

// finish ends the removal: its name is all that is left.
func (o *removalOp) finish() error {
	row, _, err := o.m.tombstone(o.tx, o.tenant, o.account)
	if err != nil {
		return err
	}
	row.doneMs = o.m.site.clockMs
	if err := o.m.putTombstone(o.tx, o.tenant, o.account, &row); err != nil {
		return err
	}
	o.m.key = appendAccountKey(o.m.key[:0], tableRemoval, o.tenant, o.account)
	return o.tx.Delete(o.m.key)
}

// deleteUnder deletes all rows whose keys begin with prefix: few one by one, since
// range deletions pile up in the store.
func (m *Machine) deleteUnder(tx *raftstore.Tx, prefix []byte) error {
	var keys [][]byte
	err := scanTx(tx, prefix, func(key, _ []byte) error {
		if len(keys) > fewEntries {
			return errEnough
		}
		keys = append(keys, append([]byte(nil), key...))
		return nil
	})
	if err != nil {
		return err
	}
	if len(keys) > fewEntries {
		return tx.DeleteRange(prefix, prefixEnd(prefix))
	}
	for _, key := range keys {
		if err := tx.Delete(key); err != nil {
			return err
		}
	}
	return nil
}

// goneForSend reports whether a message is of or for an account that was deleted.
func (m *Machine) goneForSend(tx *raftstore.Tx, tenant uint32, msg *wire.Message) (bool, error) {
	if m.removed.empty() {
		return false, nil
	}
	if msg.Scene == wire.Scene_SCENE_P2P {
		return m.accountGone(tx, tenant, msg.From, msg.To)
	}
	return m.accountGone(tx, tenant, msg.From)
}

// ownEntry reports whether an entry is not one that an account has written which had
// the name before. Other accounts' entries are not.
func (m *Machine) ownEntry(tx *raftstore.Tx, tenant uint32, account string, entry *wire.Message) (bool, error) {
	if entry.From != account {
		return true, nil
	}
	born, err := m.bornAt(tx, tenant, account)
	return entry.Id >= born, err
}
