package state

import (
	"bytes"

	"github.com/yizhan-im/yizhan/appliance/wire"
	"github.com/yizhan-im/yizhan/raftstore"
)

// changePresence applies the commands from kindPresenceFirst to kindPresenceLast.
func (m *Machine) changePresence(tx *raftstore.Tx, kind byte, r *reader) (any, error) {
	switch kind {
	case kindSubscribe:
		return m.subscribe(tx, r)
	case kindUnsubscribe:
		return m.unsubscribe(tx, r)
	case kindExpireSubscriptions:
		return m.expireSome(tx, r)
	case kindRecordEvents:
		return m.recordEvents(tx, r)
	case kindSweepEvents:
		return m.sweepEvents(tx, r)
	}
	return &UnknownResult{Code: wire.CodeBadProtocol}, nil
}

func (m *Machine) subscribe(tx *raftstore.Tx, r *reader) (*SubscriptionResult, error) {
	var c Subscribe
	ok := c.decode(r)
	res := &SubscriptionResult{Code: wire.CodeBadProtocol, Tenant: c.Tenant, Session: c.Session, Subscriber: c.Subscriber}
	if !ok {
		return res, nil
	}
	if !validAccount(c.Subscriber) || !validPublishers(c.Publishers) || c.LengthMs < MinSubscriptionMs || c.LengthMs > MaxSubscriptionMs || c.TimeMs > maxTimeMs-MaxSubscriptionMs {
		res.Code = wire.CodeBadParameter
		return res, nil
	}
	if err := m.tick(tx, c.TimeMs); err != nil {
		return nil, err
	}
	if _, _, err := m.expireSubscriptions(tx, c.TimeMs, expireAtOnce); err != nil {
		return nil, err
	}
	if ok, err := m.accountExists(tx, c.Tenant, c.Subscriber); err != nil || !ok {
		res.Code = wire.CodeNotFound
		return res, err
	}
	own, err := m.subscriptionTotals(tx, c.Tenant, c.Subscriber)
	if err != nil {
		return nil, err
	}
	res.Code, res.ExpiresMs = wire.CodeOK, c.TimeMs+c.LengthMs
	for _, publisher := range c.Publishers {
		added, err := m.follow(tx, &c, &own, publisher)
		if err != nil {
			return nil, err
		}
		if added {
			res.Added = append(res.Added, publisher)
		} else {
			res.Failed = append(res.Failed, publisher)
		}
	}
	return res, m.finishSubscription(tx, res, &own, len(res.Added) > 0)
}

// finishSubscription stores the subscriber's totals if they were touched. What others
// need not learn, such as that a subscription was removed that was over, takes no
// version.
func (m *Machine) finishSubscription(tx *raftstore.Tx, res *SubscriptionResult, own *subscriptionTotals, touched bool) error {
	if res.Changed = len(res.Added)+len(res.Removed) > 0; res.Changed {
		own.version = m.nextID()
	}
	res.Version = own.version
	if !touched {
		return nil
	}
	return m.putSubscriptionTotals(tx, res.Tenant, res.Subscriber, own)
}

// follow makes the subscriber of c follow one publisher; false when it may not.
func (m *Machine) follow(tx *raftstore.Tx, c *Subscribe, own *subscriptionTotals, publisher string) (bool, error) {
	if publisher == c.Subscriber {
		return false, nil
	}
	if ok, err := m.accountExists(tx, c.Tenant, publisher); err != nil || !ok {
		return false, err
	}
	if c.FriendsOnly {
		if ok, err := m.areFriends(tx, c.Tenant, publisher, c.Subscriber); err != nil || !ok {
			return false, err
		}
	}
	var row subscriptionRow
	known, err := m.subscription(tx, c.Tenant, c.Subscriber, publisher, &row)
	if err != nil {
		return false, err
	}
	if !known {
		theirs, err := m.subscriptionTotals(tx, c.Tenant, publisher)
		if err != nil {
			return false, err
		}
		if own.following >= c.Limit || theirs.followers >= MaxSubscribers {
			return false, nil
		}
		own.following++
		theirs.followers++
		if err := m.putSubscriptionTotals(tx, c.Tenant, publisher, &theirs); err != nil {
			return false, err
		}
	} else {
		m.key = appendSubscriptionExpiryKey(m.key[:0], row.expiresMs, c.Tenant, c.Subscriber, publisher)
		if err := tx.Delete(m.key); err != nil {
			return false, err
		}
	}
	if !known || row.expiresMs <= c.TimeMs {
		row.sinceMs = c.TimeMs
	}
	row.expiresMs = max(row.expiresMs, c.TimeMs+c.LengthMs)
	return true, m.putSubscription(tx, c.Tenant, c.Subscriber, publisher, &row)
}

