package socket_test

import (
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/yizhan-im/yizhan/appliance/weblink/engine"
	"github.com/yizhan-im/yizhan/appliance/weblink/socket"
)

func TestConnectHandsOverTheAuthAndAnswersWithTheID(t *testing.T) {
	for sent, want := range map[string]string{`40`: "none", `40{}`: "{}", `40{"token":"1"}`: `{"token":"1"}`, `40/?a=b,{"a":[1]}`: `{"a":[1]}`} {
		auths, ids := make(chan string, 1), make(chan string, 1)
		url := serveSockets(t, engine.Options{}, socket.Options{}, only(func(s *socket.Socket, auth []byte) socket.Receiver {
			if auth == nil {
				auth = []byte("none")
			}
			auths <- string(auth)
			ids <- s.ID()
			s.Accept([]byte(`"pid":"x","n":[1]`))
			return nil
		}))
		c := open(t, url)
		c.send(sent)
		if got := next(t, auths); got != want {
			t.Errorf("%s: the auth is %s", sent, got)
		}
		id := next(t, ids)
		c.expect(`40{"sid":"` + id + `","pid":"x","n":[1]}`)
		if !regexp.MustCompile(`^[-_0-9A-Za-z]{20}$`).MatchString(id) {
			t.Errorf("the id is %s", id)
		}
	}
}

func TestSocketsHaveIDsOfTheirOwn(t *testing.T) {
	lookup, _, _ := recording()
	url := serveSockets(t, engine.Options{}, socket.Options{}, lookup)
	c := open(t, url)
	seen := map[string]bool{c.join("/"): true, c.join("/custom"): true, open(t, url).join("/"): true}
	c.send("41/custom")
	seen[c.join("/custom")] = true
	if len(seen) != 4 {
		t.Errorf("some of 4 sockets share an id: %v", seen)
	}
}

func TestRefusedClientMayTryAgain(t *testing.T) {
	log, results := make(chan string, room), make(chan bool, room)
	url := serveSockets(t, engine.Options{}, socket.Options{MaxNamespaces: 1}, only(func(s *socket.Socket, auth []byte) socket.Receiver {
		if auth == nil {
			s.Refuse("the \"token\"\x1e is missing", []byte(`{"code":401}`))
			s.Refuse("twice", nil)
			results <- s.Accept(nil)
			s.Emit(socket.EncodeEvent("/", "unheard"))
		} else {
			results <- s.Accept(nil)
			results <- s.Accept(nil)
			s.Refuse("too late", nil)
		}
		return &recorder{socket: s, log: log}
	}))
	c := open(t, url)
	for range 5 { // which are not counted as namespaces
		c.send("40")
		c.expect(`44{"message":"the \"token\"\u001e is missing","data":{"code":401}}`)
		expectLog(t, log, "/ disconnected server")
		if next(t, results) {
			t.Error("a refused socket was accepted")
		}
	}
	c.send(`40{"token":1}`)
	if m := c.text(); !strings.HasPrefix(m, `40{"sid":"`) {
		t.Fatal(m)
	}
	if !next(t, results) || next(t, results) {
		t.Error("Accept must succeed once")
	}
	c.send(`42["hello"]`)
	expectLog(t, log, "/ event hello [] []")
}

func TestRefusedLaterIsToldAtTheLatestWithTheNextPacket(t *testing.T) {
	sockets, log := make(chan *socket.Socket, 2), make(chan string, room)
	url := serveSockets(t, engine.Options{}, socket.Options{}, only(func(s *socket.Socket, _ []byte) socket.Receiver {
		if s.Namespace() == "/open" {
			s.Accept(nil)
			return nil
		}
		sockets <- s
		return &recorder{socket: s, log: log}
	}))
	c := open(t, url)
	c.send("40/a,")
	c.send("40/b,")
	c.join("/open") // the others are waiting for their answers now
	next(t, sockets).Refuse("no", nil)
	c.expect(`44/a,{"message":"no"}`)
	expectQuiet(t, log) // Refuse itself calls nothing: its caller may hold locks
	c.send(`42/open,["next"]`)
	expectLog(t, log, "/a disconnected server")
	next(t, sockets).Refuse("no", nil)
	c.expect(`44/b,{"message":"no"}`)
	c.send("1")
	c.ended()
	expectLog(t, log, "/b disconnected server")
}

