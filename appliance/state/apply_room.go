package state

import (
	"slices"

	"github.com/yizhan-im/yizhan/appliance/wire"
	"github.com/yizhan-im/yizhan/raftstore"
)

// changeRoom applies one RoomChange. Whatever may refuse it is looked at before
// the first write: a batch has no way back.
func (m *Machine) changeRoom(tx *raftstore.Tx, kind byte, r *reader) (*RoomResult, error) {
	var c RoomChange
	ok := c.decode(kind, r)
	res := &RoomResult{
		Code: wire.CodeBadProtocol, Op: c.Op, Tenant: c.Tenant, Session: c.Session, By: c.By, Room: c.Room,
		Flag: c.Flag, Notify: c.Notify, Ext: c.Ext, Role: c.Role, Tag: c.Tag, To: c.To,
	}
	if !ok {
		return res, nil
	}
	if !c.valid() {
		res.Code = wire.CodeBadParameter
		return res, nil
	}
	if err := m.tick(tx, c.TimeMs); err != nil {
		return nil, err
	}
	if gone, err := m.accountGone(tx, c.Tenant, c.By); err != nil || gone {
		res.Code = wire.CodeAccountGone
		return res, err
	}
	res.TimeMs = m.site.clockMs
	o := roomOp{m: m, tx: tx, c: &c, res: res}
	var err error
	if c.Op == RoomCreate {
		res.Code, err = o.create()
		return res, err
	}
	if ok, err := o.load(); err != nil || !ok {
		res.Code = wire.CodeNotFound
		return res, err
	}
	res.Code, err = o.run()
	if res.Code == wire.CodeOK {
		res.Info = o.info
	}
	return res, err
}

// roomOp is a RoomChange while it is applied. Its methods return the code to
// answer; other than CodeOK means that nothing was written.
type roomOp struct {
	m    *Machine
	tx   *raftstore.Tx
	c    *RoomChange
	res  *RoomResult
	info *wire.RoomInfo
	head roomHead
	// power is what By may do: his role, or more than any for the tenant's backend
	// when it acts in nobody's name.
	power wire.RoomRole
	// full is set when makeRoom has looked through the room and found nothing that
	// may go: a command of many accounts does that once.
	full bool
}

const backendPower = wire.RoomRole_ROOM_ROLE_CREATOR + 1

func (o *roomOp) load() (bool, error) {
	o.m.key = appendRoomKey(o.m.key[:0], tableRoom, o.c.Tenant, o.c.Room)
	stored, ok, err := o.tx.Get(o.m.key)
	if err != nil || !ok {
		return false, err
	}
	o.info = new(wire.RoomInfo)
	if err := o.info.UnmarshalVT(stored); err != nil {
		return false, rowError("room", err)
	}
	o.m.key = appendRoomKey(o.m.key[:0], tableRoomHead, o.c.Tenant, o.c.Room)
	if stored, ok, err = o.tx.Get(o.m.key); err != nil {
		return false, err
	}
	if ok {
		if err := o.head.decode(stored); err != nil {
			return false, err
		}
	}
	switch {
	case o.c.By == "":
		o.power = backendPower
	case o.c.By == o.info.Creator, o.info.Creator == "" && o.c.Backend:
		// The creator of the second was deleted: whomever the backend names stands in.
		o.power = wire.RoomRole_ROOM_ROLE_CREATOR
	default:
		s, _, err := o.standing(o.c.By)
		if err != nil {
			return false, err
		}
		o.power = s.role
	}
	return true, nil
}

func (o *roomOp) manages() bool { return o.power >= wire.RoomRole_ROOM_ROLE_MANAGER }

