package app

import (
	"testing"

	"github.com/yizhan-im/yizhan/appliance/state"
	"github.com/yizhan-im/yizhan/appliance/wire"
)

func TestUserKicksHisOwnOtherDevicesOnly(t *testing.T) {
	w := shared.newTenant(t, state.Limits{})
	phone := w.login("alice")
	desk := w.loginOn("alice", "desk", wire.Platform_PLATFORM_PC)
	web := w.loginOn("alice", "tab", wire.Platform_PLATFORM_WEB)
	bob := w.login("bob")
	id := func(p *peer) uint64 { return p.session.Identity().SessionID }

	phone.ok(wire.CmdKick, &wire.KickRequest{SessionIds: []uint64{id(desk), id(bob), id(phone), 12345}}, nil)
	var why wire.KickedPush
	desk.isClosed(wire.CodeOK, wire.PushKicked, &why)
	if why.Reason != wire.KickReason_KICK_REASON_OTHER_DEVICE || why.ByDevice != "phone" || why.ByPlatform != wire.Platform_PLATFORM_ANDROID {
		t.Errorf("kicked with %v", &why)
	}
	for _, p := range []*peer{phone, web, bob} {
		p.isOpen()
	}
	phone.refused(wire.CodeBadParameter, wire.CmdKick, &wire.KickRequest{})
	phone.refused(wire.CodeBadParameter, wire.CmdKick, &wire.KickRequest{SessionIds: make([]uint64, maxKicks+1)})
}

func TestNewTokenEndsTheSessionsAndLetsNobodyInWithTheOld(t *testing.T) {
	w := shared.newTenant(t, state.Limits{})
	phone := w.login("alice")
	desk := w.loginOn("alice", "desk", wire.Platform_PLATFORM_PC)
	bob := w.login("bob")
	token, err := w.app.RefreshToken(t.Context(), w.tenant.AppKey, "alice")
	if err != nil {
		t.Fatal(err)
	}
	for _, p := range []*peer{phone, desk} {
		var why wire.KickedPush
		p.isClosed(wire.CodeForbidden, wire.PushKicked, &why)
		if why.Reason != wire.KickReason_KICK_REASON_CREDENTIALS {
			t.Errorf("kicked with %v", &why)
		}
	}
	bob.isOpen()
	in := w.credentials("alice")
	connect(t, w.app).refused(wire.CodeWrongToken, wire.CmdLogin, in)
	in.Token = token
	connect(t, w.app).ok(wire.CmdLogin, in, nil)
}

func TestBlockEndsSessionsWhenAsked(t *testing.T) {
	w := shared.newTenant(t, state.Limits{})
	p := w.login("alice")
	block := func(blocked, kick bool) {
		t.Helper()
		if err := w.app.SetBlocked(t.Context(), w.tenant.AppKey, "alice", blocked, kick); err != nil {
			t.Fatal(err)
		}
	}
	block(true, false)
	w.settle(t)
	p.isOpen()
	connect(t, w.app).refused(wire.CodeBlocked, wire.CmdLogin, w.credentials("alice"))
	block(true, true)
	var why wire.KickedPush
	p.isClosed(wire.CodeForbidden, wire.PushKicked, &why)
	block(false, true)
	w.login("alice").isOpen()
}

func TestTenantsDoNotSeeEachOther(t *testing.T) {
	w, v := shared.newTenant(t, state.Limits{}), shared.newTenant(t, state.Limits{})
	v.account("carol")
	alice, namesake := w.login("alice"), v.login("alice")
	w.account("bob")
	otherBob := v.login("bob")

	alice.ok(wire.CmdSend, text("bob", "m1", "secret"), nil)
	alice.refused(wire.CodeNotFound, wire.CmdSend, text("carol", "m2", "secret"))
	alice.ok(wire.CmdRead, &wire.ReadRequest{Peer: "bob", Seq: 1}, nil)
	w.settle(t)
	namesake.quiet()
	otherBob.quiet()

	var page wire.HistoryResponse
	namesake.ok(wire.CmdHistory, &wire.HistoryRequest{Peer: "bob"}, &page)
	var changes wire.SyncResponse
	namesake.ok(wire.CmdSync, &wire.SyncRequest{}, &changes)
	var profiles wire.ProfilesResponse
	alice.ok(wire.CmdProfiles, &wire.ProfilesRequest{Accounts: []string{"carol"}}, &profiles)
	if len(page.Messages) != 0 || len(changes.Conversations) != 0 || len(profiles.Profiles) != 0 {
		t.Errorf("history %v, sync %v, profiles %v", &page, &changes, &profiles)
	}
	// The same client id belongs to each tenant's own sender.
	var out wire.SendResponse
	namesake.ok(wire.CmdSend, text("bob", "m1", "mine"), &out)
	if out.Duplicate || out.Seq != 1 {
		t.Errorf("answer %v", &out)
	}
	// Kicks stay within the tenant too.
	namesake.ok(wire.CmdKick, &wire.KickRequest{SessionIds: []uint64{alice.session.Identity().SessionID}}, nil)
	if _, err := v.app.RefreshToken(t.Context(), v.tenant.AppKey, "alice"); err != nil {
		t.Fatal(err)
	}
	namesake.isClosed(wire.CodeForbidden, wire.PushKicked, new(wire.KickedPush))
	alice.isOpen()
}
