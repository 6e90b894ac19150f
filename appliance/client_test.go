package appliance_test

import (
	"net"
	"testing"
	"time"

	"github.com/yizhan-im/yizhan/appliance"
	"github.com/yizhan-im/yizhan/appliance/link/channel"
	"github.com/yizhan-im/yizhan/appliance/secure"
	"github.com/yizhan-im/yizhan/appliance/wire"
)

// patience bounds the wait for what must happen soon; no test needs it to pass.
const patience = 20 * time.Second

// openNode starts a node in dir and stops it with the test.
func openNode(t testing.TB, dir string) *appliance.Node {
	t.Helper()
	node, err := appliance.Open(t.Context(), appliance.Config{NodeID: "node1", DataDir: dir})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := node.Close(); err != nil {
			t.Errorf("closing the node: %v", err)
		}
	})
	return node
}

// listen makes node serve Link on a free port of this machine, and returns its
// address.
func listen(t testing.TB, node *appliance.Node) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	served := make(chan struct{})
	go func() {
		defer close(served)
		_ = node.ServeLink(l)
	}()
	t.Cleanup(func() {
		l.Close()
		<-served
	})
	return l.Addr().String()
}

// client is a device of an account, as far as these tests need one.
type client struct {
	t      testing.TB
	conn   *channel.Conn
	serial uint64
	pushes []wire.Frame // that came while a response was awaited
}

// dial connects without logging in.
func dial(t testing.TB, node *appliance.Node, address string) (*client, error) {
	t.Helper()
	key, err := secure.ParsePublicKey(node.Status().LinkKey)
	if err != nil {
		t.Fatal(err)
	}
	conn, err := channel.Dial(t.Context(), address, key, channel.Options{Codecs: secure.AllCodecs})
	if err != nil {
		return nil, err
	}
	t.Cleanup(func() { conn.Close() })
	if err := conn.SetReadDeadline(time.Now().Add(patience)); err != nil {
		t.Fatal(err)
	}
	return &client{t: t, conn: conn}, nil
}

func login(t testing.TB, node *appliance.Node, address, appKey, account, token string) *client {
	t.Helper()
	c, err := dial(t, node, address)
	if err != nil {
		t.Fatal(err)
	}
	var answer wire.LoginResponse
	c.want(wire.CmdLogin, &wire.LoginRequest{
		AppKey: appKey, Account: account, Token: token, DeviceId: "device of " + account, Platform: wire.Platform_PLATFORM_PC,
	}, &answer)
	return c
}

// message is what every wire message can do.
type message interface {
	wire.Body
	UnmarshalVT([]byte) error
}

// do sends a request and returns the code of its response, which goes into
// answer when that is not nil.
func (c *client) do(cmd wire.Command, request wire.Body, answer message) wire.Code {
	c.t.Helper()
	c.serial++
	if err := c.conn.WriteFrame(&wire.Frame{Kind: wire.KindRequest, Command: cmd, Serial: c.serial}, request); err != nil {
		c.t.Fatal(err)
	}
	for {
		f, err := c.conn.ReadFrame()
		if err != nil {
			c.t.Fatalf("waiting for the response to %s: %v", cmd, err)
		}
		if f.Kind == wire.KindPush {
			f.Payload = append([]byte(nil), f.Payload...)
			c.pushes = append(c.pushes, f)
			continue
		}
		if f.Kind != wire.KindResponse || f.Serial != c.serial {
			continue
		}
		if answer != nil && f.Code == wire.CodeOK {
			if err := answer.UnmarshalVT(f.Payload); err != nil {
				c.t.Fatal(err)
			}
		}
		return f.Code
	}
}

// want is do with code 200.
func (c *client) want(cmd wire.Command, request wire.Body, answer message) {
	c.t.Helper()
	if code := c.do(cmd, request, answer); code != wire.CodeOK {
		c.t.Fatalf("%s: code %d", cmd, code)
	}
}

func (c *client) send(to, text string) *wire.SendResponse {
	c.t.Helper()
	answer := new(wire.SendResponse)
	c.want(wire.CmdSend, &wire.SendRequest{To: to, ClientId: text, Body: text}, answer)
	return answer
}

// push waits for the next push of this command.
func (c *client) push(cmd wire.Command, into message) {
	c.t.Helper()
	for {
		var f wire.Frame
		if len(c.pushes) > 0 {
			f, c.pushes = c.pushes[0], c.pushes[1:]
		} else {
			var err error
			if f, err = c.conn.ReadFrame(); err != nil {
				c.t.Fatalf("waiting for %s: %v", cmd, err)
			}
		}
		if f.Kind == wire.KindPush && f.Command == cmd {
			if err := into.UnmarshalVT(f.Payload); err != nil {
				c.t.Fatal(err)
			}
			return
		}
	}
}

// wantClosed reads until the server has closed the connection.
func (c *client) wantClosed() {
	c.t.Helper()
	for {
		if _, err := c.conn.ReadFrame(); err != nil {
			if timeout, ok := err.(net.Error); ok && timeout.Timeout() {
				c.t.Fatal("the connection is still open")
			}
			return
		}
	}
}

// eventually waits for what another goroutine is about to do.
func eventually(t testing.TB, what string, holds func() bool) {
	t.Helper()
	tick := time.NewTicker(5 * time.Millisecond)
	defer tick.Stop()
	for deadline := time.Now().Add(patience); !holds(); <-tick.C {
		if time.Now().After(deadline) {
			t.Fatalf("still not so: %s", what)
		}
	}
}
