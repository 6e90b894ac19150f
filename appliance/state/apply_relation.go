package state

import (
	"github.com/yizhan-im/yizhan/appliance/wire"
	"github.com/yizhan-im/yizhan/raftstore"
)

const (
	requestNone     = wire.FriendRequestState_FRIEND_REQUEST_NONE
	requestSent     = wire.FriendRequestState_FRIEND_REQUEST_SENT
	requestReceived = wire.FriendRequestState_FRIEND_REQUEST_RECEIVED
	requestRefused  = wire.FriendRequestState_FRIEND_REQUEST_REFUSED
	requestDeclined = wire.FriendRequestState_FRIEND_REQUEST_DECLINED
)

func (m *Machine) changeRelation(tx *raftstore.Tx, kind byte, r *reader) (*RelationResult, error) {
	var c RelationChange
	ok := c.decode(kind, r)
	res := &RelationResult{
		Code: wire.CodeBadProtocol, Op: c.Op, Tenant: c.Tenant, Session: c.Session,
		Account: c.Account, Peer: c.Peer, Note: c.Note,
	}
	if !ok {
		return res, nil
	}
	if !c.valid() {
		res.Code = wire.CodeBadParameter
		return res, nil
	}
	if err := m.tick(tx, c.TimeMs); err != nil {
		return nil, err
	}
	for _, account := range [...]string{c.Account, c.Peer} {
		if ok, err := m.accountExists(tx, c.Tenant, account); err != nil || !ok {
			res.Code = wire.CodeNotFound
			return res, err
		}
	}
	own, err := m.relationSide(tx, c.Tenant, c.Account, c.Peer)
	if err != nil {
		return nil, err
	}
	other, err := m.relationSide(tx, c.Tenant, c.Peer, c.Account)
	if err != nil {
		return nil, err
	}
	if res.Code = c.decide(own, other, m.site.clockMs); res.Code != wire.CodeOK {
		return res, nil
	}
	if res.Changed, err = m.putSide(tx, own); err != nil {
		return nil, err
	}
	res.Relation = appendBody(nil, own.row.wire(c.Peer))
	changed, err := m.putSide(tx, other)
	if changed {
		res.PeerRelation = appendBody(nil, other.row.wire(c.Account))
	}
	return res, err
}

// decide changes the rows of both sides as c asks, or says why not. It changes
// nothing unless it returns CodeOK.
func (c *RelationChange) decide(own, other *relationSide, now int64) wire.Code {
	code := wire.CodeOK
	switch c.Op {
	case RelationAdd:
		code = c.add(own, other, now)
	case RelationAsk:
		return c.ask(own, other, now)
	case RelationAccept:
		switch {
		case own.row.friend: // done before
		case own.row.request == requestReceived:
			code = c.befriend(own, other, now)
		default:
			code = wire.CodeNotFound
		}
	case RelationDecline:
		return c.decline(own, other, now)
	case RelationDelete:
		c.part(own, other)
		return code
	case RelationUpdate:
		if !own.row.friend {
			return wire.CodeNotFound
		}
		set(&own.row.alias, c.Alias)
		set(&own.row.ex, c.Ex)
	case RelationBlacklist:
		return c.list(&own.row.blacklisted, own.totals.blacklisted)
	case RelationMute:
		return c.list(&own.row.muted, own.totals.muted)
	}
	if code == wire.CodeOK {
		set(&own.row.serverEx, c.ServerEx)
	}
	return code
}

func set(field, value *string) {
	if value != nil {
		*field = *value
	}
}

// mayApproach tells whether the peer lets itself be added or asked, when its
// mode is at most the given one.
func (c *RelationChange) mayApproach(other *relationSide, mode wire.FriendMode) wire.Code {
	switch {
	case c.Backend && c.Op == RelationAdd:
		return wire.CodeOK
	case other.row.blacklisted:
		return wire.CodeBlacklisted
	case other.totals.mode > mode:
		return wire.CodeForbidden
	}
	return wire.CodeOK
}

