package callback

import (
	"strconv"

	"github.com/yizhan-im/yizhan/appliance/app"
	"github.com/yizhan-im/yizhan/appliance/state"
	"github.com/yizhan-im/yizhan/appliance/wire"
)

// Yunxin's numbers (facts/yunxin-api.md §9).
const (
	eventMessage       = 1
	eventTeamMessage   = 2
	eventProfile       = 3
	eventFriendAdd     = 4
	eventFriendDelete  = 5
	eventRoomMessage   = 6
	eventTeamCreate    = 7
	eventTeamDismiss   = 8
	eventTeamInvite    = 9
	eventTeamLeave     = 10
	eventTeamManagers  = 11
	eventTeamDemote    = 12
	eventTeamTransfer  = 13
	eventTeamKick      = 14
	eventTeamUpdate    = 15
	eventTeamOwnInfo   = 16
	eventTeamOtherInfo = 17
	eventTeamMute      = 18
	eventTeamJoin      = 19
	eventMegaMessage   = 22
	eventMegaInvite    = 23
	eventMegaKick      = 24
	eventRecall        = 35

	// eventRoomEntry is our own, far from those that Yunxin may have.
	eventRoomEntry = 1000
	eventLogin     = 36
)

// questionOf is the JSON object that says q, false when there is no number for
// it. Numbers are JSON numbers, and what is unknown is left out.
func questionOf(q *app.Question) (question any, ok bool) {
	switch q.Event {
	case state.CallbackLogin:
		return loginQuestion{
			EventType: eventLogin, Account: q.Account, ClientType: clientType(q.Platform), DeviceID: q.DeviceID,
			ClientIP: address(q), SDKVersion: q.SDKVersion, CustomTag: q.CustomTag, Timestamp: q.TimeMs,
		}, true
	case state.CallbackMessage:
		return messageOf(q, eventMessage), true
	case state.CallbackTeamMessage:
		if q.Mega {
			return messageOf(q, eventMegaMessage), true
		}
		return messageOf(q, eventTeamMessage), true
	case state.CallbackRoom:
		return roomMessageOf(q), true
	case state.CallbackRoomEntry:
		return roomEntryQuestion{EventType: eventRoomEntry, Room: q.Room, Account: q.Account, asker: askerOf(q)}, true
	case state.CallbackTeam:
		return teamOf(q)
	case state.CallbackRecall:
		return recallOf(q), true
	case state.CallbackFriend:
		return friendOf(q)
	case state.CallbackProfile:
		return profileOf(q), true
	default:
		return nil, false
	}
}

type loginQuestion struct {
	EventType  int    `json:"eventType"`
	Account    string `json:"accid"`
	ClientType string `json:"clientType"`
	DeviceID   string `json:"deviceId"`
	ClientIP   string `json:"clientIp,omitempty"`
	SDKVersion string `json:"sdkVersion,omitempty"`
	CustomTag  string `json:"customTag,omitempty"`
	Timestamp  int64  `json:"timestamp"`
}

type messageQuestion struct {
	EventType  int    `json:"eventType"`
	From       string `json:"fromAccount"`
	To         string `json:"to,omitempty"` // but in a room
	ClientType string `json:"fromClientType"`
	DeviceID   string `json:"fromDeviceId"`
	Timestamp  int64  `json:"msgTimestamp"`
	Type       string `json:"msgType"`
	Body       string `json:"body,omitempty"`   // of a text
	Attach     string `json:"attach,omitempty"` // of the other types: JSON text
	Ext        string `json:"ext,omitempty"`
	ClientID   string `json:"msgidClient"`
	IP         string `json:"ip,omitempty"`
	Port       string `json:"port,omitempty"`
}

func messageOf(q *app.Question, event int) messageQuestion {
	if q.Notification != nil {
		return notificationOf(q, event)
	}
	m := q.Message
	out := messageQuestion{
		EventType: event, From: q.Account, To: m.To, ClientType: clientType(q.Platform), DeviceID: q.DeviceID,
		Timestamp: q.TimeMs, Type: messageType(m.Type), Ext: m.Ext, ClientID: m.ClientId, IP: address(q),
	}
	switch {
	case m.Type == 0:
		out.Body = m.Body
	case len(q.Merged) > 0:
		out.Attach = mergedText(q)
	default:
		out.Attach = m.Body
	}
	if q.Remote.IsValid() {
		out.Port = strconv.Itoa(int(q.Remote.Port()))
	}
	return out
}

