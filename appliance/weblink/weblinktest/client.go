package weblinktest

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"sync"

	"google.golang.org/protobuf/encoding/protojson"
	"google.golang.org/protobuf/proto"

	"github.com/yizhan-im/yizhan/appliance/wire"
)

// ErrEnded is returned for a request whose answer cannot come any more.
var ErrEnded = errors.New("weblinktest: the connection has ended")

// eventBuffer is how many events wait for whoever reads Events. When there are
// more the client reads no further.
const eventBuffer = 256

// Client is one logged-in client. Its methods may be called from any goroutine.
type Client struct {
	transport transport
	login     wire.LoginResponse
	events    chan Event
	ended     chan struct{} // closed when nothing more is read
	stop      context.CancelFunc

	mu      sync.Mutex // also keeps requests in the order of their ids
	nextID  uint64
	waiting map[uint64]chan answer

	// Set before ended is closed.
	disconnected bool
	err          error
}

// Options say how to connect.
type Options struct {
	Polling bool // stay on long-polling
	Deflate bool // offer permessage-deflate
}

// Dial opens a WebSocket session at url, http://host:port/path, and logs in with
// auth: a *wire.LoginRequest, or anything that has a JSON form; nil sends none. An
// error that wraps a *RefusedError is the server's answer.
func Dial(ctx context.Context, url string, auth any) (*Client, error) {
	return Options{}.Dial(ctx, url, auth)
}

// Dial is the function Dial with options.
func (o Options) Dial(ctx context.Context, url string, auth any) (*Client, error) {
	payload, err := authOf(auth)
	if err != nil {
		return nil, err
	}
	life, stop := context.WithCancel(context.WithoutCancel(ctx))
	open := dialWebSocket
	if o.Polling {
		open = dialPolling
	}
	t, err := open(ctx, life, url, o)
	if err != nil {
		stop()
		return nil, err
	}
	c := &Client{
		transport: t,
		stop:      stop,
		events:    make(chan Event, eventBuffer),
		ended:     make(chan struct{}),
		waiting:   make(map[uint64]chan answer),
	}
	unwatch := context.AfterFunc(ctx, t.close)
	err = c.connect(payload)
	if !unwatch() && err == nil {
		err = ctx.Err()
	}
	if err != nil {
		stop()
		t.close()
		return nil, fmt.Errorf("connecting: %w", err)
	}
	go c.read(life)
	return c, nil
}

func authOf(auth any) ([]byte, error) {
	switch a := auth.(type) {
	case nil:
		return nil, nil
	case proto.Message:
		return protojson.Marshal(a)
	default:
		return json.Marshal(a)
	}
}

// connect sends CONNECT and reads up to the event that answers the login.
func (c *Client) connect(auth []byte) error {
	if err := c.transport.send(append([]byte{engineMessage, socketConnect}, auth...)); err != nil {
		return err
	}
	connected := false
	for {
		packet, err := c.receive()
		if err != nil {
			return err
		}
		switch {
		case packet[0] == socketConnectError:
			return parseRefusal(packet[1:])
		case packet[0] == socketConnect && !connected:
			connected = true
		case packet[0] == socketEvent && connected:
			e, err := parseEvent(packet[1:])
			if err != nil {
				return err
			}
			if e.Name != "login" {
				return fmt.Errorf("the event %s comes before the login's answer", e.Name)
			}
			return e.Decode(&c.login)
		default:
			return fmt.Errorf("unexpected packet %q", packet)
		}
	}
}

// receive is the next packet of Socket.IO; it answers pings.
func (c *Client) receive() ([]byte, error) {
	for {
		packet, err := c.transport.receive()
		if err != nil {
			return nil, err
		}
		if len(packet) == 0 {
			return nil, errors.New("an empty packet")
		}
		switch packet[0] {
		case enginePing:
			if err := c.transport.send([]byte{enginePong}); err != nil {
				return nil, err
			}
		case engineNoop:
		case engineClose:
			return nil, errors.New("the server has closed the session")
		case engineMessage:
			if len(packet) < 2 {
				return nil, errors.New("an empty message")
			}
			return packet[1:], nil
		default:
			return nil, fmt.Errorf("unexpected packet %q", packet)
		}
	}
}

// read distributes what arrives until the connection ends.
func (c *Client) read(life context.Context) {
	defer close(c.ended)
	defer close(c.events)
	defer c.transport.close()
	for c.err == nil && !c.disconnected {
		packet, err := c.receive()
		if err == nil {
			err = c.handle(life, packet)
		}
		c.err = err
	}
}

func (c *Client) handle(life context.Context, packet []byte) error {
	switch packet[0] {
	case socketEvent:
		e, err := parseEvent(packet[1:])
		if err != nil {
			return err
		}
		select {
		case c.events <- e:
			return nil
		case <-life.Done():
			return life.Err()
		}
	case socketAck:
		id, a, err := parseAck(packet[1:])
		if err != nil {
			return err
		}
		c.mu.Lock()
		waiting := c.waiting[id]
		delete(c.waiting, id)
		c.mu.Unlock()
		if waiting == nil {
			return fmt.Errorf("an answer to the request %d, which is none or has got one", id)
		}
		waiting <- a
		return nil
	case socketDisconnect:
		c.disconnected = true
		return nil
	default:
		return fmt.Errorf("unexpected packet %q", packet)
	}
}

// Login is the answer to the login.
func (c *Client) Login() *wire.LoginResponse { return &c.login }

// Events are the events from the server, in their order. The channel is closed
// when the connection has ended.
func (c *Client) Events() <-chan Event { return c.events }

// Ended is closed when the connection has ended; Events may hold some still.
func (c *Client) Ended() <-chan struct{} { return c.ended }

// Disconnected waits for the end and reports whether it was a DISCONNECT packet,
// which keeps stock clients away.
func (c *Client) Disconnected() bool {
	<-c.ended
	return c.disconnected
}

// Err waits for the end and returns why the connection has ended.
func (c *Client) Err() error {
	<-c.ended
	return c.err
}

// Close ends the connection without a farewell, as a lost network does.
func (c *Client) Close() {
	c.stop()
	c.transport.close()
	<-c.ended
}
