package state

import (
	"encoding/binary"

	"github.com/yizhan-im/yizhan/appliance/wire"
)

// Command kinds of rooms: kindRoomFirst + RoomOp, and those of no one room.
const (
	kindRoomFirst = 96
	kindRoomLast  = kindRoomFirst + byte(roomOps) - 1
	kindRoomLog   = 120
	kindRoomSweep = 121
)

// Append appends the encoded command to dst.
func (c *RoomChange) Append(dst []byte) []byte {
	dst = target(dst, kindRoomFirst+byte(c.Op), c.TimeMs, c.Tenant)
	dst = binary.AppendUvarint(dst, c.Session)
	dst = appendString(dst, c.By)
	dst = binary.AppendUvarint(dst, c.Room)
	for _, flag := range [...]bool{c.Backend, c.Flag, c.Notify} {
		dst = appendBool(dst, flag)
	}
	dst = appendString(dst, c.Ext)
	for _, v := range [...]uint64{uint64(uint32(c.Role)), uint64(c.Number), uint64(c.RoomLimit)} {
		dst = binary.AppendUvarint(dst, v)
	}
	dst = appendString(dst, c.ClientID)
	dst = binary.AppendUvarint(dst, uint64(len(c.Accounts)))
	for _, account := range c.Accounts {
		dst = appendString(dst, account)
	}
	dst = binary.AppendUvarint(dst, uint64(len(c.Messages)))
	for _, id := range c.Messages {
		dst = binary.AppendUvarint(dst, id)
	}
	dst = binary.AppendUvarint(dst, uint64(len(c.Elements)))
	for _, e := range c.Elements {
		dst = appendElement(dst, e)
	}
	switch {
	case c.Op == RoomTagMute:
		return c.appendTag(dst)
	case c.Info != nil:
		return appendBody(dst, c.Info)
	case c.Member != nil:
		return appendBody(dst, c.Member)
	}
	return dst
}

func (c *RoomChange) decode(kind byte, r *reader) bool {
	c.Op = RoomOp(kind - kindRoomFirst)
	c.TimeMs, c.Tenant, c.Session = r.time(), r.u32(), r.uint()
	c.By, c.Room = r.string(), r.uint()
	c.Backend, c.Flag, c.Notify = r.bool(), r.bool(), r.bool()
	c.Ext = r.string()
	c.Role, c.Number, c.RoomLimit = wire.RoomRoleOp(r.u32()), r.u32(), r.u32()
	c.ClientID = r.string()
	for range r.upTo(MaxRoomNamed) {
		c.Accounts = append(c.Accounts, r.string())
	}
	for range r.upTo(MaxRoomNamed) {
		c.Messages = append(c.Messages, r.uint())
	}
	for range r.upTo(MaxRoomNamed) {
		c.Elements = append(c.Elements, r.element())
	}
	if r.bad {
		return false
	}
	switch c.Op {
	case RoomCreate, RoomUpdate:
		c.Info = new(wire.RoomChanges)
		return c.Info.UnmarshalVT(r.rest()) == nil
	case RoomProfile:
		c.Member = new(wire.RoomMember)
		return c.Member.UnmarshalVT(r.rest()) == nil
	case RoomTagMute:
		return c.decodeTag(r)
	}
	return r.done()
}

func appendElement(dst []byte, e *wire.RoomElement) []byte {
	for _, s := range [...]string{e.Key, e.Value, e.Owner} {
		dst = appendString(dst, s)
	}
	return appendBool(dst, e.Transient)
}

func (r *reader) element() *wire.RoomElement {
	return &wire.RoomElement{Key: r.string(), Value: r.string(), Owner: r.string(), Transient: r.bool()}
}

// Append appends the encoded command to dst.
func (c *RoomLog) Append(dst []byte) []byte {
	dst = header(dst, kindRoomLog, c.TimeMs)
	dst = binary.AppendUvarint(dst, uint64(len(c.Entries)))
	for i := range c.Entries {
		dst = c.Entries[i].append(dst)
	}
	return dst
}

func (e *RoomLogEntry) append(dst []byte) []byte {
	for _, v := range [...]uint64{uint64(e.Tenant), e.Room, e.ID, uint64(e.Keep), uint64(max(e.KeepMs, 0))} {
		dst = binary.AppendUvarint(dst, v)
	}
	return appendString(dst, e.Message)
}

// RoomLogOverhead is the most bytes that an entry takes beside its message, and
// also those of a RoomLog beside its entries.
const RoomLogOverhead = 48

// maxLogEntries bounds what a RoomLog makes of its length before it is read.
const maxLogEntries = MaxCommandBytes / 8

func (c *RoomLog) decode(r *reader) bool {
	c.TimeMs = r.time()
	for range r.upTo(maxLogEntries) {
		e := RoomLogEntry{Tenant: r.u32(), Room: r.uint(), ID: r.uint(), Keep: r.u32(), KeepMs: r.time(), Message: r.bytes()}
		if r.bad {
			return false
		}
		c.Entries = append(c.Entries, e)
	}
	return r.done()
}

// Append appends the encoded command to dst.
func (c *RoomSweep) Append(dst []byte) []byte { return header(dst, kindRoomSweep, c.TimeMs) }

func (c *RoomSweep) decode(r *reader) bool {
	c.TimeMs = r.time()
	return r.done()
}
