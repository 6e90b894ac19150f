package api

import (
	"context"
	"encoding/json"
	"strconv"

	"google.golang.org/protobuf/proto"

	"github.com/yizhan-im/yizhan/appliance/state"
	"github.com/yizhan-im/yizhan/appliance/wire"
)

const (
	maxSessionPage = state.MaxConversationsPage
	maxSessionExt  = 1024
	lastMinute     = 24*60 - 1
)

// sessionScenes are the scenes by the parameter type of msg/delRoamSession.
var sessionScenes = [...]wire.Scene{1: wire.Scene_SCENE_P2P, 2: wire.Scene_SCENE_TEAM}

var sessionParams = []param{
	{name: "accid", kind: account, required: true},
	{name: "type", kind: number, required: true, least: 1, most: 2, about: "1 the conversation with an account, 2 that of a team"},
	{name: "to", max: 32, required: true, about: "the other account, or the team's number", example: "bob"},
}

var sessionOutcomes = []outcome{
	{wire.CodeNotFound, "type is 1 and there is no account to"},
	{wire.CodeTeamMissing, "type is 2 and there is no such team"},
	{wire.CodeNotInTeam, "type is 2 and the account is not a member"},
}

var topOutcome = outcome{wire.CodeCountLimit, "100 conversations of the account are top, or 5000 have a setting"}

var inboxActions = []action{
	{
		name:  "user/mute",
		about: "Forbids the user of an account to send anything, or lifts that. Clients get code 403. Your own messages in the account's name still go.",
		params: []param{
			{name: "accid", kind: account, required: true},
			{name: "mute", kind: boolean, required: true, about: "true forbids"},
		},
		serve: (*API).muteUser,
	},
	{
		name:  "user/muteModule",
		about: "Forbids the user of an account to send in the places that are given as true, and lifts it for those given as false.",
		params: []param{
			{name: "accid", kind: account, required: true},
			{name: "muteP2P", kind: boolean, about: "to accounts", example: "true"},
			{name: "muteTeam", kind: boolean, about: "to teams and mega-teams"},
			{name: "muteRoom", kind: boolean, about: "to chatrooms"},
		},
		ignored: []string{"muteQChat"},
		answer:  muteModuleAnswer{},
		serve:   (*API).muteModule,
	},
	{
		name:  "user/setDonnop",
		about: "Says whether an account's phones get no push while one of its desktop or web devices is online.",
		params: []param{
			{name: "accid", kind: account, required: true},
			{name: "donnopOpen", kind: boolean, required: true, about: "true: no push then"},
		},
		serve: (*API).setDonnop,
	},
	{
		name:  "user/setDoNotDisturb",
		about: "Says when an account's sleeping devices are not woken by a push. What is not given stays. Yizhan's own: Yunxin has no such action.",
		params: []param{
			{name: "accid", kind: account, required: true},
			{name: "on", kind: boolean, about: "true: no push, in the quiet hours if there are any", example: "true"},
			{name: "from", kind: number, most: lastMinute, about: "minute of the day when the quiet hours begin", example: "1320"},
			{name: "to", kind: number, most: lastMinute, about: "minute of the day when they end; not after from: of the next day", example: "420"},
			{name: "utcOffset", kind: number, least: -12 * 60, most: 14 * 60, about: "minutes between UTC and the account's time, default 0", example: "480"},
			{name: "weekdays", kind: number, most: 127, about: "days on which they begin: 1 Sunday + 2 Monday … + 64 Saturday; 0, the default, is every day"},
			{name: "noQuiet", kind: boolean, about: "true forgets the quiet hours"},
		},
		answer: dndAnswer{},
		serve:  (*API).setDoNotDisturb,
	},
	{
		name:   "user/unread",
		about:  "Counts what an account has not read, for a badge. Yizhan's own: Yunxin has no such action.",
		params: []param{{name: "accid", kind: account, required: true}},
		answer: unreadAnswer{},
		serve:  (*API).unread,
	},
	{
		name:  "user/setSession",
		about: "Changes how an account has arranged a conversation. What is not given stays. Yizhan's own: Yunxin has no such action.",
		params: append(sessionParams[:len(sessionParams):len(sessionParams)],
			param{name: "top", kind: boolean, about: "whether it stays before the others", example: "true"},
			param{name: "mute", kind: boolean, about: "whether it makes no noise"},
			param{name: "markUnread", kind: boolean, about: "whether it shows as unread"},
			param{name: "ext", max: maxSessionExt, about: "the client's own data"},
			param{name: "remove", kind: boolean, about: "true takes it out of the list until its next message"},
		),
		codes: append(sessionOutcomes[:len(sessionOutcomes):len(sessionOutcomes)], topOutcome),
		serve: (*API).setSession,
	},
	{
		name:  "msg/delRoamSession",
		about: "Clears a conversation for one of its accounts: from then on the account's devices do not find in it what was written so far. The other side keeps it, and so does history/querySessionMsg.",
		params: []param{
			{name: "type", kind: number, required: true, least: 1, most: 2, about: "1 the conversation with an account, 2 that of a team"},
			{name: "from", kind: account, required: true, about: "the account whose devices are meant"},
			{name: "to", max: 32, required: true, about: "the other account, or the team's number", example: "bob"},
		},
		codes: sessionOutcomes,
		serve: (*API).delRoamSession,
	},
	{
		name:  "history/querySessionList",
		about: "Lists the conversations of an account whose newest message is of minTimestamp to maxTimestamp, newest first.",
		params: []param{
			{name: "accid", kind: account, required: true},
			{name: "minTimestamp", kind: number, most: maxMillis, about: aboutTimeMs + ", default 0"},
			{name: "maxTimestamp", kind: number, most: maxMillis, about: aboutTimeMs + ", default now"},
			{name: "limit", kind: number, least: 1, most: maxSessionPage, about: "most conversations to read, default 100", example: "20"},
			{name: "needLastMsg", kind: number, most: 1, about: "1, the default, tells the last message"},
		},
		answer: sessionsAnswer{},
		serve:  (*API).sessions,
	},
}

