package app

import (
	"sync/atomic"

	"github.com/yizhan-im/yizhan/appliance/room"
	"github.com/yizhan-im/yizhan/appliance/session"
	"github.com/yizhan-im/yizhan/appliance/wire"
)

// client is a gateway's Conn with what the app must remember about it. It is the
// Conn of every Session that Connected makes.
type client struct {
	session.Conn

	// ended is set before the app closes the connection. Requests that the
	// client had pipelined behind its own logout, or that arrive after another
	// device has replaced it, are not served.
	ended atomic.Bool

	// flood counts refused requests less accepted ones; see limits.go. It
	// belongs to who serves the connection; see line.go.
	flood uint16

	// line holds the requests that wait for a tenant's backend, nil until there
	// are any. The pointer belongs to the goroutine that calls Request.
	line *line

	// present is set before the session's presence is made known, left when it ends
	// because somebody wants that: its user, or whoever kicked it.
	present, left atomic.Bool
	// shown is set after that, and hidden when its end is made known: once, though
	// a session may be forgotten several times, and while it logs in.
	shown, hidden atomic.Bool

	// rooms are those that the session is in.
	rooms room.Member
}

// clientOf finds the client of a Session that Connected made.
func clientOf(s *session.Session) *client { return s.Conn().(*client) }

// end takes s out of the hub and its rooms and closes its connection; last may
// be nil.
func (a *App) end(s *session.Session, reason wire.Code, last *session.Event) {
	a.forget(s)
	s.Conn().Close(reason, last)
}

// forget makes s a session that nothing is pushed to and nothing is served for.
func (a *App) forget(s *session.Session) {
	c := clientOf(s)
	c.ended.Store(true)
	a.hub.Remove(s)
	a.mega.Leave(s)
	a.rooms.Leave(&c.rooms)
	if c.shown.Load() {
		a.offline(s)
	}
}

// closeEvent is the last push of a connection that the server closes because of
// what its client did.
func closeEvent(code wire.Code, note string) *session.Event {
	return session.NewEvent(wire.PushClose, &wire.ClosePush{Code: uint32(code), Note: note})
}
