package api

import (
	"context"
	"encoding/json"

	"github.com/yizhan-im/yizhan/appliance/app"
	"github.com/yizhan-im/yizhan/appliance/wire"
)

const (
	// maxRoomBatch is how many messages chatroom/batchSendMsg takes.
	maxRoomBatch = 20
	// roomBroadcastsPerMinute and roomHistoriesPerMinute are Yunxin's
	// (facts/yunxin-api.md §11).
	roomBroadcastsPerMinute = 10
	roomHistoriesPerMinute  = 1200
	maxRoomHistory          = 200
	maxAbandonRatio         = 9999
)

var ignoredRoomMessageParams = []string{
	"resendFlag", "needHighPriorityMsgResend", "route", "antispam", "antispamCustom", "useYidun", "bid", "env", "subType",
	"yidunAntiCheating", "yidunAntiSpamExt", "locX", "locY", "locZ", "chatMsgPriority", "forbiddenIfHighPriorityMsgFreq",
}

// sendRoomCodes are those of a message in an account's name.
var sendRoomCodes = []outcome{
	roomMissing,
	{wire.CodeRoomClosed, "the room is closed"},
	{wire.CodeRoomBlocked, "the room has blocked fromAccid"},
	{wire.CodeRoomMuted, "fromAccid is muted in the room, and ignoreMute is not true"},
	{wire.CodeRoomAllMuted, "the whole room is muted, and ignoreMute is not true"},
}

// roomMessageParams are those of a message, and more.
func roomMessageParams(more ...param) []param {
	return append([]param{
		{name: "msgId", required: true, max: 64, about: "the backend's own id of the message", example: "msg-1"},
		{name: "fromAccid", kind: account, required: true, about: "need not be inside"},
		{name: "msgType", kind: number, required: true, most: typeMax, about: "0 text, 1 image, 2 audio, 3 video, 4 location, 6 file, 10 tip, 100 custom"},
		{name: "attach", required: true, max: maxRoomText, about: "the text, or JSON of other types", example: "Hello"},
		{name: "ext", max: maxExt, about: "anything, for the receiving apps"},
	}, more...)
}

