package app

import (
	"context"
	"net/netip"
)

// CheckCredentials finds the account whose token the caller at remote has, as a
// login does and within the limits of logins, but opens no session. It returns the
// tenant's number and the account's name as it is stored. Errors are *wire.Error;
// the caller learns no more from them than from a refused login.
func (a *App) CheckCredentials(_ context.Context, remote netip.AddrPort, appKey, account, token string) (tenant uint32, name string, err error) {
	tenant, name, err = a.checkCredentials(remote, appKey, account, token)
	if err != nil {
		e := a.edge(err)
		a.log.refused("credentials", remote, e, appKey, account)
		return 0, "", e
	}
	return tenant, name, nil
}

func (a *App) checkCredentials(remote netip.AddrPort, appKey, account, token string) (uint32, string, error) {
	if err := bytesWithin("app_key", appKey, 1, maxAppKey); err != nil {
		return 0, "", err
	}
	name, err := accountName("account", account)
	if err != nil {
		return 0, "", err
	}
	if err := checkToken(token); err != nil {
		return 0, "", err
	}
	if !a.beginLogin() {
		return 0, "", errBusyLogins
	}
	defer a.finishLogin()
	t, acc, err := a.authenticate(remote, a.now(), appKey, name, token)
	if err != nil {
		return 0, "", err
	}
	return t.ID, acc.Account, nil
}
