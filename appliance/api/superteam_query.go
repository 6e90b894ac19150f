package api

import (
	"context"
	"encoding/json"
	"strconv"

	"github.com/yizhan-im/yizhan/appliance/app"
	"github.com/yizhan-im/yizhan/appliance/state"
	"github.com/yizhan-im/yizhan/appliance/wire"
)

type teamRequest = app.TeamRequest

// megaInfo is a superteam.
type megaInfo struct {
	Tid          uint64 `json:"tid"`
	Name         string `json:"tname"`
	Creator      string `json:"creator" about:"the owner"`
	Level        uint32 `json:"tlevel" about:"how many members it may have"`
	Size         uint32 `json:"size" about:"how many members it has"`
	Intro        string `json:"intro"`
	Announcement string `json:"announcement"`
	ClientCustom string `json:"clientCustom" about:"the clients' data"`
	ServerCustom string `json:"serverCustom" about:"the backend's data"`
	Icon         string `json:"icon"`
	MuteType     int32  `json:"muteType" about:"0 nobody is muted, 1 all but owner and managers, 3 all"`
	JoinMode     int32  `json:"joinmode" about:"0 anybody may join, 1 managers decide, 2 nobody"`
	BeInviteMode int32  `json:"beinvitemode" about:"0 who is invited is asked, 1 is not"`
	InviteMode   int32  `json:"invitemode" about:"who may invite: 0 managers, 1 all"`
	UpInfoMode   int32  `json:"uptinfomode" about:"who may change the team's data: 0 managers, 1 all"`
	UpCustomMode int32  `json:"upcustommode" about:"who may change the clients' data: 0 managers, 1 all"`
	CreateTime   int64  `json:"createtime" about:"milliseconds since 1970"`
	UpdateTime   int64  `json:"updatetime" about:"milliseconds since 1970"`
}

type megaInfosAnswer struct {
	Infos []megaInfo `json:"tinfos"`
}

// megaInfosOf shows those of teams that are superteams.
func megaInfosOf(teams []*wire.Team) megaInfosAnswer {
	infos := []megaInfo{}
	for _, t := range teams {
		if !t.Mega {
			continue
		}
		id, _ := state.ParseTeamID(t.Id)
		infos = append(infos, megaInfo{
			Tid: id, Name: t.Name, Creator: t.Owner, Level: t.MemberLimit, Size: t.Members, Intro: t.Intro, Announcement: t.Announcement,
			ClientCustom: t.Custom, ServerCustom: t.ServerCustom, Icon: t.Icon, MuteType: int32(t.Mute), JoinMode: int32(t.JoinMode),
			BeInviteMode: int32(t.Consent), InviteMode: int32(t.InviteMode), UpInfoMode: int32(t.UpdateMode), UpCustomMode: int32(t.CustomMode),
			CreateTime: t.CreatedMs, UpdateTime: t.UpdatedMs,
		})
	}
	return megaInfosAnswer{infos}
}

func (a *API) megaInfos(ctx context.Context, c *call) (any, error) {
	teams, err := a.app.Teams(ctx, c.appKey(), c.args["tids"].list)
	if err != nil {
		return nil, err
	}
	return megaInfosOf(teams), nil
}

func (a *API) megaTeamsOf(ctx context.Context, c *call) (any, error) {
	teams, err := a.app.AccountTeams(ctx, c.appKey(), c.args["accid"].text)
	if err != nil {
		return nil, notRegistered(err, "accid")
	}
	return megaInfosOf(teams), nil
}

// megaMember is a member of a superteam.
type megaMember struct {
	Tid        uint64 `json:"tid"`
	Accid      string `json:"accid"`
	Type       int    `json:"type" about:"0 a member, 1 the owner, 2 a manager"`
	Nick       string `json:"nick" about:"what the account is called in the superteam"`
	JoinTime   string `json:"jointime" about:"when it joined, in milliseconds since 1970"`
	Mute       int    `json:"mute" about:"1 muted, 0 not"`
	Invitor    string `json:"invitor,omitempty" about:"who has invited it"`
	Custom     string `json:"custom"`
	CreateTime int64  `json:"createtime" about:"when it joined, in milliseconds since 1970"`
	UpdateTime int64  `json:"updatetime" about:"the same"`
}

type megaMembersAnswer struct {
	Lists []megaMember `json:"tlists"`
}

// yunxinTypes are Yunxin's numbers of roles.
var yunxinTypes = map[wire.TeamRole]int{wire.TeamRole_TEAM_ROLE_OWNER: 1, wire.TeamRole_TEAM_ROLE_MANAGER: 2}

func megaMembersOf(tid string, members []*wire.TeamMember) megaMembersAnswer {
	id, _ := state.ParseTeamID(tid)
	list := make([]megaMember, len(members))
	for i, m := range members {
		list[i] = megaMember{
			Tid: id, Accid: m.Account, Type: yunxinTypes[m.Role], Nick: m.Nick, JoinTime: strconv.FormatInt(m.JoinedMs, 10),
			Invitor: m.Inviter, Custom: m.Custom, CreateTime: m.JoinedMs, UpdateTime: m.JoinedMs,
		}
		if m.Muted {
			list[i].Mute = 1
		}
	}
	return megaMembersAnswer{list}
}

