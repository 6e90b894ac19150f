package api

import (
	"context"

	"github.com/yizhan-im/yizhan/appliance/wire"
)

var deleteActions = []action{
	{
		name: "user/delete",
		about: "Deletes an account for good. Its token is dead and its sessions end before the answer; what it has all over the site goes within moments: see user/deleteState. " +
			"Its name stays reserved: user/create refuses it without anew. Others keep their conversations with it. Deleting it again is no error. Yizhan's own: Yunxin has no such action.",
		params: []param{
			{name: "accid", kind: account, required: true, example: "carol"},
			{name: "eraseMessages", kind: boolean, about: "whether its messages to others and its files go as well, default false"},
		},
		serve: (*API).deleteUser,
	},
	{
		name:   "user/deleteState",
		about:  "Tells how far the deletion of an account has come. Yizhan's own.",
		params: []param{{name: "accid", kind: account, required: true, example: "carol"}},
		answer: deleteStateAnswer{},
		codes:  []outcome{{wire.CodeNotFound, "no account of that name was deleted"}},
		serve:  (*API).deleteState,
	},
}

type deleteStateAnswer struct {
	Data struct {
		Accid       string `json:"accid"`
		Done        bool   `json:"done" about:"whether all has gone"`
		Stage       string `json:"stage" about:"what is under way: messages, files, relations, lists, subscriptions, teams, rooms, inbox or conversations; done at the end"`
		DeletedTime int64  `json:"deletedTime" about:"when it was deleted, in ms"`
		DoneTime    int64  `json:"doneTime,omitempty" about:"when all had gone, in ms"`
		Recreated   bool   `json:"recreated" about:"whether a new account has the name"`
	} `json:"data"`
}

func (a *API) deleteUser(ctx context.Context, c *call) (any, error) {
	return nil, notRegistered(a.app.DeleteAccount(ctx, c.appKey(), c.args["accid"].text, c.args["eraseMessages"].flag), "accid")
}

func (a *API) deleteState(ctx context.Context, c *call) (any, error) {
	r, err := a.app.Deletion(ctx, c.appKey(), c.args["accid"].text)
	if err != nil {
		return nil, err
	}
	var answer deleteStateAnswer
	d := &answer.Data
	d.Accid, d.Stage, d.Done = r.Account, r.Stage.String(), r.Stage == 0
	d.DeletedTime, d.DoneTime, d.Recreated = r.RemovedMs, r.DoneMs, r.Recreated
	return answer, nil
}
