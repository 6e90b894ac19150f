package raftstore

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"

	"github.com/cockroachdb/pebble/v2"
	"github.com/cockroachdb/pebble/v2/vfs"
	"pgregory.net/rapid"
)

func memDB(t testing.TB) *pebble.DB {
	t.Helper()
	db, err := pebble.Open("", &pebble.Options{FS: vfs.NewMem(), DisableWAL: true, FormatMajorVersion: stateFormat, Logger: pebbleLogger{testLogger(t), nil}})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := db.Close(); err != nil {
			t.Error(err)
		}
	})
	return db
}

// model is what a Tx must behave like.
type model map[string]string

func (m model) deleteRange(lo, hi string) {
	for k := range m {
		if k >= lo && k < hi {
			delete(m, k)
		}
	}
}

func (m model) scan(lo, hi string) string {
	var b strings.Builder
	for _, k := range slices.Sorted(maps.Keys(m)) {
		if k >= lo && k < hi {
			fmt.Fprintf(&b, "%q=%q ", k, m[k])
		}
	}
	return b.String()
}

func scan(it *Iter) (string, error) {
	var b strings.Builder
	for ok := it.First(); ok; ok = it.Next() {
		fmt.Fprintf(&b, "%q=%q ", it.Key(), it.Value())
	}
	return b.String(), errors.Join(it.Error(), it.Close())
}

// TestTxBehavesLikeAMap runs random batches against a map, with few keys so that
// they meet, and with enough DeleteRanges and Iters to reach the real index.
func TestTxBehavesLikeAMap(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		db, err := pebble.Open("", &pebble.Options{FS: vfs.NewMem(), DisableWAL: true, FormatMajorVersion: stateFormat, Logger: quietLogger{}})
		if err != nil {
			t.Fatal(err)
		}
		defer db.Close()
		key := rapid.Custom(func(t *rapid.T) string {
			return string(rapid.SliceOfN(rapid.ByteRange(1, 4), 1, 3).Draw(t, "key"))
		})
		value := rapid.StringN(0, 200, 200)
		tx := Tx{keys: newKeyIndex()}
		stored := model{}
		for batch := range rapid.IntRange(1, 4).Draw(t, "batches") {
			tx.begin(db, uint64(batch))
			m := maps.Clone(stored)
			for range rapid.IntRange(0, 60).Draw(t, "operations") {
				k, k2 := key.Draw(t, "k"), key.Draw(t, "k2")
				lo, hi := min(k, k2), max(k, k2)
				switch rapid.IntRange(0, 9).Draw(t, "operation") {
				case 0, 1, 2:
					v := value.Draw(t, "v")
					must(t, tx.Set([]byte(k), []byte(v)))
					m[k] = v
				case 3:
					a, b := value.Draw(t, "a"), value.Draw(t, "b")
					must(t, tx.SetParts([]byte(k), []byte(a), []byte(b)))
					m[k] = a + b
				case 4:
					must(t, tx.Delete([]byte(k)))
					delete(m, k)
				case 5:
					must(t, tx.DeleteRange([]byte(lo), []byte(hi)))
					m.deleteRange(lo, hi)
				case 6:
					it, err := tx.Iter([]byte(lo), []byte(hi))
					must(t, err)
					got, err := scan(it)
					must(t, err)
					if want := m.scan(lo, hi); got != want {
						t.Fatalf("iter [%q, %q): %s, want %s", lo, hi, got, want)
					}
				default:
					v, ok, err := tx.Get([]byte(k))
					must(t, err)
					if want, has := m[k]; ok != has || string(v) != want {
						t.Fatalf("get %q: %q %v, want %q %v", k, v, ok, want, has)
					}
				}
			}
			if rapid.IntRange(0, 4).Draw(t, "abort") == 0 {
				tx.abort()
			} else {
				must(t, tx.commit())
				stored = m
			}
			it, err := newIter(db, nil, nil)
			must(t, err)
			got, err := scan(it)
			must(t, err)
			if want := stored.scan("\x01", "\xff"); got != want {
				t.Fatalf("state %s, want %s", got, want)
			}
		}
	})
}

