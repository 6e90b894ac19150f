package websocket_test

import (
	"bufio"
	"bytes"
	"crypto/tls"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/yizhan-im/yizhan/appliance/weblink/websocket"
)

const (
	key        = "dGhlIHNhbXBsZSBub25jZQ==" // of RFC 6455 §1.3, as the next
	key2accept = "s3pPLMBiTxaQ9kYGzzhZRbK+xOo="
)

// patience ends a test that hangs; nothing is measured with it.
const patience = 30 * time.Second

// upgraded is what one request to a test server came to.
type upgraded struct {
	conn    net.Conn
	early   []byte
	deflate bool
	err     error
}

// server upgrades every request and tells of it.
func server(t *testing.T, o websocket.Options, wrap func(http.ResponseWriter) http.ResponseWriter) (*httptest.Server, <-chan upgraded) {
	t.Helper()
	results := make(chan upgraded, 1)
	s := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if wrap != nil {
			w = wrap(w)
		}
		var u upgraded
		u.conn, u.early, u.deflate, u.err = websocket.Upgrade(w, r, o)
		results <- u
	}))
	// Deadlines that would strike if Upgrade left them on the connection.
	s.Config.ReadTimeout, s.Config.WriteTimeout = time.Hour, time.Hour
	return s, results
}

// wrapped stands for a writer of some middleware.
type wrapped struct{ http.ResponseWriter }

func (w wrapped) Unwrap() http.ResponseWriter { return w.ResponseWriter }

// stubborn hides what the writer below can do.
type stubborn struct{ http.ResponseWriter }

func dial(t *testing.T, s *httptest.Server) net.Conn {
	t.Helper()
	conn, err := net.Dial("tcp", s.Listener.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.Close() })
	if err := conn.SetDeadline(time.Now().Add(patience)); err != nil {
		t.Fatal(err)
	}
	return conn
}

// request is a good handshake, with changes: "Name: value" sets, "Name:" drops
// and "+Name: value" adds a header field, "GET / HTTP/1.1" is another first line.
func request(changes ...string) string {
	lines := []string{"GET /socket.io/ HTTP/1.1", "Host: example.com", "Connection: Upgrade", "Upgrade: websocket", "Sec-WebSocket-Version: 13", "Sec-WebSocket-Key: " + key}
	for _, change := range changes {
		name, value, isField := strings.Cut(change, ":")
		if !isField {
			lines[0] = change
			continue
		}
		if added, ok := strings.CutPrefix(change, "+"); ok {
			lines = append(lines, added)
			continue
		}
		kept := lines[:1]
		for _, line := range lines[1:] {
			if !strings.HasPrefix(line, name+":") {
				kept = append(kept, line)
			}
		}
		if lines = kept; strings.TrimSpace(value) != "" {
			lines = append(lines, change)
		}
	}
	return strings.Join(lines, "\r\n") + "\r\n\r\n"
}

func send(t *testing.T, conn net.Conn, request string) (*http.Response, string) {
	t.Helper()
	if _, err := io.WriteString(conn, request); err != nil {
		t.Fatal(err)
	}
	method, _, _ := strings.Cut(request, " ")
	response, err := http.ReadResponse(bufio.NewReader(conn), &http.Request{Method: method})
	if err != nil {
		t.Fatal(err)
	}
	if response.StatusCode == http.StatusSwitchingProtocols {
		return response, ""
	}
	body, err := io.ReadAll(response.Body)
	if err != nil {
		t.Fatal(err)
	}
	return response, string(body)
}

func TestHandshakesThatAreAccepted(t *testing.T) {
	s, results := server(t, websocket.Options{}, nil)
	s.Start()
	defer s.Close()
	for name, request := range map[string]string{
		"plain":                           request(),
		"other case":                      request("Connection: upGRADE", "Upgrade: WebSocket"),
		"lists":                           request("Connection: keep-alive, Upgrade", "Upgrade: h2c , websocket"),
		"lists in several fields":         request("Connection: keep-alive", "+Connection: x,\tupgrade\t", "Upgrade: foo/2", "+Upgrade: websocket"),
		"a subprotocol, which is ignored": request("Sec-WebSocket-Protocol: chat"),
		"an extension that is not known":  request("Sec-WebSocket-Extensions: x-webkit-deflate-frame; q=\"1\""),
		"compression, which is off here":  request("Sec-WebSocket-Extensions: permessage-deflate"),
	} {
		response, _ := send(t, dial(t, s), request)
		u := <-results
		if u.err != nil || u.deflate || response.StatusCode != http.StatusSwitchingProtocols {
			t.Errorf("%s: %v, %s", name, u.err, response.Status)
			continue
		}
		u.conn.Close()
		h := response.Header
		if h.Get("Sec-WebSocket-Accept") != key2accept || h.Get("Upgrade") != "websocket" || h.Get("Connection") != "Upgrade" ||
			h.Get("Sec-WebSocket-Extensions") != "" || h.Get("Sec-WebSocket-Protocol") != "" {
			t.Errorf("%s: %v", name, h)
		}
	}
}

