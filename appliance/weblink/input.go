package weblink

import (
	"errors"
	"fmt"

	"github.com/yizhan-im/yizhan/appliance/weblink/engine"
	"github.com/yizhan-im/yizhan/appliance/weblink/jsonwire"
	"github.com/yizhan-im/yizhan/appliance/weblink/socket"
	"github.com/yizhan-im/yizhan/appliance/wire"
)

// cmdUnknown stands for every event that is no request. No request has this
// number, so the handler answers, counts and limits it as an unknown command of
// Link.
const cmdUnknown wire.Command = 0

// maxMisuse is how many more bad requests than good ones a connection may send.
// The handler, which limits the rate of all others, does not see them.
const maxMisuse = 100

var _ socket.Receiver = (*conn)(nil)

// Event implements socket.Receiver: it hands the request to the handler.
func (c *conn) Event(e *socket.Event) error {
	serial := serialNone
	if e.HasID {
		serial = e.ID
	}
	cmd, ok := jsonwire.Command(e.Name)
	if !ok {
		c.server.metrics.bad(badEvent)
		c.server.handler.Request(c.session, cmdUnknown, serial, nil)
		return nil
	}
	if len(e.Attachments) > 0 {
		c.badRequest(serial, badAttachment, "binary attachments are not served: send text or JSON in body")
		return nil
	}
	payload := payloads.get()
	defer payloads.put(payload)
	var err error
	if *payload, err = jsonwire.AppendRequest(*payload, cmd, jsonwire.Argument(e.Args)); err != nil {
		c.badArgument(serial, cmd, err)
		return nil
	}
	if c.misuse > 0 {
		c.misuse--
	}
	c.server.handler.Request(c.session, cmd, serial, *payload)
	return nil
}

func (c *conn) badArgument(serial uint64, cmd wire.Command, err error) {
	var syntax *jsonwire.SyntaxError
	if errors.As(err, &syntax) {
		c.badRequest(serial, badJSON, fmt.Sprintf("%v takes one JSON object: the argument is %v", cmd, syntax))
		return
	}
	c.badRequest(serial, badSize, fmt.Sprintf("the argument of %v is longer than %d bytes", cmd, jsonwire.MaxRequest))
}

// badRequest answers what the handler need not see, and ends a connection whose
// client does not care. note repeats nothing of the input.
func (c *conn) badRequest(serial uint64, kind badKind, note string) {
	c.server.metrics.bad(kind)
	c.Reply(serial, wire.CodeBadParameter, &wire.ErrorBody{Note: note})
	if c.misuse++; c.misuse <= maxMisuse {
		return
	}
	c.server.log.Warn("weblink: bad requests from a client", "remote", c.RemoteAddr(), "session", sessionID(c.session), "note", note)
	c.Close(wire.CodeRateLimited, closePush(wire.CodeRateLimited, "bad requests kept coming after they were refused"))
}

// Acked implements socket.Receiver. The gateway sends no event that wants an
// acknowledgement, so what comes is nobody's, and counts as a bad request.
func (c *conn) Acked(uint64, []byte) {
	c.badRequest(serialNone, badAck, "an acknowledgement that nobody asked for")
}

// Disconnected implements socket.Receiver.
func (c *conn) Disconnected(why engine.Reason) {
	c.mu.Lock()
	before, reason := c.phase, c.reason
	c.phase, c.held = phaseClosed, nil
	if c.loggedIn {
		c.loggedIn = false
		c.server.loggedIn.Add(-1)
	}
	c.mu.Unlock()
	if before == phaseLogin || before == phaseOpen {
		reason = codeOf(why)
	}
	// A client that has left the namespace has nothing more to do here.
	c.socket.Conn().Close()
	c.server.handler.Disconnected(c.session, reason)
	c.server.metrics.ends.WithLabelValues(reason.String()).Inc()
	c.server.log.Debug("weblink: connection closed", "remote", c.RemoteAddr(), "session", sessionID(c.session), "reason", reason, "engine", why)
	c.server.unregister(c)
}

// codeOf says in the codes that both gateways use why a session has ended.
func codeOf(why engine.Reason) wire.Code {
	switch why {
	case engine.ReasonClient, engine.ReasonServer:
		return wire.CodeOK
	case engine.ReasonPing, engine.ReasonOpenTimeout:
		return wire.CodeTimeout
	case engine.ReasonParse:
		return wire.CodeMalformedFrame
	case engine.ReasonSlow:
		return wire.CodeSlowClient
	case engine.ReasonFlood:
		return wire.CodeRateLimited
	case engine.ReasonShutdown:
		return wire.CodeBusy
	default:
		return wire.CodeNetwork
	}
}
