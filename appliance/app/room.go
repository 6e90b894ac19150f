package app

import (
	"errors"

	"github.com/yizhan-im/yizhan/appliance/room"
	"github.com/yizhan-im/yizhan/appliance/state"
	"github.com/yizhan-im/yizhan/appliance/wire"
)

// Limits of what a member shows in a registered room, and of notices, in
// characters (facts/yunxin-api.md §5).
const (
	maxRoomNick      = 64
	maxRoomAvatar    = 1024
	maxRoomMemberExt = 4096
	maxNotifyExt     = 2048
)

// A room's name is that of a registered room when it is a number that the state
// machine has given one, and otherwise that of an open room: any name will do,
// and there is nothing to such a room but its members.

// enterRoom makes the session a member of a room of its tenant.
func (a *App) enterRoom(r *request, payload []byte) error {
	var in wire.EnterRoomRequest
	if in.UnmarshalVT(payload) != nil { // kept with the membership
		return errMalformed
	}
	if err := roomName(in.Room); err != nil {
		return err
	}
	if err := a.askRoomEntry(r, in.Room); err != nil {
		return err
	}
	number, numeric := state.ParseRoomID(in.Room)
	if numeric {
		done, err := a.enterRegistered(r, &in, number)
		if done || err != nil {
			return err
		}
	}
	if r.tenant.Limits.OpenRooms == state.OpenRoomsOff {
		return errRoomMissing
	}
	if len(in.Tags) > 0 || in.NotifyTags != "" {
		return errOpenTags
	}
	members, _, err := a.rooms.EnterAs(&r.client.rooms, r.client.Conn, r.identity.Tenant, in.Room, r.tenant.Limits.RoomsPerSession, nil)
	if err != nil {
		return err
	}
	if numeric {
		// Registered in this moment? Whoever does that ends the memberships that
		// are there when it is done; later ones are noticed here.
		if _, err := a.queries.Room(r.identity.Tenant, number); err == nil {
			a.rooms.Exit(&r.client.rooms, in.Room)
			_, err := a.enterRegistered(r, &in, number)
			return err
		}
	}
	a.ok(r, &wire.EnterRoomResponse{Members: uint32(members)})
	return nil
}

// enterRegistered is enterRoom for a registered room; done is false when there is
// no such room.
func (a *App) enterRegistered(r *request, in *wire.EnterRoomRequest, number uint64) (done bool, err error) {
	for _, f := range []struct {
		name, text string
		most       int
	}{{"nick", in.Nick, maxRoomNick}, {"avatar", in.Avatar, maxRoomAvatar}, {"ext", in.Ext, maxRoomMemberExt}, {"notify_ext", in.NotifyExt, maxNotifyExt}} {
		if err := charsWithin(f.name, f.text, f.most); err != nil {
			return false, err
		}
	}
	id := r.identity
	_, self, err := a.admitted(id.Tenant, number, id.Account)
	if wire.CodeOf(err) == wire.CodeNotFound {
		return false, nil
	}
	if err != nil {
		return false, err
	}
	g := &room.Guest{
		Account: id.Account, Session: id.SessionID, Platform: id.Platform, EnteredMs: r.timeMs(),
		Nick: in.Nick, Avatar: in.Avatar, Ext: in.Ext,
	}
	if err := setTags(g, in.Tags, in.NotifyTags); err != nil {
		return false, err
	}
	if err := a.completeGuest(id.Tenant, g, self); err != nil {
		return false, err
	}
	alone := !a.isInside(id.Tenant, id.Account, in.Room, id.SessionID)
	if before := r.client.rooms.Guest(in.Room); before != nil {
		g.EnteredMs = before.EnteredMs
		g.Transient.Store(before.Transient.Load())
	}
	members, again, err := a.rooms.EnterAs(&r.client.rooms, r.client.Conn, id.Tenant, in.Room, r.tenant.Limits.RoomsPerSession, g)
	if err != nil {
		return false, err
	}
	// Blocked or closed in this moment? Whoever does that ends the memberships
	// that are there when it is done; later ones are noticed here.
	info, self, err := a.admitted(id.Tenant, number, id.Account)
	if err != nil {
		a.rooms.Exit(&r.client.rooms, in.Room)
		return false, err
	}
	a.closings.occupied(id.Tenant, number, info)
	a.ok(r, &wire.EnterRoomResponse{Members: uint32(members), Info: info, Self: guestMember(self, g)})
	if !again && alone && a.rooms.MayAnnounce(id.Tenant, in.Room) {
		ext := in.NotifyExt
		if ext != "" && a.mayTell(r, number) != nil {
			ext = "" // that it has come is told all the same
		}
		a.announce(id.Tenant, info, wire.RoomNoticeKind_ROOM_NOTICE_ENTERED, self, g, ext)
	}
	return true, nil
}

// admitted reads a room and what account is to it, or says why it may not be
// inside.
func (a *App) admitted(tenant uint32, number uint64, account string) (*wire.RoomInfo, *wire.RoomMember, error) {
	info, self, err := a.queries.RoomMember(tenant, number, account)
	switch {
	case err != nil:
		return nil, nil, err
	case a.isClosed(info):
		return nil, nil, errRoomClosed
	case self.Blocked:
		return nil, nil, errRoomBlocked
	}
	return info, self, nil
}

// isClosed reports whether nobody may be in the room, also when nobody has closed
// it yet at its time.
func (a *App) isClosed(info *wire.RoomInfo) bool {
	return info.Closed || info.CloseAtMs > 0 && info.CloseAtMs <= a.now().UnixMilli()
}

