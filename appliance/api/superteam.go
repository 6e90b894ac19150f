package api

import (
	"context"
	"slices"

	"google.golang.org/protobuf/proto"

	"github.com/yizhan-im/yizhan/appliance/state"
	"github.com/yizhan-im/yizhan/appliance/wire"
)

// Limits of mega-teams, which Yunxin calls superteams (facts/yunxin-api.md §4).
const (
	maxMegaPage = 100
	maxByIDs    = 50
)

// megaTeamType is the code of every action that names a superteam.
var megaTeamType = outcome{wire.CodeTeamType, "tid is not that of a superteam"}

// megaCodes are teamCodes and those of every action on a superteam.
func megaCodes(more ...outcome) []outcome { return teamCodes(append(more, megaTeamType)...) }

// megaMemberCodes are memberCodes in the same way.
func megaMemberCodes(more ...outcome) []outcome { return memberCodes(append(more, megaTeamType)...) }

// megaParams are what superteam/create and superteam/updateTinfo can set.
var megaParams = []param{
	{name: "announcement", max: 1024, example: "We meet on Fridays"},
	{name: "intro", max: 512},
	{name: "serverCustom", max: 1024, about: "the backend's data; clients read it"},
	{name: "icon", max: 1024, about: "address of the picture"},
	{name: "beinvitemode", kind: number, most: 1, about: "0 who is invited is asked (default), 1 is not"},
	{name: "invitemode", kind: number, most: 1, about: "who may invite: 0 managers (default), 1 all"},
	{name: "uptinfomode", kind: number, most: 1, about: "who may change the team's data: 0 managers (default), 1 all"},
	{name: "upcustommode", kind: number, most: 1, about: "who may change the clients' custom data: 0 managers (default), 1 all"},
}

var (
	paramLevel    = param{name: "tlevel", kind: number, least: 2, most: state.MaxMegaTeamMembers, about: "most members, up to the tenant's limit, which it is at first", example: "5000"}
	paramMayAgree = param{name: "magree", kind: number, most: 1, about: "0 adds them at once, 1 asks them; default: as the superteam's beinvitemode says"}
	paramManagers = param{name: "managerAccids", kind: accounts, required: true, max: maxTeamManagers, example: `["bob"]`}
	paramTimetag  = param{name: "timetag", kind: number, most: maxMillis, about: "where to begin, in milliseconds since 1970; default 0, which with reverse 2 is now"}
	paramLimit    = param{name: "limit", kind: number, required: true, least: 1, most: maxMegaPage, about: "most to read", example: "20"}
	paramOrder    = param{name: "reverse", kind: number, least: oldestFirst, most: newestFirst, about: "1 in the order of joining (default), 2 the newest first"}
)

