package api

import (
	"context"

	"github.com/yizhan-im/yizhan/appliance/state"
	"github.com/yizhan-im/yizhan/appliance/wire"
)

// action is one endpoint: /nimserver/<name>.action.
type action struct {
	name   string // group and name, as in "user/create"
	about  string // one sentence for ACTIONS.md
	params []param
	// ignored are parameters that clients of Yunxin send and that change nothing
	// here, yet.
	ignored []string
	// returns are the fields of a success beside code, for ACTIONS.md.
	returns string
	// perMinute replaces the tenant's limit of calls per second.
	perMinute int
	// serve does it. The payload is a struct whose fields go into the envelope,
	// or nil.
	serve func(a *API, ctx context.Context, c *call) (payload any, err error)
}

// call is one accepted request of an action.
type call struct {
	tenant *state.Tenant
	// id names what the call does: the same when a request is repeated.
	id   string
	args args
}

// appKey names the tenant to package app.
func (c *call) appKey() string { return c.tenant.AppKey }

// actions are the supported ones, by name.
var actions = func() map[string]*action {
	index := make(map[string]*action)
	for _, group := range [][]action{userActions, relationActions, messageActions, teamActions, historyActions} {
		for i := range group {
			index[group[i].name] = &group[i]
		}
	}
	return index
}()

// unknownAction is the answer to an action that is not served.
func unknownAction(name string) error {
	if plannedActions[name] {
		return wire.Errorf(wire.CodeNotFound, "%s is not supported yet", name)
	}
	return wire.Errorf(wire.CodeNotFound, "unknown action: the path is /nimserver/<group>/<name>.action")
}

// errNotRegistered is Yunxin's answer to an account that does not exist
// (facts/yunxin-api.md §1.1); param is what named it.
func errNotRegistered(param string) error {
	return wire.Errorf(wire.CodeBadParameter, "%s not register", param)
}

// notRegistered turns err, when it says that the one account of a call does not
// exist, into errNotRegistered.
func notRegistered(err error, param string) error {
	if wire.CodeOf(err) == wire.CodeNotFound {
		return errNotRegistered(param)
	}
	return err
}
