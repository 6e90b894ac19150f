package app

import (
	"context"

	"google.golang.org/protobuf/proto"

	"github.com/yizhan-im/yizhan/appliance/room"
	"github.com/yizhan-im/yizhan/appliance/state"
	"github.com/yizhan-im/yizhan/appliance/wire"
)

// Limits of registered rooms, in characters (facts/yunxin-api.md §5).
const (
	maxRoomTitle        = 128
	maxRoomAnnouncement = 4096
	maxRoomURL          = 1024
	maxRoomExt          = 4096
	maxQueueKey         = 128
	maxQueueValue       = 4096
	maxQueueOffer       = 100
)

// roomRequest is a request that changes a registered room.
type roomRequest interface {
	proto.Message
	UnmarshalVT([]byte) error
}

func newRoomRequest(cmd wire.Command) roomRequest {
	switch cmd {
	case wire.CmdUpdateRoom:
		return new(wire.UpdateRoomRequest)
	case wire.CmdCloseRoom:
		return new(wire.CloseRoomRequest)
	case wire.CmdSetRoomRole:
		return new(wire.SetRoomRoleRequest)
	case wire.CmdMuteRoomMember:
		return new(wire.MuteRoomMemberRequest)
	case wire.CmdMuteRoom:
		return new(wire.MuteRoomRequest)
	case wire.CmdOfferRoomQueue:
		return new(wire.OfferRoomQueueRequest)
	case wire.CmdPollRoomQueue:
		return new(wire.PollRoomQueueRequest)
	case wire.CmdDropRoomQueue:
		return new(wire.DropRoomQueueRequest)
	case wire.CmdRecallRoom:
		return new(wire.RecallRoomRequest)
	case wire.CmdMuteRoomTag:
		return new(wire.MuteRoomTagRequest)
	}
	return nil
}

// changeRoom submits the change of a room that the session asks for. Who may do
// what is decided when it is applied; that the queue is for those inside, here.
func (a *App) changeRoom(r *request, payload []byte) error {
	in := newRoomRequest(r.cmd)
	if in.UnmarshalVT(payload) != nil {
		return errMalformed
	}
	c, err := roomChange(in)
	if err != nil {
		return err
	}
	c.By = r.identity.Account
	if c.Ext != "" {
		if err := a.mayTell(r, c.Room); err != nil {
			return err
		}
	}
	if r.cmd == wire.CmdOfferRoomQueue && !a.isSwept() {
		later := *r
		return a.query(r, func() (wire.Body, error) {
			if !later.client.rooms.IsIn(state.RoomID(c.Room)) {
				return nil, errNotMember
			}
			if err := a.awaitSweep(a.asking, c); err != nil {
				return nil, err
			}
			return nil, a.proposeRoom(&later, c)
		})
	}
	switch r.cmd {
	case wire.CmdOfferRoomQueue, wire.CmdPollRoomQueue, wire.CmdDropRoomQueue:
		if !r.client.rooms.IsIn(state.RoomID(c.Room)) {
			return errNotMember
		}
	case wire.CmdRecallRoom:
		// What was sent just now may not have been written yet.
		later := *r
		return a.query(r, func() (wire.Body, error) {
			if err := a.roomLog.flush(a.asking); err != nil {
				return nil, err
			}
			return nil, a.proposeRoom(&later, c)
		})
	}
	c.TimeMs, c.Tenant, c.Session = r.timeMs(), r.identity.Tenant, r.identity.SessionID
	return a.submit(r, c)
}

// proposeRoom is done by a worker, since it waits.
func (a *App) proposeRoom(r *request, c *state.RoomChange) error {
	c.TimeMs, c.Tenant, c.Session = r.timeMs(), r.identity.Tenant, r.identity.SessionID
	res, err := propose[*state.RoomResult](a.asking, a, c)
	if err != nil {
		return err
	}
	return outcome(res.Code)
}

