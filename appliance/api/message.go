package api

import (
	"context"
	"encoding/json"
	"math"
	"sync"

	"github.com/yizhan-im/yizhan/appliance/wire"
)

// Limits of messages (facts/yunxin-api.md §3.2, §11).
const (
	maxMessageBody   = 5000 // characters, of the JSON
	maxExt           = 1024 // characters
	maxReceivers     = 500
	maxReceiversByID = 100 // when their message ids are asked for
	// batchesPerMinute: one of these does the work of up to 500 calls.
	batchesPerMinute = 120
)

// Values of the parameters ope and type.
const (
	opeP2P      = 0
	opeTeam     = 1
	typeText    = 0
	typeMax     = math.MaxUint16 // package app knows which of these exist
	recallP2P   = 7
	recallTeam  = 8
	maxNote     = 1024
	maxMillis   = 253_402_300_799_999 // the end of the year 9999
	maxInt64    = math.MaxInt64
	aboutType   = "0 text, 1 image, 2 audio, 3 video, 4 location, 6 file, 10 tip, 100 custom"
	aboutBody   = "of a text `{\"msg\":\"…\"}`"
	exampleBody = `{"msg":"Hello"}`
	aboutTimeMs = "milliseconds since 1970"
)

// ignoredMessageParams belong to functions that do not exist here yet: antispam.
var ignoredMessageParams = []string{
	"msgDesc", "useYidun", "yidunAntiCheating", "yidunAntiSpamExt", "bid", "env",
	"msgSenderNoSense",
}

var messageActions = []action{
	{
		name:  "msg/sendMsg",
		about: "Sends a message from one account to another or to a team. It is answered when the message is on disk on a majority of nodes.",
		params: append(append([]param{
			{name: "from", kind: account, required: true},
			{name: "ope", kind: number, required: true, least: opeP2P, most: opeTeam, about: "0 to an account; 1 to a team, of which from must be a member"},
			{name: "to", required: true, max: 64, about: "an account, or the number of a team", example: "bob"},
			{name: "type", kind: number, required: true, most: typeMax, about: aboutType},
			{name: "body", kind: jsonText, required: true, max: maxMessageBody, about: aboutBody, example: exampleBody},
			{name: "ext", max: maxExt, about: "anything, for the receiving app"},
			{name: "checkFriend", kind: boolean, about: "whether to refuse (code 403) unless they are friends, default false"},
			{name: "markRead", kind: number, most: 1, about: "with ope 1: 1 asks who has read the message, see team/getMarkReadInfo; default 0"},
		}, optionParams...), forceParams...),
		ignored: append([]string{
			"antispam", "antispamCustom",
			"msgReceiverNoSense", "async", "robotAccount", "robotTopic", "robotFunction", "robotCustomContent",
		}, ignoredMessageParams...),
		answer: sendAnswer{},
		codes: []outcome{
			{wire.CodeForbidden, "checkFriend is true and they are not friends"},
			teamMissing,
			{wire.CodeNotInTeam, "from is not a member of the team"},
			{wire.CodeTeamMuted, "the team, or from in it, is muted"},
			{wire.CodeTeamReceipt, "markRead is 1 and the team is a superteam"},
			{wire.CodeBlacklisted, "the receiver has blacklisted the sender (nothing is kept of the message)"},
		},
		serve: (*API).sendMessage,
	},
	{
		name:  "msg/sendBatchMsg",
		about: "Sends one message to many accounts. With any code but 200 some may have it: repeat the call with the same RequestId, and nobody gets it twice. Who has blacklisted the sender does not get it, and is in neither list of the answer.",
		params: append([]param{
			{name: "fromAccid", kind: account, required: true},
			{name: "toAccids", kind: accounts, required: true, max: maxReceivers, about: "at most 100 with returnMsgid"},
			{name: "type", kind: number, required: true, most: typeMax, about: aboutType},
			{name: "body", kind: jsonText, required: true, max: maxMessageBody, about: aboutBody, example: exampleBody},
			{name: "ext", max: maxExt, about: "anything, for the receiving apps"},
			{name: "returnMsgid", kind: boolean, about: "whether to answer with msgids, default false", example: "true"},
		}, optionParams...),
		ignored:   ignoredMessageParams,
		answer:    batchAnswer{},
		perMinute: batchesPerMinute,
		serve:     (*API).sendBatch,
	},
	{
		name:  "msg/recall",
		about: "Takes a message back.",
		params: []param{
			{name: "deleteMsgid", kind: number, required: true, least: 1, most: maxInt64, about: "msgid of the message", example: "42"},
			{name: "timetag", kind: number, required: true, least: 1, most: maxMillis, about: "timetag of the message", example: "1790000000123"},
			{name: "type", kind: number, required: true, least: recallP2P, most: recallTeam, about: "7 between accounts; 8 in a team"},
			{name: "from", kind: account, required: true, about: "who sent the message; in a team also who manages it"},
			{name: "to", required: true, max: 64, about: "who received it, an account or a team", example: "bob"},
			{name: "msg", max: maxNote, about: "a note for the receiver's app"},
			{name: "ignoreTime", kind: boolean, about: "1 recalls a message of any age"},
		},
		ignored: []string{"pushcontent", "payload", "env", "attach"},
		codes: []outcome{
			{wire.CodeForbidden, "the message is not one that from may recall: in a team, the sender and who manages the sender may"},
			{wire.CodeNotFound, "there is no such message"},
			{wire.CodeRecallExpired, "the tenant's time for that is over"},
			{wire.CodeTeamMissing, "the team was dismissed"},
			{wire.CodeNotInTeam, "from is not a member of the team"},
		},
		serve: (*API).recall,
	},
}

