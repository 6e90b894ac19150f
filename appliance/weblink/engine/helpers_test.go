package engine_test

import (
	"context"
	"crypto/tls"
	"errors"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/yizhan-im/yizhan/appliance/weblink/engine"
)

// patience bounds every wait for something that must happen.
const patience = 30 * time.Second

// noDeadline takes the deadline of a connection away.
var noDeadline time.Time

// errRefused is what a peer answers to the message "refuse".
var errRefused = errors.New("test: message refused")

// app is an application that keeps what its sessions tell it.
type app struct {
	opened chan *peer
	// echo makes sessions answer each message with itself, at once.
	echo bool
	// anonymous sessions never call Established.
	anonymous bool
	// sendBuffer, when set, is the size of the kernel's send buffers, in bytes.
	sendBuffer int
	// onOpened, when set, is called within Opened.
	onOpened func(*peer)
	// onMessage, when set, is called within Message.
	onMessage func(*peer, string)
}

func newApp() *app { return &app{opened: make(chan *peer, 4096)} }

// peer is one session of an app.
type peer struct {
	*engine.Conn
	app      *app
	received chan string // binary messages with the prefix "binary:"
	closed   chan engine.Reason
}

func (a *app) Opened(c *engine.Conn) engine.Receiver {
	p := &peer{Conn: c, app: a, received: make(chan string, 1<<14), closed: make(chan engine.Reason, 2)}
	if !a.anonymous {
		c.Established()
	}
	if a.onOpened != nil {
		a.onOpened(p)
	}
	a.opened <- p
	return p
}

func (p *peer) Message(data []byte, binary bool) error {
	text := string(data)
	if binary {
		text = "binary:" + text
	}
	if text == "refuse" {
		return errRefused
	}
	if p.app.echo {
		p.Send(engine.Message(data, binary))
	}
	if p.app.onMessage != nil {
		p.app.onMessage(p, text)
	}
	select {
	case p.received <- text:
	default:
	}
	return nil
}

func (p *peer) Closed(reason engine.Reason) { p.closed <- reason }

// wantReceived expects the next messages of a session.
func (p *peer) wantReceived(t testing.TB, want ...string) {
	t.Helper()
	for _, w := range want {
		select {
		case got := <-p.received:
			if got != w {
				t.Fatalf("received %q, want %q", got, w)
			}
		case <-time.After(patience):
			t.Fatalf("%q was not received", w)
		}
	}
}

// wantClosed expects the session to end, once.
func (p *peer) wantClosed(t testing.TB, want engine.Reason) {
	t.Helper()
	select {
	case got := <-p.closed:
		if got != want {
			t.Errorf("the session ended for %v, want %v", got, want)
		}
	case <-time.After(patience):
		t.Fatalf("the session has not ended, want %v", want)
	}
	select {
	case again := <-p.closed:
		t.Errorf("the session ended again, for %v", again)
	default:
	}
}

// node is a server behind HTTP servers, with TLS and without.
type node struct {
	*engine.Server
	app      *app
	registry *prometheus.Registry
	plain    *httptest.Server
	secure   *httptest.Server
}

// serve starts a node that stops at the end of the test.
func serve(t testing.TB, a *app, o engine.Options) *node {
	t.Helper()
	n := &node{app: a, registry: prometheus.NewRegistry()}
	logger := slog.New(slog.NewTextHandler(t.Output(), &slog.HandlerOptions{Level: slog.LevelDebug}))
	_, bench := t.(*testing.B)
	if bench {
		logger = nil
	}
	n.Server = engine.NewServer(a, logger, n.registry, o)
	if !bench {
		n.Hurry()
	}
	n.plain = httptest.NewUnstartedServer(n.Server)
	n.plain.Config.ConnContext = a.prepare
	n.plain.Start()
	n.secure = httptest.NewUnstartedServer(n.Server)
	n.secure.Config.ConnContext = a.prepare
	n.secure.EnableHTTP2 = true
	n.secure.StartTLS()
	t.Cleanup(func() {
		_ = n.Server.Close()
		n.plain.Close()
		n.secure.Close()
		if left := n.Connections(); left != 0 {
			t.Errorf("%d sessions are left after Close", left)
		}
		if left := n.Named(); left != 0 {
			t.Errorf("%d names are left after Close", left)
		}
	})
	return n
}

