package engine

import (
	"errors"
	"time"

	"github.com/yizhan-im/yizhan/appliance/weblink/engineio"
	"github.com/yizhan-im/yizhan/appliance/weblink/websocket"
)

var (
	errDirection   = errors.New("weblink: packet type that clients do not send now")
	errBehindClose = errors.New("weblink: packets behind a close packet")
	errBinaryBody  = errors.New("weblink: binary body; send binary messages as base64 in a text body")
	errFlood       = errors.New("weblink: too many packets or frames that carry nothing")
)

// Packets and frames that carry nothing, of one client. A client answers a ping
// each PingInterval and sends hardly any other.
const (
	emptiesPerSecond = 10
	emptiesBurst     = 100
)

// checkPacket says whether a client may send p once its session is open. more
// tells that other packets came with it, behind it.
func checkPacket(p engineio.Packet, more bool) error {
	switch p.Type {
	case engineio.Message, engineio.Pong:
		return nil
	case engineio.Close:
		if more {
			return errBehindClose
		}
		return nil
	default:
		return errDirection
	}
}

// packet handles what a client sent. receiving is held. Once the session is
// closing what comes is dropped: the client will learn that it is over.
func (c *Conn) packet(p engineio.Packet) error {
	if c.closing.Load() {
		return nil
	}
	if err := checkPacket(p, false); err != nil {
		return err
	}
	if p.Type == engineio.Pong || (p.Type == engineio.Message && len(p.Data) == 0) {
		if err := c.empty(); err != nil {
			return err
		}
	}
	switch p.Type {
	case engineio.Message:
		return c.receiver.Message(p.Data, p.Binary)
	case engineio.Pong:
		c.ponged()
	case engineio.Close:
		c.close(ReasonClient, ending{drop: true, byPeer: true, status: websocket.StatusNormal})
	}
	return nil
}

// empty counts a packet or frame that carries nothing. receiving is held.
func (c *Conn) empty() error {
	if !c.empties.Take(emptiesPerSecond, emptiesBurst, time.Unix(0, c.server.now())) {
		return errFlood
	}
	return nil
}

// failed ends the session for what the client sent.
func (c *Conn) failed(err error) {
	reason, e := ReasonParse, ending{}
	var broken *websocket.Error
	switch {
	case errors.As(err, &broken):
		e.status, e.note = broken.Status, broken.Reason
	case errors.Is(err, errFlood):
		reason = ReasonFlood
	case errors.Is(err, engineio.ErrTooLarge):
		e.status = websocket.StatusTooBig
	}
	if c.close(reason, e) {
		c.server.log.Warn("weblink: bad input from a client", "remote", c.remote, "reason", reason, "error", err)
	}
}