// completeGuest fills in what a guest has not said of itself: what it has saved
// in the room, or its profile.
func (a *App) completeGuest(tenant uint32, g *room.Guest, saved *wire.RoomMember) error {
	fill := func(dst *string, src string) {
		if *dst == "" {
			*dst = src
		}
	}
	fill(&g.Nick, saved.Nick)
	fill(&g.Avatar, saved.Avatar)
	fill(&g.Ext, saved.Ext)
	if g.Nick != "" && g.Avatar != "" {
		return nil
	}
	profiles, err := a.queries.Profiles(tenant, []string{g.Account})
	if err != nil || len(profiles) == 0 {
		return err
	}
	fill(&g.Nick, profiles[0].Name)
	fill(&g.Avatar, profiles[0].Icon)
	return nil
}

// guestMember is what an account is to a room, as it shows itself inside.
func guestMember(m *wire.RoomMember, g *room.Guest) *wire.RoomMember {
	m.Account, m.Nick, m.Avatar, m.Ext, m.Online, m.EnteredMs = g.Account, g.Nick, g.Avatar, g.Ext, true, g.EnteredMs
	m.Tags, m.NotifyTags = g.Tags, g.Notify.String()
	return m
}

// isInside reports whether a session of the account, other than this one, is in a
// room.
func (a *App) isInside(tenant uint32, account, name string, other uint64) bool {
	for _, s := range a.hub.Sessions(nil, tenant, account) {
		if s.Identity().SessionID != other && clientOf(s).rooms.IsIn(name) {
			return true
		}
	}
	return false
}

// exitRoom ends the session's membership in a room, if it has one.
func (a *App) exitRoom(r *request, payload []byte) error {
	var in wire.ExitRoomRequest
	if in.UnmarshalVT(payload) != nil {
		return errMalformed
	}
	if err := roomName(in.Room); err != nil {
		return err
	}
	g, _ := a.rooms.Exit(&r.client.rooms, in.Room)
	a.ok(r, nil)
	if g != nil {
		a.leftRoom(r.identity.Tenant, in.Room, g)
	}
	return nil
}

// sendRoom gives one message to the members of a room. It is answered when the
// message has its turn; nobody but this node is asked.
func (a *App) sendRoom(r *request, payload []byte) error {
	var in wire.SendRoomRequest
	if in.UnmarshalVTUnsafe(payload) != nil {
		return errMalformed
	}
	if err := roomName(in.Room); err != nil {
		return err
	}
	if err := bytesWithin("client_id", in.ClientId, 0, maxClientID); err != nil {
		return err
	}
	if err := roomContent(in.Type, in.Body, in.Ext, &r.tenant.Limits); err != nil {
		return err
	}
	mute, err := a.queries.AccountMute(r.identity.Tenant, r.identity.Account)
	if err != nil {
		return err
	}
	if mute&state.MuteRoom != 0 {
		return errAccountMuted
	}
	if err := a.askRoom(r, &in); err != nil {
		return err
	}
	m := wire.RoomMessagePush{
		Room: in.Room, From: r.identity.Account, FromPlatform: r.identity.Platform,
		ClientId: in.ClientId, Type: in.Type, Body: in.Body, Ext: in.Ext,
	}
	answer := func() { a.ok(r, &wire.SendRoomResponse{Id: m.Id, TimeMs: m.TimeMs}) }
	g := r.client.rooms.Guest(in.Room)
	if g == nil {
		if in.NotifyTags != "" {
			return errOpenTags
		}
		if in.HighPriority && r.client.rooms.IsIn(in.Room) {
			return errRoomRole
		}
		return a.rooms.Send(&r.client.rooms, &m, answer)
	}
	number, _ := state.ParseRoomID(in.Room)
	info, self, err := a.admitted(r.identity.Tenant, number, r.identity.Account)
	if err == nil {
		err = a.maySendRoom(info, self, g.Tags, r.identity.Tenant, number, r.timeMs())
	}
	to := g.Notify
	if err == nil && in.NotifyTags != "" {
		to, err = parseTarget(in.NotifyTags)
	}
	if err != nil {
		return err
	}
	priority := room.Low
	if in.HighPriority {
		if self.Role < wire.RoomRole_ROOM_ROLE_MANAGER {
			return errRoomRole
		}
		priority = room.High
	}
	m.FromNick, m.FromAvatar, m.FromExt, m.HighPriority, m.NotifyTags = g.Nick, g.Avatar, g.Ext, in.HighPriority, to.String()
	err = a.rooms.SendAs(&r.client.rooms, &m, priority, to, answer)
	if errors.Is(err, room.ErrAbandoned) {
		a.ok(r, &wire.SendRoomResponse{Abandoned: true})
		return nil
	}
	if err == nil && !in.SkipHistory {
		a.roomLog.add(r.tenant, number, &m)
	}
	return err
}

// maySendRoom says why an account with these tags may not send to a room.
func (a *App) maySendRoom(info *wire.RoomInfo, self *wire.RoomMember, tags []string, tenant uint32, number uint64, nowMs int64) error {
	switch {
	case self.Role >= wire.RoomRole_ROOM_ROLE_MANAGER:
		return nil
	case self.Muted || self.MutedUntilMs > nowMs:
		return errRoomMuted
	case info.Muted:
		return errRoomAllMuted
	case len(tags) == 0:
		return nil
	}
	until, err := a.queries.RoomTagsMuted(tenant, number, tags, nowMs)
	if err == nil && until > nowMs {
		err = errRoomTagMuted
	}
	return err
}
