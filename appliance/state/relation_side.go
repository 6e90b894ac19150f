package state

import (
	"bytes"
	"encoding/binary"

	"github.com/yizhan-im/yizhan/raftstore"
)

// relationSide is what account holds of peer, while a command changes it.
type relationSide struct {
	tenant        uint32
	account, peer string
	before, row   relationRow
	totals        relationTotals
}

// relationSide reads one side of a relation; what is not stored is empty.
func (m *Machine) relationSide(tx *raftstore.Tx, tenant uint32, account, peer string) (*relationSide, error) {
	s := &relationSide{tenant: tenant, account: account, peer: peer}
	m.key = appendRelationKey(m.key[:0], tableRelation, tenant, account, peer)
	stored, ok, err := tx.Get(m.key)
	if err != nil {
		return nil, err
	}
	if ok {
		if err := s.before.decode(stored); err != nil {
			return nil, err
		}
	}
	s.row = s.before
	s.totals, err = m.relationTotals(tx, tenant, account)
	return s, err
}

func (m *Machine) relationTotals(tx *raftstore.Tx, tenant uint32, account string) (t relationTotals, err error) {
	m.key = appendAccountKey(m.key[:0], tableRelationTotals, tenant, account)
	stored, ok, err := tx.Get(m.key)
	if err != nil || !ok {
		return t, err
	}
	err = t.decode(stored)
	return t, err
}

func (m *Machine) putRelationTotals(tx *raftstore.Tx, tenant uint32, account string, t *relationTotals) error {
	m.key = appendAccountKey(m.key[:0], tableRelationTotals, tenant, account)
	m.val = t.append(m.val[:0])
	return tx.Set(m.key, m.val)
}

// putSide stores s.row as the account's newest change, if it is one.
func (m *Machine) putSide(tx *raftstore.Tx, s *relationSide) (changed bool, err error) {
	if s.row == s.before {
		return false, nil
	}
	s.row.version, s.row.updatedMs = m.nextID(), m.site.clockMs
	if s.before.version != 0 {
		m.key = appendRelationOrderKey(m.key[:0], s.tenant, s.account, s.before.class(), s.before.version)
		if err := tx.Delete(m.key); err != nil {
			return false, err
		}
	}
	m.key = appendRelationOrderKey(m.key[:0], s.tenant, s.account, s.row.class(), s.row.version)
	if err := tx.Set(m.key, []byte(s.peer)); err != nil {
		return false, err
	}
	m.key = appendRelationKey(m.key[:0], tableRelation, s.tenant, s.account, s.peer)
	m.val = s.row.append(m.val[:0])
	if err := tx.Set(m.key, m.val); err != nil {
		return false, err
	}
	if err := m.putSpecial(tx, s); err != nil {
		return false, err
	}
	s.totals.replace(&s.before, &s.row)
	s.totals.version = s.row.version
	if s.totals.spare > MaxSpareRelations {
		if err := m.dropSpare(tx, s); err != nil {
			return false, err
		}
	}
	return true, m.putRelationTotals(tx, s.tenant, s.account, &s.totals)
}

// putSpecial keeps tableSpecial, and the filter in front of it, in step.
func (m *Machine) putSpecial(tx *raftstore.Tx, s *relationSide) error {
	is := s.row.special()
	if is == s.before.special() {
		return nil
	}
	m.key = appendRelationKey(m.key[:0], tableSpecial, s.tenant, s.account, s.peer)
	if is == 0 {
		return tx.Delete(m.key)
	}
	m.specials.add(m.key)
	return tx.Set(m.key, []byte{rowVersion, byte(is)})
}

// dropSpare removes the spare relation that changed longest ago. A device that
// has not seen that change can no longer be told of it alone: the floor says so.
func (m *Machine) dropSpare(tx *raftstore.Tx, s *relationSide) error {
	lo := appendRelationOrderKey(nil, s.tenant, s.account, relationSpare, 0)
	it, err := tx.Iter(lo, appendRelationOrderKey(nil, s.tenant, s.account, relationSpare+1, 0))
	if err != nil {
		return err
	}
	var order, peer []byte
	if it.First() {
		order, peer = bytes.Clone(it.Key()), bytes.Clone(it.Value())
	}
	if err := it.Close(); err != nil {
		return err
	}
	if order == nil {
		r := reader{bad: true}
		return r.end("count of spare relations")
	}
	if err := tx.Delete(order); err != nil {
		return err
	}
	m.key = append(appendConvPrefix(m.key[:0], tableRelation, s.tenant, s.account), peer...)
	if err := tx.Delete(m.key); err != nil {
		return err
	}
	s.totals.spare--
	s.totals.floor = binary.BigEndian.Uint64(order[len(order)-8:])
	return nil
}