func (c *RelationChange) add(own, other *relationSide, now int64) wire.Code {
	if own.row.friend {
		return wire.CodeOK
	}
	if own.row.request != requestReceived {
		if code := c.mayApproach(other, wire.FriendMode_FRIEND_MODE_ANYONE); code != wire.CodeOK {
			return code
		}
	}
	return c.befriend(own, other, now)
}

func (c *RelationChange) ask(own, other *relationSide, now int64) wire.Code {
	switch {
	case own.row.friend, own.row.request == requestSent && own.row.note == c.Note:
		return wire.CodeOK // done before
	case own.row.request == requestReceived:
		code := c.befriend(own, other, now)
		if code == wire.CodeOK {
			set(&own.row.serverEx, c.ServerEx)
		}
		return code
	}
	if code := c.mayApproach(other, wire.FriendMode_FRIEND_MODE_VERIFY); code != wire.CodeOK {
		return code
	}
	if own.row.request != requestSent && (own.totals.sent >= c.Limit || other.totals.received >= c.Limit) {
		return wire.CodeCountLimit
	}
	own.row.request, own.row.note, own.row.requestMs = requestSent, c.Note, now
	other.row.request, other.row.note, other.row.requestMs = requestReceived, c.Note, now
	set(&own.row.serverEx, c.ServerEx)
	return wire.CodeOK
}

// befriend makes the two friends; whatever request there was is answered by it.
func (c *RelationChange) befriend(own, other *relationSide, now int64) wire.Code {
	if own.totals.friends >= c.Limit || other.totals.friends >= c.Limit {
		return wire.CodeCountLimit
	}
	for _, side := range [...]*relationSide{own, other} {
		side.row.friend, side.row.friendMs = true, now
		side.row.endRequest()
	}
	return wire.CodeOK
}

func (c *RelationChange) decline(own, other *relationSide, now int64) wire.Code {
	switch own.row.request {
	case requestDeclined: // done before
		return wire.CodeOK
	case requestReceived:
		own.row.request, own.row.requestMs = requestDeclined, now
		other.row.request, other.row.note, other.row.requestMs = requestRefused, c.Note, now
		return wire.CodeOK
	}
	return wire.CodeNotFound
}

func (c *RelationChange) part(own, other *relationSide) {
	for _, side := range [...]*relationSide{own, other} {
		side.row.friend, side.row.friendMs = false, 0
	}
	switch own.row.request {
	case requestSent:
		own.row.endRequest()
		other.row.endRequest()
	case requestRefused, requestDeclined: // only the memory of it
		own.row.endRequest()
	}
	if c.Forget {
		own.row.alias, own.row.ex, own.row.serverEx = "", "", ""
	}
}

func (c *RelationChange) list(flag *bool, listed uint32) wire.Code {
	if c.On && !*flag && listed >= c.Limit {
		return wire.CodeCountLimit
	}
	*flag = c.On
	return wire.CodeOK
}

func (m *Machine) setFriendMode(tx *raftstore.Tx, r *reader) (*FriendModeResult, error) {
	var c SetFriendMode
	ok := c.decode(r)
	res := &FriendModeResult{Code: wire.CodeBadProtocol, Tenant: c.Tenant, Session: c.Session, Account: c.Account, Mode: c.Mode}
	if !ok {
		return res, nil
	}
	if !validAccount(c.Account) || !validFriendMode(c.Mode) {
		res.Code = wire.CodeBadParameter
		return res, nil
	}
	if err := m.tick(tx, c.TimeMs); err != nil {
		return nil, err
	}
	if ok, err := m.accountExists(tx, c.Tenant, c.Account); err != nil || !ok {
		res.Code = wire.CodeNotFound
		return res, err
	}
	totals, err := m.relationTotals(tx, c.Tenant, c.Account)
	if err != nil {
		return nil, err
	}
	res.Code, res.Version = wire.CodeOK, totals.version
	if totals.mode == c.Mode {
		return res, nil
	}
	totals.mode, totals.version = c.Mode, m.nextID()
	res.Version, res.Changed = totals.version, true
	return res, m.putRelationTotals(tx, c.Tenant, c.Account, &totals)
}
