package link_test

import (
	"fmt"
	"testing"

	"github.com/yizhan-im/yizhan/appliance/link"
	"github.com/yizhan-im/yizhan/appliance/session"
	"github.com/yizhan-im/yizhan/appliance/wire"
)

func bodyOf(t *testing.T, f *wire.Frame) string {
	t.Helper()
	var p wire.RoomMessagePush
	if f.Command != wire.PushRoomMessage || p.UnmarshalVT(f.Payload) != nil {
		t.Fatalf("got %v", f.Command)
	}
	return p.Body
}

func roomPush(body string) *session.Event {
	return session.NewEvent(wire.PushRoomMessage, &wire.RoomMessagePush{Body: body})
}

// TestPushAllKeepsTheOrder: with itself, and with what passes through the flusher.
func TestPushAllKeepsTheOrder(t *testing.T) {
	h := newHandler()
	g := serve(t, h, link.Options{})
	client := g.login(t, 0)
	conn := h.hub.Sessions(nil, 1, "alice")[0].Conn()
	const rounds = 500
	go func() {
		for i := range rounds {
			conn.PushAll([]*session.Event{roomPush(fmt.Sprint(4 * i)), roomPush(fmt.Sprint(4*i + 1))})
			conn.Push(roomPush(fmt.Sprint(4*i + 2)))
			conn.PushAll([]*session.Event{roomPush(fmt.Sprint(4*i + 3))})
		}
	}()
	for i := range 4 * rounds {
		f := client.read()
		if got := bodyOf(t, &f); got != fmt.Sprint(i) {
			t.Fatalf("push %d is %s", i, got)
		}
	}
}

// TestPushAllWaitsForNobody: a client that does not read is cut off as soon as its
// queue is full.
func TestPushAllWaitsForNobody(t *testing.T) {
	h := newHandler()
	g := serve(t, h, link.Options{QueueBytes: 64 << 10})
	_, conn := g.deaf(t)
	if reason := h.endedWhile(t, func() { conn.PushAll([]*session.Event{largePush, largePush}) }); reason != wire.CodeSlowClient {
		t.Errorf("ended for %v", reason)
	}
	conn.PushAll([]*session.Event{largePush}) // to nobody
}

// TestPushAllAfterTheEnd: whoever pushes to rooms may be later than the gateway.
func TestPushAllAfterTheEnd(t *testing.T) {
	h := newHandler()
	g := serve(t, h, link.Options{})
	_, conn := g.deaf(t)
	stop, stopped := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(stopped)
		for {
			select {
			case <-stop:
				return
			default:
				conn.PushAll([]*session.Event{largePush})
			}
		}
	}()
	if err := g.Close(); err != nil {
		t.Error(err)
	}
	close(stop)
	<-stopped
}
