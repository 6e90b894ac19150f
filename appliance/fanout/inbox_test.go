package fanout

import (
	"testing"

	"google.golang.org/protobuf/proto"

	"github.com/yizhan-im/yizhan/appliance/state"
	"github.com/yizhan-im/yizhan/appliance/wire"
)

// TestSettingsGoToTheOtherDevicesOfTheAccount: and to nobody else.
func TestSettingsGoToTheOtherDevicesOfTheAccount(t *testing.T) {
	s := newSite(nil)
	s.login(t, 1, 1, "alice")
	s.login(t, 2, 1, "alice")
	s.login(t, 3, 1, "bob")
	s.login(t, 4, 2, "alice") // of another tenant
	setting := &wire.ConversationSetting{Peer: "bob", Top: true, Version: 7}
	dnd := &wire.DoNotDisturb{On: true}
	s.Deliver([]any{
		&state.ConversationChangeResult{Code: wire.CodeOK, Tenant: 1, Session: 1, Account: "alice", Setting: setting, Changed: true},
		&state.DoNotDisturbResult{Code: wire.CodeOK, Tenant: 1, Session: 1, Account: "alice", DoNotDisturb: dnd, Version: 8, Changed: true},
		// What was refused or has changed nothing is not told.
		&state.ConversationChangeResult{Code: wire.CodeOK, Tenant: 1, Session: 1, Account: "alice", Setting: setting},
		&state.ConversationChangeResult{Code: wire.CodeNotFound, Tenant: 1, Session: 1, Account: "alice"},
		&state.DoNotDisturbResult{Code: wire.CodeOK, Tenant: 1, Session: 1, Account: "alice", DoNotDisturb: dnd, Version: 8},
	})
	for _, id := range []uint64{1, 3, 4} {
		if got := len(s.conns[id].pushes); got != 0 {
			t.Errorf("session %d got %d pushes", id, got)
		}
	}
	got := s.conns[2].pushes
	var first wire.ConversationSettingPush
	var second wire.DoNotDisturbPush
	if len(got) != 2 || got[0].Command != wire.PushConversationSetting || got[1].Command != wire.PushDoNotDisturb ||
		first.UnmarshalVT(got[0].Payload) != nil || second.UnmarshalVT(got[1].Payload) != nil ||
		!proto.Equal(first.Setting, setting) || !proto.Equal(second.DoNotDisturb, dnd) || second.Version != 8 {
		t.Errorf("alice's other device got %v %v %v", got, &first, &second)
	}
}

// TestReadManyIsToldAsItsReads: each peer gets a receipt, of a team nobody does, and
// the reader's other devices learn all.
func TestReadManyIsToldAsItsReads(t *testing.T) {
	s := newSite(nil)
	s.login(t, 1, 1, "alice")
	s.login(t, 2, 1, "alice")
	s.login(t, 3, 1, "bob")
	s.login(t, 4, 1, "carol")
	s.Deliver([]any{&state.ReadManyResult{
		Code: wire.CodeOK, Tenant: 1, Session: 1, Account: "alice",
		Reads: []state.ReadResult{
			{Code: wire.CodeOK, Tenant: 1, Session: 1, Reader: "alice", Peer: "bob", Seq: 4, Changed: true},
			{Code: wire.CodeOK, Tenant: 1, Session: 1, Reader: "alice", Peer: "9", Team: 9, Seq: 5, Changed: true},
		},
		Settings: []*wire.ConversationSetting{{Peer: "bob", Version: 7}},
	}})
	for id, want := range map[uint64][]wire.Command{
		1: nil, 2: {wire.PushRead, wire.PushRead, wire.PushConversationSetting}, 3: {wire.PushRead}, 4: nil,
	} {
		got := s.conns[id].pushes
		if len(got) != len(want) {
			t.Errorf("session %d got %d pushes, want %v", id, len(got), want)
			continue
		}
		for i, ev := range got {
			if ev.Command != want[i] {
				t.Errorf("session %d: push %d is %v, want %v", id, i, ev.Command, want[i])
			}
		}
	}
}
