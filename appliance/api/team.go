package api

import (
	"context"
	"encoding/json"
	"math"
	"slices"
	"strconv"

	"google.golang.org/protobuf/proto"

	"github.com/yizhan-im/yizhan/appliance/app"
	"github.com/yizhan-im/yizhan/appliance/state"
	"github.com/yizhan-im/yizhan/appliance/wire"
)

// Limits of teams, in characters and accounts (facts/yunxin-api.md §4).
const (
	maxTeamMembers  = 200 // named by one call
	maxTeamManagers = 10  // named by one call
	maxTeamsQueried = 30
)

// Parameters that several actions have. A tid is a text: it may be a number
// that JavaScript cannot hold.
var (
	paramTid   = param{name: "tid", required: true, max: 20, about: "number of the team"}
	paramOwner = param{name: "owner", kind: account, required: true, about: "in whose name; needs the role that it takes"}
	paramAccid = param{name: "accid", kind: account, required: true}
	paramAgree = param{name: "magree", kind: number, required: true, most: 1, about: "0 adds them at once, 1 asks them"}
	paramNote  = param{name: "msg", required: true, max: 150, about: "a note to those who are asked"}
)

// teamParams are what team/create and team/update can set.
var teamParams = []param{
	{name: "announcement", max: 1024},
	{name: "intro", max: 512},
	{name: "custom", max: 1024, about: "the backend's data; clients read it"},
	{name: "icon", max: 1024, about: "address of the picture"},
	{name: "beinvitemode", kind: number, most: 1, about: "0 who is invited is asked (default), 1 is not"},
	{name: "invitemode", kind: number, most: 1, about: "who may invite: 0 managers (default), 1 all"},
	{name: "uptinfomode", kind: number, most: 1, about: "who may change the team's data: 0 managers (default), 1 all"},
	{name: "upcustommode", kind: number, most: 1, about: "who may change the clients' custom data: 0 managers (default), 1 all"},
	{name: "teamMemberLimit", kind: number, least: 2, most: state.MaxTeamMembers, about: "most members, up to the tenant's limit; 200 at first"},
}

var ignoredTeamParams = []string{"attach", "bid", "isNotifyCloseOnline", "isNotifyClosePersistent"}

