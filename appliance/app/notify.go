package app

import (
	"context"
	"encoding/json"

	"google.golang.org/protobuf/proto"

	"github.com/yizhan-im/yizhan/appliance/state"
	"github.com/yizhan-im/yizhan/appliance/wire"
)

// Limits of notifications (facts/yunxin-api.md §3.2), in characters.
const (
	maxAttach         = 4096
	maxPushContent    = 500
	maxPushPayload    = 2048 // bytes
	maxSound          = 30
	maxForcedPushes   = 100
	maxNotifyClientID = maxClientID - 1 // bytes
)

var errNoNotify = wire.Errorf(wire.CodeForbidden, "only the tenant's backend may send notifications")

// notify accepts a notification of a client.
func (a *App) notify(r *request, payload []byte) error {
	if r.tenant.Limits.NotifyMode == state.NotifyBackend {
		return errNoNotify
	}
	var in wire.NotifyRequest
	if in.UnmarshalVTUnsafe(payload) != nil {
		return errMalformed
	}
	n := &wire.Notification{
		Scene: in.Scene, From: r.identity.Account, To: in.To, ClientId: in.ClientId, Attach: in.Attach,
		OnlineOnly: in.OnlineOnly, Options: in.Options, FromPlatform: r.identity.Platform, FromDevice: r.identity.DeviceID,
	}
	if err := checkNotification(n); err != nil {
		return err
	}
	if err := a.roomInMegaTeam(r.identity.Tenant, n.Scene, n.To); err != nil {
		return err
	}
	if err := a.askNotify(r, n); err != nil {
		return err
	}
	return a.submit(r, &state.Notify{
		TimeMs: r.timeMs(), Tenant: r.identity.Tenant, Session: r.identity.SessionID, Notification: n,
	})
}

// checkNotification checks what a client or a backend says, and writes names as
// they are stored.
func checkNotification(n *wire.Notification) error {
	var err error
	if n.To, err = counterpart(n.Scene, "to", n.To); err != nil {
		return err
	}
	if err := bytesWithin("client_id", n.ClientId, 1, maxNotifyClientID); err != nil {
		return err
	}
	if n.Attach == "" {
		return wire.Errorf(wire.CodeBadParameter, "attach must not be empty")
	}
	if err := charsWithin("attach", n.Attach, maxAttach); err != nil {
		return err
	}
	if n.Options == nil {
		return nil
	}
	n.Options.ProtoReflect().SetUnknown(nil) // what nobody has checked must not get into the log
	if err := charsWithin("sound", n.Options.Sound, maxSound); err != nil {
		return err
	}
	if n.Options.Push == nil {
		return nil
	}
	n.Options.Push.ProtoReflect().SetUnknown(nil)
	return checkNotifyPush(n.Scene, n.Options.Push)
}

func checkNotifyPush(scene wire.Scene, p *wire.PushOptions) error {
	if err := charsWithin("push.content", p.Content, maxPushContent); err != nil {
		return err
	}
	if err := charsWithin("push.force_content", p.ForceContent, maxPushContent); err != nil {
		return err
	}
	if err := bytesWithin("push.payload", p.Payload, 0, maxPushPayload); err != nil {
		return err
	}
	if p.Payload != "" && !json.Valid([]byte(p.Payload)) {
		return wire.Errorf(wire.CodeBadParameter, "push.payload must be JSON")
	}
	if (len(p.ForceAccounts) > 0 || p.ForceAll) && scene != wire.Scene_SCENE_TEAM {
		return wire.Errorf(wire.CodeBadParameter, "only notifications of teams can be forced")
	}
	if len(p.ForceAccounts) > maxForcedPushes {
		return wire.Errorf(wire.CodeForceList, "at most %d accounts can be forced", maxForcedPushes)
	}
	for i := range p.ForceAccounts {
		var err error
		if p.ForceAccounts[i], err = accountName("push.force_accounts", p.ForceAccounts[i]); err != nil {
			return err
		}
	}
	return nil
}

// notifications reads what is kept for the account and its teams.
func (a *App) notifications(r *request, payload []byte) error {
	var in wire.NotificationsRequest
	if in.UnmarshalVTUnsafe(payload) != nil {
		return errMalformed
	}
	limit, err := page(in.Limit, defaultSyncPage, state.MaxNotificationsPage)
	if err != nil {
		return err
	}
	id, version, fresh := r.identity, in.Version, in.Fresh
	return a.query(r, func() (wire.Body, error) {
		return body(a.queries.Notifications(id.Tenant, id.Account, id.DeviceID, version, fresh, limit))
	})
}

// broadcasts reads what is kept for devices of this platform.
func (a *App) broadcasts(r *request, payload []byte) error {
	var in wire.BroadcastsRequest
	if in.UnmarshalVTUnsafe(payload) != nil {
		return errMalformed
	}
	limit, err := page(in.Limit, defaultSyncPage, state.MaxNotificationsPage)
	if err != nil {
		return err
	}
	id, version, fresh, now := r.identity, in.Version, in.Fresh, r.timeMs()
	return a.query(r, func() (wire.Body, error) {
		return body(a.queries.Broadcasts(id.Tenant, id.Account, id.Platform, version, fresh, limit, now))
	})
}