func (m *Machine) putSubscription(tx *raftstore.Tx, tenant uint32, subscriber, publisher string, row *subscriptionRow) error {
	m.key = appendRelationKey(m.key[:0], tableSubscription, tenant, subscriber, publisher)
	m.val = row.append(m.val[:0])
	if err := tx.Set(m.key, m.val); err != nil {
		return err
	}
	m.key = appendRelationKey(m.key[:0], tableSubscriber, tenant, publisher, subscriber)
	m.val = (&subscriberRow{row.expiresMs}).append(m.val[:0])
	if err := tx.Set(m.key, m.val); err != nil {
		return err
	}
	m.key = appendSubscriptionExpiryKey(m.key[:0], row.expiresMs, tenant, subscriber, publisher)
	return tx.Set(m.key, nil)
}

// unfollow removes a subscription and counts that at the publisher; the caller
// counts it at the subscriber.
func (m *Machine) unfollow(tx *raftstore.Tx, tenant uint32, subscriber, publisher string, row *subscriptionRow) error {
	m.key = appendRelationKey(m.key[:0], tableSubscription, tenant, subscriber, publisher)
	if err := tx.Delete(m.key); err != nil {
		return err
	}
	m.key = appendRelationKey(m.key[:0], tableSubscriber, tenant, publisher, subscriber)
	if err := tx.Delete(m.key); err != nil {
		return err
	}
	m.key = appendSubscriptionExpiryKey(m.key[:0], row.expiresMs, tenant, subscriber, publisher)
	if err := tx.Delete(m.key); err != nil {
		return err
	}
	theirs, err := m.subscriptionTotals(tx, tenant, publisher)
	if err != nil {
		return err
	}
	theirs.followers--
	return m.putSubscriptionTotals(tx, tenant, publisher, &theirs)
}

func (m *Machine) unsubscribe(tx *raftstore.Tx, r *reader) (*SubscriptionResult, error) {
	var c Unsubscribe
	ok := c.decode(r)
	res := &SubscriptionResult{Code: wire.CodeBadProtocol, Tenant: c.Tenant, Session: c.Session, Subscriber: c.Subscriber, All: c.All}
	if !ok {
		return res, nil
	}
	if !validAccount(c.Subscriber) || c.All != (len(c.Publishers) == 0) || !c.All && !validPublishers(c.Publishers) {
		res.Code = wire.CodeBadParameter
		return res, nil
	}
	if err := m.tick(tx, c.TimeMs); err != nil {
		return nil, err
	}
	if ok, err := m.accountExists(tx, c.Tenant, c.Subscriber); err != nil || !ok {
		res.Code = wire.CodeNotFound
		return res, err
	}
	own, err := m.subscriptionTotals(tx, c.Tenant, c.Subscriber)
	if err != nil {
		return nil, err
	}
	res.Code = wire.CodeOK
	publishers := c.Publishers
	if c.All {
		if publishers, err = m.namesUnder(tx, appendConvPrefix(nil, tableSubscription, c.Tenant, c.Subscriber), unsubscribeAtOnce+1); err != nil {
			return nil, err
		}
		if res.More = len(publishers) > unsubscribeAtOnce; res.More {
			publishers = publishers[:unsubscribeAtOnce]
		}
	}
	touched := false
	for _, publisher := range publishers {
		var row subscriptionRow
		known, err := m.subscription(tx, c.Tenant, c.Subscriber, publisher, &row)
		if err != nil {
			return nil, err
		}
		if !known {
			res.Failed = append(res.Failed, publisher)
			continue
		}
		if err := m.unfollow(tx, c.Tenant, c.Subscriber, publisher, &row); err != nil {
			return nil, err
		}
		own.following--
		touched = true
		if row.expiresMs > c.TimeMs || c.All {
			res.Removed = append(res.Removed, publisher)
		} else {
			res.Failed = append(res.Failed, publisher)
		}
	}
	return res, m.finishSubscription(tx, res, &own, touched)
}

