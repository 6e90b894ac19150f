package state

import (
	"encoding/binary"
	"fmt"

	"github.com/yizhan-im/yizhan/appliance/wire"
	"github.com/yizhan-im/yizhan/raftstore"
)

// mayQueue reports whether By may change the queue: everybody inside, which is
// not known here, or only who manages the room.
func (o *roomOp) mayQueue() bool { return o.info.QueueLevel == 0 || o.manages() }

// element reads the element of a key; nil when there is none.
func (o *roomOp) element(key string) (*wire.RoomElement, uint64, error) {
	o.m.key = appendRoomNameKey(o.m.key[:0], tableRoomQueueKey, o.c.Tenant, o.c.Room, key)
	stored, ok, err := o.tx.Get(o.m.key)
	if err != nil || !ok {
		return nil, 0, err
	}
	position, err := decodeNumberRow(stored)
	if err != nil {
		return nil, 0, err
	}
	o.m.key = appendRoomNumberKey(o.m.key[:0], tableRoomQueue, o.c.Tenant, o.c.Room, position)
	stored, ok, err = o.tx.Get(o.m.key)
	if err != nil || !ok {
		return nil, 0, err
	}
	e, err := decodeElementRow(stored)
	return e, position, err
}

// putElement stores e at its position.
func (o *roomOp) putElement(e *wire.RoomElement, position uint64) error {
	m := o.m
	m.key = appendRoomNumberKey(m.key[:0], tableRoomQueue, o.c.Tenant, o.c.Room, position)
	m.val = appendElementRow(m.val[:0], e)
	if err := o.tx.Set(m.key, m.val); err != nil {
		return err
	}
	m.key = appendRoomNameKey(m.key[:0], tableRoomQueueKey, o.c.Tenant, o.c.Room, e.Key)
	m.val = appendNumberRow(m.val[:0], position)
	if err := o.tx.Set(m.key, m.val); err != nil {
		return err
	}
	if !e.Transient {
		return nil
	}
	m.key = append(appendRoomTransientPrefix(m.key[:0], o.c.Tenant, o.c.Room, e.Owner), e.Key...)
	return o.tx.Set(m.key, []byte{rowVersion})
}

// removeElement takes e out. The caller counts it.
func removeElement(m *Machine, tx *raftstore.Tx, tenant uint32, room uint64, e *wire.RoomElement, position uint64) error {
	m.key = appendRoomNumberKey(m.key[:0], tableRoomQueue, tenant, room, position)
	if err := tx.Delete(m.key); err != nil {
		return err
	}
	m.key = appendRoomNameKey(m.key[:0], tableRoomQueueKey, tenant, room, e.Key)
	if err := tx.Delete(m.key); err != nil {
		return err
	}
	if !e.Transient {
		return nil
	}
	m.key = append(appendRoomTransientPrefix(m.key[:0], tenant, room, e.Owner), e.Key...)
	return tx.Delete(m.key)
}

func (o *roomOp) remove(e *wire.RoomElement, position uint64) error {
	o.head.queue--
	o.res.Elements = append(o.res.Elements, e)
	return removeElement(o.m, o.tx, o.c.Tenant, o.c.Room, e, position)
}

// own gives e its owner: By, or whom a manager names.
func (o *roomOp) own(e *wire.RoomElement) {
	if e.Owner == "" || !o.manages() {
		e.Owner = o.c.By
	}
}

func (o *roomOp) queueOffer() (wire.Code, error) {
	if !o.mayQueue() {
		return wire.CodeForbidden, nil
	}
	positions := make([]uint64, len(o.c.Elements))
	olds := make([]*wire.RoomElement, len(o.c.Elements))
	added := uint64(0)
	for i, e := range o.c.Elements {
		o.own(e)
		var err error
		if olds[i], positions[i], err = o.element(e.Key); err != nil {
			return 0, err
		}
		if olds[i] == nil {
			added++
		}
	}
	if o.head.queue+added > uint64(o.info.QueueLimit) {
		return wire.CodeCountLimit, nil
	}
	for i, e := range o.c.Elements {
		if old := olds[i]; old != nil {
			if err := removeElement(o.m, o.tx, o.c.Tenant, o.c.Room, old, positions[i]); err != nil {
				return 0, err
			}
		} else {
			o.head.queue++
			o.head.position++
			positions[i] = o.head.position
		}
		if err := o.putElement(e, positions[i]); err != nil {
			return 0, err
		}
	}
	o.res.Elements = o.c.Elements
	return wire.CodeOK, o.putHead()
}

func (o *roomOp) queuePoll() (wire.Code, error) {
	if !o.mayQueue() {
		return wire.CodeForbidden, nil
	}
	var e *wire.RoomElement
	var position uint64
	var err error
	if len(o.c.Elements) == 1 {
		e, position, err = o.element(o.c.Elements[0].Key)
	} else {
		e, position, err = o.firstElement()
	}
	if err != nil {
		return 0, err
	}
	if e == nil {
		return wire.CodeNotFound, nil
	}
	if err := o.remove(e, position); err != nil {
		return 0, err
	}
	return wire.CodeOK, o.putHead()
}

