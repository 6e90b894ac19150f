package app

import (
	"context"

	"github.com/yizhan-im/yizhan/appliance/state"
	"github.com/yizhan-im/yizhan/appliance/wire"
)

// ChangeRelation changes what two accounts are to each other, as the tenant's
// backend says in the name of c.Account. Of c the fields Op, Account, Peer, On,
// Forget, Note, Alias, Ex and ServerEx count. RelationAdd makes friends whatever
// the peer's mode and blacklist; every other operation is as if the account's
// user did it. CodeNotFound: one of the accounts does not exist, or what the
// operation needs; CodeCountLimit, CodeForbidden and CodeBlacklisted as the state
// machine says. It returns what c.Account then holds of c.Peer.
func (a *App) ChangeRelation(ctx context.Context, appKey string, c state.RelationChange) (*wire.Relation, error) {
	t, account, err := a.target(ctx, appKey, c.Account)
	if err != nil {
		return nil, err
	}
	c.TimeMs, c.Tenant, c.Session, c.Account, c.Backend = a.now().UnixMilli(), t.ID, noSession, account, true
	c.Limit = uint32(t.Limits.MaxFriends)
	if c.Op == state.RelationBlacklist || c.Op == state.RelationMute {
		c.Limit = uint32(t.Limits.MaxListed)
	}
	if err := checkRelationChange(&c); err != nil {
		return nil, err
	}
	res, err := propose[*state.RelationResult](ctx, a, &c)
	if err != nil {
		return nil, err
	}
	if err := relationOutcome(res); err != nil {
		return nil, err
	}
	relation, err := decodeRelation(res.Relation)
	if err != nil {
		return nil, a.edge(err)
	}
	return relation, nil
}

// SetFriendMode says who may become the account's friend.
func (a *App) SetFriendMode(ctx context.Context, appKey, account string, mode wire.FriendMode) error {
	t, account, err := a.target(ctx, appKey, account)
	if err != nil {
		return err
	}
	if err := checkFriendMode(mode); err != nil {
		return err
	}
	res, err := propose[*state.FriendModeResult](ctx, a, &state.SetFriendMode{
		TimeMs: a.now().UnixMilli(), Tenant: t.ID, Session: noSession, Account: account, Mode: mode,
	})
	if err != nil {
		return err
	}
	return outcome(res.Code)
}

// Relation reads what account holds of peer; nil when that is nothing, or when
// one of them does not exist.
func (a *App) Relation(ctx context.Context, appKey, account, peer string) (*wire.Relation, error) {
	t, account, err := a.target(ctx, appKey, account)
	if err != nil {
		return nil, err
	}
	if peer, err = accountName("account", peer); err != nil {
		return nil, err
	}
	relation, err := a.queries.Relation(t.ID, account, peer)
	if err != nil {
		return nil, a.edge(err)
	}
	return relation, nil
}

// Friends reads the account's friends whose relation has changed at sinceMs, in
// Unix milliseconds, or later, in the order of their names. An account that does
// not exist has none.
func (a *App) Friends(ctx context.Context, appKey, account string, sinceMs int64) ([]*wire.Relation, error) {
	t, account, err := a.target(ctx, appKey, account)
	if err != nil {
		return nil, err
	}
	friends, err := a.queries.Friends(t.ID, account, sinceMs)
	if err != nil {
		return nil, a.edge(err)
	}
	return friends, nil
}

// Listed reads the account's blacklist and mute list, in the order of the names.
func (a *App) Listed(ctx context.Context, appKey, account string) (blacklist, mutelist []string, err error) {
	t, account, err := a.target(ctx, appKey, account)
	if err != nil {
		return nil, nil, err
	}
	if blacklist, mutelist, err = a.queries.Listed(t.ID, account); err != nil {
		return nil, nil, a.edge(err)
	}
	return blacklist, mutelist, nil
}