func TestHandshakesThatAreRefused(t *testing.T) {
	s, results := server(t, websocket.Options{Deflate: true}, nil)
	s.Start()
	defer s.Close()
	for _, c := range []struct {
		name, request string
		status        int
		field, value  string // of the answer
	}{
		{"POST", request("POST / HTTP/1.1", "Content-Length: 0"), 405, "Allow", "GET"},
		{"HEAD", request("HEAD / HTTP/1.1"), 405, "Allow", "GET"},
		{"HTTP/1.0", request("GET / HTTP/1.0"), 505, "", ""},
		{"no Connection", request("Connection:"), 400, "", ""},
		{"another Connection", request("Connection: keep-alive, upgrades"), 400, "", ""},
		{"no Upgrade", request("Upgrade:"), 400, "", ""},
		{"another Upgrade", request("Upgrade: h2c, websocket2"), 400, "", ""},
		{"no version", request("Sec-WebSocket-Version:"), 426, "Sec-Websocket-Version", "13"},
		{"an old version", request("Sec-WebSocket-Version: 8"), 426, "Sec-Websocket-Version", "13"},
		{"a list of versions", request("Sec-WebSocket-Version: 13, 8"), 426, "Sec-Websocket-Version", "13"},
		{"two versions", request("+Sec-WebSocket-Version: 8"), 426, "Sec-Websocket-Version", "13"},
		{"a version with zeros", request("Sec-WebSocket-Version: 013"), 426, "Sec-Websocket-Version", "13"},
		{"no key", request("Sec-WebSocket-Key:"), 400, "", ""},
		{"two keys", request("+Sec-WebSocket-Key: " + key), 400, "", ""},
		{"a key of 15 bytes", request("Sec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAA"), 400, "", ""},
		{"a key of 17 bytes", request("Sec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAAA="), 400, "", ""},
		{"a key of 18 bytes", request("Sec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAAAA"), 400, "", ""},
		{"a key that is no base64", request("Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZ!=="), 400, "", ""},
		{"a key in base64 for addresses", request("Sec-WebSocket-Key: __________________8A=="), 400, "", ""},
		{"a body", request("Content-Length: 5") + "hello", 400, "", ""},
		{"a body in chunks", request("Transfer-Encoding: chunked") + "5\r\nhello\r\n0\r\n\r\n", 400, "", ""},
		{"extensions that cannot be read", request("Sec-WebSocket-Extensions: permessage-deflate; ; ="), 400, "", ""},
	} {
		response, body := send(t, dial(t, s), c.request)
		u := <-results
		if u.err == nil || u.conn != nil || response.StatusCode != c.status || (c.field != "" && response.Header.Get(c.field) != c.value) {
			t.Errorf("%s: %v, %s, %v", c.name, u.err, response.Status, response.Header)
		}
		if c.name != "HEAD" && (body == "" || !strings.Contains(u.err.Error(), strings.TrimSpace(body))) {
			t.Errorf("%s: the client reads %q, the log %q", c.name, body, u.err)
		}
	}
}

func TestUpgradeThroughMiddleware(t *testing.T) {
	s, results := server(t, websocket.Options{}, func(w http.ResponseWriter) http.ResponseWriter { return wrapped{wrapped{w}} })
	s.Start()
	defer s.Close()
	response, _ := send(t, dial(t, s), request())
	if u := <-results; u.err != nil || response.StatusCode != http.StatusSwitchingProtocols {
		t.Errorf("wrapped: %v, %s", u.err, response.Status)
	} else {
		u.conn.Close()
	}

	s, results = server(t, websocket.Options{}, func(w http.ResponseWriter) http.ResponseWriter { return stubborn{w} })
	s.Start()
	defer s.Close()
	response, _ = send(t, dial(t, s), request())
	if u := <-results; u.err == nil || response.StatusCode != http.StatusNotImplemented {
		t.Errorf("a writer that cannot be hijacked: %v, %s", u.err, response.Status)
	}
}

func TestHTTP2IsToldToUseHTTP1(t *testing.T) {
	s, results := server(t, websocket.Options{}, nil)
	s.EnableHTTP2 = true
	s.StartTLS()
	defer s.Close()
	response, err := s.Client().Get(s.URL)
	if err != nil {
		t.Fatal(err)
	}
	response.Body.Close()
	if u := <-results; u.err == nil || response.ProtoMajor != 2 || response.StatusCode != http.StatusHTTPVersionNotSupported {
		t.Errorf("%s: %v, %s", response.Proto, u.err, response.Status)
	}
}

// What a client sends behind its request is not lost, over TCP as over TLS.
func TestEarlyFramesArrive(t *testing.T) {
	sent := join(frame(fin|text, "early"), frame(fin|text, strings.Repeat("x", 1000)), frame(fin|ping, ""))
	for _, secure := range []bool{false, true} {
		s, results := server(t, websocket.Options{}, nil)
		var conn net.Conn
		if secure {
			s.StartTLS()
			conn = tls.Client(dial(t, s), &tls.Config{InsecureSkipVerify: true})
		} else {
			s.Start()
			conn = dial(t, s)
		}
		if response, _ := send(t, conn, request()+string(sent)); response.StatusCode != http.StatusSwitchingProtocols {
			t.Fatal(response.Status)
		}
		u := <-results
		if u.err != nil {
			t.Fatal(u.err)
		}
		got := bytes.Clone(u.early)
		if cap(u.early) > 2*len(u.early) {
			t.Errorf("early has %d bytes in %d: is it the server's buffer?", len(u.early), cap(u.early))
		}
		if err := u.conn.SetReadDeadline(time.Now().Add(patience)); err != nil {
			t.Fatal(err)
		}
		for len(got) < len(sent) {
			b := make([]byte, len(sent))
			n, err := u.conn.Read(b)
			if err != nil {
				t.Fatal(err)
			}
			got = append(got, b[:n]...)
		}
		if !bytes.Equal(got, sent) {
			t.Errorf("TLS %v: %d bytes arrived of %d", secure, len(got), len(sent))
		}
		u.conn.Close()
		s.Close()
	}
}
