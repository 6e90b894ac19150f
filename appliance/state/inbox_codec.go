package state

import (
	"encoding/binary"

	"github.com/yizhan-im/yizhan/appliance/wire"
)

const (
	kindConversation = 128
	kindDoNotDisturb = 129
	kindReadMany     = 130
	kindMuteAccount  = 131
)

// Append appends the encoded command to dst.
func (c *ConversationChange) Append(dst []byte) []byte {
	dst = target(dst, kindConversation, c.TimeMs, c.Tenant)
	dst = binary.AppendUvarint(dst, c.Session)
	dst = appendString(dst, c.Account)
	dst = appendString(dst, c.Peer)
	dst = binary.AppendUvarint(dst, c.Team)
	for _, flag := range [...]*bool{c.Top, c.Muted, c.Marked} {
		dst = appendOptionalBool(dst, flag)
	}
	dst = appendOptional(dst, c.Ext)
	dst = appendBool(dst, c.Remove)
	dst = appendBool(dst, c.Clear)
	return binary.AppendUvarint(dst, c.ClearSeq)
}

func (c *ConversationChange) decode(r *reader) bool {
	c.TimeMs, c.Tenant, c.Session = r.time(), r.u32(), r.uint()
	c.Account, c.Peer, c.Team = r.string(), r.string(), r.uint()
	c.Top, c.Muted, c.Marked = r.optionalBool(), r.optionalBool(), r.optionalBool()
	c.Ext = r.optional()
	c.Remove, c.Clear, c.ClearSeq = r.bool(), r.bool(), r.uint()
	return r.done()
}

// appendOptionalBool appends 0 for nil, 1 for false, 2 for true.
func appendOptionalBool(dst []byte, v *bool) []byte {
	switch {
	case v == nil:
		return append(dst, 0)
	case *v:
		return append(dst, 2)
	}
	return append(dst, 1)
}

func (r *reader) optionalBool() *bool {
	switch v := r.byte(); v {
	case 0:
		return nil
	case 1, 2:
		is := v == 2
		return &is
	}
	r.fail()
	return nil
}

// Append appends the encoded command to dst.
func (c *SetDoNotDisturb) Append(dst []byte) []byte {
	dst = target(dst, kindDoNotDisturb, c.TimeMs, c.Tenant)
	dst = binary.AppendUvarint(dst, c.Session)
	dst = appendString(dst, c.Account)
	dst = appendOptionalBool(dst, c.On)
	dst = appendOptionalBool(dst, c.Desktop)
	dst = appendBool(dst, c.NoQuiet)
	if c.Quiet == nil {
		return dst
	}
	return appendBody(append(dst, 1), c.Quiet)
}

func (c *SetDoNotDisturb) decode(r *reader) bool {
	c.TimeMs, c.Tenant, c.Session = r.time(), r.u32(), r.uint()
	c.Account = r.string()
	c.On, c.Desktop, c.NoQuiet = r.optionalBool(), r.optionalBool(), r.bool()
	if r.bad || len(r.b) == 0 {
		return r.done()
	}
	if r.byte() != 1 {
		return false
	}
	c.Quiet = new(wire.QuietHours)
	return c.Quiet.UnmarshalVT(r.rest()) == nil
}

// Append appends the encoded command to dst.
func (c *ReadMany) Append(dst []byte) []byte {
	dst = target(dst, kindReadMany, c.TimeMs, c.Tenant)
	dst = binary.AppendUvarint(dst, c.Session)
	dst = appendString(dst, c.Account)
	dst = binary.AppendUvarint(dst, uint64(len(c.Reads)))
	for i := range c.Reads {
		one := &c.Reads[i]
		dst = binary.AppendUvarint(dst, one.Team)
		if one.Team == 0 {
			dst = appendString(dst, one.Peer)
		}
		dst = binary.AppendUvarint(dst, one.Seq)
	}
	return dst
}

func (c *ReadMany) decode(r *reader) bool {
	c.TimeMs, c.Tenant, c.Session = r.time(), r.u32(), r.uint()
	c.Account = r.string()
	c.Reads = make([]ReadOne, r.upTo(MaxReadMany))
	for i := range c.Reads {
		one := &c.Reads[i]
		if one.Team = r.uint(); one.Team == 0 {
			one.Peer = r.string()
		}
		one.Seq = r.uint()
	}
	return r.done()
}

// Append appends the encoded command to dst.
func (c *MuteAccount) Append(dst []byte) []byte {
	dst = target(dst, kindMuteAccount, c.TimeMs, c.Tenant)
	dst = appendString(dst, c.Account)
	return append(dst, byte(c.Mask), byte(c.Set))
}

func (c *MuteAccount) decode(r *reader) bool {
	c.TimeMs, c.Tenant = r.time(), r.u32()
	c.Account = r.string()
	c.Mask, c.Set = Mute(r.byte()), Mute(r.byte())
	return r.done() && c.Mask <= MuteAll && c.Set <= MuteAll
}
