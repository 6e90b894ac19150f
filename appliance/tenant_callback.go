package appliance

import (
	"context"
	"strings"

	"github.com/yizhan-im/yizhan/appliance/app"
	"github.com/yizhan-im/yizhan/appliance/state"
	"github.com/yizhan-im/yizhan/appliance/wire"
)

// The values of TenantRequest.CallbackURL and CallbackFail that are words.
const (
	callbackOff    = "off"
	callbackAll    = "all"
	callbackOpen   = "open"
	callbackClosed = "closed"
)

var callbackEvents = []struct {
	name  string
	event state.CallbackEvents
}{
	{"login", state.CallbackLogin},
	{"message", state.CallbackMessage},
	{"team_message", state.CallbackTeamMessage},
	{"team", state.CallbackTeam},
	{"recall", state.CallbackRecall},
	{"friend", state.CallbackFriend},
	{"profile", state.CallbackProfile},
	{"room", state.CallbackRoom},
	{"room_entry", state.CallbackRoomEntry},
}

// CallbackEvents lists the names of the operations before which a tenant's backend
// can be asked, for people.
var CallbackEvents = eventNames(^state.CallbackEvents(0))

func eventNames(events state.CallbackEvents) string {
	var names []string
	for _, e := range callbackEvents {
		if events&e.event != 0 {
			names = append(names, e.name)
		}
	}
	return strings.Join(names, ",")
}

func parseEvents(names string) (events state.CallbackEvents, err error) {
	for name := range strings.SplitSeq(names, ",") {
		found := false
		for _, e := range callbackEvents {
			if name = strings.TrimSpace(name); name == e.name || name == callbackAll {
				events |= e.event
				found = true
			}
		}
		if !found {
			return 0, wire.Errorf(wire.CodeBadParameter, "callback_events is not %s or a list of these, separated by commas: %s", callbackAll, CallbackEvents)
		}
	}
	return events, nil
}

func (r *TenantRequest) changesCallback() bool {
	return r.CallbackURL != "" || r.CallbackEvents != "" || r.CallbackFail != "" || r.CallbackTimeoutMs != 0
}

// changedCallback is the tenant's callback with what r asks for, nil when r asks
// for nothing.
func (n *Node) changedCallback(ctx context.Context, r *TenantRequest) (*state.Callback, error) {
	if !r.changesCallback() {
		return nil, nil
	}
	if r.CallbackURL == callbackOff {
		return new(state.Callback), nil
	}
	t, err := n.tenant(ctx, r.AppKey)
	if err != nil {
		return nil, err
	}
	c := t.Callback
	if c.URL == "" {
		if r.CallbackURL == "" {
			return nil, wire.Errorf(wire.CodeBadParameter, "the tenant has no callback: set callback_url too")
		}
		c.Events, _ = parseEvents(callbackAll)
	}
	if err := r.applyCallback(&c); err != nil {
		return nil, err
	}
	return &c, app.CheckCallback(&c)
}

// applyCallback puts what r asks for into c.
func (r *TenantRequest) applyCallback(c *state.Callback) (err error) {
	if r.CallbackURL != "" {
		c.URL = r.CallbackURL
	}
	if r.CallbackEvents != "" {
		if c.Events, err = parseEvents(r.CallbackEvents); err != nil {
			return err
		}
	}
	switch r.CallbackFail {
	case "":
	case callbackOpen, callbackClosed:
		c.FailClosed = r.CallbackFail == callbackClosed
	default:
		return wire.Errorf(wire.CodeBadParameter, "callback_fail must be %s or %s", callbackOpen, callbackClosed)
	}
	if r.CallbackTimeoutMs != 0 {
		c.TimeoutMs = r.CallbackTimeoutMs
	}
	return nil
}

// updateTenant changes what is to be changed. Both parts have been checked as far
// as they can be: should the second fail, the first is done, and doing both again
// is right.
func (n *Node) updateTenant(ctx context.Context, u state.UpdateTenant, c *state.Callback) (*state.Tenant, error) {
	if c == nil {
		return n.app.UpdateTenant(ctx, u)
	}
	if u.Name != nil || u.Secret != nil || u.Limits != nil {
		if _, err := n.app.UpdateTenant(ctx, u); err != nil {
			return nil, err
		}
	}
	return n.app.SetCallback(ctx, u.AppKey, *c)
}

func (i *TenantInfo) setCallback(c state.Callback) {
	if c.URL == "" {
		return
	}
	i.CallbackURL, i.CallbackEvents, i.CallbackFail = c.URL, eventNames(c.Events), callbackOpen
	if c.FailClosed {
		i.CallbackFail = callbackClosed
	}
	i.CallbackTimeoutMs = c.TimeoutMs
	if c.TimeoutMs == 0 {
		i.CallbackTimeoutMs = state.DefaultCallbackTimeoutMs
	}
}
