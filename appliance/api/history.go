package api

import (
	"context"
	"encoding/json"
	"strconv"
	"strings"

	"github.com/yizhan-im/yizhan/appliance/state"
	"github.com/yizhan-im/yizhan/appliance/wire"
)

const (
	maxHistoryPage  = 100
	oldestFirst     = 1
	newestFirst     = 2
	maxHistoryTypes = 32
)

var historyActions = []action{{
	name:  "history/querySessionMsg",
	about: "Reads the messages between two accounts, sent from begintime to endtime. A recalled one keeps its place, without content.",
	params: []param{
		{name: "from", kind: account, required: true},
		{name: "to", kind: account, required: true, example: "bob"},
		{name: "begintime", kind: number, required: true, most: maxMillis, about: aboutTimeMs},
		{name: "endtime", kind: number, required: true, most: maxMillis, about: aboutTimeMs, example: "9000000000000"},
		{name: "limit", kind: number, required: true, least: 1, most: maxHistoryPage, about: "most messages to read", example: "20"},
		{name: "reverse", kind: number, least: oldestFirst, most: newestFirst, about: "1 oldest first, 2 newest first (default)"},
		{name: "type", max: 128, about: "types separated by commas, default all", example: "0,1"},
	},
	answer: historyAnswer{},
	serve:  (*API).sessionHistory,
}, teamHistoryAction, searchAction}

// sendableTypes are what history shows when it is not asked for certain types:
// not the state machine's own entries, such as recalls.
var sendableTypes = []uint32{0, 1, 2, 3, 4, 6, 10, 100, state.TypeMerged}

type historyAnswer struct {
	Size int              `json:"size" about:"how many messages there are in msgs"`
	Msgs []historyMessage `json:"msgs"`
}

type historyMessage struct {
	From           string          `json:"from"`
	MsgID          uint64          `json:"msgid"`
	MsgIDClient    string          `json:"msgidclient" about:"the sender's own id of the message"`
	SendTime       int64           `json:"sendtime" about:"milliseconds since 1970"`
	Type           uint32          `json:"type" about:"0 text, 1 image, 2 audio, 3 video, 4 location, 6 file, 10 tip, 100 custom, 101 merged forward"`
	FromClientType wire.Platform   `json:"fromclienttype" about:"1 Android, 2 iOS, 4 PC, 16 web, 32 backend, 64 Mac"`
	Body           json.RawMessage `json:"body" about:"of a text {msg}, of a merged forward {msg} with its title, of other types the sender's JSON, of a recalled message {}"`
	Ext            string          `json:"ext,omitempty"`
	Merged         []mergedMessage `json:"merged,omitempty" about:"the messages that a merged forward holds, as they were then"`
	Recalled       bool            `json:"recalled,omitempty"`
	To             string          `json:"to,omitempty" about:"who has got it; only where several conversations are read"`
	Tid            string          `json:"tid,omitempty" about:"the team that it was sent to; only there"`
}

type mergedMessage struct {
	From     string          `json:"from"`
	MsgID    uint64          `json:"msgid"`
	SendTime int64           `json:"sendtime" about:"milliseconds since 1970"`
	Type     uint32          `json:"type" about:"as above"`
	Body     json.RawMessage `json:"body" about:"as above"`
	Ext      string          `json:"ext,omitempty"`
}

func (a *API) sessionHistory(ctx context.Context, c *call) (any, error) {
	begin, end := c.args["begintime"].number, c.args["endtime"].number
	if begin > end {
		return nil, wire.Errorf(wire.CodeBadParameter, "parameter begintime is after endtime")
	}
	types, err := parseTypes(c.args["type"].text)
	if err != nil {
		return nil, err
	}
	reverse := c.args["reverse"].number != oldestFirst
	messages, err := a.app.History(ctx, c.appKey(), c.args["from"].text, c.args["to"].text,
		begin, end, int(c.args["limit"].number), reverse, types)
	if err != nil {
		return nil, err
	}
	return historyAnswerOf(messages)
}

func historyAnswerOf(messages []*wire.Message) (any, error) {
	shown, err := shownMessages(messages)
	return historyAnswer{Size: len(shown), Msgs: shown}, err
}

func shownMessages(messages []*wire.Message) ([]historyMessage, error) {
	shown := make([]historyMessage, len(messages))
	for i, m := range messages {
		var err error
		if shown[i], err = historyMessageOf(m); err != nil {
			return nil, err
		}
	}
	return shown, nil
}

func historyMessageOf(m *wire.Message) (shown historyMessage, err error) {
	shown = historyMessage{
		From: m.From, MsgID: m.Id, MsgIDClient: m.ClientId, SendTime: m.TimeMs, Type: m.Type,
		FromClientType: m.FromPlatform, Ext: m.Ext, Recalled: m.Recalled,
	}
	for _, one := range m.Merged {
		held := mergedMessage{From: one.Origin.GetFrom(), MsgID: one.Origin.GetId(), SendTime: one.Origin.GetTimeMs(), Type: one.Type, Ext: one.Ext}
		if held.Body, err = bodyJSON(&wire.Message{Type: one.Type, Body: one.Body}); err != nil {
			return shown, err
		}
		shown.Merged = append(shown.Merged, held)
	}
	shown.Body, err = bodyJSON(m)
	return shown, err
}

func parseTypes(list string) ([]uint32, error) {
	if list == "" {
		return sendableTypes, nil
	}
	names := strings.Split(list, ",")
	if len(names) > maxHistoryTypes {
		return nil, wire.Errorf(wire.CodeBadParameter, "parameter type has more than %d types", maxHistoryTypes)
	}
	types := make([]uint32, len(names))
	for i, name := range names {
		n, err := strconv.ParseUint(strings.TrimSpace(name), 10, 16)
		if err != nil {
			return nil, wire.Errorf(wire.CodeBadParameter, "parameter type is not a list of numbers like 0,1,100")
		}
		types[i] = uint32(n)
	}
	return types, nil
}

// bodyJSON is the body as backends know it: an object.
func bodyJSON(m *wire.Message) (json.RawMessage, error) {
	switch {
	case m.Recalled || m.Hidden:
		return json.RawMessage("{}"), nil
	case m.Type != typeText && m.Type != state.TypeMerged && json.Valid([]byte(m.Body)):
		return json.RawMessage(m.Body), nil
	default:
		return marshal(textBody{Msg: m.Body})
	}
}
