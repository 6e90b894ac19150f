package state

import (
	"errors"

	"github.com/yizhan-im/yizhan/appliance/wire"
	"github.com/yizhan-im/yizhan/raftstore"
)

// standing reads what account is to the room; ok is false when it is nothing.
func (o *roomOp) standing(account string) (s roomStanding, ok bool, err error) {
	o.m.key = appendRoomNameKey(o.m.key[:0], tableRoomStanding, o.c.Tenant, o.c.Room, account)
	stored, ok, err := o.tx.Get(o.m.key)
	if err != nil || !ok {
		return s, false, err
	}
	return s, true, s.decode(stored)
}

// putStanding stores s, which was there before or not. The caller stores the head.
func (o *roomOp) putStanding(account string, s *roomStanding, was bool) error {
	o.m.key = appendRoomNameKey(o.m.key[:0], tableRoomStanding, o.c.Tenant, o.c.Room, account)
	if s.spent(o.m.site.clockMs) {
		if was {
			o.head.standings--
			return o.tx.Delete(o.m.key)
		}
		return nil
	}
	if !was {
		o.head.standings++
	}
	o.m.val = s.append(o.m.val[:0])
	return o.tx.Set(o.m.key, o.m.val)
}

// makeRoom reports whether one more account may be something to the room. When
// there are too many, those go of which only an old mute is left.
func (o *roomOp) makeRoom() (bool, error) {
	if o.head.standings < MaxRoomStandings {
		return true, nil
	}
	if o.full {
		return false, nil
	}
	var spent [][]byte
	prefix := appendRoomKey(nil, tableRoomStanding, o.c.Tenant, o.c.Room)
	err := scanTx(o.tx, prefix, func(key, stored []byte) error {
		var s roomStanding
		if err := s.decode(stored); err != nil {
			return err
		}
		if s.spent(o.m.site.clockMs) {
			spent = append(spent, append([]byte(nil), key...))
		}
		return nil
	})
	if err != nil {
		return false, err
	}
	for _, key := range spent {
		if err := o.tx.Delete(key); err != nil {
			return false, err
		}
		o.head.standings--
	}
	o.full = len(spent) == 0
	return !o.full, nil
}

// errEnough, returned by what scanTx calls, ends the scan.
var errEnough = errors.New("state: seen enough")

// scanTx calls each for every row below prefix, which each must not change meanwhile.
func scanTx(tx *raftstore.Tx, prefix []byte, each func(key, row []byte) error) error {
	it, err := tx.Iter(prefix, prefixEnd(prefix))
	if err != nil {
		return err
	}
	for ok := it.First(); ok && err == nil; ok = it.Next() {
		err = each(it.Key(), it.Value())
	}
	if err == errEnough {
		err = nil
	}
	if closeErr := it.Close(); err == nil {
		err = closeErr
	}
	return err
}

// change changes what the one account of the command is to the room: who does it
// must be more than that account.
func (o *roomOp) change(least wire.RoomRole, what func(s *roomStanding) wire.Code) (wire.Code, error) {
	account := o.c.Accounts[0]
	if o.power < least {
		return wire.CodeForbidden, nil
	}
	s, was, err := o.standing(account)
	if err != nil {
		return 0, err
	}
	if account == o.info.Creator || s.role >= o.power {
		return wire.CodeForbidden, nil
	}
	if !was {
		if ok, err := o.m.accountExists(o.tx, o.c.Tenant, account); err != nil || !ok {
			return wire.CodeNotFound, err
		}
	}
	manager := wire.RoomRole_ROOM_ROLE_MANAGER
	before := s
	if code := what(&s); code != wire.CodeOK {
		return code, nil
	}
	if s.role != before.role {
		s.sinceMs = o.m.site.clockMs
	}
	if before.role != manager && s.role == manager {
		if o.head.managers >= MaxRoomManagers {
			return wire.CodeCountLimit, nil
		}
		o.head.managers++
	} else if before.role == manager && s.role != manager {
		o.head.managers--
	}
	if !was { // the last that may refuse it, because it writes
		if ok, err := o.makeRoom(); err != nil || !ok {
			return wire.CodeCountLimit, err
		}
	}
	if err := o.putStanding(account, &s, was); err != nil {
		return 0, err
	}
	o.res.Members = []*wire.RoomMember{s.member(o.info, account)}
	if err := o.putHead(); err != nil {
		return 0, err
	}
	return wire.CodeOK, o.putInfo()
}

