package api

import (
	"context"
	"time"
)

var usageActions = []action{{
	name: "tenant/usage",
	about: "Tells what the tenant uses. Counting takes some seconds for a million accounts, and code 503 says that it takes too long at this moment. " +
		"Yizhan's own: Yunxin has no such action.",
	params: []param{
		{name: "maxAge", kind: number, least: 60, most: 3600, about: "how old the numbers may be, in seconds, default 60", example: "60"},
	},
	answer: usageAnswer{},
	serve:  (*API).tenantUsage,
}}

type usageAnswer struct {
	Data struct {
		Accounts       uint64 `json:"accounts"`
		ActiveAccounts uint64 `json:"activeAccounts" about:"how many have logged in since midnight (UTC), or are connected to this node"`
		Conversations  uint64 `json:"conversations" about:"of two accounts"`
		Teams          uint64 `json:"teams" about:"superteams among them"`
		Messages       uint64 `json:"messages" about:"kept in conversations and teams, with what tells of changes"`
		Rooms          uint64 `json:"rooms" about:"registered chatrooms"`
		Files          uint64 `json:"files"`
		FileBytes      uint64 `json:"fileBytes"`
		Connections    int    `json:"connections" about:"to this node, now"`
		CountedTime    int64  `json:"countedTime" about:"when all but the connections was counted, in ms"`
	} `json:"data"`
}

func (a *API) tenantUsage(ctx context.Context, c *call) (any, error) {
	u, err := a.app.Usage(ctx, c.appKey(), time.Duration(c.args["maxAge"].number)*time.Second)
	if err != nil {
		return nil, err
	}
	var answer usageAnswer
	d := &answer.Data
	d.Accounts, d.ActiveAccounts, d.Conversations, d.Teams, d.Messages = u.Accounts, u.Active, u.Conversations, u.Teams, u.Messages
	d.Rooms, d.Files, d.FileBytes, d.Connections, d.CountedTime = u.Rooms, u.Files, u.FileBytes, u.Connections, u.CountedMs
	return answer, nil
}
