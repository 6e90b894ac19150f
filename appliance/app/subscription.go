package app

import (
	"context"
	"time"

	"github.com/yizhan-im/yizhan/appliance/state"
	"github.com/yizhan-im/yizhan/appliance/wire"
)

// defaultSubscription is how long a subscription lasts that names no length.
const defaultSubscription = 7 * 24 * time.Hour

// subscribePresence makes the account follow others.
func (a *App) subscribePresence(r *request, payload []byte) error {
	var in wire.SubscribePresenceRequest
	if in.UnmarshalVTUnsafe(payload) != nil {
		return errMalformed
	}
	length := time.Duration(in.TtlSeconds) * time.Second
	if length == 0 {
		length = defaultSubscription
	}
	c, err := subscribe(r.tenant, r.identity.Account, in.Accounts, length)
	if err != nil {
		return err
	}
	c.TimeMs, c.Session = r.timeMs(), r.identity.SessionID
	return a.submit(r, c)
}

// subscribe is the command for account to follow publishers.
func subscribe(t *state.Tenant, account string, publishers []string, length time.Duration) (*state.Subscribe, error) {
	if ms := length.Milliseconds(); ms < state.MinSubscriptionMs || ms > state.MaxSubscriptionMs {
		return nil, wire.Errorf(wire.CodeBadParameter, "ttl must be 60 to 2592000 seconds")
	}
	names, err := publisherNames(publishers)
	if err != nil {
		return nil, err
	}
	return &state.Subscribe{
		Tenant: t.ID, Subscriber: account, Publishers: names, LengthMs: length.Milliseconds(),
		Limit: uint32(t.Limits.MaxSubscriptions), FriendsOnly: t.Limits.PresenceMode == state.PresenceFriends,
	}, nil
}

// publisherNames checks a list of accounts, and leaves out what is there twice.
func publisherNames(in []string) ([]string, error) {
	if len(in) == 0 || len(in) > state.MaxSubscribePage {
		return nil, wire.Errorf(wire.CodeBadParameter, "accounts must name 1 to %d accounts", state.MaxSubscribePage)
	}
	names := make([]string, 0, len(in))
	seen := make(map[string]bool, len(in))
	for _, name := range in {
		name, err := accountName("accounts", name)
		if err != nil {
			return nil, err
		}
		if !seen[name] {
			seen[name] = true
			names = append(names, name)
		}
	}
	return names, nil
}

// unsubscribePresence ends subscriptions of the account.
func (a *App) unsubscribePresence(r *request, payload []byte) error {
	var in wire.UnsubscribePresenceRequest
	if in.UnmarshalVTUnsafe(payload) != nil {
		return errMalformed
	}
	c := &state.Unsubscribe{
		TimeMs: r.timeMs(), Tenant: r.identity.Tenant, Session: r.identity.SessionID, Subscriber: r.identity.Account, All: in.All,
	}
	if in.All {
		if len(in.Accounts) > 0 {
			return wire.Errorf(wire.CodeBadParameter, "accounts must be empty with all")
		}
		return a.submit(r, c)
	}
	var err error
	if c.Publishers, err = publisherNames(in.Accounts); err != nil {
		return err
	}
	return a.submit(r, c)
}

// answerSubscription replies with what has become of the subscriptions.
func (o *op) answerSubscription(res *state.SubscriptionResult) error {
	if err := outcome(res.Code); err != nil {
		return err
	}
	a, r := o.app, o.request
	if r.cmd == wire.CmdUnsubscribePresence {
		if res.More {
			// The rest, in the same order of the connection's commands as any other.
			return a.submit(&r, &state.Unsubscribe{
				TimeMs: a.now().UnixMilli(), Tenant: res.Tenant, Session: res.Session, Subscriber: res.Subscriber, All: true,
			})
		}
		a.ok(&r, &wire.UnsubscribePresenceResponse{Failed: res.Failed, Version: res.Version})
		return nil
	}
	// Whom the account may see takes some reading.
	mode := r.tenant.Limits.PresenceMode
	return a.query(&r, func() (wire.Body, error) {
		out := &wire.SubscribePresenceResponse{Failed: res.Failed, ExpiresMs: res.ExpiresMs, Version: res.Version}
		sights, err := a.queries.Sights(res.Tenant, res.Subscriber, mode, res.Added, a.now().UnixMilli())
		if err != nil {
			return nil, err
		}
		for i, account := range res.Added {
			out.Presences = append(out.Presences, a.seen(res.Tenant, account, sights[i]))
		}
		return out, nil
	})
}

