package engine_test

import (
	"bufio"
	"bytes"
	"io"
	"net"
	"net/http"
	"runtime/pprof"
	"strings"
	"testing"
	"time"

	"github.com/yizhan-im/yizhan/appliance/weblink/engine"
)

// parked is how many WebSockets wait on a small stack.
func parked(t testing.TB) int {
	t.Helper()
	var b bytes.Buffer
	if err := pprof.Lookup("goroutine").WriteTo(&b, 2); err != nil {
		t.Fatal(err)
	}
	return strings.Count(b.String(), "engine.(*socket).park(")
}

func wantParked(t testing.TB, want int) {
	t.Helper()
	eventually(t, func() bool { return parked(t) == want }, func() { t.Fatalf("%d WebSockets are parked, want %d", parked(t), want) })
}

func TestAQuietClientIsParkedAndServedAgain(t *testing.T) {
	both(t, func(t *testing.T, secure bool) {
		a := newApp()
		a.echo = true
		n := serve(t, a, engine.Options{})
		c, p := n.session(t, secure)
		for range 3 {
			wantParked(t, 1)
			c.text("4anybody here")
			c.want("4anybody here")
		}
		wantParked(t, 1)
		p.Send(engine.Message([]byte("pushed"), false)) // wakes nobody
		c.want("4pushed")
		c.write(frameOf(opText, true, "4half")[:7])
		wantParked(t, 1)
		c.write(frameOf(opText, true, "4half")[7:])
		c.want("4half")
		wantParked(t, 1)
		p.Close()
		p.wantClosed(t, engine.ReasonServer)
	})
}

// TLS may have read a record and a part of the next one. What is whole is
// handled, and the rest is waited for.
func TestTLSRecordsThatArriveInPieces(t *testing.T) {
	a := newApp()
	a.echo = true
	n := serve(t, a, engine.Options{})
	cut := &cutter{Conn: n.dialRaw(t, true)}
	c := &wsClient{Conn: tlsClient(t, cut), t: t}
	if err := c.handshake("EIO=4&transport=websocket", "", ""); err != nil {
		t.Fatal(err)
	}
	c.wantOpen()
	cut.hold()
	c.text("4first")
	c.text("4second")
	c.text("4third")
	records := cut.held()
	from := 0
	for _, to := range []int{5, len(records)/2 + 3, len(records)} {
		wantParked(t, 1)
		if _, err := cut.Conn.Write(records[from:to]); err != nil {
			t.Fatal(err)
		}
		from = to
	}
	c.want("4first", "4second", "4third")
}

// Connections that are neither TCP nor TLS over it are served all the same.
func TestConnectionsInWrappers(t *testing.T) {
	for name, wrap := range map[string]func(net.Conn) net.Conn{
		"nothing to be seen":  func(c net.Conn) net.Conn { return struct{ net.Conn }{c} },
		"TCP below":           func(c net.Conn) net.Conn { return &layer{Conn: c} },
		"a buffer in between": func(c net.Conn) net.Conn { return &layer{Conn: c, in: bufio.NewReader(c)} },
	} {
		t.Run(name, func(t *testing.T) {
			a := newApp()
			a.echo = true
			n := serve(t, a, engine.Options{PingInterval: 300 * time.Millisecond, QueueBytes: 32 << 20})
			l, err := net.Listen("tcp", "127.0.0.1:0")
			if err != nil {
				t.Fatal(err)
			}
			web := &http.Server{Handler: n.Server}
			go func() { _ = web.Serve(wrappingListener{l, wrap}) }()
			t.Cleanup(func() { _ = web.Close() })
			conn, err := net.Dial("tcp", l.Addr().String())
			if err != nil {
				t.Fatal(err)
			}
			t.Cleanup(func() { _ = conn.Close() })
			_ = conn.SetDeadline(time.Now().Add(patience))
			c := &wsClient{Conn: conn, t: t}
			if err := c.handshake("EIO=4&transport=websocket", "", string(frameOf(opText, true, "4early"))); err != nil {
				t.Fatal(err)
			}
			c.wantOpen()
			c.want("4early")
			p := n.peer(t)
			for range 2 {
				c.want("2")
				c.text("3", "4hello")
				c.want("4hello")
			}
			large := strings.Repeat("x", 1<<20)
			for range 8 {
				p.Send(engine.Message([]byte(large), false))
			}
			for got := 0; got < 8; {
				switch _, data := c.read(); data {
				case "2":
					c.text("3")
				case "4" + large:
					got++
				default:
					t.Fatalf("read %.20q", data)
				}
			}
			p.Close()
			for _, data := range c.wantClose(1000) {
				if data != "1" && data != "2" {
					t.Errorf("%.20q came before the close frame", data)
				}
			}
			p.wantClosed(t, engine.ReasonServer)
		})
	}
}

type wrappingListener struct {
	net.Listener
	wrap func(net.Conn) net.Conn
}

func (l wrappingListener) Accept() (net.Conn, error) {
	c, err := l.Listener.Accept()
	if err != nil {
		return nil, err
	}
	return l.wrap(c), nil
}

// layer is a connection in which more may be buffered than was read.
type layer struct {
	net.Conn
	in io.Reader
}

func (l *layer) NetConn() net.Conn { return l.Conn }

func (l *layer) Read(b []byte) (int, error) {
	if l.in == nil {
		return l.Conn.Read(b)
	}
	return l.in.Read(b)
}

// cutter holds back what is written.
type cutter struct {
	net.Conn
	holding bool
	rest    []byte
}

func (c *cutter) hold() { c.holding = true }

func (c *cutter) held() []byte {
	c.holding = false
	return c.rest
}

func (c *cutter) Write(b []byte) (int, error) {
	if c.holding {
		c.rest = append(c.rest, b...)
		return len(b), nil
	}
	return c.Conn.Write(b)
}
