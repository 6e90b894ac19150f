package api

import (
	"context"

	"github.com/yizhan-im/yizhan/appliance/app"
	"github.com/yizhan-im/yizhan/appliance/state"
	"github.com/yizhan-im/yizhan/appliance/wire"
)

// Values of the parameter type of msg/delMsgOneWay.
const (
	withdrawP2P  = 13
	withdrawTeam = 14
	// maxEmoji is state.MaxEmojiBytes; a character has at least one byte.
	maxEmoji = state.MaxEmojiBytes
)

// refParams name a message that was sent.
func refParams(least int64, aboutScene string) []param {
	return []param{
		{name: "deleteMsgid", kind: number, required: true, least: 1, most: maxInt64, about: "msgid of the message", example: "42"},
		{name: "timetag", kind: number, required: true, least: 1, most: maxMillis, about: "timetag of the message", example: "1790000000123"},
		{name: "type", kind: number, required: true, least: least, most: least + 1, about: aboutScene},
		{name: "from", kind: account, required: true, about: "who sent the message"},
		{name: "to", required: true, max: 64, about: "who received it, an account or a team", example: "bob"},
	}
}

// ownRefParams are those of Yizhan's own actions.
func ownRefParams(more ...param) []param {
	return append([]param{
		{name: "msgid", kind: number, required: true, least: 1, most: maxInt64, about: "of the message", example: "42"},
		{name: "timetag", kind: number, required: true, least: 1, most: maxMillis, about: "of the message", example: "1790000000123"},
		{name: "ope", kind: number, required: true, least: opeP2P, most: opeTeam, about: "0 between accounts; 1 in a team"},
		{name: "from", kind: account, required: true, about: "who sent the message"},
		{name: "to", required: true, max: 64, about: "who received it, an account or a team", example: "bob"},
	}, more...)
}

var (
	noMessage   = outcome{wire.CodeNotFound, "there is no such message"}
	byParam     = param{name: "accid", kind: account, required: true, about: "in whose name"}
	undoParam   = param{name: "undo", kind: boolean, about: "true takes it back, default false"}
	notInvolved = outcome{wire.CodeForbidden, "the message is not between accid and another"}
	noMember    = outcome{wire.CodeNotInTeam, "accid is not a member of the team"}
)

