package state

import (
	"bytes"
	"cmp"
	"encoding/binary"
	"slices"

	"github.com/yizhan-im/yizhan/raftstore"
)

// orderedTable is a pair of tables in which an account has rows of which each has the
// version of its newest change: relations, and settings of conversations. A device
// that was away reads what has changed since by the order. Rows that are spare, of
// which nothing is left but that something was, are bounded in number: the one that
// changed longest ago makes room, and its version becomes the floor.
type orderedTable struct {
	rows  byte // tenant, account+, name
	order byte // tenant, account+, class, version → name
}

// Classes of rows in the order. Changing a number breaks compatibility with stored
// data.
const (
	classHeld  = 0
	classSpare = 1
)

// place is where a row is in the order; version 0 is nowhere.
type place struct {
	class   byte
	version uint64
}

func (t orderedTable) appendKey(dst []byte, tenant uint32, account string, name []byte) []byte {
	return append(appendConvPrefix(dst, t.rows, tenant, account), name...)
}

func (t orderedTable) appendOrderKey(dst []byte, tenant uint32, account string, at place) []byte {
	return appendU64(append(appendConvPrefix(dst, t.order, tenant, account), at.class), at.version)
}

// putOrdered stores a row that was at one place in the order and is at another now.
func (m *Machine) putOrdered(tx *raftstore.Tx, t orderedTable, tenant uint32, account string, name []byte, was, is place, row interface{ append([]byte) []byte }) error {
	if was.version != 0 {
		m.key = t.appendOrderKey(m.key[:0], tenant, account, was)
		if err := tx.Delete(m.key); err != nil {
			return err
		}
	}
	m.key = t.appendOrderKey(m.key[:0], tenant, account, is)
	if err := tx.Set(m.key, name); err != nil {
		return err
	}
	m.key = t.appendKey(m.key[:0], tenant, account, name)
	m.val = row.append(m.val[:0])
	return tx.Set(m.key, m.val)
}

// dropSpare removes the spare row that changed longest ago, which there is, and returns
// its version. A device that has not seen that change can no longer be told of it alone.
func (m *Machine) dropSpare(tx *raftstore.Tx, t orderedTable, tenant uint32, account string) (floor uint64, err error) {
	lo := t.appendOrderKey(nil, tenant, account, place{classSpare, 0})
	it, err := tx.Iter(lo, t.appendOrderKey(nil, tenant, account, place{classSpare + 1, 0}))
	if err != nil {
		return 0, err
	}
	var order, name []byte
	if it.First() {
		order, name = bytes.Clone(it.Key()), bytes.Clone(it.Value())
	}
	if err := it.Close(); err != nil {
		return 0, err
	}
	if order == nil {
		r := reader{bad: true}
		return 0, r.end("count of spare rows")
	}
	if err := tx.Delete(order); err != nil {
		return 0, err
	}
	m.key = t.appendKey(m.key[:0], tenant, account, name)
	return lastU64(order), tx.Delete(m.key)
}

// changedRow names a row that has changed.
type changedRow struct {
	version uint64
	name    string
}

// after reads the names of the limit oldest changes after version. last is the version
// of the last one when there are more, otherwise 0. One iteration sees both classes as
// they were in one moment; the rows may be newer.
func (t orderedTable) after(v *raftstore.View, tenant uint32, account string, version uint64, limit int) (changes []changedRow, last uint64, err error) {
	prefix := appendConvPrefix(nil, t.order, tenant, account)
	it, err := v.Iter(prefix, prefixEnd(prefix))
	if err != nil {
		return nil, 0, readError(err)
	}
	for _, class := range [...]byte{classHeld, classSpare} {
		end := len(changes) + limit + 1 // one more tells that there is more
		for ok := it.SeekGE(t.appendOrderKey(nil, tenant, account, place{class, version + 1})); ok && len(changes) < end; ok = it.Next() {
			key := it.Key()[len(prefix):]
			if len(key) != 1+8 || key[0] != class {
				break
			}
			changes = append(changes, changedRow{binary.BigEndian.Uint64(key[1:]), string(it.Value())})
		}
	}
	if err := it.Close(); err != nil {
		return nil, 0, readError(err)
	}
	slices.SortFunc(changes, func(x, y changedRow) int { return cmp.Compare(x.version, y.version) })
	if len(changes) > limit {
		changes, last = changes[:limit], changes[limit-1].version
	}
	return changes, last, nil
}
