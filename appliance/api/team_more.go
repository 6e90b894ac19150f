package api

import (
	"context"
	"encoding/json"

	"github.com/yizhan-im/yizhan/appliance/presence"
	"github.com/yizhan-im/yizhan/appliance/state"
	"github.com/yizhan-im/yizhan/appliance/wire"
)

// notMega is the code of what is too much for a superteam.
var notMega = outcome{wire.CodeTeamType, "the team is a superteam"}

var teamMoreActions = []action{
	{
		name: "team/getMarkReadInfo",
		about: "Tells how many members have read a message that was sent with markRead, and which. " +
			"Counted are the present members who may read it, without its sender; who has read a later message has read it.",
		params: []param{
			paramTid, {name: "msgid", kind: number, required: true, least: 1, most: maxInt64, about: "id of the message", example: "42"},
			{name: "fromAccid", kind: account, required: true, about: "who has sent it"},
		},
		ignored: []string{"snapshot"},
		answer:  markReadAnswer{},
		codes: []outcome{
			teamMissing, {wire.CodeTeamReceipt, "the team is a superteam, which has no read receipts"},
			{wire.CodeNotFound, "fromAccid has sent no such message with markRead"},
		},
		serve: (*API).markReadInfo,
	},
	{
		name:   "team/listMemberInfo",
		about:  "Tells what an account is in each of its teams; superteams are left out.",
		params: []param{{name: "accid", kind: account, required: true}},
		answer: memberInfosAnswer{},
		serve:  (*API).memberInfos,
	},
	{
		name:   "team/listOnlineUsers",
		about:  "Tells which members of a team are online, and on which devices.",
		params: []param{paramTid},
		answer: onlineMembersAnswer{},
		codes:  []outcome{teamMissing, notMega},
		serve:  (*API).onlineMembers,
	},
	{
		name:   "team/listOnlineUserCount",
		about:  "Counts the members of teams that are online. Teams that do not exist, and superteams, are left out.",
		params: []param{{name: "tids", kind: teams, required: true, max: maxTeamsQueried}},
		answer: onlineCountsAnswer{},
		serve:  (*API).onlineCounts,
	},
	{
		name:  "msg/markReadTeamMsg",
		about: "Marks messages of a team read in an account's name. What is older than the newest of them counts as read with it.",
		params: []param{
			{name: "accid", kind: account, required: true}, paramTid,
			{name: "msgids", kind: jsonText, required: true, max: 2000, about: "an array of at most 50 ids of messages", example: "[42]"},
		},
		answer: markedAnswer{},
		codes:  []outcome{teamMissing, {wire.CodeNotInTeam, "the account is not a member"}},
		serve:  (*API).markTeamRead,
	},
}

type markReadAnswer struct {
	Data struct {
		ReadSize     int      `json:"readSize" about:"how many have read it"`
		UnreadSize   int      `json:"unreadSize" about:"how many have not"`
		ReadAccids   []string `json:"readAccids" of:"accid"`
		UnreadAccids []string `json:"unreadAccids" of:"accid"`
	} `json:"data"`
}

func (a *API) markReadInfo(ctx context.Context, c *call) (any, error) {
	readers, err := a.app.TeamReaders(ctx, c.appKey(), c.args["tid"].text, c.args["fromAccid"].text, uint64(c.args["msgid"].number))
	if err != nil {
		return nil, err
	}
	var answer markReadAnswer
	answer.Data.ReadSize, answer.Data.UnreadSize = len(readers.Read), len(readers.Unread)
	answer.Data.ReadAccids, answer.Data.UnreadAccids = append([]string{}, readers.Read...), append([]string{}, readers.Unread...)
	return answer, nil
}