func (a *API) megaMembers(ctx context.Context, c *call) (any, error) {
	tid := c.args["tid"].text
	members, err := a.app.MegaTeamMembers(ctx, c.appKey(), tid, c.args["timetag"].number, int(c.args["limit"].number), c.args["reverse"].number == newestFirst)
	if err != nil {
		return nil, err
	}
	return megaMembersOf(tid, members), nil
}

func (a *API) megaMuted(ctx context.Context, c *call) (any, error) {
	tid := c.args["tid"].text
	members, err := a.app.MegaTeamMuted(ctx, c.appKey(), tid, c.args["timetag"].number, int(c.args["limit"].number), c.args["reverse"].number == newestFirst)
	if err != nil {
		return nil, err
	}
	return megaMembersOf(tid, members), nil
}

func (a *API) sendToMega(ctx context.Context, c *call) (any, error) {
	tid := c.args["tid"].text
	if err := a.app.RequireTeamKind(ctx, c.appKey(), tid, true); err != nil {
		return nil, err
	}
	m, err := c.message(c.args["fromAccid"].text)
	if err != nil {
		return nil, err
	}
	m.Scene, m.To, m.ClientId = wire.Scene_SCENE_TEAM, tid, c.id
	sent, err := a.app.Send(ctx, c.appKey(), m)
	if err != nil {
		return nil, err
	}
	return answerOf(sent), nil
}

func (a *API) recallInMega(ctx context.Context, c *call) (any, error) {
	tid := c.args["to"].text
	if err := a.app.RequireTeamKind(ctx, c.appKey(), tid, true); err != nil {
		return nil, err
	}
	_, err := a.app.RecallTeam(ctx, c.appKey(), c.args["from"].text, tid,
		uint64(c.args["deleteMsgid"].number), c.args["timetag"].number, c.args["msg"].text, c.args["ignoreTime"].flag)
	return nil, err
}

type megaHistoryAnswer struct {
	Size int              `json:"size" about:"how many messages there are in msgs"`
	Tid  uint64           `json:"tid"`
	Msgs []historyMessage `json:"msgs"`
}

type messagesAnswer struct {
	Msgs []historyMessage `json:"msgs"`
}

func (a *API) megaHistory(ctx context.Context, c *call) (any, error) {
	tid, begin, end := c.args["tid"].text, c.args["begintime"].number, c.args["endtime"].number
	if begin > end {
		return nil, wire.Errorf(wire.CodeBadParameter, "parameter begintime is after endtime")
	}
	types, err := parseTypes(c.args["type"].text)
	if err != nil {
		return nil, err
	}
	if err := a.app.RequireTeamKind(ctx, c.appKey(), tid, true); err != nil {
		return nil, err
	}
	messages, err := a.app.TeamHistory(ctx, c.appKey(), c.args["accid"].text, tid, begin, end, int(c.args["limit"].number), c.args["reverse"].number != oldestFirst, types)
	if err != nil {
		return nil, err
	}
	id, _ := state.ParseTeamID(tid)
	shown, err := shownMessages(messages)
	return megaHistoryAnswer{len(shown), id, shown}, err
}

// megaMessageID is one element of the parameter msgs.
type megaMessageID struct {
	MsgID uint64      `json:"msgid"`
	To    json.Number `json:"to"`
}

func (a *API) megaMessages(ctx context.Context, c *call) (any, error) {
	var wanted []megaMessageID
	if json.Unmarshal([]byte(c.args["msgs"].text), &wanted) != nil || len(wanted) == 0 || len(wanted) > maxByIDs {
		return nil, wire.Errorf(wire.CodeBadParameter, "msgs must be an array of 1 to %d objects with msgid and to", maxByIDs)
	}
	kinds := make(map[string]error)
	var messages []*wire.Message
	for _, w := range wanted {
		tid := w.To.String()
		kind, known := kinds[tid]
		if !known {
			kind = a.app.RequireTeamKind(ctx, c.appKey(), tid, true)
			kinds[tid] = kind
		}
		m, err := (*wire.Message)(nil), kind
		if kind == nil {
			m, err = a.app.TeamMessage(ctx, c.appKey(), tid, w.MsgID)
		}
		switch wire.CodeOf(err) {
		case wire.CodeOK:
			messages = append(messages, m)
		case wire.CodeNotFound, wire.CodeTeamMissing, wire.CodeTeamType:
		default:
			return nil, err
		}
	}
	shown, err := shownMessages(messages)
	return messagesAnswer{shown}, err
}

func (a *API) notifyMega(ctx context.Context, c *call) (any, error) {
	tid := c.args["to"].text
	if err := a.app.RequireTeamKind(ctx, c.appKey(), tid, true); err != nil {
		return nil, err
	}
	c.args["payload"] = c.args["pushPayload"] // as msg/sendAttachMsg calls it
	n, err := c.notification(c.args["from"].text)
	if err != nil {
		return nil, err
	}
	c.forcePush(n)
	n.ClientId, n.Scene, n.To = c.id, wire.Scene_SCENE_TEAM, tid
	_, err = a.app.Notify(ctx, c.appKey(), n)
	return nil, err
}
