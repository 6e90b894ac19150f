package api

import (
	"context"

	"google.golang.org/protobuf/proto"

	"github.com/yizhan-im/yizhan/appliance/state"
	"github.com/yizhan-im/yizhan/appliance/wire"
)

// Limits of teams, in characters and accounts (facts/yunxin-api.md §4).
const (
	maxTeamMembers  = 200 // named by one call
	maxTeamManagers = 10  // named by one call
	maxTeamsQueried = 30
)

// exampleTid stands for the number of a team in examples.
const exampleTid = "1001"

// Parameters that several actions have. A tid is a text: it may be a number
// that JavaScript cannot hold.
var (
	paramTid    = param{name: "tid", required: true, max: 20, about: "number of the team", example: exampleTid}
	paramOwner  = param{name: "owner", kind: account, required: true, about: "in whose name; needs the role that it takes"}
	paramMember = param{name: "accid", kind: account, required: true, about: "a member", example: "bob"}
	paramAgree  = param{name: "magree", kind: number, required: true, most: 1, about: "0 adds them at once, 1 asks them"}
	paramNote   = param{name: "msg", required: true, max: 150, about: "a note to those who are asked", example: "Come and join us"}
)

var teamMissing = outcome{wire.CodeTeamMissing, "the team does not exist or was dismissed"}

// teamCodes are those of what is done to a team in somebody's name, and more.
func teamCodes(more ...outcome) []outcome {
	return append([]outcome{
		{wire.CodeTeamPermission, "the role of who does it does not allow it"},
		teamMissing,
		{wire.CodeNotInTeam, "who does it is not a member"},
	}, more...)
}

// memberCodes are those of what is done to members in somebody's name, and more.
func memberCodes(more ...outcome) []outcome {
	codes := teamCodes(more...)
	codes[2].when = "who does it, or to whom it is done, is not a member"
	return codes
}

