package fanout

import (
	"github.com/yizhan-im/yizhan/appliance/session"
	"github.com/yizhan-im/yizhan/appliance/state"
	"github.com/yizhan-im/yizhan/appliance/wire"
)

// noOrigin leaves no session out.
const noOrigin = 0

// teamMessage pushes one message of a team to every device of its members but
// the one that sent it. Who is a member the result says, as it was when the
// message was accepted: one look into the hub for each.
func (f *Fanout) teamMessage(r *state.SendResult) {
	if f.findAll(r.Tenant, r.Members, r.Session) {
		f.pushMessage(r)
	}
}

// team pushes what a change of a team tells: first to each account what has
// become of it, so that its devices know from which entry on they may read; then
// the entries of the log to all members, also the one who made the change, whose
// answer does not have them.
func (f *Fanout) team(r *state.TeamResult) {
	if r.Code != wire.CodeOK {
		return
	}
	if r.Mega {
		f.mega.enqueue(r)
		return
	}
	for i := range r.States {
		s := &r.States[i]
		if f.find(r.Tenant, s.Account, s.Account, noOrigin) {
			f.push(session.NewEvent(wire.PushTeamState, &wire.TeamStatePush{State: s.State}), &f.metrics.teamStates)
		}
	}
	if len(r.Messages) > 0 && f.findAll(r.Tenant, r.Members, noOrigin) {
		for _, message := range r.Messages {
			f.push(&session.Event{Command: wire.PushMessage, Payload: messagePush(message)}, &f.metrics.messages)
		}
	}
	if r.Application != nil && f.findAll(r.Tenant, r.Managers, noOrigin) {
		f.push(session.NewEvent(wire.PushTeamApplication, &wire.TeamApplicationPush{
			Team: state.TeamID(r.Team), Application: r.Application,
		}), &f.metrics.teamApplications)
	}
}

// findAll collects the sessions of accounts, without the origin.
func (f *Fanout) findAll(tenant uint32, accounts []string, origin uint64) bool {
	f.receivers = f.receivers[:0]
	for _, account := range accounts {
		f.receivers = f.hub.Sessions(f.receivers, tenant, account)
	}
	return f.leaveOut(origin)
}
