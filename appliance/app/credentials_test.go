package app

import (
	"net/netip"
	"strings"
	"testing"

	"github.com/yizhan-im/yizhan/appliance/state"
	"github.com/yizhan-im/yizhan/appliance/wire"
)

func TestCheckCredentials(t *testing.T) {
	w := shared.newTenant(t, state.Limits{})
	stranger := shared.newTenant(t, state.Limits{})
	token, barred, carol := w.account("alice"), w.account("barred"), stranger.account("carol")
	if err := w.app.SetBlocked(t.Context(), w.tenant.AppKey, "barred", true, false); err != nil {
		t.Fatal(err)
	}
	remote := addrPort("198.51.100.1:1")
	tenant, name, err := w.app.CheckCredentials(t.Context(), remote, w.tenant.AppKey, "Alice", token)
	if err != nil || tenant != w.tenant.ID || name != "alice" {
		t.Fatalf("%d %q %v, want tenant %d and alice", tenant, name, err, w.tenant.ID)
	}
	for _, c := range []struct {
		name, appKey, account, token string
		code                         wire.Code
	}{
		{"wrong token", w.tenant.AppKey, "alice", "wrong", wire.CodeWrongToken},
		{"another tenant's account", w.tenant.AppKey, "carol", carol, wire.CodeWrongToken},
		{"another tenant's appkey", stranger.tenant.AppKey, "alice", token, wire.CodeWrongToken},
		{"unknown appkey", "nothing", "alice", token, wire.CodeWrongToken},
		{"blocked", w.tenant.AppKey, "barred", barred, wire.CodeBlocked},
		{"no token", w.tenant.AppKey, "alice", "", wire.CodeBadParameter},
		{"no account", w.tenant.AppKey, "", token, wire.CodeBadParameter},
		{"long appkey", strings.Repeat("a", 65), "alice", token, wire.CodeBadParameter},
	} {
		if _, _, err := w.app.CheckCredentials(t.Context(), remote, c.appKey, c.account, c.token); wire.CodeOf(err) != c.code {
			t.Errorf("%s: %v, want code %d", c.name, err, c.code)
		}
	}
}

// TestCheckCredentialsSharesTheLimitOfLogins: whoever guesses cannot go on at
// the other entrance.
func TestCheckCredentialsSharesTheLimitOfLogins(t *testing.T) {
	n := newNode(t)
	w := n.newTenant(t, state.Limits{})
	token := w.account("alice")
	remote := netip.MustParseAddrPort("192.0.2.1:1") // that of connect's clients
	for range failureBurst {
		if _, _, err := w.app.CheckCredentials(t.Context(), remote, w.tenant.AppKey, "alice", "wrong"); wire.CodeOf(err) != wire.CodeWrongToken {
			t.Fatal(err)
		}
	}
	if _, _, err := w.app.CheckCredentials(t.Context(), remote, w.tenant.AppKey, "alice", token); wire.CodeOf(err) != wire.CodeRateLimited {
		t.Errorf("after %d failures: %v, want rate limited", failureBurst, err)
	}
	connect(t, w.app).refused(wire.CodeRateLimited, wire.CmdLogin, w.credentials("alice"))
}
