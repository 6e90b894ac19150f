package socket_test

import (
	"errors"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/yizhan-im/yizhan/appliance/weblink/engine"
	"github.com/yizhan-im/yizhan/appliance/weblink/socket"
	"github.com/yizhan-im/yizhan/appliance/weblink/socketio"
)

func TestClientThatBreaksTheProtocolLosesItsSession(t *testing.T) {
	pending := namespace(func(*socket.Socket, []byte) socket.Receiver { return nil })
	for name, messages := range map[string][]string{
		"an event before CONNECT":           {`42["a"]`},
		"an ack before CONNECT":             {`431[]`},
		"a disconnect before CONNECT":       {`41`},
		"attachments before CONNECT":        {`451-["a",{"_placeholder":true,"num":0}]`},
		"attachments before the answer":     {`40/pending`, `451-/pending,["a",{"_placeholder":true,"num":0}]`},
		"no type":                           {`4`},
		"an unknown type":                   {`4abc`},
		"a connect error":                   {`44{"message":"no"}`},
		"a second CONNECT":                  {`40`, `40`},
		"a second CONNECT during the first": {`40/pending`, `40/pending`},
		"an event before the answer":        {`40/pending`, `42/pending,["a"]`},
		"an event elsewhere":                {`40`, `42/custom,["a"]`},
		"an event after leaving":            {`40`, `41`, `42["a"]`},
		"leaving twice":                     {`40`, `41`, `41`},
		"an event that is no array":         {`40`, `42{}`},
		"an event with a bad id":            {`40`, `42abc["a"]`},
		"a reserved name":                   {`40`, `42["disconnect"]`},
		"attachments that do not come":      {`40`, `451-["a",{"_placeholder":true,"num":0}]`, `42["a"]`},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			lookup, sockets, log := recording()
			url := serveSockets(t, engine.Options{OpenTimeout: time.Hour}, socket.Options{}, func(name string) socket.Namespace {
				if name == "/pending" {
					return pending
				}
				return lookup(name)
			})
			c := open(t, url)
			for _, m := range messages {
				c.send(m)
			}
			c.ended()
			if messages[0] != "40" {
				if len(sockets) > 0 {
					t.Error("a socket was accepted")
				}
				return
			}
			next(t, sockets)
			if slices.Contains(messages, "41") {
				expectLog(t, log, "/ disconnected client")
			} else {
				expectLog(t, log, "/ disconnected parse_error")
			}
			expectQuiet(t, log)
		})
	}
	t.Run("an attachment that nobody announced", func(t *testing.T) {
		lookup, _, log := recording()
		c := join(t, serveSockets(t, engine.Options{}, socket.Options{}, lookup), "/")
		c.sendBinary(1)
		c.ended()
		expectLog(t, log, "/ disconnected parse_error")
	})
}

func TestLimitsOfPacketsAreTheServers(t *testing.T) {
	lookup, _, log := recording()
	c := join(t, serveSockets(t, engine.Options{}, socket.Options{Packets: socketio.Limits{MaxBytes: 50}}, lookup), "/")
	c.send(`42["` + strings.Repeat("a", 45) + `"]`)
	expectLog(t, log, "/ event "+strings.Repeat("a", 45)+" [] []")
	c.send(`42["` + strings.Repeat("a", 46) + `"]`)
	c.ended()
	expectLog(t, log, "/ disconnected parse_error")
}

func TestLeavingOneNamespaceKeepsTheOthers(t *testing.T) {
	lookup, _, log := recording()
	c := join(t, serveSockets(t, engine.Options{}, socket.Options{}, lookup), "/")
	c.join("/a")
	c.join("/b")
	c.send("41/a")
	expectLog(t, log, "/a disconnected client")
	c.send(`42/b,["x"]`)
	c.send(`42["y"]`)
	expectLog(t, log, "/b event x [] []", "/ event y [] []")
	c.send("41")
	expectLog(t, log, "/ disconnected client")
	c.join("/") // and comes back
	c.send(`42["z"]`)
	expectLog(t, log, "/ event z [] []")
	c.send("41")
	c.send("41/b,")
	expectLog(t, log, "/ disconnected client", "/b disconnected client")
	c.join("/a") // a session without namespaces stays open
	c.send("1")
	c.ended()
	expectLog(t, log, "/a disconnected client")
	expectQuiet(t, log)
}

