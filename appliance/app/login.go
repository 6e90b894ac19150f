package app

import (
	"bytes"
	"net/netip"
	"time"

	"github.com/yizhan-im/yizhan/appliance/session"
	"github.com/yizhan-im/yizhan/appliance/state"
	"github.com/yizhan-im/yizhan/appliance/wire"
)

// login serves a connection's first request. It runs on the goroutine of the
// connection, which has nothing else to do before it is known who asks: what
// the client has pipelined behind it waits. Only when the tenant's backend must be
// asked it goes on elsewhere, once the token has been checked; nil then means that
// the answer will come from there.
func (a *App) login(r *request, payload []byte) error {
	if len(payload) > maxRequest {
		return errTooLarge
	}
	var in wire.LoginRequest
	if in.UnmarshalVT(payload) != nil {
		return errMalformed
	}
	tenant, acc, err := a.verify(r, &in)
	if err != nil {
		return a.loginRefused(r, &in, err)
	}
	if !a.asks(tenant, state.CallbackLogin) {
		return a.loginRefused(r, &in, a.enter(r, &in, tenant, acc))
	}
	later := *r
	a.startLine(r, func() {
		err := a.askLogin(&later, &in, tenant, acc)
		if err == nil {
			err = a.loginRefused(&later, &in, a.enter(&later, &in, tenant, acc))
		}
		if err != nil {
			a.end(later.session, a.fail(&later, err), nil)
		}
	})
	return nil
}

// loginRefused logs why a login is refused and returns it; nil when it is not.
func (a *App) loginRefused(r *request, in *wire.LoginRequest, err error) error {
	if err == nil {
		return nil
	}
	e := a.edge(err)
	a.log.refused("login", r.client.RemoteAddr(), e, in.AppKey, in.Account)
	if e.Code == wire.CodeWrongToken || e.Code == wire.CodeBlocked {
		a.loginEvent(r, in, e.Code, 0)
	}
	return e
}

// verify finds the account that in has the token of.
func (a *App) verify(r *request, in *wire.LoginRequest) (*state.Tenant, *state.Account, error) {
	name, err := checkLogin(in)
	if err != nil {
		return nil, nil, err
	}
	if !a.beginLogin() {
		return nil, nil, errBusyLogins
	}
	defer a.finishLogin()
	return a.authenticate(r.client.RemoteAddr(), r.start, in.AppKey, name, in.Token)
}

// askLogin waits until the tenant's backend has allowed the login of acc, or logs
// that it has not. What the backend says to that is for the client, not for the log.
func (a *App) askLogin(r *request, in *wire.LoginRequest, tenant *state.Tenant, acc *state.Account) error {
	err := a.gate.Ask(a.asking, tenant, &Question{
		Event: state.CallbackLogin, TimeMs: r.timeMs(), Account: acc.Account, DeviceID: in.DeviceId, Platform: in.Platform,
		Remote: r.client.RemoteAddr(), SDKVersion: in.SdkVersion, CustomTag: in.CustomTag,
	})
	if err != nil {
		logged := &wire.Error{Code: a.edge(err).Code, Note: "not allowed by the tenant's backend"}
		a.log.refused("login", r.client.RemoteAddr(), logged, in.AppKey, in.Account)
		a.loginEvent(r, in, logged.Code, 0)
	}
	return err
}

// enter makes the session one of acc's, and tells its client.
func (a *App) enter(r *request, in *wire.LoginRequest, tenant *state.Tenant, acc *state.Account) error {
	id := &session.Identity{
		SessionID: a.nextSessionID(), Tenant: tenant.ID, AppKey: tenant.AppKey, Account: acc.Account,
		DeviceID: in.DeviceId, Platform: in.Platform, SDKVersion: in.SdkVersion, CustomTag: in.CustomTag,
		LoginMs: r.timeMs(),
	}
	var err error
	// Before anything can be pushed: what is from now on is for the device.
	if id.Since, err = a.queries.DeviceSince(tenant.ID, acc.Account, in.DeviceId); err != nil {
		return err
	}
	replaced, others, err := a.hub.Login(r.session, id, session.Policy(tenant.Limits.DevicePolicy))
	if err != nil {
		return err
	}
	a.kickAll(replaced, wire.KickReason_KICK_REASON_REPLACED, id)
	if err := a.stillValid(tenant.ID, acc); err != nil {
		return err
	}
	if err := a.enterMegaTeams(r.session, id); err != nil {
		return err
	}
	beat := heartbeat(in.HeartbeatSeconds)
	r.client.SetIdleTimeout(idleTimeout(beat))
	a.ok(r, loginResponse(id, tenant, acc, others, beat))
	a.recordLogin(r, id)
	a.loginEvent(r, in, wire.CodeOK, id.SessionID)
	a.online(r.session)
	return nil
}

