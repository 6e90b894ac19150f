package state

import (
	"hash/maphash"

	"github.com/yizhan-im/yizhan/appliance/wire"
	"github.com/yizhan-im/yizhan/raftstore"
)

// Every message asks whether its receiver has blacklisted or muted its sender,
// and nearly always the answer is no. specialFilter mirrors the keys of
// tableSpecial as a Bloom filter, so that this answer needs no lookup: it may say
// that a row is there which is not, never the other way round. A row that is
// deleted stays in the filter until the next Reset, and costs a lookup.
//
// The same serves tableAccountMute, see newMuteFilter.
//
// Like clientFilter it reads what is stored piece by piece, and says yes to
// everything until it is done.
type specialFilter struct {
	filterSize
	table byte
	seed  maphash.Seed
	bloom bloom
	next  []byte // where loading goes on; nil when it is done
}

func newSpecialFilter(size filterSize) specialFilter {
	return specialFilter{filterSize: size, table: tableSpecial, seed: maphash.MakeSeed(), next: appendTable(nil, tableSpecial)}
}

// empty reports whether no row is stored.
func (f *specialFilter) empty() bool { return f.next == nil && f.bloom.empty() }

// mayHold reports whether the row of this key may be stored.
func (f *specialFilter) mayHold(key []byte) bool {
	return f.next != nil || f.bloom.mayHold(maphash.Bytes(f.seed, key))
}

// add records that the row of this key is stored.
func (f *specialFilter) add(key []byte) { f.bloom.add(&f.filterSize, maphash.Bytes(f.seed, key)) }

// load reads the next rows that were stored before Reset. Call it before the
// batch has writes.
func (f *specialFilter) load(tx *raftstore.Tx) error {
	if f.next == nil {
		return nil
	}
	var err error
	f.next, err = loadRows(tx, f.next, f.table, f.rows, func(key []byte) { f.add(key) })
	return err
}

// specialOf is on which of its lists account has peer. It overwrites m.key.
func (m *Machine) specialOf(tx *raftstore.Tx, tenant uint32, account, peer string) (special, error) {
	if m.specials.empty() {
		return 0, nil
	}
	m.key = appendRelationKey(m.key[:0], tableSpecial, tenant, account, peer)
	if !m.specials.mayHold(m.key) {
		return 0, nil
	}
	stored, ok, err := tx.Get(m.key)
	if err != nil || !ok {
		return 0, err
	}
	return decodeSpecial(stored)
}

func decodeSpecial(b []byte) (special, error) {
	r := openRow(b)
	s := special(r.byte())
	if s == 0 || s > specialBlacklisted|specialMuted {
		r.fail()
	}
	return s, r.end("blacklist or mute list")
}

// admit decides whether m's receiver takes messages of its sender, and notes in
// res whether they make noise.
func (m *Machine) admit(tx *raftstore.Tx, tenant uint32, msg *wire.Message, res *SendResult) (bool, error) {
	s, err := m.specialOf(tx, tenant, msg.To, msg.From)
	if err != nil {
		return false, err
	}
	if s&specialBlacklisted != 0 {
		res.Code = wire.CodeBlacklisted
		return false, nil
	}
	res.Muted = s&specialMuted != 0
	return true, nil
}
