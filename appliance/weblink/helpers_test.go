package weblink_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"log/slog"
	"net/http/httptest"
	"sync"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"google.golang.org/protobuf/proto"

	"github.com/yizhan-im/yizhan/appliance/weblink"
	"github.com/yizhan-im/yizhan/appliance/weblink/weblinktest"
	"github.com/yizhan-im/yizhan/appliance/wire"
)

// patience bounds every wait for something that must happen.
const patience = 30 * time.Second

// gateway is a server behind an HTTP server on a loopback port.
type gateway struct {
	*weblink.Server
	url      string
	registry *prometheus.Registry
	log      *lockedBuffer
}

// start makes a gateway that stops at the end of the test.
func start(t testing.TB, h *handler, o weblink.Options) *gateway {
	t.Helper()
	g := &gateway{registry: prometheus.NewRegistry(), log: new(lockedBuffer)}
	g.Server = weblink.NewServer(h, slog.New(slog.NewTextHandler(g.log, &slog.HandlerOptions{Level: slog.LevelDebug})), g.registry, o)
	g.Hurry()
	web := httptest.NewServer(g.Server)
	g.url = web.URL + "/socket.io/"
	t.Cleanup(func() {
		if err := g.Close(); err != nil {
			t.Errorf("Close: %v", err)
		}
		web.Close()
		if n := g.Connections() + g.Left(); n != 0 {
			t.Errorf("%d connections are left after Close", n)
		}
		h.wantNoFaults(t)
		if t.Failed() {
			t.Log(g.log)
		}
	})
	return g
}

// wantCount waits until a metric, summed over its labels but for label, has this
// value.
func (g *gateway) wantCount(t testing.TB, name, label string, want float64) {
	t.Helper()
	var got float64
	deadline := time.Now().Add(patience)
	for {
		if got = g.count(t, name, label); got == want {
			return
		}
		if time.Now().After(deadline) {
			t.Fatalf("%s{%s} is %v, want %v", name, label, got, want)
		}
		time.Sleep(5 * time.Millisecond) // the pace of the polling
	}
}

func (g *gateway) count(t testing.TB, name, label string) (sum float64) {
	t.Helper()
	families, err := g.registry.Gather()
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range families {
		if f.GetName() != name {
			continue
		}
		for _, m := range f.GetMetric() {
			if label != "" && (len(m.GetLabel()) != 1 || m.GetLabel()[0].GetValue() != label) {
				continue
			}
			sum += m.GetCounter().GetValue() + m.GetGauge().GetValue()
		}
	}
	return sum
}

// client is a client whose failures end the test.
type client struct {
	*weblinktest.Client
	t testing.TB
}

// credentials is a login of account that the small application accepts.
func credentials(account string) *wire.LoginRequest {
	return &wire.LoginRequest{AppKey: "app", Account: account, Token: "secret", DeviceId: "web of " + account, Platform: wire.Platform_PLATFORM_WEB}
}

// dial tries to log in.
func dial(t testing.TB, url string, auth any, o weblinktest.Options) (*client, error) {
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	c, err := o.Dial(ctx, url, auth)
	if err != nil {
		return nil, err
	}
	t.Cleanup(c.Close)
	return &client{c, t}, nil
}

// enter logs account in.
func (g *gateway) enter(t testing.TB, account string) *client {
	t.Helper()
	return g.enterBy(t, account, weblinktest.Options{})
}

func (g *gateway) enterBy(t testing.TB, account string, o weblinktest.Options) *client {
	t.Helper()
	c, err := dial(t, g.url, credentials(account), o)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// refused expects a login to be refused, and returns with what.
func (g *gateway) refused(t testing.TB, auth any) *weblinktest.RefusedError {
	t.Helper()
	_, err := dial(t, g.url, auth, weblinktest.Options{})
	var refused *weblinktest.RefusedError
	if !errors.As(err, &refused) {
		t.Fatalf("a login ended with %v, want a refusal", err)
	}
	return refused
}

// do sends a request and returns the code and body of its answer.
func (c *client) do(cmd wire.Command, m proto.Message) (wire.Code, json.RawMessage) {
	c.t.Helper()
	return c.wait(c.begin(cmd.String(), m))
}

// raw sends an event with this argument as it is, and returns the code and the
// note of its answer.
func (c *client) raw(name, argument string) (wire.Code, string) {
	c.t.Helper()
	code, body := c.wait(c.begin(name, json.RawMessage(argument)))
	var e wire.ErrorBody
	if err := weblinktest.Decode(body, &e); err != nil {
		c.t.Fatalf("%s %s: %v", name, argument, err)
	}
	return code, e.Note
}

func (c *client) begin(name string, argument any) *weblinktest.Call {
	c.t.Helper()
	call, err := c.Start(name, argument)
	if err != nil {
		c.t.Fatal(err)
	}
	return call
}

func (c *client) wait(call *weblinktest.Call) (wire.Code, json.RawMessage) {
	c.t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	code, body, err := call.Wait(ctx)
	if err != nil {
		c.t.Fatalf("waiting for an answer: %v", err)
	}
	return code, body
}

// ok sends a request, expects code 200 and decodes the answer.
func (c *client) ok(cmd wire.Command, in, out proto.Message) {
	c.t.Helper()
	code, body := c.do(cmd, in)
	if code != wire.CodeOK {
		c.t.Fatalf("%v %v: code %d, %s", cmd, in, code, body)
	}
	if out == nil {
		return
	}
	if err := weblinktest.Decode(body, out); err != nil {
		c.t.Fatalf("%v was answered with %s: %v", cmd, body, err)
	}
}

// next is the next event, which must have this name.
func (c *client) next(cmd wire.Command, into proto.Message) {
	c.t.Helper()
	select {
	case e, ok := <-c.Events():
		if !ok {
			c.t.Fatalf("the connection has ended, want the event %v: %v", cmd, c.Err())
		}
		if e.Name != cmd.String() {
			c.t.Fatalf("got the event %s %s, want %v", e.Name, e.Body, cmd)
		}
		if err := e.Decode(into); err != nil {
			c.t.Fatalf("%s %s: %v", e.Name, e.Body, err)
		}
	case <-time.After(patience):
		c.t.Fatalf("no event, want %v", cmd)
	}
}

// wantClosed expects a close event with this code and then the end of the session.
func (c *client) wantClosed(code wire.Code) {
	c.t.Helper()
	var push wire.ClosePush
	c.next(wire.PushClose, &push)
	if push.Code != uint32(code) || push.Note == "" {
		c.t.Errorf("closed with %v, want code %d and a note", &push, code)
	}
	c.wantEnd(false)
}

// wantEnd expects the connection to end without another event, by a DISCONNECT
// packet or not.
func (c *client) wantEnd(disconnect bool) {
	c.t.Helper()
	select {
	case e, ok := <-c.Events():
		if ok {
			c.t.Errorf("got %s %s, want the end", e.Name, e.Body)
		}
	case <-time.After(patience):
		c.t.Fatal("the connection does not end")
	}
	if c.Disconnected() != disconnect {
		c.t.Errorf("ended by DISCONNECT: %v, want %v; error %v", c.Disconnected(), disconnect, c.Err())
	}
}

// lockedBuffer is a bytes.Buffer for a logger.
type lockedBuffer struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (l *lockedBuffer) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.Write(p)
}

func (l *lockedBuffer) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.String()
}
