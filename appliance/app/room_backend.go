package app

import (
	"context"
	"errors"
	"math/rand/v2"

	"github.com/yizhan-im/yizhan/appliance/room"
	"github.com/yizhan-im/yizhan/appliance/session"
	"github.com/yizhan-im/yizhan/appliance/state"
	"github.com/yizhan-im/yizhan/appliance/wire"
)

// ChangeRoom makes a change of a registered room for the tenant's backend, in the
// name of c.By, who needs the same role as he would himself, or in nobody's name
// when it is empty. Time, tenant and limits are set here, texts are checked. The
// result must not be changed. CodeNotFound: there is no such room, or what c is
// about is not there.
func (a *App) ChangeRoom(ctx context.Context, appKey string, c *state.RoomChange) (*state.RoomResult, error) {
	t, err := a.Tenant(ctx, appKey)
	if err != nil {
		return nil, err
	}
	b := roomBuilder{c: c}
	if c.By != "" {
		c.By, err = accountName("account", c.By)
		b.check(err)
	}
	b.check(charsWithin("notify_ext", c.Ext, maxNotifyExt))
	if c.Info != nil {
		b.changes(c.Info)
	}
	if len(c.Elements) > 0 {
		b.elements(c.Elements, state.MaxRoomNamed)
	}
	if b.err != nil {
		return nil, b.err
	}
	c.TimeMs, c.Tenant, c.Session, c.Backend = a.now().UnixMilli(), t.ID, noSession, true
	c.RoomLimit = uint32(t.Limits.MaxRooms)
	if c.Op == state.RoomHistoryDelete {
		if err := a.roomLog.flush(ctx); err != nil {
			return nil, a.edge(err)
		}
	}
	if err := a.awaitSweep(ctx, c); err != nil {
		return nil, a.edge(err)
	}
	if len(c.Append(nil)) > state.MaxCommandBytes {
		return nil, wire.Errorf(wire.CodeBadParameter, "all texts together are too long")
	}
	res, err := propose[*state.RoomResult](ctx, a, c)
	if err != nil {
		return nil, err
	}
	return res, outcome(res.Code)
}

// Room reads a registered room and how many members are inside.
func (a *App) Room(ctx context.Context, appKey string, number uint64) (info *wire.RoomInfo, members int, err error) {
	t, err := a.Tenant(ctx, appKey)
	if err != nil {
		return nil, 0, err
	}
	if info, err = a.queries.Room(t.ID, number); err != nil {
		return nil, 0, a.edge(err)
	}
	return info, a.rooms.Count(t.ID, info.Id), nil
}

// RoomFor returns the id of a room that account may enter now, as clients write it.
// CodeNotFound: there is no such room or account; CodeRoomClosed, CodeRoomBlocked.
func (a *App) RoomFor(ctx context.Context, appKey string, number uint64, account string) (id string, err error) {
	t, account, err := a.target(ctx, appKey, account)
	if err != nil {
		return "", err
	}
	info, _, err := a.admitted(t.ID, number, account)
	if err != nil {
		return "", a.edge(err)
	}
	if _, err := a.queries.Account(t.ID, account); err != nil {
		return "", a.edge(err)
	}
	return info.Id, nil
}

// CreatorRooms lists those of the newest maxCreatorRooms rooms that account has made
// which are open, the newest first.
func (a *App) CreatorRooms(ctx context.Context, appKey, account string) ([]uint64, error) {
	t, account, err := a.target(ctx, appKey, account)
	if err != nil {
		return nil, err
	}
	rooms, err := a.queries.CreatorRooms(t.ID, account, maxCreatorRooms)
	if err != nil {
		return nil, a.edge(err)
	}
	open := rooms[:0]
	for _, number := range rooms {
		switch info, err := a.queries.Room(t.ID, number); {
		case err != nil && wire.CodeOf(err) != wire.CodeNotFound:
			return nil, a.edge(err)
		case err == nil && !a.isClosed(info):
			open = append(open, number)
		}
	}
	return open, nil
}

const maxCreatorRooms = 1000

// RoomMembers lists members of a room: the accounts that in names, or a page.
func (a *App) RoomMembers(ctx context.Context, appKey string, in *wire.RoomMembersRequest) (*wire.RoomMembersResponse, error) {
	t, err := a.Tenant(ctx, appKey)
	if err != nil {
		return nil, err
	}
	out, err := a.membersOfRoom(t.ID, in)
	if err != nil {
		return nil, a.edge(err)
	}
	return out, nil
}

