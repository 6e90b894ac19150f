package raftstore

import (
	"errors"

	"github.com/cockroachdb/pebble/v2"
)

// The first byte of a key decides whose it is. Changing these breaks
// compatibility with stored data.
const (
	minUserByte = 0x01 // below: keys of the store itself
	endUserByte = 0xff // from here on: never used, so that an end bound exists
)

var (
	minUserKey = []byte{minUserByte}
	endUserKey = []byte{endUserByte}
)

// validKey reports whether a machine may use key.
func validKey(key []byte) bool {
	return len(key) > 0 && key[0] >= minUserByte && key[0] < endUserByte
}

// bounds replaces nil bounds by the ends of the machine's range and refuses
// what lies outside.
func bounds(lo, hi []byte) ([]byte, []byte, error) {
	if lo == nil {
		lo = minUserKey
	}
	if hi == nil {
		hi = endUserKey
	}
	if len(lo) == 0 || lo[0] < minUserByte || len(hi) == 0 || hi[0] < minUserByte ||
		pebble.DefaultComparer.Compare(hi, endUserKey) > 0 {
		return nil, nil, ErrReservedKey
	}
	return lo, hi, nil
}

// Iter walks the keys of [lo, hi) in order, in both directions, over the state
// as it was when the Iter was made. It belongs to one goroutine and must be
// closed. Key and Value are valid until the next move.
type Iter struct {
	it *pebble.Iterator
}

// First moves to the smallest key.
func (i *Iter) First() bool { return i.it.First() }

// Last moves to the largest key.
func (i *Iter) Last() bool { return i.it.Last() }

// Next moves to the next larger key.
func (i *Iter) Next() bool { return i.it.Next() }

// Prev moves to the next smaller key.
func (i *Iter) Prev() bool { return i.it.Prev() }

// SeekGE moves to the smallest key that is not below key.
func (i *Iter) SeekGE(key []byte) bool { return i.it.SeekGE(key) }

// SeekLT moves to the largest key below key.
func (i *Iter) SeekLT(key []byte) bool { return i.it.SeekLT(key) }

// Valid reports whether the Iter is at a key.
func (i *Iter) Valid() bool { return i.it.Valid() }

// Key returns the current key.
func (i *Iter) Key() []byte { return i.it.Key() }

// Value returns the current value. A value that cannot be read makes Error tell.
func (i *Iter) Value() []byte { return i.it.Value() }

// Error tells why a move returned false, or nil at the end of the range.
func (i *Iter) Error() error { return i.it.Error() }

// Close releases the Iter and reports any error it met.
func (i *Iter) Close() error { return i.it.Close() }

// newIter makes an Iter over r, which is a database or an indexed batch.
func newIter(r pebble.Reader, lo, hi []byte) (*Iter, error) {
	lo, hi, err := bounds(lo, hi)
	if err != nil {
		return nil, err
	}
	it, err := r.NewIter(&pebble.IterOptions{LowerBound: lo, UpperBound: hi})
	if err != nil {
		return nil, err
	}
	return &Iter{it: it}, nil
}

// get reads one key into dst's spare room.
func get(r pebble.Reader, dst, key []byte) ([]byte, bool, error) {
	v, closer, err := r.Get(key)
	if errors.Is(err, pebble.ErrNotFound) {
		return dst, false, nil
	}
	if err != nil {
		return dst, false, err
	}
	dst = append(dst, v...)
	return dst, true, closer.Close()
}
