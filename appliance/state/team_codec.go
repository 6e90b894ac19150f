package state

import (
	"encoding/binary"

	"github.com/yizhan-im/yizhan/appliance/wire"
)

// Command kinds of teams: kindTeamFirst + TeamOp, and two that are like those of
// conversations of two accounts.
const (
	kindTeamFirst  = 64
	kindTeamLast   = kindTeamFirst + byte(teamOps) - 1
	kindRecallTeam = 80
	kindReadTeam   = 81
)

// Append appends the encoded command to dst.
func (c *TeamChange) Append(dst []byte) []byte {
	dst = target(dst, kindTeamFirst+byte(c.Op), c.TimeMs, c.Tenant)
	dst = binary.AppendUvarint(dst, c.Session)
	dst = appendString(dst, c.By)
	dst = binary.AppendUvarint(dst, c.Team)
	for _, flag := range [...]bool{c.Backend, c.Direct, c.Flag} {
		dst = appendBool(dst, flag)
	}
	dst = binary.AppendUvarint(dst, uint64(uint32(c.Mute)))
	dst = binary.AppendUvarint(dst, uint64(len(c.Accounts)))
	for _, account := range c.Accounts {
		dst = appendString(dst, account)
	}
	dst = appendString(dst, c.ClientID)
	dst = appendString(dst, c.Note)
	dst = binary.AppendUvarint(dst, uint64(c.MemberLimit))
	dst = binary.AppendUvarint(dst, uint64(c.TeamLimit))
	switch {
	case c.Info != nil:
		return appendBody(dst, c.Info)
	case c.Member != nil:
		return appendBody(dst, c.Member)
	}
	return dst
}

func (c *TeamChange) decode(kind byte, r *reader) bool {
	c.Op = TeamOp(kind - kindTeamFirst)
	c.TimeMs, c.Tenant, c.Session = r.time(), r.u32(), r.uint()
	c.By, c.Team = r.string(), r.uint()
	c.Backend, c.Direct, c.Flag = r.bool(), r.bool(), r.bool()
	c.Mute = wire.TeamMute(r.u32())
	if n := r.upTo(MaxTeamAccounts); n > 0 {
		c.Accounts = make([]string, n)
		for i := range c.Accounts {
			c.Accounts[i] = r.string()
		}
	}
	c.ClientID, c.Note = r.string(), r.string()
	c.MemberLimit, c.TeamLimit = r.u32(), r.u32()
	if r.bad {
		return false
	}
	switch c.Op {
	case TeamCreate, TeamUpdate:
		c.Info = new(wire.TeamChanges)
		return c.Info.UnmarshalVT(r.rest()) == nil
	case TeamSettings:
		c.Member = new(wire.TeamMemberChanges)
		return c.Member.UnmarshalVT(r.rest()) == nil
	}
	return r.done()
}

// appendTeam is the part of Append for a message of a team.
func (c *Recall) appendTeam(dst []byte) []byte {
	dst = target(dst, kindRecallTeam, c.TimeMs, c.Tenant)
	dst = binary.AppendUvarint(dst, c.Session)
	dst = appendString(dst, c.From)
	dst = binary.AppendUvarint(dst, c.Team)
	dst = binary.AppendUvarint(dst, c.Seq)
	dst = appendString(dst, c.ClientID)
	dst = appendString(dst, c.Note)
	dst = binary.AppendUvarint(dst, uint64(max(c.WindowMs, 0)))
	dst = appendPlatform(dst, c.FromPlatform)
	return appendString(dst, c.FromDevice)
}

func (c *Recall) decodeTeam(r *reader) bool {
	c.TimeMs, c.Tenant, c.Session = r.time(), r.u32(), r.uint()
	c.From, c.Team, c.Seq = r.string(), r.uint(), r.uint()
	c.ClientID, c.Note = r.string(), r.string()
	c.WindowMs = r.time()
	c.FromPlatform, c.FromDevice = r.platform(), r.string()
	return r.done() && c.Team != 0
}

func (c *Read) appendTeam(dst []byte) []byte {
	dst = target(dst, kindReadTeam, c.TimeMs, c.Tenant)
	dst = binary.AppendUvarint(dst, c.Session)
	dst = appendString(dst, c.Reader)
	dst = binary.AppendUvarint(dst, c.Team)
	return binary.AppendUvarint(dst, c.Seq)
}

func (c *Read) decodeTeam(r *reader) bool {
	c.TimeMs, c.Tenant, c.Session = r.time(), r.u32(), r.uint()
	c.Reader, c.Team, c.Seq = r.string(), r.uint(), r.uint()
	return r.done() && c.Team != 0
}