var teamActions = []action{
	{
		name:  "team/create",
		about: "Makes a team. Members that are not registered or in too many teams are left out and named in faccid.",
		params: append([]param{
			{name: "tname", required: true, max: 64, about: "name of the team"},
			{name: "owner", kind: account, required: true},
			{name: "members", kind: jsonText, required: true, about: `JSON array of accounts, at most 200 with the owner, may be []`},
			paramNote, paramAgree,
			{name: "joinmode", kind: number, required: true, most: 2, about: "0 anybody may join, 1 managers decide, 2 nobody"},
		}, teamParams...),
		ignored: ignoredTeamParams,
		returns: "`tid`, and when there are any `faccid: {accid: [], msg}`",
		serve:   (*API).createTeam,
	},
	{
		name:  "team/add",
		about: "Brings accounts into a team, or asks them. Code 801 when they do not all fit: then none is added.",
		params: []param{
			paramTid, paramOwner, {name: "members", kind: accounts, required: true, max: maxTeamMembers}, paramAgree, paramNote,
		},
		ignored: ignoredTeamParams,
		returns: "when there are any, `faccid: {accid: [], msg}`",
		serve:   (*API).addToTeam,
	},
	{
		name:  "team/kick",
		about: "Ends the membership of accounts; who is no member is passed over.",
		params: []param{
			paramTid, paramOwner, {name: "member", kind: account, about: "one account, or else members"},
			{name: "members", kind: accounts, max: maxTeamMembers},
		},
		ignored: ignoredTeamParams,
		serve:   (*API).kickFromTeam,
	},
	{
		name:    "team/remove",
		about:   "Dismisses a team.",
		params:  []param{paramTid, paramOwner},
		ignored: ignoredTeamParams,
		serve: func(a *API, ctx context.Context, c *call) (any, error) {
			return a.changeTeam(ctx, c, "owner", &wire.DismissTeamRequest{Team: c.args["tid"].text})
		},
	},
	{
		name:  "team/update",
		about: "Changes what is given; an empty text clears one, except the name.",
		params: append([]param{
			paramTid, paramOwner, {name: "tname", max: 64}, {name: "joinmode", kind: number, most: 2, about: "as in team/create"},
		}, teamParams...),
		ignored: ignoredTeamParams,
		serve: func(a *API, ctx context.Context, c *call) (any, error) {
			return a.changeTeam(ctx, c, "owner", &wire.UpdateTeamRequest{Team: c.args["tid"].text, Changes: c.teamChanges()})
		},
	},
	{
		name:  "team/query",
		about: "Reads teams, and with ope 1 who is in them.",
		params: []param{
			{name: "tids", kind: jsonText, required: true, about: "JSON array of numbers of teams, at most 30"},
			{name: "ope", kind: number, required: true, most: 1, about: "1 also lists admins and members"},
			{name: "ignoreInvalid", kind: boolean, about: "whether to leave out teams that do not exist (default false: code 803)"},
		},
		returns: "`tinfos: [{tid, tname, owner, icon, announcement, intro, custom, clientCustom, size, maxusers, joinmode, beinvitemode, invitemode, uptinfomode, upcustommode, muteType, mute, createtime, updatetime, admins, members}]`",
		serve:   (*API).queryTeams,
	},
	{
		name:    "team/queryDetail",
		about:   "Reads one team and all its members.",
		params:  []param{paramTid},
		returns: "`tinfo`, as of team/query, with owner, admins and members as `{accid, nick, mute, custom, createtime, updatetime}`",
		serve:   (*API).queryTeamDetail,
	},
	{
		name:  "team/changeOwner",
		about: "Gives a team to one of its members.",
		params: []param{
			paramTid, paramOwner, {name: "newowner", kind: account, required: true},
			{name: "leave", kind: number, required: true, least: 1, most: 2, about: "1 the old owner leaves, 2 stays as a member"},
		},
		ignored: ignoredTeamParams,
		serve: func(a *API, ctx context.Context, c *call) (any, error) {
			return a.changeTeam(ctx, c, "owner", &wire.TransferTeamRequest{
				Team: c.args["tid"].text, To: c.args["newowner"].text, Leave: c.args["leave"].number == 1,
			})
		},
	},
	{
		name:    "team/addManager",
		about:   "Makes members managers.",
		params:  []param{paramTid, paramOwner, {name: "members", kind: accounts, required: true, max: maxTeamManagers}},
		ignored: ignoredTeamParams,
		serve: func(a *API, ctx context.Context, c *call) (any, error) {
			return a.changeTeam(ctx, c, "owner", &wire.SetTeamManagersRequest{Team: c.args["tid"].text, Accounts: c.args["members"].list, Manager: true})
		},
	},
	{
		name:    "team/removeManager",
		about:   "Makes managers members again.",
		params:  []param{paramTid, paramOwner, {name: "members", kind: accounts, required: true, max: maxTeamManagers}},
		ignored: ignoredTeamParams,
		serve: func(a *API, ctx context.Context, c *call) (any, error) {
			return a.changeTeam(ctx, c, "owner", &wire.SetTeamManagersRequest{Team: c.args["tid"].text, Accounts: c.args["members"].list})
		},
	},
	{
		name:    "team/joinTeams",
		about:   "Lists the teams that an account is in.",
		params:  []param{paramAccid},
		returns: "`count`, `infos: [{tid, tname, owner, size, maxusers, custom}]`",
		serve:   (*API).teamsOf,
	},
	{
		name:  "team/updateTeamNick",
		about: "Changes what an account is called in a team.",
		params: []param{
			paramTid, paramOwner, paramAccid, {name: "nick", max: 32}, {name: "custom", max: 1024},
		},
		serve: func(a *API, ctx context.Context, c *call) (any, error) {
			return a.changeTeam(ctx, c, "owner", &wire.UpdateTeamMemberRequest{
				Team: c.args["tid"].text, Account: c.args["accid"].text,
				Changes: &wire.TeamMemberChanges{Nick: c.args["nick"].optional(), Custom: c.args["custom"].optional()},
			})
		},
	},
	{
		name:  "team/muteTeam",
		about: "Says whether an account wants to be notified of a team's messages. Clients see it; nothing is pushed by this server to a phone that is offline.",
		params: []param{
			paramTid, paramAccid, {name: "ope", kind: number, required: true, least: 1, most: 2, about: "1 notifications off, 2 on"},
		},
		serve: func(a *API, ctx context.Context, c *call) (any, error) {
			return a.changeTeam(ctx, c, "accid", &wire.UpdateTeamMemberRequest{
				Team: c.args["tid"].text, Changes: &wire.TeamMemberChanges{NotifyOff: proto.Bool(c.args["ope"].number == 1)},
			})
		},
	},
	{
		name:    "team/muteTlist",
		about:   "Mutes a member of a team: what it sends is refused with code 812.",
		params:  []param{paramTid, paramOwner, paramAccid, {name: "mute", kind: boolean, required: true, about: "1 mutes, 0 lifts that"}},
		ignored: ignoredTeamParams,
		serve: func(a *API, ctx context.Context, c *call) (any, error) {
			return a.changeTeam(ctx, c, "owner", &wire.MuteTeamMembersRequest{
				Team: c.args["tid"].text, Accounts: []string{c.args["accid"].text}, Muted: c.args["mute"].flag,
			})
		},
	},
	{
		name:  "team/muteTlistAll",
		about: "Mutes a team.",
		params: []param{
			paramTid, paramOwner, {name: "mute", kind: boolean, about: "true is muteType 1, false 0"},
			{name: "muteType", kind: number, most: 3, about: "0 nobody is muted, 1 all but owner and managers, 3 all; counts before mute"},
		},
		ignored: ignoredTeamParams,
		serve:   (*API).muteTeam,
	},
	{
		name:    "team/listTeamMute",
		about:   "Lists the muted members of a team.",
		params:  []param{paramTid, paramOwner},
		returns: "`mutes: [{nick, accid, tid, type}]`",
		serve:   (*API).mutedMembers,
	},
	{
		name:    "team/leave",
		about:   "Ends an account's own membership. The owner cannot leave (code 802).",
		params:  []param{paramTid, paramAccid},
		ignored: ignoredTeamParams,
		serve: func(a *API, ctx context.Context, c *call) (any, error) {
			return a.changeTeam(ctx, c, "accid", &wire.LeaveTeamRequest{Team: c.args["tid"].text})
		},
	},
}