var chatroomMessageActions = []action{
	{
		name:  "chatroom/sendMsg",
		about: "Sends a message to all who are inside a room. It is answered when the message has its place in the order of the room, and reaches each member at most once. When the room is overloaded, it is not sent, and msgAbandonFlag says so, unless highPriority is true.",
		params: append([]param{paramRoom}, roomMessageParams(
			param{name: "skipHistory", kind: number, most: 1, about: "1 keeps it out of the history, default 0"},
			param{name: "abandonRatio", kind: number, most: maxAbandonRatio, about: "chance that it is not sent, in ten-thousandths, default 0"},
			param{name: "highPriority", kind: boolean, about: "whether to send it when the room is overloaded, default false"},
			param{name: "ignoreMute", kind: boolean, about: "whether to send it when fromAccid, one of its tags or the room is muted, default false"},
			paramNotifyTags,
		)...),
		ignored: ignoredRoomMessageParams,
		answer:  roomMessageAnswer{},
		codes:   sendRoomCodes,
		serve:   (*API).sendToRoom,
	},
	{
		name:  "chatroom/batchSendMsg",
		about: "Sends several messages to a room, in their order. Each has the parameters of chatroom/sendMsg.",
		params: []param{
			paramRoom, {name: "fromAccid", kind: account, required: true, about: "need not be inside"},
			{name: "msgList", kind: jsonText, required: true, max: 50_000, about: "JSON array of 1–20 objects {msgId, msgType, attach, ext, skipHistory, abandonRatio, highPriority, ignoreMute, notifyTargetTags}; what one does not say is as in the parameters of the call", example: `[{"msgId":"m1","msgType":0,"attach":"Hello"}]`},
			{name: "skipHistory", kind: number, most: 1}, {name: "abandonRatio", kind: number, most: maxAbandonRatio},
			{name: "highPriority", kind: boolean}, {name: "ignoreMute", kind: boolean}, paramNotifyTags,
		},
		ignored: ignoredRoomMessageParams,
		answer:  roomBatchAnswer{},
		codes:   []outcome{roomMissing},
		serve:   (*API).sendBatchToRoom,
	},
	{
		name:    "chatroom/sendMsgToSomeone",
		about:   "Sends a message to some of those who are inside a room. It is in no history.",
		params:  append([]param{paramRoom, {name: "toAccids", kind: accounts, required: true, max: 100}}, roomMessageParams()...),
		ignored: ignoredRoomMessageParams,
		answer:  roomMessageAnswer{},
		codes:   sendRoomCodes,
		serve:   (*API).sendToRoom,
	},
	{
		name:  "chatroom/batchSendMsgToSomeone",
		about: "Sends several messages, in their order, to some of those who are inside a room. They are in no history.",
		params: []param{
			paramRoom, {name: "fromAccid", kind: account, required: true, about: "need not be inside"}, {name: "toAccids", kind: accounts, required: true, max: 100},
			{name: "msgList", kind: jsonText, required: true, max: 50_000, about: "JSON array of 1–20 objects {msgId, msgType, attach, ext, ignoreMute}", example: `[{"msgId":"m1","msgType":0,"attach":"Hello"}]`},
		},
		ignored: ignoredRoomMessageParams,
		answer:  roomBatchAnswer{},
		codes:   []outcome{roomMissing},
		serve:   (*API).sendBatchToRoom,
	},
	{
		name:      "chatroom/broadcast",
		about:     "Sends a message to all rooms that have members. It is in no history.",
		params:    roomMessageParams(param{name: "highPriority", kind: boolean}, param{name: "ignoreMute", kind: boolean}, paramNotifyTags),
		ignored:   ignoredRoomMessageParams,
		answer:    roomBroadcastAnswer{},
		perMinute: roomBroadcastsPerMinute,
		serve:     (*API).broadcastToRooms,
	},
	{
		name:  "chatroom/recall",
		about: "Takes a message out of a room's history, and tells those who are inside.",
		params: []param{
			paramRoom, {name: "msgTimetag", kind: number, required: true, least: 1, most: maxMillis, about: "time of the message", example: "1790000000123"},
			{name: "fromAcc", kind: account, required: true, about: "who has sent it"},
			{name: "msgId", required: true, max: 64, about: "the sender's own id of the message", example: "msg-1"},
			{name: "operatorAcc", kind: account, about: "in whose name: who has sent it, the creator, or a manager; default nobody's, who may"},
			paramNotifyExt,
		},
		ignored: []string{"operatorNick"},
		codes:   []outcome{roomForbidden, {wire.CodeNotFound, "there is no such room, or its history has no such message"}},
		serve:   (*API).recallFromRoom,
	},
	{
		name:  "chatroom/deleteHistoryMessage",
		about: "Takes a message out of a room's history and tells nobody.",
		params: []param{
			paramRoom, {name: "fromAcc", kind: account, required: true, about: "who has sent it"},
			{name: "msgTimetag", kind: number, required: true, least: 1, most: maxMillis, about: "time of the message", example: "1790000000123"},
		},
		codes: []outcome{{wire.CodeNotFound, "there is no such room, or its history has no such message"}},
		serve: (*API).deleteFromRoom,
	},
	{
		name:  "history/queryChatroomMsg",
		about: "Reads the history of a room, which holds the newest messages (1000 of 10 days, unless your operator says otherwise). A message may be missing in it when the node was overloaded or ended just after it was sent.",
		params: []param{
			paramRoom, {name: "accid", kind: account, required: true, about: "in whose name; any account"},
			{name: "timetag", kind: number, most: maxMillis, about: "where to begin, in milliseconds since 1970; 0, the default, is the newest, with reverse 2 the oldest"},
			{name: "limit", kind: number, required: true, least: 1, most: maxRoomHistory, example: "20"},
			{name: "reverse", kind: number, least: 1, most: 2, about: "1 newest first (default), 2 oldest first"},
			{name: "type", max: 128, about: "types separated by commas, default all"},
		},
		answer:    roomHistoryAnswer{},
		codes:     []outcome{roomMissing},
		perMinute: roomHistoriesPerMinute,
		serve:     (*API).roomHistory,
	},
}

// roomSent is a message as its sender is told.
type roomSent struct {
	Time             int64         `json:"time" about:"in milliseconds since 1970, 0 when it was not sent"`
	FromAvatar       string        `json:"fromAvator"`
	MsgIDClient      string        `json:"msgid_client"`
	FromClientType   wire.Platform `json:"fromClientType"`
	Attach           string        `json:"attach"`
	RoomID           uint64        `json:"roomId"`
	FromAccount      string        `json:"fromAccount"`
	FromNick         string        `json:"fromNick"`
	Type             uint32        `json:"type"`
	Ext              string        `json:"ext"`
	HighPriorityFlag int           `json:"highPriorityFlag" about:"1: of high priority"`
	MsgAbandonFlag   int           `json:"msgAbandonFlag" about:"1: it was not sent"`
}

