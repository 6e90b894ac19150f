package engine_test

import (
	"bufio"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"testing"

	"github.com/yizhan-im/yizhan/appliance/weblink/engineio"
)

// Opcodes of WebSocket frames (RFC 6455 §5.2).
const (
	opText   = 1
	opBinary = 2
	opClose  = 8
	opPing   = 9
	opPong   = 10
)

// wsClient is a WebSocket that does only what it is told to.
type wsClient struct {
	net.Conn
	t       testing.TB
	in      *bufio.Reader
	deflate bool
}

const handshakeRequest = "GET /engine.io/?%s HTTP/1.1\r\nHost: test\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n" +
	"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n%s\r\n"

// websocket opens a WebSocket. early is sent right behind the request.
func (n *node) websocket(t testing.TB, secure bool, query, header, early string) *wsClient {
	t.Helper()
	c := &wsClient{Conn: n.dial(t, secure), t: t}
	if err := c.handshake(query, header, early); err != nil {
		t.Fatal(err)
	}
	return c
}

func (c *wsClient) handshake(query, header, early string) error {
	if _, err := fmt.Fprintf(c, handshakeRequest+"%s", query, header, early); err != nil {
		return err
	}
	c.in = bufio.NewReader(c.Conn)
	resp, err := http.ReadResponse(c.in, nil)
	if err != nil {
		return err
	}
	if resp.StatusCode != http.StatusSwitchingProtocols {
		return fmt.Errorf("test: HTTP %d instead of a WebSocket", resp.StatusCode)
	}
	c.deflate = resp.Header.Get("Sec-WebSocket-Extensions") != ""
	return nil
}

// session opens a WebSocket session and reads its open packet.
func (n *node) session(t testing.TB, secure bool) (*wsClient, *peer) {
	t.Helper()
	c := n.websocket(t, secure, "EIO=4&transport=websocket", "", "")
	c.wantOpen()
	return c, n.peer(t)
}

func (c *wsClient) wantOpen() engineio.Handshake {
	c.t.Helper()
	op, data := c.read()
	if op != opText || len(data) == 0 || data[0] != '0' {
		c.t.Fatalf("the first frame is %d %q, want an open packet", op, data)
	}
	h, err := engineio.ParseHandshake([]byte(data[1:]))
	if err != nil {
		c.t.Fatal(err)
	}
	return h
}

// frameOf makes a masked frame; first is the first byte without fin.
func frameOf(first byte, fin bool, payload string) []byte {
	if fin {
		first |= 0x80
	}
	b := []byte{first}
	switch n := len(payload); {
	case n < 126:
		b = append(b, 0x80|byte(n))
	case n <= 0xffff:
		b = binary.BigEndian.AppendUint16(append(b, 0x80|126), uint16(n))
	default:
		b = binary.BigEndian.AppendUint64(append(b, 0x80|127), uint64(n))
	}
	mask := [4]byte{1, 2, 3, 4}
	b = append(b, mask[:]...)
	for i := range len(payload) {
		b = append(b, payload[i]^mask[i%4])
	}
	return b
}

func (c *wsClient) write(b []byte) {
	c.t.Helper()
	if _, err := c.Write(b); err != nil {
		c.t.Fatal(err)
	}
}

func (c *wsClient) text(packets ...string) {
	c.t.Helper()
	var b []byte
	for _, p := range packets {
		b = append(b, frameOf(opText, true, p)...)
	}
	c.write(b)
}

func (c *wsClient) next() (op byte, data string, err error) {
	var header [2]byte
	if _, err := io.ReadFull(c.in, header[:]); err != nil {
		return 0, "", err
	}
	if header[0]&0x80 == 0 || header[1]&0x80 != 0 {
		return 0, "", errors.New("test: a frame that is not whole, or masked")
	}
	n := uint64(header[1])
	switch n {
	case 126:
		var b [2]byte
		_, err = io.ReadFull(c.in, b[:])
		n = uint64(binary.BigEndian.Uint16(b[:]))
	case 127:
		var b [8]byte
		_, err = io.ReadFull(c.in, b[:])
		n = binary.BigEndian.Uint64(b[:])
	}
	if err != nil {
		return 0, "", err
	}
	b := make([]byte, n)
	_, err = io.ReadFull(c.in, b)
	return header[0] &^ 0x80, string(b), err
}