func muteOf(on bool, place state.Mute) state.Mute {
	if on {
		return place
	}
	return 0
}

func (a *API) muteUser(ctx context.Context, c *call) (any, error) {
	err := a.app.MuteAccount(ctx, c.appKey(), c.args["accid"].text, state.MuteAll, muteOf(c.args["mute"].flag, state.MuteAll))
	return nil, notRegistered(err, "accid")
}

type muteModuleAnswer struct {
	Data struct {
		MuteP2P   bool `json:"muteP2P"`
		MuteTeam  bool `json:"muteTeam"`
		MuteRoom  bool `json:"muteRoom"`
		MuteQChat bool `json:"muteQChat" about:"always false"`
	} `json:"data"`
}

func (a *API) muteModule(ctx context.Context, c *call) (any, error) {
	accid := c.args["accid"].text
	var mask, set state.Mute
	for name, place := range map[string]state.Mute{"muteP2P": state.MuteP2P, "muteTeam": state.MuteTeam, "muteRoom": state.MuteRoom} {
		if arg := c.args[name]; arg.given {
			mask, set = mask|place, set|muteOf(arg.flag, place)
		}
	}
	if err := a.app.MuteAccount(ctx, c.appKey(), accid, mask, set); err != nil {
		return nil, notRegistered(err, "accid")
	}
	mute, _, err := a.app.AccountMute(ctx, c.appKey(), accid)
	if err != nil {
		return nil, err
	}
	var answer muteModuleAnswer
	answer.Data.MuteP2P, answer.Data.MuteTeam, answer.Data.MuteRoom = mute&state.MuteP2P != 0, mute&state.MuteTeam != 0, mute&state.MuteRoom != 0
	return answer, nil
}

func (a *API) setDonnop(ctx context.Context, c *call) (any, error) {
	_, err := a.app.SetDoNotDisturb(ctx, c.appKey(), c.args["accid"].text, &wire.SetDoNotDisturbRequest{Desktop: proto.Bool(c.args["donnopOpen"].flag)})
	return nil, notRegistered(err, "accid")
}

