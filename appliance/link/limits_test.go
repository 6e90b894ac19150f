package link_test

import (
	"context"
	"errors"
	"io"
	"net"
	"syscall"
	"testing"
	"time"

	"github.com/yizhan-im/yizhan/appliance/link"
	"github.com/yizhan-im/yizhan/appliance/link/channel"
	"github.com/yizhan-im/yizhan/appliance/secure"
	"github.com/yizhan-im/yizhan/appliance/wire"
)

func TestAClientThatSendsNoHelloIsDropped(t *testing.T) {
	g := serve(t, newHandler(), link.Options{HandshakeTimeout: 20 * time.Millisecond})
	g.dialRaw(t).wantDropped()
	slow := g.dialRaw(t)
	slow.write([]byte("YZL")) // the beginning of a hello moves no deadline
	slow.wantDropped()
	g.wantCount(t, "yizhan_link_handshakes_total", "timeout", 2)
}

func TestAClientThatDoesNotLogInIsCutOff(t *testing.T) {
	h := newHandler()
	g := serve(t, h, link.Options{LoginTimeout: 50 * time.Millisecond})
	r := g.raw(t, 0)
	r.seal(loginFrame("alice")[:5]) // the beginning of a login moves no deadline
	r.wantClosed(wire.CodeTimeout)
	h.wantEnded(t, wire.CodeTimeout)
}

func TestASilentClientIsCutOff(t *testing.T) {
	h := newHandler()
	h.idle = 50 * time.Millisecond
	g := serve(t, h, link.Options{})
	g.login(t, 0).wantClosed(wire.CodeTimeout)
	h.wantEnded(t, wire.CodeTimeout)
}

// A half-open connection: the client's machine is gone, and nothing that the
// server sends is answered, not even by its kernel.
func TestAClientThatVanishedIsGivenUp(t *testing.T) {
	h := newHandler()
	h.idle = 50 * time.Millisecond
	g := serve(t, h, link.Options{})
	g.raw(t, 0).login() // never reads, never closes
	h.wantEnded(t, wire.CodeTimeout)
	g.wantCount(t, "yizhan_link_connections", "", 0)
}

func TestPingsKeepAClientConnected(t *testing.T) {
	h := newHandler()
	h.idle = 3 * time.Second // no machine pauses for that long
	g := serve(t, h, link.Options{})
	c := g.login(t, 0)
	tick := time.NewTicker(100 * time.Millisecond)
	defer tick.Stop()
	for begin := time.Now(); time.Since(begin) < 3*h.idle/2; <-tick.C {
		if err := c.WriteFrame(&wire.Frame{Kind: wire.KindPing}, nil); err != nil {
			t.Fatal(err)
		}
		if f := c.read(); f.Kind != wire.KindPong {
			t.Fatalf("got %+v", f)
		}
	}
}

func TestAQuietClientIsParkedAndServedAgain(t *testing.T) {
	h := newHandler()
	g := serve(t, h, link.Options{})
	c := g.login(t, 0)
	for range 2 {
		waitForGoroutines(t, "link.(*conn).park", 1)
		c.send("awake")
	}
	waitForGoroutines(t, "link.(*conn).park", 1)
	_ = c.Close()
	h.wantEnded(t, wire.CodeOK)
}

func TestAParkedClientIsCutOffWhenItStaysSilent(t *testing.T) {
	h := newHandler()
	h.idle = 500 * time.Millisecond // long enough to be parked before
	g := serve(t, h, link.Options{})
	c := g.login(t, 0)
	waitForGoroutines(t, "link.(*conn).park", 1)
	c.wantClosed(wire.CodeTimeout)
	h.wantEnded(t, wire.CodeTimeout)
}

func TestConnectionsBeyondTheLimitAreRefused(t *testing.T) {
	g := serve(t, newHandler(), link.Options{MaxConnections: 2})
	first := g.login(t, 0)
	second := g.login(t, 0)
	_, err := g.dial(0)
	var refused *secure.RefusedError
	if !errors.As(err, &refused) || refused.Code != wire.CodeBusy {
		t.Fatalf("a third connection: %v, want a refusal", err)
	}
	g.wantCount(t, "yizhan_link_handshakes_total", "refused", 1)
	second.send("not hurt")
	_ = first.Close()
	g.wantCount(t, "yizhan_link_connections", "", 1)
	g.login(t, 0).send("now there is room")
}

