package sdk

import (
	"errors"
	"fmt"

	"github.com/yizhan-im/yizhan/appliance/wire"
)

// Errors of calls. A *wire.Error is the server's answer; a context's error, with
// the reason the connection is down if it is, means that no answer came in time.
var (
	// ErrClosed is returned when the client has been closed.
	ErrClosed = errors.New("sdk: the client is closed")
	// ErrUncertain is returned by SendRoom when the connection was lost before
	// the answer came: the message was sent to the room, or it was not.
	ErrUncertain = errors.New("sdk: the connection was lost before the answer, the message may have been sent or not")
	// ErrNotStarted is returned by calls made before Start or Connect.
	ErrNotStarted = errors.New("sdk: call Connect or Start first")
)

// errLinkDown ends calls whose connection is gone; they are made again on the next.
var errLinkDown = errors.New("sdk: connection lost")

// errUnsent is an errLinkDown before anything was sent.
var errUnsent = fmt.Errorf("%w before the request was made", errLinkDown)

// KickedError says why the server ended the session for good. Connecting again
// by itself would start a fight between two devices.
type KickedError struct {
	Reason   wire.KickReason
	Platform wire.Platform // of the device that took over, if one did
	Device   string
	Note     string
}

func (e *KickedError) Error() string {
	why := "by the server"
	switch e.Reason {
	case wire.KickReason_KICK_REASON_REPLACED:
		why = "another device of this account logged in"
	case wire.KickReason_KICK_REASON_OTHER_DEVICE:
		why = "by another device of this account"
	case wire.KickReason_KICK_REASON_CREDENTIALS:
		why = "the token was changed or the account blocked"
	}
	if e.Device != "" {
		why += " (" + e.Device + ")"
	}
	if e.Note != "" {
		why += ": " + e.Note
	}
	return fmt.Sprintf("kicked: %s", why)
}

// goAwayError ends a link whose node is about to stop.
type goAwayError struct{}

func (e *goAwayError) Error() string { return "the node is about to stop and asked to reconnect" }

// final reports whether err, from a login or a live connection, forbids the
// client to come back by itself.
func final(err error) bool {
	var kicked *KickedError
	var refused *finalError
	return errors.As(err, &kicked) || errors.As(err, &refused)
}

// finalError marks an answer that will not change by asking again.
type finalError struct{ error }

func (e *finalError) Unwrap() error { return e.error }