type memberInfo struct {
	Tid        uint64 `json:"tid"`
	Accid      string `json:"accid"`
	Nick       string `json:"nick" about:"what the account is called in the team"`
	Mute       bool   `json:"mute"`
	PushEnable bool   `json:"pushEnable" about:"whether it wants to be notified of the team's messages"`
	CreateTime int64  `json:"createtime" about:"when it joined, in milliseconds since 1970"`
	UpdateTime int64  `json:"updatetime" about:"the same"`
}

type memberInfosAnswer struct {
	Data []memberInfo `json:"data"`
}

func (a *API) memberInfos(ctx context.Context, c *call) (any, error) {
	found, err := a.app.Memberships(ctx, c.appKey(), c.args["accid"].text)
	if err != nil {
		return nil, notRegistered(err, "accid")
	}
	infos := make([]memberInfo, len(found))
	for i, m := range found {
		id, _ := state.ParseTeamID(m.Team.Id)
		infos[i] = memberInfo{
			Tid: id, Accid: m.Self.Account, Nick: m.Self.Nick, Mute: m.Self.Muted, PushEnable: !m.NotifyOff,
			CreateTime: m.Self.JoinedMs, UpdateTime: m.Self.JoinedMs,
		}
	}
	return memberInfosAnswer{infos}, nil
}

type onlineMembersAnswer struct {
	Data struct {
		Count  int                       `json:"count" about:"how many are online"`
		Status map[string][]onlineDevice `json:"status" key:"accid"`
	} `json:"data"`
}

func (a *API) onlineMembers(ctx context.Context, c *call) (any, error) {
	online, _, err := a.app.TeamOnline(ctx, c.appKey(), c.args["tid"].text)
	if err != nil {
		return nil, err
	}
	var answer onlineMembersAnswer
	answer.Data.Count, answer.Data.Status = len(online), onlineDevices(online)
	return answer, nil
}

func onlineDevices(online map[string][]presence.Device) map[string][]onlineDevice {
	shown := make(map[string][]onlineDevice, len(online))
	for accid, devices := range online {
		for _, d := range devices {
			shown[accid] = append(shown[accid], onlineDevice{ClientType: d.Platform, LoginTime: d.LoginMs, State: d.State, Text: d.Text})
		}
	}
	return shown
}

type onlineCount struct {
	Tid     uint64 `json:"tid"`
	Online  int    `json:"onlineUserCount"`
	Offline int    `json:"offlineUserCount"`
}

type onlineCountsAnswer struct {
	Data []onlineCount `json:"data"`
}

func (a *API) onlineCounts(ctx context.Context, c *call) (any, error) {
	counts := []onlineCount{}
	for _, tid := range c.args["tids"].list {
		online, members, err := a.app.TeamOnline(ctx, c.appKey(), tid)
		switch wire.CodeOf(err) {
		case wire.CodeOK:
			id, _ := state.ParseTeamID(tid)
			counts = append(counts, onlineCount{id, len(online), members - len(online)})
		case wire.CodeTeamMissing, wire.CodeTeamType:
		default:
			return nil, err
		}
	}
	return onlineCountsAnswer{counts}, nil
}

type markedAnswer struct {
	Data struct {
		ErrMsgIDs []uint64 `json:"errMsgIds" of:"msgid" about:"ids of which there is no message"`
	} `json:"data"`
}

func (a *API) markTeamRead(ctx context.Context, c *call) (any, error) {
	var ids []uint64
	if json.Unmarshal([]byte(c.args["msgids"].text), &ids) != nil || len(ids) == 0 || len(ids) > maxByIDs {
		return nil, wire.Errorf(wire.CodeBadParameter, "msgids must be an array of 1 to %d numbers", maxByIDs)
	}
	unknown, err := a.app.MarkTeamRead(ctx, c.appKey(), c.args["accid"].text, c.args["tid"].text, ids)
	if err != nil {
		return nil, notRegistered(err, "accid")
	}
	var answer markedAnswer
	answer.Data.ErrMsgIDs = append([]uint64{}, unknown...)
	return answer, nil
}
