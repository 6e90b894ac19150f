package state

import (
	"encoding/binary"

	"github.com/yizhan-im/yizhan/appliance/wire"
)

// The tables of registered rooms; see keys.go. Who is inside is not in the store.
const (
	tableRoom          = 0x70 // tenant, room
	tableRoomHead      = 0x71 // tenant, room
	tableRoomStanding  = 0x72 // tenant, room, account
	tableRoomCreator   = 0x73 // tenant, creator+, room; without a creator: the number of rooms
	tableRoomQueue     = 0x74 // tenant, room, position
	tableRoomQueueKey  = 0x75 // tenant, room, key
	tableRoomHistory   = 0x76 // tenant, room, message
	tableRoomTransient = 0x77 // tenant, room, owner+, key
)

// appendRoomKey is also below the keys that are under a room.
func appendRoomKey(dst []byte, table byte, tenant uint32, room uint64) []byte {
	return appendTeamKey(dst, table, tenant, room)
}

func appendRoomNameKey(dst []byte, table byte, tenant uint32, room uint64, name string) []byte {
	return append(appendRoomKey(dst, table, tenant, room), name...)
}

func appendRoomNumberKey(dst []byte, table byte, tenant uint32, room, number uint64) []byte {
	return appendU64(appendRoomKey(dst, table, tenant, room), number)
}

func appendRoomTransientPrefix(dst []byte, tenant uint32, room uint64, owner string) []byte {
	return appendName(appendRoomKey(dst, tableRoomTransient, tenant, room), owner)
}

// roomHead is what of a room is counted.
type roomHead struct {
	standings uint64 // rows of tableRoomStanding
	managers  uint64
	queue     uint64 // elements
	position  uint64 // of the newest element
	history   uint64 // messages
	first     uint64 // no message of the history has a smaller id
	last      uint64 // nor a larger one
}

func (h *roomHead) append(dst []byte) []byte {
	dst = append(dst, rowVersion)
	for _, v := range [...]uint64{h.standings, h.managers, h.queue, h.position, h.history, h.first, h.last} {
		dst = binary.AppendUvarint(dst, v)
	}
	return dst
}

func (h *roomHead) decode(b []byte) error {
	r := openRow(b)
	h.standings, h.managers, h.queue, h.position = r.uint(), r.uint(), r.uint(), r.uint()
	h.history, h.first, h.last = r.uint(), r.uint(), r.uint()
	return r.end("head of a room")
}

// roomStanding is what an account is to a room. A row without anything in it is
// not stored.
type roomStanding struct {
	role           wire.RoomRole // never CREATOR: the room's row says who that is
	blocked, muted bool
	robot          bool
	mutedUntilMs   int64
	sinceMs        int64 // of the newest change of role
	nick           string
	avatar         string
	ext            string
}

func (s *roomStanding) append(dst []byte) []byte {
	dst = append(dst, rowVersion, byte(s.role))
	for _, flag := range [...]bool{s.blocked, s.muted, s.robot} {
		dst = appendBool(dst, flag)
	}
	dst = binary.AppendUvarint(dst, uint64(s.mutedUntilMs))
	dst = binary.AppendUvarint(dst, uint64(s.sinceMs))
	for _, t := range [...]string{s.nick, s.avatar, s.ext} {
		dst = appendString(dst, t)
	}
	return dst
}

func (s *roomStanding) decode(b []byte) error {
	r := openRow(b)
	s.role = wire.RoomRole(r.byte())
	s.blocked, s.muted, s.robot = r.bool(), r.bool(), r.bool()
	s.mutedUntilMs, s.sinceMs = r.time(), r.time()
	s.nick, s.avatar, s.ext = r.string(), r.string(), r.string()
	if s.role < 0 || s.role > wire.RoomRole_ROOM_ROLE_MANAGER {
		r.fail()
	}
	return r.end("standing in a room")
}

// spent reports whether nothing is left of s at a time.
func (s *roomStanding) spent(nowMs int64) bool {
	return s.role == wire.RoomRole_ROOM_ROLE_GUEST && !s.blocked && !s.muted && !s.robot &&
		s.mutedUntilMs <= nowMs && s.nick == "" && s.avatar == "" && s.ext == ""
}

// member is s as clients see it, without what only the node that the account is
// on knows.
func (s *roomStanding) member(info *wire.RoomInfo, account string) *wire.RoomMember {
	m := &wire.RoomMember{
		Account: account, Role: s.role, Nick: s.nick, Avatar: s.avatar, Ext: s.ext,
		Blocked: s.blocked, Muted: s.muted, MutedUntilMs: s.mutedUntilMs, Robot: s.robot, Online: s.robot, EnteredMs: s.sinceMs,
	}
	if account == info.Creator && account != "" { // none when the creator was deleted
		m.Role = wire.RoomRole_ROOM_ROLE_CREATOR
		m.EnteredMs = max(m.EnteredMs, info.CreatedMs)
	}
	return m
}

// elementRow is one element of a queue.
func appendElementRow(dst []byte, e *wire.RoomElement) []byte {
	return appendElement(append(dst, rowVersion), e)
}

func decodeElementRow(b []byte) (*wire.RoomElement, error) {
	r := openRow(b)
	e := r.element()
	return e, r.end("element of a queue")
}

// numberRow is a count, or a position.
func appendNumberRow(dst []byte, n uint64) []byte {
	return binary.AppendUvarint(append(dst, rowVersion), n)
}

func decodeNumberRow(b []byte) (uint64, error) {
	r := openRow(b)
	n := r.uint()
	return n, r.end("number")
}
