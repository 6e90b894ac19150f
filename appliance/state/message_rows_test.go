package state

import (
	"bytes"
	"fmt"
	"reflect"
	"testing"

	"github.com/yizhan-im/yizhan/appliance/wire"
)

// messageRows are the rows of options and operations.
func messageRows() []row {
	return []row{
		&devicesRow{lastDevice: "phone", devices: []device{{"phone", 7, 9}, {"desk", 0, 0}}},
		&versionCount{version: 9, count: 300},
		&deletionRow{scene: wire.Scene_SCENE_TEAM, peer: "300", conv: 300, seqs: []uint64{1, 300}},
		&pinRow{by: "a", timeMs: testTime},
		&reactionRow{},
		&reactionRow{born: 300},
	}
}

func emptyLike(r row) row { return reflect.New(reflect.TypeOf(r).Elem()).Interface().(row) }

func TestMessageRowsSurviveEncoding(t *testing.T) {
	for _, full := range messageRows() {
		encoded := full.append(nil)
		got := emptyLike(full)
		if err := got.decode(encoded); err != nil || fmt.Sprintf("%+v", got) != fmt.Sprintf("%+v", full) {
			t.Errorf("%T: %+v %v, want %+v", full, got, err, full)
		}
		for n := range encoded {
			if err := emptyLike(full).decode(encoded[:n]); err == nil {
				t.Errorf("%T cut to %d of %d bytes is accepted", full, n, len(encoded))
			}
		}
	}
}

// FuzzMessageRow: any bytes are refused or decoded, and what was decoded can be
// stored and decoded again.
func FuzzMessageRow(f *testing.F) {
	for i, r := range messageRows() {
		f.Add(byte(i), r.append(nil))
	}
	f.Fuzz(func(t *testing.T, kind byte, b []byte) {
		like := messageRows()[int(kind)%len(messageRows())]
		r, again := emptyLike(like), emptyLike(like)
		if r.decode(b) != nil {
			return
		}
		encoded := r.append(nil)
		if err := again.decode(encoded); err != nil || !bytes.Equal(again.append(nil), encoded) {
			t.Fatalf("%+v became %+v: %v", r, again, err)
		}
	})
}
