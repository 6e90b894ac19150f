package socket

import (
	"encoding/base64"
	"sync/atomic"

	"github.com/yizhan-im/yizhan/appliance/weblink/engine"
	"github.com/yizhan-im/yizhan/appliance/weblink/socketio"
)

// idBytes of randomness make a socket's id of 20 characters, as long as the
// reference's.
const idBytes = 15

// The states of a socket. They are changed under session.mu, but for the step
// from accepting to connected.
const (
	statePending   uint32 = iota // CONNECT is not answered
	stateAccepting               // the answer is being queued
	stateConnected               // the client has joined
	stateEnded                   // refused, left, disconnected, or the session is over
)

// Socket is one client in one namespace. Its methods never block, may be called
// from any goroutine, and do nothing once the socket has ended.
type Socket struct {
	session   *session
	namespace string
	state     atomic.Uint32
	id        [idBytes]byte

	cut      bool     // disconnected while accepting; under session.mu
	receiver Receiver // under session.mu, or by the receiving goroutine
	next     *Socket  // in session.sockets, under session.mu
}

// ID is what the client knows as its socket id: 20 random characters, made anew
// for each connection to a namespace. The string is built by each call.
func (s *Socket) ID() string { return base64.RawURLEncoding.EncodeToString(s.id[:]) }

// Namespace is the name of the namespace, "/" for the main one.
func (s *Socket) Namespace() string { return s.namespace }

// Conn is the session that the socket shares with the client's other sockets.
func (s *Socket) Conn() *engine.Conn { return s.session.conn }

// Accept lets the client join: it gets a CONNECT packet, in front of everything
// that is emitted once Accept has returned, and the session is established. extra
// are further members for the object {"sid":…} in that packet, such as
// `"pid":"x","n":1`, or nil. Accept reports false, and nothing has happened, when
// the socket was answered before or its session is over.
func (s *Socket) Accept(extra []byte) bool {
	c := s.session
	c.mu.Lock()
	if s.state.Load() != statePending || c.leaving {
		c.mu.Unlock()
		return false
	}
	s.state.Store(stateAccepting)
	c.mu.Unlock()
	// Outside the lock: nothing is assumed about what the engine does in Send.
	c.conn.Send(encodeConnect(s, extra))
	c.conn.Established()
	if s.state.CompareAndSwap(stateAccepting, stateConnected) {
		return true
	}
	c.mu.Lock()
	cut := s.cut
	c.mu.Unlock()
	if cut { // Disconnect left it to Accept, so that DISCONNECT comes behind CONNECT
		c.conn.Send(encodeDisconnect(s.namespace))
	}
	return true
}

// Refuse does not let the client join: it gets a CONNECT_ERROR packet with
// {"message":message,"data":data}; data is a JSON value or nil. The session stays
// open, and the client may try again. A socket that was answered before is left
// as it is.
func (s *Socket) Refuse(message string, data []byte) {
	c := s.session
	c.mu.Lock()
	pending := s.state.Load() == statePending
	if pending {
		s.state.Store(stateEnded) // the receiving goroutine does the rest
	}
	c.mu.Unlock()
	if pending {
		c.conn.Send(encodeError(s.namespace, message, data))
	}
}

// Emit sends messages, one behind another with nothing in between. EncodeEvent,
// EncodeRequest, EncodeBinaryEvent and EncodeDeflatedEvent make them, for this
// socket's namespace; any number of sockets may share them. Before Accept has
// returned, Emit does nothing.
func (s *Socket) Emit(messages ...[]byte) {
	if s.state.Load() == stateConnected {
		s.session.conn.Send(messages...)
	}
}

// Ack answers the event id. args is a JSON array, nil for none; attachments are
// what its placeholders (socketio.AppendPlaceholder) stand for. The client's
// callback gets the elements of args as its arguments.
func (s *Socket) Ack(id uint64, args []byte, attachments ...[]byte) {
	if s.state.Load() != stateConnected {
		return
	}
	if len(attachments) == 0 {
		s.session.conn.Send(encodeAck(s.namespace, id, args))
		return
	}
	messages := make([][]byte, 0, 1+len(attachments))
	messages = append(messages, encodeBinaryAck(s.namespace, id, len(attachments), args))
	s.session.conn.Send(appendBinary(messages, attachments)...)
}

// Disconnect tells the client, which has joined, to leave: it gets a DISCONNECT
// packet, after which it does not come back by itself. With closeSession it
// leaves all namespaces, and the session ends; the receivers hear of it when it
// has. Without, the receiver is told before Disconnect returns or, when it is
// running, right after that: the caller must not hold a lock that Disconnected
// needs.
//
// A socket that is not accepted yet is not touched, but closeSession still ends
// the session.
func (s *Socket) Disconnect(closeSession bool) {
	if closeSession {
		s.session.leaveAll(s)
		return
	}
	c := s.session
	c.mu.Lock()
	if !s.joined() || c.leaving {
		c.mu.Unlock()
		return
	}
	// Under the lock nothing but the end of Accept changes the state.
	s.cut = s.state.Swap(stateEnded) == stateAccepting
	cut, running, r := s.cut, c.running == s, s.receiver
	if !running {
		c.removeLocked(s)
	}
	c.mu.Unlock()
	if !cut {
		c.conn.Send(encodeDisconnect(s.namespace))
	}
	if !running {
		r.Disconnected(engine.ReasonServer)
	}
}

func (s *Socket) joined() bool {
	state := s.state.Load()
	return state == stateAccepting || state == stateConnected
}

// leaveAll closes the session of s, unless s has ended, and tells the client to
// leave all namespaces.
func (c *session) leaveAll(s *Socket) {
	c.mu.Lock()
	if s.state.Load() == stateEnded || c.leaving {
		c.mu.Unlock()
		return
	}
	c.leaving = true
	var last [][]byte
	for other := c.sockets; other != nil; other = other.next {
		if other.joined() {
			last = append(last, encodeDisconnect(other.namespace))
		}
	}
	c.mu.Unlock()
	c.conn.Close(last...)
}

// encodeConnect is the frame that says that s has joined.
func encodeConnect(s *Socket, extra []byte) []byte {
	data := make([]byte, 0, 64+len(extra))
	data = append(data, `{"sid":"`...)
	data = append(base64.RawURLEncoding.AppendEncode(data, s.id[:]), '"')
	if len(extra) > 0 {
		data = append(append(data, ','), extra...)
	}
	data = append(data, '}')
	return frame(func(dst []byte) []byte { return socketio.AppendConnect(dst, s.namespace, data) })
}

// encodeError is the frame that refuses a client.
func encodeError(namespace, message string, data []byte) []byte {
	payload := socketio.AppendString([]byte(`{"message":`), message)
	if data != nil {
		payload = append(append(payload, `,"data":`...), data...)
	}
	payload = append(payload, '}')
	return frame(func(dst []byte) []byte { return socketio.AppendConnectError(dst, namespace, payload) })
}

func encodeDisconnect(namespace string) []byte {
	return frame(func(dst []byte) []byte { return socketio.AppendDisconnect(dst, namespace) })
}
