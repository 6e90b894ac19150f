package channel

import (
	"context"
	"fmt"
	"net"
	"time"

	"github.com/yizhan-im/yizhan/appliance/secure"
)

// Defaults of Options.
const (
	DefaultHandshakeTimeout = 10 * time.Second
	DefaultReadBuffer       = 4 << 10
)

// Options of a connection. A zero field takes its default, except Codecs: its
// zero value uses no compression.
type Options struct {
	// Codecs are the compressions to offer to the server.
	Codecs secure.Codecs
	// HandshakeTimeout bounds the handshake, without the time to connect.
	HandshakeTimeout time.Duration
	// ReadBuffer is how many bytes the connection's read buffer holds at first.
	// It grows to secure.MaxRecord when a record needs it.
	ReadBuffer int
}

func (o Options) withDefaults() Options {
	if o.HandshakeTimeout <= 0 {
		o.HandshakeTimeout = DefaultHandshakeTimeout
	}
	if o.ReadBuffer <= 0 {
		o.ReadBuffer = DefaultReadBuffer
	}
	o.ReadBuffer = max(o.ReadBuffer, secure.MaxReply)
	return o
}

// Dial connects to address (host:port) over TCP and makes the handshake with
// the server that owns serverPublic. ctx bounds both, but not the connection's
// life. A refusal by the server is a *secure.RefusedError.
func Dial(ctx context.Context, address string, serverPublic []byte, o Options) (*Conn, error) {
	var d net.Dialer
	nc, err := d.DialContext(ctx, "tcp", address)
	if err != nil {
		return nil, err
	}
	return Client(ctx, nc, serverPublic, o)
}

// Client makes the handshake on nc, which it closes when that fails.
func Client(ctx context.Context, nc net.Conn, serverPublic []byte, o Options) (*Conn, error) {
	o = o.withDefaults()
	c := &Conn{nc: nc, in: make([]byte, o.ReadBuffer)}
	err := nc.SetDeadline(time.Now().Add(o.HandshakeTimeout))
	if err == nil {
		// A context that ends interrupts the handshake by a deadline in the past.
		stop := context.AfterFunc(ctx, func() { _ = nc.SetDeadline(time.Unix(1, 0)) })
		err = c.handshake(serverPublic, o.Codecs)
		if !stop() {
			err = ctx.Err()
		}
	}
	if err == nil {
		err = nc.SetDeadline(time.Time{})
	}
	if err != nil {
		_ = nc.Close()
		return nil, fmt.Errorf("link handshake with %s: %w", nc.RemoteAddr(), err)
	}
	return c, nil
}

func (c *Conn) handshake(serverPublic []byte, offer secure.Codecs) error {
	hs, err := secure.NewClientHandshake(serverPublic, offer)
	if err != nil {
		return err
	}
	if _, err := c.nc.Write(hs.Hello()); err != nil {
		return err
	}
	for {
		n, ch, err := hs.Finish(c.in[c.start:c.end])
		if err != nil {
			return err
		}
		if n > 0 {
			c.start += n
			c.secure = ch
			return nil
		}
		if err := c.fill(); err != nil {
			return err
		}
	}
}
