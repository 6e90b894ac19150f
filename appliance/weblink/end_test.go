package weblink_test

import (
	"strings"
	"testing"
	"time"

	"github.com/yizhan-im/yizhan/appliance/session"
	"github.com/yizhan-im/yizhan/appliance/weblink"
	"github.com/yizhan-im/yizhan/appliance/weblink/weblinktest"
	"github.com/yizhan-im/yizhan/appliance/wire"
)

func TestWhoIsKickedStaysAway(t *testing.T) {
	for name, o := range map[string]weblinktest.Options{"websocket": {}, "polling": {Polling: true}} {
		t.Run(name, func(t *testing.T) {
			h := newHandler()
			g := start(t, h, weblink.Options{})
			c := g.enterBy(t, "alice", o)
			conn := h.conn(t, "alice")
			conn.Push(messagePush("queued"))
			conn.Close(wire.CodeForbidden, session.NewEvent(wire.PushKicked, &wire.KickedPush{Reason: wire.KickReason_KICK_REASON_SERVER}))
			conn.Push(messagePush("too late"))
			conn.Close(wire.CodeBusy, messagePush("too late"))
			c.next(wire.PushMessage, new(wire.MessagePush))
			var kicked wire.KickedPush
			if c.next(wire.PushKicked, &kicked); kicked.Reason != wire.KickReason_KICK_REASON_SERVER {
				t.Errorf("kicked for %v", kicked.Reason)
			}
			c.wantEnd(true)
			h.wantEnded(t, wire.CodeForbidden)
			g.wantCount(t, "yizhan_weblink_ends_total", "forbidden", 1)
			g.wantCount(t, "yizhan_weblink_logged_in", "", 0)
		})
	}
}

func TestALogoutEndsWithDisconnect(t *testing.T) {
	h := newHandler()
	h.serve = func(s *session.Session, cmd wire.Command, serial uint64, payload []byte) {
		s.Conn().Reply(serial, wire.CodeOK, nil)
		s.Conn().Close(wire.CodeOK, nil)
	}
	g := start(t, h, weblink.Options{})
	c := g.enter(t, "alice")
	c.ok(wire.CmdLogout, nil, nil)
	c.wantEnd(true)
	h.wantEnded(t, wire.CodeOK)
}

func TestOtherEndsLetClientsComeBack(t *testing.T) {
	h := newHandler()
	g := start(t, h, weblink.Options{})
	c := g.enter(t, "alice")
	h.conn(t, "alice").Close(wire.CodeBusy, session.NewEvent(wire.PushClose, &wire.ClosePush{Code: 503, Note: "later"}))
	c.wantClosed(wire.CodeBusy)
	h.wantEnded(t, wire.CodeBusy)

	c = g.enter(t, "bob")
	h.conn(t, "bob").Close(wire.CodeServerError, nil)
	c.wantEnd(false)
	h.wantEnded(t, wire.CodeServerError)
}

func TestHowClientsLeave(t *testing.T) {
	h := newHandler()
	g := start(t, h, weblink.Options{})
	for name, test := range map[string]struct {
		leave  func(c *client) error
		reason wire.Code
	}{
		"DISCONNECT":     {func(c *client) error { return c.SendPacket("1") }, wire.CodeOK},
		"a lost network": {func(c *client) error { c.Close(); return nil }, wire.CodeNetwork},
	} {
		t.Run(name, func(t *testing.T) {
			if err := test.leave(g.enter(t, "alice")); err != nil {
				t.Fatal(err)
			}
			h.wantEnded(t, test.reason)
			eventually(t, "nothing is left", func() bool { return g.Connections()+g.Left() == 0 })
			g.wantCount(t, "yizhan_weblink_logged_in", "", 0)
		})
	}
}

func TestASilentClientTimesOut(t *testing.T) {
	h := newHandler()
	g := start(t, h, weblink.Options{PingInterval: 50 * time.Millisecond, PingTimeout: 2 * time.Second})
	alive := g.enter(t, "alice") // answers pings
	deaf := g.enter(t, "bob")
	conn := h.conn(t, "bob")
	for range 2 * 256 {
		conn.Push(messagePush("more than the client takes before it stops to read"))
	}
	h.wantEnded(t, wire.CodeTimeout)
	deaf.Close()
	alive.ok(wire.CmdAck, nil, nil)
	if found := h.hub.Sessions(nil, 1, "bob"); len(found) != 0 {
		t.Error("the silent client is still logged in")
	}
}

func TestASlowReaderIsCutOff(t *testing.T) {
	h := newHandler()
	g := start(t, h, weblink.Options{QueueBytes: 100_000})
	slow := g.enter(t, "slow") // takes 256 events and then no more
	quick := g.enter(t, "quick")
	slowConn, quickConn := h.conn(t, "slow"), h.conn(t, "quick")
	body := strings.Repeat("x", 10_000)
	pushed := 0
	for done := false; !done; {
		slowConn.Push(messagePush(body))
		if pushed++; pushed > 100_000 {
			t.Fatal("a client that does not read is not cut off")
		}
		select {
		case e := <-h.ended:
			if done = true; e.reason != wire.CodeSlowClient {
				t.Errorf("cut off for %v", e.reason)
			}
		case <-time.After(10 * time.Microsecond): // lets the flusher fill the socket
		}
	}
	quickConn.Push(messagePush("still here"))
	quick.next(wire.PushMessage, new(wire.MessagePush))
	slow.Close()
	g.wantCount(t, "yizhan_weblink_queue_cutoffs_total", "", 1)
}
