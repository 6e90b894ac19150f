package state

import (
	"encoding/binary"
	"slices"

	"github.com/yizhan-im/yizhan/appliance/wire"
	"github.com/yizhan-im/yizhan/raftstore"
)

// deleteMessages marks entries as deleted for one account. Nobody else's rows
// change, and the log stays as it is.
func (m *Machine) deleteMessages(tx *raftstore.Tx, r *reader) (*DeletionResult, error) {
	var c DeleteMessages
	ok := c.decode(r)
	res := &DeletionResult{Code: wire.CodeBadProtocol, Tenant: c.Tenant, Session: c.Session, Account: c.Account}
	if !ok {
		return res, nil
	}
	if !validAccount(c.Account) || c.Team == 0 && !validAccount(c.Peer) || c.Team != 0 && c.Peer != "" || len(c.Seqs) == 0 {
		res.Code = wire.CodeBadParameter
		return res, nil
	}
	if err := m.tick(tx, c.TimeMs); err != nil {
		return nil, err
	}
	if gone, err := m.accountGone(tx, c.Tenant, c.Account); err != nil || gone {
		res.Code = wire.CodeAccountGone
		return res, err
	}
	row := deletionRow{scene: wire.Scene_SCENE_P2P, peer: c.Peer}
	if c.Team != 0 {
		row.scene, row.peer = wire.Scene_SCENE_TEAM, TeamID(c.Team)
	}
	log, first, code, err := m.readableLog(tx, c.Tenant, c.Account, &wire.Origin{Scene: row.scene, Peer: row.peer})
	if err != nil || code != wire.CodeOK {
		res.Code = code
		return res, err
	}
	row.conv = log.id
	slices.Sort(c.Seqs)
	c.Seqs = slices.Compact(c.Seqs)
	if c.Seqs[0] < first || c.Seqs[len(c.Seqs)-1] > log.lastSeq {
		res.Code = wire.CodeNotFound
		return res, nil
	}
	if row.seqs, err = m.undeleted(tx, &c, log.id); err != nil {
		return nil, err
	}
	totals, err := m.deletionTotals(tx, c.Tenant, c.Account)
	if err != nil {
		return nil, err
	}
	res.Code = wire.CodeOK
	res.Deletion = &wire.Deletion{Scene: row.scene, Peer: row.peer, Version: totals.version}
	if len(row.seqs) == 0 {
		return res, nil
	}
	if totals.count+uint64(len(row.seqs)) > MaxDeletions {
		if err := m.sweepDeletions(tx, c.Tenant, c.Account, &totals); err != nil {
			return nil, err
		}
	}
	if totals.count+uint64(len(row.seqs)) > MaxDeletions {
		res.Code, res.Deletion = wire.CodeCountLimit, nil
		return res, m.putDeletionTotals(tx, c.Tenant, c.Account, &totals)
	}
	totals.version = m.nextID()
	totals.count += uint64(len(row.seqs))
	res.Deletion.Version, res.Deletion.Seqs = totals.version, row.seqs
	for _, seq := range row.seqs {
		m.key = appendDeletedKey(m.key[:0], c.Tenant, c.Account, log.id, seq)
		if err := tx.Set(m.key, []byte{rowVersion}); err != nil {
			return nil, err
		}
	}
	m.key = appendDeletionKey(m.key[:0], c.Tenant, c.Account, totals.version)
	m.val = row.append(m.val[:0])
	if err := tx.Set(m.key, m.val); err != nil {
		return nil, err
	}
	return res, m.putDeletionTotals(tx, c.Tenant, c.Account, &totals)
}

// undeleted are those of c.Seqs that are stored and not marked yet.
func (m *Machine) undeleted(tx *raftstore.Tx, c *DeleteMessages, conv uint64) ([]uint64, error) {
	floor, err := m.floor(tx, c.Tenant, conv)
	if err != nil {
		return nil, err
	}
	var fresh []uint64
	for _, seq := range c.Seqs {
		deleted, err := m.deletedFor(tx, c.Tenant, c.Account, conv, seq)
		if err != nil {
			return nil, err
		}
		if !deleted && seq >= floor {
			fresh = append(fresh, seq)
		}
	}
	return fresh, nil
}

// deletionTotals reads the totals of an account.
func (m *Machine) deletionTotals(tx *raftstore.Tx, tenant uint32, account string) (versionCount, error) {
	m.key = appendDeletionKey(m.key[:0], tenant, account, 0)
	return m.versionCount(tx, m.key)
}

func (m *Machine) putDeletionTotals(tx *raftstore.Tx, tenant uint32, account string, row *versionCount) error {
	m.key = appendDeletionKey(m.key[:0], tenant, account, 0)
	return m.putVersionCount(tx, m.key, row)
}

// sweepDeletions forgets the marks of entries that are below the floors of their
// logs, among the next deletions behind those that the last sweep has looked
// through: the oldest may be of entries that are kept for ever.
func (m *Machine) sweepDeletions(tx *raftstore.Tx, tenant uint32, account string, totals *versionCount) error {
	var place deletionPlace
	placeKey := appendDeletedKey(nil, tenant, account, 0, 0)
	before, err := loadRow(tx, placeKey, place.decode)
	if err != nil {
		return err
	}
	rows, last, err := nextDeletions(tx, tenant, account, place.version)
	if err == nil && last == 0 && place.version > 0 {
		rows, last, err = nextDeletions(tx, tenant, account, 0)
	}
	if err != nil {
		return err
	}
	switch {
	case len(rows) == sweepDeletions:
		err = tx.Set(placeKey, (&deletionPlace{last}).append(nil))
	case before: // these were the last ones
		err = tx.Delete(placeKey)
	}
	if err != nil {
		return err
	}
	for version, row := range rows {
		floor, err := m.floor(tx, tenant, row.conv)
		if err != nil {
			return err
		}
		kept := row.seqs[:0:0]
		for _, seq := range row.seqs {
			if seq >= floor {
				kept = append(kept, seq)
				continue
			}
			totals.count--
			if err := tx.Delete(appendDeletedKey(nil, tenant, account, row.conv, seq)); err != nil {
				return err
			}
		}
		key := appendDeletionKey(nil, tenant, account, version)
		switch {
		case len(kept) == len(row.seqs):
		case len(kept) == 0:
			err = tx.Delete(key)
		default:
			row.seqs = kept
			err = tx.Set(key, row.append(nil))
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// nextDeletions reads up to sweepDeletions rows by their versions, behind one, and
// tells the last of these, 0 when there are none. What is done to one row has
// nothing to do with the others, so their order does not matter.
func nextDeletions(tx *raftstore.Tx, tenant uint32, account string, behind uint64) (rows map[uint64]*deletionRow, last uint64, err error) {
	prefix := appendConvPrefix(nil, tableDeletionOrder, tenant, account)
	it, err := tx.Iter(appendU64(slices.Clone(prefix), behind+1), prefixEnd(prefix))
	if err != nil {
		return nil, 0, err
	}
	rows = make(map[uint64]*deletionRow)
	for ok := it.First(); ok && err == nil && len(rows) < sweepDeletions; ok = it.Next() {
		row := new(deletionRow)
		err = row.decode(it.Value())
		last = binary.BigEndian.Uint64(it.Key()[len(prefix):])
		rows[last] = row
	}
	if closeErr := it.Close(); err == nil {
		err = closeErr
	}
	return rows, last, err
}
