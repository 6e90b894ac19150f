package app

import (
	"context"
	"time"

	"github.com/yizhan-im/yizhan/appliance/presence"
	"github.com/yizhan-im/yizhan/appliance/session"
	"github.com/yizhan-im/yizhan/appliance/state"
	"github.com/yizhan-im/yizhan/appliance/wire"
)

// maxPresenceText is the most characters that a device says of itself.
const maxPresenceText = 64

func newPresence(a *App, c *Config) *presence.Service {
	return presence.New(presence.Config{
		Hub: c.Hub, Remote: c.Remote, Grace: c.PresenceGrace, Now: c.Now, Logger: c.Logger.With("node", c.NodeID), Registerer: c.Registerer,
		Audience: func(tenant uint32, publisher, only string) ([]string, bool, error) {
			return a.queries.Audience(tenant, publisher, only, a.now().UnixMilli())
		},
	})
}

// online makes the presence of a session known that has just logged in.
func (a *App) online(s *session.Session) {
	c := clientOf(s)
	c.present.Store(true)
	a.presence.Online(s)
	c.shown.Store(true)
	if c.ended.Load() {
		a.offline(s) // forget may have come before shown was set
	}
}

// offline makes it known that a session has ended.
func (a *App) offline(s *session.Session) {
	if c := clientOf(s); c.hidden.CompareAndSwap(false, true) {
		a.presence.Offline(s, c.left.Load())
	}
}

// relationSeen makes both accounts of a changed relation see each other's presence,
// or no longer, as their subscriptions and the tenant have it.
func (a *App) relationSeen(r *state.RelationResult) {
	if r.Code != wire.CodeOK || !r.Changed && r.PeerRelation == nil {
		return
	}
	switch r.Op {
	case state.RelationMute, state.RelationUpdate, state.RelationAsk, state.RelationDecline:
		return
	}
	a.presence.ChangedFor(r.Tenant, r.Account, r.Peer)
	a.presence.ChangedFor(r.Tenant, r.Peer, r.Account)
}

// setPresence says what others see of this device.
func (a *App) setPresence(r *request, payload []byte) error {
	var in wire.SetPresenceRequest // kept, so it must not share the payload
	if in.UnmarshalVT(payload) != nil {
		return errMalformed
	}
	if err := charsWithin("text", in.Text, maxPresenceText); err != nil {
		return err
	}
	var said *session.Presence
	if in.State != 0 || in.Text != "" {
		said = &session.Presence{State: in.State, Text: in.Text}
	}
	before := r.session.Presence()
	r.session.SetPresence(said)
	if (before == nil) != (said == nil) || said != nil && *said != *before {
		a.presence.Changed(r.identity.Tenant, r.identity.Account)
	}
	a.ok(r, nil)
	return nil
}

// onlineStatus tells where accounts are online.
func (a *App) onlineStatus(r *request, payload []byte) error {
	var in wire.OnlineStatusRequest // read later, so it must not share the payload
	if in.UnmarshalVT(payload) != nil {
		return errMalformed
	}
	accounts, err := accountNames(in.Accounts)
	if err != nil {
		return err
	}
	id, mode := r.identity, r.tenant.Limits.PresenceMode
	return a.query(r, func() (wire.Body, error) {
		out := &wire.OnlineStatusResponse{SettlingMs: a.settlingMs()}
		sights, err := a.queries.Sights(id.Tenant, id.Account, mode, accounts, a.now().UnixMilli())
		if err != nil {
			return nil, err
		}
		for i, account := range accounts {
			switch sights[i] {
			case state.SightNone:
				out.Unknown = append(out.Unknown, account)
			case state.SightDenied:
				out.Denied = append(out.Denied, account)
			default:
				out.Presences = append(out.Presences, a.seen(id.Tenant, account, sights[i]))
			}
		}
		return out, nil
	})
}

// seen is the presence of account for who has this sight of it, which is not
// SightNone.
func (a *App) seen(tenant uint32, account string, sight state.Sight) *wire.Presence {
	if sight != state.SightFull {
		return &wire.Presence{Account: account, TimeMs: a.now().UnixMilli()}
	}
	return a.presence.Presence(tenant, account)
}

// settlingMs rounds up: who asks again after it finds the node settled.
func (a *App) settlingMs() uint32 {
	return uint32((a.presence.Settling() + time.Millisecond - 1) / time.Millisecond)
}

// OnlineStatus tells on which devices those of 1–200 accounts are online that exist,
// and which do not exist.
func (a *App) OnlineStatus(ctx context.Context, appKey string, accounts []string) (online map[string][]presence.Device, unknown []string, err error) {
	t, err := a.Tenant(ctx, appKey)
	if err != nil {
		return nil, nil, err
	}
	if accounts, err = accountNames(accounts); err != nil {
		return nil, nil, err
	}
	sights, err := a.queries.Sights(t.ID, "", state.PresenceEverybody, accounts, a.now().UnixMilli())
	if err != nil {
		return nil, nil, a.edge(err)
	}
	online = make(map[string][]presence.Device)
	for i, account := range accounts {
		if sights[i] == state.SightNone {
			unknown = append(unknown, account)
			continue
		}
		if devices := a.presence.Devices(nil, t.ID, account); len(devices) > 0 {
			online[account] = devices
		}
	}
	return online, unknown, nil
}
