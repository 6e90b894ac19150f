package state

import (
	"slices"

	"github.com/yizhan-im/yizhan/appliance/wire"
)

// openCommand takes the first two bytes of a command. kind is 0 when there are
// none; r is bad when the command cannot be of this build.
func openCommand(cmd []byte) (kind byte, r reader) {
	r.b = cmd
	kind = r.byte()
	limit := MaxCommandBytes
	if kind == kindStoragePut {
		limit = maxStorageCommand
	}
	if r.byte() != commandVersion || len(cmd) > limit {
		r.fail()
	}
	return kind, r
}

// The decode methods read what Append wrote after the version byte. They report
// false for anything else; the command is then meaningless.

// decode takes what is left of r: limits come last.
func (l *Limits) decode(r *reader) {
	l.DevicePolicy = r.byte()
	// int may be negative here; valid refuses that.
	l.RequestsPerSecond = int(r.uint())
	l.RequestBurst = int(r.uint())
	l.APIPerSecond = int(r.uint())
	l.RecallSeconds = int(r.uint())
	l.MaxBodyBytes = int(r.uint())
	if len(r.b) == 0 {
		return // written before there were more, or they have their defaults
	}
	later := l.laterCounts()
	n := int(r.byte())
	if n == 0 || n > len(later) {
		r.fail()
		return
	}
	for _, v := range later[:n] {
		*v = int(r.uint())
	}
}

func (r *reader) optional() *string {
	if !r.bool() {
		return nil
	}
	s := r.string()
	return &s
}

func (r *reader) platform() wire.Platform { return wire.Platform(r.u32()) }

func (c *CreateTenant) decode(r *reader) bool {
	c.TimeMs = r.time()
	c.AppKey, c.Secret, c.Name = r.string(), r.string(), r.string()
	c.Limits.decode(r)
	return r.done()
}

func (c *UpdateTenant) decode(r *reader) bool {
	c.TimeMs = r.time()
	c.AppKey = r.string()
	c.Secret, c.Name = r.optional(), r.optional()
	if r.bool() {
		c.Limits = new(Limits)
		c.Limits.decode(r)
	}
	return r.done()
}

func (c *CreateAccount) decode(r *reader) bool {
	c.TimeMs, c.Tenant = r.time(), r.u32()
	c.Account = r.string()
	c.TokenHash = slices.Clone(r.bytes())
	c.Profile = new(wire.Profile)
	return !r.bad && c.Profile.UnmarshalVT(r.rest()) == nil
}

func (c *SetToken) decode(r *reader) bool {
	c.TimeMs, c.Tenant = r.time(), r.u32()
	c.Account = r.string()
	c.TokenHash = slices.Clone(r.bytes())
	return r.done()
}

func (c *SetBlocked) decode(r *reader) bool {
	c.TimeMs, c.Tenant = r.time(), r.u32()
	c.Account = r.string()
	c.Blocked, c.Kick = r.bool(), r.bool()
	return r.done()
}

func (c *UpdateProfile) decode(r *reader) bool {
	c.TimeMs, c.Tenant = r.time(), r.u32()
	c.Account = r.string()
	c.Update = new(wire.UpdateProfileRequest)
	return !r.bad && c.Update.UnmarshalVT(r.rest()) == nil
}

func (c *RecordLogin) decode(r *reader) bool {
	c.TimeMs, c.Tenant = r.time(), r.u32()
	c.Account, c.DeviceID = r.string(), r.string()
	c.Platform = r.platform()
	return r.done()
}

// decode fills everything but Message, whose encoding it returns in place: Send
// is the hot command, and its message is stored as it came.
func (c *Send) decode(r *reader) (message []byte, ok bool) {
	c.TimeMs, c.Tenant, c.Session = r.time(), r.u32(), r.uint()
	return r.rest(), !r.bad
}

func (c *Recall) decode(r *reader) bool {
	c.TimeMs, c.Tenant, c.Session = r.time(), r.u32(), r.uint()
	c.From, c.Peer, c.Seq = r.string(), r.string(), r.uint()
	c.ClientID, c.Note = r.string(), r.string()
	c.WindowMs = r.time()
	c.FromPlatform, c.FromDevice = r.platform(), r.string()
	return r.done()
}

func (c *Read) decode(r *reader) bool {
	c.TimeMs, c.Tenant, c.Session = r.time(), r.u32(), r.uint()
	c.Reader, c.Peer, c.Seq = r.string(), r.string(), r.uint()
	return r.done()
}

func (c *Ack) decode(r *reader) bool {
	c.TimeMs, c.Tenant = r.time(), r.u32()
	c.Account, c.DeviceID, c.Version = r.string(), r.string(), r.uint()
	return r.done()
}