type dndAnswer struct {
	Data struct {
		On      bool  `json:"on"`
		Desktop bool  `json:"desktop" about:"what user/setDonnop has set"`
		From    int64 `json:"from" about:"minute of the day; equal to to when there are no quiet hours"`
		To      int64 `json:"to"`
	} `json:"data"`
}

func (a *API) setDoNotDisturb(ctx context.Context, c *call) (any, error) {
	in := &wire.SetDoNotDisturbRequest{NoQuiet: c.args["noQuiet"].flag}
	if on := c.args["on"]; on.given {
		in.On = proto.Bool(on.flag)
	}
	from, to := c.args["from"], c.args["to"]
	switch {
	case from.given != to.given:
		return nil, wire.Errorf(wire.CodeBadParameter, "parameters from and to belong together")
	case from.given:
		in.Quiet = &wire.QuietHours{
			From: uint32(from.number), To: uint32(to.number), UtcOffset: c.args["utcOffset"].number, Weekdays: uint32(c.args["weekdays"].number),
		}
	}
	d, err := a.app.SetDoNotDisturb(ctx, c.appKey(), c.args["accid"].text, in)
	if err != nil {
		return nil, notRegistered(err, "accid")
	}
	var answer dndAnswer
	answer.Data.On, answer.Data.Desktop = d.On, d.Desktop
	answer.Data.From, answer.Data.To = int64(d.Quiet.GetFrom()), int64(d.Quiet.GetTo())
	return answer, nil
}

type unreadAnswer struct {
	Data struct {
		Unread        uint32 `json:"unread" about:"in all conversations of the list"`
		Muted         uint32 `json:"muted" about:"of it in those that make no noise"`
		Conversations uint32 `json:"conversations" about:"that have something unread"`
		Marked        uint32 `json:"marked" about:"that are only marked as unread"`
		More          bool   `json:"more" about:"whether it is at least so much"`
	} `json:"data"`
}

func (a *API) unread(ctx context.Context, c *call) (any, error) {
	accid := c.args["accid"].text
	if err := a.requireAccount(ctx, c, "accid", accid); err != nil {
		return nil, err
	}
	u, err := a.app.Unread(ctx, c.appKey(), accid)
	if err != nil {
		return nil, err
	}
	var answer unreadAnswer
	answer.Data.Unread, answer.Data.Muted, answer.Data.Conversations = u.Unread, u.Muted, u.Conversations
	answer.Data.Marked, answer.Data.More = u.Marked, u.More
	return answer, nil
}

// changeSession changes the setting of a conversation of the account that the
// parameter by names.
func (a *API) changeSession(ctx context.Context, c *call, by string, change state.ConversationChange) error {
	accid, scene, to := c.args[by].text, sessionScenes[c.args["type"].number], c.args["to"].text
	if err := a.requireAccount(ctx, c, by, accid); err != nil {
		return err
	}
	_, err := a.app.ChangeConversation(ctx, c.appKey(), accid, scene, to, change)
	return err
}

func (a arg) optionalFlag() *bool {
	if !a.given {
		return nil
	}
	return &a.flag
}

func (a *API) setSession(ctx context.Context, c *call) (any, error) {
	return nil, a.changeSession(ctx, c, "accid", state.ConversationChange{
		Top: c.args["top"].optionalFlag(), Muted: c.args["mute"].optionalFlag(), Marked: c.args["markUnread"].optionalFlag(),
		Ext: c.args["ext"].optional(), Remove: c.args["remove"].flag,
	})
}

func (a *API) delRoamSession(ctx context.Context, c *call) (any, error) {
	return nil, a.changeSession(ctx, c, "from", state.ConversationChange{Clear: true})
}

type sessionsAnswer struct {
	Data struct {
		HasMore  bool          `json:"hasMore" about:"whether there are others: ask with a smaller maxTimestamp"`
		Sessions []listSession `json:"sessions"`
	} `json:"data"`
}

