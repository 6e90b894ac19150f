package weblink_test

import (
	"context"
	"errors"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/yizhan-im/yizhan/appliance/session"
	"github.com/yizhan-im/yizhan/appliance/weblink"
	"github.com/yizhan-im/yizhan/appliance/weblink/weblinktest"
	"github.com/yizhan-im/yizhan/appliance/wire"
)

func TestDrainTellsClientsToGo(t *testing.T) {
	h := newHandler()
	g := start(t, h, weblink.Options{})
	var all sync.WaitGroup
	for _, o := range []weblinktest.Options{{}, {}, {}, {Polling: true}} {
		c := g.enterBy(t, "alice", o)
		all.Go(func() {
			e, ok := <-c.Events()
			var push wire.GoAwayPush
			if !ok || e.Name != "go_away" || e.Decode(&push) != nil || push.DelayMs >= 1000 || push.Note == "" {
				t.Errorf("got %s %s, want go_away", e.Name, e.Body)
			}
			_ = c.SendPacket("1") // a poll may learn of the end before this has returned
		})
	}
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	g.Drain(ctx, 100*time.Millisecond)
	if ctx.Err() != nil || g.Left() != 0 {
		t.Errorf("%d connections are left, %v", g.Left(), ctx.Err())
	}
	all.Wait()
}

func TestADrainingGatewayRefusesNewSessions(t *testing.T) {
	h := newHandler()
	g := start(t, h, weblink.Options{})
	c := g.enter(t, "alice")
	ctx, cancel := context.WithCancel(t.Context())
	drained := make(chan struct{})
	go func() {
		defer close(drained)
		g.Drain(ctx, 0)
	}()
	c.next(wire.PushGoAway, new(wire.GoAwayPush))
	if _, err := dial(t, g.url, credentials("bob"), weblinktest.Options{}); err == nil || !strings.Contains(err.Error(), "503") {
		t.Errorf("a new session: %v, want HTTP 503", err)
	}
	c.ok(wire.CmdAck, nil, nil) // its last words are answered
	cancel()
	<-drained
}

func TestDrainClosesClientsThatStay(t *testing.T) {
	h := newHandler()
	h.login = func(s *session.Session, serial uint64, in *wire.LoginRequest) {
		if in.Account != "pending" {
			h.logIn(s, serial, in)
		}
	}
	g := start(t, h, weblink.Options{})
	c := g.enter(t, "alice")
	result := make(chan error, 1)
	go func() {
		_, err := dial(t, g.url, credentials("pending"), weblinktest.Options{})
		result <- err
	}()
	eventually(t, "a login waits", func() bool { return g.Left() == 2 })
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	g.Drain(ctx, 0)
	if ctx.Err() != nil || g.Left() != 0 {
		t.Errorf("%d connections are left", g.Left())
	}
	var refused *weblinktest.RefusedError
	if err := <-result; !errors.As(err, &refused) || refused.Code != wire.CodeBusy {
		t.Errorf("the login that waited: %v", err)
	}
	c.next(wire.PushGoAway, new(wire.GoAwayPush))
	c.wantEnd(false)
	h.wantEnded(t, wire.CodeBusy)
	h.wantEnded(t, wire.CodeBusy)
}

func TestADrainingGatewayRefusesLogins(t *testing.T) {
	h := newHandler()
	g := start(t, h, weblink.Options{})
	other := g.enter(t, "alice")
	stranger := dialStranger(t, g.url)
	drained := make(chan struct{})
	ctx, cancel := context.WithCancel(t.Context())
	go func() {
		defer close(drained)
		g.Drain(ctx, 0)
	}()
	other.next(wire.PushGoAway, new(wire.GoAwayPush))
	stranger.write(`40{"appKey":"app","account":"bob","token":"secret","deviceId":"d"}`)
	if got := stranger.read(); got != `44{"message":"busy","data":{"code":503,"note":"the node is stopping; connect to another"}}` {
		t.Errorf("got %s", got)
	}
	cancel()
	<-drained
	if seen := h.seen(); len(seen) != 1 {
		t.Errorf("the handler was asked %v", seen)
	}
}

func TestDrainOfAnEmptyGatewayReturnsAtOnce(t *testing.T) {
	g := start(t, newHandler(), weblink.Options{})
	dialStranger(t, g.url)
	g.Drain(t.Context(), time.Hour)
}

func TestCloseTellsClients(t *testing.T) {
	h := newHandler()
	g := start(t, h, weblink.Options{})
	clients := []*client{g.enter(t, "alice"), g.enterBy(t, "bob", weblinktest.Options{Polling: true})}
	if err := g.Close(); err != nil {
		t.Fatal(err)
	}
	for _, c := range clients {
		c.wantClosed(wire.CodeBusy)
		h.wantEnded(t, wire.CodeBusy)
	}
	if _, err := dial(t, g.url, credentials("carol"), weblinktest.Options{}); err == nil {
		t.Error("a closed gateway lets clients in")
	}
}

// Close meets logins, requests, pushes and ends at the same time. The handler
// reports what must not happen.
func TestCloseWhileBusy(t *testing.T) {
	h := newHandler()
	h.serve = func(s *session.Session, cmd wire.Command, serial uint64, payload []byte) {
		conn := s.Conn()
		go func() {
			conn.Reply(serial, wire.CodeOK, nil)
			conn.Push(messagePush("hello"))
			if serial%7 == 6 {
				conn.Close(wire.CodeBusy, messagePush("bye"))
			}
		}()
	}
	g := start(t, h, weblink.Options{})
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	stopped := make(chan struct{})
	var all sync.WaitGroup
	var rounds sync.WaitGroup
	for i := range 8 {
		rounds.Add(1)
		all.Go(func() {
			var once sync.Once
			defer once.Do(rounds.Done)
			for {
				c, err := weblinktest.Options{Polling: i%4 == 0, Deflate: false}.Dial(ctx, g.url, credentials("alice"))
				select {
				case <-stopped:
					if err == nil {
						c.Close()
					}
					return
				default:
				}
				if err != nil {
					continue
				}
				for range 10 {
					if _, _, err := c.Request(ctx, wire.CmdAck, nil); err != nil {
						break
					}
				}
				once.Do(rounds.Done)
				c.Close()
			}
		})
	}
	rounds.Wait()
	if err := g.Close(); err != nil {
		t.Error(err)
	}
	close(stopped)
	all.Wait()
	if n := h.hub.Len(); n != 0 {
		t.Errorf("%d sessions are left in the hub", n)
	}
}

func TestReleasedPollsGoOn(t *testing.T) {
	h := newHandler()
	g := start(t, h, weblink.Options{})
	c := g.enterBy(t, "alice", weblinktest.Options{Polling: true})
	conn := h.conn(t, "alice")
	for range 10 {
		g.ReleasePolls()
		conn.Push(messagePush("hello"))
		c.next(wire.PushMessage, new(wire.MessagePush))
		c.ok(wire.CmdAck, nil, nil)
	}
}

func TestSetOptionsHoldsForNewSessions(t *testing.T) {
	h := newHandler()
	g := start(t, h, weblink.Options{})
	g.enter(t, "alice")
	g.SetOptions(weblink.Options{MaxConnections: 1})
	if _, err := dial(t, g.url, credentials("bob"), weblinktest.Options{}); err == nil || !strings.Contains(err.Error(), "503") {
		t.Errorf("one session too many: %v, want HTTP 503", err)
	}
	g.SetOptions(weblink.Options{})
	g.enter(t, "bob")
}
