package app

import "github.com/yizhan-im/yizhan/appliance/wire"

// presenceRequest serves the requests about presence and accounts; it reports false
// for others.
func (a *App) presenceRequest(r *request, payload []byte) (served bool, err error) {
	switch r.cmd {
	case wire.CmdOnlineStatus:
		return true, a.onlineStatus(r, payload)
	case wire.CmdSetPresence:
		return true, a.setPresence(r, payload)
	case wire.CmdSubscribePresence:
		return true, a.subscribePresence(r, payload)
	case wire.CmdUnsubscribePresence:
		return true, a.unsubscribePresence(r, payload)
	case wire.CmdPresenceSubscriptions:
		return true, a.presenceSubscriptions(r, payload)
	case wire.CmdLoginHistory:
		return true, a.loginHistory(r, payload)
	case wire.CmdSearchUsers:
		return true, a.searchUsers(r, payload)
	}
	return false, nil
}
