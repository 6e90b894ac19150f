package matrix

import (
	"context"
	"errors"
	"net"
	"slices"
	"time"

	"google.golang.org/protobuf/proto"

	"github.com/yizhan-im/yizhan/appliance/link/channel"
	"github.com/yizhan-im/yizhan/appliance/secure"
	"github.com/yizhan-im/yizhan/appliance/wire"
)

// linkCarrier is a connection of Link. It is used by one goroutine.
type linkCarrier struct {
	conn   *channel.Conn
	serial uint64
}

func dialLink(ctx context.Context, in *wire.LoginRequest) (carrier, *wire.LoginResponse, error) {
	conn, err := channel.Dial(ctx, node.link, node.linkKey, channel.Options{Codecs: secure.AllCodecs})
	if err != nil {
		return nil, nil, err
	}
	c := &linkCarrier{conn: conn}
	login, err := c.enter(in)
	if err != nil {
		_ = conn.Close()
		return nil, nil, err
	}
	return c, login, nil
}

func (c *linkCarrier) enter(in *wire.LoginRequest) (*wire.LoginResponse, error) {
	a, _, err := c.ask(wire.CmdLogin, in)
	if err != nil {
		return nil, err
	}
	if a.code != wire.CodeOK {
		return nil, &refused{a.code, a.note()}
	}
	login := new(wire.LoginResponse)
	return login, a.decode(login)
}

func (c *linkCarrier) ask(cmd wire.Command, in proto.Message) (answer, []push, error) {
	c.serial++
	var body wire.Body
	if in != nil {
		body = in.(wire.Body)
	}
	if err := c.conn.WriteFrame(&wire.Frame{Kind: wire.KindRequest, Command: cmd, Serial: c.serial}, body); err != nil {
		return answer{}, nil, err
	}
	var pushes []push
	for {
		f, err := c.read()
		if err != nil {
			return answer{}, pushes, err
		}
		if f.Kind == wire.KindResponse && f.Serial == c.serial {
			return answer{f.Code, decoder(f.Payload)}, pushes, nil
		}
		pushes = append(pushes, push{f.Command, decoder(f.Payload)})
	}
}

// read is the next frame, with a payload of its own.
func (c *linkCarrier) read() (wire.Frame, error) {
	if err := c.conn.SetReadDeadline(time.Now().Add(patience)); err != nil {
		return wire.Frame{}, err
	}
	f, err := c.conn.ReadFrame()
	f.Payload = slices.Clone(f.Payload)
	return f, err
}

func (c *linkCarrier) wait() (push, error) {
	f, err := c.read()
	if timeout := net.Error(nil); errors.As(err, &timeout) && timeout.Timeout() {
		return push{}, err
	}
	if err != nil {
		return push{}, errGone
	}
	return push{f.Command, decoder(f.Payload)}, nil
}

func (c *linkCarrier) close() { _ = c.conn.Close() }

func decoder(payload []byte) func(proto.Message) error {
	return func(m proto.Message) error { return proto.Unmarshal(payload, m) }
}
