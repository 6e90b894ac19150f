package fanout

import (
	"testing"

	"google.golang.org/protobuf/proto"

	"github.com/yizhan-im/yizhan/appliance/state"
	"github.com/yizhan-im/yizhan/appliance/wire"
)

// TestReceiptsGoToTheSendersOnly, and to all their devices.
func TestReceiptsGoToTheSendersOnly(t *testing.T) {
	s := newSite(nil)
	for id, account := range map[uint64]string{1: "alice", 2: "alice", 3: "bob", 4: "carol", 5: "dave"} {
		s.login(t, id, 1, account)
	}
	s.login(t, 6, 2, "alice")
	read := &state.ReadResult{Code: wire.CodeOK, Tenant: 1, Session: 3, Reader: "bob", Peer: "7", Team: 7, After: 2, Seq: 9, TimeMs: 5, Changed: true, Receipts: []string{"carol", "alice", "away"}}
	s.Deliver([]any{read, &state.ReadResult{Code: wire.CodeNotInTeam, Tenant: 1, Receipts: []string{"dave"}}})
	want := &wire.TeamReceiptPush{Team: "7", Reader: "bob", AfterSeq: 2, Seq: 9, TimeMs: 5}
	for _, id := range []uint64{1, 2, 4} {
		got := s.conns[id].pushes
		var push wire.TeamReceiptPush
		if len(got) != 1 || got[0].Command != wire.PushTeamReceipt || push.UnmarshalVT(got[0].Payload) != nil || !proto.Equal(&push, want) {
			t.Errorf("session %d got %v", id, got)
		}
	}
	if s.conns[1].pushes[0] != s.conns[4].pushes[0] {
		t.Error("an event was made twice")
	}
	for _, id := range []uint64{3, 5, 6} {
		if len(s.conns[id].pushes) != 0 {
			t.Errorf("session %d was told", id)
		}
	}
}