func (m *Machine) expireSome(tx *raftstore.Tx, r *reader) (*ExpiryResult, error) {
	var c ExpireSubscriptions
	if !c.decode(r) {
		return &ExpiryResult{Code: wire.CodeBadProtocol}, nil
	}
	if err := m.tick(tx, c.TimeMs); err != nil {
		return nil, err
	}
	removed, more, err := m.expireSubscriptions(tx, c.TimeMs, MaxExpire)
	return &ExpiryResult{Code: wire.CodeOK, Removed: removed, More: more}, err
}

// expireSubscriptions removes at most the given number of those that are over at
// timeMs.
func (m *Machine) expireSubscriptions(tx *raftstore.Tx, timeMs int64, most int) (removed int, more bool, err error) {
	lo := appendTable(nil, tableSubscriptionExpiry)
	it, err := tx.Iter(lo, appendU64(appendTable(nil, tableSubscriptionExpiry), uint64(timeMs)+1))
	if err != nil {
		return 0, false, err
	}
	var over []expiry
	for ok := it.First(); ok && err == nil; ok = it.Next() {
		if more = len(over) >= most; more {
			break
		}
		var e expiry
		e, err = decodeExpiryKey(it.Key())
		over = append(over, e)
	}
	if closeErr := it.Close(); err == nil {
		err = closeErr
	}
	if err != nil {
		return 0, false, err
	}
	for _, e := range over {
		if err := m.unfollow(tx, e.tenant, e.subscriber, e.publisher, &subscriptionRow{expiresMs: e.expiresMs}); err != nil {
			return 0, false, err
		}
		own, err := m.subscriptionTotals(tx, e.tenant, e.subscriber)
		if err != nil {
			return 0, false, err
		}
		own.following--
		if err := m.putSubscriptionTotals(tx, e.tenant, e.subscriber, &own); err != nil {
			return 0, false, err
		}
	}
	return len(over), more, nil
}

// namesUnder reads what follows prefix in at most so many keys.
func (m *Machine) namesUnder(tx *raftstore.Tx, prefix []byte, most int) (names []string, err error) {
	it, err := tx.Iter(prefix, prefixEnd(prefix))
	if err != nil {
		return nil, err
	}
	for ok := it.First(); ok && len(names) < most; ok = it.Next() {
		names = append(names, string(bytes.TrimPrefix(it.Key(), prefix)))
	}
	return names, it.Close()
}

func (m *Machine) subscription(tx *raftstore.Tx, tenant uint32, subscriber, publisher string, row *subscriptionRow) (bool, error) {
	m.key = appendRelationKey(m.key[:0], tableSubscription, tenant, subscriber, publisher)
	stored, ok, err := tx.Get(m.key)
	if err != nil || !ok {
		return false, err
	}
	err = row.decode(stored)
	return true, err
}

func (m *Machine) subscriptionTotals(tx *raftstore.Tx, tenant uint32, account string) (t subscriptionTotals, err error) {
	m.key = appendAccountKey(m.key[:0], tableSubscriptionTotals, tenant, account)
	stored, ok, err := tx.Get(m.key)
	if err != nil || !ok {
		return t, err
	}
	err = t.decode(stored)
	return t, err
}

func (m *Machine) putSubscriptionTotals(tx *raftstore.Tx, tenant uint32, account string, t *subscriptionTotals) error {
	m.key = appendAccountKey(m.key[:0], tableSubscriptionTotals, tenant, account)
	if *t == (subscriptionTotals{}) {
		return tx.Delete(m.key)
	}
	m.val = t.append(m.val[:0])
	return tx.Set(m.key, m.val)
}

// areFriends reports whether account has peer for a friend. It overwrites m.key.
func (m *Machine) areFriends(tx *raftstore.Tx, tenant uint32, account, peer string) (bool, error) {
	m.key = appendRelationKey(m.key[:0], tableRelation, tenant, account, peer)
	stored, ok, err := tx.Get(m.key)
	if err != nil || !ok {
		return false, err
	}
	var row relationRow
	err = row.decode(stored)
	return row.friend, err
}