func (c *wsClient) read() (op byte, data string) {
	c.t.Helper()
	op, data, err := c.next()
	if err != nil {
		c.t.Fatalf("read: %v", err)
	}
	return op, data
}

// want expects text frames.
func (c *wsClient) want(packets ...string) {
	c.t.Helper()
	for _, p := range packets {
		if op, data := c.read(); op != opText || data != p {
			c.t.Fatalf("read frame %d %.100q, want text %.100q", op, data, p)
		}
	}
}

// wantClose expects a close frame with this status and the end of the stream.
// Text frames before it are returned.
func (c *wsClient) wantClose(status uint16) (before []string) {
	c.t.Helper()
	for {
		op, data, err := c.next()
		if err != nil {
			c.t.Fatalf("the connection ended with %v, without a close frame", err)
		}
		if op != opClose {
			before = append(before, data)
			continue
		}
		got := uint16(0)
		if len(data) >= 2 {
			got = binary.BigEndian.Uint16([]byte(data))
		}
		if got != status {
			c.t.Errorf("closed with %d %q, want %d", got, data[min(2, len(data)):], status)
		}
		if _, _, err := c.next(); !errors.Is(err, io.EOF) {
			c.t.Errorf("behind the close frame: %v, want the end of the stream", err)
		}
		_ = c.Close()
		return before
	}
}

// pollClient is a polling session.
type pollClient struct {
	n      *node
	t      testing.TB
	secure bool
	query  string
	sid    string
}

// polling opens a polling session.
func (n *node) polling(t testing.TB, secure bool) (*pollClient, *peer) {
	t.Helper()
	status, body, _ := n.request(t, secure, "GET", "EIO=4&transport=polling", "")
	if status != http.StatusOK || !strings.HasPrefix(body, "0") {
		t.Fatalf("handshake: HTTP %d %q", status, body)
	}
	var h struct{ SID string }
	if err := json.Unmarshal([]byte(body[1:]), &h); err != nil {
		t.Fatal(err)
	}
	return &pollClient{n, t, secure, "EIO=4&transport=polling&sid=" + h.SID, h.SID}, n.peer(t)
}

func (c *pollClient) get() (int, string) {
	c.t.Helper()
	status, body, _ := c.n.request(c.t, c.secure, "GET", c.query, "")
	return status, body
}

func (c *pollClient) post(body string) (int, string) {
	c.t.Helper()
	status, answer, _ := c.n.request(c.t, c.secure, "POST", c.query, body)
	return status, answer
}

// want expects the next poll to be answered with this payload.
func (c *pollClient) want(payload string) {
	c.t.Helper()
	if status, body := c.get(); status != http.StatusOK || body != payload {
		c.t.Fatalf("poll: HTTP %d %.200q, want %.200q", status, body, payload)
	}
}

// wantTaken posts a payload that is to be accepted.
func (c *pollClient) wantTaken(payload string) {
	c.t.Helper()
	if status, body := c.post(payload); status != http.StatusOK || body != "ok" {
		c.t.Fatalf("post: HTTP %d %q, want ok", status, body)
	}
}

// wantGone expects the session to be unknown, or over.
func (c *pollClient) wantGone() {
	c.t.Helper()
	if status, body := c.get(); status != http.StatusBadRequest {
		c.t.Fatalf("poll of an ended session: HTTP %d %q, want 400", status, body)
	}
}

// answer is what a poll in the background got.
type answer struct {
	status int
	body   string
	err    error
}

// later polls in the background, and returns when the server has the poll.
func (c *pollClient) later() <-chan answer {
	c.t.Helper()
	got := make(chan answer, 1)
	go func() {
		status, body, _, err := c.n.try(c.secure, "GET", c.query, "")
		got <- answer{status, body, err}
	}()
	eventually(c.t, func() bool { return c.n.Waiting(c.sid) }, func() { c.t.Fatal("the poll does not wait") })
	return got
}

func (c *pollClient) wantAnswer(got <-chan answer, payload string) {
	c.t.Helper()
	if a := <-got; a.err != nil || a.status != http.StatusOK || a.body != payload {
		c.t.Fatalf("the poll got HTTP %d %.200q, %v; want %.200q", a.status, a.body, a.err, payload)
	}
}