// roomChange checks in and makes its command. Who asks, tenant, time and session
// are the caller's to set.
func roomChange(in proto.Message) (*state.RoomChange, error) {
	c := &state.RoomChange{}
	b := roomBuilder{c: c}
	switch in := in.(type) {
	case *wire.UpdateRoomRequest:
		b.of(state.RoomUpdate, in.Room, in.NotifyExt)
		b.changes(in.Changes)
		c.Notify = in.Notify
	case *wire.CloseRoomRequest:
		b.of(state.RoomOpen, in.Room, "")
		c.Flag, c.Notify = in.Open, true
	case *wire.SetRoomRoleRequest:
		b.of(state.RoomSetRole, in.Room, in.NotifyExt)
		b.account(in.Account)
		if c.Role, c.Flag = in.Op, !in.Off; in.Op < 1 || in.Op > wire.RoomRoleOp_ROOM_ROLE_OP_MUTE {
			b.check(wire.Errorf(wire.CodeBadParameter, "op must be 1 to 4"))
		}
	case *wire.MuteRoomMemberRequest:
		b.of(state.RoomTempMute, in.Room, in.NotifyExt)
		b.account(in.Account)
		if c.Number, c.Notify = in.Seconds, in.Notify; in.Seconds > state.MaxRoomMuteSeconds {
			b.check(wire.Errorf(wire.CodeBadParameter, "seconds must be at most %d", state.MaxRoomMuteSeconds))
		}
	case *wire.MuteRoomRequest:
		b.of(state.RoomMute, in.Room, in.NotifyExt)
		c.Flag, c.Notify = in.Muted, in.Notify
	case *wire.OfferRoomQueueRequest:
		b.of(state.RoomQueueOffer, in.Room, in.NotifyExt)
		b.elements(in.Elements, maxQueueOffer)
	case *wire.PollRoomQueueRequest:
		b.of(state.RoomQueuePoll, in.Room, "")
		if in.Key != "" {
			b.elements([]*wire.RoomElement{{Key: in.Key}}, 1)
		}
	case *wire.DropRoomQueueRequest:
		b.of(state.RoomQueueDrop, in.Room, "")
	case *wire.MuteRoomTagRequest:
		b.of(state.RoomTagMute, in.Room, in.NotifyExt)
		b.tagMute(in)
	case *wire.RecallRoomRequest:
		b.of(state.RoomHistoryDelete, in.Room, in.NotifyExt)
		c.Messages, c.Notify = []uint64{in.Id}, true
	default:
		return nil, errUnknownCommand
	}
	return c, b.err
}

// roomBuilder fills in a command; the first error counts.
type roomBuilder struct {
	c   *state.RoomChange
	err error
}

func (b *roomBuilder) check(err error) {
	if b.err == nil {
		b.err = err
	}
}

func (b *roomBuilder) of(op state.RoomOp, name, ext string) {
	number, err := roomNumber(name)
	b.check(err)
	b.check(charsWithin("notify_ext", ext, maxNotifyExt))
	b.c.Op, b.c.Room, b.c.Ext = op, number, ext
}

func (b *roomBuilder) account(name string) {
	account, err := accountName("account", name)
	b.check(err)
	b.c.Accounts = []string{account}
}

func (b *roomBuilder) elements(elements []*wire.RoomElement, most int) {
	if len(elements) == 0 || len(elements) > most {
		b.check(wire.Errorf(wire.CodeBadParameter, "elements must be 1 to %d", most))
		return
	}
	seen := make(map[string]bool, len(elements))
	for _, e := range elements {
		if e.Key == "" || seen[e.Key] {
			b.check(wire.Errorf(wire.CodeBadParameter, "each element needs a key of its own"))
			return
		}
		seen[e.Key] = true
		b.check(charsWithin("key", e.Key, maxQueueKey))
		b.check(charsWithin("value", e.Value, maxQueueValue))
		if e.Owner != "" {
			owner, err := accountName("owner", e.Owner)
			b.check(err)
			e.Owner = owner
		}
	}
	b.c.Elements = elements
}

// changes checks what is to be known of a room and takes it.
func (b *roomBuilder) changes(u *wire.RoomChanges) {
	if u == nil || u.SizeVT() == 0 {
		b.check(wire.Errorf(wire.CodeBadParameter, "there is nothing to change"))
		return
	}
	for _, f := range []struct {
		name string
		text *string
		most int
	}{
		{"name", u.Name, maxRoomTitle}, {"announcement", u.Announcement, maxRoomAnnouncement},
		{"broadcast_url", u.BroadcastUrl, maxRoomURL}, {"ext", u.Ext, maxRoomExt},
	} {
		if f.text != nil {
			b.check(charsWithin(f.name, *f.text, f.most))
		}
	}
	switch {
	case u.Name != nil && *u.Name == "":
		b.check(wire.Errorf(wire.CodeBadParameter, "a room needs a name"))
	case u.GetQueueLevel() > 1:
		b.check(wire.Errorf(wire.CodeBadParameter, "queue_level must be 0 or 1"))
	case u.GetDelayClose() > state.RoomClosesEmpty:
		b.check(wire.Errorf(wire.CodeBadParameter, "delay_close must be 0 to %d", state.RoomClosesEmpty))
	case u.GetDelaySeconds() > state.MaxRoomDelaySeconds:
		b.check(wire.Errorf(wire.CodeBadParameter, "delay_seconds must be at most %d", state.MaxRoomDelaySeconds))
	}
	u.ProtoReflect().SetUnknown(nil) // what nobody has checked must not get into the log
	b.c.Info = u
}

// roomNumber checks the name of a registered room.
func roomNumber(name string) (uint64, error) {
	number, ok := state.ParseRoomID(name)
	if !ok {
		return 0, errRoomMissing
	}
	return number, nil
}

// answerRoom replies with what became of the change of a room.
func (o *op) answerRoom(res *state.RoomResult) error {
	if err := outcome(res.Code); err != nil {
		return err
	}
	var out wire.Body
	if o.request.cmd == wire.CmdPollRoomQueue && len(res.Elements) > 0 {
		out = &wire.PollRoomQueueResponse{Element: res.Elements[0]}
	}
	o.app.ok(&o.request, out)
	return nil
}

