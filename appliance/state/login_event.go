package state

import "github.com/yizhan-im/yizhan/appliance/wire"

// Limits of login events.
const (
	// MaxEventsAtOnce is how many events one command records.
	MaxEventsAtOnce = 256
	// maxFailedEvents is how many refused logins of one account are remembered, so
	// that who guesses tokens cannot push out what the user has done.
	maxFailedEvents = 50
	// trimAtOnce is how many of the oldest events make room when one comes: more than
	// one only after the tenant has lowered its limit.
	trimAtOnce = 4
	// sweepAtOnce and sweepAccounts bound the work of one SweepEvents.
	sweepAtOnce   = 1000
	sweepAccounts = 200

	maxEventText = 64
)

// RecordEvents remembers logins and logouts of any accounts, in their order. Events
// of accounts that do not exist are passed over.
type RecordEvents struct {
	TimeMs int64
	Events []LoginEvent // 1..MaxEventsAtOnce
}

// LoginEvent is one event of an account.
type LoginEvent struct {
	Tenant  uint32
	Account string
	Keep    uint32 // the most events of the account to remember
	Event   *wire.LoginEvent
}

// SweepEvents removes the events of a tenant that are older than BeforeMs, some
// hundred at a time: repeat it while the result has More.
type SweepEvents struct {
	TimeMs   int64
	Tenant   uint32
	BeforeMs int64
}

// EventsResult is the outcome of RecordEvents and SweepEvents.
type EventsResult struct {
	Code  wire.Code
	Count int // events that were recorded or removed
	More  bool
}

// refusedLogin reports whether e is a login that was refused.
func refusedLogin(e *wire.LoginEvent) bool {
	return e.Kind == wire.LoginEventKind_LOGIN_EVENT_LOGIN && e.Code != uint32(wire.CodeOK)
}

func validEvent(e *wire.LoginEvent) bool {
	for _, s := range [...]string{e.DeviceId, e.Ip, e.SdkVersion, e.CustomTag} {
		if !validText(s, maxEventText) {
			return false
		}
	}
	return e.TimeMs >= 0 && e.TimeMs <= maxTimeMs && (e.Kind == wire.LoginEventKind_LOGIN_EVENT_LOGIN || e.Kind == wire.LoginEventKind_LOGIN_EVENT_LOGOUT)
}
