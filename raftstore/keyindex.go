package raftstore

import (
	"bytes"
	"hash/maphash"
	"slices"
)

// keyIndex finds the newest record of a key in a batch under construction. It
// holds positions in the batch's bytes, no copies, and is reused from batch to
// batch: an indexed Pebble batch (a skip list) costs several times as much per
// write (BenchmarkTx). It belongs to one goroutine.
type keyIndex struct {
	seed  maphash.Seed
	slots []keySlot // length is a power of two
	n     int
}

// keySlot is one key's newest record; keyLen 0 means free (keys are not empty).
type keySlot struct {
	hash           uint64
	keyOff, keyLen uint32
	valOff, valLen uint32 // valOff 0 means deleted: a batch begins with a header
}

const (
	minSlots = 1 << 10
	// maxIdleSlots bounds what an unusually large batch leaves behind: 1.5 MiB.
	maxIdleSlots = 1 << 16
)

func newKeyIndex() keyIndex {
	return keyIndex{seed: maphash.MakeSeed(), slots: make([]keySlot, minSlots)}
}

// reset empties the index.
func (x *keyIndex) reset() {
	if x.n == 0 {
		return
	}
	if len(x.slots) > maxIdleSlots {
		x.slots = make([]keySlot, minSlots)
	} else {
		clear(x.slots)
	}
	x.n = 0
}

// find returns the slot of key in data, or the free slot where it belongs.
func (x *keyIndex) find(data, key []byte, hash uint64) *keySlot {
	mask := uint64(len(x.slots) - 1)
	for i := hash & mask; ; i = (i + 1) & mask {
		s := &x.slots[i]
		if s.keyLen == 0 || s.hash == hash && bytes.Equal(data[s.keyOff:s.keyOff+s.keyLen], key) {
			return s
		}
	}
}

// get returns the slot of key, or nil.
func (x *keyIndex) get(data, key []byte) *keySlot {
	if x.n == 0 {
		return nil
	}
	if s := x.find(data, key, maphash.Bytes(x.seed, key)); s.keyLen != 0 {
		return s
	}
	return nil
}

// put records that key's newest record is the one described by s.
func (x *keyIndex) put(data, key []byte, s keySlot) {
	if 4*(x.n+1) > 3*len(x.slots) {
		x.grow()
	}
	s.hash = maphash.Bytes(x.seed, key)
	p := x.find(data, key, s.hash)
	if p.keyLen == 0 {
		x.n++
	}
	*p = s
}

// grow doubles the slots; no two keys are equal, so no bytes are compared.
func (x *keyIndex) grow() {
	old := x.slots
	x.slots = make([]keySlot, 2*len(old))
	mask := uint64(len(x.slots) - 1)
	for _, s := range old {
		if s.keyLen == 0 {
			continue
		}
		i := s.hash & mask
		for x.slots[i].keyLen != 0 {
			i = (i + 1) & mask
		}
		x.slots[i] = s
	}
}

// appendSorted appends every key's slot to dst, in the order of the keys.
func (x *keyIndex) appendSorted(dst []keySlot, data []byte) []keySlot {
	for i := range x.slots {
		if x.slots[i].keyLen != 0 {
			dst = append(dst, x.slots[i])
		}
	}
	slices.SortFunc(dst, func(a, b keySlot) int {
		return bytes.Compare(data[a.keyOff:a.keyOff+a.keyLen], data[b.keyOff:b.keyOff+b.keyLen])
	})
	return dst
}

// overlaps reports whether any key in the index lies in [lo, hi).
func (x *keyIndex) overlaps(data, lo, hi []byte) bool {
	if x.n == 0 {
		return false
	}
	for i := range x.slots {
		s := &x.slots[i]
		if s.keyLen == 0 {
			continue
		}
		k := data[s.keyOff : s.keyOff+s.keyLen]
		if bytes.Compare(k, lo) >= 0 && bytes.Compare(k, hi) < 0 {
			return true
		}
	}
	return false
}
