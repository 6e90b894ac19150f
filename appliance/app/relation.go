package app

import (
	"github.com/yizhan-im/yizhan/appliance/state"
	"github.com/yizhan-im/yizhan/appliance/wire"
)

// relation serves the requests about what the account and another one are to
// each other.
func (a *App) relation(r *request, payload []byte) error {
	if r.cmd == wire.CmdRelations {
		return a.relations(r, payload)
	}
	if r.cmd == wire.CmdSetFriendMode {
		return a.setFriendMode(r, payload)
	}
	c := &state.RelationChange{
		TimeMs: r.timeMs(), Tenant: r.identity.Tenant, Session: r.identity.SessionID,
		Account: r.identity.Account, Limit: uint32(r.tenant.Limits.MaxFriends),
	}
	if err := r.relationChange(c, payload); err != nil {
		return err
	}
	if err := checkRelationChange(c); err != nil {
		return err
	}
	if err := a.askFriend(r, c); err != nil {
		return err
	}
	return a.submit(r, c)
}

// relationChange puts what r asks for into c. The strings may share payload.
func (r *request) relationChange(c *state.RelationChange, payload []byte) error {
	switch r.cmd {
	case wire.CmdAddFriend:
		var in wire.AddFriendRequest
		if in.UnmarshalVTUnsafe(payload) != nil {
			return errMalformed
		}
		c.Op, c.Peer, c.Note = state.RelationAdd, in.Account, in.Note
		if in.Ask {
			c.Op = state.RelationAsk
		}
	case wire.CmdAnswerFriend:
		var in wire.AnswerFriendRequest
		if in.UnmarshalVTUnsafe(payload) != nil {
			return errMalformed
		}
		c.Op, c.Peer, c.Note = state.RelationDecline, in.Account, in.Note
		if in.Accept {
			c.Op = state.RelationAccept
		}
	case wire.CmdDeleteFriend:
		var in wire.DeleteFriendRequest
		if in.UnmarshalVTUnsafe(payload) != nil {
			return errMalformed
		}
		c.Op, c.Peer, c.Forget = state.RelationDelete, in.Account, in.Forget
	case wire.CmdUpdateFriend:
		var in wire.UpdateFriendRequest
		if in.UnmarshalVTUnsafe(payload) != nil {
			return errMalformed
		}
		c.Op, c.Peer, c.Alias, c.Ex = state.RelationUpdate, in.Account, in.Alias, in.Ex
	case wire.CmdSetBlacklist:
		var in wire.SetBlacklistRequest
		if in.UnmarshalVTUnsafe(payload) != nil {
			return errMalformed
		}
		c.Op, c.Peer, c.On, c.Limit = state.RelationBlacklist, in.Account, in.On, uint32(r.tenant.Limits.MaxListed)
	case wire.CmdSetMute:
		var in wire.SetMuteRequest
		if in.UnmarshalVTUnsafe(payload) != nil {
			return errMalformed
		}
		c.Op, c.Peer, c.On, c.Limit = state.RelationMute, in.Account, in.On, uint32(r.tenant.Limits.MaxListed)
	}
	return nil
}

// checkRelationChange checks c and makes its Peer a name as it is stored.
func checkRelationChange(c *state.RelationChange) error {
	var err error
	if c.Peer, err = accountName("account", c.Peer); err != nil {
		return err
	}
	if c.Peer == c.Account {
		return errOneself
	}
	if err := charsWithin("note", c.Note, maxFriendNote); err != nil {
		return err
	}
	for _, f := range []struct {
		name string
		text *string
		most int
	}{{"alias", c.Alias, maxAlias}, {"ex", c.Ex, maxRelationEx}, {"server_ex", c.ServerEx, maxRelationEx}} {
		if f.text == nil {
			continue
		}
		if err := charsWithin(f.name, *f.text, f.most); err != nil {
			return err
		}
	}
	return nil
}

// setFriendMode says who may become the account's friend.
func (a *App) setFriendMode(r *request, payload []byte) error {
	var in wire.SetFriendModeRequest
	if in.UnmarshalVTUnsafe(payload) != nil {
		return errMalformed
	}
	if err := checkFriendMode(in.Mode); err != nil {
		return err
	}
	return a.submit(r, &state.SetFriendMode{
		TimeMs: r.timeMs(), Tenant: r.identity.Tenant, Session: r.identity.SessionID,
		Account: r.identity.Account, Mode: in.Mode,
	})
}

func checkFriendMode(m wire.FriendMode) error {
	if _, known := wire.FriendMode_name[int32(m)]; !known {
		return wire.Errorf(wire.CodeBadParameter, "mode must be 0 anyone, 1 verify or 2 nobody")
	}
	return nil
}

// relations tells which relations changed after the version that the device has
// reached.
func (a *App) relations(r *request, payload []byte) error {
	in := new(wire.RelationsRequest) // read later, so it must not share the payload
	if in.UnmarshalVT(payload) != nil {
		return errMalformed
	}
	limit, err := page(in.Limit, defaultSyncPage, maxRelationPage)
	if err != nil {
		return err
	}
	in.Limit = uint32(limit)
	id := r.identity
	return a.query(r, func() (wire.Body, error) {
		return body(a.queries.Relations(id.Tenant, id.Account, in))
	})
}

// answerRelation replies with what the account now holds of the other one.
func (o *op) answerRelation(res *state.RelationResult) error {
	if err := relationOutcome(res); err != nil {
		return err
	}
	relation, err := decodeRelation(res.Relation)
	if err != nil {
		return err
	}
	o.app.ok(&o.request, relationResponse(o.request.cmd, relation))
	return nil
}

func relationResponse(cmd wire.Command, r *wire.Relation) wire.Body {
	switch cmd {
	case wire.CmdAddFriend:
		return &wire.AddFriendResponse{Relation: r}
	case wire.CmdAnswerFriend:
		return &wire.AnswerFriendResponse{Relation: r}
	case wire.CmdDeleteFriend:
		return &wire.DeleteFriendResponse{Relation: r}
	case wire.CmdUpdateFriend:
		return &wire.UpdateFriendResponse{Relation: r}
	case wire.CmdSetBlacklist:
		return &wire.SetBlacklistResponse{Relation: r}
	default:
		return &wire.SetMuteResponse{Relation: r}
	}
}

func (o *op) answerFriendMode(res *state.FriendModeResult) error {
	if err := outcome(res.Code); err != nil {
		return err
	}
	o.app.ok(&o.request, &wire.SetFriendModeResponse{Version: res.Version})
	return nil
}

func decodeRelation(encoded []byte) (*wire.Relation, error) {
	relation := new(wire.Relation)
	if err := relation.UnmarshalVT(encoded); err != nil {
		return nil, err
	}
	return relation, nil
}

// relationOutcome is outcome with what the code means for the operation.
func relationOutcome(res *state.RelationResult) error {
	note := ""
	switch res.Code {
	case wire.CodeForbidden:
		note = "the account takes no friends"
		if res.Op == state.RelationAdd {
			note = "the account must be asked, or takes no friends"
		}
	case wire.CodeNotFound:
		note = "there is no such account"
		switch res.Op {
		case state.RelationAccept, state.RelationDecline:
			note = "there is no such account, or no request from it"
		case state.RelationUpdate:
			note = "the account is not a friend"
		}
	case wire.CodeCountLimit:
		note = "one of the two accounts has as many friends or requests as it may have"
		if res.Op == state.RelationBlacklist || res.Op == state.RelationMute {
			note = "the list is full"
		}
	default:
		return outcome(res.Code)
	}
	return &wire.Error{Code: res.Code, Note: note}
}