func TestEndOfTheSessionReachesEverySocketAfterItsLastEvent(t *testing.T) {
	lookup, _, log := recording()
	c := join(t, serveSockets(t, engine.Options{}, socket.Options{}, lookup), "/")
	c.join("/a")
	c.send(`42/a,["last"]`)
	_ = c.conn.Close()
	expectLog(t, log, "/a event last [] []")
	ends := []string{next(t, log), next(t, log)}
	slices.Sort(ends)
	if want := []string{"/ disconnected transport", "/a disconnected transport"}; !slices.Equal(ends, want) {
		t.Errorf("%q; want %q", ends, want)
	}
}

func TestErrorOfAnEventClosesTheSession(t *testing.T) {
	log := make(chan string, room)
	c := join(t, serveSockets(t, engine.Options{}, socket.Options{}, only(func(s *socket.Socket, _ []byte) socket.Receiver {
		s.Accept(nil)
		return &recorder{socket: s, log: log, event: func(*socket.Event) error { return errors.New("enough") }}
	})), "/")
	c.send(`42["a"]`)
	c.ended()
	expectLog(t, log, "/ disconnected parse_error")
}

func TestServerDisconnectsOneNamespace(t *testing.T) {
	lookup, sockets, log := recording()
	c := join(t, serveSockets(t, engine.Options{}, socket.Options{}, lookup), "/")
	c.join("/a")
	first, second := next(t, sockets), next(t, sockets)
	second.Disconnect(false)
	expectQuietAfter(t, log, "/a disconnected server") // before Disconnect has returned
	second.Disconnect(false)
	second.Disconnect(true)
	second.Emit(socket.EncodeEvent("/a", "late"))
	second.Ack(1, nil)
	first.Emit(socket.EncodeEvent("/", "still"))
	c.expect("41/a,", `42["still"]`)
	c.join("/a") // the client may come back by itself
	c.send(`42/a,["x"]`)
	expectLog(t, log, "/a event x [] []")
}

// expectQuietAfter is for a line that has been logged already.
func expectQuietAfter(tb testing.TB, log <-chan string, want string) {
	tb.Helper()
	select {
	case got := <-log:
		if got != want {
			tb.Fatalf("%s; want %s", got, want)
		}
	default:
		tb.Fatalf("nothing was logged; want %s", want)
	}
	expectQuiet(tb, log)
}

func TestServerClosesTheSession(t *testing.T) {
	lookup, sockets, log := recording()
	c := join(t, serveSockets(t, engine.Options{}, socket.Options{}, lookup), "/")
	c.join("/a")
	s := next(t, sockets)
	s.Emit(socket.EncodeEvent("/", "goodbye"))
	s.Disconnect(true)
	s.Emit(socket.EncodeEvent("/", "late"))
	s.Disconnect(true)
	c.expect(`42["goodbye"]`)
	rest := c.ended()
	slices.Sort(rest)
	if want := []string{"1", "41", "41/a,"}; !slices.Equal(rest, want) {
		t.Errorf("at the end %q; want %q", rest, want)
	}
	_ = c.conn.Close()
	ends := []string{next(t, log), next(t, log)}
	slices.Sort(ends)
	if want := []string{"/ disconnected server", "/a disconnected server"}; !slices.Equal(ends, want) {
		t.Errorf("%q; want %q", ends, want)
	}
}

// Disconnected waits for the Event that runs, whoever disconnects.
func TestDisconnectedComesAfterTheEventThatRuns(t *testing.T) {
	for _, byItself := range []bool{true, false} {
		log, running, proceed := make(chan string, room), make(chan struct{}), make(chan struct{})
		sockets := make(chan *socket.Socket, room)
		c := join(t, serveSockets(t, engine.Options{}, socket.Options{}, only(func(s *socket.Socket, _ []byte) socket.Receiver {
			s.Accept(nil)
			sockets <- s
			return &recorder{socket: s, log: log, event: func(*socket.Event) error {
				if byItself {
					s.Disconnect(false)
				}
				close(running)
				<-proceed
				log <- "event is over"
				return nil
			}}
		})), "/")
		c.send(`42["a"]`)
		next(t, running)
		if !byItself {
			next(t, sockets).Disconnect(false)
		}
		expectQuiet(t, log)
		close(proceed)
		expectLog(t, log, "event is over", "/ disconnected server")
		c.expect("41")
		c.join("/")
	}
}