type (
	roomMessageAnswer struct {
		Desc *roomSent `json:"desc"`
	}
	roomBatchAnswer struct {
		Desc struct {
			Success []*roomSent   `json:"success"`
			Fail    []*roomFailed `json:"fail"`
		} `json:"desc"`
	}
	roomFailed struct {
		MsgIDClient string `json:"msgid_client"`
		Code        int    `json:"code"`
		Desc        string `json:"desc"`
	}
	roomBroadcastAnswer struct {
		Desc struct {
			Rooms int `json:"rooms" about:"how many rooms have got it"`
		} `json:"desc"`
	}
	roomHistoryAnswer struct {
		Size int                   `json:"size" about:"how many messages there are in msgs"`
		Msgs []*roomHistoryMessage `json:"msgs"`
	}
)

// roomHistoryMessage is a message as history/queryChatroomMsg shows it.
type roomHistoryMessage struct {
	From           string          `json:"from"`
	FromNick       string          `json:"fromNick"`
	MsgIDClient    string          `json:"msgid"`
	SendTime       int64           `json:"sendtime" about:"milliseconds since 1970"`
	Type           uint32          `json:"type"`
	FromClientType wire.Platform   `json:"fromclienttype"`
	Body           json.RawMessage `json:"body" about:"of a text {msg}, of other types the sender's JSON"`
	Ext            string          `json:"ext"`
	NotifyTags     string          `json:"notifyTargetTags,omitempty" about:"whom it was for, when it was not for everybody"`
}

// roomMessage is what the parameters say of a message.
func (c *call) roomMessage() *app.RoomMessage {
	return &app.RoomMessage{
		Room: c.room(), From: c.args["fromAccid"].text, ClientID: c.args["msgId"].text, Type: uint32(c.args["msgType"].number),
		Body: c.args["attach"].text, Ext: c.args["ext"].text, To: c.args["toAccids"].list,
		HighPriority: c.args["highPriority"].flag, SkipHistory: c.args["skipHistory"].number == 1, IgnoreMute: c.args["ignoreMute"].flag,
		AbandonRatio: int(c.args["abandonRatio"].number), NotifyTags: c.args["notifyTargetTags"].text,
	}
}

// deliver sends one message to a room.
func (a *API) deliver(ctx context.Context, c *call, m *app.RoomMessage) (*roomSent, error) {
	sent, abandoned, err := a.app.SendToRoom(ctx, c.appKey(), m)
	if err != nil {
		return nil, err
	}
	shown := &roomSent{
		Time: sent.TimeMs, FromAvatar: sent.FromAvatar, MsgIDClient: sent.ClientId, FromClientType: sent.FromPlatform, Attach: sent.Body,
		RoomID: m.Room, FromAccount: sent.From, FromNick: sent.FromNick, Type: sent.Type, Ext: sent.Ext,
	}
	if m.HighPriority {
		shown.HighPriorityFlag = 1
	}
	if abandoned {
		shown.MsgAbandonFlag = 1
	}
	return shown, nil
}

// fromRegistered turns err into that of an account that does not exist, where
// that is why.
func (a *API) fromRegistered(ctx context.Context, c *call, err error) error {
	if wire.CodeOf(err) != wire.CodeNotFound {
		return err
	}
	if missing := a.requireAccount(ctx, c, "fromAccid", c.args["fromAccid"].text); missing != nil {
		return missing
	}
	return err
}

func (a *API) sendToRoom(ctx context.Context, c *call) (any, error) {
	sent, err := a.deliver(ctx, c, c.roomMessage())
	if err != nil {
		return nil, a.fromRegistered(ctx, c, err)
	}
	return roomMessageAnswer{sent}, nil
}

// batchMessage is one element of msgList.
type batchMessage struct {
	MsgID        string  `json:"msgId"`
	MsgType      uint32  `json:"msgType"`
	Attach       string  `json:"attach"`
	Ext          string  `json:"ext"`
	SkipHistory  *int    `json:"skipHistory"`
	AbandonRatio *int    `json:"abandonRatio"`
	HighPriority *bool   `json:"highPriority"`
	IgnoreMute   *bool   `json:"ignoreMute"`
	NotifyTags   *string `json:"notifyTargetTags"`
}

