package engine_test

import (
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/yizhan-im/yizhan/appliance/weblink/engine"
)

func TestWebSocketHeartbeat(t *testing.T) {
	both(t, func(t *testing.T, secure bool) {
		// Longer than pauses.quiet: the pings come from a parked session.
		n := serve(t, newApp(), engine.Options{PingInterval: 250 * time.Millisecond, PingTimeout: 10 * time.Second})
		c, p := n.session(t, secure)
		for range 3 {
			c.want("2")
			c.text("3")
		}
		c.want("2")
		c.text("4alive", "3")
		p.wantReceived(t, "alive")
	})
}

func TestAWebSocketThatDoesNotAnswerPingsIsClosed(t *testing.T) {
	both(t, func(t *testing.T, secure bool) {
		n := serve(t, newApp(), engine.Options{PingInterval: 50 * time.Millisecond, PingTimeout: 200 * time.Millisecond})
		c, p := n.session(t, secure)
		c.want("2")
		c.text("4a message is no pong")
		c.want("1")
		c.wantClose(1008)
		p.wantClosed(t, engine.ReasonPing)
	})
}

func TestASessionThatIsNotEstablishedInTimeIsClosed(t *testing.T) {
	a := newApp()
	a.anonymous = true
	n := serve(t, a, engine.Options{OpenTimeout: 150 * time.Millisecond})
	both(t, func(t *testing.T, secure bool) {
		c, p := n.session(t, secure)
		c.text("4hello")
		c.want("1")
		c.wantClose(1008)
		p.wantClosed(t, engine.ReasonOpenTimeout)
	})
	c, p := n.polling(t, false)
	p.wantClosed(t, engine.ReasonOpenTimeout)
	c.wantGone()
}

func TestAPollingSessionThatIsNotEstablishedInTimeIsClosed(t *testing.T) {
	a := newApp()
	a.anonymous = true
	inBubble(t, a, engine.Options{}, func(b *bubble, p *peer) {
		start := time.Now()
		b.want("1")
		if took := time.Since(start); took != 10*time.Second {
			t.Errorf("closed after %v, want 10 s", took)
		}
		p.wantClosed(t, engine.ReasonOpenTimeout)
	})
	inBubble(t, a, engine.Options{}, func(b *bubble, p *peer) {
		time.Sleep(9 * time.Second)
		p.Established()
		b.want("2")
	})
}

// The heartbeat goes on where polling left it.
func TestHeartbeatOverAnUpgrade(t *testing.T) {
	n := serve(t, newApp(), engine.Options{PingInterval: 200 * time.Millisecond, PingTimeout: 10 * time.Second})
	c, _ := n.polling(t, false)
	c.want("2")
	ws := c.candidate(t)
	ws.text("2probe", "5", "3")
	ws.want("3probe", "2")
	ws.text("3")
	ws.want("2")
}

// bubble is a polling session that is served without sockets, on a clock that
// jumps.
type bubble struct {
	*engine.Server
	t   *testing.T
	sid string
}

func inBubble(t *testing.T, a *app, o engine.Options, run func(b *bubble, p *peer)) {
	synctest.Test(t, func(t *testing.T) {
		b := &bubble{Server: engine.NewServer(a, nil, nil, o), t: t}
		defer func() { _ = b.Close() }()
		a.opened = make(chan *peer, 1)
		body := b.do("GET", "")
		_, rest, _ := strings.Cut(body, `"sid":"`)
		b.sid, _, _ = strings.Cut(rest, `"`)
		run(b, <-a.opened)
	})
}

func (b *bubble) do(method, body string) string {
	b.t.Helper()
	url := "/?EIO=4&transport=polling"
	if b.sid != "" {
		url += "&sid=" + b.sid
	}
	w := httptest.NewRecorder()
	b.ServeHTTP(w, httptest.NewRequest(method, url, strings.NewReader(body)))
	if w.Code != http.StatusOK {
		return http.StatusText(w.Code)
	}
	return w.Body.String()
}

func (b *bubble) want(payload string) {
	b.t.Helper()
	if got := b.do("GET", ""); got != payload {
		b.t.Fatalf("polled %q, want %q", got, payload)
	}
}

func TestPollingHeartbeat(t *testing.T) {
	inBubble(t, newApp(), engine.Options{}, func(b *bubble, p *peer) {
		for range 3 {
			start := time.Now()
			b.want("2")
			if took := time.Since(start); took != 25*time.Second {
				t.Errorf("the ping came after %v, want 25 s after handshake or pong", took)
			}
			time.Sleep(19 * time.Second)
			if got := b.do("POST", "3"); got != "ok" {
				t.Fatalf("the pong is answered with %q", got)
			}
		}
		b.want("2")
		start := time.Now()
		b.want("1")
		if took := time.Since(start); took != 20*time.Second {
			t.Errorf("the session ended %v after the ping, want 20 s", took)
		}
		p.wantClosed(t, engine.ReasonPing)
		b.want("Bad Request")
	})
}

func TestAPollingClientThatIsGoneIsFound(t *testing.T) {
	inBubble(t, newApp(), engine.Options{}, func(b *bubble, p *peer) {
		start := time.Now()
		if reason := <-p.closed; reason != engine.ReasonPing {
			t.Errorf("ended for %v", reason)
		}
		if took := time.Since(start); took != 45*time.Second {
			t.Errorf("ended after %v, want 45 s", took)
		}
	})
}

func TestAPongThatWasNotAskedForChangesNothing(t *testing.T) {
	inBubble(t, newApp(), engine.Options{}, func(b *bubble, p *peer) {
		start := time.Now()
		time.Sleep(10 * time.Second)
		b.do("POST", "3")
		b.want("2")
		if took := time.Since(start); took != 25*time.Second {
			t.Errorf("the ping came after %v, want 25 s", took)
		}
		// Of a timeout longer than the interval, the next ping is not late.
	})
	inBubble(t, newApp(), engine.Options{PingInterval: time.Second, PingTimeout: time.Minute}, func(b *bubble, p *peer) {
		b.want("2")
		b.do("POST", "3")
		start := time.Now()
		b.want("2")
		if took := time.Since(start); took != time.Second {
			t.Errorf("the ping came %v after the pong, want 1 s", took)
		}
	})
}

func TestTheEndOfAPollingSessionWaitsForAPoll(t *testing.T) {
	inBubble(t, newApp(), engine.Options{}, func(b *bubble, p *peer) {
		start := time.Now()
		p.Close(engine.Message([]byte("last"), false))
		if reason := <-p.closed; reason != engine.ReasonServer {
			t.Errorf("ended for %v", reason)
		}
		if took := time.Since(start); took != 2*time.Second {
			t.Errorf("the end waited %v for a poll, want 2 s", took)
		}
	})
}
