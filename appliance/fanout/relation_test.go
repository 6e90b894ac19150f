package fanout

import (
	"testing"

	"google.golang.org/protobuf/proto"

	"github.com/yizhan-im/yizhan/appliance/state"
	"github.com/yizhan-im/yizhan/appliance/wire"
)

func encoded(r *wire.Relation) []byte {
	b, err := r.MarshalVT()
	if err != nil {
		panic(err)
	}
	return b
}

// told lists what the relation pushes to a session say.
func (s *site) told(t *testing.T, id uint64, want ...*wire.RelationPush) {
	t.Helper()
	got := s.conns[id].pushes
	if len(got) != len(want) {
		t.Fatalf("session %d: %d pushes, want %d", id, len(got), len(want))
	}
	for i, ev := range got {
		var push wire.RelationPush
		if err := push.UnmarshalVT(ev.Payload); ev.Command != wire.PushRelation || err != nil || !proto.Equal(&push, want[i]) {
			t.Errorf("session %d: push %d is %v %v %v, want %v", id, i, ev.Command, &push, err, want[i])
		}
	}
}

// TestEachSideIsToldItsOwnRelation: the account's other devices get what it
// holds, the peer's devices what the peer holds, and nobody the other's.
func TestEachSideIsToldItsOwnRelation(t *testing.T) {
	s := newSite(nil)
	s.login(t, 1, 1, "alice")
	s.login(t, 2, 1, "alice")
	s.login(t, 3, 1, "bob")
	s.login(t, 4, 1, "carol")
	s.login(t, 5, 2, "alice") // of another tenant
	own, theirs := &wire.Relation{Account: "bob", Friend: true, Alias: "B", Version: 8}, &wire.Relation{Account: "alice", Friend: true, Version: 9}
	s.Deliver([]any{&state.RelationResult{
		Code: wire.CodeOK, Tenant: 1, Session: 1, Account: "alice", Peer: "bob", Note: "hello",
		Relation: encoded(own), Changed: true, PeerRelation: encoded(theirs),
	}})
	s.told(t, 1)
	s.told(t, 2, &wire.RelationPush{Relation: own, By: "alice", Note: "hello"})
	s.told(t, 3, &wire.RelationPush{Relation: theirs, By: "alice", Note: "hello"})
	s.told(t, 4)
	s.told(t, 5)
}

func TestUnchangedRelationsAreNotTold(t *testing.T) {
	s := newSite(nil)
	s.login(t, 1, 1, "alice")
	s.login(t, 2, 1, "bob")
	s.Deliver([]any{
		&state.RelationResult{Code: wire.CodeForbidden, Tenant: 1, Account: "alice", Peer: "bob"},
		&state.RelationResult{Code: wire.CodeOK, Tenant: 1, Account: "alice", Peer: "bob", Relation: encoded(&wire.Relation{Account: "bob"})},
		&state.FriendModeResult{Code: wire.CodeOK, Tenant: 1, Account: "alice"},
		&state.FriendModeResult{Code: wire.CodeNotFound, Tenant: 1, Account: "alice", Changed: true},
	})
	s.told(t, 1)
	s.told(t, 2)
}

func TestFriendModeGoesToOtherDevices(t *testing.T) {
	s := newSite(nil)
	s.login(t, 1, 1, "alice")
	s.login(t, 2, 1, "alice")
	s.Deliver([]any{&state.FriendModeResult{Code: wire.CodeOK, Tenant: 1, Session: 1, Account: "alice", Mode: 1, Version: 7, Changed: true}})
	s.told(t, 1)
	var push wire.FriendModePush
	if ev := s.conns[2].pushes[0]; ev.Command != wire.PushFriendMode || push.UnmarshalVT(ev.Payload) != nil || push.Mode != 1 || push.Version != 7 {
		t.Errorf("push %v %v", ev.Command, &push)
	}
}
