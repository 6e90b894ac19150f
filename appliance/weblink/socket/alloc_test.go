package socket_test

import (
	"log/slog"
	"testing"

	"github.com/yizhan-im/yizhan/appliance/weblink/engine"
	"github.com/yizhan-im/yizhan/appliance/weblink/socket"
)

// catcher is an engine.Handler that lets a test be the engine for the sessions
// that it opens.
type catcher struct {
	server    *socket.Server
	conns     chan *engine.Conn
	receivers chan engine.Receiver
}

func (c catcher) Opened(conn *engine.Conn) engine.Receiver {
	r := c.server.Opened(conn)
	c.conns <- conn
	c.receivers <- r
	return r
}

// catch opens a session and returns both ends that the engine holds of it. Its
// client sends nothing, so the test alone calls the receiver.
func catch(tb testing.TB, lookup func(string) socket.Namespace) (*engine.Conn, engine.Receiver) {
	c := catcher{socket.NewServer(lookup, socket.Options{}), make(chan *engine.Conn, 1), make(chan engine.Receiver, 1)}
	server := engine.NewServer(c, slog.New(slog.DiscardHandler), nil, engine.Options{})
	tb.Cleanup(func() { _ = server.Close() })
	client := open(tb, serve(tb, server))
	go func() {
		for {
			if _, err := client.read(); err != nil {
				return
			}
		}
	}()
	return next(tb, c.conns), next(tb, c.receivers)
}

// ignore is a socket.Receiver that costs nothing.
type ignore struct{}

func (ignore) Event(*socket.Event) error  { return nil }
func (ignore) Acked(uint64, []byte)       {}
func (ignore) Disconnected(engine.Reason) {}

// joined is a session with the main namespace joined.
func joined(tb testing.TB) (engine.Receiver, *socket.Socket) {
	sockets := make(chan *socket.Socket, 1)
	_, r := catch(tb, only(func(s *socket.Socket, _ []byte) socket.Receiver {
		s.Accept(nil)
		sockets <- s
		return ignore{}
	}))
	if err := r.Message([]byte("0"), false); err != nil {
		tb.Fatal(err)
	}
	return r, next(tb, sockets)
}

func TestSessionOfOneNamespaceIsOneAllocation(t *testing.T) {
	pending := namespace(func(*socket.Socket, []byte) socket.Receiver { return ignore{} })
	server := socket.NewServer(only(pending), socket.Options{})
	connect := []byte(`0{"token":"1"}`)
	if n := testing.AllocsPerRun(100, func() {
		if err := server.Opened(nil).Message(connect, false); err != nil {
			t.Fatal(err)
		}
	}); n != 1 {
		t.Errorf("%v allocations", n)
	}
}

const send = `212["send",{"conversation":"u:alice","clientId":"b3f1c0de","type":1,"body":"你好, how are you today?"}]`

func TestEventIsOneAllocation(t *testing.T) {
	if socket.RaceDetector {
		t.Skip("pools forget under the race detector")
	}
	r, _ := joined(t)
	in := make([]byte, len(send))
	if n := testing.AllocsPerRun(100, func() {
		copy(in, send)
		if err := r.Message(in, false); err != nil {
			t.Fatal(err)
		}
	}); n != 1 { // its name
		t.Errorf("%v allocations", n)
	}
}

func BenchmarkEvent(b *testing.B) {
	r, _ := joined(b)
	in := make([]byte, len(send))
	b.ReportAllocs()
	for b.Loop() {
		copy(in, send)
		if err := r.Message(in, false); err != nil {
			b.Fatal(err)
		}
	}
}
