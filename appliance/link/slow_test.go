package link_test

import (
	"testing"
	"time"

	"github.com/yizhan-im/yizhan/appliance/link"
	"github.com/yizhan-im/yizhan/appliance/session"
	"github.com/yizhan-im/yizhan/appliance/wire"
)

var largePush = session.NewEvent(wire.PushMessage, &wire.MessagePush{Message: &wire.Message{Body: longBody}})

// deaf is a logged-in client that does not read what comes next.
func (g *gateway) deaf(t *testing.T) (*rawClient, session.Conn) {
	t.Helper()
	r := g.raw(t, 0)
	r.login()
	for _, s := range g.handler.hub.Sessions(nil, 1, "alice") {
		if s.Conn().RemoteAddr().String() == r.LocalAddr().String() {
			return r, s.Conn()
		}
	}
	t.Fatal("the client has no session")
	return nil, nil
}

// endedWhile waits for the end of a connection while push is called again and again.
func (h *handler) endedWhile(t *testing.T, push func()) wire.Code {
	t.Helper()
	for deadline := time.Now().Add(patience); time.Now().Before(deadline); {
		select {
		case e := <-h.ended:
			return e.reason
		default:
			push()
		}
	}
	t.Fatal("the connection is still open")
	return 0
}

func TestAClientWhoseQueueIsFullIsCutOffAndOthersAreNot(t *testing.T) {
	h := newHandler()
	g := serve(t, h, link.Options{QueueBytes: 64 << 10})
	bystander := g.login(t, 0)
	_, conn := g.deaf(t)
	if reason := h.endedWhile(t, func() { conn.Push(largePush) }); reason != wire.CodeSlowClient {
		t.Errorf("ended for %v", reason)
	}
	if n := g.count(t, "yizhan_link_queue_cutoffs_total", ""); n != 1 {
		t.Errorf("%v cut-offs were counted, want 1", n)
	}
	bystander.send("nothing has happened to me")
}

// A client that is merely slow learns why it was cut off: what was dropped is
// whole frames, and the stream stays readable to its end.
func TestASlowClientLearnsThatItWasCutOff(t *testing.T) {
	h := newHandler()
	g := serve(t, h, link.Options{QueueBytes: 16 << 10})
	r, conn := g.deaf(t)
	for g.count(t, "yizhan_link_queue_cutoffs_total", "") == 0 {
		conn.Push(largePush)
	}
	r.wantClosed(wire.CodeSlowClient)
	h.wantEnded(t, wire.CodeSlowClient)
}

func TestAClientThatAcceptsNothingIsCutOff(t *testing.T) {
	h := newHandler()
	g := serve(t, h, link.Options{QueueBytes: 64 << 20, WriteTimeout: 50 * time.Millisecond})
	_, conn := g.deaf(t)
	for range 4096 { // 16 MiB: more than the kernel takes
		conn.Push(largePush)
	}
	h.wantEnded(t, wire.CodeSlowClient)
	g.wantCount(t, "yizhan_link_write_timeouts_total", "", 1)
}

func TestASlowClientThatReadsGetsEverything(t *testing.T) {
	g := serve(t, newHandler(), link.Options{QueueBytes: 64 << 20})
	r, conn := g.deaf(t)
	const pushes = 4096 // 16 MiB: more than the kernel takes
	for range pushes {
		conn.Push(largePush)
	}
	var plain []byte
	for got := 0; got < pushes; {
		f, n, err := wire.ParseFrame(plain, wire.MaxFrame)
		if err != nil {
			t.Fatal(err)
		}
		if n > 0 {
			plain = plain[n:]
			if f.Command != wire.PushMessage || len(f.Payload) != len(largePush.Payload) {
				t.Fatalf("push %d is damaged", got)
			}
			got++
			continue
		}
		opened, n, err := r.ch.Open(r.in)
		if err != nil {
			t.Fatal(err)
		}
		r.in = r.in[n:]
		plain = append(plain, opened...)
		if n == 0 {
			if err := r.fill(); err != nil {
				t.Fatalf("after %d pushes: %v", got, err)
			}
		}
	}
}

func TestAClosedConnectionDoesNotWaitForAClientThatDoesNotRead(t *testing.T) {
	h := newHandler()
	g := serve(t, h, link.Options{QueueBytes: 64 << 20})
	_, conn := g.deaf(t)
	for range 4096 {
		conn.Push(largePush)
	}
	conn.Close(wire.CodeForbidden, nil)
	h.wantEnded(t, wire.CodeForbidden)
}
