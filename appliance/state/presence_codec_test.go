package state

import "github.com/yizhan-im/yizhan/appliance/wire"

// fullPresenceCommands has one of each kind on presence with every field set.
func fullPresenceCommands() []command {
	return []command{
		&Subscribe{TimeMs: testTime, Tenant: 1, Session: 2, Subscriber: "a", Publishers: []string{"b", "c"}, LengthMs: 3, Limit: 4, FriendsOnly: true},
		&Unsubscribe{TimeMs: testTime, Tenant: 1, Session: 2, Subscriber: "a", Publishers: []string{"b", "c"}, All: true},
		&ExpireSubscriptions{TimeMs: testTime},
		&RecordEvents{TimeMs: testTime, Events: []LoginEvent{
			{Tenant: 1, Account: "a", Keep: 2, Event: fullEvent()}, {Tenant: 300, Account: "b", Keep: 3, Event: &wire.LoginEvent{}},
		}},
		&SweepEvents{TimeMs: testTime, Tenant: 1, BeforeMs: testTime - 1},
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
	case kindRecordEvents:
		c = new(RecordEvents)
	case kindSweepEvents:
		c = new(SweepEvents)
	default:
		return nil
	}
	if !c.decode(r) {
		return nil
	}
	return c
}

func emptyPresenceRows() []row {
	return []row{new(subscriptionRow), new(subscriberRow), new(subscriptionTotals), new(loginTotals)}
}

func fullPresenceRows() []row {
	return []row{
		&subscriptionRow{sinceMs: testTime, expiresMs: testTime + 1}, &subscriberRow{expiresMs: testTime},
		&subscriptionTotals{version: 1 << 60, following: 2, followers: 3},
		&loginTotals{first: [2]uint64{1, 2}, next: [2]uint64{3, 400}, day: 20000},
	}
}

func fullEvent() *wire.LoginEvent {
	return &wire.LoginEvent{
		Kind: wire.LoginEventKind_LOGIN_EVENT_LOGIN, TimeMs: testTime, Code: 200, Platform: wire.Platform_PLATFORM_IOS,
		DeviceId: "phone", Ip: "2001:db8::1", SdkVersion: "1.2", CustomTag: "tag", SessionId: 7,
	}
}
