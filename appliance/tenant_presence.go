package appliance

import (
	"slices"
	"strings"

	"github.com/yizhan-im/yizhan/appliance/state"
	"github.com/yizhan-im/yizhan/appliance/wire"
)

// presenceModes and searchModes are the names of state.Limits.PresenceMode and
// UserSearch, from 1 on.
var (
	presenceModes = []string{"everybody", "friends", "subscribed"}
	searchModes   = []string{"exact", "off", "on"}
)

// PresenceModes lists the names of who may see presence, for people.
var PresenceModes = strings.Join(presenceModes, ", ")

// PresenceRequest is the part of a TenantRequest about presence, the search for
// accounts and login events.
type PresenceRequest struct {
	// Presence says who may see whether an account is online: everybody of the
	// tenant, as it is at first, its friends, or who has subscribed to it.
	Presence string `json:"presence,omitempty"`
	// UserSearch says how users may search for accounts: exact, by the whole id, as
	// it is at first; off; or on, also by the beginning of ids and names.
	UserSearch string `json:"user_search,omitempty"`
	// MaxSubscriptions bounds the accounts whose presence an account follows, at
	// most 10,000.
	MaxSubscriptions int `json:"max_subscriptions,omitempty"`
	// EventDays, at most 366, and EventCount, at most 1,000, bound the logins and
	// logouts that are remembered of one account.
	EventDays  int `json:"login_event_days,omitempty"`
	EventCount int `json:"login_events,omitempty"`
}

// PresenceInfo is the same of a TenantInfo.
type PresenceInfo struct {
	Presence         string `json:"presence"`
	UserSearch       string `json:"user_search"`
	MaxSubscriptions int    `json:"max_subscriptions"`
	EventDays        int    `json:"login_event_days"`
	EventCount       int    `json:"login_events"`
}

func (r *PresenceRequest) applyPresence(l *state.Limits) error {
	for _, f := range []struct {
		field, asked string
		names        []string
		limit        *int
	}{
		{"presence", r.Presence, presenceModes, &l.PresenceMode},
		{"user_search", r.UserSearch, searchModes, &l.UserSearch},
	} {
		if f.asked == "" {
			continue
		}
		mode := 1 + slices.Index(f.names, f.asked)
		if mode == 0 {
			return wire.Errorf(wire.CodeBadParameter, "%s: unknown value %q: use one of %s", f.field, f.asked, strings.Join(f.names, ", "))
		}
		*f.limit = mode
	}
	return nil
}

func presenceInfo(l *state.Limits) PresenceInfo {
	return PresenceInfo{
		Presence: presenceModes[l.PresenceMode-1], UserSearch: searchModes[l.UserSearch-1],
		MaxSubscriptions: l.MaxSubscriptions, EventDays: l.EventDays, EventCount: l.EventCount,
	}
}
