package engine_test

import (
	"fmt"
	"net/http"
	"runtime"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/yizhan-im/yizhan/appliance/weblink/engine"
)

// candidate opens a WebSocket for a polling session.
func (c *pollClient) candidate(t testing.TB) *wsClient {
	t.Helper()
	return c.n.websocket(t, c.secure, "EIO=4&transport=websocket&sid="+c.sid, "", "")
}

func (c *pollClient) wantPolling(p *peer) {
	c.t.Helper()
	c.wantTaken("4still polling")
	p.wantReceived(c.t, "still polling")
	p.Send(engine.Message([]byte("still polling"), false))
	c.want("4still polling")
}

func TestUpgrade(t *testing.T) {
	both(t, func(t *testing.T, secure bool) {
		a := newApp()
		a.echo = true
		n := serve(t, a, engine.Options{})
		c, p := n.polling(t, secure)
		waiting := c.later()
		ws := c.candidate(t)
		ws.text("2probe")
		ws.want("3probe")
		c.wantAnswer(waiting, "6")
		c.want("6") // another poll does not wait long
		p.Send(engine.Message([]byte("polled"), false))
		c.want("4polled")
		p.Send(engine.Message([]byte("upgraded"), false))
		ws.text("5", "4hello")
		ws.want("4upgraded", "4hello")
		p.wantReceived(t, "hello")
		c.wantGone()
		if status, _ := c.post("4lost"); status != http.StatusBadRequest {
			t.Errorf("a POST after the upgrade: HTTP %d", status)
		}
		c.candidate(t).wantClose(1008)
		ws.text("4on and on")
		ws.want("4on and on")
		n.wantCount(t, "upgrades_total", "ok", 1)
		n.wantCount(t, "sessions", "websocket", 1)
		n.wantCount(t, "sessions", "polling", 0)
		p.Close()
		ws.want("1")
		ws.wantClose(1000)
		p.wantClosed(t, engine.ReasonServer)
		n.wantCount(t, "sessions", "websocket", 0)
	})
}

// Such as stock clients have one while they probe.
func TestAPollThatWaitsWhenTheUpgradeBeginsGetsANoop(t *testing.T) {
	n := serve(t, newApp(), engine.Options{})
	n.Unhurry()
	c, p := n.polling(t, false)
	waiting := c.later()
	ws := c.candidate(t)
	ws.text("2probe", "5")
	c.wantAnswer(waiting, "6")
	p.Send(engine.Message([]byte("hello"), false))
	ws.want("3probe", "4hello")
}

// No stock client has one when it sends the upgrade packet.
func TestAPollThatComesDuringTheUpgradeIsRefusedByIt(t *testing.T) {
	n := serve(t, newApp(), engine.Options{})
	n.Unhurry()
	c, p := n.polling(t, false)
	ws := c.candidate(t)
	waiting := c.later()
	ws.text("2probe", "5")
	if a := <-waiting; a.err != nil || a.status != http.StatusBadRequest {
		t.Errorf("the poll got HTTP %d %q, %v; want 400", a.status, a.body, a.err)
	}
	p.Send(engine.Message([]byte("hello"), false))
	ws.want("3probe", "4hello")
}

func TestAFailedUpgradeLeavesPollingAsItWas(t *testing.T) {
	both(t, func(t *testing.T, secure bool) {
		n := serve(t, newApp(), engine.Options{MaxPayload: 1000})
		for name, fail := range map[string]func(*wsClient){
			"no probe":          func(ws *wsClient) { ws.text("5"); ws.wantClose(1002) },
			"a message":         func(ws *wsClient) { ws.text("4hello"); ws.wantClose(1002) },
			"another ping":      func(ws *wsClient) { ws.text("2"); ws.wantClose(1002) },
			"two probes":        func(ws *wsClient) { ws.text("2probe", "2probe"); ws.want("3probe"); ws.wantClose(1002) },
			"a malformed frame": func(ws *wsClient) { ws.write([]byte{0x81, 1, '5'}); ws.wantClose(1002) },
			"a long message":    func(ws *wsClient) { ws.text(strings.Repeat("2", 1001)); ws.wantClose(1009) },
			"no upgrade":        func(ws *wsClient) { ws.text("2probe"); ws.wantClose(1008) },
			"silence":           func(ws *wsClient) { ws.wantClose(1008) },
			"a close frame":     func(ws *wsClient) { ws.write(frameOf(opClose, true, "\x03\xe8")); _, _, _ = ws.next() },
			"the end":           func(ws *wsClient) { ws.text("2probe"); _ = ws.Close() },
		} {
			timeout := time.Minute
			if name == "no upgrade" || name == "silence" {
				timeout = 100 * time.Millisecond
			}
			n.SetOptions(engine.Options{MaxPayload: 1000, UpgradeTimeout: timeout})
			c, p := n.polling(t, secure)
			ws := c.candidate(t)
			fail(ws)
			t.Log(name)
			c.wantPolling(p)
			p.Close()
		}
		n.wantCount(t, "upgrades_total", "ok", 0)
		n.wantCount(t, "upgrades_total", "timeout", 2)
		n.SetOptions(engine.Options{})
		eventually(t, func() bool { return n.Candidates() == 0 }, func() { t.Error("candidates are left") })
		c, p := n.polling(t, secure)
		c.candidate(t).text("4hello")
		eventually(t, func() bool { return n.Candidates() == 0 }, func() { t.Error("a candidate is left") })
		ws := c.candidate(t) // and another one succeeds
		ws.text("2probe", "5", "4hello")
		ws.want("3probe")
		p.wantReceived(t, "hello")
	})
}