type sendAnswer struct {
	Data struct {
		MsgID    uint64 `json:"msgid" about:"id of the message"`
		TimeTag  int64  `json:"timetag" about:"its time, in milliseconds since 1970"`
		Antispam bool   `json:"antispam" about:"always false"`
	} `json:"data"`
}

func (a *API) sendMessage(ctx context.Context, c *call) (any, error) {
	if c.args["ope"].number == opeTeam {
		return a.sendToTeam(ctx, c)
	}
	to, err := c.receiver()
	if err != nil {
		return nil, err
	}
	m, err := c.message(c.args["from"].text)
	if err != nil {
		return nil, err
	}
	if c.args["checkFriend"].flag {
		if err := a.requireFriends(ctx, c, m.From, to); err != nil {
			return nil, err
		}
	}
	m.To, m.ClientId = to, c.id
	sent, err := a.app.Send(ctx, c.appKey(), m)
	if wire.CodeOf(err) == wire.CodeNotFound {
		if err := a.requireAccount(ctx, c, "from", m.From); err != nil {
			return nil, err
		}
		return nil, errNotRegistered("to")
	}
	if err != nil {
		return nil, err
	}
	return answerOf(sent), nil
}

func answerOf(sent *wire.SendResponse) *sendAnswer {
	answer := new(sendAnswer)
	answer.Data.MsgID, answer.Data.TimeTag = sent.Id, sent.TimeMs
	return answer
}

// sendToTeam is sendMessage with ope 1. checkFriend has no meaning there.
func (a *API) sendToTeam(ctx context.Context, c *call) (any, error) {
	m, err := c.message(c.args["from"].text)
	if err != nil {
		return nil, err
	}
	m.Scene, m.To, m.ClientId, m.Receipt = wire.Scene_SCENE_TEAM, c.args["to"].text, c.id, c.args["markRead"].number == 1
	sent, err := a.app.Send(ctx, c.appKey(), m)
	if err != nil {
		return nil, err
	}
	return answerOf(sent), nil
}

// receiver is the parameter to, where it must be an account. It is declared as
// a text because it may name a team as well.
func (c *call) receiver() (string, error) {
	to, err := parseAccount(c.args["to"].text)
	if err != nil {
		return "", wire.Errorf(wire.CodeBadParameter, "parameter to %v", err)
	}
	return to, nil
}

