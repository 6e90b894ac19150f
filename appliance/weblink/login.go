package weblink

import (
	"encoding/json"
	"errors"

	"github.com/yizhan-im/yizhan/appliance/session"
	"github.com/yizhan-im/yizhan/appliance/weblink/jsonwire"
	"github.com/yizhan-im/yizhan/appliance/weblink/socket"
	"github.com/yizhan-im/yizhan/appliance/wire"
)

// maxAuth bounds a CONNECT packet's auth payload, in bytes. A login with all its
// fields at their limits is a quarter of it.
const maxAuth = 8 << 10

// eventLogin is the event that carries the LoginResponse. It has the name of the
// command that it answers.
var eventLogin = wire.CmdLogin.String()

// namespace is the Server as package socket sees it.
type namespace Server

var _ socket.Namespace = (*namespace)(nil)

// Connect implements socket.Namespace: CONNECT is the login. It takes the same way
// as any request, so that the handler counts, limits and logs it as it does for
// Link.
func (n *namespace) Connect(sock *socket.Socket, auth []byte) socket.Receiver {
	s := (*Server)(n)
	c := &conn{server: s, socket: sock}
	if !s.register(c) {
		c.turnAway(refusal{Code: wire.CodeBusy, Note: "the node is stopping; connect to another"})
		return nil
	}
	payload := payloads.get()
	defer payloads.put(payload)
	var err error
	if len(auth) > maxAuth {
		err = jsonwire.ErrTooLarge
	} else {
		*payload, err = jsonwire.AppendRequest(*payload, wire.CmdLogin, auth)
	}
	if err != nil {
		s.unregister(c)
		s.metrics.bad(badLogin)
		s.log.Warn("weblink: a login that cannot be read", "remote", c.RemoteAddr(), "error", err)
		c.turnAway(refusal{Code: wire.CodeBadParameter, Note: authNote(err)})
		return nil
	}
	c.session = s.handler.Connected(c)
	s.handler.Request(c.session, wire.CmdLogin, serialLogin, *payload)
	return c
}

// authNote tells a client's author what is wrong with the auth payload.
func authNote(err error) string {
	var syntax *jsonwire.SyntaxError
	if errors.As(err, &syntax) {
		return "auth is " + syntax.Error()
	}
	return "auth is too long"
}

// turnAway refuses a client that the handler does not get to see.
func (c *conn) turnAway(r refusal) {
	c.socket.Refuse(r.Code.String(), r.json())
	c.socket.Conn().Close()
}

// answerLogin answers CONNECT with what the handler says to the login.
func (c *conn) answerLogin(code wire.Code, body wire.Body) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.phase != phaseLogin {
		return
	}
	if code != wire.CodeOK {
		c.phase, c.reason, c.held = phaseRefused, code, nil
		r := refusal{Code: code}
		if e, ok := body.(*wire.ErrorBody); ok {
			r.Note, r.RetryAfterMs = e.Note, e.RetryAfterMs
		}
		c.refuse(code, r)
		return
	}
	argument, err := jsonwire.AppendMessage(nil, body)
	if err != nil {
		c.server.log.Error("weblink: the answer to a login cannot be sent", "error", err)
		c.closeLocked(wire.CodeServerError, nil)
		return
	}
	c.phase, c.loggedIn = phaseOpen, true
	c.server.loggedIn.Add(1)
	c.socket.Accept(nil)
	c.socket.Emit(socket.EncodeEvent(Namespace, eventLogin, argument))
	if c.held != nil {
		for _, ev := range c.held.events {
			c.emitLocked(ev)
		}
		c.held = nil
	}
}

// refusal is the data of a CONNECT_ERROR.
type refusal struct {
	Code         wire.Code `json:"code"`
	Note         string    `json:"note,omitempty"`
	RetryAfterMs uint32    `json:"retryAfterMs,omitempty"`
}

func (r refusal) json() []byte {
	b, err := json.Marshal(r)
	if err != nil {
		panic("weblink: a number and a text have no JSON") // they have
	}
	return b
}

// refuse answers CONNECT with CONNECT_ERROR.
func (c *conn) refuse(code wire.Code, r refusal) {
	c.socket.Refuse(code.String(), r.json())
}

// lastWords is the refusal of a client that was about to be logged in and is told
// last instead.
func lastWords(reason wire.Code, last *session.Event) refusal {
	r := refusal{Code: reason, Note: reason.Meaning()}
	if last == nil {
		return r
	}
	switch last.Command {
	case wire.PushClose:
		var m wire.ClosePush
		if m.UnmarshalVT(last.Payload) == nil {
			r.Note = m.Note
		}
	case wire.PushGoAway:
		var m wire.GoAwayPush
		if m.UnmarshalVT(last.Payload) == nil {
			r.Note, r.RetryAfterMs = m.Note, m.DelayMs
		}
	case wire.PushKicked:
		var m wire.KickedPush
		if m.UnmarshalVT(last.Payload) == nil {
			r.Note = "ended by the server: " + m.Reason.String()
		}
	}
	return r
}
