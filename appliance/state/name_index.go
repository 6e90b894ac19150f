package state

import (
	"encoding/binary"
	"fmt"
	"strings"
	"unicode/utf8"

	"github.com/yizhan-im/yizhan/appliance/wire"
	"github.com/yizhan-im/yizhan/raftstore"
)

// tableName finds accounts by the beginning of their names: tenant, folded name, 0,
// account. Changing it, or FoldName, breaks compatibility with stored data.
const tableName = 0x87

// maxIndexedName is how much of a folded name is in the index, in bytes.
const maxIndexedName = 96

// FoldName makes of a name what is compared: without the differences between capital
// and small letters and between full and half width, and without control characters.
// Its tables are here and not Go's, which a new release may change: two nodes must
// make the same key of a name.
func FoldName(name string) string {
	return strings.Map(func(r rune) rune {
		switch {
		case r < ' ', r == 0x7f:
			return -1
		case r >= 0xff01 && r <= 0xff5e: // full width forms of ASCII
			r -= 0xff01 - '!'
		case r == 0x3000: // ideographic space
			r = ' '
		}
		switch {
		case r >= 'A' && r <= 'Z', r >= 0xc0 && r <= 0xde && r != 0xd7, // Latin
			r >= 0x391 && r <= 0x3a9 && r != 0x3a2, // Greek
			r >= 0x410 && r <= 0x42f:               // Cyrillic
			return r + 0x20
		case r >= 0x400 && r <= 0x40f:
			return r + 0x50
		case r >= 0x100 && r <= 0x12f, r >= 0x132 && r <= 0x137, r >= 0x14a && r <= 0x177: // Latin Extended-A: pairs
			return r | 1
		case r >= 0x139 && r <= 0x148, r >= 0x179 && r <= 0x17e: // and pairs that begin with an odd number
			return r + r&1
		}
		return r
	}, name)
}

// indexedName is what of a folded name is in a key.
func indexedName(folded string) string {
	if len(folded) <= maxIndexedName {
		return folded
	}
	cut := maxIndexedName
	for !utf8.RuneStart(folded[cut]) {
		cut--
	}
	return folded[:cut]
}

// appendNamePrefix is what the keys begin with of the names that begin with folded.
func appendNamePrefix(dst []byte, tenant uint32, folded string) []byte {
	return append(appendU32(appendTable(dst, tableName), tenant), indexedName(folded)...)
}

func appendNameKey(dst []byte, tenant uint32, folded, account string) []byte {
	return append(append(appendNamePrefix(dst, tenant, folded), 0), account...)
}

// indexName puts the account's name into the index, in the place of the one before.
// A site whose format is the first has no index yet: what it stores must be what
// older builds store.
func (m *Machine) indexName(tx *raftstore.Tx, tenant uint32, account, before, name string) error {
	before, name = FoldName(before), FoldName(name)
	if before == name {
		return nil
	}
	if m.format == firstFormat {
		if _, upgrading, err := tx.Get(keyUpgrade); err != nil || !upgrading {
			return err
		}
	}
	if before != "" {
		if err := tx.Delete(appendNameKey(nil, tenant, before, account)); err != nil {
			return err
		}
	}
	if name == "" {
		return nil
	}
	return tx.Set(appendNameKey(nil, tenant, name, account), nil)
}

// indexNames is the upgradeStep that puts the names of all profiles into the index.
func indexNames(_ *Machine, tx *raftstore.Tx, after []byte, budget int) (last []byte, err error) {
	prefix := appendTable(nil, tableProfile)
	lo := prefix
	if len(after) > 0 {
		lo = append(append([]byte(nil), after...), 0)
	}
	it, err := tx.Iter(lo, prefixEnd(prefix))
	if err != nil {
		return nil, err
	}
	var keys [][]byte
	more := false
	for ok := it.First(); ok && err == nil; ok = it.Next() {
		if more = budget == 0; more {
			break
		}
		budget--
		var p wire.Profile
		if err = p.UnmarshalVT(it.Value()); err != nil {
			err = rowError("profile", err)
			break
		}
		last = append(last[:0], it.Key()...)
		rest := it.Key()[len(prefix):]
		if len(rest) < 4 {
			err = fmt.Errorf("%w: key of a profile", errDamaged)
			break
		}
		if folded := FoldName(p.Name); folded != "" {
			keys = append(keys, appendNameKey(nil, binary.BigEndian.Uint32(rest), folded, string(rest[4:])))
		}
	}
	if closeErr := it.Close(); err == nil {
		err = closeErr
	}
	for _, key := range keys {
		if err == nil {
			err = tx.Set(key, nil)
		}
	}
	if !more {
		last = nil
	}
	return last, err
}