func TestOnlyOneOfTwoUpgradesIsTaken(t *testing.T) {
	n := serve(t, newApp(), engine.Options{})
	c, p := n.polling(t, false)
	first := c.candidate(t)
	c.candidate(t).wantClose(1008)
	first.text("2probe", "5")
	first.want("3probe")
	p.Send(engine.Message([]byte("for the first"), false))
	first.want("4for the first")
}

func TestAnUpgradeOfASessionThatHasEnded(t *testing.T) {
	n := serve(t, newApp(), engine.Options{})
	c, p := n.polling(t, false)
	ws := c.candidate(t)
	ws.text("2probe")
	ws.want("3probe")
	p.Fail(engine.ReasonParse)
	p.wantClosed(t, engine.ReasonParse)
	ws.wantClose(1001)
}

// A session that is closing is closed over the WebSocket that takes it over.
func TestAnUpgradeOfASessionThatIsClosing(t *testing.T) {
	n := serve(t, newApp(), engine.Options{})
	n.Unhurry()
	c, p := n.polling(t, false)
	ws := c.candidate(t)
	ws.text("2probe")
	ws.want("3probe")
	p.Close(engine.Message([]byte("last"), false))
	ws.text("5", "4dropped")
	ws.want("4last", "1")
	ws.write(frameOf(opClose, true, ""))
	ws.wantClose(1000)
	p.wantClosed(t, engine.ReasonServer)
	if len(p.received) != 0 {
		t.Errorf("%q was received by a session that is closing", <-p.received)
	}
}

// The POST was there first, so its messages are.
func TestAnUpgradeWaitsForThePostThatIsBeingHandled(t *testing.T) {
	reached, release := make(chan struct{}), make(chan struct{})
	a := newApp()
	a.onMessage = func(_ *peer, text string) {
		if text == "first" {
			close(reached)
			<-release
		}
	}
	n := serve(t, a, engine.Options{})
	c, p := n.polling(t, false)
	ws := c.candidate(t)
	ws.text("2probe")
	ws.want("3probe")
	posted := make(chan string, 1)
	go func() { _, body, _, _ := n.try(false, "POST", c.query, "4first\x1e4second"); posted <- body }()
	<-reached
	ws.text("5", "4third")
	close(release)
	p.wantReceived(t, "first", "second", "third")
	if body := <-posted; body != "ok" {
		t.Errorf("the POST was answered with %q", body)
	}
}

func TestAPostThatIsNotThroughWhenTheSessionUpgradesIsRefused(t *testing.T) {
	n := serve(t, newApp(), engine.Options{})
	n.Unhurry()
	c, p := n.polling(t, false)
	conn := slowPost(t, n, c)
	ws := c.candidate(t)
	ws.text("2probe", "5", "4over the WebSocket")
	ws.want("3probe")
	p.wantReceived(t, "over the WebSocket")
	_, _ = conn.Write([]byte(strings.Repeat("x", 96)))
	answer := make([]byte, 12)
	if _, err := conn.Read(answer); err != nil || string(answer) != "HTTP/1.1 400" {
		t.Errorf("the POST is answered with %q, %v", answer, err)
	}
	ws.text("4and on")
	p.wantReceived(t, "and on")
}

// While many sessions upgrade, both sides send and poll without a pause. Each
// message arrives once and in order.
func TestUpgradesLoseNothingUnderLoad(t *testing.T) {
	both(t, func(t *testing.T, secure bool) {
		const sessions, messages = 20, 400
		n := serve(t, newApp(), engine.Options{QueueBytes: 16 << 20})
		var all sync.WaitGroup
		for range sessions {
			c, p := n.polling(t, secure)
			all.Go(func() {
				for i := range messages {
					p.Send(engine.Message(fmt.Append(nil, i), false))
					if i%8 == 0 {
						runtime.Gosched() // so that polls and frames interleave
					}
				}
			})
			all.Go(func() { upgradeUnderLoad(t, c, messages) })
		}
		all.Wait()
		n.wantCount(t, "upgrades_total", "ok", sessions)
	})
}

// upgradeUnderLoad polls, upgrades as the stock client does, and reads on.
func upgradeUnderLoad(t *testing.T, c *pollClient, messages int) {
	next := 0
	take := func(packet string) {
		if packet == "6" {
			return
		}
		if want := fmt.Sprint("4", next); packet != want {
			t.Errorf("message %q, want %q", packet, want)
		}
		next++
	}
	var ws *wsClient
	probed := make(chan struct{})
	for polls := 0; ; polls++ {
		status, body, _, err := c.n.try(c.secure, "GET", c.query, "")
		if err != nil || status != http.StatusOK {
			t.Errorf("poll: HTTP %d %s, %v", status, body, err)
			return
		}
		for packet := range strings.SplitSeq(body, "\x1e") {
			take(packet)
		}
		if polls == 0 {
			ws = c.candidate(t)
			go func() {
				defer close(probed)
				ws.text("2probe")
				ws.want("3probe")
			}()
		}
		select {
		case <-probed: // and no poll is under way
			ws.text("5")
			for next < messages {
				_, packet, err := ws.next()
				if err != nil {
					t.Errorf("after message %d: %v", next, err)
					return
				}
				take(packet)
			}
			return
		default:
		}
	}
}
