package raftstore

import (
	"errors"
	"testing"
)

func TestStoreKeepsCommandsAcrossRestarts(t *testing.T) {
	o := testOptions(t, t.TempDir())
	for round := range uint64(3) {
		s := openLeader(t, o)
		propose(t, s, 1, round*20+1, round*20+20, 10)
		closeTest(t, s)
		if _, err := s.Propose(testContext(t), ledgerCommand(1, 1, 0)); !errors.Is(err, ErrClosed) {
			t.Fatalf("propose after close: %v", err)
		}
	}
	s := openLeader(t, o)
	if b := mustBook(t, s); b.Last != 60 {
		t.Fatalf("last position %d", b.Last)
	}
}
