package socket_test

import (
	"encoding/json"
	"log/slog"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/yizhan-im/yizhan/appliance/weblink/engine"
	"github.com/yizhan-im/yizhan/appliance/weblink/socket/internal/echo"
)

// These tests check what the published suites of both protocols check, with a raw
// client and without their dependence on a quick machine. Where a suite sleeps or
// hopes for an order, these wait or try again.

// site is a server that echoes, as the suites want it.
type site struct {
	servers        *echo.Servers
	engine, socket string // URLs without a query
}

func newSite(tb testing.TB, o engine.Options) site {
	servers := echo.New(slog.New(slog.DiscardHandler), o)
	tb.Cleanup(func() { _ = servers.Close() })
	url := serve(tb, servers)
	return site{servers, url + echo.EnginePath, url + echo.SocketPath}
}

const pollingQuery = "?EIO=4&transport=polling"

// openPolling opens a session and returns the URL of its requests.
func openPolling(tb testing.TB, url string) (polled, sid string) {
	tb.Helper()
	status, m := get(tb, url+pollingQuery)
	if status != http.StatusOK {
		tb.Fatalf("opening a session: %d %s", status, m)
	}
	sid = sidOf(tb, m)
	return url + pollingQuery + "&sid=" + sid, sid
}

func expectStatus(tb testing.TB, method, url string, want int) {
	tb.Helper()
	if status, body := request(tb, method, url, ""); status != want {
		tb.Errorf("%s %s: %d %q; want %d", method, url, status, body, want)
	}
}

func expectPoll(tb testing.TB, url, want string) {
	tb.Helper()
	if status, body := get(tb, url); status != http.StatusOK || body != want {
		tb.Fatalf("the poll: %d %q; want %q", status, body, want)
	}
}

func expectPost(tb testing.TB, url, body string) {
	tb.Helper()
	if status, answer := post(tb, url, body); status != http.StatusOK || answer != "ok" {
		tb.Fatalf("posting %q: %d %q", body, status, answer)
	}
}

// onBothPaths runs a check that both suites have.
func onBothPaths(t *testing.T, o engine.Options, check func(t *testing.T, s site, url string)) {
	s := newSite(t, o)
	t.Run("engine", func(t *testing.T) { check(t, s, s.engine) })
	t.Run("socket", func(t *testing.T) { check(t, s, s.socket) })
}

func TestConformanceHandshake(t *testing.T) {
	o := engine.Options{PingInterval: 300 * time.Millisecond, PingTimeout: 200 * time.Millisecond, MaxPayload: 1_000_000}
	onBothPaths(t, o, func(t *testing.T, _ site, url string) {
		status, polled := get(t, url+pollingQuery)
		if status != http.StatusOK {
			t.Errorf("opening by polling: %d", status)
		}
		for m, upgrades := range map[string][]string{polled: {"websocket"}, dial(t, url, "").text(): {}} {
			var all map[string]any
			var got struct {
				Upgrades                              []string
				PingInterval, PingTimeout, MaxPayload int
			}
			sidOf(t, m)
			if err := json.Unmarshal([]byte(m[1:]), &all); err != nil || len(all) != 5 {
				t.Errorf("%s: %v", m, err)
			}
			if err := json.Unmarshal([]byte(m[1:]), &got); err != nil || !slices.Equal(got.Upgrades, upgrades) || got.Upgrades == nil ||
				got.PingInterval != 300 || got.PingTimeout != 200 || got.MaxPayload != 1_000_000 {
				t.Errorf("%s: %v", m, err)
			}
		}
		for _, query := range []string{"?transport=", "?EIO=abc&transport="} {
			expectStatus(t, http.MethodGet, url+query+"polling", http.StatusBadRequest)
			if _, err := tryDial(t, "ws"+strings.TrimPrefix(url, "http")+query+"websocket"); err == nil {
				t.Errorf("%s opened a WebSocket", query)
			}
		}
		for _, query := range []string{"?EIO=4", "?EIO=4&transport=abc"} {
			expectStatus(t, http.MethodGet, url+query, http.StatusBadRequest)
			if _, err := tryDial(t, "ws"+strings.TrimPrefix(url, "http")+query); err == nil {
				t.Errorf("%s opened a WebSocket", query)
			}
		}
		expectStatus(t, http.MethodPost, url+pollingQuery, http.StatusBadRequest)
		expectStatus(t, http.MethodPut, url+pollingQuery, http.StatusBadRequest)
	})
}

