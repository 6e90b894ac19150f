package state

import (
	"errors"
	"fmt"
	"testing"

	"github.com/yizhan-im/yizhan/appliance/wire"
	"github.com/yizhan-im/yizhan/raftstore"
)

// TestQueriesDoNotMeetAPrune: entries that are removed while a query reads are there
// for it to the end. A View that is no snapshot finds them missing, and the query
// fails.
func TestQueriesDoNotMeetAPrune(t *testing.T) {
	n := newNode(t)
	tenant := n.setup("app", "a", "b")
	for i := range 5 {
		n.apply(text(testTime, tenant, "a", "b", fmt.Sprint(i), "x"))
	}
	read := func(v *raftstore.View, floor uint64) error {
		defer v.Close()
		l, err := openLog(v, tenant, "a", "b")
		if err != nil {
			t.Fatal(err)
		}
		n.apply(&Prune{TimeMs: testTime, Tenant: tenant, Logs: []PrunedLog{{A: "a", B: "b", Floor: floor}}})
		return l.read(l.floor, new(wire.Message))
	}
	if err := read(n.q.snapshot(), 3); err != nil {
		t.Errorf("in a snapshot: %v", err)
	}
	if err := read(n.q.view(), 5); !errors.Is(err, errDamaged) {
		t.Errorf("without: %v; this test does not show the race any more", err)
	}
}
