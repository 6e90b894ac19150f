package state

import "github.com/yizhan-im/yizhan/appliance/wire"

// Limits of subscriptions to presence.
const (
	// MaxSubscribePage is how many publishers one command may name.
	MaxSubscribePage = 100
	// MaxSubscribers is how many accounts may follow one publisher: each change of
	// its presence is pushed to all of them that are online.
	MaxSubscribers = 10_000
	// MinSubscriptionMs and MaxSubscriptionMs bound how long a subscription lasts.
	MinSubscriptionMs = 60 * 1000
	MaxSubscriptionMs = 30 * 24 * 60 * 60 * 1000
	// MaxSubscriptionsPage is the most subscriptions in one answer.
	MaxSubscriptionsPage = 200

	// unsubscribeAtOnce bounds the work of an Unsubscribe of all.
	unsubscribeAtOnce = 500
	// expireAtOnce is how many subscriptions that are over a Subscribe removes, and
	// MaxExpire how many an ExpireSubscriptions.
	expireAtOnce = 16
	MaxExpire    = 500
)

// Subscribe makes an account follow the presence of others. Where it does already,
// the subscription lasts longer, never shorter. The time of the command decides what
// is over, as with locks: the machine's clock never goes back.
type Subscribe struct {
	TimeMs     int64
	Tenant     uint32
	Session    uint64 // echoed in the result
	Subscriber string
	Publishers []string // 1..MaxSubscribePage
	LengthMs   int64    // MinSubscriptionMs..MaxSubscriptionMs
	Limit      uint32   // the most subscriptions of the subscriber
	// FriendsOnly refuses publishers that are not friends of the subscriber.
	FriendsOnly bool
}

// Unsubscribe ends subscriptions: to Publishers, or with All to all, some hundred at
// a time: repeat it while the result has More.
type Unsubscribe struct {
	TimeMs     int64
	Tenant     uint32
	Session    uint64
	Subscriber string
	Publishers []string
	All        bool
}

// ExpireSubscriptions removes the subscriptions that are over, the oldest first, at
// most MaxExpire. Commands on subscriptions do it too, a few at a time; this one is
// for a site where nobody subscribes any more.
type ExpireSubscriptions struct {
	TimeMs int64
}

// SubscriptionResult is the outcome of Subscribe and Unsubscribe. CodeNotFound: there
// is no such subscriber.
type SubscriptionResult struct {
	Code       wire.Code
	Tenant     uint32
	Session    uint64
	Subscriber string
	// Added are the publishers that are subscribed to now, until ExpiresMs or longer;
	// Removed those that no longer are.
	Added, Removed []string
	ExpiresMs      int64
	// Failed could not be subscribed to, in their order: they do not exist, are the
	// subscriber itself, are not friends, or there is no room. Of an Unsubscribe they
	// were not subscribed to.
	Failed []string
	// Version is that of the subscriber's subscriptions; Changed says that it has
	// moved.
	Version uint64
	Changed bool
	// All: this was a piece of an Unsubscribe of all, and More that there are more.
	All, More bool
}

// ExpiryResult is the outcome of ExpireSubscriptions.
type ExpiryResult struct {
	Code    wire.Code
	Removed int
	More    bool // there may be more
}

// validPublishers reports whether all are accounts and different ones.
func validPublishers(names []string) bool {
	if len(names) == 0 || len(names) > MaxSubscribePage {
		return false
	}
	seen := make(map[string]bool, len(names))
	for _, name := range names {
		if !validAccount(name) || seen[name] {
			return false
		}
		seen[name] = true
	}
	return true
}