func (o *op) answerNotify(res *state.NotifyResult) error {
	if err := outcome(res.Code); err != nil {
		return err
	}
	o.app.ok(&o.request, notifyResponse(res))
	return nil
}

func notifyResponse(res *state.NotifyResult) *wire.NotifyResponse {
	return &wire.NotifyResponse{Id: res.ID, TimeMs: res.TimeMs, Duplicate: res.Duplicate}
}

// Notify accepts a notification from the tenant's backend in the name of n.From.
// Of n only Scene, From, To, ClientId (made when empty), Attach, OnlineOnly and
// Options count; n is not changed. The codes are those of Send.
func (a *App) Notify(ctx context.Context, appKey string, n *wire.Notification) (*wire.NotifyResponse, error) {
	t, from, err := a.target(ctx, appKey, n.From)
	if err != nil {
		return nil, err
	}
	own := &wire.Notification{
		Scene: n.Scene, From: from, To: n.To, ClientId: n.ClientId, Attach: n.Attach, OnlineOnly: n.OnlineOnly,
		Options: proto.Clone(n.Options).(*wire.NotifyOptions), FromPlatform: wire.Platform_PLATFORM_REST,
	}
	if own.ClientId == "" {
		own.ClientId = randomHex()
	}
	if err := checkNotification(own); err != nil {
		return nil, err
	}
	res, err := propose[*state.NotifyResult](ctx, a, &state.Notify{
		TimeMs: a.now().UnixMilli(), Tenant: t.ID, Session: noSession, Notification: own,
	})
	if err != nil {
		return nil, err
	}
	if err := outcome(res.Code); err != nil {
		return nil, err
	}
	return notifyResponse(res), nil
}

// SendBroadcast tells b.Body to the tenant's accounts. Of b only From (which may be
// empty), Body, Platforms and Offline count; hours is how long it is kept. clientID
// names it: repeated, it returns the first one. CodeNotFound: From does not exist.
func (a *App) SendBroadcast(ctx context.Context, appKey, clientID string, b *wire.Broadcast, hours int) (*wire.Broadcast, error) {
	t, err := a.Tenant(ctx, appKey)
	if err != nil {
		return nil, err
	}
	c := &state.SendBroadcast{
		TimeMs: a.now().UnixMilli(), Tenant: t.ID, ClientID: clientID, From: b.From, Body: b.Body,
		Platforms: b.Platforms, Offline: b.Offline, TTLMs: int64(hours) * 60 * 60 * 1000,
	}
	if c.ClientID == "" {
		c.ClientID = randomHex()
	}
	if err := checkBroadcast(c, hours); err != nil {
		return nil, err
	}
	res, err := propose[*state.BroadcastResult](ctx, a, c)
	if err != nil {
		return nil, err
	}
	if err := outcome(res.Code); err != nil {
		return nil, err
	}
	if res.Duplicate {
		return a.Broadcast(ctx, appKey, res.ID)
	}
	return res.Broadcast, nil
}

func checkBroadcast(c *state.SendBroadcast, hours int) error {
	var err error
	if c.From != "" {
		if c.From, err = accountName("from", c.From); err != nil {
			return err
		}
	}
	if err := bytesWithin("client_id", c.ClientID, 1, maxNotifyClientID); err != nil {
		return err
	}
	if c.Body == "" {
		return wire.Errorf(wire.CodeBadParameter, "body must not be empty")
	}
	if hours < 1 || hours > state.MaxBroadcastHours {
		return wire.Errorf(wire.CodeBadParameter, "a broadcast is kept for 1 to %d hours", state.MaxBroadcastHours)
	}
	return charsWithin("body", c.Body, maxAttach)
}

// Broadcast reads one broadcast of the tenant. CodeNotFound when there is none.
func (a *App) Broadcast(ctx context.Context, appKey string, id uint64) (*wire.Broadcast, error) {
	t, err := a.Tenant(ctx, appKey)
	if err != nil {
		return nil, err
	}
	b, err := a.queries.Broadcast(t.ID, id)
	if err != nil {
		return nil, a.edge(err)
	}
	return b, nil
}

// Broadcasts reads the tenant's broadcasts with ids smaller than before (0: all),
// the newest first, those that keep returns true for.
func (a *App) Broadcasts(ctx context.Context, appKey string, before uint64, limit int, keep func(*wire.Broadcast) bool) ([]*wire.Broadcast, error) {
	t, err := a.Tenant(ctx, appKey)
	if err != nil {
		return nil, err
	}
	list, err := a.queries.BroadcastList(t.ID, before, limit, keep)
	if err != nil {
		return nil, a.edge(err)
	}
	return list, nil
}

// DeleteBroadcast removes a broadcast. CodeNotFound when there is none.
func (a *App) DeleteBroadcast(ctx context.Context, appKey string, id uint64) error {
	t, err := a.Tenant(ctx, appKey)
	if err != nil {
		return err
	}
	res, err := propose[*state.BroadcastResult](ctx, a, &state.DeleteBroadcast{TimeMs: a.now().UnixMilli(), Tenant: t.ID, ID: id})
	if err != nil {
		return err
	}
	return outcome(res.Code)
}
