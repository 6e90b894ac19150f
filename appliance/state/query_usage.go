package state

import (
	"bytes"

	"github.com/yizhan-im/yizhan/raftstore"
)

// Usage is how much of the site a tenant uses.
type Usage struct {
	Accounts      uint64
	Active        uint64 // accounts that count as active, see UsagePart
	Conversations uint64 // of two accounts
	Teams         uint64 // that are not dismissed
	Messages      uint64 // entries of all logs that are kept
	Rooms         uint64 // registered
	Files         uint64
	FileBytes     uint64
}

// usageTables are what UsagePart counts row by row.
var usageTables = [...]byte{tableAccount, tableDevices, tableConv, tableTeamHead}

// UsagePart counts at most limit rows of a tenant behind after, which is nil at
// first, into u; those of accounts are active of which active says so, by their name
// and their last login. next is where to go on, nil at the end.
func (q *Queries) UsagePart(tenant uint32, after []byte, limit int, active func(account string, lastLoginMs int64) bool, u *Usage) (next []byte, err error) {
	v := q.view()
	defer v.Close()
	w := usageWalk{v: v, tenant: tenant, left: limit, active: active, u: u}
	for _, table := range usageTables {
		if len(after) > 0 && after[0] > table {
			continue
		}
		if err := w.table(table, after); err != nil || w.next != nil {
			return w.next, err
		}
	}
	stored, ok, err := v.Get(appendConvPrefix(nil, tableRoomCreator, tenant, ""))
	if err == nil && ok {
		u.Rooms, err = decodeNumberRow(stored)
	}
	if err != nil {
		return nil, readError(err)
	}
	var files fileTotals
	if _, err := readRow(v, appendAccountKey(nil, tableFileTotal, tenant, ""), files.decode); err != nil {
		return nil, err
	}
	u.Files, u.FileBytes = files.files, files.bytes
	return nil, nil
}

// usageWalk is one call of UsagePart.
type usageWalk struct {
	v      *raftstore.View
	tenant uint32
	left   int
	active func(account string, lastLoginMs int64) bool
	u      *Usage
	next   []byte // a table's byte, and what is behind the tenant in a key
}

func (w *usageWalk) table(table byte, after []byte) error {
	prefix := appendU32(appendTable(nil, table), w.tenant)
	lo := prefix
	if len(after) > 0 && after[0] == table {
		lo = append(append(bytes.Clone(prefix), after[1:]...), 0)
	}
	last := []byte(nil)
	return scanWhile(w.v, lo, prefixEnd(prefix), func(key, row []byte) (bool, error) {
		if w.left == 0 {
			w.next = append([]byte{table}, last...) // the byte alone when there is none yet
			return false, nil
		}
		w.left--
		last = append(last[:0], key[len(prefix):]...)
		return true, w.count(table, last, row)
	})
}

func (w *usageWalk) count(table byte, name, row []byte) error {
	switch table {
	case tableAccount:
		w.u.Accounts++
	case tableDevices:
		var d devicesRow
		if err := d.decode(row); err != nil {
			return err
		}
		if w.active(string(name), d.lastLoginMs) {
			w.u.Active++
		}
	case tableConv:
		var conv convRow
		if err := conv.decode(row); err != nil {
			return err
		}
		w.u.Conversations++
		return w.messages(conv.id, conv.lastSeq)
	case tableTeamHead:
		var head teamHead
		if err := head.decode(row); err != nil {
			return err
		}
		if !head.dismissed {
			w.u.Teams++
		}
		id, err := teamOfKey(name)
		if err != nil {
			return err
		}
		return w.messages(id, head.lastSeq)
	}
	return nil
}

func (w *usageWalk) messages(log, lastSeq uint64) error {
	floor, err := readFloor(w.v, w.tenant, log)
	w.u.Messages += lastSeq + 1 - floor
	return err
}
