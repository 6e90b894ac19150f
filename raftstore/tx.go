package raftstore

import (
	"bytes"
	"encoding/binary"
	"errors"
	"io"
	"math/bits"

	"github.com/cockroachdb/pebble/v2"
)

const (
	// maxIterScans: an Iter first looks whether this batch wrote into its range
	// at all, which costs some 5 ns per key written. After this many looks the
	// batch gets a real index, so that a batch of iterating commands is not
	// quadratic.
	maxIterScans = 8
	// maxRangeDels: each Get looks at every DeleteRange of the batch; past this
	// many it asks the real index.
	maxRangeDels = 16
)

// Tx is the state as the commands of one batch see it: reads see the writes of
// earlier commands of the batch. It is valid during Machine.Apply, in that
// goroutine. Errors are of the disk or ErrReservedKey; both are fatal for the
// node when Apply returns them.
//
// Keys begin with a byte from 0x01 to 0xfe and are not empty. Keys and values
// passed in are copied.
type Tx struct {
	index     uint64
	db        *pebble.DB
	b         *pebble.Batch // plain until indexed
	keys      keyIndex
	sorted    []keySlot // scratch of sort
	rangeDels []rangeDel
	indexed   bool
	scans     int
	closer    io.Closer // of the value that Get returned last
}

type rangeDel struct {
	lo, hi []byte
	at     uint32 // length of the batch when it was made
}

// begin starts a batch on db; commit or abort ends it.
func (t *Tx) begin(db *pebble.DB, index uint64) {
	t.index, t.db, t.b = index, db, db.NewBatch()
	t.keys.reset()
	clear(t.rangeDels)
	t.rangeDels = t.rangeDels[:0]
	t.indexed, t.scans = false, 0
}

// commit writes the batch, all of it or nothing.
func (t *Tx) commit() error {
	if err := t.settle(); err != nil {
		return err
	}
	if err := t.sort(); err != nil {
		return err
	}
	// No sync and no WAL: the Raft log is the durability.
	if err := t.b.Commit(pebble.NoSync); err != nil {
		return err
	}
	err := t.b.Close()
	t.b, t.db = nil, nil
	return err
}

// sort puts the newest record of each key, in the order of the keys, in the place
// of the batch: neighbours make inserting into the memtable cheaper, which is
// the largest part of applying. Where the order matters, with range deletions,
// the batch stays as it is.
func (t *Tx) sort() error {
	if t.indexed || len(t.rangeDels) > 0 {
		return nil
	}
	data := t.b.Repr()
	t.sorted = t.keys.appendSorted(t.sorted[:0], data)
	b := t.db.NewBatchWithSize(len(data))
	for i := range t.sorted {
		s := &t.sorted[i]
		key := data[s.keyOff : s.keyOff+s.keyLen]
		var err error
		if s.valOff == 0 {
			err = b.Delete(key, nil)
		} else {
			err = b.Set(key, data[s.valOff:s.valOff+s.valLen], nil)
		}
		if err != nil {
			return errors.Join(err, b.Close())
		}
	}
	if cap(t.sorted) > maxIdleSlots {
		t.sorted = nil
	}
	old := t.b
	t.b = b
	return old.Close()
}

// abort drops the batch.
func (t *Tx) abort() {
	if t.b != nil {
		_ = t.settle()
		_ = t.b.Close()
		t.b, t.db = nil, nil
	}
}

// settle ends the life of the value that Get returned last.
func (t *Tx) settle() error {
	if t.closer == nil {
		return nil
	}
	err := t.closer.Close()
	t.closer = nil
	return err
}

// Index returns the Raft index of the entry that the current batch ends with.
// It is not a property of a command: batches differ between nodes and on
// replay, so no result and no stored value may depend on it.
func (t *Tx) Index() uint64 { return t.index }

// Get returns the value of key. It is valid until the next call to the Tx and
// must not be changed.
func (t *Tx) Get(key []byte) (val []byte, ok bool, err error) {
	if err := t.settle(); err != nil {
		return nil, false, err
	}
	if !validKey(key) {
		return nil, false, ErrReservedKey
	}
	return t.get(key)
}

func (t *Tx) get(key []byte) ([]byte, bool, error) {
	if len(t.rangeDels) > maxRangeDels {
		if err := t.makeIndexed(); err != nil {
			return nil, false, err
		}
		return t.read(t.b, key)
	}
	data := t.b.Repr()
	s := t.keys.get(data, key)
	from := uint32(0) // only later DeleteRanges count
	if s != nil {
		from = s.keyOff
	}
	for i := range t.rangeDels {
		d := &t.rangeDels[i]
		if d.at > from && bytes.Compare(key, d.lo) >= 0 && bytes.Compare(key, d.hi) < 0 {
			return nil, false, nil
		}
	}
	switch {
	case s == nil:
		return t.read(t.db, key)
	case s.valOff == 0:
		return nil, false, nil
	}
	end := s.valOff + s.valLen
	return data[s.valOff:end:end], true, nil
}

