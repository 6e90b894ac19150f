package weblink

import (
	"math"
	"net/netip"
	"sync"
	"time"

	"github.com/yizhan-im/yizhan/appliance/session"
	"github.com/yizhan-im/yizhan/appliance/weblink/engine"
	"github.com/yizhan-im/yizhan/appliance/weblink/socket"
	"github.com/yizhan-im/yizhan/appliance/weblink/socketio"
	"github.com/yizhan-im/yizhan/appliance/wire"
)

// The serial of a request is the id that the client wants its acknowledgement
// with. Ids are at most 2^53−1 (package socketio), so these two are none.
const (
	serialNone  uint64 = math.MaxUint64     // the client did not ask for an answer
	serialLogin uint64 = math.MaxUint64 - 1 // the request came with CONNECT
)

// phase is how far a connection has come.
type phase uint8

const (
	phaseLogin   phase = iota // CONNECT is not answered yet
	phaseRefused              // the handler has refused it: it is answered with CONNECT_ERROR
	phaseOpen                 // it is accepted
	phaseClosed               // Close has been called
)

// conn is one socket that wants to be, or is, logged in; it implements
// session.Conn. Its size counts a hundred thousand times, so what only few need is
// allocated when they need it.
type conn struct {
	server  *Server
	socket  *socket.Socket
	session *session.Session // set before the first request, then constant
	place   int              // in Server.conns, under Server.mu

	misuse uint16 // bad requests less good ones; owned by the goroutine that reads

	mu sync.Mutex
	// Under mu.
	phase    phase
	loggedIn bool      // counted in Server.loggedIn
	reason   wire.Code // why it ends, when it is refused or closed
	held     *held     // pushes before the login's answer; nil when there are none
}

// held are pushes that wait for the login's answer: what a client reads first is
// that.
type held struct {
	events []*session.Event
	bytes  int
}

var _ session.Conn = (*conn)(nil)

// Push implements session.Conn.
func (c *conn) Push(ev *session.Event) {
	c.mu.Lock()
	defer c.mu.Unlock()
	switch c.phase {
	case phaseOpen:
		c.emitLocked(ev)
	case phaseLogin:
		c.holdLocked(ev)
	}
}

// holdLocked keeps ev for when the client is logged in, as the engine's queue
// would.
func (c *conn) holdLocked(ev *session.Event) {
	if c.held == nil {
		c.held = new(held)
	}
	if c.held.bytes > c.server.options.Load().QueueBytes {
		c.closeLocked(wire.CodeSlowClient, closePush(wire.CodeSlowClient, "the queue of this connection is full"))
		return
	}
	c.held.events = append(c.held.events, ev)
	c.held.bytes += len(ev.Payload)
}

// Close implements session.Conn.
func (c *conn) Close(reason wire.Code, last *session.Event) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.closeLocked(reason, last)
}

func (c *conn) closeLocked(reason wire.Code, last *session.Event) {
	before := c.phase
	if before == phaseClosed {
		return
	}
	c.phase, c.held = phaseClosed, nil
	if before != phaseRefused {
		c.reason = reason
	}
	var frames [][]byte
	switch before {
	case phaseLogin:
		c.refuse(reason, lastWords(reason, last))
	case phaseOpen:
		if last != nil {
			if frame := c.frameOf(last); frame != nil {
				frames = append(frames, frame)
			}
		}
		if staysAway(reason, last) {
			frames = append(frames, disconnectFrame)
		}
	}
	c.socket.Conn().Close(frames...)
}

// disconnectFrame carries a DISCONNECT packet.
var disconnectFrame = engine.Message(socketio.AppendDisconnect(nil, Namespace), false)

// staysAway reports whether the client is to leave for good. Stock clients come
// back by themselves after a session that has closed, but not after a DISCONNECT.
func staysAway(reason wire.Code, last *session.Event) bool {
	return reason == wire.CodeOK || last != nil && last.Command == wire.PushKicked
}

// PushAll implements session.Conn.
func (c *conn) PushAll(evs []*session.Event) {
	for _, ev := range evs {
		c.Push(ev)
	}
}

// SetIdleTimeout implements session.Conn. It says that the client is logged in:
// LoginTimeout no longer holds. How long a client may be silent is Engine.IO's
// business, whose server asks for a sign of life every PingInterval: d does not
// matter.
func (c *conn) SetIdleTimeout(d time.Duration) {
	if d > 0 {
		c.socket.Conn().Established()
	}
}

// RemoteAddr implements session.Conn.
func (c *conn) RemoteAddr() netip.AddrPort { return c.socket.Conn().RemoteAddr() }

// Transport implements session.Conn.
func (c *conn) Transport() string { return Transport }

func (c *conn) isOpen() bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.phase == phaseOpen
}

// closePush is the push that tells a client why it is cut off.
func closePush(code wire.Code, note string) *session.Event {
	return session.NewEvent(wire.PushClose, &wire.ClosePush{Code: uint32(code), Note: note})
}
