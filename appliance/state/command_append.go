package state

import (
	"encoding/binary"

	"github.com/yizhan-im/yizhan/appliance/wire"
)

// header starts a command. A negative time is written as 0.
func header(dst []byte, kind byte, timeMs int64) []byte {
	return binary.AppendUvarint(append(dst, kind, commandVersion), uint64(max(timeMs, 0)))
}

// target starts a command that belongs to a tenant.
func target(dst []byte, kind byte, timeMs int64, tenant uint32) []byte {
	return binary.AppendUvarint(header(dst, kind, timeMs), uint64(tenant))
}

func appendBool(dst []byte, v bool) []byte {
	if v {
		return append(dst, 1)
	}
	return append(dst, 0)
}

func appendLimits(dst []byte, l *Limits) []byte {
	dst = append(dst, l.DevicePolicy)
	for _, v := range l.counts() {
		dst = binary.AppendUvarint(dst, uint64(v)) // a negative one is refused by Apply
	}
	later := l.setLater()
	if len(later) == 0 {
		return dst // as before there were any
	}
	dst = append(dst, byte(len(later)))
	for _, v := range later {
		dst = binary.AppendUvarint(dst, uint64(*v))
	}
	return dst
}

// setLater is laterCounts up to the last one that is not the default.
func (l *Limits) setLater() []*int {
	later := l.laterCounts()
	for len(later) > 0 && *later[len(later)-1] == 0 {
		later = later[:len(later)-1]
	}
	return later
}

func appendOptional(dst []byte, s *string) []byte {
	if s == nil {
		return append(dst, 0)
	}
	return appendString(append(dst, 1), *s)
}

// Append appends the encoded command to dst.
func (c *CreateTenant) Append(dst []byte) []byte {
	dst = header(dst, kindCreateTenant, c.TimeMs)
	dst = appendString(dst, c.AppKey)
	dst = appendString(dst, c.Secret)
	dst = appendString(dst, c.Name)
	return appendLimits(dst, &c.Limits)
}

// Append appends the encoded command to dst.
func (c *UpdateTenant) Append(dst []byte) []byte {
	dst = header(dst, kindUpdateTenant, c.TimeMs)
	dst = appendString(dst, c.AppKey)
	dst = appendOptional(dst, c.Secret)
	dst = appendOptional(dst, c.Name)
	if c.Limits == nil {
		return append(dst, 0)
	}
	return appendLimits(append(dst, 1), c.Limits)
}

// Append appends the encoded command to dst.
func (c *CreateAccount) Append(dst []byte) []byte {
	dst = target(dst, kindCreateAccount, c.TimeMs, c.Tenant)
	dst = appendString(dst, c.Account)
	dst = appendString(dst, c.TokenHash)
	if c.Profile == nil {
		return dst
	}
	return appendBody(dst, c.Profile)
}

// Append appends the encoded command to dst.
func (c *SetToken) Append(dst []byte) []byte {
	dst = target(dst, kindSetToken, c.TimeMs, c.Tenant)
	dst = appendString(dst, c.Account)
	return appendString(dst, c.TokenHash)
}

// Append appends the encoded command to dst.
func (c *SetBlocked) Append(dst []byte) []byte {
	dst = target(dst, kindSetBlocked, c.TimeMs, c.Tenant)
	dst = appendString(dst, c.Account)
	dst = appendBool(dst, c.Blocked)
	return appendBool(dst, c.Kick)
}

// Append appends the encoded command to dst. A nil Update changes nothing.
func (c *UpdateProfile) Append(dst []byte) []byte {
	dst = target(dst, kindUpdateProfile, c.TimeMs, c.Tenant)
	dst = appendString(dst, c.Account)
	if c.Update == nil {
		return dst
	}
	return appendBody(dst, c.Update)
}

// Append appends the encoded command to dst.
func (c *RecordLogin) Append(dst []byte) []byte {
	kind := byte(kindRecordLogin)
	if c.Track {
		kind = kindRecordLoginNew
	}
	dst = target(dst, kind, c.TimeMs, c.Tenant)
	dst = appendString(dst, c.Account)
	dst = appendString(dst, c.DeviceID)
	return appendPlatform(dst, c.Platform)
}

func appendPlatform(dst []byte, p wire.Platform) []byte {
	return binary.AppendUvarint(dst, uint64(uint32(p)))
}

// Append appends the encoded command to dst.
func (c *Send) Append(dst []byte) []byte {
	dst = target(dst, kindSend, c.TimeMs, c.Tenant)
	dst = binary.AppendUvarint(dst, c.Session)
	return appendBody(dst, c.Message)
}

// Append appends the encoded command to dst.
func (c *Recall) Append(dst []byte) []byte {
	if c.Team != 0 {
		return c.appendTeam(dst)
	}
	dst = target(dst, kindRecall, c.TimeMs, c.Tenant)
	dst = binary.AppendUvarint(dst, c.Session)
	dst = appendString(dst, c.From)
	dst = appendString(dst, c.Peer)
	dst = binary.AppendUvarint(dst, c.Seq)
	dst = appendString(dst, c.ClientID)
	dst = appendString(dst, c.Note)
	dst = binary.AppendUvarint(dst, uint64(max(c.WindowMs, 0)))
	dst = appendPlatform(dst, c.FromPlatform)
	return appendString(dst, c.FromDevice)
}

// Append appends the encoded command to dst.
func (c *Read) Append(dst []byte) []byte {
	if c.Team != 0 {
		return c.appendTeam(dst)
	}
	dst = target(dst, kindRead, c.TimeMs, c.Tenant)
	dst = binary.AppendUvarint(dst, c.Session)
	dst = appendString(dst, c.Reader)
	dst = appendString(dst, c.Peer)
	return binary.AppendUvarint(dst, c.Seq)
}

// Append appends the encoded command to dst.
func (c *Ack) Append(dst []byte) []byte {
	dst = target(dst, kindAck, c.TimeMs, c.Tenant)
	dst = appendString(dst, c.Account)
	dst = appendString(dst, c.DeviceID)
	return binary.AppendUvarint(dst, c.Version)
}