func (o *roomOp) firstElement() (e *wire.RoomElement, position uint64, err error) {
	if o.head.queue == 0 {
		return nil, 0, nil
	}
	prefix := appendRoomKey(nil, tableRoomQueue, o.c.Tenant, o.c.Room)
	it, err := o.tx.Iter(prefix, prefixEnd(prefix))
	if err != nil {
		return nil, 0, err
	}
	if it.First() {
		position = binary.BigEndian.Uint64(it.Key()[len(prefix):])
		e, err = decodeElementRow(it.Value())
	}
	if closeErr := it.Close(); err == nil {
		err = closeErr
	}
	return e, position, err
}

func (o *roomOp) queueUpdate() (wire.Code, error) {
	if !o.mayQueue() {
		return wire.CodeForbidden, nil
	}
	for _, u := range o.c.Elements {
		e, position, err := o.element(u.Key)
		if err != nil {
			return 0, err
		}
		if e == nil {
			o.res.Missing = append(o.res.Missing, u.Key)
			continue
		}
		e.Value = u.Value
		if err := o.putElement(e, position); err != nil {
			return 0, err
		}
		o.res.Elements = append(o.res.Elements, e)
	}
	return wire.CodeOK, nil
}

// queueDrop empties the queue, and with RoomQueueInit sets its limit.
func (o *roomOp) queueDrop() (wire.Code, error) {
	if !o.manages() {
		return wire.CodeForbidden, nil
	}
	if o.head.queue > 0 {
		for _, table := range [...]byte{tableRoomQueue, tableRoomQueueKey, tableRoomTransient} {
			prefix := appendRoomKey(nil, table, o.c.Tenant, o.c.Room)
			if err := o.tx.DeleteRange(prefix, prefixEnd(prefix)); err != nil {
				return 0, err
			}
		}
		o.head.queue = 0
		if err := o.putHead(); err != nil {
			return 0, err
		}
	}
	if o.c.Op == RoomQueueDrop {
		return wire.CodeOK, nil
	}
	o.info.QueueLimit = o.c.Number
	return wire.CodeOK, o.putInfo()
}

func (o *roomOp) queueLeave() (wire.Code, error) {
	prefix := appendRoomTransientPrefix(nil, o.c.Tenant, o.c.Room, o.c.By)
	var keys []string
	err := scanTx(o.tx, prefix, func(key, _ []byte) error {
		keys = append(keys, string(key[len(prefix):]))
		return nil
	})
	if err != nil || len(keys) == 0 {
		return wire.CodeOK, err
	}
	for _, key := range keys {
		e, position, err := o.element(key)
		if err != nil {
			return 0, err
		}
		if e == nil {
			continue
		}
		if err := o.remove(e, position); err != nil {
			return 0, err
		}
	}
	return wire.CodeOK, o.putHead()
}

// roomSweep applies a RoomSweep.
func (m *Machine) roomSweep(tx *raftstore.Tx, r *reader) (*RoomLogResult, error) {
	var c RoomSweep
	if !c.decode(r) {
		return &RoomLogResult{Code: wire.CodeBadProtocol}, nil
	}
	if err := m.tick(tx, c.TimeMs); err != nil {
		return nil, err
	}
	type owned struct {
		tenant uint32
		room   uint64
		key    string
	}
	var found []owned
	res := &RoomLogResult{Code: wire.CodeOK}
	prefix := appendTable(nil, tableRoomTransient)
	err := scanTx(tx, prefix, func(key, _ []byte) error {
		if len(found) == maxSweep {
			res.More = true
			return errEnough
		}
		rest := key[len(prefix):]
		if len(rest) < 13 || len(rest) < 13+int(rest[12]) {
			return errDamaged
		}
		found = append(found, owned{binary.BigEndian.Uint32(rest), binary.BigEndian.Uint64(rest[4:]), string(rest[13+int(rest[12]):])})
		return nil
	})
	if err != nil {
		return nil, err
	}
	for _, f := range found {
		o := roomOp{m: m, tx: tx, c: &RoomChange{Tenant: f.tenant, Room: f.room, Backend: true}, res: new(RoomResult)}
		ok, err := o.load()
		if err != nil {
			return nil, err
		}
		if !ok {
			return nil, fmt.Errorf("%w: transient element of a room that is not there", errDamaged)
		}
		e, position, err := o.element(f.key)
		if err != nil {
			return nil, err
		}
		if e == nil {
			continue
		}
		if err := o.remove(e, position); err != nil {
			return nil, err
		}
		if err := o.putHead(); err != nil {
			return nil, err
		}
		res.Done++
	}
	return res, nil
}
