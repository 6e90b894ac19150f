package fanout

import (
	"github.com/yizhan-im/yizhan/appliance/session"
	"github.com/yizhan-im/yizhan/appliance/state"
	"github.com/yizhan-im/yizhan/appliance/wire"
)

// notify pushes a notification to the devices of its receiver, or of the members
// of its team, but not to the one that sent it.
func (f *Fanout) notify(r *state.NotifyResult) {
	if r.Code != wire.CodeOK || r.Duplicate {
		return
	}
	if r.Team != 0 {
		f.toTeam(r.Tenant, r.Team, r.ID, r.Members, r.Mega, r.Session, func() *session.Event { return notificationEvent(r) }, &f.metrics.notifications)
	} else if f.findOne(r.Tenant, r.To, r.Session) {
		f.push(notificationEvent(r), &f.metrics.notifications)
	}
}

// notificationEvent is a wire.NotificationPush around the encoded notification,
// whose field has the number of MessagePush.message.
func notificationEvent(r *state.NotifyResult) *session.Event {
	return &session.Event{Command: wire.PushNotification, Payload: messagePush(r.Notification)}
}
