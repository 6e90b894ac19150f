package app

import (
	"testing"

	"github.com/yizhan-im/yizhan/appliance/state"
	"github.com/yizhan-im/yizhan/appliance/wire"
)

func TestFullDiskRefusesWritesServesReadsAndRecovers(t *testing.T) {
	n := newNode(t)
	w := n.newTenant(t, state.Limits{})
	w.send(t, "bob", "alice", "before")
	p := w.login("alice")
	n.setFree(0)

	for cmd, in := range map[wire.Command]wire.Body{
		wire.CmdSend:          text("bob", "m1", "hello"),
		wire.CmdAck:           &wire.AckRequest{Version: 1},
		wire.CmdRead:          &wire.ReadRequest{Peer: "bob", Seq: 1},
		wire.CmdRecall:        &wire.RecallRequest{Peer: "bob", Seq: 1, ClientId: "r1"},
		wire.CmdUpdateProfile: &wire.UpdateProfileRequest{},
	} {
		if note := p.refused(wire.CodeBusy, cmd, in); note.RetryAfterMs == 0 {
			t.Errorf("%v: no advice when to try again", cmd)
		}
	}
	if _, err := n.app.RefreshToken(t.Context(), w.tenant.AppKey, "alice"); wire.CodeOf(err) != wire.CodeBusy {
		t.Errorf("backend's write: %v", err)
	}
	p.ok(wire.CmdSync, &wire.SyncRequest{}, nil)
	p.ok(wire.CmdHistory, &wire.HistoryRequest{Peer: "bob"}, nil)
	p.ok(wire.CmdProfiles, &wire.ProfilesRequest{Accounts: []string{"bob"}}, nil)
	late := w.loginOn("alice", "desk", wire.Platform_PLATFORM_PC) // to read
	late.ok(wire.CmdSync, &wire.SyncRequest{}, nil)

	n.setFree(plentyFree)
	p.ok(wire.CmdSend, text("bob", "m1", "hello"), nil)
	late.push(wire.PushMessage, new(wire.MessagePush))
}

// setFree changes the free space and returns when the store has acted on it: at
// its first look it sees the new value, at its second it has done with the first.
func (n *node) setFree(free uint64) {
	n.free.Store(free)
	<-n.looked
	<-n.looked
}

func TestStoppedStoreIsBusyAndNotAFailure(t *testing.T) {
	n := newNode(t)
	w := n.newTenant(t, state.Limits{})
	p := w.login("alice")
	if err := n.store.Close(); err != nil {
		t.Fatal(err)
	}
	p.refused(wire.CodeBusy, wire.CmdSend, text("alice", "m1", "hello"))
	p.refused(wire.CodeBusy, wire.CmdSync, &wire.SyncRequest{})
	if _, err := n.app.Send(t.Context(), w.tenant.AppKey, &wire.Message{From: "alice", To: "alice", Body: "x"}); wire.CodeOf(err) != wire.CodeBusy {
		t.Errorf("backend's message: %v", err)
	}
}