// prepare sets up an accepted connection.
func (a *app) prepare(ctx context.Context, c net.Conn) context.Context {
	if layered, ok := c.(*tls.Conn); ok {
		c = layered.NetConn()
	}
	if a.sendBuffer > 0 {
		_ = c.(*net.TCPConn).SetWriteBuffer(a.sendBuffer)
	}
	return ctx
}

// peer is the next session that opens.
func (n *node) peer(t testing.TB) *peer {
	t.Helper()
	select {
	case p := <-n.app.opened:
		return p
	case <-time.After(patience):
		t.Fatal("no session was opened")
		return nil
	}
}

// base is the URL of the node's HTTP server.
func (n *node) base(secure bool) string {
	if secure {
		return n.secure.URL
	}
	return n.plain.URL
}

// dial opens a TCP or TLS connection that closes at the end of the test.
func (n *node) dial(t testing.TB, secure bool) net.Conn {
	t.Helper()
	conn := n.dialRaw(t, secure)
	if secure {
		return tlsClient(t, conn)
	}
	return conn
}

func tlsClient(t testing.TB, conn net.Conn) net.Conn {
	t.Helper()
	c := tls.Client(conn, &tls.Config{InsecureSkipVerify: true})
	if err := c.Handshake(); err != nil {
		t.Fatal(err)
	}
	return c
}

// dialRaw opens a TCP connection to either HTTP server.
func (n *node) dialRaw(t testing.TB, secure bool) net.Conn {
	t.Helper()
	web := n.plain
	if secure {
		web = n.secure
	}
	conn, err := net.Dial("tcp", web.Listener.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = conn.Close() })
	_ = conn.SetDeadline(time.Now().Add(patience))
	return conn
}

// request makes a request and returns status and body.
func (n *node) request(t testing.TB, secure bool, method, query, body string, header ...string) (int, string, http.Header) {
	t.Helper()
	status, answer, h, err := n.try(secure, method, query, body, header...)
	if err != nil {
		t.Fatal(err)
	}
	return status, answer, h
}

func (n *node) try(secure bool, method, query, body string, header ...string) (int, string, http.Header, error) {
	r, err := http.NewRequest(method, n.base(secure)+"/engine.io/?"+query, strings.NewReader(body))
	if err != nil {
		return 0, "", nil, err
	}
	for pair := range slices.Chunk(header, 2) {
		r.Header.Set(pair[0], pair[1])
	}
	client := n.plain.Client()
	if secure {
		client = n.secure.Client()
	}
	resp, err := client.Do(r)
	if err != nil {
		return 0, "", nil, err
	}
	defer resp.Body.Close()
	b, err := io.ReadAll(resp.Body)
	return resp.StatusCode, string(b), resp.Header, err
}

// wantError expects an HTTP error as the reference implementation gives it.
func wantError(t testing.TB, what string, status int, body string, wantStatus int, wantCode string) {
	t.Helper()
	if status != wantStatus || !strings.HasPrefix(body, `{"code":`+wantCode+`,"message":"`) {
		t.Errorf("%s: HTTP %d %s, want %d with code %s", what, status, body, wantStatus, wantCode)
	}
}

// count is the value of a counter or gauge, with this value of its only label
// when it has one.
func (n *node) count(t testing.TB, name, label string) float64 {
	t.Helper()
	families, err := n.registry.Gather()
	if err != nil {
		t.Fatal(err)
	}
	for _, family := range families {
		if family.GetName() != "yizhan_weblink_"+name {
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
func (n *node) wantCount(t testing.TB, name, label string, want float64) {
	t.Helper()
	eventually(t, func() bool { return n.count(t, name, label) == want }, func() {
		t.Errorf("%s{%s} is %v, want %v", name, label, n.count(t, name, label), want)
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

// both runs a test over plain TCP and over TLS.
func both(t *testing.T, run func(t *testing.T, secure bool)) {
	t.Run("plain", func(t *testing.T) { run(t, false) })
	t.Run("tls", func(t *testing.T) { run(t, true) })
}
