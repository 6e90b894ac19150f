package app

import (
	"context"
	"math"

	"github.com/yizhan-im/yizhan/appliance/session"
	"github.com/yizhan-im/yizhan/appliance/state"
	"github.com/yizhan-im/yizhan/appliance/wire"
)

// loginEvent records a login, or that one was refused.
func (a *App) loginEvent(r *request, in *wire.LoginRequest, code wire.Code, sessionID uint64) {
	tenant, err := a.tenants.get(in.AppKey)
	if err != nil {
		return
	}
	name, err := checkLogin(in)
	if err != nil {
		return // it names nobody
	}
	a.events.Add(state.LoginEvent{Tenant: tenant.ID, Account: name, Keep: uint32(tenant.Limits.EventCount), Event: &wire.LoginEvent{
		Kind: wire.LoginEventKind_LOGIN_EVENT_LOGIN, TimeMs: r.timeMs(), Code: uint32(code), Platform: in.Platform, DeviceId: in.DeviceId,
		Ip: addressOf(r.client), SdkVersion: in.SdkVersion, CustomTag: in.CustomTag, SessionId: sessionID,
	}})
}

// logoutEvent records the end of a session that had logged in, and why it ended.
func (a *App) logoutEvent(s *session.Session, code wire.Code) {
	id := s.Identity()
	tenant, err := a.tenants.get(id.AppKey)
	if err != nil {
		return
	}
	a.events.Add(state.LoginEvent{Tenant: id.Tenant, Account: id.Account, Keep: uint32(tenant.Limits.EventCount), Event: &wire.LoginEvent{
		Kind: wire.LoginEventKind_LOGIN_EVENT_LOGOUT, TimeMs: a.now().UnixMilli(), Code: uint32(code), Platform: id.Platform,
		DeviceId: id.DeviceID, Ip: addressOf(s.Conn()), SdkVersion: id.SDKVersion, CustomTag: id.CustomTag, SessionId: id.SessionID,
	}})
}

// addressOf is the client's address without its port, "" when it is not known.
func addressOf(c session.Conn) string {
	if remote := c.RemoteAddr().Addr(); remote.IsValid() {
		return remote.Unmap().WithZone("").String()
	}
	return ""
}

// loginHistory reads the account's own logins and logouts, and its sessions.
func (a *App) loginHistory(r *request, payload []byte) error {
	var in wire.LoginHistoryRequest
	if in.UnmarshalVT(payload) != nil {
		return errMalformed
	}
	limit, err := page(in.Limit, state.MaxEventsPage, state.MaxEventsPage)
	if err != nil {
		return err
	}
	id, since := r.identity, eventsSince(r.tenant, r.timeMs())
	return a.query(r, func() (wire.Body, error) {
		found, next, err := a.queries.LoginEvents(id.Tenant, id.Account, state.LoginEventRange{
			FromMs: since, ToMs: math.MaxInt64, After: in.After, Limit: limit,
		})
		if err != nil {
			return nil, err
		}
		out := &wire.LoginHistoryResponse{Events: found, Next: next}
		if in.After != "" {
			return out, nil
		}
		for _, s := range a.hub.Sessions(nil, id.Tenant, id.Account) {
			other := s.Identity()
			out.Online = append(out.Online, &wire.OnlineDevice{
				SessionId: other.SessionID, DeviceId: other.DeviceID, Platform: other.Platform, LoginMs: other.LoginMs,
			})
		}
		return out, nil
	})
}

// eventsSince is the time before which the tenant remembers no events.
func eventsSince(t *state.Tenant, nowMs int64) int64 {
	return nowMs - int64(t.Limits.EventDays)*24*60*60*1000
}

// LoginEvents reads the account's logins and logouts, as r says. CodeBadParameter:
// r.After is not from an answer.
func (a *App) LoginEvents(ctx context.Context, appKey, account string, r state.LoginEventRange) (found []*wire.LoginEvent, next string, err error) {
	t, account, err := a.target(ctx, appKey, account)
	if err != nil {
		return nil, "", err
	}
	r.FromMs = max(r.FromMs, eventsSince(t, a.now().UnixMilli()))
	if found, next, err = a.queries.LoginEvents(t.ID, account, r); err != nil {
		return nil, "", a.edge(err)
	}
	return found, next, nil
}
