package fanout

import (
	"github.com/yizhan-im/yizhan/appliance/session"
	"github.com/yizhan-im/yizhan/appliance/state"
	"github.com/yizhan-im/yizhan/appliance/wire"
)

// subscription tells the account's other devices what it has subscribed to. Of all
// subscriptions that end, only the last piece tells it.
func (f *Fanout) subscription(r *state.SubscriptionResult) {
	if r.Code != wire.CodeOK || !r.Changed || r.More || !f.findOne(r.Tenant, r.Subscriber, r.Session) {
		return
	}
	push := &wire.PresenceSubscriptionsPush{Version: r.Version, Added: r.Added, Removed: r.Removed}
	if r.All {
		push.Removed = nil
	}
	if len(r.Added) > 0 {
		push.ExpiresMs = r.ExpiresMs
	}
	f.push(session.NewEvent(wire.PushPresenceSubscriptions, push), &f.metrics.subscriptions)
}
