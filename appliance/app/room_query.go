package app

import (
	"cmp"
	"context"
	"slices"

	"github.com/yizhan-im/yizhan/appliance/room"
	"github.com/yizhan-im/yizhan/appliance/state"
	"github.com/yizhan-im/yizhan/appliance/wire"
)

// logRooms hands the histories of rooms to the store.
func (a *App) logRooms(ctx context.Context, c *state.RoomLog) error {
	res, err := propose[*state.RoomLogResult](ctx, a, c)
	if err != nil {
		return err
	}
	return outcome(res.Code)
}

// roomInfo reads what a registered room is. Who knows its number may.
func (a *App) roomInfo(r *request, payload []byte) error {
	var in wire.RoomInfoRequest
	if in.UnmarshalVT(payload) != nil {
		return errMalformed
	}
	number, err := roomNumber(in.Room)
	if err != nil {
		return err
	}
	tenant := r.identity.Tenant
	return a.query(r, func() (wire.Body, error) {
		info, err := a.queries.Room(tenant, number)
		if err != nil {
			return nil, err
		}
		return &wire.RoomInfoResponse{Info: info, Members: uint32(a.rooms.Count(tenant, in.Room))}, nil
	})
}

// roomMembers lists members of a room that the account is inside.
func (a *App) roomMembers(r *request, payload []byte) error {
	var in wire.RoomMembersRequest
	if in.UnmarshalVT(payload) != nil {
		return errMalformed
	}
	if !r.client.rooms.IsIn(in.Room) {
		return errNotMember
	}
	tenant := r.identity.Tenant
	return a.query(r, func() (wire.Body, error) {
		out, err := a.membersOfRoom(tenant, &in)
		if err != nil {
			return nil, err
		}
		for len(in.Accounts) == 0 && out.SizeVT() > maxAnswer {
			out.Members, out.More = out.Members[:len(out.Members)/2], true
		}
		return out, nil
	})
}

// membersOfRoom lists members as in says.
func (a *App) membersOfRoom(tenant uint32, in *wire.RoomMembersRequest) (*wire.RoomMembersResponse, error) {
	number, err := roomNumber(in.Room)
	if err != nil {
		return nil, err
	}
	limit, err := page(in.Limit, state.MaxRoomMembersPage, state.MaxRoomMembersPage)
	if err != nil {
		return nil, err
	}
	if len(in.Accounts) > 0 {
		return a.namedMembers(tenant, number, in)
	}
	info, special, err := a.queries.RoomSpecial(tenant, number)
	if err != nil {
		return nil, err
	}
	inside := a.insideRoom(tenant, info.Id)
	members := special[:0]
	for _, m := range special {
		g := inside[m.Account]
		fixed := m.Role > wire.RoomRole_ROOM_ROLE_GUEST
		wanted := fixed
		switch in.Kind {
		case wire.RoomMembersKind_ROOM_MEMBERS_ONLINE:
			wanted = g != nil || m.Robot
		case wire.RoomMembersKind_ROOM_MEMBERS_FIXED_ONLINE:
			wanted = fixed && (g != nil || m.Robot)
		case wire.RoomMembersKind_ROOM_MEMBERS_GUESTS:
			wanted = !fixed && (g != nil || m.Robot)
		case wire.RoomMembersKind_ROOM_MEMBERS_FIXED:
		default:
			return nil, wire.Errorf(wire.CodeBadParameter, "kind must be 0 to 3")
		}
		if g != nil {
			delete(inside, m.Account)
			since := m.EnteredMs
			if guestMember(m, g); in.Kind == wire.RoomMembersKind_ROOM_MEMBERS_FIXED {
				m.EnteredMs = since // the order of this list
			}
		}
		if wanted {
			members = append(members, m)
		}
	}
	if in.Kind == wire.RoomMembersKind_ROOM_MEMBERS_ONLINE || in.Kind == wire.RoomMembersKind_ROOM_MEMBERS_GUESTS {
		for _, g := range inside {
			members = append(members, guestMember(&wire.RoomMember{}, g))
		}
	}
	return pageOfMembers(members, in.BeforeMs, limit), nil
}

