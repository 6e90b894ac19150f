package socket_test

import (
	"bytes"
	"errors"
	"fmt"
	"math/rand/v2"
	"runtime"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/yizhan-im/yizhan/appliance/weblink/engine"
	"github.com/yizhan-im/yizhan/appliance/weblink/socket"
)

// strict is a socket.Receiver that checks the promises about the order of calls.
type strict struct {
	tb      testing.TB
	socket  *socket.Socket
	event   func(s *socket.Socket, e *socket.Event) error
	inside  atomic.Bool
	ends    atomic.Int32
	answers int
}

func (r *strict) enter(what string) {
	if !r.inside.CompareAndSwap(false, true) {
		r.tb.Errorf("%s while another call runs", what)
	}
	if r.ends.Load() > 0 {
		r.tb.Errorf("%s after Disconnected", what)
	}
}

func (r *strict) Event(e *socket.Event) error {
	r.enter("Event")
	defer r.inside.Store(false)
	if len(e.Args) < 2 || e.Args[0] != '[' || e.Args[len(e.Args)-1] != ']' {
		r.tb.Errorf("the arguments are %q", e.Args)
	}
	return r.event(r.socket, e)
}

func (r *strict) Acked(uint64, []byte) {
	r.enter("Acked")
	defer r.inside.Store(false)
	r.answers++
}

func (r *strict) Disconnected(engine.Reason) {
	r.enter("Disconnected")
	defer r.inside.Store(false)
	r.ends.Add(1)
}

// Goroutines answer, emit and disconnect while packets come and sessions end.
func TestReceiversAreToldOnceInAnyRace(t *testing.T) {
	conn, _ := catch(t, func(string) socket.Namespace { return nil })
	var answered, refused, events int
	for range 300 {
		var receivers []*strict
		sockets := make(chan *socket.Socket, room)
		server := socket.NewServer(only(func(s *socket.Socket, _ []byte) socket.Receiver {
			r := &strict{tb: t, socket: s, event: func(s *socket.Socket, e *socket.Event) error {
				events++
				if rand.IntN(10) == 0 {
					s.Disconnect(false)
				}
				return nil
			}}
			receivers = append(receivers, r)
			if rand.IntN(2) == 0 {
				s.Accept(nil)
			}
			for range 3 { // several at one socket at once
				sockets <- s
			}
			return r
		}), socket.Options{})
		session := server.Opened(conn)
		var others sync.WaitGroup
		for range 3 {
			others.Go(func() {
				for s := range sockets {
					for range 2 {
						meddle(s)
					}
				}
			})
		}
		for range 20 {
			namespace := []string{"", "/a,", "/b,"}[rand.IntN(3)]
			packet := []string{"0" + namespace, "0" + namespace, "2" + namespace + `["x"]`, "3" + namespace + `1[]`, "1" + namespace}[rand.IntN(5)]
			switch err := session.Message([]byte(packet), false); {
			case err == nil:
				answered++
			case errors.Is(err, socket.ErrConnected) || errors.Is(err, socket.ErrNotConnected):
				refused++ // the engine would close; the session must bear more
			default:
				t.Fatal(err)
			}
		}
		session.Closed(engine.ReasonClient)
		close(sockets)
		others.Wait()
		for i, r := range receivers {
			if n := r.ends.Load(); n != 1 {
				t.Fatalf("receiver %d of %d was told %d times", i, len(receivers), n)
			}
		}
	}
	if answered == 0 || refused == 0 || events == 0 {
		t.Errorf("%d packets taken, %d refused, %d events: the race was not tried", answered, refused, events)
	}
}

// DISCONNECT never overtakes CONNECT, whoever comes first.
func TestDisconnectDuringAccept(t *testing.T) {
	sockets := make(chan *socket.Socket, 1)
	c := open(t, serveSockets(t, engine.Options{}, socket.Options{}, only(func(s *socket.Socket, _ []byte) socket.Receiver {
		sockets <- s
		return ignore{}
	})))
	for range 500 {
		c.send("40")
		s := next(t, sockets)
		var both sync.WaitGroup
		var accepted atomic.Bool
		both.Go(func() { s.Accept(nil); accepted.Store(true) })
		both.Go(func() {
			for !accepted.Load() { // so that one comes in the middle of Accept
				s.Disconnect(false)
				runtime.Gosched()
			}
		})
		both.Wait()
		s.Disconnect(false) // in case that none has
		if m := c.text(); m != `40{"sid":"`+s.ID()+`"}` {
			t.Fatal(m)
		}
		c.expect("41")
	}
}

// meddle is what the goroutines of a server may do at any time.
func meddle(s *socket.Socket) {
	switch rand.IntN(4) {
	case 0:
		s.Refuse("no", nil)
	case 1:
		s.Disconnect(false)
	default:
		s.Accept(nil)
		s.Ack(1, nil)
		s.Emit(socket.EncodeEvent(s.Namespace(), "x"))
	}
}

// FuzzSession gives a session a sequence of messages: each line of the input is
// one, binary when it starts with "b". Namespaces and event names decide what the
// server does.
func FuzzSession(f *testing.F) {
	conn, _ := catch(f, func(string) socket.Namespace { return nil })
	f.Add([]byte("0\n2[\"x\"]\n0/a,{}\n52-/a,1[\"x\",{\"_placeholder\":true,\"num\":0},{\"_placeholder\":true,\"num\":1}]\nb1\nb2\n1/a\n1"))
	f.Add([]byte("0/pending\n0/refuse\n0/refuse\n0/unknown\n30[]"))
	f.Add([]byte("0\n0/a\n2[\"leave\"]\n0\n2[\"close\"]\n0/b"))
	f.Add([]byte("0\n2[\"error\"]"))
	f.Add([]byte("0\n0"))
	f.Fuzz(func(t *testing.T, in []byte) {
		var receivers []*strict
		server := socket.NewServer(func(name string) socket.Namespace {
			if name == "/unknown" {
				return nil
			}
			return namespace(func(s *socket.Socket, auth []byte) socket.Receiver {
				switch name {
				case "/refuse":
					s.Refuse("no", auth)
				case "/pending":
				default:
					s.Accept(nil)
				}
				r := &strict{tb: t, socket: s, event: act}
				receivers = append(receivers, r)
				return r
			})
		}, socket.Options{})
		session := server.Opened(conn)
		for line := range bytes.Lines(bytes.Clone(in)) {
			m, binary := bytes.CutPrefix(bytes.TrimSuffix(line, []byte("\n")), []byte("b"))
			if session.Message(m, binary) != nil {
				break
			}
		}
		session.Closed(engine.ReasonClient)
		for _, r := range receivers {
			if n := r.ends.Load(); n != 1 {
				t.Fatalf("the receiver of %s was told %d times", r.socket.Namespace(), n)
			}
		}
	})
}

// act does what an event is named for.
func act(s *socket.Socket, e *socket.Event) error {
	switch e.Name {
	case "leave":
		s.Disconnect(false)
	case "close":
		s.Disconnect(true)
	case "error":
		return fmt.Errorf("event %d", e.ID)
	}
	s.Ack(e.ID, e.Args, e.Attachments...)
	return nil
}
