package appliance

import (
	"runtime/debug"
	"testing"
	"time"
)

func TestOnlyANodeAtRestTrimsItsMemoryAndOnlyOnce(t *testing.T) {
	const mb = 1 << 20
	var tr trimmer
	for i, step := range []struct {
		why  string
		m    memory
		trim bool
	}{
		{"a storm of clients", memory{allocated: 500 * mb, objects: 90 * mb, free: 40 * mb}, false},
		{"at rest", memory{allocated: 501 * mb, objects: 90 * mb, free: 40 * mb}, true},
		{"still at rest", memory{allocated: 502 * mb, objects: 60 * mb, free: 40 * mb}, false},
		{"work", memory{allocated: 600 * mb, objects: 60 * mb, free: 20 * mb}, false},
		{"at rest, little to gain", memory{allocated: 601 * mb, objects: 60 * mb, free: 5 * mb}, false},
		{"work again", memory{allocated: 700 * mb, objects: 900 * mb, free: 20 * mb}, false},
		{"at rest, a small share", memory{allocated: 701 * mb, objects: 900 * mb, free: 20 * mb}, false},
	} {
		if got := tr.worthwhile(step.m, 5*time.Second); got != step.trim {
			t.Errorf("step %d, %s: trim is %v", i, step.why, got)
		}
	}
}

func TestTheRuntimeKnowsTheMemoryMetrics(t *testing.T) {
	before := readMemory()
	garbage := make([]byte, 64<<20)
	grown := readMemory()
	if grown.allocated < before.allocated+uint64(len(garbage)) || grown.objects == 0 {
		t.Errorf("64 MiB were allocated: before %+v, after %+v", before, grown)
	}
	debug.FreeOSMemory()
	if after := readMemory(); after.free > 32<<20 {
		t.Errorf("%d bytes stay free after trimming", after.free)
	}
}
