package state

import (
	"encoding/binary"

	"github.com/yizhan-im/yizhan/appliance/wire"
)

// The kinds of the commands on deleted accounts.
const (
	kindRemoveAccount   = 145
	kindRemovalStep     = 146
	kindRecreateAccount = 147
)

// The tables of deleted accounts. Changing a number breaks compatibility with
// stored data.
const (
	tableTombstone = 0x2a // tenant, account
	tableRemoval   = 0x2b // tenant, account: while the removal is under way
)

// Append appends the encoded command to dst.
func (c *RemoveAccount) Append(dst []byte) []byte {
	dst = appendString(target(dst, kindRemoveAccount, c.TimeMs, c.Tenant), c.Account)
	return appendBool(dst, c.Erase)
}

func (c *RemoveAccount) decode(r *reader) bool {
	c.TimeMs, c.Tenant, c.Account, c.Erase = r.time(), r.u32(), r.string(), r.bool()
	return r.done()
}

// Append appends the encoded command to dst.
func (c *RemovalStep) Append(dst []byte) []byte {
	dst = appendString(target(dst, kindRemovalStep, c.TimeMs, c.Tenant), c.Account)
	dst = appendBool(append(dst, byte(c.Stage)), c.Next)
	dst = appendString(dst, string(c.After))
	dst = binary.AppendUvarint(dst, uint64(len(c.Peers)))
	for _, peer := range c.Peers {
		dst = appendString(dst, peer)
	}
	dst = binary.AppendUvarint(dst, uint64(len(c.Rooms)))
	for _, room := range c.Rooms {
		dst = binary.AppendUvarint(dst, room)
	}
	return dst
}

func (c *RemovalStep) decode(r *reader) bool {
	c.TimeMs, c.Tenant, c.Account = r.time(), r.u32(), r.string()
	c.Stage, c.Next = RemovalStage(r.byte()), r.bool()
	c.After = append([]byte(nil), r.bytes()...)
	c.Peers, c.Rooms = nil, nil
	for n := r.upTo(MaxRemovalPeers); n > 0 && !r.bad; n-- {
		c.Peers = append(c.Peers, r.string())
	}
	for n := r.upTo(MaxRemovalRooms); n > 0 && !r.bad; n-- {
		c.Rooms = append(c.Rooms, r.uint())
	}
	return r.done() && len(c.After) <= maxRemovalMark
}

// Append appends the encoded command to dst.
func (c *RecreateAccount) Append(dst []byte) []byte {
	dst = appendString(target(dst, kindRecreateAccount, c.TimeMs, c.Tenant), c.Account)
	dst = appendString(dst, string(c.TokenHash))
	if c.Profile == nil {
		return dst
	}
	return appendBody(dst, c.Profile)
}

func (c *RecreateAccount) decode(r *reader) bool {
	c.TimeMs, c.Tenant, c.Account = r.time(), r.u32(), r.string()
	c.TokenHash = append([]byte(nil), r.bytes()...)
	c.Profile = new(wire.Profile)
	return !r.bad && c.Profile.UnmarshalVT(r.rest()) == nil
}

// tombstoneRow says that there was an account.
type tombstoneRow struct {
	removedMs, doneMs int64 // doneMs is 0 while the removal is under way
	// born is the id that the account got that has the name now, 0 when none has:
	// what has a smaller one belongs to the account before.
	born uint64
}

func (t *tombstoneRow) gone() bool { return t.born == 0 }

func (t *tombstoneRow) append(dst []byte) []byte {
	dst = binary.AppendUvarint(append(dst, rowVersion), uint64(t.removedMs))
	dst = binary.AppendUvarint(dst, uint64(t.doneMs))
	return binary.AppendUvarint(dst, t.born)
}

func (t *tombstoneRow) decode(b []byte) error {
	r := openRow(b)
	t.removedMs, t.doneMs, t.born = r.time(), r.time(), r.uint()
	return r.end("deleted account")
}

// removalRow is how far the removal of an account has come.
type removalRow struct {
	stage     RemovalStage
	erase     bool
	startedMs int64
	tokenHash []byte // who has it may be told that the account is being deleted
	after     string // within the stage
}

func (o *removalRow) append(dst []byte) []byte {
	dst = appendBool(append(dst, rowVersion, byte(o.stage)), o.erase)
	dst = binary.AppendUvarint(dst, uint64(o.startedMs))
	dst = appendString(dst, string(o.tokenHash))
	return appendString(dst, o.after)
}

func (o *removalRow) decode(b []byte) error {
	r := openRow(b)
	o.stage, o.erase, o.startedMs = RemovalStage(r.byte()), r.bool(), r.time()
	o.tokenHash = append([]byte(nil), r.bytes()...)
	o.after = r.string()
	if o.stage < 1 || o.stage > removalStages || len(o.tokenHash) != TokenHashSize {
		r.fail()
	}
	return r.end("removal of an account")
}
