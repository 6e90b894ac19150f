package engine_test

import (
	"testing"
	"time"

	"github.com/yizhan-im/yizhan/appliance/weblink/engine"
)

// flood makes a client whose next message has always arrived before the last one
// is handled: to the server its input has no end. It returns when that begins.
func flood(t *testing.T, a *app, n *node) *peer {
	t.Helper()
	// A token for each message that the kernel has. The handler of one waits until
	// the next is there.
	arrived := make(chan struct{})
	over := make(chan struct{})
	t.Cleanup(func() { close(over) })
	a.onMessage = func(*peer, string) {
		select {
		case <-arrived:
		case <-over:
		}
	}
	c, p := n.session(t, false)
	go func() {
		frame := frameOf(opText, true, "4more")
		if _, err := c.Write(frame); err != nil {
			return
		}
		for {
			if _, err := c.Write(frame); err != nil {
				return
			}
			select {
			case arrived <- struct{}{}:
			case <-over:
				return
			case <-time.After(time.Millisecond): // the session drops what comes
			}
		}
	}()
	p.wantReceived(t, "more")
	return p
}

// A client that sends without a pause is held to the same times as others: its
// input is put aside to look at the clock.
func TestEndlessInputDoesNotStopTheClock(t *testing.T) {
	t.Run("login", func(t *testing.T) {
		a := newApp()
		a.anonymous = true
		n := serve(t, a, engine.Options{OpenTimeout: 200 * time.Millisecond})
		flood(t, a, n).wantClosed(t, engine.ReasonOpenTimeout)
	})
	t.Run("pong", func(t *testing.T) {
		a := newApp()
		n := serve(t, a, engine.Options{PingInterval: 100 * time.Millisecond, PingTimeout: 100 * time.Millisecond})
		flood(t, a, n).wantClosed(t, engine.ReasonPing)
	})
	t.Run("end", func(t *testing.T) {
		a := newApp()
		n := serve(t, a, engine.Options{})
		p := flood(t, a, n)
		p.Close()
		p.wantClosed(t, engine.ReasonServer)
	})
}
