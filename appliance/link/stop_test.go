package link_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"runtime/pprof"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/yizhan-im/yizhan/appliance/link"
	"github.com/yizhan-im/yizhan/appliance/secure"
	"github.com/yizhan-im/yizhan/appliance/wire"
)

// waitForGoroutines waits until exactly want goroutines are in a function.
func waitForGoroutines(t testing.TB, function string, want int) {
	t.Helper()
	count := func() int {
		var b bytes.Buffer
		if err := pprof.Lookup("goroutine").WriteTo(&b, 2); err != nil {
			t.Fatal(err)
		}
		n := 0
		for stack := range strings.SplitSeq(b.String(), "\n\n") {
			if strings.Contains(stack, function) {
				n++
			}
		}
		return n
	}
	eventually(t, func() bool { return count() == want }, func() {
		t.Errorf("%d goroutines are in %s, want %d", count(), function, want)
	})
}

func TestDrainTellsClientsToGoSpreadOverTime(t *testing.T) {
	g := serve(t, newHandler(), link.Options{})
	const clients = 20
	const spread = 400 * time.Millisecond
	var begin time.Time
	var late int
	var mu sync.Mutex
	var all sync.WaitGroup
	for range clients {
		c := g.login(t, 0)
		all.Go(func() {
			f, err := c.ReadFrame()
			var push wire.GoAwayPush
			if err != nil || f.Command != wire.PushGoAway || push.UnmarshalVT(f.Payload) != nil {
				t.Errorf("got %v, error %v, want a go-away", f.Command, err)
			}
			if push.DelayMs >= 1000 {
				t.Errorf("told to wait %d ms", push.DelayMs)
			}
			mu.Lock()
			if time.Since(begin) > spread/2 {
				late++
			}
			mu.Unlock()
			_ = c.Close()
		})
	}
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	mu.Lock()
	begin = time.Now()
	mu.Unlock()
	g.Drain(ctx, spread)
	if ctx.Err() != nil || g.Connections() != 0 {
		t.Errorf("%d connections are left, %v", g.Connections(), ctx.Err())
	}
	all.Wait()
	if late == 0 {
		t.Error("everybody was told at once")
	}
}

func TestADrainingGatewayRefusesNewConnections(t *testing.T) {
	g := serve(t, newHandler(), link.Options{})
	c := g.login(t, 0)
	ctx, cancel := context.WithCancel(t.Context())
	drained := make(chan struct{})
	go func() {
		defer close(drained)
		g.Drain(ctx, 0)
	}()
	if f := c.read(); f.Command != wire.PushGoAway {
		t.Errorf("got %v", f.Command)
	}
	_, err := g.dial(0)
	var refused *secure.RefusedError
	if !errors.As(err, &refused) || refused.Code != wire.CodeBusy {
		t.Errorf("a new connection: %v, want a refusal", err)
	}
	c.send("my last words are answered")
	cancel()
	<-drained
	if g.Connections() != 1 {
		t.Error("a drain that was cut short has closed a connection")
	}
}

func TestDrainClosesClientsThatStay(t *testing.T) {
	h := newHandler()
	g := serve(t, h, link.Options{})
	g.login(t, 0)
	unknown := g.connect(t, 0) // not logged in: closed without a grace
	g.wantCount(t, "yizhan_link_handshakes_total", "ok", 2)
	ctx, cancel := context.WithTimeout(t.Context(), 2*patience)
	defer cancel()
	g.Drain(ctx, 0)
	if ctx.Err() != nil || g.Connections() != 0 {
		t.Errorf("%d connections are left", g.Connections())
	}
	if f := unknown.read(); f.Command != wire.PushGoAway {
		t.Errorf("the unknown client was told %v", f.Command)
	}
	h.wantEnded(t, wire.CodeBusy)
	h.wantEnded(t, wire.CodeBusy)
}

func TestDrainOfAnEmptyGatewayReturnsAtOnce(t *testing.T) {
	g := serve(t, newHandler(), link.Options{})
	g.Drain(t.Context(), time.Hour)
}

func TestCloseTellsClientsAndLeavesNoGoroutines(t *testing.T) {
	h := newHandler()
	g := serve(t, h, link.Options{HandshakeTimeout: time.Minute})
	clients := []*client{g.login(t, 0), g.login(t, secure.AllCodecs), g.connect(t, 0)}
	g.dialRaw(t) // in its handshake
	_, conn := g.deaf(t)
	for range 4096 {
		conn.Push(largePush) // a flush waits for it
	}
	g.wantCount(t, "yizhan_link_handshakes_total", "ok", 4)
	if err := g.Close(); err != nil {
		t.Fatal(err)
	}
	for _, c := range clients {
		c.wantClosed(wire.CodeBusy)
	}
	waitForGoroutines(t, "appliance/link.(*conn)", 0)
	waitForGoroutines(t, "appliance/flush.(*Flusher", 0)
	if _, err := g.dial(0); err == nil {
		t.Error("a closed gateway accepts connections")
	}
}

func TestAThousandConnectionsComeAndGo(t *testing.T) {
	h := newHandler()
	h.ended = nil
	g := serve(t, h, link.Options{MaxHandshakes: 16})
	const workers, rounds = 20, 50
	var all sync.WaitGroup
	for w := range workers {
		all.Go(func() {
			for i := range rounds {
				if err := g.visit(fmt.Sprint("account-", w), i); err != nil {
					t.Error(err)
					return
				}
			}
		})
	}
	all.Wait()
	g.wantCount(t, "yizhan_link_connections", "", 0)
	g.wantCount(t, "yizhan_link_handshakes_total", "ok", workers*rounds)
	if n := h.hub.Len(); n != 0 {
		t.Errorf("%d sessions are left", n)
	}
}

// visit logs in, sends, and leaves in one of several ways.
func (g *gateway) visit(account string, i int) error {
	c, err := g.dial(secure.AllCodecs)
	if err != nil {
		return err
	}
	defer c.Close()
	login := wire.Frame{Kind: wire.KindRequest, Command: wire.CmdLogin, Serial: 1}
	if err := c.WriteFrame(&login, &wire.LoginRequest{Account: account, Token: "secret", DeviceId: fmt.Sprint(i)}); err != nil {
		return err
	}
	if i%3 == 0 {
		return nil // leaves without reading
	}
	send := wire.Frame{Kind: wire.KindRequest, Command: wire.CmdSend, Serial: 2}
	if err := c.WriteFrame(&send, &wire.SendRequest{Body: "hello"}); err != nil {
		return err
	}
	for range 2 {
		f, err := c.ReadFrame()
		if err != nil || f.Code != wire.CodeOK {
			return fmt.Errorf("answer %+v, error %w", f, err)
		}
	}
	return nil
}
