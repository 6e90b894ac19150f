package state

import (
	"encoding/binary"
	"hash/maphash"

	"github.com/yizhan-im/yizhan/raftstore"
)

// Nearly every client id is new, and to learn that from the store takes two
// lookups that find nothing: most of the time of a Send. clientFilter mirrors
// which client ids are stored, as a Bloom filter for each of the two generations,
// so that a new id usually needs no lookup. It may say that an id is there which
// is not, never the other way round; nothing that Apply answers or stores
// depends on it.
//
// After Reset the filter does not know what is stored. It reads that piece by
// piece, some rows in each Apply; until it is done, it says yes to everything.
type clientFilter struct {
	filterSize
	seed        maphash.Seed
	generations [2]bloom // of generation g at g%2
	next        []byte   // where loading goes on; nil when it is done
}

type filterSize struct {
	blocks   int // of the first segment, a power of two; each further one is twice as large
	segments int // most segments of one generation; past them it says yes to everything
	rows     int // rows to load in one Apply
}

// defaultFilterSize: 1 MiB holds 690,000 ids, and a generation takes at most
// 31 MiB for 21 million. Loading 4,096 rows adds about a millisecond to an Apply.
var defaultFilterSize = filterSize{blocks: 1 << 14, segments: 5, rows: 4096}

// bloom is a filter, here of one generation: split-block Bloom filters (Putze,
// Sanders, Singler: Cache-, Hash- and Space-Efficient Bloom Filters, 2007) in
// segments, of which only the last one takes new ids.
type bloom struct {
	generation uint32
	segments   [][]bloomBlock
	room       int  // ids that the last segment still takes
	full       bool // ids are missing
}

// bloomBlock is one cache line. An id sets one bit in each word of one block.
type bloomBlock [8]uint64

// idsPerBlock leaves 12 bits to an id: 0.5 % of the answers are wrongly yes.
const idsPerBlock = 42

func newClientFilter(size filterSize) clientFilter {
	return clientFilter{filterSize: size, seed: maphash.MakeSeed(), next: appendTable(nil, tableClient)}
}

// hash is of the key without its generation.
func (f *clientFilter) hash(key []byte) uint64 {
	return maphash.Bytes(f.seed, key[generationEnd:])
}

// mayHold reports whether an id of that hash may be stored in the generation.
func (f *clientFilter) mayHold(generation uint32, hash uint64) bool {
	if f.next != nil {
		return true
	}
	b := &f.generations[generation%2]
	// Of another generation: loaded, and no id of this one was met.
	return b.generation == generation && b.mayHold(hash)
}

// add records an id that is stored in the generation.
func (f *clientFilter) add(generation uint32, hash uint64) {
	b := &f.generations[generation%2]
	switch {
	case b.generation < generation:
		*b = bloom{generation: generation}
	case b.generation > generation:
		return // dropped meanwhile
	}
	b.add(&f.filterSize, hash)
}

// load reads the next rows that were stored before Reset. Call it before the
// batch has writes, which would make the iteration slow.
func (f *clientFilter) load(tx *raftstore.Tx) error {
	if f.next == nil {
		return nil
	}
	var err error
	f.next, err = loadRows(tx, f.next, tableClient, f.rows, func(key []byte) {
		if len(key) >= generationEnd {
			f.add(binary.BigEndian.Uint32(key[generationStart:]), f.hash(key))
		}
	})
	return err
}

// loadRows calls each for the keys of at most limit rows of the table, from key
// from on, and returns where to go on, nil at the end. It may reuse from.
func loadRows(tx *raftstore.Tx, from []byte, table byte, limit int, each func(key []byte)) (next []byte, err error) {
	it, err := tx.Iter(from, prefixEnd(appendTable(nil, table)))
	if err != nil {
		return from, err
	}
	ok := it.First()
	for n := 0; ok && n < limit; n++ {
		each(it.Key())
		ok = it.Next()
	}
	if ok {
		next = append(from[:0], it.Key()...)
	}
	return next, it.Close()
}

// empty reports whether nothing was added.
func (b *bloom) empty() bool { return !b.full && len(b.segments) == 0 }

// mayHold reports whether an id of that hash may have been added.
func (b *bloom) mayHold(hash uint64) bool {
	if b.full {
		return true
	}
	for _, blocks := range b.segments {
		if blockOf(blocks, hash).holds(hash) {
			return true
		}
	}
	return false
}

func (b *bloom) add(size *filterSize, hash uint64) {
	if b.room == 0 {
		if len(b.segments) == size.segments {
			b.full, b.segments = true, nil
		}
		if b.full {
			return
		}
		blocks := make([]bloomBlock, size.blocks<<len(b.segments))
		b.segments = append(b.segments, blocks)
		b.room = len(blocks) * idsPerBlock
	}
	b.room--
	blockOf(b.segments[len(b.segments)-1], hash).set(hash)
}

func blockOf(blocks []bloomBlock, hash uint64) *bloomBlock {
	return &blocks[hash&uint64(len(blocks)-1)]
}

// bits spreads the hash anew, as its low bits have chosen the block; each word
// takes six bits of the result.
func bits(hash uint64) uint64 {
	hash = (hash ^ hash>>32) * 0x9e3779b97f4a7c15 // 2^64 / golden ratio
	return hash >> 16
}

func (b *bloomBlock) holds(hash uint64) bool {
	h := bits(hash)
	for i := range b {
		if b[i]&(1<<(h&63)) == 0 {
			return false
		}
		h >>= 6
	}
	return true
}

func (b *bloomBlock) set(hash uint64) {
	h := bits(hash)
	for i := range b {
		b[i] |= 1 << (h & 63)
		h >>= 6
	}
}
