package engine_test

import (
	"net/http"
	"regexp"
	"testing"
	"time"

	"github.com/yizhan-im/yizhan/appliance/weblink/engine"
	"github.com/yizhan-im/yizhan/appliance/weblink/engineio"
)

func TestRequestsThatOpenNoSessionAreRefusedAsByTheReference(t *testing.T) {
	n := serve(t, newApp(), engine.Options{})
	for _, c := range []struct {
		name, method, query string
		code                string
	}{
		{"no transport", "GET", "EIO=4", "0"},
		{"an unknown transport", "GET", "EIO=4&transport=webtransport", "0"},
		{"an unknown sid", "GET", "EIO=4&transport=polling&sid=AAAAAAAAAAAAAAAAAAAA", "1"},
		{"an unknown sid to post to", "POST", "EIO=4&transport=polling&sid=AAAAAAAAAAAAAAAAAAAA", "1"},
		{"an unknown sid to upgrade", "GET", "EIO=4&transport=websocket&sid=AAAAAAAAAAAAAAAAAAAA", "1"},
		{"a sid that is none", "GET", "EIO=4&transport=polling&sid=%00", "1"},
		{"a handshake by POST", "POST", "EIO=4&transport=polling", "2"},
		{"a handshake by PUT", "PUT", "EIO=4&transport=polling", "2"},
		{"a WebSocket handshake without Upgrade", "GET", "EIO=4&transport=websocket", "3"},
		{"a malformed query", "GET", "EIO=4&transport=polling&x=%zz", "3"},
		{"no version", "GET", "transport=polling", "5"},
		{"an old version", "GET", "EIO=3&transport=polling", "5"},
		{"a version that is none", "GET", "EIO=abc&transport=polling", "5"},
	} {
		status, body, h := n.request(t, false, c.method, c.query, "")
		wantError(t, c.name, status, body, http.StatusBadRequest, c.code)
		if got := h.Get("Content-Type"); got != "application/json" {
			t.Errorf("%s: answered as %q", c.name, got)
		}
	}
	if got := n.Connections(); got != 0 {
		t.Errorf("%d sessions were opened", got)
	}
}

func TestHandshake(t *testing.T) {
	n := serve(t, newApp(), engine.Options{PingInterval: 30 * time.Second, PingTimeout: 5 * time.Second, MaxPayload: 1 << 20})
	want := engineio.Handshake{PingInterval: 30 * time.Second, PingTimeout: 5 * time.Second, MaxPayload: 1 << 20}
	check := func(h engineio.Handshake, upgrades int) {
		t.Helper()
		if !regexp.MustCompile(`^[A-Za-z0-9_-]{20}$`).MatchString(h.SID) {
			t.Errorf("sid %q", h.SID)
		}
		if len(h.Upgrades) != upgrades || h.PingInterval != want.PingInterval || h.PingTimeout != want.PingTimeout || h.MaxPayload != want.MaxPayload {
			t.Errorf("handshake %+v", h)
		}
	}
	status, body, header := n.request(t, false, "GET", "EIO=4&transport=polling", "")
	if status != http.StatusOK || body[0] != '0' {
		t.Fatalf("HTTP %d %q", status, body)
	}
	h, err := engineio.ParseHandshake([]byte(body[1:]))
	if err != nil {
		t.Fatal(err)
	}
	check(h, 1)
	for name, want := range map[string]string{"Content-Type": "text/plain; charset=UTF-8", "Cache-Control": "no-store", "X-Content-Type-Options": "nosniff", "Access-Control-Allow-Origin": "*", "Access-Control-Allow-Credentials": ""} {
		if got := header.Get(name); got != want {
			t.Errorf("%s: %q, want %q", name, got, want)
		}
	}
	for _, secure := range []bool{false, true} {
		c := n.websocket(t, secure, "EIO=4&transport=websocket", "", "")
		check(c.wantOpen(), 0)
	}
	if got := n.Connections(); got != 3 {
		t.Errorf("%d sessions are open, want 3", got)
	}
	if got := n.Named(); got != 1 {
		t.Errorf("%d sessions can be found by their sid, want the polling one alone", got)
	}
}

func TestPollAndPostHeaders(t *testing.T) {
	a := newApp()
	a.echo = true
	n := serve(t, a, engine.Options{})
	c, _ := n.polling(t, false)
	for _, method := range []string{"POST", "GET"} {
		_, _, h := n.request(t, false, method, c.query, "4hello")
		if got := h.Get("Content-Type"); got != "text/plain; charset=UTF-8" {
			t.Errorf("%s is answered as %q", method, got)
		}
		if got := h.Get("Cache-Control"); got != "no-store" {
			t.Errorf("%s may be cached: %q", method, got)
		}
	}
	status, body, _ := n.request(t, false, "DELETE", c.query, "")
	wantError(t, "DELETE", status, body, http.StatusBadRequest, "3")
}

