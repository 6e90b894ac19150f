package api

import (
	"context"

	"github.com/yizhan-im/yizhan/appliance/wire"
)

// profileParams are the profile fields of user/create and user/updateUinfo, with
// Yunxin's limits (facts/yunxin-api.md §2).
var profileParams = []param{
	{name: "name", max: 64, about: "nickname", example: "Dave"},
	{name: "icon", max: 1024, about: "address of the picture", example: "https://example.com/dave.png"},
	{name: "sign", max: 256, about: "signature"},
	{name: "email", max: 64},
	{name: "birth", max: 16, about: "such as 2000-01-31", example: "2000-01-31"},
	{name: "mobile", max: 32},
	{name: "gender", kind: number, least: 0, most: 2, about: "0 unknown, 1 male, 2 female"},
	{name: "ex", max: 1024, about: "anything"},
}

// maxToken is the longest token, in characters.
const maxToken = 128

// maxProfiles is the most accounts of one query.
const maxProfiles = 200

var userActions = []action{
	{
		name:  "user/create",
		about: "Registers an account. A token is made when none is given.",
		params: append([]param{
			{name: "accid", kind: account, required: true, example: "dave"},
			{name: "token", max: maxToken, about: "with which the account logs in"},
			{name: "anew", kind: boolean, about: "whether the name of a deleted account is given to a new one, which has and sees nothing of it; default false. Yizhan's own"},
		}, profileParams...),
		ignored: []string{"props", "bid"},
		answer:  createAnswer{},
		serve:   (*API).createUser,
	},
	{
		name:  "user/update",
		about: "Changes the token of an account and ends its sessions; without a token it changes nothing.",
		params: []param{
			{name: "accid", kind: account, required: true},
			{name: "token", max: maxToken, about: "with which the account logs in", example: "a-new-secret"},
		},
		ignored: []string{"props"},
		serve:   (*API).updateUser,
	},
	{
		name:   "user/refreshToken",
		about:  "Replaces the token of an account by a new random one and ends its sessions.",
		params: []param{{name: "accid", kind: account, required: true}},
		answer: tokenAnswer{},
		serve:  (*API).refreshToken,
	},
	{
		name:  "user/block",
		about: "Blocks an account: it cannot log in (code 422).",
		params: []param{
			{name: "accid", kind: account, required: true},
			{name: "needkick", kind: boolean, about: "whether to end its sessions, default false"},
		},
		ignored: []string{"kickNotifyExt", "needUnbindPushToken"},
		serve:   (*API).blockUser,
	},
	{
		name:   "user/unblock",
		about:  "Lifts a block.",
		params: []param{{name: "accid", kind: account, required: true}},
		serve:  (*API).unblockUser,
	},
	{
		name:    "user/updateUinfo",
		about:   "Changes the profile fields that are given; an empty text clears one.",
		params:  append([]param{{name: "accid", kind: account, required: true}}, profileParams...),
		ignored: []string{"bid"},
		serve:   (*API).updateProfile,
	},
	{
		name:  "user/getUinfos",
		about: "Reads profiles. Accounts that are not registered are left out.",
		params: []param{
			{name: "accids", kind: accounts, required: true, max: maxProfiles},
			{name: "muteStatus", kind: boolean, about: "whether to tell where each account may not send, default false"},
		},
		answer: profilesAnswer{},
		serve:  (*API).getProfiles,
	},
}

type createAnswer struct {
	Info struct {
		Token string `json:"token" about:"with which the account logs in; it is shown once"`
		Accid string `json:"accid" about:"the account's name from now on"`
		Name  string `json:"name"`
	} `json:"info"`
}

func (a *API) createUser(ctx context.Context, c *call) (any, error) {
	accid, name := c.args["accid"].text, c.args["name"].text
	create := a.app.CreateAccount
	if c.args["anew"].flag {
		create = a.app.RecreateAccount
	}
	token, err := create(ctx, c.appKey(), accid, c.args["token"].text, &wire.Profile{
		Account: accid,
		Name:    name,
		Icon:    c.args["icon"].text,
		Sign:    c.args["sign"].text,
		Email:   c.args["email"].text,
		Birth:   c.args["birth"].text,
		Mobile:  c.args["mobile"].text,
		Gender:  uint32(c.args["gender"].number),
		Ex:      c.args["ex"].text,
	})
	if wire.CodeOf(err) == wire.CodeRepeated {
		return nil, wire.Errorf(wire.CodeBadParameter, "already register")
	}
	if wire.CodeOf(err) == wire.CodeNotFound {
		return nil, wire.Errorf(wire.CodeBadParameter, "no account of that name was deleted: create it without anew")
	}
	if err != nil {
		return nil, err
	}
	var answer createAnswer
	answer.Info.Token, answer.Info.Accid, answer.Info.Name = token, accid, name
	return answer, nil
}

