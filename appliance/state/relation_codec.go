package state

import (
	"encoding/binary"

	"github.com/yizhan-im/yizhan/appliance/wire"
)

// Kinds of the commands on relations: kindRelationFirst + RelationOp, and the
// mode.
const (
	kindRelationFirst = 48
	kindRelationLast  = kindRelationFirst + relationOps - 1
	kindSetFriendMode = 60
)

// Append appends the encoded command to dst.
func (c *RelationChange) Append(dst []byte) []byte {
	dst = target(dst, kindRelationFirst+byte(c.Op), c.TimeMs, c.Tenant)
	dst = binary.AppendUvarint(dst, c.Session)
	dst = appendString(dst, c.Account)
	dst = appendString(dst, c.Peer)
	dst = appendBool(dst, c.Backend)
	dst = appendBool(dst, c.On)
	dst = appendBool(dst, c.Forget)
	dst = appendString(dst, c.Note)
	dst = appendOptional(dst, c.Alias)
	dst = appendOptional(dst, c.Ex)
	dst = appendOptional(dst, c.ServerEx)
	return binary.AppendUvarint(dst, uint64(c.Limit))
}

func (c *RelationChange) decode(kind byte, r *reader) bool {
	c.Op = RelationOp(kind - kindRelationFirst)
	c.TimeMs, c.Tenant, c.Session = r.time(), r.u32(), r.uint()
	c.Account, c.Peer = r.string(), r.string()
	c.Backend, c.On, c.Forget = r.bool(), r.bool(), r.bool()
	c.Note = r.string()
	c.Alias, c.Ex, c.ServerEx = r.optional(), r.optional(), r.optional()
	c.Limit = r.u32()
	return r.done()
}

// Append appends the encoded command to dst.
func (c *SetFriendMode) Append(dst []byte) []byte {
	dst = target(dst, kindSetFriendMode, c.TimeMs, c.Tenant)
	dst = binary.AppendUvarint(dst, c.Session)
	dst = appendString(dst, c.Account)
	return binary.AppendUvarint(dst, uint64(uint32(c.Mode)))
}

func (c *SetFriendMode) decode(r *reader) bool {
	c.TimeMs, c.Tenant, c.Session = r.time(), r.u32(), r.uint()
	c.Account, c.Mode = r.string(), wire.FriendMode(r.u32())
	return r.done()
}