func TestOriginsThatAreNotListedAreRefused(t *testing.T) {
	n := serve(t, newApp(), engine.Options{Origins: []string{"https://chat.example", "https://other.example:8443"}})
	const open = "EIO=4&transport=polling"
	for _, c := range []struct {
		origin  string
		allowed bool
	}{
		{"https://chat.example", true},
		{"https://other.example:8443", true},
		{"", true}, // not a browser
		{"https://chat.example:8443", false},
		{"http://chat.example", false},
		{"https://chat.example.evil.example", false},
		{"null", false},
		{"*", false},
	} {
		var header []string
		socketHeader := ""
		if c.origin != "" {
			header = []string{"Origin", c.origin}
			socketHeader = "Origin: " + c.origin + "\r\n"
		}
		status, body, h := n.request(t, false, "GET", open, "", header...)
		ws := &wsClient{Conn: n.dial(t, false), t: t}
		err := ws.handshake("EIO=4&transport=websocket", socketHeader, "")
		if h.Get("Vary") != "Origin" {
			t.Errorf("%q: Vary is %q", c.origin, h.Get("Vary"))
		}
		if c.allowed {
			if status != http.StatusOK || h.Get("Access-Control-Allow-Origin") != c.origin || err != nil {
				t.Errorf("%q: HTTP %d, allowed %q, WebSocket %v", c.origin, status, h.Get("Access-Control-Allow-Origin"), err)
			}
			continue
		}
		wantError(t, c.origin, status, body, http.StatusForbidden, "4")
		if h.Get("Access-Control-Allow-Origin") != "" || err == nil {
			t.Errorf("%q: allowed %q, WebSocket %v", c.origin, h.Get("Access-Control-Allow-Origin"), err)
		}
		status, _, _ = n.request(t, false, "OPTIONS", open, "", header...)
		if status != http.StatusForbidden {
			t.Errorf("%q: preflight is answered with HTTP %d", c.origin, status)
		}
	}
}

func TestPreflight(t *testing.T) {
	n := serve(t, newApp(), engine.Options{})
	status, _, h := n.request(t, false, "OPTIONS", "EIO=4&transport=polling", "", "Origin", "https://a.example", "Access-Control-Request-Method", "POST", "Access-Control-Request-Headers", "content-type")
	if status != http.StatusNoContent || h.Get("Access-Control-Allow-Origin") != "*" || h.Get("Access-Control-Allow-Methods") != "GET, POST" || h.Get("Access-Control-Allow-Headers") != "content-type" {
		t.Errorf("HTTP %d %v", status, h)
	}
}

func TestAForgedSIDTouchesNobody(t *testing.T) {
	a := newApp()
	a.echo = true
	n := serve(t, a, engine.Options{})
	c, p := n.polling(t, false)
	waiting := c.later()
	forged := []byte(c.sid)
	forged[3] ^= 1
	for _, method := range []string{"GET", "POST"} {
		status, body, _ := n.request(t, false, method, "EIO=4&transport=polling&sid="+string(forged), "4hello")
		wantError(t, method, status, body, http.StatusBadRequest, "1")
	}
	ws := &wsClient{Conn: n.dial(t, false), t: t}
	if err := ws.handshake("EIO=4&transport=websocket&sid="+string(forged), "", ""); err == nil {
		t.Error("a WebSocket was opened for a forged sid")
	}
	c.wantTaken("4still here")
	c.wantAnswer(waiting, "4still here")
	p.wantReceived(t, "still here")
}

func TestMoreSessionsThanAllowedAreRefused(t *testing.T) {
	n := serve(t, newApp(), engine.Options{MaxConnections: 2})
	c, p := n.session(t, false)
	n.polling(t, false)
	refused := func() {
		t.Helper()
		status, _, h := n.request(t, false, "GET", "EIO=4&transport=polling", "")
		if status != http.StatusServiceUnavailable || h.Get("Retry-After") == "" {
			t.Errorf("HTTP %d, Retry-After %q", status, h.Get("Retry-After"))
		}
		ws := &wsClient{Conn: n.dial(t, false), t: t}
		if err := ws.handshake("EIO=4&transport=websocket", "", ""); err == nil {
			t.Error("a WebSocket was opened")
		}
	}
	refused()
	n.wantCount(t, "opens_total", "full", 2)
	_ = c.Close()
	p.wantClosed(t, engine.ReasonTransport)
	eventually(t, func() bool { return n.Connections() == 1 }, func() { t.Error("the session is still counted") })
	n.session(t, false)
	n.StopAccepting()
	refused()
	n.wantCount(t, "opens_total", "stopping", 2)
}

func TestOptionsHoldForNewSessions(t *testing.T) {
	n := serve(t, newApp(), engine.Options{MaxPayload: 1000})
	old, p := n.session(t, false)
	n.SetOptions(engine.Options{MaxPayload: 10})
	young, q := n.session(t, false)
	old.text("4" + string(make([]byte, 500)))
	young.text("4" + string(make([]byte, 500)))
	young.wantClose(1009)
	q.wantClosed(t, engine.ReasonParse)
	p.wantReceived(t, string(make([]byte, 500)))
}
