package state

import "encoding/binary"

// Kinds of the commands on subscriptions, login events and the index of names.
// Changing a number breaks compatibility with stored logs.
const (
	kindPresenceFirst       = 160
	kindPresenceLast        = 175
	kindSubscribe           = 160
	kindUnsubscribe         = 161
	kindExpireSubscriptions = 162
)

// Append appends the encoded command to dst.
func (c *Subscribe) Append(dst []byte) []byte {
	dst = target(dst, kindSubscribe, c.TimeMs, c.Tenant)
	dst = binary.AppendUvarint(dst, c.Session)
	dst = appendString(dst, c.Subscriber)
	dst = binary.AppendUvarint(dst, uint64(max(c.LengthMs, 0)))
	dst = binary.AppendUvarint(dst, uint64(c.Limit))
	dst = appendBool(dst, c.FriendsOnly)
	return appendPublishers(dst, c.Publishers)
}

func (c *Subscribe) decode(r *reader) bool {
	c.TimeMs, c.Tenant, c.Session = r.time(), r.u32(), r.uint()
	c.Subscriber, c.LengthMs, c.Limit = r.string(), r.time(), r.u32()
	c.FriendsOnly = r.bool()
	c.Publishers = decodePublishers(r)
	return r.done()
}

// Append appends the encoded command to dst.
func (c *Unsubscribe) Append(dst []byte) []byte {
	dst = target(dst, kindUnsubscribe, c.TimeMs, c.Tenant)
	dst = binary.AppendUvarint(dst, c.Session)
	dst = appendString(dst, c.Subscriber)
	dst = appendBool(dst, c.All)
	return appendPublishers(dst, c.Publishers)
}

func (c *Unsubscribe) decode(r *reader) bool {
	c.TimeMs, c.Tenant, c.Session = r.time(), r.u32(), r.uint()
	c.Subscriber, c.All = r.string(), r.bool()
	c.Publishers = decodePublishers(r)
	return r.done()
}

// Append appends the encoded command to dst.
func (c *ExpireSubscriptions) Append(dst []byte) []byte {
	return header(dst, kindExpireSubscriptions, c.TimeMs)
}

func (c *ExpireSubscriptions) decode(r *reader) bool {
	c.TimeMs = r.time()
	return r.done()
}

func appendPublishers(dst []byte, names []string) []byte {
	dst = binary.AppendUvarint(dst, uint64(len(names)))
	for _, name := range names {
		dst = appendString(dst, name)
	}
	return dst
}

func decodePublishers(r *reader) []string {
	n := r.upTo(MaxSubscribePage)
	var names []string
	for range n {
		names = append(names, r.string())
	}
	return names
}