// RoomSpecial lists the accounts that are something to a room, whether they are
// inside or not.
func (a *App) RoomSpecial(ctx context.Context, appKey string, number uint64) ([]*wire.RoomMember, error) {
	t, err := a.Tenant(ctx, appKey)
	if err != nil {
		return nil, err
	}
	info, members, err := a.queries.RoomSpecial(t.ID, number)
	if err != nil {
		return nil, a.edge(err)
	}
	for i, m := range members {
		members[i] = a.asInside(t.ID, info.Id, m)
	}
	return members, nil
}

// KickFromRoom puts an account out of a room in the name of by. CodeNotFound: it
// is not inside; CodeForbidden: by may not.
func (a *App) KickFromRoom(ctx context.Context, appKey, by string, in *wire.KickRoomRequest) error {
	t, by, err := a.target(ctx, appKey, by)
	if err != nil {
		return err
	}
	err = a.kickFromRoom(t.ID, by, in)
	if err == errNotInside {
		// A robot is inside as long as it is a robot.
		number, _ := state.ParseRoomID(in.Room)
		res, err := a.ChangeRoom(ctx, appKey, &state.RoomChange{
			Op: state.RoomRobots, By: by, Room: number, Accounts: []string{in.Account}, Notify: true, Ext: in.NotifyExt,
		})
		if err == nil && len(res.Added) == 0 {
			err = errNotInside
		}
		return err
	}
	if err != nil {
		return a.edge(err)
	}
	return nil
}

// ShowInRoom changes how account shows itself in a room.
func (a *App) ShowInRoom(ctx context.Context, appKey, account string, in *wire.UpdateRoomSelfRequest) error {
	t, account, err := a.target(ctx, appKey, account)
	if err != nil {
		return err
	}
	if err := a.showInRoom(ctx, t.ID, account, in); err != nil {
		return a.edge(err)
	}
	return nil
}

// RoomQueue reads the queue of a room, or with keys only those elements.
func (a *App) RoomQueue(ctx context.Context, appKey string, number uint64, keys []string) ([]*wire.RoomElement, error) {
	t, err := a.Tenant(ctx, appKey)
	if err != nil {
		return nil, err
	}
	elements, err := a.queries.RoomQueue(t.ID, number, keys)
	if err != nil {
		return nil, a.edge(err)
	}
	return elements, nil
}

// RoomHistory reads messages of a room; see state.Queries.RoomHistory.
func (a *App) RoomHistory(ctx context.Context, appKey string, number uint64, timeMs int64, reverse bool, limit int, types []uint32) ([]*wire.RoomMessagePush, error) {
	t, err := a.Tenant(ctx, appKey)
	if err != nil {
		return nil, err
	}
	oldest := a.now().UnixMilli() - t.Limits.RoomKeepMs()
	messages, _, err := a.queries.RoomHistory(t.ID, number, timeMs, oldest, reverse, limit, ofTypes(types))
	if err != nil {
		return nil, a.edge(err)
	}
	return messages, nil
}

// RecallFromRoom takes the message that sender sent at that time with that client
// id out of the history, and tells all who are inside, in the name of by.
func (a *App) RecallFromRoom(ctx context.Context, appKey, by string, number uint64, timeMs int64, sender, clientID, ext string, notify bool) error {
	t, sender, err := a.target(ctx, appKey, sender)
	if err != nil {
		return err
	}
	if err := a.roomLog.flush(ctx); err != nil {
		return a.edge(err)
	}
	m, err := a.queries.RoomMessage(t.ID, number, timeMs, sender, clientID)
	if err != nil {
		return a.edge(err)
	}
	_, err = a.ChangeRoom(ctx, appKey, &state.RoomChange{
		Op: state.RoomHistoryDelete, By: by, Room: number, Messages: []uint64{m.Id}, Ext: ext, Notify: notify,
	})
	return err
}

// RoomMessage is a message that the tenant's backend sends to a room.
type RoomMessage struct {
	Room     uint64
	From     string
	ClientID string
	Type     uint32
	Body     string
	Ext      string
	// To, when it is not empty, is who gets it of those inside; others do not, and
	// it is in no history.
	To []string
	// HighPriority keeps it when the room is overloaded.
	HighPriority bool
	SkipHistory  bool
	// IgnoreMute sends also when From or the room is muted.
	IgnoreMute bool
	// NotifyTags, when it is not empty, is an expression that says who gets it by
	// their tags (room.Target); To has no use for it.
	NotifyTags string
	// AbandonRatio is the chance, in ten-thousandths, that the message is not sent.
	AbandonRatio int
}