var superteamActions = []action{
	{
		name:  "superteam/create",
		about: "Makes a superteam: one of 100,000 members and more. Members that are not registered or in too many are left out and named in faccid.",
		params: append([]param{
			{name: "owner", kind: account, required: true},
			{name: "inviteAccids", kind: accounts, required: true, max: maxTeamMembers, mayBeEmpty: true, about: "at most 200 with the owner, may be []", example: `["bob"]`},
			{name: "tname", required: true, max: 64, about: "name of the team", example: "Book club"},
			paramNote,
			{name: "joinmode", kind: number, required: true, most: 2, about: "0 anybody may join, 1 managers decide, 2 nobody"},
			{name: "magree", kind: number, most: 1, about: "0 adds them at once, 1 asks them; default: as beinvitemode says", example: "0"},
			paramLevel,
		}, megaParams...),
		ignored: ignoredTeamParams,
		answer:  createTeamAnswer{},
		codes: []outcome{
			{wire.CodeTeamFull, "the members are more than tlevel"},
			{wire.CodeTooManyTeams, "the owner is in as many superteams as it may be"},
		},
		serve: (*API).createMega,
	},
	{
		name:   "superteam/dismiss",
		about:  "Dismisses a superteam.",
		params: []param{paramTid, paramOwner}, ignored: ignoredTeamParams, codes: megaCodes(),
		serve: func(a *API, ctx context.Context, c *call) (any, error) {
			return a.changeMega(ctx, c, "owner", &wire.DismissTeamRequest{Team: c.args["tid"].text})
		},
	},
	{
		name:  "superteam/invite",
		about: "Brings accounts into a superteam, or asks them.",
		params: []param{
			paramTid, paramOwner, {name: "inviteAccids", kind: accounts, required: true, max: maxTeamMembers, example: `["carol"]`}, paramNote, paramMayAgree,
		},
		ignored: ignoredTeamParams,
		answer:  addToTeamAnswer{},
		codes:   megaCodes(outcome{wire.CodeTeamFull, "they do not all fit: then none is added"}),
		serve:   (*API).inviteToMega,
	},
	{
		name:    "superteam/kick",
		about:   "Ends the membership of accounts; who is no member is passed over.",
		params:  []param{paramTid, paramOwner, {name: "kickAccids", kind: accounts, required: true, max: maxTeamMembers, example: `["bob"]`}},
		ignored: ignoredTeamParams, codes: megaCodes(),
		serve: func(a *API, ctx context.Context, c *call) (any, error) {
			return a.changeMega(ctx, c, "owner", &wire.KickTeamRequest{Team: c.args["tid"].text, Accounts: c.args["kickAccids"].list})
		},
	},
	{
		name:    "superteam/leave",
		about:   "Ends an account's own membership. The owner cannot leave: see superteam/changeOwner.",
		params:  []param{paramTid, paramMember},
		ignored: ignoredTeamParams,
		codes:   []outcome{{wire.CodeTeamPermission, "the account owns the superteam"}, teamMissing, {wire.CodeNotInTeam, "the account is not a member"}, megaTeamType},
		serve: func(a *API, ctx context.Context, c *call) (any, error) {
			return a.changeMega(ctx, c, "accid", &wire.LeaveTeamRequest{Team: c.args["tid"].text})
		},
	},
	{
		name:  "superteam/updateTinfo",
		about: "Changes what is given; an empty text clears one, except the name.",
		params: append([]param{
			paramTid, paramOwner, {name: "tname", max: 64, about: "name of the team", example: "Book club"}, {name: "joinmode", kind: number, most: 2, about: "as in superteam/create"},
		}, megaParams...),
		ignored: ignoredTeamParams, codes: megaCodes(),
		serve: func(a *API, ctx context.Context, c *call) (any, error) {
			return a.changeMega(ctx, c, "owner", &wire.UpdateTeamRequest{Team: c.args["tid"].text, Changes: c.megaChanges()})
		},
	},
	{
		name:   "superteam/changeLevel",
		about:  "Changes how many members a superteam may have.",
		params: []param{paramTid, paramOwner, required(paramLevel)}, codes: megaCodes(),
		serve: func(a *API, ctx context.Context, c *call) (any, error) {
			return a.changeMega(ctx, c, "owner", &wire.UpdateTeamRequest{Team: c.args["tid"].text, Changes: c.megaChanges()})
		},
	},
	{
		name:   "superteam/updateTlist",
		about:  "Changes an account's own settings in a superteam.",
		params: []param{paramTid, paramMember, {name: "silentType", kind: number, most: 1, about: "1 notifications off, 0 on"}, {name: "nick", max: 32, example: "Bobby"}, {name: "custom", max: 1024}},
		codes:  []outcome{teamMissing, {wire.CodeNotInTeam, "the account is not a member"}, megaTeamType},
		serve: func(a *API, ctx context.Context, c *call) (any, error) {
			changes := &wire.TeamMemberChanges{Nick: c.args["nick"].optional(), Custom: c.args["custom"].optional()}
			if silent := c.args["silentType"]; silent.given {
				changes.NotifyOff = proto.Bool(silent.number == 1)
			}
			return a.changeMega(ctx, c, "accid", &wire.UpdateTeamMemberRequest{Team: c.args["tid"].text, Changes: changes})
		},
	},
	{
		name:   "superteam/updateTeamNick",
		about:  "Changes what an account is called in a superteam.",
		params: []param{paramTid, paramOwner, paramMember, {name: "nick", required: true, max: 32, example: "Bobby"}}, codes: megaMemberCodes(),
		serve: func(a *API, ctx context.Context, c *call) (any, error) {
			return a.changeMega(ctx, c, "owner", &wire.UpdateTeamMemberRequest{
				Team: c.args["tid"].text, Account: c.args["accid"].text, Changes: &wire.TeamMemberChanges{Nick: c.args["nick"].optional()},
			})
		},
	},
	{
		name:    "superteam/addManager",
		about:   "Makes members managers, at most 50.",
		params:  []param{paramTid, paramOwner, paramManagers},
		ignored: ignoredTeamParams,
		codes:   megaMemberCodes(outcome{wire.CodeTeamManagers, "the superteam has as many managers as it may have"}),
		serve: func(a *API, ctx context.Context, c *call) (any, error) {
			return a.changeMega(ctx, c, "owner", &wire.SetTeamManagersRequest{Team: c.args["tid"].text, Accounts: c.args["managerAccids"].list, Manager: true})
		},
	},
	{
		name:    "superteam/removeManager",
		about:   "Makes managers members again.",
		params:  []param{paramTid, paramOwner, paramManagers},
		ignored: ignoredTeamParams, codes: megaMemberCodes(),
		serve: func(a *API, ctx context.Context, c *call) (any, error) {
			return a.changeMega(ctx, c, "owner", &wire.SetTeamManagersRequest{Team: c.args["tid"].text, Accounts: c.args["managerAccids"].list})
		},
	},
	{
		name:  "superteam/changeOwner",
		about: "Gives a superteam to one of its members.",
		params: []param{
			paramTid, paramOwner, {name: "accid", kind: account, required: true, about: "the new owner, a member", example: "bob"},
			{name: "leave", kind: number, required: true, least: 1, most: 2, about: "1 the old owner leaves, 2 stays as a member", example: "2"},
		},
		ignored: ignoredTeamParams, codes: megaMemberCodes(),
		serve: func(a *API, ctx context.Context, c *call) (any, error) {
			return a.changeMega(ctx, c, "owner", &wire.TransferTeamRequest{Team: c.args["tid"].text, To: c.args["accid"].text, Leave: c.args["leave"].number == 1})
		},
	},
	{
		name:   "superteam/mute",
		about:  "Says who may not send.",
		params: []param{paramTid, paramOwner, {name: "muteType", kind: number, required: true, most: 3, about: "0 nobody is muted, 1 all but owner and managers, 3 all"}}, codes: megaCodes(),
		serve: func(a *API, ctx context.Context, c *call) (any, error) {
			return a.changeMega(ctx, c, "owner", &wire.MuteTeamRequest{Team: c.args["tid"].text, Mute: wire.TeamMute(c.args["muteType"].number)})
		},
	},
	{
		name:  "superteam/muteTlist",
		about: "Mutes members: what they send is refused with code 812.",
		params: []param{
			paramTid, paramOwner, {name: "muteAccids", kind: accounts, required: true, max: maxTeamManagers, example: `["bob"]`},
			{name: "mute", kind: boolean, required: true, about: "1 mutes, 0 lifts that"},
		},
		codes: megaMemberCodes(),
		serve: func(a *API, ctx context.Context, c *call) (any, error) {
			return a.changeMega(ctx, c, "owner", &wire.MuteTeamMembersRequest{Team: c.args["tid"].text, Accounts: c.args["muteAccids"].list, Muted: c.args["mute"].flag})
		},
	},
	{
		name:   "superteam/getTinfos",
		about:  "Reads superteams. Those that do not exist are left out.",
		params: []param{{name: "tids", kind: teams, required: true, max: maxTeamsQueried}},
		answer: megaInfosAnswer{},
		serve:  (*API).megaInfos,
	},
	{
		name:   "superteam/joinTeams",
		about:  "Lists the superteams that an account is in.",
		params: []param{{name: "accid", kind: account, required: true}},
		answer: megaInfosAnswer{},
		serve:  (*API).megaTeamsOf,
	},
	{
		name:   "superteam/getTlists",
		about:  "Reads members in the order of their joining.",
		params: []param{paramTid, paramTimetag, paramLimit, paramOrder},
		answer: megaMembersAnswer{},
		codes:  []outcome{teamMissing, megaTeamType},
		serve:  (*API).megaMembers,
	},
	{
		name:   "superteam/getMuteTlists",
		about:  "Reads muted members in the order of their joining: of more than 5,000, the first 5,000 by name.",
		params: []param{paramTid, paramTimetag, paramLimit, paramOrder},
		answer: megaMembersAnswer{},
		codes:  []outcome{teamMissing, megaTeamType},
		serve:  (*API).megaMuted,
	},
	{
		name:  "superteam/sendMsg",
		about: "Sends a message to a superteam, as msg/sendMsg does.",
		params: []param{
			paramTid, {name: "fromAccid", kind: account, required: true, about: "a member"},
			{name: "type", kind: number, required: true, most: typeMax, about: aboutType},
			{name: "body", kind: jsonText, required: true, max: maxMessageBody, about: aboutBody, example: exampleBody},
			{name: "ext", max: maxExt, about: "anything, for the receiving app"},
		},
		ignored: append([]string{
			"antispam", "antispamCustom", "pushPayload", "isForcePush", "forcePushList", "forcePushContent", "forcePushAll", "isCheckMute",
		}, ignoredMessageParams...),
		answer: sendAnswer{},
		codes: []outcome{
			teamMissing, {wire.CodeNotInTeam, "fromAccid is not a member"}, {wire.CodeTeamMuted, "the superteam, or fromAccid in it, is muted"}, megaTeamType,
		},
		serve: (*API).sendToMega,
	},
	{
		name:  "superteam/sendAttachMsg",
		about: "Sends a notification to a superteam, as msg/sendAttachMsg does to a team.",
		params: []param{
			{name: "from", kind: account, required: true, about: "a member"},
			{name: "to", required: true, max: 20, about: "number of the superteam", example: exampleTid},
			{name: "attach", required: true, max: maxAttach, about: "anything, for the receiving apps", example: `{"order":7}`},
			{name: "save", kind: number, least: saveOnline, most: saveOffline, about: "1 only for who is online now; 2 kept for who is not (default)"},
			{name: "pushcontent", max: maxPushContent, about: "text of the push to devices that sleep"},
			{name: "pushPayload", kind: jsonText, max: maxPushPayload, about: "for the app that is woken by the push"},
			{name: "sound", max: maxSound, about: "a file of the app, to be played with the push"},
			{name: "option", kind: jsonText, max: 1024, about: "an object of booleans: `badge`, default true; `needPushNick`, default false; `route`, default true", example: `{"badge":false}`},
			{name: "isForcePush", kind: boolean, about: "push also to those who have turned notifications off; to all, unless forcePushList names some"},
			{name: "forcePushAll", kind: boolean, about: "the same as isForcePush without a list"},
			{name: "forcePushList", kind: accounts, max: maxForcedPushes, about: "those to whom the push is forced"},
			{name: "forcePushContent", max: maxPushContent, about: "what those get instead of pushcontent"},
		},
		ignored: ignoredNotifyParams,
		codes: []outcome{
			teamMissing, {wire.CodeNotInTeam, "from is not a member"}, {wire.CodeTeamMuted, "the superteam, or from in it, is muted"}, megaTeamType,
		},
		serve: (*API).notifyMega,
	},
	{
		name:  "superteam/recallMsg",
		about: "Takes a message of a superteam back.",
		params: []param{
			{name: "deleteMsgid", kind: number, required: true, least: 1, most: maxInt64, about: "msgid of the message", example: "42"},
			{name: "timetag", kind: number, required: true, least: 1, most: maxMillis, about: "timetag of the message", example: "1790000000123"},
			{name: "from", kind: account, required: true, about: "who sent the message, or manages the superteam"},
			{name: "to", required: true, max: 20, about: "number of the superteam", example: exampleTid},
			{name: "msg", max: maxNote, about: "a note for the receivers' apps"},
			{name: "ignoreTime", kind: boolean, about: "1 recalls a message of any age"},
		},
		ignored: []string{"pushContent", "pushPayload"},
		codes: []outcome{
			{wire.CodeForbidden, "the message is not one that from may recall"}, {wire.CodeNotFound, "there is no such message"},
			{wire.CodeRecallExpired, "the tenant's time for that is over"}, teamMissing, {wire.CodeNotInTeam, "from is not a member"}, megaTeamType,
		},
		serve: (*API).recallInMega,
	},
	{
		name:  "superteam/queryHistoryMsg",
		about: "Reads the messages of a superteam that a member may read, sent from begintime to endtime. A recalled one keeps its place, without content.",
		params: []param{
			paramTid, paramMember,
			{name: "begintime", kind: number, required: true, most: maxMillis, about: aboutTimeMs},
			{name: "endtime", kind: number, required: true, most: maxMillis, about: aboutTimeMs, example: "9000000000000"},
			paramLimit,
			{name: "reverse", kind: number, least: oldestFirst, most: newestFirst, about: "1 oldest first, 2 newest first (default)"},
			{name: "type", max: 128, about: "types separated by commas, default all", example: "0,1"},
		},
		ignored: []string{"excludeMsgid"},
		answer:  megaHistoryAnswer{},
		codes: []outcome{
			teamMissing, {wire.CodeNotInTeam, "accid is not a member"}, megaTeamType,
		},
		serve: (*API).megaHistory,
	},
	{
		name:   "superteam/queryHistoryMsgByIds",
		about:  "Reads messages of superteams by their ids. Those that there are not are left out.",
		params: []param{{name: "msgs", kind: jsonText, required: true, max: 20_000, about: "an array of at most 50 objects {msgid, from, to, time}, where to is the superteam", example: `[{"msgid":42,"from":"alice","to":1001,"time":1790000000123}]`}},
		answer: messagesAnswer{},
		serve:  (*API).megaMessages,
	},
}

