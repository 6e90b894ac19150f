package api

import (
	"context"

	"github.com/yizhan-im/yizhan/appliance/wire"
)

var teamHistoryAction = action{
	name:  "history/queryTeamMsg",
	about: "Reads the messages of a team, sent from begintime to endtime. A recalled one keeps its place, without content.",
	params: []param{
		paramTid,
		{name: "accid", kind: account, required: true, about: "who reads"},
		{name: "begintime", kind: number, required: true, most: maxMillis, about: aboutTimeMs},
		{name: "endtime", kind: number, required: true, most: maxMillis, about: aboutTimeMs, example: "9000000000000"},
		{name: "limit", kind: number, required: true, least: 1, most: maxHistoryPage, about: "most messages to read", example: "20"},
		{name: "reverse", kind: number, least: oldestFirst, most: newestFirst, about: "1 oldest first, 2 newest first (default)"},
		{name: "type", max: 128, about: "types separated by commas, default all", example: "0,1"},
		{name: "checkTeamValid", kind: boolean, about: "true (default): the team must exist and accid be its member, and reads what a member may; false: all that is kept is read, also of a team that was dismissed"},
	},
	answer: historyAnswer{},
	codes:  []outcome{{wire.CodeTeamMissing, "there is no such team"}, {wire.CodeNotInTeam, "accid is not a member of the team"}},
	serve:  (*API).teamHistory,
}

func (a *API) teamHistory(ctx context.Context, c *call) (any, error) {
	begin, end := c.args["begintime"].number, c.args["endtime"].number
	if begin > end {
		return nil, wire.Errorf(wire.CodeBadParameter, "parameter begintime is after endtime")
	}
	types, err := parseTypes(c.args["type"].text)
	if err != nil {
		return nil, err
	}
	reverse, limit := c.args["reverse"].number != oldestFirst, int(c.args["limit"].number)
	var messages []*wire.Message
	if check := c.args["checkTeamValid"]; check.given && !check.flag {
		messages, err = a.app.TeamLog(ctx, c.appKey(), c.args["tid"].text, begin, end, limit, reverse, types)
	} else {
		messages, err = a.app.TeamHistory(ctx, c.appKey(), c.args["accid"].text, c.args["tid"].text, begin, end, limit, reverse, types)
	}
	if err != nil {
		return nil, err
	}
	return historyAnswerOf(messages)
}
