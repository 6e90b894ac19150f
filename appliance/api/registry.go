package api

import (
	"context"
	"net/http"

	"github.com/yizhan-im/yizhan/appliance/files"
	"github.com/yizhan-im/yizhan/appliance/lbs"
	"github.com/yizhan-im/yizhan/appliance/state"
	"github.com/yizhan-im/yizhan/appliance/wire"
)

// action is one endpoint: /nimserver/<name>.action. What is declared here once
// drives the parser of parameters, ACTIONS.md, the OpenAPI document and its page;
// tests hold every answer against it.
type action struct {
	name   string // group and name, as in "user/create"; groups are in groups.go
	about  string // sentences; what is `between backticks` is code
	params []param
	// ignored are parameters that clients of Yunxin send and that change nothing
	// here, yet.
	ignored []string
	// answer is an empty value of the struct that serve returns, nil where it
	// returns nil. Its fields' tags are read, see schema.go.
	answer any
	// codes are those that are not answered by every action (commonCodes).
	codes []outcome
	// upload says that the parameter content is a file, and how it comes.
	upload uploadKind
	// perMinute or perDay replaces the tenant's limit of calls per second; see quota.
	perMinute, perDay int
	// serve does it. The payload is a struct whose fields go into the envelope,
	// or nil.
	serve func(a *API, ctx context.Context, c *call) (payload any, err error)
}

// outcome is a code and when it is answered, a clause that completes "when …".
type outcome struct {
	code wire.Code
	when string
}

// commonCodes may be the answer of every action, beside CodeOK.
var commonCodes = []outcome{
	{wire.CodeBadParameter, "a header or a parameter is wrong, or an account does not exist or exists already, as `desc` says"},
	{wire.CodeNetwork, "the body did not arrive whole"},
	{wire.CodeAccountGone, "an account that it names was deleted, or is being deleted"},
	{wire.CodeRateLimited, "this action is called too often: wait as `Retry-After` says"},
	{wire.CodeDuplicate, "this call has been served, or is being served"},
	{wire.CodeServerError, "the server has failed (its log tells why)"},
	{wire.CodeBusy, "the server cannot write now, or the outcome is not known: repeat the call with the same `RequestId`"},
}

// call is one accepted request of an action.
type call struct {
	tenant *state.Tenant
	// id names what the call does: the same when a request is repeated.
	id   string
	args args
	// upload has the file of an action that brings one, and uploadName is its name.
	upload     *files.Incoming
	uploadName string
	http       *http.Request
	points     []lbs.AccessPoint // where clients may connect
}

// appKey names the tenant to package app.
func (c *call) appKey() string { return c.tenant.AppKey }

// actions are the supported ones, by name.
var actions = func() map[string]*action {
	index := make(map[string]*action)
	for _, group := range [][]action{userActions, deleteActions, exportActions, usageActions, presenceActions, relationActions, messageActions, operationActions, fileActions, notifyActions, teamActions, teamMoreActions, superteamActions, historyActions, inboxActions, chatroomActions, chatroomAddressActions, chatroomMemberActions, chatroomMessageActions, chatroomQueueActions, chatroomTagActions} {
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