func TestLimitsMayChangeWhileConnectionsAreOpen(t *testing.T) {
	g := serve(t, newHandler(), link.Options{MaxConnections: 1})
	first := g.login(t, 0)
	if _, err := g.dial(0); err == nil {
		t.Fatal("a second connection was accepted")
	}
	g.SetOptions(link.Options{MaxConnections: 2})
	g.login(t, 0).send("welcome")
	first.send("undisturbed")
}

// Handshakes beyond the limit wait until others are through.
func TestHandshakesBeyondTheLimitWait(t *testing.T) {
	g := serve(t, newHandler(), link.Options{MaxHandshakes: 2, HandshakeTimeout: time.Minute})
	silent := []*rawClient{g.dialRaw(t), g.dialRaw(t)}
	g.wantCount(t, "yizhan_link_connections", "", 2)

	waiting := make(chan error, 1)
	go func() {
		c, err := g.dial(0)
		if err == nil {
			err = c.Close()
		}
		waiting <- err
	}()
	// The third is not served while two are in the way …
	select {
	case err := <-waiting:
		t.Fatalf("a third handshake was served: %v", err)
	case <-time.After(50 * time.Millisecond):
	}
	// … and is as soon as one of them has left.
	_ = silent[0].Close()
	if err := <-waiting; err != nil {
		t.Error(err)
	}
}

func TestARaisedHandshakeLimitIsUsedAtOnce(t *testing.T) {
	g := serve(t, newHandler(), link.Options{MaxHandshakes: 1, HandshakeTimeout: time.Minute})
	g.dialRaw(t)
	g.wantCount(t, "yizhan_link_connections", "", 1)
	served := make(chan error, 1)
	go func() {
		c, err := g.dial(0)
		if err == nil {
			err = c.Close()
		}
		served <- err
	}()
	g.SetOptions(link.Options{MaxHandshakes: 2})
	if err := <-served; err != nil {
		t.Error(err)
	}
}

// failingListener fails to accept a few times before it works.
type failingListener struct {
	net.Listener
	failures []error
}

func (l *failingListener) Accept() (net.Conn, error) {
	if len(l.failures) > 0 {
		err := l.failures[0]
		l.failures = l.failures[1:]
		return nil, &net.OpError{Op: "accept", Err: err}
	}
	return l.Listener.Accept()
}

func TestAcceptSurvivesAShortageOfFileDescriptors(t *testing.T) {
	g := serve(t, newHandler(), link.Options{})
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	served := make(chan error, 1)
	go func() {
		served <- g.Serve(&failingListener{l, []error{syscall.EMFILE, syscall.ECONNABORTED, syscall.ENFILE}})
	}()
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	c, err := channel.Dial(ctx, l.Addr().String(), g.key.Public(), channel.Options{})
	if err != nil {
		t.Fatal(err)
	}
	_ = c.Close()
	_ = l.Close()
	if err := <-served; err != net.ErrClosed {
		t.Errorf("Serve returned %v, want net.ErrClosed", err)
	}
	g.wantCount(t, "yizhan_link_accept_errors_total", "", 2)
}

func TestAnUnknownAcceptErrorEndsServe(t *testing.T) {
	g := serve(t, newHandler(), link.Options{})
	if err := g.Serve(&failingListener{nil, []error{io.ErrClosedPipe}}); !errors.Is(err, io.ErrClosedPipe) {
		t.Errorf("Serve returned %v", err)
	}
}

// pipeListener gives one connection that is not a socket.
type pipeListener struct {
	net.Listener
	conns []net.Conn
}

func (l *pipeListener) Accept() (net.Conn, error) {
	if len(l.conns) == 0 {
		return nil, net.ErrClosed
	}
	nc := l.conns[0]
	l.conns = l.conns[1:]
	return nc, nil
}

func TestConnectionsThatAreNotSocketsAreClosed(t *testing.T) {
	g := serve(t, newHandler(), link.Options{})
	near, far := net.Pipe()
	defer near.Close()
	if err := g.Serve(&pipeListener{nil, []net.Conn{far}}); err != net.ErrClosed {
		t.Errorf("Serve returned %v", err)
	}
	if _, err := near.Read(make([]byte, 1)); err != io.EOF {
		t.Errorf("the connection is open: %v", err)
	}
}
