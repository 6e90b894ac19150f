package sdk

import (
	"context"
	"errors"
	"time"

	"github.com/yizhan-im/yizhan/appliance/wire"
)

// Room is one registered room of the account's tenant, by its number, which is
// also its name for EnterRoom, ExitRoom and SendRoom. It keeps no state: make one
// whenever it is needed. A method for which the account lacks the role, or that is
// for those inside when it is not, returns a *wire.Error with code 403, of a room
// that does not exist 404.
type Room struct {
	c  *Client
	id string
}

// Room names a registered room; it asks nobody.
func (c *Client) Room(id string) Room { return Room{c, id} }

// ID is the room's number.
func (r Room) ID() string { return r.id }

// Info reads what the room is, and how many are inside.
func (r Room) Info(ctx context.Context) (info *wire.RoomInfo, members int, err error) {
	var response wire.RoomInfoResponse
	err = r.c.call(ctx, wire.CmdRoomInfo, &wire.RoomInfoRequest{Room: r.id}, response.UnmarshalVT)
	return response.Info, int(response.Members), err
}

// Update changes the fields of the room that are set, and tells those inside; for
// the creator and managers.
func (r Room) Update(ctx context.Context, changes *wire.RoomChanges, ext string) error {
	return r.c.call(ctx, wire.CmdUpdateRoom, &wire.UpdateRoomRequest{Room: r.id, Changes: changes, Notify: true, NotifyExt: ext}, nil)
}

// Close puts everybody out and lets nobody in, until Open; both are the creator's.
func (r Room) Close(ctx context.Context) error {
	return r.c.call(ctx, wire.CmdCloseRoom, &wire.CloseRoomRequest{Room: r.id}, nil)
}

// Open opens the room again.
func (r Room) Open(ctx context.Context) error {
	return r.c.call(ctx, wire.CmdCloseRoom, &wire.CloseRoomRequest{Room: r.id, Open: true}, nil)
}

// SetRole makes of an account what op says, or ends that; for the creator and, but
// for managers, for managers.
func (r Room) SetRole(ctx context.Context, account string, op wire.RoomRoleOp, on bool) error {
	return r.c.call(ctx, wire.CmdSetRoomRole, &wire.SetRoomRoleRequest{Room: r.id, Account: account, Op: op, Off: !on}, nil)
}

// MuteMember keeps an account from sending for a while, in whole seconds up to 30
// days; 0 lifts that.
func (r Room) MuteMember(ctx context.Context, account string, d time.Duration) error {
	return r.c.call(ctx, wire.CmdMuteRoomMember, &wire.MuteRoomMemberRequest{
		Room: r.id, Account: account, Seconds: uint32(max(d, 0) / time.Second), Notify: true,
	}, nil)
}

// Mute keeps all but the creator and managers from sending, or lifts that.
func (r Room) Mute(ctx context.Context, muted bool) error {
	return r.c.call(ctx, wire.CmdMuteRoom, &wire.MuteRoomRequest{Room: r.id, Muted: muted, Notify: true}, nil)
}

// Kick puts an account out; it may enter again unless it is blocked.
func (r Room) Kick(ctx context.Context, account, ext string) error {
	return r.c.call(ctx, wire.CmdKickRoom, &wire.KickRoomRequest{Room: r.id, Account: account, NotifyExt: ext}, nil)
}

// Show changes how this account shows itself inside; nil fields stay. With Save it
// is kept for later, which is not for guests.
func (r Room) Show(ctx context.Context, u *wire.UpdateRoomSelfRequest) error {
	request := &wire.UpdateRoomSelfRequest{
		Room: r.id, Nick: u.Nick, Avatar: u.Avatar, Ext: u.Ext, Save: u.Save, Notify: u.Notify, NotifyExt: u.NotifyExt,
	}
	return r.c.call(ctx, wire.CmdUpdateRoomSelf, request, nil)
}

