package api

import (
	"context"

	"github.com/yizhan-im/yizhan/appliance/state"
	"github.com/yizhan-im/yizhan/appliance/wire"
)

// teamInfo is a team as team/query shows it.
type teamInfo struct {
	Tid          uint64 `json:"tid"`
	Name         string `json:"tname"`
	Owner        any    `json:"owner"` // an account, or in team/queryDetail a teamMember
	Icon         string `json:"icon"`
	Announcement string `json:"announcement"`
	Intro        string `json:"intro"`
	Custom       string `json:"custom"`
	ClientCustom string `json:"clientCustom"`
	Size         uint32 `json:"size"`
	MaxUsers     uint32 `json:"maxusers"`
	JoinMode     int32  `json:"joinmode"`
	BeInviteMode int32  `json:"beinvitemode"`
	InviteMode   int32  `json:"invitemode"`
	UpInfoMode   int32  `json:"uptinfomode"`
	UpCustomMode int32  `json:"upcustommode"`
	MuteType     int32  `json:"muteType"`
	Mute         bool   `json:"mute"`
	CreateTime   int64  `json:"createtime"`
	UpdateTime   int64  `json:"updatetime"`
	Admins       any    `json:"admins,omitempty"`
	Members      any    `json:"members,omitempty"`
}

func teamInfoOf(t *wire.Team) *teamInfo {
	id, _ := state.ParseTeamID(t.Id)
	return &teamInfo{
		Tid: id, Name: t.Name, Owner: t.Owner, Icon: t.Icon, Announcement: t.Announcement, Intro: t.Intro,
		Custom: t.ServerCustom, ClientCustom: t.Custom, Size: t.Members, MaxUsers: t.MemberLimit,
		JoinMode: int32(t.JoinMode), BeInviteMode: int32(t.Consent), InviteMode: int32(t.InviteMode),
		UpInfoMode: int32(t.UpdateMode), UpCustomMode: int32(t.CustomMode),
		MuteType: int32(t.Mute), Mute: t.Mute != wire.TeamMute_TEAM_MUTE_NONE, CreateTime: t.CreatedMs, UpdateTime: t.UpdatedMs,
	}
}

// teamMember is one member as team/queryDetail shows it.
type teamMember struct {
	Accid      string `json:"accid"`
	Nick       string `json:"nick"`
	Mute       bool   `json:"mute"`
	Custom     string `json:"custom"`
	CreateTime int64  `json:"createtime"`
	UpdateTime int64  `json:"updatetime"`
}

func (a *API) queryTeams(ctx context.Context, c *call) (any, error) {
	ids, err := teamIDs(c.args["tids"].text)
	if err != nil {
		return nil, err
	}
	teams, err := a.app.Teams(ctx, c.appKey(), ids)
	if err != nil {
		return nil, err
	}
	if len(teams) < len(ids) && !c.args["ignoreInvalid"].flag {
		return nil, wire.Errorf(wire.CodeTeamMissing, "not all of the teams exist")
	}
	infos := make([]*teamInfo, len(teams))
	for i, t := range teams {
		infos[i] = teamInfoOf(t)
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
	return struct {
		Infos []*teamInfo `json:"tinfos"`
	}{infos}, nil
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
	info := teamInfoOf(teams[0])
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
	return struct {
		Info *teamInfo `json:"tinfo"`
	}{info}, nil
}

// joinedTeam is a team as team/joinTeams shows it.
type joinedTeam struct {
	Tid      uint64 `json:"tid"`
	Name     string `json:"tname"`
	Owner    string `json:"owner"`
	Size     uint32 `json:"size"`
	MaxUsers uint32 `json:"maxusers"`
	Custom   string `json:"custom"`
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
	return struct {
		Count int          `json:"count"`
		Infos []joinedTeam `json:"infos"`
	}{len(infos), infos}, nil
}

// mutedMember is a member as team/listTeamMute shows it.
type mutedMember struct {
	Nick  string `json:"nick"`
	Accid string `json:"accid"`
	Tid   string `json:"tid"`
	Type  int    `json:"type"` // 1: of an advanced team (Yunxin), which all are
}

func (a *API) mutedMembers(ctx context.Context, c *call) (any, error) {
	tid := c.args["tid"].text
	members, err := a.app.TeamMembers(ctx, c.appKey(), tid)
	if err != nil {
		return nil, err
	}
	muted, manages := []mutedMember{}, false
	for _, m := range members {
		if m.Account == c.args["owner"].text {
			manages = m.Role != wire.TeamRole_TEAM_ROLE_MEMBER
		}
		if m.Muted {
			muted = append(muted, mutedMember{Nick: m.Nick, Accid: m.Account, Tid: tid, Type: 1})
		}
	}
	if !manages {
		return nil, wire.Errorf(wire.CodeTeamPermission, "owner does not manage the team")
	}
	return struct {
		Mutes []mutedMember `json:"mutes"`
	}{muted}, nil
}