func (o *roomOp) run() (wire.Code, error) {
	switch o.c.Op {
	case RoomUpdate:
		return o.update()
	case RoomOpen:
		if o.power < wire.RoomRole_ROOM_ROLE_CREATOR {
			return wire.CodeForbidden, nil
		}
		o.info.Closed = !o.c.Flag
		if o.c.Flag {
			o.scheduleClose()
		}
		return wire.CodeOK, o.putInfo()
	case RoomMute:
		if !o.manages() {
			return wire.CodeForbidden, nil
		}
		o.info.Muted = o.c.Flag
		return wire.CodeOK, o.putInfo()
	case RoomSetRole:
		return o.setRole()
	case RoomTempMute:
		return o.tempMute()
	case RoomRobots:
		return o.robots()
	case RoomProfile:
		return o.profile()
	case RoomQueueInit, RoomQueueDrop:
		return o.queueDrop()
	case RoomQueueOffer:
		return o.queueOffer()
	case RoomQueuePoll:
		return o.queuePoll()
	case RoomQueueUpdate:
		return o.queueUpdate()
	case RoomQueueLeave:
		return o.queueLeave()
	case RoomTagMute:
		return o.tagMute()
	default: // RoomHistoryDelete
		return o.historyDelete()
	}
}

func (o *roomOp) create() (wire.Code, error) {
	m, c := o.m, o.c
	clientID := "\xfc" + c.ClientID // no message has such an id: theirs are UTF-8
	first, hash, ok, err := m.firstSend(o.tx, c.Tenant, c.By, clientID)
	if err != nil {
		return 0, err
	}
	if ok {
		o.res.Duplicate, o.res.Room, c.Room = true, first.id, first.id
		if ok, err := o.load(); err != nil || !ok {
			return wire.CodeNotFound, err
		}
		o.res.Info = o.info
		return wire.CodeOK, nil
	}
	if ok, err := m.accountExists(o.tx, c.Tenant, c.By); err != nil || !ok {
		return wire.CodeNotFound, err
	}
	m.key = appendConvPrefix(m.key[:0], tableRoomCreator, c.Tenant, "")
	stored, ok, err := o.tx.Get(m.key)
	if err != nil {
		return 0, err
	}
	rooms := uint64(0)
	if ok {
		if rooms, err = decodeNumberRow(stored); err != nil {
			return 0, err
		}
	}
	if rooms >= uint64(c.RoomLimit) {
		return wire.CodeCountLimit, nil
	}
	o.info = &wire.RoomInfo{Creator: c.By, QueueLimit: MaxRoomQueue, CreatedMs: m.site.clockMs}
	mergeRoom(o.info, c.Info)
	if !validRoom(o.info) {
		return wire.CodeBadParameter, nil
	}
	m.val = appendNumberRow(m.val[:0], rooms+1)
	if err := o.tx.Set(m.key, m.val); err != nil {
		return 0, err
	}
	c.Room = m.nextID()
	o.res.Room, o.res.Info, o.info.Id = c.Room, o.info, RoomID(c.Room)
	o.scheduleClose()
	if err := m.putClient(o.tx, c.Tenant, c.By, clientID, hash, &clientRow{id: c.Room, timeMs: m.site.clockMs}); err != nil {
		return 0, err
	}
	m.key = appendU64(appendConvPrefix(m.key[:0], tableRoomCreator, c.Tenant, c.By), c.Room)
	if err := o.tx.Set(m.key, []byte{rowVersion}); err != nil {
		return 0, err
	}
	return wire.CodeOK, o.putInfo()
}

// update changes what the room is. Some of it is the backend's alone.
func (o *roomOp) update() (wire.Code, error) {
	u := o.c.Info
	if !o.manages() || !o.c.Backend && (u.Quiet != nil || u.DelayClose != nil || u.DelaySeconds != nil) {
		return wire.CodeForbidden, nil
	}
	mergeRoom(o.info, u)
	if !validRoom(o.info) {
		return wire.CodeBadParameter, nil
	}
	if u.DelayClose != nil || u.DelaySeconds != nil {
		o.scheduleClose()
	}
	return wire.CodeOK, o.putInfo()
}

// How a room closes by itself; 0 is never.
const (
	// RoomClosesAt is at a time: delay_seconds after the policy was set, or the
	// room opened again.
	RoomClosesAt = iota + 1
	// RoomClosesEmpty is delay_seconds after the last member has left.
	RoomClosesEmpty
)

