package app

import (
	"context"
	"errors"
	"slices"

	"github.com/yizhan-im/yizhan/appliance/room"
	"github.com/yizhan-im/yizhan/appliance/state"
	"github.com/yizhan-im/yizhan/appliance/wire"
)

// parseTarget reads an expression of tags; the empty one is nil, for everybody.
func parseTarget(text string) (*room.Target, error) {
	to, err := room.ParseTarget(text)
	return to, badTags("notify_tags", err)
}

// badTags is err as whoever asked is told of it.
func badTags(field string, err error) error {
	if errors.Is(err, room.ErrTags) {
		return wire.Errorf(wire.CodeBadParameter, "%s: %v", field, err)
	}
	return err
}

// setTags checks tags and an expression, and gives them to a guest.
func setTags(g *room.Guest, tags []string, notify string) error {
	if err := room.CheckTags(tags); err != nil {
		return badTags("tags", err)
	}
	to, err := parseTarget(notify)
	if err != nil {
		return err
	}
	g.SetTags(tags, to)
	return nil
}

func (b *roomBuilder) tagMute(in *wire.MuteRoomTagRequest) {
	b.check(badTags("tag", room.CheckTags([]string{in.Tag})))
	_, err := parseTarget(in.NotifyTags)
	b.check(err)
	if in.Seconds > state.MaxRoomMuteSeconds {
		b.check(wire.Errorf(wire.CodeBadParameter, "seconds must be at most %d", state.MaxRoomMuteSeconds))
	}
	b.c.Tag, b.c.To, b.c.Number, b.c.Notify = in.Tag, in.NotifyTags, in.Seconds, in.Notify
}

// tagMuted tells of a mute of a tag, p being what notices have in common.
func (a *App) tagMuted(r *state.RoomResult, p *wire.RoomNoticePush) {
	to, err := parseTarget(r.To)
	if err != nil || !r.Notify {
		return // app has checked the expression before it was committed
	}
	p.Kind, p.Tag, p.MutedUntilMs, p.Off = wire.RoomNoticeKind_ROOM_NOTICE_TAG_MUTED, r.Tag, r.UntilMs, r.UntilMs == 0
	a.tellTagged(r.Tenant, room.High, to, p)
}

// MuteRoomTag mutes whoever has a tag in a room, in the name of by.
func (a *App) MuteRoomTag(ctx context.Context, appKey, by string, in *wire.MuteRoomTagRequest) error {
	c, err := roomChange(in)
	if err != nil {
		return err
	}
	c.By = by
	_, err = a.ChangeRoom(ctx, appKey, c)
	return err
}

// roomTagMembers lists who is inside a room with a tag.
func (a *App) roomTagMembers(r *request, payload []byte) error {
	var in wire.RoomTagMembersRequest
	if in.UnmarshalVT(payload) != nil {
		return errMalformed
	}
	if !r.client.rooms.IsIn(in.Room) {
		return errNotMember
	}
	tenant := r.identity.Tenant
	return a.query(r, func() (wire.Body, error) {
		out, err := a.taggedMembers(tenant, &in)
		if err != nil {
			return nil, err
		}
		for out.SizeVT() > maxAnswer {
			out.Members, out.More = out.Members[:len(out.Members)/2], true
		}
		return out, nil
	})
}

// RoomTagMembers lists who is inside a room with a tag, each session for itself.
func (a *App) RoomTagMembers(ctx context.Context, appKey string, in *wire.RoomTagMembersRequest) (*wire.RoomTagMembersResponse, error) {
	t, err := a.Tenant(ctx, appKey)
	if err != nil {
		return nil, err
	}
	out, err := a.taggedMembers(t.ID, in)
	if err != nil {
		return nil, a.edge(err)
	}
	return out, nil
}

func (a *App) taggedMembers(tenant uint32, in *wire.RoomTagMembersRequest) (*wire.RoomTagMembersResponse, error) {
	number, err := roomNumber(in.Room)
	if err != nil {
		return nil, err
	}
	if err := badTags("tag", room.CheckTags([]string{in.Tag})); err != nil {
		return nil, err
	}
	limit, err := page(in.Limit, state.MaxRoomMembersPage, state.MaxRoomMembersPage)
	if err != nil {
		return nil, err
	}
	guests := a.rooms.Tagged(tenant, in.Room, in.Tag)
	accounts := make(map[string]bool, len(guests))
	members := make([]*wire.RoomMember, len(guests))
	for i, g := range guests {
		accounts[g.Account] = true
		members[i] = guestMember(new(wire.RoomMember), g)
	}
	paged := pageOfMembers(members, in.BeforeMs, limit)
	names := make([]string, len(paged.Members))
	for i, m := range paged.Members {
		names[i] = m.Account
	}
	// What they are to the room is read for the page only.
	_, standings, err := a.queries.RoomStandings(tenant, number, names)
	if err != nil {
		return nil, err
	}
	for i, m := range paged.Members {
		s := standings[i]
		m.Role, m.Blocked, m.Muted, m.MutedUntilMs, m.Robot = s.Role, s.Blocked, s.Muted, s.MutedUntilMs, s.Robot
	}
	return &wire.RoomTagMembersResponse{Members: paged.Members, More: paged.More, Accounts: uint32(len(accounts))}, nil
}

