package socket_test

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/gobwas/ws"
	"github.com/gobwas/ws/wsutil"

	"github.com/yizhan-im/yizhan/appliance/weblink/engine"
	"github.com/yizhan-im/yizhan/appliance/weblink/socket"
)

// patience is how long a test waits for what must happen. Only a broken one does.
const patience = 20 * time.Second

// serve serves h on loopback until the test is over.
func serve(tb testing.TB, h http.Handler) (url string) {
	server := httptest.NewServer(h)
	tb.Cleanup(server.Close)
	return server.URL
}

// serveSockets serves namespaces until the test is over.
func serveSockets(tb testing.TB, o engine.Options, so socket.Options, lookup func(string) socket.Namespace) (url string) {
	server := engine.NewServer(socket.NewServer(lookup, so), slog.New(slog.DiscardHandler), nil, o)
	tb.Cleanup(func() {
		if err := server.Close(); err != nil {
			tb.Errorf("closing the engine: %v", err)
		}
	})
	return serve(tb, server)
}

// client is a WebSocket of a raw client.
type client struct {
	tb   testing.TB
	conn net.Conn
	in   io.Reader
}

// dial opens a WebSocket; query is all but EIO and transport.
func dial(tb testing.TB, url, query string) *client {
	tb.Helper()
	c, err := tryDial(tb, "ws"+strings.TrimPrefix(url, "http")+"?EIO=4&transport=websocket"+query)
	if err != nil {
		tb.Fatal(err)
	}
	return c
}

func tryDial(tb testing.TB, url string) (*client, error) {
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	conn, buffered, _, err := ws.Dial(ctx, url)
	if err != nil {
		return nil, err
	}
	tb.Cleanup(func() { _ = conn.Close() })
	_ = conn.SetDeadline(time.Now().Add(patience))
	c := &client{tb: tb, conn: conn, in: conn}
	if buffered != nil {
		c.in = io.MultiReader(io.LimitReader(buffered, int64(buffered.Buffered())), conn)
	}
	return c, nil
}

// open opens a WebSocket and takes the handshake.
func open(tb testing.TB, url string) *client {
	tb.Helper()
	c := dial(tb, url, "")
	if m := c.text(); !strings.HasPrefix(m, "0{") {
		tb.Fatalf("the handshake is %s", m)
	}
	return c
}

// join opens a WebSocket and joins a namespace, whose CONNECT it takes.
func join(tb testing.TB, url, namespace string) *client {
	tb.Helper()
	c := open(tb, url)
	c.join(namespace)
	return c
}

func (c *client) join(namespace string) (id string) {
	c.tb.Helper()
	prefix := "40"
	if namespace != "/" {
		prefix += namespace + ","
	}
	c.send(prefix)
	m := c.text()
	id, ok := strings.CutPrefix(m, prefix+`{"sid":"`)
	if !ok {
		c.tb.Fatalf("the answer to CONNECT is %s", m)
	}
	return strings.TrimSuffix(id, `"}`)
}

func (c *client) send(text string) {
	c.tb.Helper()
	if err := wsutil.WriteClientText(c.conn, []byte(text)); err != nil {
		c.tb.Fatal(err)
	}
}

func (c *client) sendBinary(data ...byte) {
	c.tb.Helper()
	if err := wsutil.WriteClientBinary(c.conn, data); err != nil {
		c.tb.Fatal(err)
	}
}

// read is the next message, text or binary. Pings come too.
func (c *client) read() (string, error) {
	for {
		h, err := ws.ReadHeader(c.in)
		if err != nil {
			return "", err
		}
		data := make([]byte, h.Length)
		if _, err := io.ReadFull(c.in, data); err != nil {
			return "", err
		}
		switch h.OpCode {
		case ws.OpText:
			return string(data), nil
		case ws.OpBinary:
			return fmt.Sprint(data), nil
		case ws.OpClose:
			_ = c.conn.Close() // the server waits for that
			return "", io.EOF
		}
	}
}

// text is the next message; a binary one is shown as a list, such as [1 2].
func (c *client) text() string {
	c.tb.Helper()
	m, err := c.read()
	if err != nil {
		c.tb.Fatalf("instead of a message: %v", err)
	}
	return m
}

func (c *client) expect(messages ...string) {
	c.tb.Helper()
	for _, want := range messages {
		if got := c.text(); got != want {
			c.tb.Fatalf("got %s; want %s", got, want)
		}
	}
}

// ended reads to the end of the connection and returns what came before it.
func (c *client) ended() (before []string) {
	c.tb.Helper()
	for {
		m, err := c.read()
		if err, ok := err.(net.Error); ok && err.Timeout() {
			c.tb.Fatalf("the connection did not end; %q came", before)
		}
		if err != nil {
			return before
		}
		before = append(before, m)
	}
}

// get polls.
func get(tb testing.TB, url string) (status int, body string) {
	tb.Helper()
	return request(tb, http.MethodGet, url, "")
}

func post(tb testing.TB, url, body string) (status int, answer string) {
	tb.Helper()
	return request(tb, http.MethodPost, url, body)
}

func request(tb testing.TB, method, url, body string) (status int, answer string) {
	tb.Helper()
	r := do(method, url, body)
	if r.err != nil {
		tb.Fatal(r.err)
	}
	return r.status, r.body
}

type response struct {
	status int
	body   string
	err    error
}

func do(method, url, body string) response {
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	r, err := http.NewRequestWithContext(ctx, method, url, strings.NewReader(body))
	if err != nil {
		return response{err: err}
	}
	res, err := http.DefaultClient.Do(r)
	if err != nil {
		return response{err: err}
	}
	defer func() { _ = res.Body.Close() }()
	answer, err := io.ReadAll(bufio.NewReader(res.Body))
	return response{res.StatusCode, string(answer), err}
}

// sidOf is the session's id in a handshake.
func sidOf(tb testing.TB, handshake string) string {
	tb.Helper()
	_, rest, ok := strings.Cut(handshake, `"sid":"`)
	sid, _, ok2 := strings.Cut(rest, `"`)
	if !strings.HasPrefix(handshake, "0{") || !ok || !ok2 || sid == "" {
		tb.Fatalf("no handshake: %s", handshake)
	}
	return sid
}