func (t *Tx) read(r pebble.Reader, key []byte) ([]byte, bool, error) {
	v, closer, err := r.Get(key)
	switch {
	case err == pebble.ErrNotFound:
		return nil, false, nil
	case err != nil:
		return nil, false, err
	}
	t.closer = closer
	return v, true, nil
}

// Set stores val under key.
func (t *Tx) Set(key, val []byte) error {
	dst, err := t.SetDeferred(key, len(val))
	if err != nil {
		return err
	}
	copy(dst, val)
	return nil
}

// SetParts stores the concatenation of parts under key.
func (t *Tx) SetParts(key []byte, parts ...[]byte) error {
	n := 0
	for _, p := range parts {
		n += len(p)
	}
	dst, err := t.SetDeferred(key, n)
	if err != nil {
		return err
	}
	for _, p := range parts {
		dst = dst[copy(dst, p):]
	}
	return nil
}

// SetDeferred stores a value of n bytes under key and returns the place for the
// value, which the caller fills completely before the next call to the Tx.
func (t *Tx) SetDeferred(key []byte, n int) ([]byte, error) {
	if !validKey(key) {
		return nil, ErrReservedKey
	}
	return t.set(key, n)
}

func (t *Tx) set(key []byte, n int) ([]byte, error) {
	if err := t.settle(); err != nil {
		return nil, err
	}
	op := t.b.SetDeferred(len(key), n)
	copy(op.Key, key)
	val := op.Value
	// An index looks at the key only, so the value may follow later.
	if err := op.Finish(); err != nil {
		return nil, err
	}
	// A record is kind, key length, key, value length, value: the places follow
	// from where the batch ends now.
	end := uint32(t.b.Len())
	valOff := end - uint32(n)
	t.keys.put(t.b.Repr(), key, keySlot{
		keyOff: valOff - uvarintLen(uint32(n)) - uint32(len(key)), keyLen: uint32(len(key)),
		valOff: valOff, valLen: uint32(n),
	})
	return val, nil
}

// Delete removes key, which need not exist.
func (t *Tx) Delete(key []byte) error {
	if err := t.settle(); err != nil {
		return err
	}
	if !validKey(key) {
		return ErrReservedKey
	}
	if err := t.b.Delete(key, nil); err != nil {
		return err
	}
	keyLen := uint32(len(key))
	t.keys.put(t.b.Repr(), key, keySlot{keyOff: uint32(t.b.Len()) - keyLen, keyLen: keyLen})
	return nil
}

// DeleteRange removes every key of [lo, hi); nil means the end of the range on
// that side. It is meant for rare, large deletions: each one slows later reads
// of the batch a little.
func (t *Tx) DeleteRange(lo, hi []byte) error {
	if err := t.settle(); err != nil {
		return err
	}
	lo, hi, err := bounds(lo, hi)
	if err != nil {
		return err
	}
	if bytes.Compare(lo, hi) >= 0 {
		return nil
	}
	if err := t.b.DeleteRange(lo, hi, nil); err != nil {
		return err
	}
	t.rangeDels = append(t.rangeDels, rangeDel{bytes.Clone(lo), bytes.Clone(hi), uint32(t.b.Len())})
	return nil
}

// Iter walks [lo, hi); nil means the end of the range on that side. It sees the
// batch as it is now, not writes made later, and must be closed before Apply
// returns.
func (t *Tx) Iter(lo, hi []byte) (*Iter, error) {
	if err := t.settle(); err != nil {
		return nil, err
	}
	lo, hi, err := bounds(lo, hi)
	if err != nil {
		return nil, err
	}
	if !t.indexed {
		if !t.touched(lo, hi) {
			return newIter(t.db, lo, hi)
		}
		if err := t.makeIndexed(); err != nil {
			return nil, err
		}
	}
	return newIter(t.b, lo, hi)
}

// touched reports whether the batch may have written into [lo, hi).
func (t *Tx) touched(lo, hi []byte) bool {
	if t.scans++; t.scans > maxIterScans {
		return true
	}
	for i := range t.rangeDels {
		d := &t.rangeDels[i]
		if bytes.Compare(d.lo, hi) < 0 && bytes.Compare(lo, d.hi) < 0 {
			return true
		}
	}
	return t.keys.overlaps(t.b.Repr(), lo, hi)
}

// makeIndexed replaces the plain batch by an indexed one with the same bytes, so
// that the positions in keys stay right.
func (t *Tx) makeIndexed() error {
	if t.indexed {
		return nil
	}
	b := t.db.NewIndexedBatch()
	if err := b.Apply(t.b, nil); err != nil {
		return err
	}
	old := t.b
	t.b, t.indexed = b, true
	return old.Close()
}

// uvarintLen is the length of v as a varint.
func uvarintLen(v uint32) uint32 {
	return uint32(bits.Len32(v|1)+6) / 7
}

// setUint128 writes two numbers under a key of the store itself.
func (t *Tx) setUint128(key []byte, a, b uint64) error {
	dst, err := t.set(key, 16)
	if err != nil {
		return err
	}
	binary.BigEndian.PutUint64(dst, a)
	binary.BigEndian.PutUint64(dst[8:], b)
	return nil
}
