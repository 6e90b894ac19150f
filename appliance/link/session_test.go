package link_test

import (
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/yizhan-im/yizhan/appliance/link"
	"github.com/yizhan-im/yizhan/appliance/secure"
	"github.com/yizhan-im/yizhan/appliance/session"
	"github.com/yizhan-im/yizhan/appliance/wire"
)

// everyCodec runs a test without compression, with one and with all.
func everyCodec(t *testing.T, test func(t *testing.T, codecs secure.Codecs)) {
	for _, codecs := range []secure.Codecs{0, 1 << secure.CompressionS2, secure.AllCodecs} {
		t.Run(fmt.Sprintf("codecs=%d", codecs), func(t *testing.T) { test(t, codecs) })
	}
}

func TestLoginThenRequestsThenLogout(t *testing.T) {
	everyCodec(t, func(t *testing.T, codecs secure.Codecs) {
		h := newHandler()
		g := serve(t, h, link.Options{})
		c := g.login(t, codecs)
		if got := c.Codecs(); got != codecs {
			t.Errorf("agreed on codecs %d, want %d", got, codecs)
		}
		c.send("hello")
		c.send(longBody) // compressed if possible
		c.request(wire.CmdLogout, nil)
		if f := c.read(); f.Code != wire.CodeOK {
			t.Errorf("logout was answered with %v", f.Code)
		}
		c.wantClosed(0)
		h.wantEnded(t, wire.CodeOK)
	})
}

func TestSessionKnowsItsConnection(t *testing.T) {
	h := newHandler()
	g := serve(t, h, link.Options{})
	c := g.login(t, 0)
	s := h.hub.Sessions(nil, 1, "alice")[0]
	if got := s.Conn().RemoteAddr().String(); got != c.LocalAddr().String() {
		t.Errorf("remote address %s, want %s", got, c.LocalAddr())
	}
	if got := s.Conn().Transport(); got != "link" {
		t.Errorf("transport %q", got)
	}
}

func TestAWrongTokenIsAnsweredThenClosed(t *testing.T) {
	h := newHandler()
	g := serve(t, h, link.Options{})
	c := g.connect(t, 0)
	c.request(wire.CmdLogin, &wire.LoginRequest{Account: "alice", Token: "guess"})
	if f := c.read(); f.Code != wire.CodeWrongToken {
		t.Errorf("answered with %v", f.Code)
	}
	c.wantClosed(0)
	h.wantEnded(t, wire.CodeWrongToken)
}

func TestPipelinedRequestsAreHandledInOrder(t *testing.T) {
	h := newHandler()
	var order []string
	h.decoded = func(r *wire.SendRequest) { order = append(order, r.ClientId) } // one at a time, says Handler
	g := serve(t, h, link.Options{})
	c := g.login(t, secure.AllCodecs)
	const requests = 2000
	for i := range requests {
		f := wire.Frame{Kind: wire.KindRequest, Command: wire.CmdSend, Serial: uint64(100 + i)}
		if err := c.Append(&f, &wire.SendRequest{ClientId: fmt.Sprint(i), Body: strings.Repeat("x", i%300)}); err != nil {
			t.Fatal(err)
		}
	}
	if err := c.Flush(); err != nil {
		t.Fatal(err)
	}
	for i := range requests {
		if f := c.read(); f.Serial != uint64(100+i) || f.Code != wire.CodeOK {
			t.Fatalf("answer %d has serial %d, code %v", i, f.Serial, f.Code)
		}
	}
	for i, id := range order {
		if id != fmt.Sprint(i) {
			t.Fatalf("request %d was handled as number %d", i, len(order))
		}
	}
}

func TestRepliesMayComeLaterAndFromAnyGoroutine(t *testing.T) {
	h := newHandler()
	h.later = make(chan func(), 100)
	g := serve(t, h, link.Options{})
	c := g.login(t, 0)
	want := map[uint64]bool{}
	for range 100 {
		want[c.request(wire.CmdSend, &wire.SendRequest{Body: "hi"})] = true
	}
	var all sync.WaitGroup
	for range 100 {
		all.Go(<-h.later)
	}
	all.Wait()
	for range 100 {
		f := c.read()
		if !want[f.Serial] {
			t.Fatalf("serial %d was answered twice, or never asked", f.Serial)
		}
		delete(want, f.Serial)
	}
}

func TestLargeFrames(t *testing.T) {
	everyCodec(t, func(t *testing.T, codecs secure.Codecs) {
		g := serve(t, newHandler(), link.Options{})
		c := g.login(t, codecs)
		c.send(strings.Repeat(longBody, 200)) // 800 KiB, in many records
		c.request(wire.CmdHistory, &wire.HistoryRequest{Limit: 200})
		f := c.read()
		var page wire.HistoryResponse
		if err := page.UnmarshalVT(f.Payload); err != nil || len(page.Messages) != 200 {
			t.Fatalf("%d messages, error %v", len(page.Messages), err)
		}
		for _, m := range page.Messages {
			if m.Body != longBody {
				t.Fatal("a body has changed")
			}
		}
		c.send("and a small one")
	})
}

