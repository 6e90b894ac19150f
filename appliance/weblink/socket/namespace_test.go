package socket_test

import (
	"fmt"
	"testing"
	"time"

	"github.com/yizhan-im/yizhan/appliance/weblink/engine"
	"github.com/yizhan-im/yizhan/appliance/weblink/socket"
)

// namespace is a socket.Namespace made of a function.
type namespace func(s *socket.Socket, auth []byte) socket.Receiver

func (n namespace) Connect(s *socket.Socket, auth []byte) socket.Receiver { return n(s, auth) }

// only has one namespace for all names.
func only(n namespace) func(string) socket.Namespace {
	return func(string) socket.Namespace { return n }
}

// recorder is a socket.Receiver that tells a test what it is called with.
type recorder struct {
	socket *socket.Socket
	log    chan string
	event  func(e *socket.Event) error // nil: record it
}

func (r *recorder) Event(e *socket.Event) error {
	if r.event != nil {
		return r.event(e)
	}
	r.log <- fmt.Sprintf("%s event %s %s %v", r.socket.Namespace(), e.Name, e.Args, e.Attachments)
	return nil
}

func (r *recorder) Acked(id uint64, args []byte) {
	r.log <- fmt.Sprintf("%s acked %d %s", r.socket.Namespace(), id, args)
}

func (r *recorder) Disconnected(reason engine.Reason) {
	r.log <- fmt.Sprintf("%s disconnected %v", r.socket.Namespace(), reason)
}

// room is how many calls a recorder takes that nobody looks at.
const room = 100

// recording accepts everyone; the sockets and what happens to them go to the
// channels.
func recording() (lookup func(string) socket.Namespace, sockets chan *socket.Socket, log chan string) {
	sockets, log = make(chan *socket.Socket, room), make(chan string, room)
	return only(func(s *socket.Socket, _ []byte) socket.Receiver {
		s.Accept(nil)
		sockets <- s
		return &recorder{socket: s, log: log}
	}), sockets, log
}

// next is what comes next from a channel.
func next[T any](tb testing.TB, c <-chan T) T {
	tb.Helper()
	select {
	case v := <-c:
		return v
	case <-time.After(patience):
		tb.Fatal("nothing came")
		panic("unreachable")
	}
}

func expectLog(tb testing.TB, log <-chan string, lines ...string) {
	tb.Helper()
	for _, want := range lines {
		if got := next(tb, log); got != want {
			tb.Fatalf("%s; want %s", got, want)
		}
	}
}

// expectQuiet is for channels that everything which could come has come to.
func expectQuiet(tb testing.TB, log <-chan string) {
	tb.Helper()
	select {
	case line := <-log:
		tb.Fatalf("unexpected: %s", line)
	default:
	}
}

// A client that keeps trying namespaces that it cannot join is closed; events
// that are served make up for some.
func TestConnectsThatAreRefusedAreCounted(t *testing.T) {
	lookup, _, log := recording()
	url := serveSockets(t, engine.Options{OpenTimeout: time.Hour}, socket.Options{MaxNamespaces: 1}, func(name string) socket.Namespace {
		if name == "/nowhere" {
			return nil
		}
		return lookup(name)
	})
	c := join(t, url, "/")
	try := func(namespace, why string) {
		t.Helper()
		c.send("40" + namespace + ",")
		c.expect("44" + namespace + `,{"message":"` + why + `"}`)
	}
	for range socket.MaxRefused / 2 {
		try("/nowhere", "Invalid namespace")
		try("/a", "Too many namespaces")
	}
	for range 2 {
		c.send(`42["good"]`)
		expectLog(t, log, "/ event good [] []")
		try("/nowhere", "Invalid namespace")
	}
	c.send("40/nowhere,")
	c.ended()
	expectLog(t, log, "/ disconnected parse_error")
}
