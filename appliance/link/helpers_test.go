package link_test

import (
	"context"
	"errors"
	"io"
	"log/slog"
	"net"
	"sync"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/yizhan-im/yizhan/appliance/link"
	"github.com/yizhan-im/yizhan/appliance/link/channel"
	"github.com/yizhan-im/yizhan/appliance/secure"
	"github.com/yizhan-im/yizhan/appliance/session"
	"github.com/yizhan-im/yizhan/appliance/wire"
)

// patience bounds every wait for something that must happen.
const patience = 30 * time.Second

// ended is what a handler learns about the end of a connection.
type ended struct {
	session *session.Session
	reason  wire.Code
}

// handler is a small application: whoever gives the token "secret" is in; send
// is answered at once with the body's length as seq, or later through later.
type handler struct {
	hub     *session.Hub
	idle    time.Duration
	ended   chan ended // nil when nobody asks
	later   chan func()
	decoded func(*wire.SendRequest)
}

func newHandler() *handler {
	return &handler{hub: session.NewHub(), idle: time.Minute, ended: make(chan ended, 4096)}
}

func (h *handler) Connected(c session.Conn) *session.Session { return session.NewSession(c) }

func (h *handler) Disconnected(s *session.Session, reason wire.Code) {
	h.hub.Remove(s)
	if h.ended != nil {
		h.ended <- ended{s, reason}
	}
}

func (h *handler) Request(s *session.Session, cmd wire.Command, serial uint64, payload []byte) {
	switch cmd {
	case wire.CmdLogin:
		var req wire.LoginRequest
		if err := req.UnmarshalVT(payload); err != nil {
			s.Conn().Reply(serial, wire.CodeBadParameter, nil)
			return
		}
		if req.Token != "secret" {
			s.Conn().Reply(serial, wire.CodeWrongToken, nil)
			s.Conn().Close(wire.CodeWrongToken, nil)
			return
		}
		id := &session.Identity{Tenant: 1, Account: req.Account, DeviceID: req.DeviceId, Platform: req.Platform}
		if _, _, err := h.hub.Login(s, id, session.PolicyAll); err != nil {
			return
		}
		s.Conn().SetIdleTimeout(h.idle)
		s.Conn().Reply(serial, wire.CodeOK, &wire.LoginResponse{SessionId: 7})
	case wire.CmdLogout:
		s.Conn().Reply(serial, wire.CodeOK, nil)
		s.Conn().Close(wire.CodeOK, nil)
	case wire.CmdSend:
		var req wire.SendRequest
		if err := req.UnmarshalVT(payload); err != nil {
			s.Conn().Reply(serial, wire.CodeBadParameter, &wire.ErrorBody{Note: err.Error()})
			return
		}
		if h.decoded != nil {
			h.decoded(&req)
		}
		answer := func() { s.Conn().Reply(serial, wire.CodeOK, &wire.SendResponse{Seq: uint64(len(req.Body))}) }
		if h.later != nil {
			h.later <- answer
			return
		}
		answer()
	case wire.CmdHistory:
		var req wire.HistoryRequest
		if err := req.UnmarshalVT(payload); err != nil {
			return
		}
		resp := &wire.HistoryResponse{}
		for range req.Limit {
			resp.Messages = append(resp.Messages, &wire.Message{From: "alice", To: "bob", Body: longBody})
		}
		s.Conn().Reply(serial, wire.CodeOK, resp)
	default:
		s.Conn().Reply(serial, wire.CodeBadProtocol, nil)
	}
}

var longBody = func() string {
	b := make([]byte, 4096)
	for i := range b {
		b[i] = "the quick brown fox jumps over the lazy dog "[(i+i/97)%44]
	}
	return string(b)
}()

// gateway is a server on a loopback port.
type gateway struct {
	*link.Server
	key      *secure.ServerKey
	handler  *handler
	registry *prometheus.Registry
	address  string
	listener net.Listener
}

// serve starts a gateway that stops at the end of the test.
func serve(t testing.TB, h *handler, o link.Options) *gateway {
	t.Helper()
	key, err := secure.NewServerKey()
	if err != nil {
		t.Fatal(err)
	}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	g := &gateway{key: key, handler: h, registry: prometheus.NewRegistry(), address: l.Addr().String(), listener: l}
	logger := slog.New(slog.NewTextHandler(testWriter{t}, &slog.HandlerOptions{Level: slog.LevelDebug}))
	_, bench := t.(*testing.B)
	if bench {
		logger = nil
	}
	g.Server = link.NewServer(key, h, logger, g.registry, o)
	if !bench {
		g.Hurry()
	}
	var accepting sync.WaitGroup
	accepting.Go(func() {
		if err := g.Serve(l); !errors.Is(err, net.ErrClosed) {
			t.Errorf("Serve: %v", err)
		}
	})
	t.Cleanup(func() {
		_ = l.Close()
		accepting.Wait()
		_ = g.Close()
		if n := g.Connections(); n != 0 {
			t.Errorf("%d connections are left after Close", n)
		}
	})
	return g
}

type testWriter struct{ t testing.TB }

func (w testWriter) Write(b []byte) (int, error) {
	w.t.Logf("%s", b)
	return len(b), nil
}

