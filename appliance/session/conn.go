package session

import (
	"net/netip"
	"time"

	"github.com/yizhan-im/yizhan/appliance/wire"
)

// Conn is a client's connection as the application sees it. A gateway
// implements it. No method blocks and all may be called from any goroutine;
// after the connection has closed they do nothing.
type Conn interface {
	// Reply answers the request with this serial. A nil body is an empty one.
	// The body is encoded before Reply returns.
	Reply(serial uint64, code wire.Code, body wire.Body)

	// Push queues ev. When the client reads so slowly that its queue is full,
	// the connection is closed with wire.CodeSlowClient: a push is never
	// dropped silently.
	Push(ev *Event)

	// PushAll is Push of several events in their order, for a goroutine whose
	// business is to push to very many connections: it may write at once what the
	// socket takes, so that it costs a system call's time. It does not wait for the
	// client.
	PushAll(evs []*Event)

	// Close writes what is queued, then last if it is not nil, and closes. The
	// reason is for logs and metrics.
	Close(reason wire.Code, last *Event)

	// SetIdleTimeout changes how long the client may stay silent before the
	// gateway closes the connection. The gateway starts with its own limit for
	// connections that have not logged in.
	SetIdleTimeout(d time.Duration)

	// RemoteAddr is the client's address.
	RemoteAddr() netip.AddrPort

	// Transport names the gateway: "link" or "weblink".
	Transport() string
}

// Handler serves the requests of all connections. Each gateway calls it with
// one Session per connection.
type Handler interface {
	// Connected makes the Session of a new connection, not yet logged in.
	Connected(c Conn) *Session

	// Request serves one request: it returns once the request is decoded and
	// under way, or has its place in a queue, and replies later through the Conn. The gateway calls it in
	// the order of arrival, one at a time for a connection; payload is valid
	// only during the call.
	Request(s *Session, cmd wire.Command, serial uint64, payload []byte)

	// Disconnected tells that the connection is gone. It is called exactly once,
	// after the last Request has returned.
	Disconnected(s *Session, reason wire.Code)
}
