package engine_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"runtime/pprof"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/yizhan-im/yizhan/appliance/weblink/engine"
)

// goroutines is how many goroutines this package has started, the tests' aside.
func goroutines(t testing.TB) (n int) {
	t.Helper()
	var b bytes.Buffer
	if err := pprof.Lookup("goroutine").WriteTo(&b, 2); err != nil {
		t.Fatal(err)
	}
	for stack := range strings.SplitSeq(b.String(), "\n\n") {
		if strings.Contains(stack, "weblink/engine.(*") && !strings.Contains(stack, "engine.(*Server).ServeHTTP") {
			n++
		}
	}
	return n
}

func TestCloseLeavesNoGoroutine(t *testing.T) {
	n := serve(t, newApp(), engine.Options{QueueBytes: 64 << 20})
	for i := range 5 {
		secure := i%2 == 0
		_, deaf := n.session(t, secure)
		for range 2048 {
			deaf.Send(largeMessage)
		}
		n.session(t, secure)
		c, p := n.polling(t, secure)
		c.candidate(t)
		p.Send(largeMessage)
	}
	_ = n.Server.Close()
	// One that has just said that it is done may still be on its way out.
	eventually(t, func() bool { return goroutines(t) == 0 }, func() {
		t.Errorf("%d goroutines are left", goroutines(t))
	})
}

func TestCloseWhileClientsCome(t *testing.T) {
	n := serve(t, newApp(), engine.Options{})
	var all sync.WaitGroup
	stop := make(chan struct{})
	for i := range 8 {
		all.Go(func() {
			for {
				select {
				case <-stop:
					return
				default:
				}
				if i%2 == 0 {
					_, _, _, _ = n.try(i%4 == 0, "GET", "EIO=4&transport=polling", "")
					continue
				}
				conn, err := net.Dial("tcp", n.plain.Listener.Addr().String())
				if err != nil {
					return
				}
				_ = conn.SetDeadline(time.Now().Add(patience))
				_ = (&wsClient{Conn: conn, t: t}).handshake("EIO=4&transport=websocket", "", "")
				_ = conn.Close()
			}
		})
	}
	for range 50 {
		n.peer(t)
	}
	_ = n.Server.Close()
	close(stop)
	all.Wait()
	eventually(t, func() bool { return n.Connections() == 0 }, func() { t.Errorf("%d sessions are left", n.Connections()) })
	for {
		select {
		case p := <-n.app.opened:
			if len(p.closed) != 1 {
				t.Fatalf("a session was closed %d times", len(p.closed))
			}
			continue
		default:
		}
		break
	}
}

// Timeouts that an operator sets for ordinary requests do not end polls.
func TestPollsOutliveTheTimeoutsOfTheHTTPServer(t *testing.T) {
	n := serve(t, newApp(), engine.Options{})
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	web := &http.Server{Handler: n.Server, ReadTimeout: 50 * time.Millisecond, WriteTimeout: 50 * time.Millisecond}
	go func() { _ = web.Serve(l) }()
	t.Cleanup(func() { _ = web.Close() })
	c, p := n.polling(t, false)
	got := make(chan answer, 1)
	go func() {
		resp, err := http.Get(fmt.Sprintf("http://%s/?%s", l.Addr(), c.query))
		if err != nil {
			got <- answer{err: err}
			return
		}
		defer resp.Body.Close()
		var body bytes.Buffer
		_, err = body.ReadFrom(resp.Body)
		got <- answer{resp.StatusCode, body.String(), err}
	}()
	eventually(t, func() bool { return n.Waiting(c.sid) }, func() { t.Fatal("the poll does not wait") })
	// A client that comes later and says nothing is thrown out by the same timeout.
	silent, err := net.Dial("tcp", l.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	defer silent.Close()
	_ = silent.SetDeadline(time.Now().Add(patience))
	if _, err := silent.Read(make([]byte, 1)); !errors.Is(err, io.EOF) {
		t.Fatalf("the silent client: %v, want the end of the stream", err)
	}
	p.Send(engine.Message([]byte("late"), false))
	c.wantAnswer(got, "4late")
}

func TestAPollThatIsGivenUpOverHTTP2EndsTheSession(t *testing.T) {
	n := serve(t, newApp(), engine.Options{})
	c, p := n.polling(t, true)
	ctx, cancel := context.WithCancel(t.Context())
	r, err := http.NewRequestWithContext(ctx, "GET", n.base(true)+"/?"+c.query, nil)
	if err != nil {
		t.Fatal(err)
	}
	failed := make(chan error, 1)
	go func() {
		resp, err := n.secure.Client().Do(r)
		if err == nil {
			_ = resp.Body.Close()
			err = fmt.Errorf("answered over %s", resp.Proto)
		}
		failed <- err
	}()
	eventually(t, func() bool { return n.Waiting(c.sid) }, func() { t.Fatal("the poll does not wait") })
	cancel()
	p.wantClosed(t, engine.ReasonTransport)
	if err := <-failed; !errors.Is(err, context.Canceled) {
		t.Error(err)
	}
}

func BenchmarkPoll(b *testing.B) {
	a := newApp()
	a.echo = true
	n := serve(b, a, engine.Options{})
	c, _ := n.polling(b, false)
	b.ReportAllocs()
	for b.Loop() {
		c.post("4hello")
		c.get()
	}
}
