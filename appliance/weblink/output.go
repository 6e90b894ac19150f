package weblink

import (
	"github.com/yizhan-im/yizhan/appliance/session"
	"github.com/yizhan-im/yizhan/appliance/weblink/engine"
	"github.com/yizhan-im/yizhan/appliance/weblink/jsonwire"
	"github.com/yizhan-im/yizhan/appliance/weblink/socket"
	"github.com/yizhan-im/yizhan/appliance/weblink/socketio"
	"github.com/yizhan-im/yizhan/appliance/wire"
)

// minDeflated is the shortest answer or push, in bytes, that is compressed. A short
// one gains little, and pushes are made by the goroutine that applies everybody's
// messages.
const minDeflated = 1 << 10

// Reply implements session.Conn.
func (c *conn) Reply(serial uint64, code wire.Code, body wire.Body) {
	switch serial {
	case serialLogin:
		c.answerLogin(code, body)
		return
	case serialNone:
		return
	}
	args := payloads.get()
	defer payloads.put(args)
	*args = append(*args, '[')
	var err error
	if *args, err = jsonwire.AppendAnswer(*args, code, body); err != nil {
		c.server.log.Error("weblink: a response cannot be sent", "error", err)
		*args, _ = jsonwire.AppendAnswer(*args, wire.CodeServerError, nil) // nothing in it can fail
	}
	*args = append(*args, ']')
	if len(*args) < minDeflated || !c.socket.Conn().Deflate() {
		c.socket.Ack(serial, *args)
		return
	}
	packet := payloads.get()
	defer payloads.put(packet)
	*packet = socketio.AppendAck(*packet, Namespace, serial, *args)
	c.socket.Emit(engine.DeflatedMessage(*packet, false))
}

// emitLocked sends ev.
func (c *conn) emitLocked(ev *session.Event) {
	if frame := c.frameOf(ev); frame != nil {
		c.socket.Emit(frame)
	}
}

// frameOf is ev in the form that the client understands, which all clients alike
// share; nil when it has none.
func (c *conn) frameOf(ev *session.Event) []byte {
	form, encode := session.EncodingWebLink, encodeEvent
	if len(ev.Payload) >= minDeflated && c.socket.Conn().Deflate() {
		form, encode = session.EncodingWebLinkDeflated, encodeDeflated
	}
	frame := ev.Encoded(form, encode)
	if frame == nil {
		// Only a handler that pushes what wire does not define comes here.
		c.server.metrics.unsent.Inc()
		c.server.log.Error("weblink: a push cannot be sent", "command", ev.Command)
	}
	return frame
}

// encodeEvent makes the frame of ev, nil when it has no JSON form.
func encodeEvent(ev *session.Event) []byte { return frameOf(ev, socket.EncodeEvent) }

// encodeDeflated is encodeEvent for clients that take compressed frames. It gives
// them the plain one where compression does not gain.
func encodeDeflated(ev *session.Event) []byte {
	plain := ev.Encoded(session.EncodingWebLink, encodeEvent)
	if plain == nil {
		return nil
	}
	if deflated := frameOf(ev, socket.EncodeDeflatedEvent); len(deflated) < len(plain) {
		return deflated
	}
	return plain
}

func frameOf(ev *session.Event, encode func(namespace, name string, args ...[]byte) []byte) []byte {
	argument := payloads.get()
	defer payloads.put(argument)
	var err error
	if *argument, err = jsonwire.AppendPush(*argument, ev.Command, ev.Payload); err != nil {
		return nil
	}
	return encode(Namespace, ev.Command.String(), *argument)
}
