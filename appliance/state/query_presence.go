package state

import (
	"github.com/yizhan-im/yizhan/appliance/wire"
	"github.com/yizhan-im/yizhan/raftstore"
)

// Sight is what an account may see of another one's presence.
type Sight uint8

// The sights.
const (
	// SightNone: there is no such account.
	SightNone Sight = iota
	// SightDenied: the tenant does not let the account see it.
	SightDenied
	// SightOffline: it is shown as offline, whatever it is, and must not notice that:
	// it has been blacklisted.
	SightOffline
	// SightFull: it may see it.
	SightFull
)

// Sights tells what viewer may see of the presence of accounts, in their order, in
// the mode of its tenant at nowMs. An account sees its own. CodeCountLimit for more
// than MaxProfiles.
func (q *Queries) Sights(tenant uint32, viewer string, mode int, accounts []string, nowMs int64) ([]Sight, error) {
	if len(accounts) > MaxProfiles {
		return nil, wire.Errorf(wire.CodeCountLimit, "at most %d accounts", MaxProfiles)
	}
	v := q.view()
	defer v.Close()
	sights := make([]Sight, len(accounts))
	for i, account := range accounts {
		var err error
		if sights[i], err = sightOf(v, tenant, viewer, mode, account, nowMs); err != nil {
			return nil, err
		}
	}
	return sights, nil
}

func sightOf(v *raftstore.View, tenant uint32, viewer string, mode int, account string, nowMs int64) (Sight, error) {
	if account == viewer {
		return SightFull, nil
	}
	_, exists, err := v.Get(appendAccountKey(nil, tableAccount, tenant, account))
	if err != nil || !exists {
		return SightNone, readError(err)
	}
	if mode == PresenceSubscribed {
		var row subscriptionRow
		known, err := readRow(v, appendRelationKey(nil, tableSubscription, tenant, viewer, account), row.decode)
		if err != nil || !known || row.expiresMs <= nowMs {
			return SightDenied, err
		}
	}
	return sightOfPublisher(v, tenant, viewer, mode, account)
}

// sightOfPublisher is sightOf for an account that exists, and for modes in which a
// subscription makes no difference.
func sightOfPublisher(v *raftstore.View, tenant uint32, viewer string, mode int, account string) (Sight, error) {
	if mode == PresenceFriends {
		var row relationRow
		if _, err := readRow(v, appendRelationKey(nil, tableRelation, tenant, account, viewer), row.decode); err != nil || !row.friend {
			return SightDenied, err
		}
	}
	stored, listed, err := v.Get(appendRelationKey(nil, tableSpecial, tenant, account, viewer))
	if err != nil || !listed {
		return SightFull, readError(err)
	}
	s, err := decodeSpecial(stored)
	if s&specialBlacklisted != 0 {
		return SightOffline, err
	}
	return SightFull, err
}

// Audience reads who is to be told of a publisher's presence at nowMs: all its
// subscribers that may see it. With only it looks at that account alone: accounts is
// then that one, if it has subscribed, and hidden says that it must see the publisher
// offline.
//
// It reads the publisher's blacklist and at most MaxSubscribers rows, and in a tenant
// where only friends may see presence one more row for each.
func (q *Queries) Audience(tenant uint32, publisher, only string, nowMs int64) (accounts []string, hidden bool, err error) {
	v := q.view()
	defer v.Close()
	if only != "" {
		return audienceOfOne(v, tenant, publisher, only, nowMs)
	}
	prefix := appendConvPrefix(nil, tableSubscriber, tenant, publisher)
	err = scan(v, prefix, prefixEnd(prefix), func(key, stored []byte) error {
		var row subscriberRow
		if err := row.decode(stored); err != nil {
			return err
		}
		if row.expiresMs > nowMs {
			accounts = append(accounts, string(key[len(prefix):]))
		}
		return nil
	})
	if err != nil || len(accounts) == 0 {
		return nil, false, err
	}
	mode, err := readPresenceMode(v, tenant)
	if err != nil {
		return nil, false, err
	}
	listed, err := blacklisted(v, tenant, publisher)
	if err != nil {
		return nil, false, err
	}
	if len(listed) == 0 && mode != PresenceFriends {
		return accounts, false, nil
	}
	seeing := accounts[:0]
	for _, account := range accounts {
		if listed[account] {
			continue
		}
		if mode == PresenceFriends {
			sight, err := sightOfPublisher(v, tenant, account, mode, publisher)
			if err != nil {
				return nil, false, err
			}
			if sight != SightFull {
				continue
			}
		}
		seeing = append(seeing, account)
	}
	return seeing, false, nil
}

