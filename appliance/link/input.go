package link

import (
	"time"

	"github.com/yizhan-im/yizhan/appliance/link/internal/framing"
	"github.com/yizhan-im/yizhan/appliance/wire"
)

const (
	// maxLoginFrame bounds the frames of clients that have not sent a login yet,
	// in bytes. A login with all its fields at their limits is a third of it.
	maxLoginFrame = 4 << 10

	// A client may send pingBurst pings at once and pingsPerSecond on average; it
	// needs one in half a minute.
	pingsPerSecond = 5
	pingBurst      = 50
)

// pong is the answer to a ping.
var pong = wire.AppendFrame(nil, &wire.Frame{Kind: wire.KindPong})

// open takes what has arrived: the hello at first, then records. rest is the
// beginning of one that is not whole. An error that is a *wire.Error is told to
// the client.
func (c *conn) open(in []byte) (rest []byte, err error) {
	if c.phase == phaseHello {
		n, err := c.hello(in)
		if n == 0 || err != nil {
			return in, err
		}
		in = in[n:]
	}
	for len(in) > 0 {
		plain, n, err := c.secure.Open(in)
		if err != nil {
			return nil, wire.Errorf(wire.CodeMalformedFrame, "%v", err)
		}
		if n == 0 {
			break
		}
		in = in[n:]
		if err := c.frames(plain); err != nil {
			return nil, err
		}
		if c.closing.Load() {
			return nil, nil
		}
	}
	return in, nil
}

// hello answers the handshake at the start of in, of which it took n bytes, and
// makes the session.
func (c *conn) hello(in []byte) (n int, err error) {
	c.server.crypto <- struct{}{}
	n, reply, channel, err := c.server.key.Accept(in)
	<-c.server.crypto
	if len(reply) > 0 {
		// The socket's buffer is empty: this does not wait.
		if _, werr := c.socket.Write(reply); werr != nil && err == nil {
			err = werr
		}
	}
	if n == 0 || err != nil {
		return 0, err
	}
	c.secure = channel
	s := c.server.handler.Connected(c)
	c.phase = phaseLogin
	c.mu.Lock()
	c.session = s
	if !c.closing.Load() {
		c.limit += int64(c.options.LoginTimeout - c.options.HandshakeTimeout) // both count from accept
		c.wakeNoLaterLocked(c.limit)
	}
	c.mu.Unlock()
	c.server.handshakes.release()
	c.server.metrics.handshakes.WithLabelValues(handshakeOK).Inc()
	return n, nil
}

// frames handles the frames that end in plain and keeps the beginning of the
// next one.
func (c *conn) frames(plain []byte) error {
	joined := c.plain.join(plain)
	rest := joined
	count := 0
	defer func() { c.server.metrics.framesIn.Add(float64(count)) }()
	for !c.closing.Load() {
		limit := wire.MaxFrame
		if c.phase == phaseLogin {
			limit = maxLoginFrame
		}
		f, n, err := wire.ParseFrame(rest, limit)
		if err != nil {
			return wire.Errorf(wire.CodeMalformedFrame, "%v", err)
		}
		if n == 0 {
			break
		}
		rest = rest[n:]
		count++
		if err := c.frame(&f); err != nil {
			return err
		}
	}
	c.plain.keep(joined, rest)
	return nil
}

// frame handles one frame.
func (c *conn) frame(f *wire.Frame) error {
	if c.phase == phaseLogin {
		return c.login(f)
	}
	switch f.Kind {
	case wire.KindPing:
		if !c.pings.Take(pingsPerSecond, pingBurst, time.Unix(0, c.lastInput)) {
			return wire.Errorf(wire.CodeRateLimited, "more than %d pings per second", pingsPerSecond)
		}
		c.enqueue(pong)
		return nil
	case wire.KindRequest:
		return c.request(f)
	default:
		return wire.Errorf(wire.CodeBadProtocol, "a client does not send frames of kind %d", f.Kind)
	}
}

// login lets nothing but a login pass as the first frame: whoever replays a
// hello cannot seal one.
func (c *conn) login(f *wire.Frame) error {
	if f.Kind != wire.KindRequest || f.Command != wire.CmdLogin {
		return wire.Errorf(wire.CodeForbidden, "the first frame must be a login")
	}
	c.phase = phaseOpen
	c.loginSerial = f.Serial
	return c.request(f)
}

func (c *conn) request(f *wire.Frame) error {
	if f.Compression == wire.CompressionNone {
		c.server.handler.Request(c.session, f.Command, f.Serial, f.Payload)
		return nil
	}
	if !f.Command.Compressible() {
		return wire.Errorf(wire.CodeBadProtocol, "%v must not be compressed", f.Command)
	}
	buf := framing.GetBuffer()
	defer buf.Release()
	payload, err := framing.Decompress(buf.B, f, c.secure.Codecs())
	if err != nil {
		return wire.Errorf(wire.CodeMalformedFrame, "%v", err)
	}
	buf.B = payload
	c.server.handler.Request(c.session, f.Command, f.Serial, payload)
	return nil
}
