package app

import (
	"context"
	"testing"

	"github.com/yizhan-im/yizhan/appliance/state"
	"github.com/yizhan-im/yizhan/appliance/wire"
)

// deleted waits until nothing is left of a deleted account. Each look at it comes
// behind a commit of its own.
func (w *world) deleted(account string) {
	w.t.Helper()
	ctx, cancel := context.WithTimeout(w.t.Context(), patience)
	defer cancel()
	for {
		r, err := w.app.Deletion(ctx, w.tenant.AppKey, account)
		if err != nil {
			w.t.Fatal(err)
		}
		if r.Stage == 0 && r.DoneMs != 0 {
			return
		}
		if _, err := propose[*state.ExpiryResult](ctx, w.app, &state.ExpireSubscriptions{TimeMs: w.app.now().UnixMilli()}); err != nil {
			w.t.Fatalf("%v, in stage %v", err, r.Stage)
		}
	}
}

func TestDeletedAccountIsToldAndGone(t *testing.T) {
	w := shared.newTenant(t, state.Limits{})
	phone, desk := w.login("alice"), w.loginOn("alice", "desk", wire.Platform_PLATFORM_PC)
	bob := w.login("bob")
	key, ctx := w.tenant.AppKey, t.Context()
	if _, err := w.app.ChangeRelation(ctx, key, state.RelationChange{Op: state.RelationAdd, Account: "alice", Peer: "bob"}); err != nil {
		t.Fatal(err)
	}
	var before wire.RelationPush
	bob.push(wire.PushRelation, &before)
	phone.ok(wire.CmdSend, text("bob", "1", "hello"), nil)
	bob.push(wire.PushMessage, new(wire.MessagePush))

	if err := w.app.DeleteAccount(ctx, key, "alice", true); err != nil {
		t.Fatal(err)
	}
	for _, p := range []*peer{phone, desk} {
		var why wire.KickedPush
		p.isClosed(wire.CodeForbidden, wire.PushKicked, &why)
		if why.Reason != wire.KickReason_KICK_REASON_SERVER || why.Note != deletedNote {
			t.Errorf("kicked with %v", &why)
		}
	}
	w.deleted("alice")
	in := w.credentials("alice")
	connect(t, w.app).refused(wire.CodeWrongToken, wire.CmdLogin, in)
	bob.refused(wire.CodeAccountGone, wire.CmdSend, text("alice", "2", "are you there?"))
	var erased wire.MessagePush
	bob.push(wire.PushMessage, &erased)
	if m := erased.Message; m.From != "alice" || !m.Op.GetSilent() || m.RefSeq != 1 {
		t.Errorf("pushed %v", m)
	}
	var part wire.RelationPush
	bob.push(wire.PushRelation, &part)
	if part.By != "alice" || part.Relation.Friend || part.Relation.Account != "alice" {
		t.Errorf("pushed %v", &part)
	}
	// Once more is no error; who never was, is.
	if err := w.app.DeleteAccount(ctx, key, "alice", false); err != nil {
		t.Error(err)
	}
	for what, err := range map[string]error{
		"delete nobody": w.app.DeleteAccount(ctx, key, "nobody", false),
		"state of nobody": func() error {
			_, err := w.app.Deletion(ctx, key, "nobody")
			return err
		}(),
		"recreate nobody": func() error {
			_, err := w.app.RecreateAccount(ctx, key, "nobody", "", nil)
			return err
		}(),
	} {
		if wire.CodeOf(err) != wire.CodeNotFound {
			t.Errorf("%s: %v", what, err)
		}
	}
	if _, err := w.app.CreateAccount(ctx, key, "alice", "", nil); wire.CodeOf(err) != wire.CodeAccountGone {
		t.Errorf("create: %v", err)
	}
	token, err := w.app.RecreateAccount(ctx, key, "alice", "", nil)
	if err != nil {
		t.Fatal(err)
	}
	in.Token = token
	anew := connect(t, w.app)
	anew.ok(wire.CmdLogin, in, nil)
	var sync wire.SyncResponse
	anew.ok(wire.CmdSync, &wire.SyncRequest{}, &sync)
	if len(sync.Conversations) != 0 {
		t.Errorf("the new account sees %v", sync.Conversations)
	}
}

// TestDeletionReachesOneTenantOnly: what a backend deletes is its own.
func TestDeletionReachesOneTenantOnly(t *testing.T) {
	mine, theirs := shared.newTenant(t, state.Limits{}), shared.newTenant(t, state.Limits{})
	mine.account("alice")
	other := theirs.login("alice")
	if err := mine.app.DeleteAccount(t.Context(), mine.tenant.AppKey, "alice", true); err != nil {
		t.Fatal(err)
	}
	mine.deleted("alice")
	other.isOpen()
	if _, err := mine.app.Deletion(t.Context(), theirs.tenant.AppKey, "alice"); wire.CodeOf(err) != wire.CodeNotFound {
		t.Errorf("the other tenant's account: %v", err)
	}
	if _, err := mine.app.Profiles(t.Context(), theirs.tenant.AppKey, []string{"alice"}); err != nil {
		t.Error(err)
	}
}

// TestTokenTellsOfADeletionUnderWay and a wrong one does not.
func TestTokenTellsOfADeletionUnderWay(t *testing.T) {
	n := newNode(t)
	w := n.newTenant(t, state.Limits{})
	in := w.credentials("alice")
	n.app.remover.close() // so that it stays under way
	if err := n.app.DeleteAccount(t.Context(), w.tenant.AppKey, "alice", false); err != nil {
		t.Fatal(err)
	}
	connect(t, n.app).refused(wire.CodeAccountGone, wire.CmdLogin, in)
	in.Token = "another"
	connect(t, n.app).refused(wire.CodeWrongToken, wire.CmdLogin, in)
	if _, err := n.app.RecreateAccount(t.Context(), w.tenant.AppKey, "alice", "", nil); wire.CodeOf(err) != wire.CodeAccountGone {
		t.Errorf("recreated while its deletion is under way: %v", err)
	}
}
