package engine

import (
	"github.com/yizhan-im/yizhan/appliance/weblink/engineio"
	"github.com/yizhan-im/yizhan/appliance/weblink/websocket"
)

// start is the first goroutine of a WebSocket. early is what the client has sent
// behind its handshake.
func (k *socket) start(early []byte, open bool) {
	c := k.session
	if k.attached {
		if open {
			c.receiving.Lock()
			c.receiver = c.server.handler.Opened(c)
			c.receiving.Unlock()
		}
		c.flushHeld()
	}
	if len(early) > 0 {
		if err := k.receive(early); err != nil {
			k.finish(err)
			return
		}
	}
	k.serve()
}

// receive handles in, which it may change. What it answers is written at the
// end, together: clients send in bursts.
func (k *socket) receive(in []byte) error {
	c := k.session
	k.lastInput = c.server.now()
	c.server.metrics.bytesIn.Add(float64(len(in)))
	if k.dropping {
		return nil
	}
	if k.attached {
		k.hold()
	}
	err := k.decoder.Decode(in, k)
	if k.received > 0 {
		c.server.metrics.messagesIn.Add(float64(k.received))
		k.received = 0
	}
	if k.holding {
		k.holding = false
		c.receiving.Unlock()
		if err != nil && err != errClosed {
			// The client will read why. What it still sends is read, so that closing
			// the socket does not reset the connection, and dropped.
			c.failed(err)
			k.dropping = true
			err = nil
		}
		c.flushHeld()
		return err
	}
	if err != nil {
		return k.fail(err)
	}
	return nil
}

// hold begins to receive for the session. What is sent from now on waits for
// flushHeld.
func (k *socket) hold() {
	c := k.session
	k.holding = true
	c.receiving.Lock()
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.outState == outIdle {
		c.outState = outHeld
	}
}

// Message implements websocket.Handler.
func (k *socket) Message(op websocket.Opcode, data []byte) error {
	k.received++
	p, err := k.decode(op, data)
	if err != nil {
		return err
	}
	if k.attached {
		return k.session.packet(p)
	}
	return k.probing(p)
}

// decode reads the packet of a frame. Stock clients that are told to
// (forceBase64) send binary messages as a poll's body would carry them.
func (k *socket) decode(op websocket.Opcode, data []byte) (engineio.Packet, error) {
	limits := engineio.Limits{MaxPayload: k.session.options.MaxPayload, MaxPackets: 1}
	if op == websocket.OpText && len(data) > 0 && data[0] == 'b' {
		packets, err := limits.DecodePayload(nil, data)
		if err != nil {
			return engineio.Packet{}, err
		}
		return packets[0], nil
	}
	return limits.DecodeFrame(data, op == websocket.OpBinary)
}

// Ping implements websocket.Handler.
func (k *socket) Ping(data []byte) error {
	if err := k.control(); err != nil {
		return err
	}
	pong := websocket.AppendPong(nil, data)
	if !k.attached {
		return k.say(pong)
	}
	k.session.Send(pong)
	return nil
}

// Pong implements websocket.Handler.
func (k *socket) Pong([]byte) error { return k.control() }

// control counts a frame that carries nothing. A candidate has few to send; those
// it may use up are the session's.
func (k *socket) control() error {
	c := k.session
	if k.attached {
		return c.empty()
	}
	c.receiving.Lock()
	defer c.receiving.Unlock()
	return c.empty()
}

// CloseFrame implements websocket.Handler (RFC 6455 §5.5.1).
func (k *socket) CloseFrame(status websocket.Status, reason string) error {
	if !k.attached {
		return errClosed
	}
	c := k.session
	c.mu.Lock()
	k.peerClosed = true
	over := k.streamOver
	c.mu.Unlock()
	if over {
		return errClosed
	}
	c.close(ReasonClient, ending{drop: true, byPeer: true, status: status})
	return nil
}
