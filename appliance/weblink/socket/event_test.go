package socket_test

import (
	"strings"
	"testing"

	"github.com/yizhan-im/yizhan/appliance/weblink/engine"
	"github.com/yizhan-im/yizhan/appliance/weblink/socket"
	"github.com/yizhan-im/yizhan/appliance/weblink/socketio"
)

func TestEventsArriveInOrderWithTheirParts(t *testing.T) {
	lookup, _, log := recording()
	c := join(t, serveSockets(t, engine.Options{}, socket.Options{}, lookup), "/")
	c.join("/a")
	c.send(`42["plain",1,"2",{"3":[true]}]`)
	c.send(`42/a,["elsewhere"]`)
	c.send(`452-["binary",{"_placeholder":true,"num":1},{"_placeholder":true,"num":0}]`)
	c.sendBinary(1, 2)
	c.sendBinary()
	c.send(`42["\u0061fter", []]`)
	expectLog(t, log,
		`/ event plain [1,"2",{"3":[true]}] []`,
		`/a event elsewhere [] []`,
		`/ event binary [{"_placeholder":true,"num":1},{"_placeholder":true,"num":0}] [[1 2] []]`,
		`/ event after [ []] []`)
}

func TestAcksOfBothKinds(t *testing.T) {
	one := []byte(`[`)
	one = append(socketio.AppendPlaceholder(one, 0), ']')
	c := join(t, serveSockets(t, engine.Options{}, socket.Options{}, only(func(s *socket.Socket, _ []byte) socket.Receiver {
		s.Accept(nil)
		return &recorder{socket: s, event: func(e *socket.Event) error {
			switch {
			case !e.HasID:
				s.Emit(socket.EncodeEvent("/a", "no id"))
			case e.Name == "binary":
				s.Ack(e.ID, one, []byte{7})
			case e.Name == "empty":
				s.Ack(e.ID, nil)
			default:
				s.Ack(e.ID, e.Args)
			}
			return nil
		}, log: make(chan string, room)}
	})), "/a")
	c.send(`42/a,0["echo",{"code":200}]`)
	c.send(`42/a,9007199254740991["empty"]`)
	c.send(`42/a,8["binary"]`)
	c.send(`42/a,["echo"]`)
	c.expect(`43/a,0[{"code":200}]`, `43/a,9007199254740991[]`, `461-/a,8[{"_placeholder":true,"num":0}]`, "[7]", `42/a,["no id"]`)
}

func TestClientAnswersARequest(t *testing.T) {
	lookup, sockets, log := recording()
	c := join(t, serveSockets(t, engine.Options{}, socket.Options{}, lookup), "/")
	next(t, sockets).Emit(socket.EncodeRequest("/", 12, "question", []byte(`"?"`)))
	c.expect(`4212["question","?"]`)
	c.send(`4312["!"]`)
	c.send(`461-13[{"_placeholder":true,"num":0}]`)
	c.sendBinary(1)
	expectLog(t, log, `/ acked 12 ["!"]`, `/ acked 13 [{"_placeholder":true,"num":0}]`)
}

func TestOneMessageServesManySockets(t *testing.T) {
	lookup, sockets, _ := recording()
	url := serveSockets(t, engine.Options{}, socket.Options{}, lookup)
	clients := []*client{join(t, url, "/"), join(t, url, "/"), join(t, url, "/")}
	placeholder := socketio.AppendPlaceholder(nil, 0)
	messages := append([][]byte{socket.EncodeEvent("/", "text", []byte("1"))},
		socket.EncodeBinaryEvent("/", "binary", [][]byte{{1, 2}}, placeholder)...)
	for range clients {
		next(t, sockets).Emit(messages...)
	}
	for _, c := range clients {
		c.expect(`42["text",1]`, `451-["binary",{"_placeholder":true,"num":0}]`, "[1 2]")
	}
}

func TestDeflatedEventIsSmallerAndReadsTheSame(t *testing.T) {
	arg := []byte(`"` + strings.Repeat("again and ", 100) + `"`)
	plain, deflated := socket.EncodeEvent("/", "a", arg), socket.EncodeDeflatedEvent("/", "a", arg)
	if len(deflated)*4 > len(plain) {
		t.Errorf("%d bytes of %d", len(deflated), len(plain))
	}
	if deflated[0] != 0xc1 { // FIN, RSV1, text (RFC 7692 §6)
		t.Errorf("the frame begins with %#x", deflated[0])
	}
}

func TestPollingClientWorksToo(t *testing.T) {
	lookup, sockets, log := recording()
	url := serveSockets(t, engine.Options{}, socket.Options{}, lookup) + "/?EIO=4&transport=polling"
	_, m := get(t, url)
	sid := sidOf(t, m)
	url += "&sid=" + sid
	post(t, url, "40")
	s := next(t, sockets)
	if _, m := get(t, url); m != `40{"sid":"`+s.ID()+`"}` {
		t.Fatal(m)
	}
	post(t, url, "451-[\"a\",{\"_placeholder\":true,\"num\":0}]\x1ebAQI=\x1e427[\"b\"]")
	expectLog(t, log, `/ event a [{"_placeholder":true,"num":0}] [[1 2]]`, "/ event b [] []")
	s.Emit(socket.EncodeEvent("/", "x\x1ey"))
	s.Ack(7, []byte(`["\u001e"]`))
	if _, m := get(t, url); m != "42[\"x\\u001ey\"]\x1e437[\"\\u001e\"]" {
		t.Fatalf("%q", m)
	}
	s.Disconnect(true)
	for _, want := range []string{"41", "1"} { // the close has a poll of its own
		if _, m := get(t, url); m != want {
			t.Fatalf("%q; want %q", m, want)
		}
	}
	expectLog(t, log, "/ disconnected server")
}

func TestWriteAfterTheEndDoesNothing(t *testing.T) {
	lookup, sockets, log := recording()
	c := join(t, serveSockets(t, engine.Options{}, socket.Options{}, lookup), "/")
	s := next(t, sockets)
	c.send("1")
	if rest := c.ended(); len(rest) > 1 || len(rest) == 1 && rest[0] != "6" {
		t.Errorf("after the end came %q", rest)
	}
	expectLog(t, log, "/ disconnected client")
	s.Emit(socket.EncodeEvent("/", "late"))
	s.Ack(1, nil)
	s.Disconnect(true)
	expectQuiet(t, log)
}

func TestSocketWithoutReceiverDropsWhatComes(t *testing.T) {
	sockets := make(chan *socket.Socket, room)
	url := serveSockets(t, engine.Options{}, socket.Options{}, only(func(s *socket.Socket, _ []byte) socket.Receiver {
		s.Accept(nil)
		sockets <- s
		return nil
	}))
	c := join(t, url, "/")
	c.send(`421["a"]`)
	c.send(`431[]`)
	c.join("/a") // the session goes on
	first, second := next(t, sockets), next(t, sockets)
	if first.Conn() != second.Conn() {
		t.Error("sockets of one session do not share it")
	}
	c.send("41")
	c.join("/")
}