func (a *API) updateUser(ctx context.Context, c *call) (any, error) {
	accid, token := c.args["accid"].text, c.args["token"].text
	if token == "" {
		return nil, a.requireAccount(ctx, c, "accid", accid)
	}
	return nil, notRegistered(a.app.SetToken(ctx, c.appKey(), accid, token), "accid")
}

type tokenAnswer struct {
	Info struct {
		Token string `json:"token" about:"with which the account logs in; it is shown once"`
		Accid string `json:"accid"`
	} `json:"info"`
}

func (a *API) refreshToken(ctx context.Context, c *call) (any, error) {
	accid := c.args["accid"].text
	token, err := a.app.RefreshToken(ctx, c.appKey(), accid)
	if err != nil {
		return nil, notRegistered(err, "accid")
	}
	var answer tokenAnswer
	answer.Info.Token, answer.Info.Accid = token, accid
	return answer, nil
}

func (a *API) blockUser(ctx context.Context, c *call) (any, error) {
	err := a.app.SetBlocked(ctx, c.appKey(), c.args["accid"].text, true, c.args["needkick"].flag)
	return nil, notRegistered(err, "accid")
}

func (a *API) unblockUser(ctx context.Context, c *call) (any, error) {
	err := a.app.SetBlocked(ctx, c.appKey(), c.args["accid"].text, false, false)
	return nil, notRegistered(err, "accid")
}

func (a *API) updateProfile(ctx context.Context, c *call) (any, error) {
	field := func(name string) *string {
		if value := c.args[name]; value.given {
			return &value.text
		}
		return nil
	}
	update := &wire.UpdateProfileRequest{
		Name: field("name"), Icon: field("icon"), Sign: field("sign"), Email: field("email"),
		Birth: field("birth"), Mobile: field("mobile"), Ex: field("ex"),
	}
	if value := c.args["gender"]; value.given {
		gender := uint32(value.number)
		update.Gender = &gender
	}
	err := a.app.UpdateProfile(ctx, c.appKey(), c.args["accid"].text, update)
	return nil, notRegistered(err, "accid")
}

// profile is one element of user/getUinfos.
type profile struct {
	Accid  string `json:"accid"`
	Name   string `json:"name,omitempty"`
	Icon   string `json:"icon,omitempty"`
	Sign   string `json:"sign,omitempty"`
	Email  string `json:"email,omitempty"`
	Birth  string `json:"birth,omitempty"`
	Mobile string `json:"mobile,omitempty"`
	Gender uint32 `json:"gender"`
	Ex     string `json:"ex,omitempty"`
	// Set with muteStatus.
	Valid     *bool `json:"valid,omitempty" about:"with muteStatus: whether the account is not blocked"`
	Mute      *bool `json:"mute,omitempty" about:"with muteStatus: whether it may send nowhere"`
	MuteP2P   *bool `json:"muteP2P,omitempty" about:"with muteStatus: whether it may not send to accounts"`
	MuteTeam  *bool `json:"muteTeam,omitempty" about:"with muteStatus: whether it may not send to teams"`
	MuteRoom  *bool `json:"muteRoom,omitempty" about:"with muteStatus: whether it may not send to chatrooms"`
	MuteQChat *bool `json:"muteQChat,omitempty" about:"with muteStatus: false"`
}

func newProfile(p *wire.Profile) profile {
	return profile{
		Accid: p.Account, Name: p.Name, Icon: p.Icon, Sign: p.Sign, Email: p.Email,
		Birth: p.Birth, Mobile: p.Mobile, Gender: p.Gender, Ex: p.Ex,
	}
}

type profilesAnswer struct {
	Uinfos []profile `json:"uinfos"`
}

func (a *API) getProfiles(ctx context.Context, c *call) (any, error) {
	found, err := a.app.Profiles(ctx, c.appKey(), c.args["accids"].list)
	if err != nil {
		return nil, err
	}
	answer := profilesAnswer{Uinfos: make([]profile, len(found))}
	for i, p := range found {
		answer.Uinfos[i] = newProfile(p)
		if c.args["muteStatus"].flag {
			if err := a.addMutes(ctx, c, &answer.Uinfos[i]); err != nil {
				return nil, err
			}
		}
	}
	return answer, nil
}

// registered says which of the accounts exist.
func (a *API) registered(ctx context.Context, c *call, accounts []string) (map[string]bool, error) {
	found, err := a.app.Profiles(ctx, c.appKey(), accounts)
	if err != nil {
		return nil, err
	}
	names := make(map[string]bool, len(found))
	for _, p := range found {
		names[p.Account] = true
	}
	return names, nil
}

// requireAccount is nil when the account exists; param is what named it.
func (a *API) requireAccount(ctx context.Context, c *call, param, accid string) error {
	registered, err := a.registered(ctx, c, []string{accid})
	if err == nil && !registered[accid] {
		err = errNotRegistered(param)
	}
	return err
}