func TestConformanceHeartbeat(t *testing.T) {
	onBothPaths(t, engine.Options{PingInterval: 50 * time.Millisecond}, func(t *testing.T, _ site, url string) {
		polled, _ := openPolling(t, url)
		for range 3 {
			expectPoll(t, polled, "2")
			expectPost(t, polled, "3")
		}
		c := open(t, url)
		for range 3 {
			c.expect("2")
			c.send("3")
		}
	})
}

func TestConformancePingTimeout(t *testing.T) {
	o := engine.Options{PingInterval: 20 * time.Millisecond, PingTimeout: 20 * time.Millisecond}
	onBothPaths(t, o, func(t *testing.T, s site, url string) {
		polled, _ := openPolling(t, url)
		for deadline := time.Now().Add(patience); s.servers.Engine.Connections()+s.servers.Socket.Connections() > 0; {
			if time.Now().After(deadline) {
				t.Fatal("the session did not end")
			}
			time.Sleep(time.Millisecond)
		}
		expectStatus(t, http.MethodGet, polled, http.StatusBadRequest)
		dial(t, url, "").ended()
	})
}

func TestConformanceClose(t *testing.T) {
	onBothPaths(t, engine.Options{}, func(t *testing.T, _ site, url string) {
		for polled, waited := "", false; !waited; { // until the poll came first
			polled, _ = openPolling(t, url)
			answers := make(chan response, 1)
			go func() { answers <- do(http.MethodGet, polled, "") }()
			expectPost(t, polled, "1")
			switch a := next(t, answers); {
			case a.status == http.StatusOK && a.body == "6":
				waited = true
			case a.status != http.StatusBadRequest:
				t.Fatalf("the poll that waited: %d %q %v", a.status, a.body, a.err)
			}
			expectStatus(t, http.MethodGet, polled, http.StatusBadRequest)
		}
		c := open(t, url)
		c.send("1")
		c.ended()
	})
}

func TestConformanceUpgrade(t *testing.T) {
	onBothPaths(t, engine.Options{}, func(t *testing.T, _ site, url string) {
		polled, sid := openPolling(t, url)
		c := dial(t, url, "&sid="+sid)
		c.send("2probe")
		c.expect("3probe")
		expectPoll(t, polled, "6")
		c.send("5")
		c.send("40") // a message here, CONNECT there
		if m := c.text(); !strings.HasPrefix(m, "40") {
			t.Fatal(m)
		}
		expectStatus(t, http.MethodGet, polled, http.StatusBadRequest)
		if second, err := tryDial(t, "ws"+strings.TrimPrefix(url, "http")+"?EIO=4&transport=websocket&sid="+sid); err == nil {
			second.ended()
		}
		if !strings.HasSuffix(url, echo.SocketPath) {
			return
		}
		c.send(`42["message",1]`) // the session has not noticed
		c.expect(`42["auth",{}]`, `42["message-back",1]`)
	})
}

func TestConformancePolledMessages(t *testing.T) {
	s := newSite(t, engine.Options{})
	for _, payload := range []string{"4hello", "4test1\x1e4test2\x1e4test3", "4hello\x1ebAQIDBA=="} {
		polled, _ := openPolling(t, s.engine)
		expectPost(t, polled, payload)
		expectPoll(t, polled, payload)
	}
	polled, _ := openPolling(t, s.engine)
	if status, _ := post(t, polled, "abc"); status != http.StatusBadRequest {
		t.Errorf("an invalid packet: %d", status)
	}
	expectStatus(t, http.MethodGet, polled, http.StatusBadRequest)
}

func TestConformanceTwoPollsAtOnce(t *testing.T) {
	s := newSite(t, engine.Options{})
	polled, _ := openPolling(t, s.engine)
	answers := make(chan response, 2)
	for range 2 {
		go func() { answers <- do(http.MethodGet, polled, "") }()
	}
	a, b := next(t, answers), next(t, answers)
	if a.status == http.StatusOK {
		a, b = b, a
	}
	if a.status != http.StatusBadRequest || b.status != http.StatusOK || b.body != "1" {
		t.Errorf("%d %q and %d %q", a.status, a.body, b.status, b.body)
	}
	expectStatus(t, http.MethodGet, polled, http.StatusBadRequest)
}

func TestConformanceMessages(t *testing.T) {
	s := newSite(t, engine.Options{})
	c := open(t, s.engine)
	c.send("4hello")
	c.expect("4hello")
	c.sendBinary(1, 2, 3, 4)
	c.expect("[1 2 3 4]")
	c.send("abc")
	c.ended()
}