// changeTeam makes a change in the name of the account that the parameter by
// names.
func (a *API) changeTeam(ctx context.Context, c *call, by string, in app.TeamRequest) (any, error) {
	_, err := a.app.ChangeTeam(ctx, c.appKey(), c.args[by].text, true, in)
	return nil, notRegistered(err, by)
}

// optional is the text of a parameter that was given.
func (a arg) optional() *string {
	if !a.given {
		return nil
	}
	return &a.text
}

// teamChanges are what the parameters say of a team.
func (c *call) teamChanges() *wire.TeamChanges {
	u := &wire.TeamChanges{
		Name: c.args["tname"].optional(), Icon: c.args["icon"].optional(), Intro: c.args["intro"].optional(),
		Announcement: c.args["announcement"].optional(), ServerCustom: c.args["custom"].optional(),
	}
	setMode(&u.JoinMode, c.args["joinmode"])
	setMode(&u.Consent, c.args["beinvitemode"])
	setMode(&u.InviteMode, c.args["invitemode"])
	setMode(&u.UpdateMode, c.args["uptinfomode"])
	setMode(&u.CustomMode, c.args["upcustommode"])
	if limit := c.args["teamMemberLimit"]; limit.given {
		u.MemberLimit = proto.Uint32(uint32(limit.number))
	}
	return u
}

func setMode[E ~int32](dst **E, a arg) {
	if a.given {
		mode := E(a.number)
		*dst = &mode
	}
}

// failed tells who could not be brought in.
type failed struct {
	Accounts struct {
		Accid []string `json:"accid"`
		Msg   string   `json:"msg"`
	} `json:"faccid"`
}

