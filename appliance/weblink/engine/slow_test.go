package engine_test

import (
	"testing"
	"time"

	"github.com/yizhan-im/yizhan/appliance/weblink/engine"
)

var largeMessage = engine.Message(make([]byte, 4000), false)

// endedWhile waits for the end of a session while push is called again and again.
func (p *peer) endedWhile(t *testing.T, push func()) engine.Reason {
	t.Helper()
	for deadline := time.Now().Add(patience); time.Now().Before(deadline); {
		select {
		case reason := <-p.closed:
			return reason
		default:
			push()
		}
	}
	t.Fatal("the session is still open")
	return 0
}

func TestAClientWhoseQueueIsFullIsCutOffAndOthersAreNot(t *testing.T) {
	both(t, func(t *testing.T, secure bool) {
		a := newApp()
		n := serve(t, a, engine.Options{QueueBytes: 64 << 10})
		bystander, other := n.session(t, secure)
		_, p := n.session(t, secure)
		if reason := p.endedWhile(t, func() { p.Send(largeMessage) }); reason != engine.ReasonSlow {
			t.Errorf("ended for %v", reason)
		}
		n.wantCount(t, "queue_cutoffs_total", "", 1)
		other.Send(engine.Message([]byte("nothing has happened to me"), false))
		bystander.want("4nothing has happened to me")
	})
}

// A client that is merely slow learns why it was cut off: what was dropped is
// whole frames, and the stream stays readable to its end.
func TestASlowClientLearnsThatItWasCutOff(t *testing.T) {
	both(t, func(t *testing.T, secure bool) {
		n := serve(t, newApp(), engine.Options{QueueBytes: 16 << 10})
		n.Unhurry()
		c, p := n.session(t, secure)
		for n.count(t, "queue_cutoffs_total", "") == 0 {
			p.Send(largeMessage)
		}
		c.wantClose(1013)
		p.wantClosed(t, engine.ReasonSlow)
	})
}

func TestAClientThatAcceptsNothingIsCutOff(t *testing.T) {
	both(t, func(t *testing.T, secure bool) {
		n := serve(t, newApp(), engine.Options{QueueBytes: 64 << 20, WriteTimeout: 50 * time.Millisecond})
		_, p := n.session(t, secure)
		for range 4096 { // 16 MB: more than the kernel takes
			p.Send(largeMessage)
		}
		p.wantClosed(t, engine.ReasonSlow)
		n.wantCount(t, "write_timeouts_total", "", 1)
	})
}

// Those who share a flusher with a client that reads nothing do not wait for it.
func TestFlushersDoNotWaitForAnybody(t *testing.T) {
	both(t, func(t *testing.T, secure bool) {
		for _, buffer := range []int{0, 2 << 10, 20 << 10, 50 << 10, 200 << 10} {
			a := newApp()
			a.sendBuffer = buffer
			n := serve(t, a, engine.Options{QueueBytes: 64 << 20, WriteTimeout: time.Hour})
			small := engine.Message([]byte("small"), false)
			for range 8 { // more than there are flushers
				_, deaf := n.session(t, secure)
				for i := range 2048 {
					deaf.Send(small)
					if i >= 1024 {
						deaf.Send(largeMessage)
					}
				}
			}
			for range 8 {
				c, p := n.session(t, secure)
				p.Send(engine.Message([]byte("in time"), false))
				c.want("4in time")
			}
		}
	})
}

func TestASlowClientGetsEverythingAtItsPace(t *testing.T) {
	both(t, func(t *testing.T, secure bool) {
		n := serve(t, newApp(), engine.Options{QueueBytes: 64 << 20})
		c, p := n.session(t, secure)
		const messages = 2048
		for range messages {
			p.Send(largeMessage)
		}
		p.Send(engine.Message([]byte("end"), false))
		for range messages {
			if _, data := c.read(); len(data) != 4001 {
				t.Fatalf("a frame of %d bytes", len(data))
			}
		}
		c.want("4end")
		p.Send(engine.Message([]byte("and more"), false))
		c.want("4and more")
	})
}
