package state

import (
	"slices"

	"github.com/yizhan-im/yizhan/raftstore"
)

// keepForOlder is the upgradeStep for tenants from before messages were removed by
// their age: what such a tenant was promised to keep stays until its operator says
// otherwise. New tenants get the default.
func keepForOlder(m *Machine, tx *raftstore.Tx, after []byte, budget int) (last []byte, err error) {
	from := appendTable(nil, tableTenant)
	end := prefixEnd(from)
	if len(after) > 0 {
		from = append(slices.Clone(after), 0)
	}
	it, err := tx.Iter(from, end)
	if err != nil {
		return nil, err
	}
	var keys [][]byte
	var tenants []*Tenant
	for ok := it.First(); ok && len(keys) < budget; ok = it.Next() {
		t := new(Tenant)
		if err := t.decode(it.Value()); err != nil {
			_ = it.Close()
			return nil, err
		}
		keys, tenants = append(keys, slices.Clone(it.Key())), append(tenants, t)
	}
	if err := it.Close(); err != nil || len(keys) == 0 {
		return nil, err
	}
	for i, t := range tenants {
		if t.Limits.RetentionDays != 0 || t.Limits.RetentionMessages != 0 {
			continue
		}
		t.Limits.RetentionDays, t.Limits.RetentionMessages = RetentionForever, RetentionForever
		m.val = t.append(m.val[:0])
		if err := tx.Set(keys[i], m.val); err != nil {
			return nil, err
		}
	}
	return keys[len(keys)-1], nil
}