type listSession struct {
	SessionType int    `json:"sessionType" about:"1 with an account, 2 of a team"`
	Accid       string `json:"accid,omitempty" about:"the other account, when sessionType is 1"`
	Tid         uint64 `json:"tid,omitempty" about:"the team, when sessionType is 2"`
	UpdateTime  int64  `json:"updateTime" about:"of the newest message, in milliseconds since 1970"`
	Ext         string `json:"ext" about:"the client's own data"`
	Unread      uint32 `json:"unread"`
	UnreadMore  bool   `json:"unreadMore,omitempty" about:"whether it is at least so much: more than 200 entries are behind what was read"`
	Top         bool   `json:"top"`
	Mute        bool   `json:"mute"`
	LastMsgType string `json:"lastMsgType,omitempty" about:"the number of its type"`
	LastMsg     string `json:"lastMsg,omitempty" about:"JSON of msgid, from, sendtime and body: of a text its first 400 bytes, {} when it was recalled or is longer"`
}

type lastMessage struct {
	MsgID    uint64          `json:"msgid"`
	From     string          `json:"from"`
	SendTime int64           `json:"sendtime"`
	Body     json.RawMessage `json:"body"`
}

func (a *API) sessions(ctx context.Context, c *call) (any, error) {
	accid, maxMs := c.args["accid"].text, int64(maxMillis)
	if c.args["maxTimestamp"].given {
		maxMs = c.args["maxTimestamp"].number
	}
	found, more, err := a.app.Conversations(ctx, c.appKey(), accid, c.args["minTimestamp"].number, maxMs, int(c.args["limit"].number))
	if err != nil {
		return nil, err
	}
	if len(found) == 0 {
		if err := a.requireAccount(ctx, c, "accid", accid); err != nil {
			return nil, err
		}
	}
	var answer sessionsAnswer
	answer.Data.HasMore, answer.Data.Sessions = more, make([]listSession, len(found))
	withLast := !c.args["needLastMsg"].given || c.args["needLastMsg"].number == 1
	for i, s := range found {
		session := &answer.Data.Sessions[i]
		*session = listSession{
			SessionType: 1, Accid: s.Peer, UpdateTime: s.TimeMs, Unread: s.Unread, UnreadMore: s.UnreadMore, Top: s.Setting.GetTop(),
			Mute: s.Setting.GetMuted() || s.Team.GetNotifyOff(), Ext: s.Setting.GetExt(),
		}
		if s.Scene == wire.Scene_SCENE_TEAM {
			session.SessionType, session.Accid = 2, ""
			session.Tid, _ = state.ParseTeamID(s.Peer)
		}
		if s.Last == nil || !withLast {
			continue
		}
		if session.LastMsg, err = lastMessageJSON(s.Last); err != nil {
			return nil, err
		}
		session.LastMsgType = strconv.FormatUint(uint64(s.Last.Type), 10)
	}
	return answer, nil
}

func lastMessageJSON(p *wire.Preview) (string, error) {
	gone := p.Recalled || p.Type != typeText && p.Body == ""
	body, err := bodyJSON(&wire.Message{Type: p.Type, Body: p.Body, Recalled: gone})
	if err != nil {
		return "", err
	}
	text, err := marshal(lastMessage{MsgID: p.Id, From: p.From, SendTime: p.TimeMs, Body: body})
	return string(text), err
}

// addMutes tells in p where the account may not send.
func (a *API) addMutes(ctx context.Context, c *call, p *profile) error {
	mute, blocked, err := a.app.AccountMute(ctx, c.appKey(), p.Accid)
	if err != nil {
		return err
	}
	is := func(set bool) *bool { return &set }
	p.Valid, p.Mute, p.MuteQChat = is(!blocked), is(mute == state.MuteAll), is(false)
	p.MuteP2P, p.MuteTeam, p.MuteRoom = is(mute&state.MuteP2P != 0), is(mute&state.MuteTeam != 0), is(mute&state.MuteRoom != 0)
	return nil
}