// SendToRoom sends a message in the name of m.From, who need not be inside. nil,
// true: it was abandoned, because the room is overloaded or chance has it so.
// CodeNotFound: there is no such room or account; CodeRoomClosed, CodeRoomBlocked,
// CodeRoomMuted, CodeRoomAllMuted.
func (a *App) SendToRoom(ctx context.Context, appKey string, m *RoomMessage) (sent *wire.RoomMessagePush, abandoned bool, err error) {
	t, from, err := a.target(ctx, appKey, m.From)
	if err != nil {
		return nil, false, err
	}
	if err := bytesWithin("client_id", m.ClientID, 0, maxClientID); err != nil {
		return nil, false, err
	}
	if err := roomContent(m.Type, m.Body, m.Ext, &t.Limits); err != nil {
		return nil, false, err
	}
	info, self, err := a.admitted(t.ID, m.Room, from)
	if err != nil {
		return nil, false, a.edge(err)
	}
	self = a.asInside(t.ID, info.Id, self)
	to, err := parseTarget(m.NotifyTags)
	if err == nil && !m.IgnoreMute {
		err = a.maySendRoom(info, self, self.Tags, t.ID, m.Room, a.now().UnixMilli())
	}
	if err != nil {
		return nil, false, a.edge(err)
	}
	g := &room.Guest{Account: from}
	if err := a.completeGuest(t.ID, g, self); err != nil {
		return nil, false, a.edge(err)
	}
	if g.Nick == "" {
		if _, err := a.queries.Account(t.ID, from); err != nil {
			return nil, false, a.edge(err)
		}
	}
	p := &wire.RoomMessagePush{
		Room: info.Id, From: from, FromPlatform: wire.Platform_PLATFORM_REST, ClientId: m.ClientID, Type: m.Type, Body: m.Body, Ext: m.Ext,
		FromNick: g.Nick, FromAvatar: g.Avatar, FromExt: g.Ext, HighPriority: m.HighPriority, NotifyTags: to.String(),
	}
	if rand.IntN(10_000) < m.AbandonRatio {
		return p, true, nil
	}
	if len(m.To) > 0 {
		p.Id, p.TimeMs = a.rooms.Stamp()
		a.pushToInside(t.ID, p, m.To)
		return p, false, nil
	}
	priority := room.Low
	if m.HighPriority {
		priority = room.High
	}
	err = a.rooms.Publish(t.ID, info.Id, priority, to, func(id uint64, timeMs int64) *session.Event {
		p.Id, p.TimeMs = id, timeMs
		return session.NewEvent(wire.PushRoomMessage, p)
	})
	switch {
	case errors.Is(err, room.ErrAbandoned):
		return p, true, nil
	case err != nil:
		return nil, false, a.edge(err)
	case !m.SkipHistory:
		a.roomLog.add(t, m.Room, p)
	}
	return p, false, nil
}

// pushToInside pushes a message to those of accounts that are inside its room.
func (a *App) pushToInside(tenant uint32, p *wire.RoomMessagePush, accounts []string) {
	ev := session.NewEvent(wire.PushRoomMessage, p)
	for _, account := range accounts {
		for _, s := range a.hub.Sessions(nil, tenant, account) {
			if c := clientOf(s); c.rooms.IsIn(p.Room) {
				c.Push(ev)
			}
		}
	}
}

// BroadcastToRooms sends a message in the name of m.From to every registered room
// of the tenant that has members on this node, and returns to how many. It is in
// no history.
func (a *App) BroadcastToRooms(ctx context.Context, appKey string, m *RoomMessage) (rooms int, err error) {
	t, err := a.Tenant(ctx, appKey)
	if err != nil {
		return 0, err
	}
	one := *m
	one.SkipHistory = true
	if _, err := a.queries.Account(t.ID, m.From); err != nil {
		return 0, a.edge(err)
	}
	for _, name := range a.rooms.Names(t.ID) {
		number, ok := state.ParseRoomID(name)
		if !ok {
			continue
		}
		if err := ctx.Err(); err != nil {
			return rooms, a.edge(err)
		}
		one.Room = number
		switch _, abandoned, err := a.SendToRoom(ctx, appKey, &one); {
		case wire.CodeOf(err) == wire.CodeBadParameter:
			return rooms, err
		case err == nil && !abandoned:
			rooms++
		}
	}
	return rooms, nil
}
