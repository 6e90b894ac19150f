package api

import (
	"context"
	"strings"

	"github.com/yizhan-im/yizhan/appliance/state"
	"github.com/yizhan-im/yizhan/appliance/wire"
)

// Limits of relations (facts/yunxin-api.md §2), in characters.
const (
	maxFriendNote = 256
	maxAlias      = 128
	maxFriendEx   = 256
)

// friendOps are the operations by friend/add's parameter type.
var friendOps = [...]state.RelationOp{
	1: state.RelationAdd, 2: state.RelationAsk, 3: state.RelationAccept, 4: state.RelationDecline,
}

// specialOps are the operations by user/setSpecialRelation's relationType.
var specialOps = [...]state.RelationOp{1: state.RelationBlacklist, 2: state.RelationMute}

var notFriends = []outcome{{wire.CodeNotFound, "they are not friends"}}

var relationActions = []action{
	{
		name:  "friend/add",
		about: "Makes friends, or asks, accepts or refuses in the name of accid. Type 1 works whatever faccid allows.",
		params: []param{
			{name: "accid", kind: account, required: true},
			{name: "faccid", kind: account, required: true, example: "bob"},
			{name: "type", kind: number, required: true, least: 1, most: 4, about: "1 add at once, 2 ask, 3 accept, 4 refuse"},
			{name: "msg", max: maxFriendNote, about: "a note for faccid", example: "It is me"},
			{name: "serverex", max: maxFriendEx, about: "your own data; clients can only read it"},
		},
		codes: []outcome{
			{wire.CodeForbidden, "type is 2 and faccid takes no friends"},
			{wire.CodeNotFound, "type is 3 or 4 and faccid has not asked"},
			{wire.CodeCountLimit, "one of them has as many friends or requests as it may have"},
			{wire.CodeBlacklisted, "type is 2 and faccid has blacklisted accid"},
		},
		serve: (*API).addFriend,
	},
	{
		name:  "friend/update",
		about: "Changes what accid has noted of its friend faccid: the parameters that are given; an empty text clears one.",
		params: []param{
			{name: "accid", kind: account, required: true},
			{name: "faccid", kind: account, required: true, example: "bob"},
			{name: "alias", max: maxAlias, about: "what accid calls faccid", example: "Bobby"},
			{name: "ex", max: maxFriendEx, about: "the client's own data"},
			{name: "serverex", max: maxFriendEx, about: "your own data; clients can only read it"},
		},
		codes: notFriends,
		serve: (*API).updateFriend,
	},
	{
		name:  "friend/delete",
		about: "Ends the friendship for both, or takes back what accid has asked.",
		params: []param{
			{name: "accid", kind: account, required: true},
			{name: "faccid", kind: account, required: true, example: "bob"},
			{name: "isDeleteAlias", kind: boolean, about: "whether accid also forgets alias, ex and serverex, default false"},
		},
		serve: (*API).deleteFriend,
	},
	{
		name:  "friend/get",
		about: "Lists the friends of accid that were added or changed at updatetime or later.",
		params: []param{
			{name: "accid", kind: account, required: true},
			{name: "updatetime", kind: number, required: true, most: maxMillis, about: aboutTimeMs + "; 0 lists all"},
		},
		ignored: []string{"createtime"},
		answer:  friendsAnswer{},
		serve:   (*API).getFriends,
	},
	{
		name:  "friend/getByAccid",
		about: "Reads one friend.",
		params: []param{
			{name: "accid", kind: account, required: true},
			{name: "faccid", kind: account, required: true, example: "bob"},
		},
		answer: friendAnswer{},
		codes:  notFriends,
		serve:  (*API).getFriend,
	},
	{
		name:  "friend/setMode",
		about: "Says who may become a friend of accid. Yizhan's own: Yunxin has no such action.",
		params: []param{
			{name: "accid", kind: account, required: true},
			{name: "mode", kind: number, required: true, most: 2, about: "0 anyone (default), 1 who asks and is accepted, 2 nobody"},
		},
		serve: (*API).setFriendMode,
	},
	{
		name:  "user/setSpecialRelation",
		about: "Puts targetAcc on accid's blacklist or mute list, or takes it off.",
		params: []param{
			{name: "accid", kind: account, required: true},
			{name: "targetAcc", kind: account, required: true, example: "bob"},
			{name: "relationType", kind: number, required: true, least: 1, most: 2, about: "1 blacklist: messages of targetAcc to accid are refused with code 7101; 2 mute list"},
			{name: "value", kind: number, required: true, most: 1, about: "1 on, 0 off", example: "1"},
		},
		codes: []outcome{{wire.CodeCountLimit, "the list is full"}},
		serve: (*API).setSpecialRelation,
	},
	{
		name:   "user/listBlackAndMuteList",
		about:  "Lists whom accid has blacklisted and muted.",
		params: []param{{name: "accid", kind: account, required: true}},
		answer: listsAnswer{},
		serve:  (*API).listBlackAndMute,
	},
}

// changeRelation does c, whose peer the parameter named target has given.
func (a *API) changeRelation(ctx context.Context, c *call, target string, change state.RelationChange) error {
	change.Account, change.Peer = c.args["accid"].text, c.args[target].text
	_, err := a.app.ChangeRelation(ctx, c.appKey(), change)
	if wire.CodeOf(err) != wire.CodeNotFound {
		return err
	}
	if err := a.requireAccounts(ctx, c, "accid", target); err != nil {
		return err
	}
	return err
}

