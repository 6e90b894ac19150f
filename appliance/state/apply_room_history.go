package state

import (
	"encoding/binary"

	"github.com/yizhan-im/yizhan/appliance/wire"
	"github.com/yizhan-im/yizhan/raftstore"
)

// roomLog applies a RoomLog. Messages are stored as they came; what is beyond a
// room's limits goes with them.
func (m *Machine) roomLog(tx *raftstore.Tx, r *reader) (*RoomLogResult, error) {
	var c RoomLog
	if !c.decode(r) {
		return &RoomLogResult{Code: wire.CodeBadProtocol}, nil
	}
	for i := range c.Entries {
		e := &c.Entries[i]
		var p wire.RoomMessagePush
		if p.UnmarshalVTUnsafe(e.Message) != nil || p.Id != e.ID || e.Keep > maxRoomHistory {
			return &RoomLogResult{Code: wire.CodeBadParameter}, nil
		}
	}
	if err := m.tick(tx, c.TimeMs); err != nil {
		return nil, err
	}
	res := &RoomLogResult{Code: wire.CodeOK}
	for from := 0; from < len(c.Entries); {
		to := from + 1
		for to < len(c.Entries) && c.Entries[to].Tenant == c.Entries[from].Tenant && c.Entries[to].Room == c.Entries[from].Room {
			to++
		}
		stored, err := m.logRoom(tx, c.Entries[from:to])
		if err != nil {
			return nil, err
		}
		res.Done += stored
		from = to
	}
	return res, nil
}

// logRoom stores messages of one room.
func (m *Machine) logRoom(tx *raftstore.Tx, entries []RoomLogEntry) (stored int, err error) {
	tenant, room := entries[0].Tenant, entries[0].Room
	o := roomOp{m: m, tx: tx, c: &RoomChange{Tenant: tenant, Room: room}}
	if ok, err := o.load(); err != nil || !ok {
		return 0, err
	}
	for i := range entries {
		e := &entries[i]
		m.key = appendRoomNumberKey(m.key[:0], tableRoomHistory, tenant, room, e.ID)
		if e.ID <= o.head.last { // as a rule ids grow, and need no look-up
			if ok, err := m.exists(tx); err != nil {
				return 0, err
			} else if ok {
				continue
			}
		}
		if err := tx.Set(m.key, e.Message); err != nil {
			return 0, err
		}
		if o.head.history == 0 || e.ID < o.head.first {
			o.head.first = e.ID
		}
		o.head.last = max(o.head.last, e.ID)
		o.head.history++
		stored++
	}
	last := &entries[len(entries)-1]
	if err := o.trimHistory(uint64(last.Keep), last.KeepMs, 2*len(entries)+16); err != nil {
		return 0, err
	}
	return stored, o.putHead()
}

// trimHistory removes what is too much or too old, the oldest first, at most most
// messages: the next command goes on.
func (o *roomOp) trimHistory(keep uint64, keepMs int64, most int) error {
	oldest := uint64(max(o.m.site.clockMs-keepMs, 0)) << RoomIDShift
	if o.head.history <= keep && o.head.first >= oldest {
		return nil
	}
	prefix := appendRoomKey(nil, tableRoomHistory, o.c.Tenant, o.c.Room)
	it, err := o.tx.Iter(appendU64(append([]byte(nil), prefix...), o.head.first), prefixEnd(prefix))
	if err != nil {
		return err
	}
	var gone []uint64
	next := uint64(0)
	for ok := it.First(); ok; ok = it.Next() {
		next = binary.BigEndian.Uint64(it.Key()[len(prefix):])
		if o.head.history-uint64(len(gone)) <= keep && next >= oldest || len(gone) == most {
			break
		}
		gone = append(gone, next)
	}
	if err := it.Close(); err != nil {
		return err
	}
	for _, id := range gone {
		o.m.key = appendRoomNumberKey(o.m.key[:0], tableRoomHistory, o.c.Tenant, o.c.Room, id)
		if err := o.tx.Delete(o.m.key); err != nil {
			return err
		}
	}
	o.head.history -= uint64(len(gone))
	o.head.first = next
	return nil
}

// historyDelete removes messages: the sender's own, or anybody's for who manages
// the room. What is not there is passed over; CodeNotFound when nothing is.
func (o *roomOp) historyDelete() (wire.Code, error) {
	for _, id := range o.c.Messages {
		o.m.key = appendRoomNumberKey(o.m.key[:0], tableRoomHistory, o.c.Tenant, o.c.Room, id)
		stored, ok, err := o.tx.Get(o.m.key)
		if err != nil {
			return 0, err
		}
		if !ok {
			continue
		}
		p := new(wire.RoomMessagePush)
		if err := p.UnmarshalVT(stored); err != nil {
			return 0, rowError("message of a room", err)
		}
		if !o.manages() && p.From != o.c.By {
			return wire.CodeForbidden, nil
		}
		o.res.Deleted = append(o.res.Deleted, &wire.RoomMessagePush{Id: id, From: p.From, ClientId: p.ClientId, TimeMs: p.TimeMs})
	}
	if len(o.res.Deleted) == 0 {
		return wire.CodeNotFound, nil
	}
	for _, p := range o.res.Deleted {
		o.m.key = appendRoomNumberKey(o.m.key[:0], tableRoomHistory, o.c.Tenant, o.c.Room, p.Id)
		if err := o.tx.Delete(o.m.key); err != nil {
			return 0, err
		}
		o.head.history--
	}
	return wire.CodeOK, o.putHead()
}