type teamQuestion struct {
	EventType  int    `json:"eventType"`
	Team       string `json:"tid,omitempty"`      // but for 7
	Creator    string `json:"creator,omitempty"`  // of 7
	Operator   string `json:"operator,omitempty"` // of the others
	ClientType string `json:"fromClientType"`
	DeviceID   string `json:"fromDeviceId"`
	Timestamp  int64  `json:"timestamp"`
	Note       string `json:"msg,omitempty"`
	SuperTeam  bool   `json:"superTeam,omitempty"` // it is a mega-team

	InviteList []string `json:"inviteList,omitempty"` // of 7 and 9
	Members    []string `json:"members,omitempty"`    // whom it is done to: of 11–14, 17, 18
	Leave      *bool    `json:"leave,omitempty"`      // of 13: the old owner leaves
	Mute       *bool    `json:"mute,omitempty"`       // of 18

	// Of 7 and 15, what is set or changed.
	Name         *string `json:"tname,omitempty"`
	Icon         *string `json:"icon,omitempty"`
	Announcement *string `json:"announcement,omitempty"`
	Intro        *string `json:"intro,omitempty"`
	Custom       *string `json:"custom,omitempty"`
	JoinMode     *int32  `json:"joinmode,omitempty"`
	BeInviteMode *int32  `json:"beinvitemode,omitempty"`
	InviteMode   *int32  `json:"invitemode,omitempty"`
	UpdateMode   *int32  `json:"uptinfomode,omitempty"`
	CustomMode   *int32  `json:"upcustommode,omitempty"`
	MemberLimit  *uint32 `json:"teamMemberLimit,omitempty"`
	TeamMute     *int32  `json:"teamMuteType,omitempty"`

	// Of 16 and 17, what is changed.
	Nick         *string `json:"nick,omitempty"`
	MemberCustom *string `json:"memberCustom,omitempty"`
}

// teamEvents are the numbers of what has always the same.
var teamEvents = map[state.TeamOp]int{
	state.TeamCreate: eventTeamCreate, state.TeamDismiss: eventTeamDismiss, state.TeamUpdate: eventTeamUpdate,
	state.TeamInvite: eventTeamInvite, state.TeamJoin: eventTeamJoin, state.TeamKick: eventTeamKick,
	state.TeamLeave: eventTeamLeave, state.TeamTransfer: eventTeamTransfer, state.TeamMuteMembers: eventTeamMute,
	state.TeamMuteAll: eventTeamUpdate,
}

// megaEvents are those of a mega-team that have other numbers.
var megaEvents = map[state.TeamOp]int{state.TeamInvite: eventMegaInvite, state.TeamKick: eventMegaKick}

func teamOf(q *app.Question) (question any, ok bool) {
	c := q.Team
	out := teamQuestion{
		EventType: teamEvents[c.Op], Operator: q.Account, ClientType: clientType(q.Platform), DeviceID: q.DeviceID,
		Timestamp: q.TimeMs, Note: c.Note, Members: c.Accounts, SuperTeam: q.Mega,
	}
	if event := megaEvents[c.Op]; q.Mega && event != 0 {
		out.EventType = event
	}
	if c.Team != 0 {
		out.Team = state.TeamID(c.Team)
	}
	switch c.Op {
	case state.TeamCreate:
		out.Creator, out.Operator = out.Operator, ""
		out.InviteList, out.Members = out.Members, nil
	case state.TeamInvite:
		out.InviteList, out.Members = out.Members, nil
	case state.TeamManagers:
		out.EventType = eventTeamManagers
		if !c.Flag {
			out.EventType = eventTeamDemote
		}
	case state.TeamTransfer:
		out.Leave = &c.Flag
	case state.TeamMuteMembers:
		out.Mute = &c.Flag
	case state.TeamMuteAll:
		mute := int32(c.Mute)
		out.TeamMute = &mute
	case state.TeamSettings:
		if c.Member.GetNick() == "" && c.Member.GetCustom() == "" {
			return nil, false // the account's own business, such as not to be notified
		}
		out.EventType = eventTeamOtherInfo
		if len(c.Accounts) == 1 && c.Accounts[0] == c.By {
			out.EventType, out.Members = eventTeamOwnInfo, nil
		}
	}
	if i := c.Info; i != nil {
		out.Name, out.Icon, out.Announcement, out.Intro, out.Custom = i.Name, i.Icon, i.Announcement, i.Intro, i.Custom
		out.JoinMode, out.BeInviteMode = (*int32)(i.JoinMode), (*int32)(i.Consent)
		out.InviteMode, out.UpdateMode, out.CustomMode = (*int32)(i.InviteMode), (*int32)(i.UpdateMode), (*int32)(i.CustomMode)
		out.MemberLimit = i.MemberLimit
	}
	if m := c.Member; m != nil {
		out.Nick, out.MemberCustom = m.Nick, m.Custom
	}
	return out, out.EventType != 0
}

func address(q *app.Question) string {
	if !q.Remote.IsValid() {
		return ""
	}
	return q.Remote.Addr().Unmap().String()
}

// clientType is the name of a platform in Yunxin's copies and callbacks.
func clientType(p wire.Platform) string {
	switch p {
	case wire.Platform_PLATFORM_ANDROID:
		return "AOS"
	case wire.Platform_PLATFORM_IOS:
		return "IOS"
	case wire.Platform_PLATFORM_PC:
		return "PC"
	case wire.Platform_PLATFORM_WEB:
		return "WEB"
	case wire.Platform_PLATFORM_MAC:
		return "MAC"
	case wire.Platform_PLATFORM_REST:
		return "REST"
	default:
		return "UNKNOWN"
	}
}

var messageTypes = map[uint32]string{
	0: "TEXT", 1: "PICTURE", 2: "AUDIO", 3: "VIDEO", 4: "LOCATION", 6: "FILE", 10: "TIPS", 100: "CUSTOM",
}

// messageType is the name of a message type there.
func messageType(kind uint32) string {
	if name, ok := messageTypes[kind]; ok {
		return name
	}
	return strconv.FormatUint(uint64(kind), 10)
}
