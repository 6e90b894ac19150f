package api

import (
	"strconv"
	"strings"
	"time"

	"github.com/yizhan-im/yizhan/appliance/state"
)

// quota is how often a tenant may call one action, or several that share it
// (facts/yunxin-api.md §11). A whole quota may be used at once. Who asks for more is
// refused for the time of block, whatever comes back to the quota meanwhile: a
// backend that does not look at the answers would otherwise fill every gap, and
// the calls that matter would be refused with the rest.
type quota struct {
	name  string // of what shares it
	calls int
	per   time.Duration
	block time.Duration
}

// The times that callers are refused.
const (
	blockSecond = 10 * time.Second // after more than a second's quota
	blockMinute = time.Minute
	// After more than a day's there is nothing to wait for but the quota.
)

// sharedQuotas are the actions that share one, by its name: all of teams, and all of
// superteams, but for what is about their messages.
var sharedQuotas = map[string]string{
	"team": `create add kick remove update changeOwner addManager removeManager leave updateTeamNick muteTeam
		muteTlist muteTlistAll query queryDetail joinTeams listTeamMute listMemberInfo listOnlineUsers listOnlineUserCount
		getMarkReadInfo`,
	"superteam": `create dismiss invite kick leave updateTinfo updateTlist updateTeamNick addManager removeManager
		changeOwner mute muteTlist changeLevel getTinfos getTlists getMuteTlists joinTeams`,
}

// sharedBy is the name of the quota that each of these actions shares.
var sharedBy = func() map[string]string {
	index := make(map[string]string)
	for group, names := range sharedQuotas {
		for _, name := range strings.Fields(names) {
			index[group+"/"+name] = group
		}
	}
	return index
}()

// quotaOf is what the tenant may call act: a number of its own, or the tenant's of
// calls per second.
func quotaOf(t *state.Tenant, act *action) quota {
	switch {
	case act.perDay > 0:
		return quota{act.name, act.perDay, 24 * time.Hour, 0}
	case act.perMinute > 0:
		return quota{act.name, act.perMinute, time.Minute, blockMinute}
	}
	name := sharedBy[act.name]
	if name == "" {
		name = act.name
	}
	return quota{name, t.Limits.APIPerSecond, time.Second, blockSecond}
}

// limitText is a sentence about an action's quota, "" for one that has the
// tenant's for itself.
func (act *action) limitText() string {
	switch {
	case act.perDay > 0:
		return "At most " + strconv.Itoa(act.perDay) + " calls a day."
	case act.perMinute > 0:
		return "At most " + strconv.Itoa(act.perMinute) + " calls a minute."
	case sharedBy[act.name] != "":
		return "The actions of " + sharedBy[act.name] + "s share one limit of calls per second, but for what is about messages."
	}
	return ""
}
