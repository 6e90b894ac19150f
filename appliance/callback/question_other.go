package callback

import (
	"encoding/json"
	"strconv"

	"github.com/yizhan-im/yizhan/appliance/app"
	"github.com/yizhan-im/yizhan/appliance/state"
	"github.com/yizhan-im/yizhan/appliance/wire"
)

// asker is who asks, in all questions but those about logins, messages and teams,
// which spell it in ways of their own.
type asker struct {
	ClientType string `json:"clientType"`
	DeviceID   string `json:"deviceId"`
	Timestamp  int64  `json:"timestamp"`
}

func askerOf(q *app.Question) asker {
	return asker{clientType(q.Platform), q.DeviceID, q.TimeMs}
}

type recallQuestion struct {
	EventType  int    `json:"eventType"`
	ConvType   string `json:"convType"`    // PERSON or TEAM, as in copies
	Operator   string `json:"fromAccount"` // who takes it back
	To         string `json:"to"`
	Sender     string `json:"msgFromAccount"` // who has sent it
	ServerID   string `json:"msgidServer"`
	ClientID   string `json:"msgidClient"`
	SentMs     int64  `json:"msgTimestamp"`
	Type       string `json:"msgType"`
	Note       string `json:"msg,omitempty"`
	ClientType string `json:"fromClientType"`
	DeviceID   string `json:"fromDeviceId"`
	Timestamp  int64  `json:"timestamp"`
}

func recallOf(q *app.Question) recallQuestion {
	r, m := q.Recall, q.Recall.Message
	out := recallQuestion{
		EventType: eventRecall, ConvType: "PERSON", Operator: q.Account, To: r.Peer,
		Sender: m.From, ServerID: strconv.FormatUint(m.Id, 10), ClientID: m.ClientId, SentMs: m.TimeMs, Type: messageType(m.Type),
		Note: r.Note, ClientType: clientType(q.Platform), DeviceID: q.DeviceID, Timestamp: q.TimeMs,
	}
	if r.Scene == wire.Scene_SCENE_TEAM {
		out.ConvType = "TEAM"
	}
	return out
}

type friendQuestion struct {
	EventType int    `json:"eventType"`
	Account   string `json:"accid"`
	Friend    string `json:"faccid"`
	Type      int    `json:"type,omitempty"` // of 4, as in friend/add
	Note      string `json:"msg,omitempty"`
	asker
}

// friendTypes are those of friend/add.
var friendTypes = map[state.RelationOp]int{state.RelationAdd: 1, state.RelationAsk: 2, state.RelationAccept: 3}

func friendOf(q *app.Question) (question any, ok bool) {
	c := q.Friend
	out := friendQuestion{EventType: eventFriendAdd, Account: q.Account, Friend: c.Peer, Type: friendTypes[c.Op], Note: c.Note, asker: askerOf(q)}
	if c.Op == state.RelationDelete {
		out.EventType = eventFriendDelete
	}
	return out, out.Type != 0 || out.EventType == eventFriendDelete
}

// notificationOf is about a notification of a client: a message of a type of its own,
// as in copies (facts/yunxin-api.md §8).
func notificationOf(q *app.Question, event int) messageQuestion {
	n := q.Notification
	out := messageQuestion{
		EventType: event, From: q.Account, To: n.To, ClientType: clientType(q.Platform), DeviceID: q.DeviceID,
		Timestamp: q.TimeMs, Type: "CUSTOM_P2P_MSG", Attach: n.Attach, ClientID: n.ClientId, IP: address(q),
	}
	if n.Scene == wire.Scene_SCENE_TEAM {
		out.Type = "CUSTOM_TEAM_MSG"
	}
	if q.Remote.IsValid() {
		out.Port = strconv.Itoa(int(q.Remote.Port()))
	}
	return out
}

// roomQuestion is about a message to a room.
type roomQuestion struct {
	Room string `json:"roomId"`
	messageQuestion
}

func roomMessageOf(q *app.Question) roomQuestion {
	out := roomQuestion{Room: q.Message.To, messageQuestion: messageOf(q, eventRoomMessage)}
	out.To = ""
	return out
}

type roomEntryQuestion struct {
	EventType int    `json:"eventType"`
	Room      string `json:"roomId"`
	Account   string `json:"accid"`
	asker
}

// profileQuestion has the fields that are changed; empty ones are cleared.
type profileQuestion struct {
	EventType int     `json:"eventType"`
	Account   string  `json:"account"`
	Name      *string `json:"name,omitempty"`
	Icon      *string `json:"icon,omitempty"`
	Sign      *string `json:"sign,omitempty"`
	Email     *string `json:"email,omitempty"`
	Birth     *string `json:"birth,omitempty"`
	Mobile    *string `json:"mobile,omitempty"`
	Gender    *uint32 `json:"gender,omitempty"`
	Ex        *string `json:"ex,omitempty"`
	asker
}

func profileOf(q *app.Question) profileQuestion {
	u := q.Profile
	return profileQuestion{
		EventType: eventProfile, Account: q.Account, Name: u.Name, Icon: u.Icon, Sign: u.Sign, Email: u.Email, Birth: u.Birth,
		Mobile: u.Mobile, Gender: u.Gender, Ex: u.Ex, asker: askerOf(q),
	}
}

// mergedAttach is the attach of a merged forward, so that a backend sees what it holds.
type mergedAttach struct {
	Title    string          `json:"title,omitempty"`
	Messages []mergedMessage `json:"messages"`
}

type mergedMessage struct {
	From     string `json:"fromAccount"`
	ServerID string `json:"msgidServer"`
	SentMs   int64  `json:"msgTimestamp"`
	Type     string `json:"msgType"`
	Body     string `json:"body,omitempty"`   // of a text
	Attach   string `json:"attach,omitempty"` // of the other types: JSON text
	Ext      string `json:"ext,omitempty"`
}

func mergedText(q *app.Question) string {
	out := mergedAttach{Title: q.Message.Body, Messages: make([]mergedMessage, len(q.Merged))}
	for i, m := range q.Merged {
		one := mergedMessage{From: m.From, ServerID: strconv.FormatUint(m.Id, 10), SentMs: m.TimeMs, Type: messageType(m.Type), Ext: m.Ext}
		if m.Type == 0 {
			one.Body = m.Body
		} else {
			one.Attach = m.Body
		}
		out.Messages[i] = one
	}
	text, _ := json.Marshal(out) // strings and numbers only: nothing that can fail
	return string(text)
}
