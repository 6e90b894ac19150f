package state

import (
	"github.com/yizhan-im/yizhan/appliance/wire"
)

// room ends what the account is to one room. A room that it has created has no
// creator from then on: its managers and the tenant's backend go on with it.
func (o *removalOp) room(id uint64) error {
	m := o.m
	op := roomOp{m: m, tx: o.tx, c: &RoomChange{Op: RoomQueueLeave, Tenant: o.tenant, Room: id, Backend: true}, res: new(RoomResult)}
	if ok, err := op.load(); err != nil || !ok {
		return err
	}
	s, was, err := op.standing(o.account)
	if err != nil {
		return err
	}
	if was {
		if s.role == wire.RoomRole_ROOM_ROLE_MANAGER {
			op.head.managers--
		}
		op.head.standings--
		m.key = appendRoomNameKey(m.key[:0], tableRoomStanding, o.tenant, id, o.account)
		if err := o.tx.Delete(m.key); err != nil {
			return err
		}
	}
	if err := op.dropOwned(o.account); err != nil {
		return err
	}
	if op.info.Creator == o.account {
		op.info.Creator = ""
		if err := op.putInfo(); err != nil {
			return err
		}
		m.key = appendU64(appendConvPrefix(m.key[:0], tableRoomCreator, o.tenant, o.account), id)
		if err := o.tx.Delete(m.key); err != nil {
			return err
		}
	}
	if len(op.res.Elements) > 0 {
		*op.res = RoomResult{
			Code: wire.CodeOK, Op: RoomQueueLeave, Tenant: o.tenant, By: o.account, Room: id, TimeMs: m.site.clockMs,
			Info: op.info, Elements: op.res.Elements,
		}
		o.res.Parts = append(o.res.Parts, op.res)
	}
	return op.putHead()
}

// dropOwned takes the elements of an owner out of the queue, which has at most
// MaxRoomQueue. The caller stores the head.
func (o *roomOp) dropOwned(owner string) error {
	if o.head.queue == 0 {
		return nil
	}
	type placed struct {
		position uint64
		element  *wire.RoomElement
	}
	var owned []placed
	err := scanTx(o.tx, appendRoomKey(nil, tableRoomQueue, o.c.Tenant, o.c.Room), func(key, stored []byte) error {
		e, err := decodeElementRow(stored)
		if err == nil && e.Owner == owner {
			owned = append(owned, placed{lastU64(key), e})
		}
		return err
	})
	if err != nil {
		return err
	}
	for _, p := range owned {
		if err := o.remove(p.element, p.position); err != nil {
			return err
		}
	}
	return nil
}