// teamParams are what team/create and team/update can set.
var teamParams = []param{
	{name: "announcement", max: 1024, example: "We meet on Fridays"},
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
			{name: "tname", required: true, max: 64, about: "name of the team", example: "Book club"},
			{name: "owner", kind: account, required: true},
			{name: "members", kind: accounts, required: true, max: maxTeamMembers, mayBeEmpty: true, about: "at most 200 with the owner, may be []"},
			paramNote, paramAgree,
			{name: "joinmode", kind: number, required: true, most: 2, about: "0 anybody may join, 1 managers decide, 2 nobody"},
		}, teamParams...),
		ignored: ignoredTeamParams,
		answer:  createTeamAnswer{},
		codes: []outcome{
			{wire.CodeTeamFull, "the members are more than the team may have"},
			{wire.CodeTooManyTeams, "the owner is in as many teams as it may be"},
		},
		serve: (*API).createTeam,
	},
	{
		name:  "team/add",
		about: "Brings accounts into a team, or asks them.",
		params: []param{
			paramTid, paramOwner, {name: "members", kind: accounts, required: true, max: maxTeamMembers, example: `["carol"]`}, paramAgree, paramNote,
		},
		ignored: ignoredTeamParams,
		answer:  addToTeamAnswer{},
		codes:   teamCodes(outcome{wire.CodeTeamFull, "they do not all fit: then none is added"}),
		serve:   (*API).addToTeam,
	},
	{
		name:  "team/kick",
		about: "Ends the membership of accounts; who is no member is passed over.",
		params: []param{
			paramTid, paramOwner, {name: "member", kind: account, about: "one account, or else members", example: "bob"},
			{name: "members", kind: accounts, max: maxTeamMembers},
		},
		ignored: ignoredTeamParams,
		codes:   teamCodes(),
		serve:   (*API).kickFromTeam,
	},
	{
		name:    "team/remove",
		about:   "Dismisses a team.",
		params:  []param{paramTid, paramOwner},
		ignored: ignoredTeamParams,
		codes:   teamCodes(),
		serve: func(a *API, ctx context.Context, c *call) (any, error) {
			return a.changeTeam(ctx, c, "owner", &wire.DismissTeamRequest{Team: c.args["tid"].text})
		},
	},
	{
		name:  "team/update",
		about: "Changes what is given; an empty text clears one, except the name.",
		params: append([]param{
			paramTid, paramOwner, {name: "tname", max: 64, about: "name of the team", example: "Book club"}, {name: "joinmode", kind: number, most: 2, about: "as in team/create"},
		}, teamParams...),
		ignored: ignoredTeamParams,
		codes:   teamCodes(),
		serve: func(a *API, ctx context.Context, c *call) (any, error) {
			return a.changeTeam(ctx, c, "owner", &wire.UpdateTeamRequest{Team: c.args["tid"].text, Changes: c.teamChanges()})
		},
	},
	{
		name:  "team/query",
		about: "Reads teams, and with ope 1 who is in them.",
		params: []param{
			{name: "tids", kind: teams, required: true, max: maxTeamsQueried},
			{name: "ope", kind: number, required: true, most: 1, about: "1 also lists admins and members"},
			{name: "ignoreInvalid", kind: boolean, about: "whether to leave out teams that do not exist (default false: code 803)"},
		},
		answer: teamsAnswer{},
		codes:  []outcome{{wire.CodeTeamMissing, "one of the teams does not exist"}, {wire.CodeTeamType, "ope is 1 and one of the teams is a superteam"}},
		serve:  (*API).queryTeams,
	},
	{
		name:   "team/queryDetail",
		about:  "Reads one team and all its members.",
		params: []param{paramTid},
		answer: teamAnswer{},
		codes:  []outcome{teamMissing, notMega},
		serve:  (*API).queryTeamDetail,
	},
	{
		name:  "team/changeOwner",
		about: "Gives a team to one of its members.",
		params: []param{
			paramTid, paramOwner, {name: "newowner", kind: account, required: true, about: "a member", example: "bob"},
			{name: "leave", kind: number, required: true, least: 1, most: 2, about: "1 the old owner leaves, 2 stays as a member", example: "2"},
		},
		ignored: ignoredTeamParams,
		codes:   memberCodes(),
		serve: func(a *API, ctx context.Context, c *call) (any, error) {
			return a.changeTeam(ctx, c, "owner", &wire.TransferTeamRequest{
				Team: c.args["tid"].text, To: c.args["newowner"].text, Leave: c.args["leave"].number == 1,
			})
		},
	},
	{
		name:    "team/addManager",
		about:   "Makes members managers.",
		params:  []param{paramTid, paramOwner, {name: "members", kind: accounts, required: true, max: maxTeamManagers, example: `["bob"]`}},
		ignored: ignoredTeamParams,
		codes:   memberCodes(outcome{wire.CodeTeamManagers, "the team has as many managers as it may have"}),
		serve: func(a *API, ctx context.Context, c *call) (any, error) {
			return a.changeTeam(ctx, c, "owner", &wire.SetTeamManagersRequest{Team: c.args["tid"].text, Accounts: c.args["members"].list, Manager: true})
		},
	},
	{
		name:    "team/removeManager",
		about:   "Makes managers members again.",
		params:  []param{paramTid, paramOwner, {name: "members", kind: accounts, required: true, max: maxTeamManagers, example: `["bob"]`}},
		ignored: ignoredTeamParams,
		codes:   memberCodes(),
		serve: func(a *API, ctx context.Context, c *call) (any, error) {
			return a.changeTeam(ctx, c, "owner", &wire.SetTeamManagersRequest{Team: c.args["tid"].text, Accounts: c.args["members"].list})
		},
	},
	{
		name:   "team/joinTeams",
		about:  "Lists the teams that an account is in.",
		params: []param{{name: "accid", kind: account, required: true}},
		answer: joinedTeamsAnswer{},
		serve:  (*API).teamsOf,
	},
	{
		name:  "team/updateTeamNick",
		about: "Changes what an account is called in a team.",
		params: []param{
			paramTid, paramOwner, paramMember, {name: "nick", max: 32, example: "Bobby"}, {name: "custom", max: 1024},
		},
		codes: memberCodes(),
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
			paramTid, paramMember, {name: "ope", kind: number, required: true, least: 1, most: 2, about: "1 notifications off, 2 on"},
		},
		codes: []outcome{teamMissing, {wire.CodeNotInTeam, "the account is not a member"}},
		serve: func(a *API, ctx context.Context, c *call) (any, error) {
			return a.changeTeam(ctx, c, "accid", &wire.UpdateTeamMemberRequest{
				Team: c.args["tid"].text, Changes: &wire.TeamMemberChanges{NotifyOff: proto.Bool(c.args["ope"].number == 1)},
			})
		},
	},
	{
		name:    "team/muteTlist",
		about:   "Mutes a member of a team: what it sends is refused with code 812.",
		params:  []param{paramTid, paramOwner, paramMember, {name: "mute", kind: boolean, required: true, about: "1 mutes, 0 lifts that"}},
		ignored: ignoredTeamParams,
		codes:   memberCodes(),
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
			paramTid, paramOwner, {name: "mute", kind: boolean, about: "true is muteType 1, false 0", example: "true"},
			{name: "muteType", kind: number, most: 3, about: "0 nobody is muted, 1 all but owner and managers, 3 all; counts before mute"},
		},
		ignored: ignoredTeamParams,
		codes:   teamCodes(),
		serve:   (*API).muteTeam,
	},
	{
		name:   "team/listTeamMute",
		about:  "Lists the muted members of a team.",
		params: []param{paramTid, paramOwner},
		answer: mutedAnswer{},
		codes:  []outcome{{wire.CodeTeamPermission, "owner does not manage the team"}, teamMissing, notMega},
		serve:  (*API).mutedMembers,
	},
	{
		name:    "team/leave",
		about:   "Ends an account's own membership. The owner cannot leave: see team/changeOwner.",
		params:  []param{paramTid, paramMember},
		ignored: ignoredTeamParams,
		codes:   []outcome{{wire.CodeTeamPermission, "the account owns the team"}, teamMissing, {wire.CodeNotInTeam, "the account is not a member"}},
		serve: func(a *API, ctx context.Context, c *call) (any, error) {
			return a.changeTeam(ctx, c, "accid", &wire.LeaveTeamRequest{Team: c.args["tid"].text})
		},
	},
}