// Members reads a page of at most limit (1–100, 0 means 100) members that have
// entered before a time, the latest first; the zero time is now.
func (r Room) Members(ctx context.Context, kind wire.RoomMembersKind, before time.Time, limit int) (members []*wire.RoomMember, more bool, err error) {
	request := &wire.RoomMembersRequest{Room: r.id, Kind: kind, Limit: uint32(max(limit, 0))}
	if !before.IsZero() {
		request.BeforeMs = before.UnixMilli()
	}
	var response wire.RoomMembersResponse
	err = r.c.call(ctx, wire.CmdRoomMembers, request, response.UnmarshalVT)
	return response.Members, response.More, err
}

// Named reads what at most 200 accounts are in the room; those that are not inside
// and nothing to it are left out.
func (r Room) Named(ctx context.Context, accounts ...string) ([]*wire.RoomMember, error) {
	var response wire.RoomMembersResponse
	err := r.c.call(ctx, wire.CmdRoomMembers, &wire.RoomMembersRequest{Room: r.id, Accounts: accounts}, response.UnmarshalVT)
	return response.Members, err
}

// Queue reads the room's queue in its order, or only the elements of keys.
func (r Room) Queue(ctx context.Context, keys ...string) ([]*wire.RoomElement, error) {
	var response wire.RoomQueueResponse
	err := r.c.call(ctx, wire.CmdRoomQueue, &wire.RoomQueueRequest{Room: r.id, Keys: keys}, response.UnmarshalVT)
	return response.Elements, err
}

// Offer puts elements to the end of the queue; those whose key is there get the new
// value and keep their place.
func (r Room) Offer(ctx context.Context, elements ...*wire.RoomElement) error {
	return r.c.call(ctx, wire.CmdOfferRoomQueue, &wire.OfferRoomQueueRequest{Room: r.id, Elements: elements}, nil)
}

// Poll takes an element out of the queue: the first one, or that of key. When the
// connection is lost before the answer, the element may be gone (ErrUncertain):
// Poll is never sent twice.
func (r Room) Poll(ctx context.Context, key string) (*wire.RoomElement, error) {
	var response wire.PollRoomQueueResponse
	err := r.c.callOnce(ctx, wire.CmdPollRoomQueue, &wire.PollRoomQueueRequest{Room: r.id, Key: key}, response.UnmarshalVT)
	return response.Element, err
}

// DropQueue empties the queue.
func (r Room) DropQueue(ctx context.Context) error {
	return r.c.call(ctx, wire.CmdDropRoomQueue, &wire.DropRoomQueueRequest{Room: r.id}, nil)
}

// History reads at most limit (1–100, 0 means 100) messages of the room's history
// from a time on, which for the zero time is the newest, or with forward the oldest:
// the newest first, or with forward the oldest. A message may be missing in it.
func (r Room) History(ctx context.Context, from time.Time, forward bool, limit int) (messages []*wire.RoomMessagePush, more bool, err error) {
	return r.history(ctx, from, forward, limit, nil)
}

func (r Room) history(ctx context.Context, from time.Time, forward bool, limit int, tags []string) (messages []*wire.RoomMessagePush, more bool, err error) {
	request := &wire.RoomHistoryRequest{Room: r.id, Reverse: forward, Limit: uint32(max(limit, 0)), Tags: tags}
	if !from.IsZero() {
		request.TimeMs = from.UnixMilli()
	}
	var response wire.RoomHistoryResponse
	err = r.c.call(ctx, wire.CmdRoomHistory, request, response.UnmarshalVT)
	return response.Messages, response.More, err
}

// Recall takes a message out of the history and tells those inside: the account's
// own, or anybody's for the creator and managers.
func (r Room) Recall(ctx context.Context, id uint64) error {
	return r.c.call(ctx, wire.CmdRecallRoom, &wire.RecallRoomRequest{Room: r.id, Id: id}, nil)
}

// callOnce makes a request that must not be repeated when the outcome is unknown.
func (c *Client) callOnce(ctx context.Context, cmd wire.Command, request wire.Body, reply func(payload []byte) error) error {
	ctx, end, err := c.begin(ctx)
	if err != nil {
		return err
	}
	defer end()
	return c.repeat(ctx, c.online, func(l *link) error {
		err := l.call(ctx, cmd, request, reply)
		if errors.Is(err, errLinkDown) && !errors.Is(err, errUnsent) {
			return ErrUncertain
		}
		return err
	})
}
