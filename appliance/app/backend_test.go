package app

import (
	"strings"
	"testing"

	"github.com/yizhan-im/yizhan/appliance/session"
	"github.com/yizhan-im/yizhan/appliance/state"
	"github.com/yizhan-im/yizhan/appliance/wire"
)

func TestBackendsMessageReachesAllDevicesOfBoth(t *testing.T) {
	w := shared.newTenant(t, state.Limits{})
	alice, bob := w.login("alice"), w.login("bob")
	in := &wire.Message{From: "Alice", To: "bob", Type: 100, Body: `{"a":1}`, Ext: "{}"}
	out, err := w.app.Send(t.Context(), w.tenant.AppKey, in)
	if err != nil {
		t.Fatal(err)
	}
	for _, p := range []*peer{alice, bob} {
		var push wire.MessagePush
		p.push(wire.PushMessage, &push)
		m := push.Message
		if m.From != "alice" || m.FromPlatform != wire.Platform_PLATFORM_REST || m.Id != out.Id || m.ClientId == "" || m.Type != 100 {
			t.Errorf("pushed %v", m)
		}
	}
	if in.ClientId != "" {
		t.Error("the argument was changed")
	}

	in.ClientId = "once"
	first, err := w.app.Send(t.Context(), w.tenant.AppKey, in)
	if err != nil {
		t.Fatal(err)
	}
	again, err := w.app.Send(t.Context(), w.tenant.AppKey, in)
	if err != nil || !again.Duplicate || again.Id != first.Id {
		t.Errorf("again: %v, %v", again, err)
	}
}

func TestBackendsCallsAreValidated(t *testing.T) {
	w := shared.newTenant(t, state.Limits{})
	w.account("alice")
	ctx, key := t.Context(), w.tenant.AppKey
	long := strings.Repeat("a", 129)
	for name, c := range map[string]struct {
		call func() error
		code wire.Code
	}{
		"unknown appkey": {func() error { _, err := w.app.CreateAccount(ctx, "nothing", "x", "", nil); return err }, wire.CodeWrongToken},
		"account exists": {func() error { _, err := w.app.CreateAccount(ctx, key, "ALICE", "", nil); return err }, wire.CodeRepeated},
		"bad account":    {func() error { _, err := w.app.CreateAccount(ctx, key, "a b", "", nil); return err }, wire.CodeBadParameter},
		"long token":     {func() error { _, err := w.app.CreateAccount(ctx, key, "x", long, nil); return err }, wire.CodeBadParameter},
		"long name": {func() error {
			_, err := w.app.CreateAccount(ctx, key, "x", "", &wire.Profile{Name: long})
			return err
		}, wire.CodeBadParameter},
		"refresh nobody's token": {func() error { _, err := w.app.RefreshToken(ctx, key, "nobody"); return err }, wire.CodeNotFound},
		"set an empty token":     {func() error { return w.app.SetToken(ctx, key, "alice", "") }, wire.CodeBadParameter},
		"block nobody":           {func() error { return w.app.SetBlocked(ctx, key, "nobody", true, true) }, wire.CodeNotFound},
		"profile of nobody": {func() error {
			return w.app.UpdateProfile(ctx, key, "nobody", &wire.UpdateProfileRequest{})
		}, wire.CodeNotFound},
		"profile too long": {func() error {
			return w.app.UpdateProfile(ctx, key, "alice", &wire.UpdateProfileRequest{Email: &long})
		}, wire.CodeBadParameter},
		"no profiles": {func() error { _, err := w.app.Profiles(ctx, key, nil); return err }, wire.CodeBadParameter},
		"send to nobody": {func() error {
			_, err := w.app.Send(ctx, key, &wire.Message{From: "alice", To: "nobody", Body: "x"})
			return err
		}, wire.CodeNotFound},
		"send nothing": {func() error {
			_, err := w.app.Send(ctx, key, &wire.Message{From: "alice", To: "alice"})
			return err
		}, wire.CodeBadParameter},
		"history backwards": {func() error {
			_, err := w.app.History(ctx, key, "alice", "bob", 2, 1, 10, false, nil)
			return err
		}, wire.CodeBadParameter},
		"history of too much": {func() error {
			_, err := w.app.History(ctx, key, "alice", "bob", 1, 2, 101, false, nil)
			return err
		}, wire.CodeBadParameter},
		"appkey is taken": {func() error { _, err := w.app.CreateTenant(ctx, key, "", state.Limits{}); return err }, wire.CodeRepeated},
		"bad appkey":      {func() error { _, err := w.app.CreateTenant(ctx, "a b", "", state.Limits{}); return err }, wire.CodeBadParameter},
		"bad policy": {func() error {
			_, err := w.app.CreateTenant(ctx, "", "", state.Limits{DevicePolicy: uint8(session.PolicyAll) + 1})
			return err
		}, wire.CodeBadParameter},
		"update no tenant": {func() error {
			_, err := w.app.UpdateTenant(ctx, state.UpdateTenant{AppKey: "nothing"})
			return err
		}, wire.CodeNotFound},
	} {
		if code := wire.CodeOf(c.call()); code != c.code {
			t.Errorf("%s: %v, want %v", name, code, c.code)
		}
	}
}

func TestHistoryByTimeIsTheBackendsView(t *testing.T) {
	w := shared.newTenant(t, state.Limits{})
	first := w.send(t, "alice", "bob", "1")
	last := w.send(t, "bob", "alice", "2")
	got, err := w.app.History(t.Context(), w.tenant.AppKey, "BOB", "alice", first.TimeMs, last.TimeMs, 100, true, []uint32{0})
	if err != nil || len(got) != 2 || got[0].Body != "2" || got[1].Body != "1" {
		t.Errorf("%v, %v", got, err)
	}
}

func TestTenantsHaveTheirOwnSecrets(t *testing.T) {
	a, err := shared.app.CreateTenant(t.Context(), "", "A", state.Limits{})
	if err != nil {
		t.Fatal(err)
	}
	b, err := shared.app.CreateTenant(t.Context(), "", "B", state.Limits{})
	if err != nil {
		t.Fatal(err)
	}
	if len(a.AppKey) != 32 || len(a.Secret) != 32 || a.AppKey == b.AppKey || a.Secret == b.Secret {
		t.Errorf("tenants %+v and %+v", a, b)
	}
	all, err := shared.app.Tenants(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	found := 0
	for _, tenant := range all {
		if tenant.AppKey == a.AppKey || tenant.AppKey == b.AppKey {
			found++
		}
	}
	if found != 2 {
		t.Errorf("%d of 2 new tenants are listed", found)
	}

	secret := NewSecret()
	if _, err := shared.app.UpdateTenant(t.Context(), state.UpdateTenant{AppKey: a.AppKey, Secret: &secret}); err != nil {
		t.Fatal(err)
	}
	got, err := shared.app.Tenant(t.Context(), a.AppKey)
	if err != nil || got.Secret != secret || got.Name != "A" {
		t.Errorf("tenant %+v, %v after the change", got, err)
	}
}
