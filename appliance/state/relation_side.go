package state

import "github.com/yizhan-im/yizhan/raftstore"

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
	if err := m.putOrdered(tx, relationTables, s.tenant, s.account, []byte(s.peer), s.before.place(), s.row.place(), &s.row); err != nil {
		return false, err
	}
	if err := m.putSpecial(tx, s); err != nil {
		return false, err
	}
	s.totals.replace(&s.before, &s.row)
	s.totals.version = s.row.version
	if s.totals.spare > MaxSpareRelations {
		if s.totals.floor, err = m.dropSpare(tx, relationTables, s.tenant, s.account); err != nil {
			return false, err
		}
		s.totals.spare--
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