// message is m with what the parameters of the call say for all.
func (m *batchMessage) message(c *call) *app.RoomMessage {
	all := c.roomMessage()
	all.ClientID, all.Type, all.Body, all.Ext = m.MsgID, m.MsgType, m.Attach, m.Ext
	if m.SkipHistory != nil {
		all.SkipHistory = *m.SkipHistory == 1
	}
	if m.AbandonRatio != nil {
		all.AbandonRatio = min(max(*m.AbandonRatio, 0), maxAbandonRatio)
	}
	if m.HighPriority != nil {
		all.HighPriority = *m.HighPriority
	}
	if m.IgnoreMute != nil {
		all.IgnoreMute = *m.IgnoreMute
	}
	if m.NotifyTags != nil {
		all.NotifyTags = *m.NotifyTags
	}
	return all
}

func (a *API) sendBatchToRoom(ctx context.Context, c *call) (any, error) {
	var messages []batchMessage
	if err := json.Unmarshal([]byte(c.args["msgList"].text), &messages); err != nil || len(messages) == 0 || len(messages) > maxRoomBatch {
		return nil, wire.Errorf(wire.CodeBadParameter, "msgList must be a JSON array of 1 to %d messages", maxRoomBatch)
	}
	if err := a.requireAccount(ctx, c, "fromAccid", c.args["fromAccid"].text); err != nil {
		return nil, err
	}
	if _, _, err := a.app.Room(ctx, c.appKey(), c.room()); err != nil {
		return nil, err
	}
	answer := roomBatchAnswer{}
	answer.Desc.Success, answer.Desc.Fail = []*roomSent{}, []*roomFailed{}
	for i := range messages {
		m := &messages[i]
		sent, err := a.deliver(ctx, c, m.message(c))
		if err != nil {
			answer.Desc.Fail = append(answer.Desc.Fail, &roomFailed{m.MsgID, int(wire.CodeOf(err)), err.Error()})
			continue
		}
		answer.Desc.Success = append(answer.Desc.Success, sent)
	}
	return answer, nil
}

func (a *API) broadcastToRooms(ctx context.Context, c *call) (any, error) {
	n, err := a.app.BroadcastToRooms(ctx, c.appKey(), c.roomMessage())
	if err != nil {
		return nil, notRegistered(err, "fromAccid")
	}
	answer := roomBroadcastAnswer{}
	answer.Desc.Rooms = n
	return answer, nil
}

func (a *API) recallFromRoom(ctx context.Context, c *call) (any, error) {
	return nil, a.app.RecallFromRoom(ctx, c.appKey(), c.args["operatorAcc"].text, c.room(), c.args["msgTimetag"].number,
		c.args["fromAcc"].text, c.args["msgId"].text, c.args["notifyExt"].text, true)
}

func (a *API) deleteFromRoom(ctx context.Context, c *call) (any, error) {
	return nil, a.app.RecallFromRoom(ctx, c.appKey(), "", c.room(), c.args["msgTimetag"].number, c.args["fromAcc"].text, "", "", false)
}

func (a *API) roomHistory(ctx context.Context, c *call) (any, error) {
	if err := a.requireAccount(ctx, c, "accid", c.args["accid"].text); err != nil {
		return nil, err
	}
	types, err := parseTypes(c.args["type"].text)
	if err != nil {
		return nil, err
	}
	messages, err := a.app.RoomHistory(ctx, c.appKey(), c.room(), c.args["timetag"].number, c.args["reverse"].number == 2,
		int(c.args["limit"].number), types)
	if err != nil {
		return nil, err
	}
	return roomHistoryOf(messages)
}

// roomHistoryOf shows messages of a room.
func roomHistoryOf(messages []*wire.RoomMessagePush) (any, error) {
	var err error
	answer := roomHistoryAnswer{Size: len(messages), Msgs: make([]*roomHistoryMessage, len(messages))}
	for i, m := range messages {
		answer.Msgs[i] = &roomHistoryMessage{
			From: m.From, FromNick: m.FromNick, MsgIDClient: m.ClientId, SendTime: m.TimeMs, Type: m.Type, FromClientType: m.FromPlatform,
			Ext: m.Ext, NotifyTags: m.NotifyTags,
		}
		if answer.Msgs[i].Body, err = bodyJSON(&wire.Message{Type: m.Type, Body: m.Body}); err != nil {
			return nil, err
		}
	}
	return answer, nil
}