func TestAResponseThatExceedsAFrameIsReplacedByAnError(t *testing.T) {
	g := serve(t, newHandler(), link.Options{})
	c := g.login(t, 0)
	c.request(wire.CmdHistory, &wire.HistoryRequest{Limit: 400})
	if f := c.read(); f.Code != wire.CodeServerError || len(f.Payload) != 0 {
		t.Errorf("answered with %v and %d bytes", f.Code, len(f.Payload))
	}
}

// Each byte of the stream may arrive alone.
func TestInputInSmallPieces(t *testing.T) {
	g := serve(t, newHandler(), link.Options{})
	r := g.dialRaw(t)
	hs, err := secure.NewClientHandshake(g.key.Public(), 0)
	if err != nil {
		t.Fatal(err)
	}
	for _, b := range hs.Hello() {
		r.write([]byte{b})
	}
	for r.ch == nil {
		if err := r.fill(); err != nil {
			t.Fatal(err)
		}
		n, ch, err := hs.Finish(r.in)
		if err != nil {
			t.Fatal(err)
		}
		r.in, r.ch = r.in[n:], ch
	}
	for _, b := range r.ch.Seal(nil, loginFrame("alice")) {
		r.write([]byte{b})
	}
	if f := r.next(); f.Code != wire.CodeOK {
		t.Fatalf("login was answered with %v", f.Code)
	}
	// A frame in records of one byte each, all at once.
	frame := wire.AppendBody(nil, &wire.Frame{Kind: wire.KindRequest, Command: wire.CmdSend, Serial: 2}, &wire.SendRequest{Body: "in pieces"})
	var records []byte
	for i := range frame {
		records = r.ch.Seal(records, frame[i:i+1])
	}
	r.write(records)
	if f := r.next(); f.Serial != 2 || f.Code != wire.CodeOK {
		t.Errorf("answered with %+v", f)
	}
}

func TestEveryDeviceGetsAPush(t *testing.T) {
	h := newHandler()
	g := serve(t, h, link.Options{})
	var clients []*client
	for _, codecs := range []secure.Codecs{0, 1 << secure.CompressionS2, secure.AllCodecs} {
		clients = append(clients, g.login(t, codecs))
	}
	ev := session.NewEvent(wire.PushMessage, &wire.MessagePush{Message: &wire.Message{From: "bob", Body: longBody}})
	for _, s := range h.hub.Sessions(nil, 1, "alice") {
		s.Conn().Push(ev)
	}
	for _, c := range clients {
		f := c.read()
		var push wire.MessagePush
		if err := push.UnmarshalVT(f.Payload); err != nil || f.Command != wire.PushMessage || push.Message.Body != longBody {
			t.Errorf("codecs %d: got %v, error %v", c.Codecs(), f.Command, err)
		}
	}
}

func TestAKickedClientReadsWhy(t *testing.T) {
	h := newHandler()
	g := serve(t, h, link.Options{})
	c := g.login(t, secure.AllCodecs)
	conn := h.hub.Sessions(nil, 1, "alice")[0].Conn()
	conn.Close(wire.CodeForbidden, session.NewEvent(wire.PushKicked, &wire.KickedPush{Reason: wire.KickReason_KICK_REASON_REPLACED}))
	if f := c.read(); f.Command != wire.PushKicked {
		t.Errorf("got %v", f.Command)
	}
	c.wantClosed(0)
	h.wantEnded(t, wire.CodeForbidden)

	// Nothing of this does anything any more.
	conn.Reply(1, wire.CodeOK, nil)
	conn.Push(session.NewEvent(wire.PushMessage, &wire.MessagePush{}))
	conn.SetIdleTimeout(time.Second)
	conn.Close(wire.CodeOK, nil)
}

func TestPingIsAnswered(t *testing.T) {
	g := serve(t, newHandler(), link.Options{})
	c := g.login(t, 0)
	if err := c.WriteFrame(&wire.Frame{Kind: wire.KindPing}, nil); err != nil {
		t.Fatal(err)
	}
	if f := c.read(); f.Kind != wire.KindPong {
		t.Errorf("answered with kind %d", f.Kind)
	}
}

func TestTheHandlerLearnsWhenAClientLeaves(t *testing.T) {
	h := newHandler()
	g := serve(t, h, link.Options{})
	c := g.login(t, 0)
	_ = c.Close()
	h.wantEnded(t, wire.CodeOK)
	if n := h.hub.Len(); n != 0 {
		t.Errorf("%d sessions are left", n)
	}
}
