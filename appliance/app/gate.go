package app

import (
	"context"
	"net/netip"

	"github.com/yizhan-im/yizhan/appliance/state"
	"github.com/yizhan-im/yizhan/appliance/wire"
)

// Gate asks a tenant's backend whether an operation of one of its users may be
// carried out. Its methods may be called from any goroutine.
type Gate interface {
	// Ask waits for the verdict, no longer than one and a half timeouts of
	// t.Callback: nil allows, a *wire.Error refuses. The policy of t.Callback
	// decides when there is no answer. q is valid during the call only. An Ask whose
	// ctx has ended returns its error.
	Ask(ctx context.Context, t *state.Tenant, q *Question) error
}

// Question is what a Gate is asked: may this user do this now?
type Question struct {
	Event  state.CallbackEvents // one of them
	TimeMs int64

	// Who asks, and from where.
	Account  string
	DeviceID string
	Platform wire.Platform
	Remote   netip.AddrPort

	SDKVersion, CustomTag string            // of CallbackLogin
	Message               *wire.SendRequest // of CallbackMessage and CallbackTeamMessage; To is the account's name as it is stored, or the team's id
	Team                  *state.TeamChange // of CallbackTeam
}

// questions are the operations of cmd that a backend may want to be asked about.
func questions(cmd wire.Command) state.CallbackEvents {
	switch cmd {
	case wire.CmdSend:
		return state.CallbackMessage | state.CallbackTeamMessage // which, the payload says
	case wire.CmdCreateTeam, wire.CmdDismissTeam, wire.CmdUpdateTeam, wire.CmdInviteTeam, wire.CmdJoinTeam, wire.CmdAnswerTeam,
		wire.CmdKickTeam, wire.CmdLeaveTeam, wire.CmdTransferTeam, wire.CmdSetTeamManagers, wire.CmdMuteTeamMembers,
		wire.CmdMuteTeam, wire.CmdUpdateTeamMember:
		return state.CallbackTeam
	default:
		return 0
	}
}

// asks reports whether t's backend wants to be asked about one of events.
func (a *App) asks(t *state.Tenant, events state.CallbackEvents) bool {
	return t.Callback.Events&events != 0 && a.gate != nil
}

// ask waits until the tenant's backend has allowed what q says, to which the
// session's part is added here. What is asked for on a connection that has ended
// meanwhile is not done. Only the goroutine of a line may call it.
func (a *App) ask(r *request, q *Question) error {
	id := r.identity
	q.TimeMs, q.Account, q.DeviceID, q.Platform = r.timeMs(), id.Account, id.DeviceID, id.Platform
	q.Remote = r.client.RemoteAddr()
	if err := a.gate.Ask(a.asking, r.tenant, q); err != nil {
		return err
	}
	if r.client.ended.Load() {
		return errGone
	}
	r.start = a.now() // what is measured from here on is the store
	return nil
}

// askSend asks about a message whose receiver is to.
func (a *App) askSend(r *request, in *wire.SendRequest, to string) error {
	event := state.CallbackMessage
	if in.Scene == wire.Scene_SCENE_TEAM {
		event = state.CallbackTeamMessage
	}
	if !r.mayWait || !a.asks(r.tenant, event) {
		return nil
	}
	in.To = to
	return a.ask(r, &Question{Event: event, Message: in})
}

// askTeam asks about the change of a team.
func (a *App) askTeam(r *request, c *state.TeamChange) error {
	if !r.mayWait || !a.asks(r.tenant, state.CallbackTeam) {
		return nil
	}
	return a.ask(r, &Question{Event: state.CallbackTeam, Team: c})
}
