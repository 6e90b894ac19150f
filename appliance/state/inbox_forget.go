package state

import "github.com/yizhan-im/yizhan/raftstore"

// forgetInbox removes all that an account has set about its conversations, when it
// should not be disturbed, and where it may not send.
func (m *Machine) forgetInbox(tx *raftstore.Tx, tenant uint32, account string) error {
	for _, table := range [...]byte{tableSetting, tableSettingOrder} {
		prefix := appendConvPrefix(nil, table, tenant, account)
		if err := tx.DeleteRange(prefix, prefixEnd(prefix)); err != nil {
			return err
		}
	}
	for _, table := range [...]byte{tableInbox, tableAccountMute} {
		m.key = appendAccountKey(m.key[:0], table, tenant, account)
		if err := tx.Delete(m.key); err != nil {
			return err
		}
	}
	return nil
}
