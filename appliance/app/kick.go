package app

import (
	"slices"

	"github.com/yizhan-im/yizhan/appliance/session"
	"github.com/yizhan-im/yizhan/appliance/state"
	"github.com/yizhan-im/yizhan/appliance/wire"
)

// kick ends other sessions of the account, as its user asks. Ids that are not
// among them, perhaps because they have just left, are passed over.
func (a *App) kick(r *request, payload []byte) error {
	var in wire.KickRequest
	if in.UnmarshalVTUnsafe(payload) != nil {
		return errMalformed
	}
	if len(in.SessionIds) == 0 || len(in.SessionIds) > maxKicks {
		return wire.Errorf(wire.CodeBadParameter, "session_ids must name 1 to %d sessions", maxKicks)
	}
	mine := a.hub.Sessions(nil, r.identity.Tenant, r.identity.Account)
	named := slices.DeleteFunc(mine, func(s *session.Session) bool {
		return s == r.session || !slices.Contains(in.SessionIds, s.Identity().SessionID)
	})
	a.kickAll(named, wire.KickReason_KICK_REASON_OTHER_DEVICE, r.identity)
	a.ok(r, nil)
	return nil
}

// kickAll ends sessions and tells them why; by is the device that did it, nil
// when none did.
func (a *App) kickAll(sessions []*session.Session, reason wire.KickReason, by *session.Identity) {
	if len(sessions) == 0 {
		return
	}
	push := &wire.KickedPush{Reason: reason}
	if by != nil {
		push.ByPlatform, push.ByDevice = by.Platform, by.DeviceID
	}
	ev := session.NewEvent(wire.PushKicked, push)
	for _, s := range sessions {
		a.metrics.kicked(reason)
		clientOf(s).left.Store(true)
		a.end(s, kickCode(reason), ev)
	}
}

// kickCode is what the gateway counts a kicked connection as.
func kickCode(reason wire.KickReason) wire.Code {
	switch reason {
	case wire.KickReason_KICK_REASON_REPLACED:
		return wire.CodeRepeated
	case wire.KickReason_KICK_REASON_OTHER_DEVICE:
		return wire.CodeOK
	default:
		return wire.CodeForbidden
	}
}

// Applied keeps this node in step with what the site has committed: cached
// tenants, and sessions whose credentials are no longer valid. It is made for
// raftstore.Options.OnApplied and does not block.
func (a *App) Applied(results []any) {
	for _, result := range results {
		switch r := result.(type) {
		case *state.TenantResult:
			if r.Code == wire.CodeOK {
				a.tenants.forget(r.Tenant.AppKey)
			}
		case *state.TeamResult:
			if r.Dismissed != nil {
				a.janitor.wakeUp()
			}
		case *state.RoomResult:
			a.roomChanged(r)
		case *state.RelationResult:
			a.relationSeen(r)
		case *state.RemovalResult:
			a.accountRemoved(r)
		case *state.AccountResult:
			if r.Code == wire.CodeOK && r.Kick {
				a.kickAll(a.hub.Sessions(nil, r.Tenant, r.Account), wire.KickReason_KICK_REASON_CREDENTIALS, nil)
			}
		}
	}
}