func must(t *rapid.T, err error) {
	if err != nil {
		t.Fatal(err)
	}
}

type quietLogger struct{}

func (quietLogger) Infof(string, ...any)           {}
func (quietLogger) Errorf(string, ...any)          {}
func (quietLogger) Fatalf(format string, a ...any) { panic(fmt.Sprintf(format, a...)) }

// TestKeyIndexBehavesLikeAMap grows past the first size and is reused.
func TestKeyIndexBehavesLikeAMap(t *testing.T) {
	x := newKeyIndex()
	for _, n := range []int{10, 5000, 100, 2 * maxIdleSlots, 3} {
		x.reset()
		data := []byte{0} // offset 0 means deleted
		want := map[uint64]keySlot{}
		for i := range n {
			k := uint64(i % (n*2/3 + 1)) // some twice
			s := keySlot{keyOff: uint32(len(data)), keyLen: 8, valOff: uint32(i)}
			data = binary.BigEndian.AppendUint64(data, k)
			x.put(data, c8(k), s)
			want[k] = s
		}
		for k, s := range want {
			got := x.get(data, c8(k))
			if got == nil || got.keyOff != s.keyOff || got.valOff != s.valOff {
				t.Fatalf("of %d, key %d: %+v, want %+v", n, k, got, s)
			}
		}
		if got := x.get(data, c8(uint64(n+1))); got != nil {
			t.Fatalf("a key that was never put: %+v", got)
		}
	}
	x.reset()
	if len(x.slots) != minSlots {
		t.Errorf("%d slots are kept", len(x.slots))
	}
}

func TestReservedKeysAreRefused(t *testing.T) {
	db := memDB(t)
	tx := Tx{keys: newKeyIndex()}
	tx.begin(db, 1)
	defer tx.abort()
	v := View{db: newStateDB(db, "")}
	for _, k := range [][]byte{nil, {}, {0}, []byte("\x00applied"), {0xff}} {
		_, _, errGet := tx.Get(k)
		_, _, errView := v.Get(k)
		for _, err := range []error{errGet, errView, tx.Set(k, nil), tx.SetParts(k), tx.Delete(k)} {
			if !errors.Is(err, ErrReservedKey) {
				t.Errorf("key %q: %v", k, err)
			}
		}
	}
	for _, r := range [][2][]byte{{{0}, {1}}, {{1}, {0xff, 0}}, {{}, nil}} {
		if err := tx.DeleteRange(r[0], r[1]); !errors.Is(err, ErrReservedKey) {
			t.Errorf("range %q: %v", r, err)
		}
		if _, err := v.Iter(r[0], r[1]); !errors.Is(err, ErrReservedKey) {
			t.Errorf("iter %q: %v", r, err)
		}
	}
	if err := tx.DeleteRange(nil, nil); err != nil {
		t.Errorf("the machine's whole range: %v", err)
	}
}

func TestIterMovesBothWays(t *testing.T) {
	db := memDB(t)
	tx := Tx{keys: newKeyIndex()}
	tx.begin(db, 1)
	for _, k := range []string{"a", "b", "c", "d"} {
		if err := tx.Set([]byte(k), []byte("v"+k)); err != nil {
			t.Fatal(err)
		}
	}
	if err := tx.commit(); err != nil {
		t.Fatal(err)
	}
	it, err := newIter(db, []byte("b"), []byte("d"))
	if err != nil {
		t.Fatal(err)
	}
	defer it.Close()
	at := func(want string) {
		t.Helper()
		if !it.Valid() || string(it.Key()) != want || !bytes.Equal(it.Value(), []byte("v"+want)) {
			t.Errorf("not at %q", want)
		}
	}
	it.Last()
	at("c")
	it.Prev()
	at("b")
	if it.Prev() || it.Error() != nil {
		t.Error("went before the range")
	}
	it.SeekGE([]byte("bb"))
	at("c")
	it.SeekLT([]byte("c"))
	at("b")
}
