package api

import (
	"context"

	"github.com/yizhan-im/yizhan/appliance/state"
	"github.com/yizhan-im/yizhan/appliance/wire"
)

// teamInfo is a team, with people shown as M: an accid in team/query, a
// teamMember in team/queryDetail.
type teamInfo[M any] struct {
	Tid          uint64 `json:"tid"`
	Name         string `json:"tname"`
	Owner        M      `json:"owner"`
	Icon         string `json:"icon"`
	Announcement string `json:"announcement"`
	Intro        string `json:"intro"`
	Custom       string `json:"custom" about:"the backend's data"`
	ClientCustom string `json:"clientCustom" about:"the clients' data"`
	Size         uint32 `json:"size" about:"how many members it has"`
	MaxUsers     uint32 `json:"maxusers" about:"how many it may have"`
	JoinMode     int32  `json:"joinmode" about:"0 anybody may join, 1 managers decide, 2 nobody"`
	BeInviteMode int32  `json:"beinvitemode" about:"0 who is invited is asked, 1 is not"`
	InviteMode   int32  `json:"invitemode" about:"who may invite: 0 managers, 1 all"`
	UpInfoMode   int32  `json:"uptinfomode" about:"who may change the team's data: 0 managers, 1 all"`
	UpCustomMode int32  `json:"upcustommode" about:"who may change the clients' data: 0 managers, 1 all"`
	MuteType     int32  `json:"muteType" about:"0 nobody is muted, 1 all but owner and managers, 3 all"`
	Mute         bool   `json:"mute" about:"whether muteType is not 0"`
	CreateTime   int64  `json:"createtime" about:"milliseconds since 1970"`
	UpdateTime   int64  `json:"updatetime" about:"milliseconds since 1970"`
	Admins       []M    `json:"admins,omitzero" of:"accid"`
	Members      []M    `json:"members,omitzero" of:"accid" about:"without owner and admins"`
}

// teamInfoOf shows a team, still without people.
func teamInfoOf[M any](t *wire.Team) *teamInfo[M] {
	id, _ := state.ParseTeamID(t.Id)
	return &teamInfo[M]{
		Tid: id, Name: t.Name, Icon: t.Icon, Announcement: t.Announcement, Intro: t.Intro,
		Custom: t.ServerCustom, ClientCustom: t.Custom, Size: t.Members, MaxUsers: t.MemberLimit,
		JoinMode: int32(t.JoinMode), BeInviteMode: int32(t.Consent), InviteMode: int32(t.InviteMode),
		UpInfoMode: int32(t.UpdateMode), UpCustomMode: int32(t.CustomMode),
		MuteType: int32(t.Mute), Mute: t.Mute != wire.TeamMute_TEAM_MUTE_NONE, CreateTime: t.CreatedMs, UpdateTime: t.UpdatedMs,
	}
}

// teamMember is one member as team/queryDetail shows it.
type teamMember struct {
	Accid      string `json:"accid"`
	Nick       string `json:"nick" about:"what the account is called in the team"`
	Mute       bool   `json:"mute"`
	Custom     string `json:"custom"`
	CreateTime int64  `json:"createtime" about:"when it joined, in milliseconds since 1970"`
	UpdateTime int64  `json:"updatetime" about:"the same"`
}

type teamsAnswer struct {
	Infos []*teamInfo[string] `json:"tinfos"`
}

func (a *API) queryTeams(ctx context.Context, c *call) (any, error) {
	ids := c.args["tids"].list
	teams, err := a.app.Teams(ctx, c.appKey(), ids)
	if err != nil {
		return nil, err
	}
	if len(teams) < len(ids) && !c.args["ignoreInvalid"].flag {
		return nil, wire.Errorf(wire.CodeTeamMissing, "not all of the teams exist")
	}
	infos := make([]*teamInfo[string], len(teams))
	for i, t := range teams {
		infos[i] = teamInfoOf[string](t)
		infos[i].Owner = t.Owner
		if c.args["ope"].number == 0 {
			continue
		}
		members, err := a.app.TeamMembers(ctx, c.appKey(), t.Id)
		if err != nil {
			return nil, err
		}
		admins, plain := []string{}, []string{}
		for _, m := range members {
			switch m.Role {
			case wire.TeamRole_TEAM_ROLE_MANAGER:
				admins = append(admins, m.Account)
			case wire.TeamRole_TEAM_ROLE_MEMBER:
				plain = append(plain, m.Account)
			}
		}
		infos[i].Admins, infos[i].Members = admins, plain
	}
	return teamsAnswer{infos}, nil
}

