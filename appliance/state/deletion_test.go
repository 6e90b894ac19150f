package state

import (
	"fmt"
	"testing"

	"github.com/yizhan-im/yizhan/appliance/wire"
	"github.com/yizhan-im/yizhan/raftstore"
)

// TestASweepOfDeletionsGoesRound: marks of entries that are gone are found also
// behind more marks of entries that stay than one sweep looks through.
func TestASweepOfDeletionsGoesRound(t *testing.T) {
	n := newNode(t)
	n.setup("app", "a", "b", "c")
	say := func(to string, count int) {
		t.Helper()
		for i := range count {
			n.apply(text(testTime, 1, "a", to, fmt.Sprint(to, i), "hello"))
		}
	}
	remove := func(peer string, seq uint64) wire.Code {
		t.Helper()
		return one[*DeletionResult](n, &DeleteMessages{TimeMs: testTime, Tenant: 1, Account: "a", Peer: peer, Seqs: []uint64{seq}}).Code
	}
	const stay = 2*sweepDeletions + 10
	say("b", stay+5)
	say("c", 3)
	for seq := range uint64(stay) {
		if code := remove("b", seq+1); code != wire.CodeOK {
			t.Fatal(code)
		}
	}
	for seq := range uint64(3) {
		if code := remove("c", seq+1); code != wire.CodeOK {
			t.Fatal(code)
		}
	}
	n.apply(&Prune{TimeMs: testTime, Tenant: 1, Logs: []PrunedLog{{A: "a", B: "c", Floor: 4}}})
	n.inApply(func(tx *raftstore.Tx) error { // the account has many more in other conversations
		key := appendDeletionKey(nil, 1, "a", 0)
		var totals versionCount
		if _, err := loadRow(tx, key, totals.decode); err != nil {
			return err
		}
		totals.count = MaxDeletions
		return tx.Set(key, totals.append(nil))
	})
	tries := 1
	for remove("b", stay+1) != wire.CodeOK {
		if tries++; tries > 4 {
			t.Fatal("the account stays full")
		}
		n.restart()
	}
	if tries != 3 {
		t.Errorf("room was found at try %d, want 3", tries)
	}
	// Three marks went and one came; the next two fit without a sweep.
	for seq := uint64(stay + 2); seq <= stay+3; seq++ {
		if code := remove("b", seq); code != wire.CodeOK {
			t.Errorf("entry %d: %v", seq, code)
		}
	}
	for range 4 { // round and round, and nothing is found
		if code := remove("b", stay+4); code != wire.CodeCountLimit {
			t.Errorf("the last entry: %v", code)
		}
	}
}
