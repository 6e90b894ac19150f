package app

import (
	"google.golang.org/protobuf/proto"

	"github.com/yizhan-im/yizhan/appliance/room"
	"github.com/yizhan-im/yizhan/appliance/session"
	"github.com/yizhan-im/yizhan/appliance/state"
	"github.com/yizhan-im/yizhan/appliance/wire"
)

// tellRoom tells those inside a registered room. What the room has no place for is
// dropped, and counted there.
func (a *App) tellRoom(tenant uint32, priority room.Priority, p *wire.RoomNoticePush) {
	a.tellTagged(tenant, priority, nil, p)
}

// tellTagged is tellRoom for those whom to means.
func (a *App) tellTagged(tenant uint32, priority room.Priority, to *room.Target, p *wire.RoomNoticePush) {
	p.NotifyTags = to.String()
	_ = a.rooms.Publish(tenant, p.Room, priority, to, func(id uint64, timeMs int64) *session.Event {
		p.Id, p.TimeMs = id, timeMs
		return session.NewEvent(wire.PushRoomNotice, p)
	})
}

// announce tells who has come or gone, where that is wanted. The caller has asked
// whether it is not too much (room.MayAnnounce).
func (a *App) announce(tenant uint32, info *wire.RoomInfo, kind wire.RoomNoticeKind, m *wire.RoomMember, g *room.Guest, ext string) {
	if info.Quiet {
		return
	}
	a.tellTagged(tenant, room.Low, g.Notify, &wire.RoomNoticePush{
		Room: info.Id, Kind: kind, By: g.Account, Accounts: []string{g.Account}, Member: m, Ext: ext,
		Members: uint32(a.rooms.Count(tenant, info.Id)),
	})
}

// leftRoom does what follows when a session is no longer in a registered room.
func (a *App) leftRoom(tenant uint32, name string, g *room.Guest) {
	number, _ := state.ParseRoomID(name)
	if a.isInside(tenant, g.Account, name, g.Session) {
		// The last one to leave takes the account's elements along.
		if g.Transient.Load() && !a.markTransient(tenant, g.Account, name) {
			a.dropTransient(tenant, number, g.Account)
		}
		return
	}
	if g.Transient.Load() {
		a.dropTransient(tenant, number, g.Account)
	}
	vacant := a.rooms.Count(tenant, name) == 0
	if !vacant && !a.rooms.MayAnnounce(tenant, name) {
		return
	}
	info, self, err := a.queries.RoomMember(tenant, number, g.Account)
	if err != nil {
		return // the node is stopping
	}
	if vacant {
		a.closings.vacant(tenant, number, info)
		return
	}
	m := guestMember(self, g)
	m.Online = false
	a.announce(tenant, info, wire.RoomNoticeKind_ROOM_NOTICE_EXITED, m, g, "")
}

// dropTransient takes out of a room's queue what goes with its owner.
func (a *App) dropTransient(tenant uint32, number uint64, account string) {
	c := state.RoomChange{
		TimeMs: a.now().UnixMilli(), Tenant: tenant, Session: noSession, Op: state.RoomQueueLeave, Room: number, By: account, Backend: true,
	}
	if err := a.store.Submit(c.Append(nil), bestEffort{}); err != nil {
		a.metrics.roomLost.Inc()
	}
}

// putOut ends the membership of an account in a room, and reports what it was; nil
// when it was not inside.
func (a *App) putOut(tenant uint32, account string, out *wire.RoomOutPush) (g *room.Guest) {
	for _, s := range a.hub.Sessions(nil, tenant, account) {
		c := clientOf(s)
		if left, was := a.rooms.Exit(&c.rooms, out.Room); was {
			c.Push(session.NewEvent(wire.PushRoomOut, out))
			if g == nil || left.Transient.Load() {
				g = left
			}
		}
	}
	return g
}

// afterPutOut does what follows when putOut has ended a membership.
func (a *App) afterPutOut(tenant uint32, number uint64, info *wire.RoomInfo, g *room.Guest) {
	if g.Transient.Load() {
		a.dropTransient(tenant, number, g.Account)
	}
	if a.rooms.Count(tenant, info.Id) == 0 {
		a.closings.vacant(tenant, number, info)
	}
}