// setRoomTags changes the account's tags in a room that it is inside.
func (a *App) setRoomTags(r *request, payload []byte) error {
	in := new(wire.SetRoomTagsRequest)
	if in.UnmarshalVT(payload) != nil { // kept with the membership
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
		return nil, a.tagInRoom(id.Tenant, id.Account, id.Account, in)
	})
}

// SetRoomTags changes the tags of an account that is inside a room. CodeNotFound: it
// is not, or there is no such room.
func (a *App) SetRoomTags(ctx context.Context, appKey, account string, in *wire.SetRoomTagsRequest) error {
	t, account, err := a.target(ctx, appKey, account)
	if err != nil {
		return err
	}
	if err := a.tagInRoom(t.ID, account, "", in); err != nil {
		return a.edge(err)
	}
	return nil
}

// tagInRoom changes the tags of all sessions of an account that are inside a room,
// in the name of by, and tells all who are inside.
func (a *App) tagInRoom(tenant uint32, account, by string, in *wire.SetRoomTagsRequest) error {
	number, err := roomNumber(in.Room)
	if err != nil {
		return err
	}
	if err := charsWithin("notify_ext", in.NotifyExt, maxNotifyExt); err != nil {
		return err
	}
	if err := setTags(new(room.Guest), in.Tags, in.NotifyTags); err != nil {
		return err
	}
	notify, err := parseTarget(in.NotifyTags)
	if err != nil {
		return err
	}
	_, m, err := a.queries.RoomMember(tenant, number, account)
	if err != nil {
		return err
	}
	inside := false
	for _, s := range a.hub.Sessions(nil, tenant, account) {
		if g := clientOf(s).rooms.ChangeGuest(in.Room, func(g *room.Guest) { g.SetTags(in.Tags, notify) }); g != nil {
			inside = true
			guestMember(m, g)
		}
	}
	if !inside {
		return errNotInside
	}
	if in.Notify {
		priority := room.Low // as other things that members tell of themselves
		if by == "" {
			priority = room.High
		}
		a.tellRoom(tenant, priority, &wire.RoomNoticePush{
			Room: in.Room, Kind: wire.RoomNoticeKind_ROOM_NOTICE_TAGS, By: by, Accounts: []string{account}, Member: m, Ext: in.NotifyExt,
		})
	}
	return nil
}

// targets are expressions that a query has met, so that each is read once.
type targets map[string]*room.Target

// of reads an expression. One that cannot be read means nobody: app has checked what
// it stores.
func (ts targets) of(text string) *room.Target {
	to, ok := ts[text]
	if !ok {
		var err error
		if to, err = room.ReadTarget(text); err != nil {
			to = room.AllOf([]string{""})
		}
		ts[text] = to
	}
	return to
}

// forTags reports whether a message was for somebody by one of these tags, or by all
// of them. One for everybody was not.
func (ts targets) forTags(p *wire.RoomMessagePush, tags []string) bool {
	if p.NotifyTags == "" {
		return false
	}
	to := ts.of(p.NotifyTags)
	return to.Matches(tags) || slices.ContainsFunc(tags, func(tag string) bool { return to.Matches([]string{tag}) })
}

// shownTo says which messages of a room's history an account may read that is inside
// as g, of those that were for tags when there are any. nil is all.
func (a *App) shownTo(tenant uint32, number uint64, account string, g *room.Guest, tags []string) (func(*wire.RoomMessagePush) bool, error) {
	_, self, err := a.queries.RoomMember(tenant, number, account)
	if err != nil {
		return nil, err
	}
	all := self.Role >= wire.RoomRole_ROOM_ROLE_MANAGER
	if all && len(tags) == 0 {
		return nil, nil
	}
	var own []string
	if g != nil {
		own = g.Tags
	}
	known := targets{}
	return func(p *wire.RoomMessagePush) bool {
		return (all || p.NotifyTags == "" || p.From == account || known.of(p.NotifyTags).Matches(own)) &&
			(len(tags) == 0 || known.forTags(p, tags))
	}, nil
}

// ofTypes says whether a message is of one of these types; nil is any.
func ofTypes(types []uint32) func(*wire.RoomMessagePush) bool {
	if len(types) == 0 {
		return nil
	}
	return func(p *wire.RoomMessagePush) bool { return slices.Contains(types, p.Type) }
}

// RoomTagHistory reads the messages of a room from fromMs on and before toMs (0: to
// the end) that were for somebody by one of tags, or by all of them; the newest
// first, or with reverse the oldest.
func (a *App) RoomTagHistory(ctx context.Context, appKey string, number uint64, fromMs, toMs int64, reverse bool, limit int, types []uint32, tags []string) ([]*wire.RoomMessagePush, error) {
	t, err := a.Tenant(ctx, appKey)
	if err != nil {
		return nil, err
	}
	if err := badTags("tags", room.CheckTags(tags)); err != nil {
		return nil, err
	}
	known, typed := targets{}, ofTypes(types)
	want := func(p *wire.RoomMessagePush) bool { return (typed == nil || typed(p)) && known.forTags(p, tags) }
	oldest := a.now().UnixMilli() - t.Limits.RoomKeepMs()
	messages, _, err := a.queries.RoomHistoryBetween(t.ID, number, max(fromMs, oldest), toMs, reverse, limit, want)
	if err != nil {
		return nil, a.edge(err)
	}
	return messages, nil
}
