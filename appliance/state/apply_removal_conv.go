package state

import (
	"bytes"
	"encoding/binary"

	"github.com/yizhan-im/yizhan/appliance/wire"
	"github.com/yizhan-im/yizhan/raftstore"
)

// inbox removes all that only the account itself could see. It is bounded by what
// an account may have.
func (o *removalOp) inbox() error {
	m, tx := o.m, o.tx
	for _, table := range [...]byte{tableSetting, tableSettingOrder, tableDeleted, tableDeletionOrder, tableNotification, tableLoginEvent} {
		if err := m.deleteUnder(tx, appendConvPrefix(nil, table, o.tenant, o.account)); err != nil {
			return err
		}
	}
	for _, table := range [...]byte{tableInbox, tableNotified, tableLoginTotals, tableDevices, tableAccountMute} {
		m.key = appendAccountKey(m.key[:0], table, o.tenant, o.account)
		if err := tx.Delete(m.key); err != nil {
			return err
		}
	}
	owner := notifyOwner{tenant: o.tenant, account: o.account}
	days := appendTable(nil, tableNotifyDay)
	if err := m.deleteDays(tx, days, days, func(day uint32) []byte { return owner.day(nil, day) }); err != nil {
		return err
	}
	logins := appendU32(appendTable(nil, tableLoginDay), o.tenant)
	err := m.deleteDays(tx, logins, logins, func(day uint32) []byte { return appendLoginDayKey(nil, o.tenant, day, o.account) })
	if err != nil {
		return err
	}
	// What the account has sent may not be told from what one with its name sends.
	now := generationOf(m.site.clockMs)
	for _, generation := range [...]uint32{now, now - 1} {
		prefix := appendName(appendU32(appendGenerationKey(nil, generation), o.tenant), o.account)
		if err := m.deleteUnder(tx, prefix); err != nil {
			return err
		}
	}
	return nil
}

// deleteDays deletes the row key(day) of each day that has rows in a table whose
// keys are prefix and then the day. There are no more days than what is there is
// kept for, since whatever sweeps them goes by days.
func (m *Machine) deleteDays(tx *raftstore.Tx, prefix, lo []byte, key func(day uint32) []byte) error {
	end := prefixEnd(prefix)
	for {
		it, err := tx.Iter(lo, end)
		if err != nil {
			return err
		}
		found, day := it.First(), uint32(0)
		if found {
			day = binary.BigEndian.Uint32(it.Key()[len(prefix):])
		}
		if err := it.Close(); err != nil || !found {
			return err
		}
		if err := tx.Delete(key(day)); err != nil || day == 1<<32-1 {
			return err
		}
		lo = appendU32(bytes.Clone(prefix), day+1)
	}
}

// conversations cuts the next conversations off from whoever has the name later.
// Those that nobody has any more go: with itself, and with deleted accounts.
func (o *removalOp) conversations() (over bool, err error) {
	prefixes := [...][]byte{
		appendConvPrefix(nil, tableConv, o.tenant, o.account), appendConvPrefix(nil, tableMember, o.tenant, o.account),
	}
	type entry struct {
		key  string // the table's byte and the peer
		peer string
	}
	var found []entry
	for _, prefix := range prefixes {
		lo := prefix
		if after := o.job.after; after != "" {
			if after[0] > prefix[0] {
				continue
			}
			if after[0] == prefix[0] {
				lo = append(append(bytes.Clone(prefix), after[1:]...), 0)
			}
		}
		names, err := o.m.namesBetween(o.tx, lo, prefixEnd(prefix), len(prefix), removalConversations-len(found))
		if err != nil {
			return false, err
		}
		for _, name := range names {
			found = append(found, entry{string(prefix[:1]) + name, name})
		}
	}
	for _, e := range found {
		if err := o.conversation(e.peer); err != nil {
			return false, err
		}
		o.job.after = e.key
	}
	return len(found) < removalConversations, nil
}