// pageOfMembers is the last limit of members before a time.
func pageOfMembers(members []*wire.RoomMember, beforeMs int64, limit int) *wire.RoomMembersResponse {
	if beforeMs > 0 {
		members = slices.DeleteFunc(members, func(m *wire.RoomMember) bool { return m.EnteredMs >= beforeMs })
	}
	slices.SortFunc(members, func(a, b *wire.RoomMember) int {
		return cmp.Or(cmp.Compare(b.EnteredMs, a.EnteredMs), cmp.Compare(a.Account, b.Account))
	})
	out := &wire.RoomMembersResponse{Members: members}
	if len(members) > limit {
		out.Members, out.More = members[:limit], true
	}
	return out
}

// insideRoom are the accounts that are inside a room, each by its newest session.
func (a *App) insideRoom(tenant uint32, name string) map[string]*room.Guest {
	guests := a.rooms.Guests(tenant, name)
	inside := make(map[string]*room.Guest, len(guests))
	for _, g := range guests {
		if before := inside[g.Account]; before == nil || before.EnteredMs < g.EnteredMs {
			inside[g.Account] = g
		}
	}
	return inside
}

// namedMembers lists the accounts that in names and that are inside, or something
// to the room.
func (a *App) namedMembers(tenant uint32, number uint64, in *wire.RoomMembersRequest) (*wire.RoomMembersResponse, error) {
	if len(in.Accounts) > state.MaxRoomNamed {
		return nil, wire.Errorf(wire.CodeBadParameter, "accounts must name at most %d accounts", state.MaxRoomNamed)
	}
	accounts := make([]string, len(in.Accounts))
	for i, name := range in.Accounts {
		var err error
		if accounts[i], err = accountName("accounts", name); err != nil {
			return nil, err
		}
	}
	info, members, err := a.queries.RoomStandings(tenant, number, accounts)
	if err != nil {
		return nil, err
	}
	now := a.now().UnixMilli()
	out := new(wire.RoomMembersResponse)
	for _, m := range members {
		if m = a.asInside(tenant, info.Id, m); m.Online || m.Role > 0 || m.Blocked || m.Muted || m.MutedUntilMs > now {
			out.Members = append(out.Members, m)
		}
	}
	return out, nil
}

// roomQueue reads the queue of a room that the account is inside.
func (a *App) roomQueue(r *request, payload []byte) error {
	var in wire.RoomQueueRequest
	if in.UnmarshalVT(payload) != nil {
		return errMalformed
	}
	number, err := roomNumber(in.Room)
	if err != nil {
		return err
	}
	if !r.client.rooms.IsIn(in.Room) {
		return errNotMember
	}
	for _, key := range in.Keys {
		if err := charsWithin("keys", key, maxQueueKey); err != nil {
			return err
		}
	}
	tenant := r.identity.Tenant
	return a.query(r, func() (wire.Body, error) {
		elements, err := a.queries.RoomQueue(tenant, number, in.Keys)
		if err != nil {
			return nil, err
		}
		out := &wire.RoomQueueResponse{Elements: elements}
		if out.SizeVT() > maxAnswer {
			return nil, wire.Errorf(wire.CodeCountLimit, "the queue is too large for one answer; ask for keys")
		}
		return out, nil
	})
}

// roomHistory reads messages of a room that the account is inside.
func (a *App) roomHistory(r *request, payload []byte) error {
	var in wire.RoomHistoryRequest
	if in.UnmarshalVT(payload) != nil {
		return errMalformed
	}
	number, err := roomNumber(in.Room)
	if err != nil {
		return err
	}
	if !r.client.rooms.IsIn(in.Room) {
		return errNotMember
	}
	limit, err := page(in.Limit, maxHistoryPage, maxHistoryPage)
	if err != nil {
		return err
	}
	if len(in.Tags) > room.MaxTags {
		return wire.Errorf(wire.CodeBadParameter, "tags must be at most %d", room.MaxTags)
	}
	tenant, oldest, account := r.tenant.ID, r.timeMs()-r.tenant.Limits.RoomKeepMs(), r.identity.Account
	g := r.client.rooms.Guest(in.Room)
	return a.query(r, func() (wire.Body, error) {
		want, err := a.shownTo(tenant, number, account, g, in.Tags)
		if err != nil {
			return nil, err
		}
		messages, more, err := a.queries.RoomHistory(tenant, number, in.TimeMs, oldest, in.Reverse, limit, want)
		if err != nil {
			return nil, err
		}
		out := &wire.RoomHistoryResponse{Messages: messages, More: more}
		for out.SizeVT() > maxAnswer {
			out.Messages, out.More = out.Messages[:len(out.Messages)/2], true
		}
		return out, nil
	})
}
