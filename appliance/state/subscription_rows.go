package state

import (
	"encoding/binary"
	"fmt"
)

// The tables of subscriptions. Changing a number breaks compatibility with stored
// data.
const (
	tableSubscription       = 0x80 // tenant, subscriber+, publisher
	tableSubscriber         = 0x81 // tenant, publisher+, subscriber
	tableSubscriptionTotals = 0x82 // tenant, account
	tableSubscriptionExpiry = 0x83 // time u64, tenant, subscriber+, publisher
)

// subscriptionRow is one subscription, of tableSubscription.
type subscriptionRow struct {
	sinceMs, expiresMs int64
}

func (s *subscriptionRow) append(dst []byte) []byte {
	dst = append(dst, rowVersion)
	dst = binary.AppendUvarint(dst, uint64(s.sinceMs))
	return binary.AppendUvarint(dst, uint64(s.expiresMs))
}

func (s *subscriptionRow) decode(b []byte) error {
	r := openRow(b)
	s.sinceMs, s.expiresMs = r.time(), r.time()
	return r.end("subscription")
}

// subscriberRow is the same seen from the publisher, of tableSubscriber.
type subscriberRow struct {
	expiresMs int64
}

func (s *subscriberRow) append(dst []byte) []byte {
	return binary.AppendUvarint(append(dst, rowVersion), uint64(s.expiresMs))
}

func (s *subscriberRow) decode(b []byte) error {
	r := openRow(b)
	s.expiresMs = r.time()
	return r.end("subscriber")
}

// subscriptionTotals is what all subscriptions of an account have in common.
type subscriptionTotals struct {
	version uint64 // of the newest change of what it has subscribed to
	// following counts the account's subscriptions, followers those to it; those that
	// are over among them until they are removed.
	following, followers uint32
}

func (s *subscriptionTotals) append(dst []byte) []byte {
	dst = append(dst, rowVersion)
	dst = binary.AppendUvarint(dst, s.version)
	dst = binary.AppendUvarint(dst, uint64(s.following))
	return binary.AppendUvarint(dst, uint64(s.followers))
}

func (s *subscriptionTotals) decode(b []byte) error {
	r := openRow(b)
	s.version, s.following, s.followers = r.uint(), r.u32(), r.u32()
	return r.end("totals of subscriptions")
}

func appendSubscriptionExpiryKey(dst []byte, expiresMs int64, tenant uint32, subscriber, publisher string) []byte {
	dst = appendU64(appendTable(dst, tableSubscriptionExpiry), uint64(expiresMs))
	return append(appendName(appendU32(dst, tenant), subscriber), publisher...)
}

// expiry is what a key of tableSubscriptionExpiry names.
type expiry struct {
	expiresMs             int64
	tenant                uint32
	subscriber, publisher string
}

func decodeExpiryKey(key []byte) (e expiry, err error) {
	rest := key[tableLen:]
	if len(rest) < 8+4+1 || len(rest) < 8+4+1+int(rest[12]) {
		return e, fmt.Errorf("%w: key of an expiry", errDamaged)
	}
	e.expiresMs, e.tenant = int64(binary.BigEndian.Uint64(rest)), binary.BigEndian.Uint32(rest[8:])
	names := rest[13:]
	e.subscriber, e.publisher = string(names[:rest[12]]), string(names[rest[12]:])
	return e, nil
}