func audienceOfOne(v *raftstore.View, tenant uint32, publisher, only string, nowMs int64) (accounts []string, hidden bool, err error) {
	var row subscriptionRow
	known, err := readRow(v, appendRelationKey(nil, tableSubscription, tenant, only, publisher), row.decode)
	if err != nil || !known || row.expiresMs <= nowMs {
		return nil, false, err
	}
	mode, err := readPresenceMode(v, tenant)
	if err != nil {
		return nil, false, err
	}
	sight, err := sightOfPublisher(v, tenant, only, mode, publisher)
	return []string{only}, sight != SightFull, err
}

func readPresenceMode(v *raftstore.View, tenant uint32) (int, error) {
	var t Tenant
	if _, err := readRow(v, appendTenantKey(nil, tenant), t.decode); err != nil {
		return 0, err
	}
	return t.Limits.WithDefaults().PresenceMode, nil
}

// blacklisted reads whom account has blacklisted; nil for nobody.
func blacklisted(v *raftstore.View, tenant uint32, account string) (listed map[string]bool, err error) {
	prefix := appendConvPrefix(nil, tableSpecial, tenant, account)
	err = scan(v, prefix, prefixEnd(prefix), func(key, stored []byte) error {
		s, err := decodeSpecial(stored)
		if s&specialBlacklisted != 0 {
			if listed == nil {
				listed = make(map[string]bool)
			}
			listed[string(key[len(prefix):])] = true
		}
		return err
	})
	return listed, err
}

// Subscription is one subscription of an account.
type Subscription struct {
	Publisher          string
	SinceMs, ExpiresMs int64
}

// Subscriptions reads which subscriptions the account has at nowMs, those after the
// publisher after, in the order of the names, at most limit (1..MaxSubscriptionsPage,
// 0 means 100). version is that of the account's subscriptions, read before them.
func (q *Queries) Subscriptions(tenant uint32, account, after string, limit int, nowMs int64) (found []Subscription, more bool, version uint64, err error) {
	v := q.view()
	defer v.Close()
	totals, err := readSubscriptionTotals(v, tenant, account)
	if err != nil {
		return nil, false, 0, err
	}
	limit = pageSize(limit, MaxSubscriptionsPage)
	prefix := appendConvPrefix(nil, tableSubscription, tenant, account)
	lo := prefix
	if after != "" {
		lo = append(append(append([]byte(nil), prefix...), after...), 0)
	}
	it, err := v.Iter(lo, prefixEnd(prefix))
	if err != nil {
		return nil, false, 0, readError(err)
	}
	for ok := it.First(); ok && err == nil; ok = it.Next() {
		var row subscriptionRow
		if err = row.decode(it.Value()); err != nil || row.expiresMs <= nowMs {
			continue
		}
		if more = len(found) >= limit; more {
			break
		}
		found = append(found, Subscription{string(it.Key()[len(prefix):]), row.sinceMs, row.expiresMs})
	}
	if closeErr := it.Close(); err == nil {
		err = readError(closeErr)
	}
	return found, more, totals.version, err
}

// SubscriptionsTo reads those of the account's subscriptions to publishers that it
// has at nowMs, in their order.
func (q *Queries) SubscriptionsTo(tenant uint32, account string, publishers []string, nowMs int64) (found []Subscription, err error) {
	v := q.view()
	defer v.Close()
	for _, publisher := range publishers {
		var row subscriptionRow
		known, err := readRow(v, appendRelationKey(nil, tableSubscription, tenant, account, publisher), row.decode)
		if err != nil {
			return nil, err
		}
		if known && row.expiresMs > nowMs {
			found = append(found, Subscription{publisher, row.sinceMs, row.expiresMs})
		}
	}
	return found, nil
}

// SubscriptionsOver reports whether a subscription of the site is over at nowMs and
// still there.
func (q *Queries) SubscriptionsOver(nowMs int64) (over bool, err error) {
	v := q.view()
	defer v.Close()
	it, err := v.Iter(appendTable(nil, tableSubscriptionExpiry), appendU64(appendTable(nil, tableSubscriptionExpiry), uint64(nowMs)+1))
	if err != nil {
		return false, readError(err)
	}
	over = it.First()
	return over, readError(it.Close())
}

func readSubscriptionTotals(v *raftstore.View, tenant uint32, account string) (t subscriptionTotals, err error) {
	_, err = readRow(v, appendAccountKey(nil, tableSubscriptionTotals, tenant, account), t.decode)
	return t, err
}
