package state

import (
	"fmt"
	"hash/maphash"
	"testing"

	"github.com/yizhan-im/yizhan/raftstore"
)

// loadedFilter has nothing stored to learn.
func loadedFilter(size filterSize) clientFilter {
	f := newClientFilter(size)
	f.next = nil
	return f
}

// TestFilterForgetsNothing: every id that was added is held, in its generation
// only, and few others seem to be.
func TestFilterForgetsNothing(t *testing.T) {
	f := loadedFilter(filterSize{blocks: 64, segments: 4})
	hash := func(i int) uint64 { return maphash.String(f.seed, fmt.Sprint(i)) }
	const ids = 64 * 15 * idsPerBlock // fills all segments
	for i := range ids {
		f.add(7, hash(i))
	}
	wrong := 0
	for i := range ids {
		if !f.mayHold(7, hash(i)) {
			t.Fatalf("id %d is forgotten", i)
		}
		if f.mayHold(6, hash(i)) || f.mayHold(8, hash(i)) {
			t.Fatalf("id %d is in another generation", i)
		}
		if f.mayHold(7, hash(ids+i)) {
			wrong++
		}
	}
	if wrong > ids*4/100 {
		t.Errorf("%d of %d answers are wrongly yes", wrong, ids)
	}
	f.add(7, hash(ids))
	if !f.generations[1].full || !f.mayHold(7, hash(-1)) || f.generations[1].segments != nil {
		t.Error("a full filter must say yes to everything, and give its memory back")
	}
	f.add(8, hash(1))
	f.add(9, hash(2))
	if f.mayHold(9, hash(1)) || !f.mayHold(8, hash(1)) || !f.mayHold(9, hash(2)) {
		t.Error("generation 9 must take the place of 7")
	}
	f.add(7, hash(3))
	if f.mayHold(9, hash(3)) {
		t.Error("an id of a dropped generation must not enter another")
	}
}

// TestFilterLoadsWhatIsStored: until it has read all rows it says yes, and then
// it knows them.
func TestFilterLoadsWhatIsStored(t *testing.T) {
	n := newNode(t)
	tenant := n.setup("app", "a", "b")
	for i := range 10 {
		n.apply(text(testTime, tenant, "a", "b", fmt.Sprint(i), ""))
	}
	n.reload(maxHotConvs, filterSize{blocks: 64, segments: 1, rows: 4})
	f := &n.b.m.clients
	hash := func(id int) uint64 {
		return f.hash(appendClientKey(nil, 0, tenant, "a", fmt.Sprint(id)))
	}
	generation := generationOf(testTime)
	for applies := range 3 {
		if !f.mayHold(generation, hash(99)) {
			t.Fatalf("loaded after %d batches", applies)
		}
		n.inApply(func(tx *raftstore.Tx) error { return n.b.m.Apply(tx, nil, nil) })
	}
	if f.mayHold(generation, hash(99)) {
		t.Error("not loaded after reading all rows")
	}
	for i := range 10 {
		if !f.mayHold(generation, hash(i)) {
			t.Errorf("id %d is stored, but not known", i)
		}
	}
}
