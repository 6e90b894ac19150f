package app

import (
	"context"
	"errors"
	"time"

	"github.com/yizhan-im/yizhan/appliance/room"
	"github.com/yizhan-im/yizhan/appliance/session"
	"github.com/yizhan-im/yizhan/appliance/wire"
	"github.com/yizhan-im/yizhan/raftstore"
)

// Refusals that do not depend on the request. They are never changed.
var (
	errLoginFirst     = wire.Errorf(wire.CodeForbidden, "log in first")
	errLoggedIn       = wire.Errorf(wire.CodeRepeated, "this connection is logged in; log out and open another")
	errUnknownCommand = wire.Errorf(wire.CodeBadProtocol, "this server does not know the command")
	errMalformed      = wire.Errorf(wire.CodeBadParameter, "the payload is not a valid message of this command")
	errNotUTF8        = wire.Errorf(wire.CodeBadParameter, "text must be valid UTF-8")
	errScene          = wire.Errorf(wire.CodeBadParameter, "scene must be 0, a conversation of two accounts, or 1, a team")
	errRateLimited    = wire.Errorf(wire.CodeRateLimited, "too many requests on this connection; wait and try again")
	errFlood          = wire.Errorf(wire.CodeRateLimited, "requests kept coming after they were refused")
	errBusyLogins     = wire.Errorf(wire.CodeBusy, "too many logins at this moment; try again")
	errBusyReads      = wire.Errorf(wire.CodeBusy, "too many queries at this moment; try again")
	errManyFailures   = wire.Errorf(wire.CodeRateLimited, "too many refused logins from this address; wait and try again")
	errWrongToken     = wire.Errorf(wire.CodeWrongToken, "unknown appkey or account, or wrong token")
	errAccountGone    = wire.Errorf(wire.CodeAccountGone, "the account is being deleted")
	errBlocked        = wire.Errorf(wire.CodeBlocked, "the account is blocked")
	errUnknownTenant  = wire.Errorf(wire.CodeWrongToken, "unknown appkey")
	errTooManyDevices = wire.Errorf(wire.CodeCountLimit, "too many devices of this account are online; log one out")
	errNotMember      = wire.Errorf(wire.CodeForbidden, "enter the room before you send to it")
	errTooManyRooms   = wire.Errorf(wire.CodeCountLimit, "the session is in too many rooms; exit one first")
	errBusyRoom       = wire.Errorf(wire.CodeBusy, "too many messages wait in this room at this moment; try again")
	errRoomMissing    = wire.Errorf(wire.CodeNotFound, "there is no such room")
	errRoomClosed     = wire.Errorf(wire.CodeRoomClosed, "the room is closed")
	errRoomBlocked    = wire.Errorf(wire.CodeRoomBlocked, "the room has blocked the account")
	errRoomMuted      = wire.Errorf(wire.CodeRoomMuted, "the account is muted in the room")
	errRoomTagMuted   = wire.Errorf(wire.CodeRoomMuted, "a tag of the account is muted in the room")
	errOpenTags       = wire.Errorf(wire.CodeBadParameter, "only registered rooms have tags")
	errRoomAllMuted   = wire.Errorf(wire.CodeRoomAllMuted, "the whole room is muted")
	errAccountMuted   = wire.Errorf(wire.CodeForbidden, "the tenant's backend keeps the account from sending to rooms")
	errNotInside      = wire.Errorf(wire.CodeNotFound, "the account is not inside the room")
	errRoomRole       = wire.Errorf(wire.CodeForbidden, "only the room's creator and managers may do that")
	errOneself        = wire.Errorf(wire.CodeBadParameter, "an account has no relation to itself")
	errBusyMega       = wire.Errorf(wire.CodeBusy, "too many messages to mega-teams wait to be delivered; try again")
	errBusyLine       = wire.Errorf(wire.CodeBusy, "too many requests of this connection wait for the tenant's backend; try again")
	errSeq            = wire.Errorf(wire.CodeBadParameter, "seq must name a message")
	errGone           = wire.Errorf(wire.CodeForbidden, "the connection is closing")
	errTooLarge       = wire.Errorf(wire.CodeBadParameter, "the request is too large")
	errInternal       = wire.Errorf(wire.CodeServerError, "the server failed; its log tells why")

	errStoreFull     = wire.Errorf(wire.CodeBusy, "the server's disk is full; it can read but not write")
	errStoreBusy     = wire.Errorf(wire.CodeBusy, "the server is overloaded; try again")
	errStoreLeader   = wire.Errorf(wire.CodeBusy, "this node has no leader at this moment; try again")
	errStoreClosed   = wire.Errorf(wire.CodeBusy, "the server is stopping; try again")
	errStoreOutcome  = wire.Errorf(wire.CodeBusy, "the outcome is not known; try again with the same client_id")
	errQueryCanceled = wire.Errorf(wire.CodeBusy, "the request was not served in time; try again")
)

// edgeErrors says what an error from below means for whoever asked. The first
// match counts.
var edgeErrors = []struct {
	cause error
	edge  *wire.Error
}{
	{raftstore.ErrBusy, errStoreBusy},
	{raftstore.ErrDiskFull, errStoreFull},
	{raftstore.ErrNotLeader, errStoreLeader},
	{raftstore.ErrUncertain, errStoreOutcome},
	{raftstore.ErrClosed, errStoreClosed},
	{raftstore.ErrTooLarge, errTooLarge},
	{session.ErrTooMany, errTooManyDevices},
	{session.ErrClosed, errGone},
	{room.ErrNotMember, errNotMember},
	{room.ErrTooMany, errTooManyRooms},
	{room.ErrBusy, errBusyRoom},
	{room.ErrAbandoned, errBusyRoom},
	{room.ErrClosed, errGone},
	{context.DeadlineExceeded, errQueryCanceled},
	{context.Canceled, errQueryCanceled},
}

// edge makes err what may leave the server. The cause of an internal error goes
// to the log only.
func (a *App) edge(err error) *wire.Error {
	var coded *wire.Error
	if errors.As(err, &coded) {
		return coded
	}
	for i := range edgeErrors {
		if errors.Is(err, edgeErrors[i].cause) {
			return edgeErrors[i].edge
		}
	}
	a.log.failed(err)
	return errInternal
}

// retryBusy is the advice sent with CodeBusy: an election or a full queue takes
// about this long.
const retryBusy = time.Second

// retryAfter is the advice for a code, 0 when trying again is of no use.
func retryAfter(code wire.Code) time.Duration {
	switch code {
	case wire.CodeBusy:
		return retryBusy
	case wire.CodeRateLimited:
		return failurePeriod
	default:
		return 0
	}
}

// outcome is the error of a command that the state machine has answered with
// code, nil for CodeOK.
func outcome(code wire.Code) error {
	if code == wire.CodeOK {
		return nil
	}
	return &wire.Error{Code: code, Note: code.Meaning()}
}