var operationActions = []action{
	{
		name:   "msg/delMsgOneWay",
		about:  "Takes a message from everybody but its sender, of any age: their devices remove it and show nothing in its place.",
		params: append(refParams(withdrawP2P, "13 between accounts; 14 in a team"), param{name: "msg", max: maxNote, about: "passed over: nobody is told"}),
		codes:  []outcome{noMessage, teamMissing},
		serve: func(a *API, ctx context.Context, c *call) (any, error) {
			return nil, a.changeMessage(ctx, c, c.ref("deleteMsgid", withdrawTeam), state.MessageChange{Op: state.MessageWithdraw})
		},
	},
	{
		name:  "msg/delMsg",
		about: "Deletes a message of any age for everybody: devices show nothing in its place.",
		params: append(refParams(recallP2P, "7 between accounts; 8 in a team"),
			param{name: "deleteFile", kind: boolean, about: "true deletes the file that the message has as well, though others may have it too; default false. Yizhan's own"}),
		codes: []outcome{noMessage, teamMissing},
		serve: (*API).eraseMessage,
	},
	{
		name:  "msg/markReadMsg",
		about: "Marks the messages between two accounts as read up to one, for its receiver: the sender gets the receipt.",
		params: []param{
			{name: "from", kind: account, required: true, about: "who has read", example: "bob"},
			{name: "to", kind: account, required: true, about: "who sent the message", example: "alice"},
			{name: "msgidClient", required: true, max: 64, about: "the sender's own id of a message of the last week", example: "c1"},
		},
		answer: readMarkAnswer{},
		codes:  []outcome{{wire.CodeNotFound, "there is no such message of the last days"}},
		serve:  (*API).markRead,
	},
	{
		name:  "msg/modifyMsg",
		about: "Replaces the content of a text or custom message, of any age. Yizhan's own: Yunxin's first API has no such action.",
		params: ownRefParams(
			param{name: "type", kind: number, required: true, most: typeMax, about: "of the message: 0 text, 100 custom"},
			param{name: "body", kind: jsonText, required: true, max: maxMessageBody, about: aboutBody, example: exampleBody},
			param{name: "ext", max: maxExt, about: "anything, for the receiving apps"}),
		codes: []outcome{noMessage, teamMissing, {wire.CodeForbidden, "the message is neither a text nor a custom message, or was forwarded"},
			{wire.CodeNotInTeam, "from is not a member of the team"}, {wire.CodeTeamMuted, "the team, or from in it, is muted"},
			{wire.CodeBlacklisted, "the receiver has blacklisted the sender"}},
		serve: func(a *API, ctx context.Context, c *call) (any, error) {
			m, err := c.message("")
			if err != nil {
				return nil, err
			}
			return nil, a.changeMessage(ctx, c, c.ref("msgid", opeTeam), state.MessageChange{Op: state.MessageEdit, ClientID: c.id, Body: m.Body, Ext: m.Ext})
		},
	},
	{
		name:   "msg/reactMsg",
		about:  "Gives a message an emoji in the name of accid, or takes it back. A message has at most 20 different ones. Yizhan's own.",
		params: ownRefParams(byParam, param{name: "emoji", required: true, max: maxEmoji, about: "at most 32 bytes", example: "👍"}, undoParam),
		codes: []outcome{noMessage, teamMissing, notInvolved, noMember, {wire.CodeTeamMuted, "the team, or accid in it, is muted"},
			{wire.CodeBlacklisted, "the other one has blacklisted accid"}, {wire.CodeCountLimit, "the message has 20 different emojis"}},
		serve: func(a *API, ctx context.Context, c *call) (any, error) {
			return nil, a.changeMessage(ctx, c, c.ref("msgid", opeTeam), state.MessageChange{Op: state.MessageReact, Emoji: c.args["emoji"].text, Undo: c.args["undo"].flag})
		},
	},
	{
		name:   "msg/pinMsg",
		about:  "Pins a message in its conversation in the name of accid, in a team its owner or a manager, or unpins it. A conversation has at most 50. Yizhan's own.",
		params: ownRefParams(byParam, undoParam),
		codes: []outcome{noMessage, teamMissing, notInvolved, noMember, {wire.CodeTeamPermission, "accid does not manage the team"},
			{wire.CodeBlacklisted, "the other one has blacklisted accid"}, {wire.CodeCountLimit, "the conversation has 50 pinned messages"}},
		serve: func(a *API, ctx context.Context, c *call) (any, error) {
			return nil, a.changeMessage(ctx, c, c.ref("msgid", opeTeam), state.MessageChange{Op: state.MessagePin, Undo: c.args["undo"].flag})
		},
	},
	{
		name:   "msg/delMsgSelf",
		about:  "Deletes a message for accid alone: the others keep it. Yizhan's own.",
		params: ownRefParams(byParam),
		codes:  []outcome{noMessage, teamMissing, notInvolved},
		serve: func(a *API, ctx context.Context, c *call) (any, error) {
			return nil, a.app.DeleteMessageFor(ctx, c.appKey(), c.args["accid"].text, c.ref("msgid", opeTeam))
		},
	},
}

type readMarkAnswer struct {
	Data struct {
		Timestamp int64 `json:"timestamp" about:"when it was marked, in milliseconds since 1970"`
	} `json:"data"`
}

// ref is the message that the parameters name; its scene is that of a team when the
// parameter type or ope is team.
func (c *call) ref(id string, team int64) app.MessageRef {
	ref := app.MessageRef{
		From: c.args["from"].text, To: c.args["to"].text, ID: uint64(c.args[id].number), TimeMs: c.args["timetag"].number,
	}
	scene := c.args["ope"]
	if id != "msgid" {
		scene = c.args["type"]
	}
	if scene.number == team {
		ref.Scene = wire.Scene_SCENE_TEAM
	}
	return ref
}

func (a *API) changeMessage(ctx context.Context, c *call, ref app.MessageRef, change state.MessageChange) error {
	return a.app.ChangeMessage(ctx, c.appKey(), ref, c.args["accid"].text, &change)
}

func (a *API) markRead(ctx context.Context, c *call) (any, error) {
	timeMs, err := a.app.MarkRead(ctx, c.appKey(), c.args["from"].text, c.args["to"].text, c.args["msgidClient"].text)
	if err != nil {
		return nil, err
	}
	answer := new(readMarkAnswer)
	answer.Data.Timestamp = timeMs
	return answer, nil
}
