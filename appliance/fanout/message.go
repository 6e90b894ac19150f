package fanout

import (
	"github.com/yizhan-im/yizhan/appliance/session"
	"github.com/yizhan-im/yizhan/appliance/state"
	"github.com/yizhan-im/yizhan/appliance/wire"
)

// messageEvent is what all receivers of a message get: the entry of the log, or a
// message that is not kept and has no place in it.
func messageEvent(r *state.SendResult) *session.Event {
	command := wire.PushMessage
	if r.Options.GetOnlineOnly() {
		command = wire.PushOnlineMessage
	}
	return &session.Event{Command: command, Payload: messagePush(r.Message)}
}

// hiddenFrom reports whether a session is of a device that the message is not for:
// one of the sender's own, or, of an edit, one that came after what was edited.
func hiddenFrom(r *state.SendResult, id *session.Identity) bool {
	o := r.Options
	return o.GetNoSenderSync() && id.Account == r.From ||
		r.RefID != 0 && (o.GetNoRoam() || o.GetNoHistory()) && id.Since >= r.RefID
}

// pushMessage pushes r to receivers, in whose order it does not matter. Devices
// other than the one that sent it get an entry without content when the message is
// not for them: its place in the log they need all the same.
func pushMessage(r *state.SendResult, receivers []*session.Session, push func(*session.Event, []*session.Session)) {
	if o := r.Options; !o.GetNoSenderSync() && (r.RefID == 0 || !o.GetNoRoam() && !o.GetNoHistory()) {
		push(messageEvent(r), receivers)
		return
	}
	n := 0
	for i, s := range receivers {
		if !hiddenFrom(r, s.Identity()) {
			receivers[i], receivers[n] = receivers[n], s
			n++
		}
	}
	if n > 0 {
		push(messageEvent(r), receivers[:n])
	}
	if n < len(receivers) && !r.Options.GetOnlineOnly() {
		push(&session.Event{Command: wire.PushMessage, Payload: messagePush(state.HiddenEntry(r.Message))}, receivers[n:])
	}
}

// pushMessage is for the sessions that were found.
func (f *Fanout) pushMessage(r *state.SendResult) {
	all := f.receivers
	pushMessage(r, all, func(ev *session.Event, receivers []*session.Session) {
		f.receivers = receivers
		f.push(ev, &f.metrics.messages)
	})
	f.receivers = all
}

// pushMessage is for the sessions that were found.
func (g *mega) pushMessage(r *state.SendResult) {
	all := g.receivers
	pushMessage(r, all, func(ev *session.Event, receivers []*session.Session) {
		g.receivers = receivers
		g.push(ev, &g.f.metrics.messages)
	})
	g.receivers = all
}

// deletion tells the account's other devices what it has deleted for itself.
func (f *Fanout) deletion(r *state.DeletionResult) {
	if r.Code != wire.CodeOK || len(r.Deletion.Seqs) == 0 || !f.findOne(r.Tenant, r.Account, r.Session) {
		return
	}
	f.push(session.NewEvent(wire.PushDeletion, &wire.DeletionPush{Deletion: r.Deletion}), &f.metrics.deletions)
}