// presenceSubscriptions reads a page of the account's subscriptions, with what it
// sees of them now.
func (a *App) presenceSubscriptions(r *request, payload []byte) error {
	var in wire.PresenceSubscriptionsRequest
	if in.UnmarshalVT(payload) != nil {
		return errMalformed
	}
	if in.After != "" {
		var err error
		if in.After, err = accountName("after", in.After); err != nil {
			return err
		}
	}
	limit, err := page(in.Limit, defaultSyncPage, state.MaxSubscriptionsPage)
	if err != nil {
		return err
	}
	id, mode := r.identity, r.tenant.Limits.PresenceMode
	return a.query(r, func() (wire.Body, error) {
		now := a.now().UnixMilli()
		found, more, version, err := a.queries.Subscriptions(id.Tenant, id.Account, in.After, limit, now)
		if err != nil {
			return nil, err
		}
		accounts := make([]string, len(found))
		for i := range found {
			accounts[i] = found[i].Publisher
		}
		sights, err := a.queries.Sights(id.Tenant, id.Account, mode, accounts, now)
		if err != nil {
			return nil, err
		}
		out := &wire.PresenceSubscriptionsResponse{More: more, Version: version, SettlingMs: a.settlingMs()}
		for i, s := range found {
			out.Subscriptions = append(out.Subscriptions, &wire.PresenceSubscription{
				Account: s.Publisher, SinceMs: s.SinceMs, ExpiresMs: s.ExpiresMs, Presence: a.seen(id.Tenant, s.Publisher, sights[i]),
			})
		}
		return out, nil
	})
}

// Subscribe makes account follow the presence of publishers, as the tenant's backend
// says in its name. failed do not exist, or may not be followed. CodeNotFound: there
// is no such account.
func (a *App) Subscribe(ctx context.Context, appKey, account string, publishers []string, length time.Duration) (failed []string, err error) {
	t, account, err := a.target(ctx, appKey, account)
	if err != nil {
		return nil, err
	}
	c, err := subscribe(t, account, publishers, length)
	if err != nil {
		return nil, err
	}
	c.TimeMs, c.Session = a.now().UnixMilli(), noSession
	return a.proposeSubscription(ctx, c)
}

// Unsubscribe ends the account's subscriptions to publishers; failed are those that it
// had none to.
func (a *App) Unsubscribe(ctx context.Context, appKey, account string, publishers []string) (failed []string, err error) {
	t, account, err := a.target(ctx, appKey, account)
	if err != nil {
		return nil, err
	}
	names, err := publisherNames(publishers)
	if err != nil {
		return nil, err
	}
	return a.proposeSubscription(ctx, &state.Unsubscribe{
		TimeMs: a.now().UnixMilli(), Tenant: t.ID, Session: noSession, Subscriber: account, Publishers: names,
	})
}

// UnsubscribeAll ends all subscriptions of the account.
func (a *App) UnsubscribeAll(ctx context.Context, appKey, account string) error {
	t, account, err := a.target(ctx, appKey, account)
	if err != nil {
		return err
	}
	for {
		res, err := propose[*state.SubscriptionResult](ctx, a, &state.Unsubscribe{
			TimeMs: a.now().UnixMilli(), Tenant: t.ID, Session: noSession, Subscriber: account, All: true,
		})
		if err != nil {
			return err
		}
		if res.Code != wire.CodeOK || !res.More {
			return outcome(res.Code)
		}
	}
}

func (a *App) proposeSubscription(ctx context.Context, c command) (failed []string, err error) {
	res, err := propose[*state.SubscriptionResult](ctx, a, c)
	if err != nil {
		return nil, err
	}
	return res.Failed, outcome(res.Code)
}

// Subscriptions reads those of the account's subscriptions that are to publishers.
func (a *App) Subscriptions(ctx context.Context, appKey, account string, publishers []string) ([]state.Subscription, error) {
	t, account, err := a.target(ctx, appKey, account)
	if err != nil {
		return nil, err
	}
	names, err := publisherNames(publishers)
	if err != nil {
		return nil, err
	}
	found, err := a.queries.SubscriptionsTo(t.ID, account, names, a.now().UnixMilli())
	if err != nil {
		return nil, a.edge(err)
	}
	return found, nil
}
