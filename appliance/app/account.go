package app

import (
	"context"

	"github.com/yizhan-im/yizhan/appliance/state"
	"github.com/yizhan-im/yizhan/appliance/wire"
)

// CreateAccount adds an account and returns its token, which is generated when
// the given one is empty. A nil profile is an empty one. CodeRepeated: the
// account exists; CodeAccountGone: its name is that of a deleted account, which only
// RecreateAccount gives away.
func (a *App) CreateAccount(ctx context.Context, appKey, account, token string, p *wire.Profile) (string, error) {
	t, account, token, err := a.newAccount(ctx, appKey, account, token, p)
	if err != nil {
		return "", err
	}
	return token, a.proposeAccount(ctx, &state.CreateAccount{
		TimeMs: a.now().UnixMilli(), Tenant: t.ID, Account: account,
		TokenHash: state.HashToken(t.AppKey, account, token), Profile: p,
	})
}

// RefreshToken gives an account a new random token, which it returns, and ends
// its sessions.
func (a *App) RefreshToken(ctx context.Context, appKey, account string) (string, error) {
	token := NewSecret()
	return token, a.SetToken(ctx, appKey, account, token)
}

// SetToken gives an account a new token and ends its sessions. CodeNotFound:
// there is no such account.
func (a *App) SetToken(ctx context.Context, appKey, account, token string) error {
	t, account, err := a.target(ctx, appKey, account)
	if err != nil {
		return err
	}
	if err := checkToken(token); err != nil {
		return err
	}
	return a.proposeAccount(ctx, &state.SetToken{
		TimeMs: a.now().UnixMilli(), Tenant: t.ID, Account: account,
		TokenHash: state.HashToken(t.AppKey, account, token),
	})
}

// SetBlocked bars an account from logging in, or lifts that. With kick a block
// also ends its sessions.
func (a *App) SetBlocked(ctx context.Context, appKey, account string, blocked, kick bool) error {
	t, account, err := a.target(ctx, appKey, account)
	if err != nil {
		return err
	}
	return a.proposeAccount(ctx, &state.SetBlocked{
		TimeMs: a.now().UnixMilli(), Tenant: t.ID, Account: account, Blocked: blocked, Kick: kick,
	})
}

// target finds the tenant of a backend's call and checks the account's name.
func (a *App) target(ctx context.Context, appKey, account string) (*state.Tenant, string, error) {
	t, err := a.Tenant(ctx, appKey)
	if err != nil {
		return nil, "", err
	}
	if account, err = accountName("account", account); err != nil {
		return nil, "", err
	}
	return t, account, nil
}

func (a *App) proposeAccount(ctx context.Context, c command) error {
	res, err := propose[*state.AccountResult](ctx, a, c)
	if err != nil {
		return err
	}
	return outcome(res.Code)
}

// checkToken checks a token that a backend has chosen.
func checkToken(token string) error { return bytesWithin("token", token, 1, maxToken) }
