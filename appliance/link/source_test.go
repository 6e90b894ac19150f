package link_test

import (
	"errors"
	"net"
	"testing"

	"github.com/yizhan-im/yizhan/appliance/link"
	"github.com/yizhan-im/yizhan/appliance/secure"
	"github.com/yizhan-im/yizhan/appliance/wire"
)

// distant is a listener whose clients come from far away, one site after another.
type distant struct {
	net.Listener
	from chan string
}

type distantConn struct {
	*net.TCPConn
	remote *net.TCPAddr
}

func (c *distantConn) RemoteAddr() net.Addr { return c.remote }

func (l *distant) Accept() (net.Conn, error) {
	nc, err := l.Listener.Accept()
	if err != nil {
		return nil, err
	}
	return &distantConn{nc.(*net.TCPConn), &net.TCPAddr{IP: net.ParseIP(<-l.from), Port: 4000}}, nil
}

// One source cannot hold more than its share of the places of those that have not
// logged in; who has logged in, or is gone, counts no more.
func TestASourceMayHoldSoManyNewcomers(t *testing.T) {
	g := serve(t, newHandler(), link.Options{PerSource: 2})
	inner, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	far := &distant{inner, make(chan string, 1)}
	served := make(chan error, 1)
	go func() { served <- g.Serve(far) }()
	t.Cleanup(func() {
		_ = inner.Close()
		<-served
	})
	g.address = inner.Addr().String()
	from := func(address string) { far.from <- address }
	refused := func(address string) {
		t.Helper()
		from(address)
		_, err := g.dial(0)
		var refusal *secure.RefusedError
		if !errors.As(err, &refusal) || refusal.Code != wire.CodeBusy {
			t.Fatalf("one more from %s: %v, want a refusal", address, err)
		}
	}

	from("2001:db8::1")
	stranger := g.raw(t, 0)
	from("2001:db8::2")
	other := g.raw(t, 0)
	refused("2001:db8::3")
	from("2001:db8:0:1::1")
	g.login(t, 0).send("from another site")

	stranger.login()
	g.wantCount(t, "yizhan_link_newcomer_sources", "", 1)
	from("2001:db8::4")
	g.login(t, 0).send("there is room again")
	from("2001:db8::5")
	third := g.raw(t, 0)
	refused("2001:db8::6")
	_ = other.Close()
	_ = third.Close()
	g.wantCount(t, "yizhan_link_newcomer_sources", "", 0)
	g.wantCount(t, "yizhan_link_handshakes_total", "refused", 2)
}
