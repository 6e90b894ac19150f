package state

// Values of Limits.PresenceMode: who may see whether an account is online. A
// tenant stores them: changing a number breaks compatibility.
const (
	// PresenceEverybody lets every account of the tenant ask and subscribe.
	PresenceEverybody = 1
	// PresenceFriends lets an account's friends ask and subscribe.
	PresenceFriends = 2
	// PresenceSubscribed lets every account subscribe, and ask about those that it
	// has subscribed to.
	PresenceSubscribed = 3

	presenceModes = 3
)

// Values of Limits.UserSearch: how clients may search for accounts. The tenant's
// backend always may.
const (
	// UserSearchExact finds an account by its whole id, as reading profiles does.
	UserSearchExact = 1
	// UserSearchOff refuses the search.
	UserSearchOff = 2
	// UserSearchOn also finds by the beginning of ids and names.
	UserSearchOn = 3

	userSearchModes = 3
)

// Defaults and largest values of the limits on subscriptions and login events.
const (
	DefaultMaxSubscriptions = 3000
	// maxSubscriptions bounds what one page after another may read, and how much a
	// subscriber costs others.
	maxSubscriptions  = 10_000
	DefaultEventDays  = 30
	maxEventDays      = 366
	DefaultEventCount = 100
	maxEventCount     = 1000
)

func (l *Limits) presenceDefaults() {
	setDefault(&l.PresenceMode, PresenceEverybody)
	setDefault(&l.MaxSubscriptions, DefaultMaxSubscriptions)
	setDefault(&l.EventDays, DefaultEventDays)
	setDefault(&l.EventCount, DefaultEventCount)
	setDefault(&l.UserSearch, UserSearchExact)
}

func (l *Limits) validPresence() bool {
	return l.PresenceMode <= presenceModes && l.UserSearch <= userSearchModes && l.MaxSubscriptions <= maxSubscriptions &&
		l.EventDays <= maxEventDays && l.EventCount <= maxEventCount
}