func (o *removalOp) conversation(peer string) error {
	m := o.m
	conv, err := m.conv(o.tx, o.tenant, o.account, peer)
	if err != nil || conv == nil {
		return err
	}
	gone, err := m.accountGone(o.tx, o.tenant, peer) // itself, too
	if err != nil {
		return err
	}
	if gone {
		return o.dropConversation(peer, conv)
	}
	return m.putFormer(o.tx, o.tenant, o.account, peer, conv.lastSeq)
}

// dropConversation removes a conversation with all that is in it.
func (o *removalOp) dropConversation(peer string, conv *convRow) error {
	m := o.m
	floor, err := m.floor(o.tx, o.tenant, conv.id)
	if err != nil {
		return err
	}
	for _, table := range prunedTables {
		if err := m.removeEntries(o.tx, table, o.tenant, conv.id, floor, conv.lastSeq+1); err != nil {
			return err
		}
	}
	if floor <= conv.lastSeq {
		o.res.Parts = append(o.res.Parts, &PruneResult{
			Code: wire.CodeOK, Tenant: o.tenant, Ranges: []PrunedRange{{Conversation: conv.id, First: floor, Last: conv.lastSeq}},
		})
	}
	convKey := appendConvKey(nil, o.tenant, o.account, peer)
	m.convs.forget(convKey)
	name, _ := appendConvName(nil, wire.Scene_SCENE_P2P, o.account)
	for _, key := range [...][]byte{
		convKey,
		append(appendConvPrefix(nil, tableMember, o.tenant, max(o.account, peer)), min(o.account, peer)...),
		appendFloorKey(nil, o.tenant, conv.id),
		appendSettingKey(nil, o.tenant, peer, name), // what cuts the other off
	} {
		if err := o.tx.Delete(key); err != nil {
			return err
		}
	}
	return nil
}

// putFormer hides the entries up to seq of a conversation from whoever has the
// account's name later: as a setting of its own, which no list of settings has.
func (m *Machine) putFormer(tx *raftstore.Tx, tenant uint32, account, peer string, seq uint64) error {
	name, ok := appendConvName(nil, wire.Scene_SCENE_P2P, peer)
	if !ok {
		return nil
	}
	row := conversationSetting{former: true, clearedSeq: seq, removedSeq: seq}
	m.key = appendSettingKey(m.key[:0], tenant, account, name)
	m.val = row.append(m.val[:0])
	return tx.Set(m.key, m.val)
}

// raiseFormer is for a conversation that has got one more entry while one of the two
// is gone, as by a recall: it belongs to what was before.
func (m *Machine) raiseFormer(tx *raftstore.Tx, tenant uint32, x, y string, seq uint64) error {
	if m.removed.empty() {
		return nil
	}
	for _, pair := range [...][2]string{{x, y}, {y, x}} {
		gone, err := m.accountGone(tx, tenant, pair[0])
		if err != nil {
			return err
		}
		if !gone {
			continue
		}
		cut, err := m.formerSeq(tx, tenant, pair[0], pair[1])
		if err == nil && cut != 0 && cut != seq {
			err = m.putFormer(tx, tenant, pair[0], pair[1], seq)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// formerSeq is the last entry of the conversation with peer that belongs to an
// account which had the name before; 0 when there is none.
func (m *Machine) formerSeq(tx *raftstore.Tx, tenant uint32, account, peer string) (uint64, error) {
	if _, ok, err := m.tombstone(tx, tenant, account); err != nil || !ok {
		return 0, err
	}
	name, ok := appendConvName(nil, wire.Scene_SCENE_P2P, peer)
	if !ok {
		return 0, nil
	}
	m.key = appendSettingKey(m.key[:0], tenant, account, name)
	stored, ok, err := tx.Get(m.key)
	if err != nil || !ok {
		return 0, err
	}
	var row conversationSetting
	if err := row.decode(stored); err != nil || !row.former {
		return 0, err
	}
	return row.clearedSeq, nil
}
