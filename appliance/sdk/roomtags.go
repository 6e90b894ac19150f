package sdk

import (
	"context"
	"slices"
	"time"

	"github.com/yizhan-im/yizhan/appliance/wire"
)

// RoomEntry is what a client is in a registered room. What is empty comes from what
// the account has saved there, or from its profile.
type RoomEntry struct {
	Nick, Avatar, Ext string // at most 64, 1024 and 4096 characters
	// NotifyExt goes into the notice that tells the others.
	NotifyExt string
	// Tags say which of the messages for some only are for this client: at most 10
	// of 1–32 characters.
	Tags []string
	// NotifyTags says whom this client's messages are for, and who is told that it
	// comes and goes: an expression such as {"tag":"red"} and ({"tag":"left"} or
	// {"tag":"b.*","matchType":"regex"}). Empty means those who have all of Tags, and
	// without Tags everybody.
	NotifyTags string
}

func (e *RoomEntry) request(name string) *wire.EnterRoomRequest {
	return &wire.EnterRoomRequest{
		Room: name, Nick: e.Nick, Avatar: e.Avatar, Ext: e.Ext, NotifyExt: e.NotifyExt, Tags: e.Tags, NotifyTags: e.NotifyTags,
	}
}

// SetTags changes the account's tags in the room, on all its devices that are inside,
// and tells all who are there. See RoomEntry.
func (r Room) SetTags(ctx context.Context, tags []string, notifyTags string) error {
	tags = slices.Clone(tags)
	err := r.c.call(ctx, wire.CmdSetRoomTags, &wire.SetRoomTagsRequest{Room: r.id, Tags: tags, NotifyTags: notifyTags, Notify: true}, nil)
	if err == nil {
		r.c.rooms.tagged(r.id, tags, notifyTags)
	}
	return err
}

// MuteTag keeps all who have a tag, but for the creator and managers, from sending for
// a while, in whole seconds up to 30 days; 0 lifts that. For the creator and managers.
func (r Room) MuteTag(ctx context.Context, tag string, d time.Duration) error {
	return r.c.call(ctx, wire.CmdMuteRoomTag, &wire.MuteRoomTagRequest{
		Room: r.id, Tag: tag, Seconds: uint32(max(d, 0) / time.Second), Notify: true,
	}, nil)
}

// Tagged reads a page of at most limit (1–100, 0 means 100) devices that are inside
// with a tag and have entered before a time, the latest first; the zero time is now.
// accounts is how many accounts have the tag.
func (r Room) Tagged(ctx context.Context, tag string, before time.Time, limit int) (members []*wire.RoomMember, accounts int, more bool, err error) {
	request := &wire.RoomTagMembersRequest{Room: r.id, Tag: tag, Limit: uint32(max(limit, 0))}
	if !before.IsZero() {
		request.BeforeMs = before.UnixMilli()
	}
	var response wire.RoomTagMembersResponse
	err = r.c.call(ctx, wire.CmdRoomTagMembers, request, response.UnmarshalVT)
	return response.Members, int(response.Accounts), response.More, err
}

// TagHistory is History of the messages only that were for who has one of tags, or
// all of them.
func (r Room) TagHistory(ctx context.Context, from time.Time, forward bool, limit int, tags ...string) (messages []*wire.RoomMessagePush, more bool, err error) {
	return r.history(ctx, from, forward, limit, tags)
}
