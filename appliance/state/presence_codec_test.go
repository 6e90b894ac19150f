package state

// fullPresenceCommands has one of each kind on presence with every field set.
func fullPresenceCommands() []command {
	return []command{
		&Subscribe{TimeMs: testTime, Tenant: 1, Session: 2, Subscriber: "a", Publishers: []string{"b", "c"}, LengthMs: 3, Limit: 4, FriendsOnly: true},
		&Unsubscribe{TimeMs: testTime, Tenant: 1, Session: 2, Subscriber: "a", Publishers: []string{"b", "c"}, All: true},
		&ExpireSubscriptions{TimeMs: testTime},
	}
}

func decodePresenceCommand(kind byte, r *reader) command {
	var c interface {
		command
		decode(*reader) bool
	}
	switch kind {
	case kindSubscribe:
		c = new(Subscribe)
	case kindUnsubscribe:
		c = new(Unsubscribe)
	case kindExpireSubscriptions:
		c = new(ExpireSubscriptions)
	default:
		return nil
	}
	if !c.decode(r) {
		return nil
	}
	return c
}

func emptyPresenceRows() []row {
	return []row{new(subscriptionRow), new(subscriberRow), new(subscriptionTotals)}
}

func fullPresenceRows() []row {
	return []row{
		&subscriptionRow{sinceMs: testTime, expiresMs: testTime + 1}, &subscriberRow{expiresMs: testTime},
		&subscriptionTotals{version: 1 << 60, following: 2, followers: 3},
	}
}