func failedOf(accounts []string) *failed {
	if len(accounts) == 0 {
		return nil
	}
	f := new(failed)
	f.Accounts.Accid, f.Accounts.Msg = accounts, "not registered, or in too many teams"
	return f
}

func (a *API) createTeam(ctx context.Context, c *call) (any, error) {
	owner := c.args["owner"].text
	members := param{name: "members", kind: accounts, max: maxTeamMembers}
	var list []string
	if raw := c.args["members"].text; !isEmptyArray(raw) {
		parsed, err := members.parseAccounts(raw)
		if err != nil {
			return nil, wire.Errorf(wire.CodeBadParameter, "parameter members %v", err)
		}
		list = slices.DeleteFunc(parsed, func(name string) bool { return name == owner })
	}
	if len(list) >= maxTeamMembers {
		return nil, wire.Errorf(wire.CodeBadParameter, "parameter members has more than %d elements, with the owner", maxTeamMembers)
	}
	res, err := a.app.ChangeTeam(ctx, c.appKey(), owner, c.args["magree"].number == 0, &wire.CreateTeamRequest{
		ClientId: c.id, Team: c.teamChanges(), Members: list, Note: c.args["msg"].text,
	})
	if err != nil {
		return nil, notRegistered(err, "owner")
	}
	return struct {
		Tid string `json:"tid"`
		*failed
	}{state.TeamID(res.Team), failedOf(res.Failed)}, nil
}

func isEmptyArray(raw string) bool {
	var list []json.RawMessage
	return json.Unmarshal([]byte(raw), &list) == nil && list != nil && len(list) == 0
}

func (a *API) addToTeam(ctx context.Context, c *call) (any, error) {
	res, err := a.app.ChangeTeam(ctx, c.appKey(), c.args["owner"].text, c.args["magree"].number == 0, &wire.InviteTeamRequest{
		Team: c.args["tid"].text, Accounts: c.args["members"].list, Note: c.args["msg"].text,
	})
	if err != nil {
		return nil, notRegistered(err, "owner")
	}
	if f := failedOf(res.Failed); f != nil {
		return f, nil
	}
	return nil, nil
}

func (a *API) kickFromTeam(ctx context.Context, c *call) (any, error) {
	list := c.args["members"].list
	if one := c.args["member"]; one.given {
		list = []string{one.text}
	}
	if len(list) == 0 {
		return nil, wire.Errorf(wire.CodeBadParameter, "parameter member is missing")
	}
	return a.changeTeam(ctx, c, "owner", &wire.KickTeamRequest{Team: c.args["tid"].text, Accounts: list})
}

func (a *API) muteTeam(ctx context.Context, c *call) (any, error) {
	mute := wire.TeamMute_TEAM_MUTE_NONE
	switch kind := c.args["muteType"]; {
	case kind.given && kind.number <= math.MaxInt32:
		mute = wire.TeamMute(kind.number)
	case !c.args["mute"].given:
		return nil, wire.Errorf(wire.CodeBadParameter, "parameter muteType is missing")
	case c.args["mute"].flag:
		mute = wire.TeamMute_TEAM_MUTE_MEMBERS
	}
	return a.changeTeam(ctx, c, "owner", &wire.MuteTeamRequest{Team: c.args["tid"].text, Mute: mute})
}

// teamIDs reads a JSON array of numbers, each as a number or a text.
func teamIDs(raw string) ([]string, error) {
	var list []json.RawMessage
	if err := json.Unmarshal([]byte(raw), &list); err != nil || len(list) == 0 {
		return nil, wire.Errorf(wire.CodeBadParameter, "parameter tids is not a JSON array of numbers like [1,2]")
	}
	if len(list) > maxTeamsQueried {
		return nil, wire.Errorf(wire.CodeBadParameter, "parameter tids has more than %d elements", maxTeamsQueried)
	}
	ids := make([]string, len(list))
	for i, element := range list {
		ids[i] = string(element)
		if s, err := strconv.Unquote(ids[i]); err == nil {
			ids[i] = s
		}
	}
	return ids, nil
}