// message is what the parameters type, body and ext describe, still without
// receiver and client id.
func (c *call) message(from string) (*wire.Message, error) {
	m := &wire.Message{
		Scene: wire.Scene_SCENE_P2P,
		From:  from,
		Type:  uint32(c.args["type"].number),
		Body:  c.args["body"].text,
		Ext:   c.args["ext"].text,
	}
	if err := c.setOptions(m); err != nil {
		return nil, err
	}
	if m.Type != typeText {
		return m, nil
	}
	// Inside Yizhan the body of a text is the text itself.
	var body textBody
	if err := json.Unmarshal([]byte(m.Body), &body); err != nil {
		return nil, wire.Errorf(wire.CodeBadParameter, `parameter body of a text must be {"msg":"…"}`)
	}
	m.Body = body.Msg
	return m, nil
}

type textBody struct {
	Msg string `json:"msg"`
}

type batchAnswer struct {
	Unregister []string          `json:"unregister" of:"accid" about:"those that do not exist"`
	TimeTag    int64             `json:"timetag" about:"milliseconds since 1970"`
	MsgIDs     map[string]uint64 `json:"msgids,omitempty" key:"accid" of:"id" about:"with returnMsgid"`
}

// batchInFlight is how many messages of one batch wait for the store together:
// enough for it to commit them in a few entries, too few to fill its queue.
const batchInFlight = 32

func (a *API) sendBatch(ctx context.Context, c *call) (any, error) {
	receivers, withIDs := c.args["toAccids"].list, c.args["returnMsgid"].flag
	if withIDs && len(receivers) > maxReceiversByID {
		return nil, wire.Errorf(wire.CodeBadParameter, "parameter toAccids has more than %d elements, the most with returnMsgid", maxReceiversByID)
	}
	m, err := c.message(c.args["fromAccid"].text)
	if err != nil {
		return nil, err
	}
	if err := a.requireAccount(ctx, c, "fromAccid", m.From); err != nil {
		return nil, err
	}
	sent, errs := make([]*wire.SendResponse, len(receivers)), make([]error, len(receivers))
	slots := make(chan struct{}, batchInFlight)
	var sending sync.WaitGroup
	for i, to := range receivers {
		slots <- struct{}{}
		sending.Go(func() {
			defer func() { <-slots }()
			one := &wire.Message{Scene: m.Scene, From: m.From, Type: m.Type, Body: m.Body, Ext: m.Ext, Options: m.Options, Push: m.Push, SubType: m.SubType}
			one.To, one.ClientId = to, hash(c.id, to).String()
			sent[i], errs[i] = a.app.Send(ctx, c.appKey(), one)
		})
	}
	sending.Wait()

	answer := batchAnswer{Unregister: []string{}, TimeTag: a.now().UnixMilli()}
	if withIDs {
		answer.MsgIDs = make(map[string]uint64, len(receivers))
	}
	for i, to := range receivers {
		switch {
		case wire.CodeOf(errs[i]) == wire.CodeNotFound:
			answer.Unregister = append(answer.Unregister, to)
		case wire.CodeOf(errs[i]) == wire.CodeBlacklisted:
		case errs[i] != nil:
			return nil, errs[i]
		case withIDs:
			answer.MsgIDs[to] = sent[i].Id
		}
	}
	return answer, nil
}

func (a *API) recall(ctx context.Context, c *call) (any, error) {
	if c.args["type"].number == recallTeam {
		_, err := a.app.RecallTeam(ctx, c.appKey(), c.args["from"].text, c.args["to"].text,
			uint64(c.args["deleteMsgid"].number), c.args["timetag"].number, c.args["msg"].text, c.args["ignoreTime"].flag)
		return nil, err
	}
	to, err := c.receiver()
	if err != nil {
		return nil, err
	}
	_, err = a.app.Recall(ctx, c.appKey(), c.args["from"].text, to,
		uint64(c.args["deleteMsgid"].number), c.args["timetag"].number, c.args["msg"].text, c.args["ignoreTime"].flag)
	return nil, err
}