// required makes a parameter that must be given.
func required(p param) param { p.required = true; return p }

// changeMega is changeTeam for a superteam.
func (a *API) changeMega(ctx context.Context, c *call, by string, in teamRequest) (any, error) {
	if err := a.app.RequireTeamKind(ctx, c.appKey(), c.args["tid"].text, true); err != nil {
		return nil, err
	}
	return a.changeTeam(ctx, c, by, in)
}

// megaChanges are what the parameters say of a superteam.
func (c *call) megaChanges() *wire.TeamChanges {
	u := c.teamChanges()
	u.ServerCustom = c.args["serverCustom"].optional()
	if level := c.args["tlevel"]; level.given {
		u.MemberLimit = proto.Uint32(uint32(level.number))
	}
	return u
}

func (a *API) createMega(ctx context.Context, c *call) (any, error) {
	owner := c.args["owner"].text
	list := slices.DeleteFunc(c.args["inviteAccids"].list, func(name string) bool { return name == owner })
	if len(list) >= maxTeamMembers {
		return nil, wire.Errorf(wire.CodeBadParameter, "parameter inviteAccids has more than %d elements, with the owner", maxTeamMembers)
	}
	res, err := a.app.ChangeTeam(ctx, c.appKey(), owner, c.direct(), &wire.CreateTeamRequest{
		ClientId: c.id, Team: c.megaChanges(), Members: list, Note: c.args["msg"].text, Mega: true,
	})
	if err != nil {
		return nil, notRegistered(err, "owner")
	}
	return createTeamAnswer{state.TeamID(res.Team), failedOf(res.Failed)}, nil
}

// direct reports whether who is invited is not asked, whatever the superteam says.
func (c *call) direct() bool { return c.args["magree"].given && c.args["magree"].number == 0 }

func (a *API) inviteToMega(ctx context.Context, c *call) (any, error) {
	tid := c.args["tid"].text
	if err := a.app.RequireTeamKind(ctx, c.appKey(), tid, true); err != nil {
		return nil, err
	}
	res, err := a.app.ChangeTeam(ctx, c.appKey(), c.args["owner"].text, c.direct(), &wire.InviteTeamRequest{
		Team: tid, Accounts: c.args["inviteAccids"].list, Note: c.args["msg"].text,
	})
	if err != nil {
		return nil, notRegistered(err, "owner")
	}
	return addToTeamAnswer{failedOf(res.Failed)}, nil
}
