package api

import (
	"context"

	"github.com/yizhan-im/yizhan/appliance/wire"
)

// Bounds of a search, those of the protocol.
const (
	maxSearchText   = 100
	maxSearchPage   = 50
	maxSearchCursor = 64
)

var searchAction = action{
	name:  "history/searchMsg",
	about: "Finds messages by their words, in all conversations of accid or in one, the newest first. All conditions that are given hold together; one of keyword, from and type must be. What was sent within the last seconds may be missing. Yizhan's own: Yunxin has no such action.",
	params: []param{
		{name: "accid", kind: account, required: true, about: "in whose conversations; only what it may read is found"},
		{name: "keyword", max: maxSearchText, about: "words that a message must all have: of alphabets whole and in any case, of Chinese, Japanese and Korean in pairs of characters", example: "hello"},
		{name: "to", kind: account, about: "only the conversation with this account"},
		{name: "tid", max: 20, about: "only the conversation of this team"},
		{name: "from", kind: account, about: "only what this account has sent"},
		{name: "type", max: 128, about: "types separated by commas, at most 16, default all", example: "0,6"},
		{name: "begintime", kind: number, most: maxMillis, about: aboutTimeMs},
		{name: "endtime", kind: number, most: maxMillis, about: aboutTimeMs},
		{name: "limit", kind: number, least: 1, most: maxSearchPage, about: "most messages to read, default 20"},
		{name: "cursor", max: maxSearchCursor, about: "that of the page to go on behind"},
	},
	answer: searchAnswer{},
	codes: []outcome{
		{wire.CodeForbidden, "search is switched off on this node"},
		{wire.CodeTeamMissing, "there is no such team"}, {wire.CodeNotInTeam, "accid is not a member of the team"},
	},
	serve: (*API).searchMessages,
}

type searchAnswer struct {
	Size       int              `json:"size" about:"how many messages there are in msgs"`
	Msgs       []historyMessage `json:"msgs"`
	Cursor     string           `json:"cursor,omitempty" about:"pass it to go on; there is none when there is no more. A page may be short, or empty, and have one"`
	Incomplete bool             `json:"incomplete,omitempty" about:"whether messages are being indexed that may belong here, as after a restart of the node"`
}

func (a *API) searchMessages(ctx context.Context, c *call) (any, error) {
	req := &wire.SearchRequest{
		Text: c.args["keyword"].text, From: c.args["from"].text, Peer: c.args["to"].text,
		BeginMs: c.args["begintime"].number, EndMs: c.args["endtime"].number,
		Limit: uint32(c.args["limit"].number), Cursor: c.args["cursor"].text,
	}
	if team := c.args["tid"]; team.given {
		if req.Peer != "" {
			return nil, wire.Errorf(wire.CodeBadParameter, "parameters to and tid exclude each other")
		}
		req.Scene, req.Peer = wire.Scene_SCENE_TEAM, team.text
	}
	if types := c.args["type"]; types.given {
		var err error
		if req.Types, err = parseTypes(types.text); err != nil {
			return nil, err
		}
	}
	found, err := a.app.Search(ctx, c.appKey(), c.args["accid"].text, req)
	if err != nil {
		return nil, notRegistered(err, "accid")
	}
	answer := searchAnswer{Size: len(found.Messages), Msgs: make([]historyMessage, len(found.Messages)), Cursor: found.Cursor, Incomplete: found.Incomplete}
	for i, m := range found.Messages {
		if answer.Msgs[i], err = historyMessageOf(m); err != nil {
			return nil, err
		}
		if m.Scene == wire.Scene_SCENE_TEAM {
			answer.Msgs[i].Tid = m.To
		} else {
			answer.Msgs[i].To = m.To
		}
	}
	return answer, nil
}
