package api

import (
	"context"

	"github.com/yizhan-im/yizhan/appliance/state"
	"github.com/yizhan-im/yizhan/appliance/wire"
)

// Limits of tags (appliance/room).
const (
	maxTag        = 32
	maxTags       = 10
	maxNotifyTags = 128
	maxTagsJSON   = 1024
)

const exampleTarget = `{"tag":"red"}`

var (
	paramNotifyTags = param{name: "notifyTargetTags", max: maxNotifyTags, about: `who of those inside: an expression like {"tag":"red"} and ({"tag":"left"} or {"tag":"b.*","matchType":"regex"}); default everybody`, example: exampleTarget}
	paramTag        = param{name: "tag", required: true, max: maxTag, example: "red"}
)

var chatroomTagActions = []action{
	{
		name:  "chatroom/tagTemporaryMute",
		about: "Keeps all who have a tag, but for the creator and managers, from sending to a room for a while.",
		params: []param{
			paramRoom, paramOperator, {name: "targetTag", required: true, max: maxTag, example: "red"},
			{name: "muteDuration", kind: number, required: true, most: state.MaxRoomMuteSeconds, about: "in seconds; 0 lifts it", example: "60"},
			paramNotify, paramNotifyExt, paramNotifyTags,
		},
		answer: muteAnswer{},
		codes:  []outcome{roomMissing, roomForbidden, {wire.CodeCountLimit, "100 other tags of the room are muted"}},
		serve:  (*API).muteRoomTag,
	},
	{
		name:   "chatroom/tagMembersCount",
		about:  "Counts the accounts that are inside a room with a tag.",
		params: []param{paramRoom, paramTag},
		answer: tagCountAnswer{},
		codes:  []outcome{roomMissing},
		serve:  (*API).countTagged,
	},
	{
		name:  "chatroom/tagMembersQuery",
		about: "Lists who is inside a room with a tag, each device for itself, the last to enter first. Members with the same enterTime as the last of a page may be missing on the next.",
		params: []param{
			paramRoom, paramTag,
			{name: "endTime", kind: number, required: true, most: maxMillis, about: "only those with a smaller enterTime, 0 all"},
			{name: "limit", kind: number, least: 1, most: state.MaxRoomMembersPage, about: "default 100"},
		},
		answer: roomMembersAnswer{},
		codes:  []outcome{roomMissing},
		serve:  (*API).listTagged,
	},
	{
		name:  "chatroom/updateChatRoomRoleTag",
		about: "Changes the tags of an account that is inside a room, on all of its devices. All who are inside are told.",
		params: []param{
			paramRoom, {name: "accid", kind: account, required: true},
			{name: "tags", kind: jsonText, max: maxTagsJSON, about: "JSON array of at most 10 texts of 1–32 characters, default none", example: `["red","left"]`},
			{name: "notifyTargetTags", max: maxNotifyTags, about: "whom what the account sends is for, as in chatroom/sendMsg; default those who have all of tags"},
			paramNotify, paramNotifyExt,
		},
		codes: []outcome{{wire.CodeNotFound, "there is no such room, or the account is not inside"}},
		serve: (*API).setRoomTags,
	},
	{
		name:  "history/queryTagHistoryMsg",
		about: "Reads the messages of a room's history that were for some: for who has one of these tags, or all of them. Those for everybody are in history/queryChatroomMsg.",
		params: []param{
			paramRoom,
			{name: "tags", kind: jsonText, required: true, max: maxTagsJSON, about: "JSON array of 1–10 texts", example: `["red"]`},
			{name: "types", about: "only these types, with commas between them, default all", max: 64},
			{name: "fromTime", kind: number, most: maxMillis, about: "not before, in milliseconds since 1970, default 0"},
			{name: "toTime", kind: number, most: maxMillis, about: "before, default 0: to the end"},
			{name: "limit", kind: number, least: 1, most: maxRoomHistory, about: "default 100"},
			{name: "reverse", kind: number, least: 1, most: 2, about: "1 the newest first (default), 2 the oldest first"},
		},
		answer: roomHistoryAnswer{},
		codes:  []outcome{roomMissing},
		serve:  (*API).tagHistory,
	},
}

type tagCountAnswer struct {
	Data struct {
		Tag    string `json:"tag"`
		Online uint32 `json:"onlineUserCount" about:"accounts; one with several devices counts once"`
	} `json:"data"`
}

func (a *API) muteRoomTag(ctx context.Context, c *call) (any, error) {
	seconds := c.args["muteDuration"].number
	err := a.app.MuteRoomTag(ctx, c.appKey(), c.args["operator"].text, &wire.MuteRoomTagRequest{
		Room: state.RoomID(c.room()), Tag: c.args["targetTag"].text, Seconds: uint32(seconds),
		Notify: c.notify(), NotifyExt: c.args["notifyExt"].text, NotifyTags: c.args["notifyTargetTags"].text,
	})
	if err != nil {
		return nil, err
	}
	answer := muteAnswer{}
	answer.Desc.MuteDuration = seconds
	return answer, nil
}

// defaultTagPage is the page of members or messages when limit is not given.
const defaultTagPage = 100

func (c *call) tagged() *wire.RoomTagMembersRequest {
	in := &wire.RoomTagMembersRequest{
		Room: state.RoomID(c.room()), Tag: c.args["tag"].text, BeforeMs: c.args["endTime"].number, Limit: defaultTagPage,
	}
	if limit := c.args["limit"]; limit.given {
		in.Limit = uint32(limit.number)
	}
	return in
}

func (a *API) countTagged(ctx context.Context, c *call) (any, error) {
	out, err := a.app.RoomTagMembers(ctx, c.appKey(), c.tagged())
	if err != nil {
		return nil, err
	}
	answer := tagCountAnswer{}
	answer.Data.Tag, answer.Data.Online = c.args["tag"].text, out.Accounts
	return answer, nil
}

func (a *API) listTagged(ctx context.Context, c *call) (any, error) {
	out, err := a.app.RoomTagMembers(ctx, c.appKey(), c.tagged())
	if err != nil {
		return nil, err
	}
	return a.membersAnswer(c, out.Members), nil
}

func (a *API) setRoomTags(ctx context.Context, c *call) (any, error) {
	in := &wire.SetRoomTagsRequest{
		Room: state.RoomID(c.room()), NotifyTags: c.args["notifyTargetTags"].text, Notify: c.notify(), NotifyExt: c.args["notifyExt"].text,
	}
	if text := c.args["tags"].text; text != "" && text != "[]" {
		var err error
		if in.Tags, err = c.parseTexts("tags", maxTags); err != nil {
			return nil, err
		}
	}
	return nil, a.app.SetRoomTags(ctx, c.appKey(), c.args["accid"].text, in)
}

func (a *API) tagHistory(ctx context.Context, c *call) (any, error) {
	tags, err := c.parseTexts("tags", maxTags)
	if err != nil {
		return nil, err
	}
	types, err := parseTypes(c.args["types"].text)
	if err != nil {
		return nil, err
	}
	limit := defaultTagPage
	if given := c.args["limit"]; given.given {
		limit = int(given.number)
	}
	messages, err := a.app.RoomTagHistory(ctx, c.appKey(), c.room(), c.args["fromTime"].number, c.args["toTime"].number,
		c.args["reverse"].number == 2, limit, types, tags)
	if err != nil {
		return nil, err
	}
	return roomHistoryOf(messages)
}
