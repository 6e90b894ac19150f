package state

import (
	"encoding/binary"

	"github.com/yizhan-im/yizhan/appliance/wire"
)

// Kinds of the commands on notifications and broadcasts.
const (
	kindNotify          = 176
	kindSendBroadcast   = 177
	kindDeleteBroadcast = 178
)

// Append appends the encoded command to dst.
func (c *Notify) Append(dst []byte) []byte {
	dst = target(dst, kindNotify, c.TimeMs, c.Tenant)
	dst = binary.AppendUvarint(dst, c.Session)
	return appendBody(dst, c.Notification)
}

func (c *Notify) decode(r *reader) bool {
	c.TimeMs, c.Tenant, c.Session = r.time(), r.u32(), r.uint()
	c.Notification = new(wire.Notification)
	return !r.bad && c.Notification.UnmarshalVT(r.rest()) == nil
}

// Append appends the encoded command to dst.
func (c *SendBroadcast) Append(dst []byte) []byte {
	dst = target(dst, kindSendBroadcast, c.TimeMs, c.Tenant)
	dst = appendString(dst, c.ClientID)
	dst = appendString(dst, c.From)
	dst = appendString(dst, c.Body)
	dst = binary.AppendUvarint(dst, uint64(c.Platforms))
	dst = appendBool(dst, c.Offline)
	return binary.AppendUvarint(dst, uint64(max(c.TTLMs, 0)))
}

func (c *SendBroadcast) decode(r *reader) bool {
	c.TimeMs, c.Tenant = r.time(), r.u32()
	c.ClientID, c.From, c.Body = r.string(), r.string(), r.string()
	c.Platforms, c.Offline, c.TTLMs = r.u32(), r.bool(), r.time()
	return r.done()
}

// Append appends the encoded command to dst.
func (c *DeleteBroadcast) Append(dst []byte) []byte {
	dst = target(dst, kindDeleteBroadcast, c.TimeMs, c.Tenant)
	return binary.AppendUvarint(dst, c.ID)
}

func (c *DeleteBroadcast) decode(r *reader) bool {
	c.TimeMs, c.Tenant, c.ID = r.time(), r.u32(), r.uint()
	return r.done()
}
