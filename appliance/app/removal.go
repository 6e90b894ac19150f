package app

import (
	"context"

	"github.com/yizhan-im/yizhan/appliance/session"
	"github.com/yizhan-im/yizhan/appliance/state"
	"github.com/yizhan-im/yizhan/appliance/wire"
)

// DeleteAccount deletes an account for good: when it returns, its token is dead, its
// sessions end, and its name is reserved. What it has goes behind that, see Deletion.
// With erase also its messages to others and its files do. It is no error to delete
// an account again. CodeNotFound: there is no such account.
func (a *App) DeleteAccount(ctx context.Context, appKey, account string, erase bool) error {
	t, account, err := a.target(ctx, appKey, account)
	if err != nil {
		return err
	}
	res, err := propose[*state.RemovalResult](ctx, a, &state.RemoveAccount{
		TimeMs: a.now().UnixMilli(), Tenant: t.ID, Account: account, Erase: erase,
	})
	if err != nil {
		return err
	}
	if res.Kick {
		a.log.failures.Info("account deleted", "app_key", t.AppKey, "account", account, "erase", erase)
	}
	return outcome(res.Code)
}

// Deletion tells how far the deletion of an account has come. CodeNotFound: no
// account of that name was deleted.
func (a *App) Deletion(ctx context.Context, appKey, account string) (*state.Removal, error) {
	t, account, err := a.target(ctx, appKey, account)
	if err != nil {
		return nil, err
	}
	r, err := a.queries.Removal(t.ID, account)
	if err != nil {
		return nil, a.edge(err)
	}
	return r, nil
}

// RecreateAccount is CreateAccount for the name of a deleted account, of which the
// new one has and sees nothing. CodeAccountGone: the deletion is still under way;
// CodeNotFound: no account of that name was deleted.
func (a *App) RecreateAccount(ctx context.Context, appKey, account, token string, p *wire.Profile) (string, error) {
	t, account, token, err := a.newAccount(ctx, appKey, account, token, p)
	if err != nil {
		return "", err
	}
	return token, a.proposeAccount(ctx, &state.RecreateAccount{
		TimeMs: a.now().UnixMilli(), Tenant: t.ID, Account: account,
		TokenHash: state.HashToken(t.AppKey, account, token), Profile: p,
	})
}

// newAccount checks what a new account is made of. An empty token is replaced by a
// generated one.
func (a *App) newAccount(ctx context.Context, appKey, account, token string, p *wire.Profile) (*state.Tenant, string, string, error) {
	t, account, err := a.target(ctx, appKey, account)
	if err != nil {
		return nil, "", "", err
	}
	if token == "" {
		token = NewSecret()
	}
	if err := checkToken(token); err != nil {
		return nil, "", "", err
	}
	if p != nil {
		if err := checkNewProfile(p); err != nil {
			return nil, "", "", err
		}
	}
	return t, account, token, nil
}

// deletedNote is what the devices of a deleted account are told.
const deletedNote = "the account was deleted"

// accountRemoved ends the sessions of a deleted account, and sees to the rest.
func (a *App) accountRemoved(r *state.RemovalResult) {
	if r.Code != wire.CodeOK || !r.Kick {
		return
	}
	if sessions := a.hub.Sessions(nil, r.Tenant, r.Account); len(sessions) > 0 {
		reason := wire.KickReason_KICK_REASON_SERVER
		ev := session.NewEvent(wire.PushKicked, &wire.KickedPush{Reason: reason, Note: deletedNote})
		for _, s := range sessions {
			a.metrics.kicked(reason)
			clientOf(s).left.Store(true)
			a.end(s, kickCode(reason), ev)
		}
	}
	a.remover.wakeUp()
}

// deletedAccount is the refusal for who has the token of an account that is being
// deleted, nil for anybody else: who does not know the token learns nothing.
func (a *App) deletedAccount(tenant *state.Tenant, name, token string) error {
	r, err := a.queries.Removal(tenant.ID, name)
	if wire.CodeOf(err) == wire.CodeNotFound || err == nil && !r.TokenMatches(tenant.AppKey, token) {
		return nil
	}
	if err != nil {
		return err
	}
	return errAccountGone
}