// checkLogin checks what must hold before anything is looked up, and returns
// the account's name as it is stored.
func checkLogin(in *wire.LoginRequest) (string, error) {
	if err := bytesWithin("app_key", in.AppKey, 1, maxAppKey); err != nil {
		return "", err
	}
	name, err := accountName("account", in.Account)
	if err != nil {
		return "", err
	}
	if err := bytesWithin("token", in.Token, 1, maxToken); err != nil {
		return "", err
	}
	if err := bytesWithin("device_id", in.DeviceId, 1, maxDeviceID); err != nil {
		return "", err
	}
	if err := bytesWithin("sdk_version", in.SdkVersion, 0, maxSDKVersion); err != nil {
		return "", err
	}
	if err := bytesWithin("custom_tag", in.CustomTag, 0, maxCustomTag); err != nil {
		return "", err
	}
	switch in.Platform {
	case wire.Platform_PLATFORM_UNKNOWN, wire.Platform_PLATFORM_ANDROID, wire.Platform_PLATFORM_IOS,
		wire.Platform_PLATFORM_PC, wire.Platform_PLATFORM_WEB, wire.Platform_PLATFORM_MAC:
		return name, nil
	default:
		return "", wire.Errorf(wire.CodeBadParameter, "platform %d cannot log in", in.Platform)
	}
}

// beginLogin waits for its turn, for loginWait at most.
func (a *App) beginLogin() bool {
	select {
	case a.logins <- struct{}{}:
		return true
	default:
	}
	timer := time.NewTimer(loginWait)
	defer timer.Stop()
	select {
	case a.logins <- struct{}{}:
		return true
	case <-timer.C:
		return false
	}
}

func (a *App) finishLogin() { <-a.logins }

// nobody stands in for an account that does not exist, so that its answer takes
// the same work as a wrong token. No token has this hash.
var nobody = &state.Account{TokenHash: make([]byte, state.TokenHashSize)}

// authenticate finds the account whose token the client has. Whoever does not
// know the token learns neither whether the account exists nor whether it is
// blocked.
func (a *App) authenticate(remote netip.AddrPort, now time.Time, appKey, name, token string) (*state.Tenant, *state.Account, error) {
	tenant, err := a.tenants.get(appKey)
	unknownTenant := wire.CodeOf(err) == wire.CodeNotFound
	if err != nil && !unknownTenant {
		return nil, nil, err
	}
	from := sourceOf(remote, 0)
	if tenant != nil {
		from.tenant = tenant.ID
	}
	if a.failures.exhausted(from, now) {
		return nil, nil, errManyFailures
	}
	acc := nobody
	if tenant != nil {
		acc, err = a.queries.Account(tenant.ID, name)
		if wire.CodeOf(err) == wire.CodeNotFound {
			acc, err = nobody, nil
		}
		if err != nil {
			return nil, nil, err
		}
	}
	if !acc.TokenMatches(appKey, token) {
		if tenant != nil && acc == nobody {
			if err := a.deletedAccount(tenant, name, token); err != nil {
				return nil, nil, err
			}
		}
		a.failures.failed(from, now)
		return nil, nil, errWrongToken
	}
	if acc.Blocked {
		return nil, nil, errBlocked
	}
	return tenant, acc, nil
}

// stillValid closes the gap between reading the account and being in the hub: a
// new token or a block that was committed in between has kicked nobody, because
// this session was not there yet.
func (a *App) stillValid(tenant uint32, before *state.Account) error {
	tokenHash, blocked, err := a.queries.Credentials(tenant, before.Account)
	switch {
	case wire.CodeOf(err) == wire.CodeNotFound:
		return errWrongToken // it has been deleted
	case err != nil:
		return err
	case !bytes.Equal(tokenHash, before.TokenHash):
		return errWrongToken
	case blocked:
		return errBlocked
	}
	return nil
}

func loginResponse(id *session.Identity, t *state.Tenant, acc *state.Account, others []*session.Session, beat time.Duration) *wire.LoginResponse {
	out := &wire.LoginResponse{
		SessionId: id.SessionID, ServerTimeMs: id.LoginMs, HeartbeatSeconds: uint32(beat / time.Second),
		LastDeviceId: acc.LastDeviceID, LastLoginMs: acc.LastLoginMs, MaxBodyBytes: uint32(t.Limits.MaxBodyBytes),
	}
	for _, s := range others {
		other := s.Identity()
		out.Others = append(out.Others, &wire.OnlineDevice{
			SessionId: other.SessionID, DeviceId: other.DeviceID, Platform: other.Platform, LoginMs: other.LoginMs,
		})
	}
	return out
}

// recordLogin notes the login for the account's next one. It is best effort: a
// node that cannot write at this moment still lets people read.
func (a *App) recordLogin(r *request, id *session.Identity) {
	c := state.RecordLogin{
		Track: true, TimeMs: r.timeMs(), Tenant: id.Tenant, Account: id.Account, DeviceID: id.DeviceID, Platform: id.Platform,
	}
	_ = a.store.Submit(c.Append(nil), bestEffort{})
}

// logout ends the session. What the client has sent behind it is not served.
func (a *App) logout(r *request, payload []byte) error {
	var in wire.LogoutRequest
	if in.UnmarshalVTUnsafe(payload) != nil {
		return errMalformed
	}
	a.ok(r, nil)
	r.client.left.Store(true)
	a.end(r.session, wire.CodeOK, nil)
	return nil
}
