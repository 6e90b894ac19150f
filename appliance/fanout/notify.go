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
	found := false
	if r.Team != 0 {
		found = f.findAll(r.Tenant, r.Members, r.Session)
	} else {
		found = f.findOne(r.Tenant, r.To, r.Session)
	}
	if found {
		f.push(notificationEvent(r), &f.metrics.notifications)
	}
}

// notificationEvent is a wire.NotificationPush around the encoded notification,
// whose field has the number of MessagePush.message.
func notificationEvent(r *state.NotifyResult) *session.Event {
	return &session.Event{Command: wire.PushNotification, Payload: messagePush(r.Notification)}
}