// kickRoom puts an account out of a room.
func (a *App) kickRoom(r *request, payload []byte) error {
	var in wire.KickRoomRequest
	if in.UnmarshalVT(payload) != nil {
		return errMalformed
	}
	if err := a.kickFromRoom(r.identity.Tenant, r.identity.Account, &in); err != nil {
		return err
	}
	a.ok(r, nil)
	return nil
}

// kickFromRoom is kickRoom in the name of by; empty is the tenant's backend.
func (a *App) kickFromRoom(tenant uint32, by string, in *wire.KickRoomRequest) error {
	number, err := roomNumber(in.Room)
	if err != nil {
		return err
	}
	account, err := accountName("account", in.Account)
	if err != nil {
		return err
	}
	if err := charsWithin("notify_ext", in.NotifyExt, maxNotifyExt); err != nil {
		return err
	}
	info, members, err := a.queries.RoomStandings(tenant, number, []string{by, account})
	if err != nil {
		return err
	}
	power, target := members[0].Role, members[1]
	if by == "" {
		power = wire.RoomRole_ROOM_ROLE_CREATOR + 1
	}
	if power < wire.RoomRole_ROOM_ROLE_MANAGER || target.Role >= power {
		return errRoomRole
	}
	out := &wire.RoomOutPush{Room: in.Room, Reason: wire.RoomOutReason_ROOM_OUT_KICKED, By: by, Ext: in.NotifyExt}
	g := a.putOut(tenant, account, out)
	if g == nil {
		return errNotInside
	}
	a.afterPutOut(tenant, number, info, g)
	m := guestMember(target, g)
	m.Online = false
	a.tellRoom(tenant, room.High, &wire.RoomNoticePush{
		Room: in.Room, Kind: wire.RoomNoticeKind_ROOM_NOTICE_KICKED, By: by, Accounts: []string{account}, Member: m, Ext: in.NotifyExt,
		Members: uint32(a.rooms.Count(tenant, in.Room)),
	})
	return nil
}

// updateRoomSelf changes how the account shows itself in a room that it is inside.
func (a *App) updateRoomSelf(r *request, payload []byte) error {
	in := new(wire.UpdateRoomSelfRequest)
	if in.UnmarshalVT(payload) != nil {
		return errMalformed
	}
	if !r.client.rooms.IsIn(in.Room) {
		return errNotMember
	}
	id, later := r.identity, *r
	return a.query(r, func() (wire.Body, error) {
		if err := a.mayTellIn(&later, in.Room, in.Notify); err != nil {
			return nil, err
		}
		return nil, a.showInRoom(a.asking, id.Tenant, id.Account, in)
	})
}

// showInRoom is updateRoomSelf for all sessions of account.
func (a *App) showInRoom(ctx context.Context, tenant uint32, account string, in *wire.UpdateRoomSelfRequest) error {
	number, err := roomNumber(in.Room)
	if err != nil {
		return err
	}
	for _, f := range []struct {
		name, text string
		most       int
	}{{"nick", in.GetNick(), maxRoomNick}, {"avatar", in.GetAvatar(), maxRoomAvatar}, {"ext", in.GetExt(), maxRoomMemberExt}, {"notify_ext", in.NotifyExt, maxNotifyExt}} {
		if err := charsWithin(f.name, f.text, f.most); err != nil {
			return err
		}
	}
	info, m, err := a.queries.RoomMember(tenant, number, account)
	if err != nil {
		return err
	}
	show := func(dst, src *string) {
		if src != nil {
			*dst = *src
		}
	}
	if in.Save {
		show(&m.Nick, in.Nick)
		show(&m.Avatar, in.Avatar)
		show(&m.Ext, in.Ext)
		res, err := propose[*state.RoomResult](ctx, a, &state.RoomChange{
			TimeMs: a.now().UnixMilli(), Tenant: tenant, Op: state.RoomProfile, By: account, Room: number,
			Member: &wire.RoomMember{Nick: m.Nick, Avatar: m.Avatar, Ext: m.Ext},
		})
		if err != nil {
			return err
		}
		if err := outcome(res.Code); err != nil {
			return err
		}
	}
	inside := false
	for _, s := range a.hub.Sessions(nil, tenant, account) {
		g := clientOf(s).rooms.ChangeGuest(in.Room, func(g *room.Guest) {
			show(&g.Nick, in.Nick)
			show(&g.Avatar, in.Avatar)
			show(&g.Ext, in.Ext)
		})
		if g != nil {
			inside = true
			guestMember(m, g)
		}
	}
	if in.Notify && inside {
		a.tellRoom(tenant, room.Low, &wire.RoomNoticePush{
			Room: info.Id, Kind: wire.RoomNoticeKind_ROOM_NOTICE_PROFILE, By: account, Accounts: []string{account}, Member: m, Ext: in.NotifyExt,
		})
	}
	return nil
}
