package weblink_test

import (
	"strings"
	"testing"

	"google.golang.org/protobuf/proto"

	"github.com/yizhan-im/yizhan/appliance/session"
	"github.com/yizhan-im/yizhan/appliance/weblink"
	"github.com/yizhan-im/yizhan/appliance/weblink/weblinktest"
	"github.com/yizhan-im/yizhan/appliance/wire"
)

func TestEveryPushReachesTheClient(t *testing.T) {
	pushes := []struct {
		cmd wire.Command
		m   interface {
			body
			wire.Body
		}
	}{
		{wire.PushMessage, &wire.MessagePush{Message: &wire.Message{From: "bob", Body: "你好 \x1e", Seq: 1 << 60, FromPlatform: wire.Platform_PLATFORM_IOS}}},
		{wire.PushRead, &wire.ReadPush{Reader: "bob", Peer: "alice", Seq: 3, TimeMs: 5}},
		{wire.PushRoomMessage, &wire.RoomMessagePush{Room: "r", From: "bob", Body: "hi", Id: 9}},
		{wire.PushGoAway, &wire.GoAwayPush{DelayMs: 5, Note: "n"}},
		{wire.PushClose, &wire.ClosePush{Code: 503, Note: "n"}},
		{wire.PushKicked, &wire.KickedPush{Reason: wire.KickReason_KICK_REASON_SERVER, ByDevice: "d"}},
	}
	for name, o := range map[string]weblinktest.Options{"websocket": {}, "polling": {Polling: true}, "deflate": {Deflate: true}} {
		t.Run(name, func(t *testing.T) {
			h := newHandler()
			g := start(t, h, weblink.Options{Deflate: true})
			c := g.enterBy(t, "alice", o)
			conn := h.conn(t, "alice")
			for _, p := range pushes {
				conn.Push(session.NewEvent(p.cmd, p.m))
				got := p.m.ProtoReflect().New().Interface()
				if c.next(p.cmd, got); !proto.Equal(got, p.m) {
					t.Errorf("%v came as %v, want %v", p.cmd, got, p.m)
				}
			}
		})
	}
}

func TestAPushIsEncodedOnceForAllClients(t *testing.T) {
	h := newHandler()
	g := start(t, h, weblink.Options{Deflate: true})
	long := strings.Repeat("the quick brown fox jumps over the lazy dog ", 100)
	ev := messagePush(long)
	var clients []*client
	for i := range 6 {
		account := string(rune('a' + i))
		clients = append(clients, g.enterBy(t, account, weblinktest.Options{Deflate: i%2 == 0}))
		h.conn(t, account).Push(ev)
	}
	for _, c := range clients {
		var push wire.MessagePush
		if c.next(wire.PushMessage, &push); push.Message.Body != long {
			t.Errorf("got %q", push.Message.Body)
		}
	}
	plain := encodedAlready(t, ev, session.EncodingWebLink)
	deflated := encodedAlready(t, ev, session.EncodingWebLinkDeflated)
	if len(deflated) > len(plain)/4 {
		t.Errorf("%d bytes are %d when compressed", len(plain), len(deflated))
	}
	if ev.Encoded(session.EncodingLinkPlain, func(*session.Event) []byte { return nil }) != nil {
		t.Error("the gateway has made an encoding of Link")
	}
}

// encodedAlready is an encoding that has been made.
func encodedAlready(t *testing.T, ev *session.Event, e session.Encoding) []byte {
	t.Helper()
	return ev.Encoded(e, func(*session.Event) []byte {
		t.Errorf("encoding %d has not been made", e)
		return nil
	})
}

// What does not become smaller is sent as it is, and kept once.
func TestCompressionIsLeftOutWhereItDoesNotGain(t *testing.T) {
	h := newHandler()
	g := start(t, h, weblink.Options{Deflate: true})
	c := g.enterBy(t, "alice", weblinktest.Options{Deflate: true})
	var noise strings.Builder
	for i := range 2000 {
		noise.WriteRune(rune(0x4e00 + i*7919%20000))
	}
	short, incompressible := messagePush("hi"), messagePush(noise.String())
	conn := h.conn(t, "alice")
	conn.Push(short)
	conn.Push(incompressible)
	for _, want := range []string{"hi", noise.String()} {
		var push wire.MessagePush
		if c.next(wire.PushMessage, &push); push.Message.Body != want {
			t.Errorf("got %q", push.Message.Body)
		}
	}
	made := false
	short.Encoded(session.EncodingWebLinkDeflated, func(*session.Event) []byte { made = true; return nil })
	if !made {
		t.Error("a short push was compressed")
	}
	plain, deflated := encodedAlready(t, incompressible, session.EncodingWebLink), encodedAlready(t, incompressible, session.EncodingWebLinkDeflated)
	if len(deflated) > len(plain) {
		t.Errorf("%d bytes became %d", len(plain), len(deflated))
	}
}

func TestAPushWithoutAJSONFormIsLeftOutAndCounted(t *testing.T) {
	h := newHandler()
	g := start(t, h, weblink.Options{})
	c := g.enter(t, "alice")
	conn := h.conn(t, "alice")
	conn.Push(&session.Event{Command: 99, Payload: []byte("?")})
	conn.Push(messagePush("\xff"))
	conn.Push(messagePush("well"))
	var push wire.MessagePush
	if c.next(wire.PushMessage, &push); push.Message.Body != "well" {
		t.Errorf("got %q", push.Message.Body)
	}
	g.wantCount(t, "yizhan_weblink_unsent_pushes_total", "", 2)
}