func (o *roomOp) scheduleClose() {
	o.info.CloseAtMs = 0
	if o.info.DelayClose == RoomClosesAt {
		o.info.CloseAtMs = o.m.site.clockMs + int64(o.info.DelaySeconds)*1000
	}
}

// putInfo stores the room as changed now.
func (o *roomOp) putInfo() error {
	o.info.Version, o.info.UpdatedMs = o.m.nextID(), o.m.site.clockMs
	o.m.key = appendRoomKey(o.m.key[:0], tableRoom, o.c.Tenant, o.c.Room)
	return o.m.put(o.tx, o.info)
}

func (o *roomOp) putHead() error {
	o.m.key = appendRoomKey(o.m.key[:0], tableRoomHead, o.c.Tenant, o.c.Room)
	o.m.val = o.head.append(o.m.val[:0])
	return o.tx.Set(o.m.key, o.m.val)
}

// mergeRoom sets the fields of t that u has.
func mergeRoom(t *wire.RoomInfo, u *wire.RoomChanges) {
	give(&t.Name, u.Name)
	give(&t.Announcement, u.Announcement)
	give(&t.BroadcastUrl, u.BroadcastUrl)
	give(&t.Ext, u.Ext)
	give(&t.QueueLevel, u.QueueLevel)
	give(&t.Quiet, u.Quiet)
	give(&t.DelayClose, u.DelayClose)
	give(&t.DelaySeconds, u.DelaySeconds)
}

func validRoom(t *wire.RoomInfo) bool {
	for _, s := range [...]string{t.Name, t.Announcement, t.BroadcastUrl, t.Ext} {
		if !validText(s, maxRoomText) {
			return false
		}
	}
	return t.Name != "" && t.SizeVT() <= maxRoomInfo && t.QueueLevel <= 1 && t.DelayClose <= RoomClosesEmpty &&
		t.DelaySeconds <= MaxRoomDelaySeconds
}

// valid reports whether c can be looked at: its names and texts are bounded.
func (c *RoomChange) valid() bool {
	if c.By == "" && !c.Backend || !validText(c.By, maxAccount) || !validText(c.Ext, maxRoomExt) ||
		!validText(c.ClientID, maxClientID-1) {
		return false
	}
	seen := make(map[string]bool, len(c.Accounts)+len(c.Elements))
	for _, account := range c.Accounts {
		if !validAccount(account) || seen[account] {
			return false
		}
		seen[account] = true
	}
	clear(seen)
	for _, e := range c.Elements {
		if !validName(e.Key, maxRoomKey) || !validText(e.Value, maxRoomValue) || !validText(e.Owner, maxAccount) || seen[e.Key] {
			return false
		}
		seen[e.Key] = true
	}
	named, elements := len(c.Accounts), len(c.Elements)
	switch c.Op {
	case RoomCreate:
		return c.Room == 0 && c.By != "" && c.ClientID != ""
	case RoomSetRole:
		return named == 1 && c.Role > 0 && c.Role <= wire.RoomRoleOp_ROOM_ROLE_OP_MUTE
	case RoomTempMute:
		return named == 1 && c.Number <= MaxRoomMuteSeconds
	case RoomTagMute:
		return c.validTag()
	case RoomRobots:
		return c.Backend && (named > 0 || !c.Flag)
	case RoomProfile:
		m := c.Member
		return c.By != "" && validText(m.Nick, maxRoomText) && validText(m.Avatar, maxRoomText) && validText(m.Ext, maxRoomText)
	case RoomQueueInit:
		return c.Number <= MaxRoomQueue
	case RoomQueueOffer, RoomQueueUpdate:
		return elements > 0
	case RoomQueuePoll:
		return elements <= 1
	case RoomQueueLeave:
		return c.By != ""
	case RoomHistoryDelete:
		ids := slices.Clone(c.Messages)
		slices.Sort(ids)
		return len(ids) > 0 && len(slices.Compact(ids)) == len(c.Messages) // each counts once
	}
	return true
}
