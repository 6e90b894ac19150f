package state

import (
	"encoding/binary"

	"github.com/yizhan-im/yizhan/appliance/wire"
)

// The tables of relations. Changing a number breaks compatibility with stored
// data.
const (
	tableRelation       = 0x50 // tenant, account+, peer
	tableRelationOrder  = 0x51 // tenant, account+, class, version → peer
	tableSpecial        = 0x52 // tenant, account+, peer: blacklisted or muted
	tableRelationTotals = 0x53 // tenant, account
)

var relationTables = orderedTable{tableRelation, tableRelationOrder}

// appendRelationKey is for the tables keyed by account and peer.
func appendRelationKey(dst []byte, table byte, tenant uint32, account, peer string) []byte {
	return append(appendConvPrefix(dst, table, tenant, account), peer...)
}

// relationRow is what one account holds of another. Rows are compared with ==.
type relationRow struct {
	friend, blacklisted, muted     bool
	request                        wire.FriendRequestState
	friendMs, requestMs, updatedMs int64
	version                        uint64 // 0: the row is not stored
	alias, ex, serverEx, note      string // note is the request's
}

const (
	relationFriend = 1 << iota
	relationBlacklisted
	relationMuted
	relationFlags = iota
)

func (r *relationRow) append(dst []byte) []byte {
	var flags byte
	for bit, set := range [...]bool{r.friend, r.blacklisted, r.muted} {
		if set {
			flags |= 1 << bit
		}
	}
	dst = append(dst, rowVersion, flags)
	dst = binary.AppendUvarint(dst, uint64(uint32(r.request)))
	for _, ms := range [...]int64{r.friendMs, r.requestMs, r.updatedMs} {
		dst = binary.AppendUvarint(dst, uint64(ms))
	}
	dst = binary.AppendUvarint(dst, r.version)
	for _, s := range [...]string{r.alias, r.ex, r.serverEx, r.note} {
		dst = appendString(dst, s)
	}
	return dst
}

func (r *relationRow) decode(b []byte) error {
	in := openRow(b)
	flags := in.byte()
	if flags >= 1<<relationFlags {
		in.fail()
	}
	r.friend, r.blacklisted, r.muted = flags&relationFriend != 0, flags&relationBlacklisted != 0, flags&relationMuted != 0
	r.request = wire.FriendRequestState(in.u32())
	r.friendMs, r.requestMs, r.updatedMs = in.time(), in.time(), in.time()
	r.version = in.uint()
	r.alias, r.ex, r.serverEx, r.note = in.string(), in.string(), in.string(), in.string()
	return in.end("relation")
}

func (r *relationRow) endRequest() { r.request, r.note, r.requestMs = requestNone, "", 0 }

// class tells relations that must be kept from those that may make room.
func (r *relationRow) class() byte {
	switch r.request {
	case wire.FriendRequestState_FRIEND_REQUEST_SENT, wire.FriendRequestState_FRIEND_REQUEST_RECEIVED:
		return classHeld
	}
	if r.friend || r.blacklisted || r.muted {
		return classHeld
	}
	return classSpare
}

func (r *relationRow) place() place { return place{r.class(), r.version} }

// blank reports whether nothing is left but that something was.
func (r *relationRow) blank() bool {
	return *r == relationRow{version: r.version, updatedMs: r.updatedMs}
}

// special is the value of the row in tableSpecial, 0 when there is none.
func (r *relationRow) special() special {
	var s special
	if r.blacklisted {
		s |= specialBlacklisted
	}
	if r.muted {
		s |= specialMuted
	}
	return s
}

// wire is r as clients see it.
func (r *relationRow) wire(peer string) *wire.Relation {
	return &wire.Relation{
		Account: peer, Friend: r.friend, Blacklisted: r.blacklisted, Muted: r.muted,
		Alias: r.alias, Ex: r.ex, ServerEx: r.serverEx,
		Request: r.request, RequestNote: r.note, RequestMs: r.requestMs,
		FriendMs: r.friendMs, UpdatedMs: r.updatedMs, Version: r.version,
	}
}

// special says on which of its lists an account has another one.
type special byte

const (
	specialBlacklisted special = 1 << iota
	specialMuted
)

// relationTotals is what all relations of one account have in common.
type relationTotals struct {
	version uint64 // of the newest change
	floor   uint64 // version of the newest relation that has made room
	mode    wire.FriendMode
	friends, sent, received,
	blacklisted, muted, spare uint32
}

func (t *relationTotals) counts() [6]*uint32 {
	return [...]*uint32{&t.friends, &t.sent, &t.received, &t.blacklisted, &t.muted, &t.spare}
}

func (t *relationTotals) append(dst []byte) []byte {
	dst = append(dst, rowVersion)
	dst = binary.AppendUvarint(dst, t.version)
	dst = binary.AppendUvarint(dst, t.floor)
	dst = binary.AppendUvarint(dst, uint64(uint32(t.mode)))
	for _, n := range t.counts() {
		dst = binary.AppendUvarint(dst, uint64(*n))
	}
	return dst
}

func (t *relationTotals) decode(b []byte) error {
	r := openRow(b)
	t.version, t.floor, t.mode = r.uint(), r.uint(), wire.FriendMode(r.u32())
	for _, n := range t.counts() {
		*n = r.u32()
	}
	return r.end("totals of relations")
}

// replace counts row in the place of old.
func (t *relationTotals) replace(old, row *relationRow) {
	counts := t.counts()
	for i, before := range old.counted() {
		after := row.counted()[i]
		switch {
		case after && !before:
			*counts[i]++
		case before && !after:
			*counts[i]--
		}
	}
}

// counted says in which of the counts the row is, in their order.
func (r *relationRow) counted() [6]bool {
	return [...]bool{
		r.friend,
		r.request == wire.FriendRequestState_FRIEND_REQUEST_SENT,
		r.request == wire.FriendRequestState_FRIEND_REQUEST_RECEIVED,
		r.blacklisted, r.muted,
		r.version != 0 && r.class() == classSpare,
	}
}