// roomChanged tells those inside what a committed change has made of their room,
// and puts out who may no longer be there. It does not block: what is long is
// done by a goroutine of its own.
func (a *App) roomChanged(r *state.RoomResult) {
	if r.Code != wire.CodeOK || r.Duplicate {
		return
	}
	if r.Info != nil {
		a.closings.changed(r.Tenant, r.Room, r.Info)
	}
	name := state.RoomID(r.Room)
	p := &wire.RoomNoticePush{Room: name, By: r.By, Ext: r.Ext, Off: !r.Flag}
	switch r.Op {
	case state.RoomCreate:
		a.empty(r.Tenant, &wire.RoomOutPush{Room: name, Reason: wire.RoomOutReason_ROOM_OUT_REGISTERED})
		return
	case state.RoomOpen:
		if !r.Flag {
			a.empty(r.Tenant, &wire.RoomOutPush{Room: name, Reason: wire.RoomOutReason_ROOM_OUT_CLOSED, By: r.By, Ext: r.Ext})
		}
		return
	case state.RoomUpdate, state.RoomMute:
		p.Kind, p.Info, p.Off = wire.RoomNoticeKind_ROOM_NOTICE_UPDATED, r.Info, false
		if r.Op == state.RoomMute {
			p.Kind = wire.RoomNoticeKind_ROOM_NOTICE_MUTED
		}
	case state.RoomSetRole, state.RoomTempMute:
		p.Kind, p.Accounts, p.RoleOp = wire.RoomNoticeKind_ROOM_NOTICE_MEMBER, []string{r.Members[0].Account}, r.Role
		p.Member = a.asInside(r.Tenant, name, r.Members[0])
		if r.Op == state.RoomTempMute {
			p.Off = r.Members[0].MutedUntilMs == 0
		}
	case state.RoomRobots:
		p.Kind, p.Accounts = wire.RoomNoticeKind_ROOM_NOTICE_ROBOTS, r.Added
		if len(r.Added) == 0 {
			return
		}
	case state.RoomTagMute:
		a.tagMuted(r, p)
		return
	case state.RoomProfile:
		return // told by who asked, who knows how the account shows itself inside
	case state.RoomHistoryDelete:
		a.tellDeleted(r, p)
		return
	default:
		a.queueChanged(r, p)
		return
	}
	if r.Op == state.RoomSetRole && r.Role == wire.RoomRoleOp_ROOM_ROLE_OP_BLOCK && r.Flag {
		out := &wire.RoomOutPush{Room: name, Reason: wire.RoomOutReason_ROOM_OUT_BLOCKED, By: r.By, Ext: r.Ext}
		if g := a.putOut(r.Tenant, p.Accounts[0], out); g != nil {
			a.afterPutOut(r.Tenant, r.Room, r.Info, g)
		}
	}
	if r.Notify || r.Op == state.RoomSetRole {
		a.tellRoom(r.Tenant, room.High, p)
	}
}

// empty puts everybody out of a room who is inside now. Who enters from now on stays:
// the room may have been opened again. So do those who have entered a room that has
// just been registered as what it is: they have seen the change before it is told.
func (a *App) empty(tenant uint32, out *wire.RoomOutPush) {
	if a.rooms.Count(tenant, out.Room) == 0 {
		return
	}
	now, _ := a.rooms.Stamp()
	guests := out.Reason != wire.RoomOutReason_ROOM_OUT_REGISTERED
	a.roomTasks.Go(func() {
		number, _ := state.ParseRoomID(out.Room)
		for _, g := range a.rooms.Empty(tenant, out.Room, now, guests, session.NewEvent(wire.PushRoomOut, out)) {
			a.dropTransient(tenant, number, g.Account)
		}
	})
}

// asInside is m as the account shows itself, when it is inside.
func (a *App) asInside(tenant uint32, name string, m *wire.RoomMember) *wire.RoomMember {
	for _, s := range a.hub.Sessions(nil, tenant, m.Account) {
		if g := clientOf(s).rooms.Guest(name); g != nil {
			return guestMember(proto.Clone(m).(*wire.RoomMember), g)
		}
	}
	return m
}

func (a *App) tellDeleted(r *state.RoomResult, p *wire.RoomNoticePush) {
	if !r.Notify {
		return
	}
	for _, m := range r.Deleted {
		one := proto.Clone(p).(*wire.RoomNoticePush)
		one.Kind, one.Off = wire.RoomNoticeKind_ROOM_NOTICE_RECALLED, false
		one.Accounts, one.MessageId, one.MessageTimeMs = []string{m.From}, m.Id, m.TimeMs
		a.tellRoom(r.Tenant, room.High, one)
	}
}

var queueOps = map[state.RoomOp]wire.RoomQueueOp{
	state.RoomQueueInit:   wire.RoomQueueOp_ROOM_QUEUE_SET,
	state.RoomQueueOffer:  wire.RoomQueueOp_ROOM_QUEUE_OFFERED,
	state.RoomQueuePoll:   wire.RoomQueueOp_ROOM_QUEUE_POLLED,
	state.RoomQueueUpdate: wire.RoomQueueOp_ROOM_QUEUE_UPDATED,
	state.RoomQueueDrop:   wire.RoomQueueOp_ROOM_QUEUE_DROPPED,
	state.RoomQueueLeave:  wire.RoomQueueOp_ROOM_QUEUE_LEFT,
}

func (a *App) queueChanged(r *state.RoomResult, p *wire.RoomNoticePush) {
	p.Kind, p.QueueOp, p.Elements, p.Off = wire.RoomNoticeKind_ROOM_NOTICE_QUEUE, queueOps[r.Op], r.Elements, false
	if len(r.Elements) == 0 && r.Op != state.RoomQueueInit && r.Op != state.RoomQueueDrop {
		return
	}
	for _, piece := range noticePieces(p) {
		a.tellRoom(r.Tenant, room.High, piece)
	}
	if r.Op != state.RoomQueueOffer {
		return
	}
	owners := map[string]bool{}
	for _, e := range r.Elements {
		if e.Transient {
			owners[e.Owner] = true
		}
	}
	for account := range owners {
		if !a.markTransient(r.Tenant, account, p.Room) {
			a.dropTransient(r.Tenant, r.Room, account)
		}
	}
}

// markTransient notes in the account's sessions inside the room that it has elements
// in the queue which go when it has left, and reports whether there are such sessions.
func (a *App) markTransient(tenant uint32, account, name string) (inside bool) {
	for _, s := range a.hub.Sessions(nil, tenant, account) {
		if g := clientOf(s).rooms.Guest(name); g != nil {
			g.Transient.Store(true)
			// It may have left before it was marked: then nobody else looks.
			inside = inside || clientOf(s).rooms.IsIn(name)
		}
	}
	return inside
}