// client is a connection with a serial for its requests.
type client struct {
	*channel.Conn
	t      testing.TB
	serial uint64
}

// connect makes the handshake; the connection closes at the end of the test.
func (g *gateway) connect(t testing.TB, codecs secure.Codecs) *client {
	t.Helper()
	c, err := g.dial(codecs)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = c.Close() })
	return &client{Conn: c, t: t}
}

func (g *gateway) dial(codecs secure.Codecs) (*channel.Conn, error) {
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	c, err := channel.Dial(ctx, g.address, g.key.Public(), channel.Options{Codecs: codecs})
	if err != nil {
		return nil, err
	}
	return c, c.SetReadDeadline(time.Now().Add(patience))
}

// login is a client that has logged in.
func (g *gateway) login(t testing.TB, codecs secure.Codecs) *client {
	t.Helper()
	return g.loginAs(t, "alice", codecs)
}

func (g *gateway) loginAs(t testing.TB, account string, codecs secure.Codecs) *client {
	t.Helper()
	c := g.connect(t, codecs)
	serial := c.request(wire.CmdLogin, &wire.LoginRequest{Account: account, Token: "secret", DeviceId: deviceID()})
	f := c.read()
	if f.Kind != wire.KindResponse || f.Serial != serial || f.Code != wire.CodeOK {
		t.Fatalf("login was answered with %+v", f)
	}
	return c
}

var devices struct {
	sync.Mutex
	n int
}

func deviceID() string {
	devices.Lock()
	defer devices.Unlock()
	devices.n++
	return time.Duration(devices.n).String()
}

// request sends one request and returns its serial.
func (c *client) request(cmd wire.Command, body wire.Body) uint64 {
	c.t.Helper()
	c.serial++
	if err := c.WriteFrame(&wire.Frame{Kind: wire.KindRequest, Command: cmd, Serial: c.serial}, body); err != nil {
		c.t.Fatalf("write: %v", err)
	}
	return c.serial
}

// read returns the next frame.
func (c *client) read() wire.Frame {
	c.t.Helper()
	f, err := c.ReadFrame()
	if err != nil {
		c.t.Fatalf("read: %v", err)
	}
	return f
}

// send sends a message and waits for its answer.
func (c *client) send(body string) {
	c.t.Helper()
	serial := c.request(wire.CmdSend, &wire.SendRequest{To: "bob", Body: body})
	f := c.read()
	var resp wire.SendResponse
	if err := resp.UnmarshalVT(f.Payload); err != nil || f.Serial != serial || f.Code != wire.CodeOK || resp.Seq != uint64(len(body)) {
		c.t.Fatalf("answer %+v, seq %d, error %v", f, resp.Seq, err)
	}
}

// wantClosed expects the connection to end, after a close push with this code.
// Frames before it are skipped.
func (c *client) wantClosed(code wire.Code) {
	c.t.Helper()
	var told wire.ClosePush
	for {
		f, err := c.ReadFrame()
		if err != nil {
			if !errors.Is(err, io.EOF) {
				c.t.Errorf("the connection ended with %v, want the end of the stream", err)
			}
			_ = c.Close()
			if wire.Code(told.Code) != code {
				c.t.Errorf("closed with code %d (%s), want %d", told.Code, told.Note, code)
			}
			return
		}
		if f.Kind == wire.KindPush && f.Command == wire.PushClose {
			if err := told.UnmarshalVT(f.Payload); err != nil {
				c.t.Error(err)
			}
		}
	}
}

// wantEnded expects the handler to learn of one connection's end.
func (h *handler) wantEnded(t testing.TB, reason wire.Code) {
	t.Helper()
	select {
	case e := <-h.ended:
		if e.reason != reason {
			t.Errorf("the connection ended for %v, want %v", e.reason, reason)
		}
	case <-time.After(patience):
		t.Fatal("the handler was not told that the connection ended")
	}
}

// count is the value of a counter or gauge, with this value of its only label
// when it has one.
func (g *gateway) count(t testing.TB, name, label string) float64 {
	t.Helper()
	families, err := g.registry.Gather()
	if err != nil {
		t.Fatal(err)
	}
	for _, family := range families {
		if family.GetName() != name {
			continue
		}
		for _, m := range family.GetMetric() {
			if label == "" || m.GetLabel()[0].GetValue() == label {
				return m.GetCounter().GetValue() + m.GetGauge().GetValue()
			}
		}
	}
	return 0
}

// wantCount waits until a metric has a value.
func (g *gateway) wantCount(t testing.TB, name, label string, want float64) {
	t.Helper()
	eventually(t, func() bool { return g.count(t, name, label) == want }, func() {
		t.Errorf("%s{%s} is %v, want %v", name, label, g.count(t, name, label), want)
	})
}

// eventually polls until condition holds, and calls otherwise when it never does.
func eventually(t testing.TB, condition func() bool, otherwise func()) {
	t.Helper()
	tick := time.NewTicker(time.Millisecond)
	defer tick.Stop()
	for deadline := time.Now().Add(patience); time.Now().Before(deadline); <-tick.C {
		if condition() {
			return
		}
	}
	otherwise()
}
