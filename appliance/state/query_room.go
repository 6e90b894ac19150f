package state

import (
	"cmp"
	"slices"

	"github.com/yizhan-im/yizhan/appliance/wire"
	"github.com/yizhan-im/yizhan/raftstore"
)

// Limits of the pages of rooms.
const (
	MaxRoomMembersPage = 100
	MaxRoomHistoryPage = 200
)

// errRoomMissing is never changed.
var errRoomMissing = wire.Errorf(wire.CodeNotFound, "there is no such room")

func readRoom(v *raftstore.View, tenant uint32, room uint64) (*wire.RoomInfo, error) {
	info := new(wire.RoomInfo)
	ok, err := readRow(v, appendRoomKey(nil, tableRoom, tenant, room), info.UnmarshalVT)
	if err == nil && !ok {
		err = errRoomMissing
	}
	return info, err
}

// Room reads what a room is. CodeNotFound when there is none.
func (q *Queries) Room(tenant uint32, room uint64) (*wire.RoomInfo, error) {
	v := q.view()
	defer v.Close()
	return readRoom(v, tenant, room)
}

// RoomMember reads a room and what an account is to it: a guest at least, whether
// or not the account exists. CodeNotFound when there is no such room.
func (q *Queries) RoomMember(tenant uint32, room uint64, account string) (*wire.RoomInfo, *wire.RoomMember, error) {
	v := q.view()
	defer v.Close()
	info, err := readRoom(v, tenant, room)
	if err != nil {
		return nil, nil, err
	}
	m, err := readRoomMember(v, info, tenant, room, account)
	return info, m, err
}

func readRoomMember(v *raftstore.View, info *wire.RoomInfo, tenant uint32, room uint64, account string) (*wire.RoomMember, error) {
	var s roomStanding
	if !validAccount(account) {
		return s.member(info, account), nil
	}
	_, err := readRow(v, appendRoomNameKey(nil, tableRoomStanding, tenant, room, account), s.decode)
	return s.member(info, account), err
}

// RoomStandings reads what accounts are to a room, in the order asked for, at most
// MaxRoomNamed.
func (q *Queries) RoomStandings(tenant uint32, room uint64, accounts []string) (*wire.RoomInfo, []*wire.RoomMember, error) {
	if len(accounts) > MaxRoomNamed {
		return nil, nil, wire.Errorf(wire.CodeCountLimit, "at most %d accounts", MaxRoomNamed)
	}
	v := q.view()
	defer v.Close()
	info, err := readRoom(v, tenant, room)
	if err != nil {
		return nil, nil, err
	}
	members := make([]*wire.RoomMember, len(accounts))
	for i, account := range accounts {
		if members[i], err = readRoomMember(v, info, tenant, room, account); err != nil {
			return nil, nil, err
		}
	}
	return info, members, nil
}

// RoomSpecial lists all accounts that are something to a room, the last to become
// so first, its creator among them: at most MaxRoomStandings+1.
func (q *Queries) RoomSpecial(tenant uint32, room uint64) (*wire.RoomInfo, []*wire.RoomMember, error) {
	v := q.view()
	defer v.Close()
	info, err := readRoom(v, tenant, room)
	if err != nil {
		return nil, nil, err
	}
	prefix := appendRoomKey(nil, tableRoomStanding, tenant, room)
	var members []*wire.RoomMember
	creator := info.Creator != ""
	if creator {
		members = append(members, (&roomStanding{}).member(info, info.Creator))
	}
	err = scan(v, prefix, prefixEnd(prefix), func(key, row []byte) error {
		var s roomStanding
		if err := s.decode(row); err != nil {
			return err
		}
		if m := s.member(info, string(key[len(prefix):])); creator && m.Account == info.Creator {
			members[0] = m
		} else {
			members = append(members, m)
		}
		return nil
	})
	slices.SortFunc(members, func(a, b *wire.RoomMember) int {
		return cmp.Or(cmp.Compare(b.EnteredMs, a.EnteredMs), cmp.Compare(a.Account, b.Account))
	})
	return info, members, err
}

// CreatorRooms lists the rooms that account has made, the newest first, at most
// limit.
func (q *Queries) CreatorRooms(tenant uint32, account string, limit int) (rooms []uint64, err error) {
	if !validAccount(account) {
		return nil, nil
	}
	v := q.view()
	defer v.Close()
	prefix := appendConvPrefix(nil, tableRoomCreator, tenant, account)
	it, err := v.Iter(prefix, prefixEnd(prefix))
	if err != nil {
		return nil, readError(err)
	}
	for ok := it.Last(); ok && err == nil && len(rooms) < limit; ok = it.Prev() {
		var id uint64
		id, err = teamOfKey(it.Key())
		rooms = append(rooms, id)
	}
	if closeErr := it.Close(); err == nil {
		err = readError(closeErr)
	}
	return rooms, err
}