// requireAccounts is nil when the accounts exist that these parameters name.
func (a *API) requireAccounts(ctx context.Context, c *call, params ...string) error {
	for _, param := range params {
		if err := a.requireAccount(ctx, c, param, strings.ToLower(c.args[param].text)); err != nil {
			return err
		}
	}
	return nil
}

// optional is the value of a text that may be left out.
func (c *call) optional(name string) *string {
	if value := c.args[name]; value.given {
		return &value.text
	}
	return nil
}

func (a *API) addFriend(ctx context.Context, c *call) (any, error) {
	return nil, a.changeRelation(ctx, c, "faccid", state.RelationChange{
		Op: friendOps[c.args["type"].number], Note: c.args["msg"].text, ServerEx: c.optional("serverex"),
	})
}

func (a *API) updateFriend(ctx context.Context, c *call) (any, error) {
	return nil, a.changeRelation(ctx, c, "faccid", state.RelationChange{
		Op: state.RelationUpdate, Alias: c.optional("alias"), Ex: c.optional("ex"), ServerEx: c.optional("serverex"),
	})
}

func (a *API) deleteFriend(ctx context.Context, c *call) (any, error) {
	return nil, a.changeRelation(ctx, c, "faccid", state.RelationChange{
		Op: state.RelationDelete, Forget: c.args["isDeleteAlias"].flag,
	})
}

func (a *API) setSpecialRelation(ctx context.Context, c *call) (any, error) {
	return nil, a.changeRelation(ctx, c, "targetAcc", state.RelationChange{
		Op: specialOps[c.args["relationType"].number], On: c.args["value"].number == 1,
	})
}

// friend is one friend as backends see it.
type friend struct {
	CreateTime  int64  `json:"createtime" about:"when they became friends, in milliseconds since 1970"`
	Bidirection bool   `json:"bidirection" about:"always true"`
	Faccid      string `json:"faccid"`
	Alias       string `json:"alias,omitempty" about:"what accid calls the friend"`
	Ex          string `json:"ex,omitempty" about:"the client's own data"`
	ServerEx    string `json:"serverex,omitempty" about:"your own data"`
	UpdateTime  int64  `json:"updatetime" about:"of the last change, in milliseconds since 1970"`
}

// newFriend shows r. A friendship is always of both.
func newFriend(r *wire.Relation) friend {
	return friend{
		CreateTime: r.FriendMs, Bidirection: true, Faccid: r.Account,
		Alias: r.Alias, Ex: r.Ex, ServerEx: r.ServerEx, UpdateTime: r.UpdatedMs,
	}
}

type friendsAnswer struct {
	Size    int      `json:"size"`
	Friends []friend `json:"friends"`
}

func (a *API) getFriends(ctx context.Context, c *call) (any, error) {
	accid := c.args["accid"].text
	found, err := a.app.Friends(ctx, c.appKey(), accid, c.args["updatetime"].number)
	if err != nil {
		return nil, err
	}
	if len(found) == 0 {
		if err := a.requireAccount(ctx, c, "accid", accid); err != nil {
			return nil, err
		}
	}
	answer := friendsAnswer{Size: len(found), Friends: make([]friend, len(found))}
	for i, r := range found {
		answer.Friends[i] = newFriend(r)
	}
	return answer, nil
}

type friendAnswer struct {
	Friend friend `json:"friend"`
}

func (a *API) getFriend(ctx context.Context, c *call) (any, error) {
	found, err := a.app.Relation(ctx, c.appKey(), c.args["accid"].text, c.args["faccid"].text)
	if err != nil {
		return nil, err
	}
	if !found.GetFriend() {
		if err := a.requireAccounts(ctx, c, "accid", "faccid"); err != nil {
			return nil, err
		}
		return nil, wire.Errorf(wire.CodeNotFound, "accid and faccid are not friends")
	}
	return friendAnswer{Friend: newFriend(found)}, nil
}

func (a *API) setFriendMode(ctx context.Context, c *call) (any, error) {
	err := a.app.SetFriendMode(ctx, c.appKey(), c.args["accid"].text, wire.FriendMode(c.args["mode"].number))
	return nil, notRegistered(err, "accid")
}

type listsAnswer struct {
	Mutelist  []string `json:"mutelist" of:"accid"`
	Blacklist []string `json:"blacklist" of:"accid"`
}

func (a *API) listBlackAndMute(ctx context.Context, c *call) (any, error) {
	accid := c.args["accid"].text
	blacklist, mutelist, err := a.app.Listed(ctx, c.appKey(), accid)
	if err != nil {
		return nil, err
	}
	if len(blacklist)+len(mutelist) == 0 {
		if err := a.requireAccount(ctx, c, "accid", accid); err != nil {
			return nil, err
		}
	}
	return listsAnswer{Mutelist: append([]string{}, mutelist...), Blacklist: append([]string{}, blacklist...)}, nil
}

// requireFriends is nil when from and to are friends. It is asked before a
// message that wants that; a friendship that ends in between does not stop it.
func (a *API) requireFriends(ctx context.Context, c *call, from, to string) error {
	found, err := a.app.Relation(ctx, c.appKey(), from, to)
	if err != nil || found.GetFriend() {
		return err
	}
	if err := a.requireAccounts(ctx, c, "from", "to"); err != nil {
		return err
	}
	return wire.Errorf(wire.CodeForbidden, "from and to are not friends")
}
