package matrix

import (
	"context"
	"fmt"
	"strings"
	"testing"

	"github.com/yizhan-im/yizhan/appliance"
	"github.com/yizhan-im/yizhan/appliance/wire"
)

// transport is a way in which clients connect.
type transport string

const (
	overLink transport = "link"
	overWeb  transport = "weblink"
)

var transports = []transport{overLink, overWeb}

// platform is what a client says to be.
func (tr transport) platform() wire.Platform {
	if tr == overWeb {
		return wire.Platform_PLATFORM_WEB
	}
	return wire.Platform_PLATFORM_ANDROID
}

// site is a tenant of the node, and the transports of one run of a scenario.
type site struct {
	t             testing.TB
	tenant        appliance.TenantInfo
	backend       *backend
	first, second transport
}

// run runs the scenario for each pair of transports.
func run(t *testing.T, scenario func(s *site)) {
	t.Helper()
	for _, first := range transports {
		for _, second := range transports {
			t.Run(fmt.Sprintf("%s to %s", first, second), func(t *testing.T) {
				s := newSite(t, appliance.TenantRequest{})
				s.first, s.second = first, second
				scenario(s)
			})
		}
	}
}

// newSite makes a tenant with room for impatient scenarios, whose accounts may have
// any devices.
func newSite(t testing.TB, r appliance.TenantRequest) *site {
	t.Helper()
	if r.DevicePolicy == "" {
		r.DevicePolicy = "all"
	}
	if r.RequestBurst == 0 {
		r.RequestBurst = 100_000
	}
	if r.APIPerSecond == 0 {
		r.APIPerSecond = 100_000
	}
	tenant, err := node.CreateTenant(t.Context(), r)
	if err != nil {
		t.Fatal(err)
	}
	s := &site{t: t, tenant: tenant, first: overLink, second: overWeb}
	s.backend = &backend{t: t, site: s}
	return s
}

// tokenOf is the token of an account, however its name is spelled.
func tokenOf(account string) string { return secretToken + " of " + strings.ToLower(account) }

// accounts makes accounts with the token that login uses.
func (s *site) accounts(names ...string) {
	s.t.Helper()
	for _, name := range names {
		s.backend.ok(nil, "user/create", "accid", name, "token", tokenOf(name))
	}
}

// credentials is a login that is accepted.
func (s *site) credentials(account, device string, p wire.Platform) *wire.LoginRequest {
	return &wire.LoginRequest{AppKey: s.tenant.AppKey, Account: account, Token: tokenOf(account), DeviceId: device, Platform: p}
}

// here logs account in over the first transport, there over the second.
func (s *site) here(account string) *device  { s.t.Helper(); return s.login(s.first, account, "") }
func (s *site) there(account string) *device { s.t.Helper(); return s.login(s.second, account, "") }

// login logs account in; device is made of the account and the transport when it is
// empty.
func (s *site) login(tr transport, account, device string) *device {
	s.t.Helper()
	if device == "" {
		device = account + " on " + string(tr)
	}
	d, code, note := s.tryLogin(tr, s.credentials(account, device, tr.platform()))
	if code != wire.CodeOK {
		s.t.Fatalf("%s over %s: code %d, %s", account, tr, code, note)
	}
	return d
}

// tryLogin logs in and returns the code and note of a refusal.
func (s *site) tryLogin(tr transport, in *wire.LoginRequest) (*device, wire.Code, string) {
	s.t.Helper()
	ctx, cancel := context.WithTimeout(s.t.Context(), patience)
	defer cancel()
	dial := dialLink
	if tr == overWeb {
		dial = dialWeb
	}
	c, login, err := dial(ctx, in)
	if err != nil {
		code, note := refusalOf(err)
		if code == wire.CodeOK {
			s.t.Fatalf("%s over %s: %v", in.Account, tr, err)
		}
		used.asked(tr, wire.CmdLogin, code)
		return nil, code, note
	}
	used.asked(tr, wire.CmdLogin, wire.CodeOK)
	s.t.Cleanup(c.close)
	return &device{t: s.t, site: s, transport: tr, account: in.Account, login: login, carrier: c}, wire.CodeOK, ""
}
