package engine

import (
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
)

// recorder is the application under the fuzz tests: it checks that sessions keep
// to the contract.
type recorder struct {
	t      testing.TB
	inside bool
	closed int
}

func (r *recorder) Opened(*Conn) Receiver { return r }

func (r *recorder) Message(data []byte, binary bool) error {
	if r.inside || r.closed > 0 {
		r.t.Error("a message within another call, or after the end")
	}
	r.inside = true
	defer func() { r.inside = false }()
	if !binary && strings.HasPrefix(string(data), "refuse") {
		return io.ErrUnexpectedEOF
	}
	return nil
}

func (r *recorder) Closed(Reason) {
	if r.inside || r.closed > 0 {
		r.t.Error("closed within another call, or twice")
	}
	r.closed++
}

// each gives every session a recorder of its own.
type each struct{ t testing.TB }

func (e each) Opened(*Conn) Receiver { return &recorder{t: e.t} }

// FuzzRequest sends any first request.
func FuzzRequest(f *testing.F) {
	f.Add("GET", "EIO=4&transport=polling", "", "", "")
	f.Add("GET", "EIO=4&transport=websocket", "websocket", "https://a.example", "")
	f.Add("POST", "EIO=4&transport=polling&sid=AAAAAAAAAAAAAAAAAAAA", "", "", "4hello")
	f.Add("OPTIONS", "EIO=4;transport=polling", "", "https://b.example", "")
	f.Fuzz(func(t *testing.T, method, query, upgrade, origin, body string) {
		s := NewServer(each{t}, nil, nil, Options{Origins: []string{"https://a.example"}})
		defer func() { _ = s.Close() }()
		r := httptest.NewRequest("GET", "/engine.io/", strings.NewReader(body))
		r.Method, r.URL.RawQuery = method, query
		r.Header.Set("Upgrade", upgrade)
		r.Header.Set("Connection", "Upgrade")
		if origin != "" {
			r.Header.Set("Origin", origin)
		}
		w := httptest.NewRecorder()
		s.ServeHTTP(w, r)
		opened := s.Connections()
		if (w.Code == http.StatusOK) != (opened == 1) {
			t.Fatalf("HTTP %d and %d new sessions", w.Code, opened)
		}
		if origin != "" && origin != "https://a.example" && w.Code != http.StatusForbidden {
			t.Fatalf("origin %q got HTTP %d", origin, w.Code)
		}
	})
}

// FuzzWebSocket feeds a session, or a candidate, with any bytes in any pieces.
func FuzzWebSocket(f *testing.F) {
	masked := func(first byte, payload string) string {
		b := []byte{first, 0x80 | byte(len(payload)), 0, 0, 0, 0}
		return string(b) + payload
	}
	f.Add(masked(0x81, "4hello")+masked(0x82, "\x01")+masked(0x89, "ping")+masked(0x88, "\x03\xe8"), byte(3), true)
	f.Add(masked(0x81, "2probe")+masked(0x81, "5")+masked(0x81, "4hello")+masked(0x81, "3")+masked(0x81, "1"), byte(0), false)
	f.Add(masked(0x01, "4re")+masked(0x80, "fuse"), byte(1), true)
	f.Fuzz(func(t *testing.T, input string, piece byte, direct bool) {
		r := &recorder{t: t}
		s := NewServer(r, nil, nil, Options{MaxPayload: 1000})
		w := httptest.NewRecorder()
		c := s.newConn(w, httptest.NewRequest("GET", "/", nil), s.options.Load())
		here, there := net.Pipe()
		go func() { _, _ = io.Copy(io.Discard, there); _ = there.Close() }()
		k := newSocket(c, here, false)
		c.receiver = r
		c.mu.Lock()
		if direct {
			k.attached = true
			c.ws = k
		} else {
			c.polling = newPolling(c)
			c.polling.candidate = k
			k.limit = untilDue
			s.guest()
		}
		c.mu.Unlock()
		s.metrics.opened(transportPolling)
		for b := []byte(input); len(b) > 0; {
			n := min(len(b), int(piece)+1)
			if err := k.receive(b[:n]); err != nil {
				break
			}
			b = b[n:]
		}
		k.finish(io.EOF)
		if err := s.Close(); err != nil || r.closed != 1 || s.Connections() != 0 {
			t.Fatalf("closed %d times, %d sessions are left, %v", r.closed, s.Connections(), err)
		}
	})
}

// FuzzPost posts any bodies to one session, in order.
func FuzzPost(f *testing.F) {
	f.Add("4hello\x1ebAQID|3|1", "text/plain")
	f.Add("4refuse", "application/octet-stream")
	f.Add("2probe|5|6||4", "")
	f.Fuzz(func(t *testing.T, bodies, contentType string) {
		r := &recorder{t: t}
		s := NewServer(r, nil, nil, Options{MaxPayload: 1000})
		s.pauses.probed = 0
		w := httptest.NewRecorder()
		s.ServeHTTP(w, httptest.NewRequest("GET", "/?EIO=4&transport=polling", nil))
		c := s.all()[0]
		for body := range strings.SplitSeq(bodies, "|") {
			req := httptest.NewRequest("POST", "/", strings.NewReader(body))
			req.Header.Set("Content-Type", contentType)
			w := httptest.NewRecorder()
			c.post(w, req)
			if w.Code == http.StatusOK && w.Body.String() != "ok" {
				t.Fatalf("a body is answered with %q", w.Body)
			}
		}
		if err := s.Close(); err != nil || r.closed != 1 {
			t.Fatalf("closed %d times, %v", r.closed, err)
		}
	})
}