// RoomQueue lists a room's queue in its order, at most MaxRoomQueue elements, or
// those of keys that are there.
func (q *Queries) RoomQueue(tenant uint32, room uint64, keys []string) ([]*wire.RoomElement, error) {
	v := q.view()
	defer v.Close()
	if _, err := readRoom(v, tenant, room); err != nil {
		return nil, err
	}
	var elements []*wire.RoomElement
	add := func(row []byte) error {
		e, err := decodeElementRow(row)
		elements = append(elements, e)
		return err
	}
	if keys == nil {
		prefix := appendRoomKey(nil, tableRoomQueue, tenant, room)
		err := scan(v, prefix, prefixEnd(prefix), func(_, row []byte) error { return add(row) })
		return elements, err
	}
	if len(keys) > MaxRoomNamed {
		return nil, wire.Errorf(wire.CodeCountLimit, "at most %d keys", MaxRoomNamed)
	}
	for _, key := range keys {
		var position uint64
		ok, err := readRow(v, appendRoomNameKey(nil, tableRoomQueueKey, tenant, room, key), func(row []byte) (err error) {
			position, err = decodeNumberRow(row)
			return err
		})
		if err == nil && ok {
			_, err = readRow(v, appendRoomNumberKey(nil, tableRoomQueue, tenant, room, position), add)
		}
		if err != nil {
			return nil, err
		}
	}
	return elements, nil
}

// RoomHistory reads messages of a room: those before timeMs, the newest first, or
// with reverse those from timeMs on, the oldest first. timeMs 0 is the newest end,
// with reverse the oldest. What is older than keepMs is not shown. At most limit
// (1..MaxRoomHistoryPage) are returned, and only those that want, unless it is nil,
// reports true of.
func (q *Queries) RoomHistory(tenant uint32, room uint64, timeMs, oldestMs int64, reverse bool, limit int, want func(*wire.RoomMessagePush) bool) (messages []*wire.RoomMessagePush, more bool, err error) {
	if reverse {
		return q.RoomHistoryBetween(tenant, room, max(timeMs, oldestMs), 0, true, limit, want)
	}
	if timeMs > 0 {
		timeMs = max(timeMs, oldestMs)
	}
	return q.RoomHistoryBetween(tenant, room, oldestMs, timeMs, false, limit, want)
}

// RoomHistoryBetween reads the messages of a room from fromMs on and before toMs, 0
// being no end: the newest first, or with reverse the oldest. The rest is as in
// RoomHistory.
func (q *Queries) RoomHistoryBetween(tenant uint32, room uint64, fromMs, toMs int64, reverse bool, limit int, want func(*wire.RoomMessagePush) bool) (messages []*wire.RoomMessagePush, more bool, err error) {
	v := q.view()
	defer v.Close()
	if _, err := readRoom(v, tenant, room); err != nil {
		return nil, false, err
	}
	at := func(ms int64) []byte {
		return appendRoomNumberKey(nil, tableRoomHistory, tenant, room, uint64(max(ms, 0))<<RoomIDShift)
	}
	lo, hi := at(fromMs), prefixEnd(appendRoomKey(nil, tableRoomHistory, tenant, room))
	if toMs > 0 {
		hi = at(max(fromMs, toMs))
	}
	it, err := v.Iter(lo, hi)
	if err != nil {
		return nil, false, readError(err)
	}
	first, next := it.Last, it.Prev
	if reverse {
		first, next = it.First, it.Next
	}
	for ok := first(); ok && err == nil; ok = next() {
		p := new(wire.RoomMessagePush)
		if err = p.UnmarshalVT(it.Value()); err != nil {
			err = rowError("message of a room", err)
			break
		}
		if want != nil && !want(p) {
			continue
		}
		if len(messages) == min(limit, MaxRoomHistoryPage) {
			more = true
			break
		}
		messages = append(messages, p)
	}
	if closeErr := it.Close(); err == nil {
		err = readError(closeErr)
	}
	return messages, more, err
}

// RoomMessage finds the message of that millisecond that sender has given that
// client id; an empty one is any. CodeNotFound when the history does not have it.
func (q *Queries) RoomMessage(tenant uint32, room uint64, timeMs int64, sender, clientID string) (*wire.RoomMessagePush, error) {
	v := q.view()
	defer v.Close()
	lo := appendRoomNumberKey(nil, tableRoomHistory, tenant, room, uint64(timeMs)<<RoomIDShift)
	hi := appendRoomNumberKey(nil, tableRoomHistory, tenant, room, uint64(timeMs+2)<<RoomIDShift)
	var found *wire.RoomMessagePush
	err := scan(v, lo, hi, func(_, row []byte) error {
		p := new(wire.RoomMessagePush)
		if err := p.UnmarshalVT(row); err != nil {
			return rowError("message of a room", err)
		}
		if p.TimeMs == timeMs && p.From == sender && (clientID == "" || p.ClientId == clientID) {
			found = p
		}
		return nil
	})
	if err == nil && found == nil {
		err = wire.Errorf(wire.CodeNotFound, "the room's history has no such message")
	}
	return found, err
}
