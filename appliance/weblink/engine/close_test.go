package engine_test

import (
	"net"
	"net/netip"
	"testing"

	"github.com/yizhan-im/yizhan/appliance/weblink/engine"
)

func addrOf(c net.Conn) netip.AddrPort { return c.LocalAddr().(*net.TCPAddr).AddrPort() }

func TestTheServerClosesAWebSocketInOrder(t *testing.T) {
	both(t, func(t *testing.T, secure bool) {
		n := serve(t, newApp(), engine.Options{})
		n.Unhurry()
		c, p := n.session(t, secure)
		p.Send(engine.Message([]byte("queued"), false))
		p.Close(engine.Message([]byte("last"), false))
		p.Send(engine.Message([]byte("too late"), false))
		c.text("4dropped")
		c.want("4queued", "4last", "1")
		if op, data := c.read(); op != opClose || data[:2] != "\x03\xe8" {
			t.Fatalf("read %d %q, want a close frame with 1000", op, data)
		}
		c.write(frameOf(opClose, true, "\x03\xe8")) // ends the handshake of RFC 6455 §7.1.2
		p.wantClosed(t, engine.ReasonServer)
		if len(p.received) != 0 {
			t.Errorf("%q was received by a session that is closing", <-p.received)
		}
	})
}

func TestAClientThatDoesNotCloseItsEndIsLeft(t *testing.T) {
	both(t, func(t *testing.T, secure bool) {
		n := serve(t, newApp(), engine.Options{})
		c, p := n.session(t, secure)
		p.Close()
		p.wantClosed(t, engine.ReasonServer)
		if before := c.wantClose(1000); len(before) != 1 || before[0] != "1" {
			t.Errorf("%q came before the close frame", before)
		}
	})
}

func TestTheClientClosesAWebSocket(t *testing.T) {
	both(t, func(t *testing.T, secure bool) {
		n := serve(t, newApp(), engine.Options{})
		for name, c := range map[string]struct {
			input  []byte
			status uint16
		}{
			"a close frame":                   {frameOf(opClose, true, "\x03\xe9going away"), 1001},
			"a close frame of an application": {frameOf(opClose, true, "\x0f\xa0"), 4000},
			"an empty close frame":            {frameOf(opClose, true, ""), 0},
			"a close packet":                  {frameOf(opText, true, "1"), 1000},
		} {
			client, p := n.session(t, secure)
			client.text("4before")
			client.write(append(c.input, frameOf(opText, true, "4behind")...))
			if before := client.wantClose(c.status); len(before) != 0 {
				t.Errorf("%s: %q came before the close frame", name, before)
			}
			p.wantReceived(t, "before")
			p.wantClosed(t, engine.ReasonClient)
			if len(p.received) != 0 {
				t.Errorf("%s: %q was received", name, <-p.received)
			}
		}
	})
}

func TestASessionMayBeClosedWithinItsHandler(t *testing.T) {
	last := engine.Message([]byte("last"), false)
	a := newApp()
	a.onMessage = func(p *peer, _ string) { p.Close(last) }
	n := serve(t, a, engine.Options{})
	c, p := n.session(t, false)
	c.text("4one", "4two")
	c.want("4last", "1")
	c.wantClose(1000)
	p.wantReceived(t, "one")
	p.wantClosed(t, engine.ReasonServer)
	if len(p.received) != 0 {
		t.Errorf("%q was received after the close", <-p.received)
	}
	n.Unhurry()
	poll, p := n.polling(t, false)
	poll.wantTaken("4one\x1e4two")
	poll.want("4last")
	poll.want("1")
	p.wantClosed(t, engine.ReasonServer)

	a.onOpened = func(p *peer) { p.Close(last) }
	n.Hurry()
	c, p = n.session(t, false)
	c.want("4last", "1")
	c.wantClose(1000)
	p.wantClosed(t, engine.ReasonServer)
	n.Unhurry()
	poll, p = n.polling(t, false)
	poll.want("4last")
	poll.want("1")
	p.wantClosed(t, engine.ReasonServer)
}

func TestFailureIsTold(t *testing.T) {
	n := serve(t, newApp(), engine.Options{})
	for reason, status := range map[engine.Reason]uint16{engine.ReasonParse: 1002, engine.ReasonFlood: 1008, engine.ReasonSlow: 1013, engine.ReasonShutdown: 1001} {
		c, p := n.session(t, false)
		p.Fail(reason)
		c.wantClose(status)
		p.wantClosed(t, reason)
		n.wantCount(t, "closes_total", reason.String(), 1)
	}
	if got := engine.Reason(99).String(); got != "reason_99" {
		t.Errorf("an unknown reason is called %q", got)
	}
}

func TestCloseEndsEverySession(t *testing.T) {
	n := serve(t, newApp(), engine.Options{})
	c, p := n.session(t, false)
	s, q := n.session(t, true)
	waiting, r := n.polling(t, false)
	got := waiting.later()
	idle, i := n.polling(t, false)
	upgrading, u := n.polling(t, false)
	candidate := n.websocket(t, false, "EIO=4&transport=websocket&sid="+upgrading.sid, "", "")
	candidate.text("2probe")
	candidate.want("3probe")
	if err := n.Server.Close(); err != nil {
		t.Fatal(err)
	}
	for _, each := range []*peer{p, q, r, i, u} {
		each.wantClosed(t, engine.ReasonShutdown)
	}
	c.wantClose(1001)
	s.wantClose(1001)
	waiting.wantAnswer(got, "1")
	idle.wantGone()
	candidate.wantClose(1001)
	if status, _, _ := n.request(t, false, "GET", "EIO=4&transport=polling", ""); status != 503 {
		t.Errorf("a session after Close: HTTP %d", status)
	}
}