func TestNamespacesThatDoNotExistAndTooMany(t *testing.T) {
	accept := namespace(func(s *socket.Socket, _ []byte) socket.Receiver { s.Accept(nil); return nil })
	url := serveSockets(t, engine.Options{}, socket.Options{MaxNamespaces: 2}, func(name string) socket.Namespace {
		if name == "/random" {
			return nil
		}
		return accept
	})
	c := open(t, url)
	c.send("40/random")
	c.expect(`44/random,{"message":"Invalid namespace"}`)
	c.join("/a")
	c.join("/b")
	c.send("40/c,{}")
	c.expect(`44/c,{"message":"Too many namespaces"}`)
	c.send("41/a,")
	c.join("/c")
}

func TestAcceptedLater(t *testing.T) {
	sockets, log := make(chan *socket.Socket, 1), make(chan string, room)
	url := serveSockets(t, engine.Options{}, socket.Options{}, only(func(s *socket.Socket, _ []byte) socket.Receiver {
		sockets <- s
		return &recorder{socket: s, log: log}
	}))
	c := open(t, url)
	c.send("40")
	s := next(t, sockets)
	s.Emit(socket.EncodeEvent("/", "early"))
	s.Ack(1, nil)
	s.Disconnect(false)
	if !s.Accept(nil) {
		t.Fatal("not accepted")
	}
	s.Emit(socket.EncodeEvent("/", "first"))
	c.expect(`40{"sid":"`+s.ID()+`"}`, `42["first"]`)
	c.send(`42["hello",1]`)
	expectLog(t, log, "/ event hello [1] []")
}

func TestSessionEndsBeforeTheAnswer(t *testing.T) {
	sockets, log := make(chan *socket.Socket, 1), make(chan string, room)
	url := serveSockets(t, engine.Options{}, socket.Options{}, only(func(s *socket.Socket, _ []byte) socket.Receiver {
		sockets <- s
		return &recorder{socket: s, log: log}
	}))
	c := open(t, url)
	c.send("40")
	s := next(t, sockets)
	c.send("1")
	c.ended()
	expectLog(t, log, "/ disconnected client")
	if s.Accept(nil) {
		t.Error("accepted in a session that is over")
	}
	s.Refuse("late", nil)
	s.Emit(socket.EncodeEvent("/", "late"))
	s.Ack(1, nil)
	s.Disconnect(false)
	s.Disconnect(true)
	expectQuiet(t, log)
}

// Whoever joins nothing is closed in time; whoever has been accepted is not.
func TestAcceptEndsTheWaitForALogin(t *testing.T) {
	lookup, _, log := recording()
	url := serveSockets(t, engine.Options{OpenTimeout: 50 * time.Millisecond}, socket.Options{}, func(name string) socket.Namespace {
		if name == "/pending" {
			return namespace(func(*socket.Socket, []byte) socket.Receiver { return nil })
		}
		return lookup(name)
	})
	var joined *client
	for joined == nil { // a slow machine may take longer than the timeout
		c := open(t, url)
		c.send("40")
		if m, err := c.read(); err == nil && strings.HasPrefix(m, "40{") {
			joined = c
		}
	}
	idle, pending := open(t, url), dial(t, url, "")
	pending.send("40/pending,")
	idle.ended()
	pending.ended()
	for len(log) > 0 {
		<-log // of those that were too slow
	}
	joined.send(`42["still here"]`)
	expectLog(t, log, "/ event still here [] []")
}
