package api

import (
	"context"
	"math"
	"slices"

	"google.golang.org/protobuf/proto"

	"github.com/yizhan-im/yizhan/appliance/app"
	"github.com/yizhan-im/yizhan/appliance/state"
	"github.com/yizhan-im/yizhan/appliance/wire"
)

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
	Accid []string `json:"accid" of:"accid"`
	Msg   string   `json:"msg" about:"why they are not in the team"`
}

func failedOf(accounts []string) *failed {
	if len(accounts) == 0 {
		return nil
	}
	return &failed{accounts, "not registered, or in too many teams"}
}

type createTeamAnswer struct {
	Tid    string  `json:"tid" about:"number of the team"`
	Failed *failed `json:"faccid,omitempty"`
}

type addToTeamAnswer struct {
	Failed *failed `json:"faccid,omitempty"`
}

func (a *API) createTeam(ctx context.Context, c *call) (any, error) {
	owner := c.args["owner"].text
	list := slices.DeleteFunc(c.args["members"].list, func(name string) bool { return name == owner })
	if len(list) >= maxTeamMembers {
		return nil, wire.Errorf(wire.CodeBadParameter, "parameter members has more than %d elements, with the owner", maxTeamMembers)
	}
	res, err := a.app.ChangeTeam(ctx, c.appKey(), owner, c.args["magree"].number == 0, &wire.CreateTeamRequest{
		ClientId: c.id, Team: c.teamChanges(), Members: list, Note: c.args["msg"].text,
	})
	if err != nil {
		return nil, notRegistered(err, "owner")
	}
	return createTeamAnswer{state.TeamID(res.Team), failedOf(res.Failed)}, nil
}

func (a *API) addToTeam(ctx context.Context, c *call) (any, error) {
	res, err := a.app.ChangeTeam(ctx, c.appKey(), c.args["owner"].text, c.args["magree"].number == 0, &wire.InviteTeamRequest{
		Team: c.args["tid"].text, Accounts: c.args["members"].list, Note: c.args["msg"].text,
	})
	if err != nil {
		return nil, notRegistered(err, "owner")
	}
	return addToTeamAnswer{failedOf(res.Failed)}, nil
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