func (o *roomOp) setRole() (wire.Code, error) {
	least := wire.RoomRole_ROOM_ROLE_MANAGER
	if o.c.Role == wire.RoomRoleOp_ROOM_ROLE_OP_MANAGER {
		least = wire.RoomRole_ROOM_ROLE_CREATOR
	}
	on := o.c.Flag
	return o.change(least, func(s *roomStanding) wire.Code {
		switch o.c.Role {
		case wire.RoomRoleOp_ROOM_ROLE_OP_MANAGER:
			if on {
				s.role, s.blocked, s.muted, s.mutedUntilMs = wire.RoomRole_ROOM_ROLE_MANAGER, false, false, 0
			} else if s.role == wire.RoomRole_ROOM_ROLE_MANAGER {
				s.role = wire.RoomRole_ROOM_ROLE_FIXED
			}
		case wire.RoomRoleOp_ROOM_ROLE_OP_FIXED:
			if s.role = wire.RoomRole_ROOM_ROLE_GUEST; on {
				s.role, s.blocked = wire.RoomRole_ROOM_ROLE_FIXED, false
			}
		case wire.RoomRoleOp_ROOM_ROLE_OP_BLOCK:
			if s.blocked = on; on {
				s.role = wire.RoomRole_ROOM_ROLE_GUEST
			}
		default:
			if s.muted = on; on && s.role == wire.RoomRole_ROOM_ROLE_MANAGER {
				s.role = wire.RoomRole_ROOM_ROLE_FIXED // managers cannot be muted
			}
		}
		if s.role == wire.RoomRole_ROOM_ROLE_GUEST {
			s.nick, s.avatar, s.ext = "", "", "" // kept for those who are more
		}
		return wire.CodeOK
	})
}

func (o *roomOp) tempMute() (wire.Code, error) {
	return o.change(wire.RoomRole_ROOM_ROLE_MANAGER, func(s *roomStanding) wire.Code {
		if s.role == wire.RoomRole_ROOM_ROLE_MANAGER {
			return wire.CodeForbidden
		}
		s.mutedUntilMs = 0
		if o.c.Number > 0 {
			s.mutedUntilMs = min(o.m.site.clockMs+int64(o.c.Number)*1000, maxTimeMs)
		}
		return wire.CodeOK
	})
}

// profile keeps how By shows itself, for who is more than a guest.
func (o *roomOp) profile() (wire.Code, error) {
	if o.power < wire.RoomRole_ROOM_ROLE_FIXED {
		return wire.CodeForbidden, nil
	}
	s, was, err := o.standing(o.c.By)
	if err != nil {
		return 0, err
	}
	if !was { // the creator
		if ok, err := o.makeRoom(); err != nil || !ok {
			return wire.CodeCountLimit, err
		}
	}
	s.nick, s.avatar, s.ext = o.c.Member.Nick, o.c.Member.Avatar, o.c.Member.Ext
	if err := o.putStanding(o.c.By, &s, was); err != nil {
		return 0, err
	}
	o.res.Members = []*wire.RoomMember{s.member(o.info, o.c.By)}
	return wire.CodeOK, o.putHead()
}

// robots lets accounts look as if they were inside, or ends that.
func (o *roomOp) robots() (wire.Code, error) {
	if !o.manages() {
		return wire.CodeForbidden, nil
	}
	accounts := o.c.Accounts
	if len(accounts) == 0 {
		prefix := appendRoomKey(nil, tableRoomStanding, o.c.Tenant, o.c.Room)
		err := scanTx(o.tx, prefix, func(key, stored []byte) error {
			var s roomStanding
			if err := s.decode(stored); err != nil {
				return err
			}
			if s.robot {
				accounts = append(accounts, string(key[len(prefix):]))
			}
			return nil
		})
		if err != nil {
			return 0, err
		}
	}
	for _, account := range accounts {
		if err := o.robotOne(account); err != nil {
			return 0, err
		}
	}
	return wire.CodeOK, o.putHead()
}

func (o *roomOp) robotOne(account string) error {
	s, was, err := o.standing(account)
	if err != nil {
		return err
	}
	on := o.c.Flag
	switch {
	case s.robot && on:
		o.res.Old = append(o.res.Old, account)
		return nil
	case !on && !s.robot, on && (s.blocked || account == o.info.Creator):
		o.res.Failed = append(o.res.Failed, account)
		return nil
	case on && !was:
		ok, err := o.m.accountExists(o.tx, o.c.Tenant, account)
		if err == nil && ok {
			ok, err = o.makeRoom()
		}
		if err != nil || !ok {
			o.res.Failed = append(o.res.Failed, account)
			return err
		}
	}
	if s.robot = on; on {
		s.sinceMs = o.m.site.clockMs
	}
	o.res.Added = append(o.res.Added, account)
	return o.putStanding(account, &s, was)
}