type teamAnswer struct {
	Info *teamInfo[teamMember] `json:"tinfo"`
}

func (a *API) queryTeamDetail(ctx context.Context, c *call) (any, error) {
	tid := c.args["tid"].text
	teams, err := a.app.Teams(ctx, c.appKey(), []string{tid})
	if err != nil {
		return nil, err
	}
	if len(teams) == 0 {
		return nil, wire.Errorf(wire.CodeTeamMissing, "there is no such team")
	}
	members, err := a.app.TeamMembers(ctx, c.appKey(), tid)
	if err != nil {
		return nil, err
	}
	info := teamInfoOf[teamMember](teams[0])
	admins, plain := []teamMember{}, []teamMember{}
	for _, m := range members {
		shown := teamMember{Accid: m.Account, Nick: m.Nick, Mute: m.Muted, Custom: m.Custom, CreateTime: m.JoinedMs, UpdateTime: m.JoinedMs}
		switch m.Role {
		case wire.TeamRole_TEAM_ROLE_OWNER:
			info.Owner = shown
		case wire.TeamRole_TEAM_ROLE_MANAGER:
			admins = append(admins, shown)
		default:
			plain = append(plain, shown)
		}
	}
	info.Admins, info.Members = admins, plain
	return teamAnswer{info}, nil
}

// joinedTeam is a team as team/joinTeams shows it.
type joinedTeam struct {
	Tid      uint64 `json:"tid"`
	Name     string `json:"tname"`
	Owner    string `json:"owner"`
	Size     uint32 `json:"size" about:"how many members it has"`
	MaxUsers uint32 `json:"maxusers" about:"how many it may have"`
	Custom   string `json:"custom"`
}

type joinedTeamsAnswer struct {
	Count int          `json:"count"`
	Infos []joinedTeam `json:"infos"`
}

func (a *API) teamsOf(ctx context.Context, c *call) (any, error) {
	teams, err := a.app.AccountTeams(ctx, c.appKey(), c.args["accid"].text)
	if err != nil {
		return nil, notRegistered(err, "accid")
	}
	infos := make([]joinedTeam, len(teams))
	for i, t := range teams {
		id, _ := state.ParseTeamID(t.Id)
		infos[i] = joinedTeam{Tid: id, Name: t.Name, Owner: t.Owner, Size: t.Members, MaxUsers: t.MemberLimit, Custom: t.ServerCustom}
	}
	return joinedTeamsAnswer{len(infos), infos}, nil
}

// mutedMember is a member as team/listTeamMute shows it.
type mutedMember struct {
	Nick  string `json:"nick"`
	Accid string `json:"accid"`
	Tid   uint64 `json:"tid"`
	Type  int    `json:"type" about:"1 of an advanced team, as Yunxin calls it, which all are"`
}

type mutedAnswer struct {
	Mutes []mutedMember `json:"mutes"`
}

func (a *API) mutedMembers(ctx context.Context, c *call) (any, error) {
	tid := c.args["tid"].text
	members, err := a.app.TeamMembers(ctx, c.appKey(), tid)
	if err != nil {
		return nil, err
	}
	muted, manages := []mutedMember{}, false
	id, _ := state.ParseTeamID(tid)
	for _, m := range members {
		if m.Account == c.args["owner"].text {
			manages = m.Role != wire.TeamRole_TEAM_ROLE_MEMBER
		}
		if m.Muted {
			muted = append(muted, mutedMember{Nick: m.Nick, Accid: m.Account, Tid: id, Type: 1})
		}
	}
	if !manages {
		return nil, wire.Errorf(wire.CodeTeamPermission, "owner does not manage the team")
	}
	return mutedAnswer{muted}, nil
}
