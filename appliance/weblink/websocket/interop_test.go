package websocket_test

import (
	"bytes"
	"context"
	"errors"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/gobwas/httphead"
	"github.com/gobwas/ws"
	"github.com/gobwas/ws/wsflate"

	"github.com/yizhan-im/yizhan/appliance/weblink/websocket"
)

// echo sends back what a client sends, as a gateway would: it owns conn.
type echo struct {
	conn    net.Conn
	deflate bool
}

var errClosed = errors.New("closed by the client")

func (e *echo) write(f []byte) error { _, err := e.conn.Write(f); return err }

func (e *echo) Message(op websocket.Opcode, data []byte) error {
	if e.deflate {
		return e.write(websocket.AppendDeflated(nil, op, data))
	}
	return e.write(websocket.AppendMessage(nil, op, data))
}
func (e *echo) Ping(data []byte) error { return e.write(websocket.AppendPong(nil, data)) }
func (e *echo) Pong([]byte) error      { return nil }
func (e *echo) CloseFrame(s websocket.Status, reason string) error {
	return errors.Join(errClosed, e.write(websocket.AppendClose(nil, s, reason)))
}

func (e *echo) run(early []byte) error {
	defer e.conn.Close()
	var d websocket.Decoder
	d.Init(maxMessage, e.deflate)
	buffer := make([]byte, 4000)
	for in := early; ; {
		err := d.Decode(in, e)
		if broken, ok := errors.AsType[*websocket.Error](err); ok {
			return errors.Join(err, e.write(websocket.AppendClose(nil, broken.Status, broken.Reason)))
		}
		if err != nil {
			return err
		}
		n, err := e.conn.Read(buffer)
		if err != nil {
			return err
		}
		in = buffer[:n]
	}
}

func echoServer(t *testing.T, secure bool) (url string, d ws.Dialer, wait func() error) {
	t.Helper()
	var wg sync.WaitGroup
	var result error
	wg.Add(1)
	s := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		conn, early, deflate, err := websocket.Upgrade(w, r, websocket.Options{Deflate: true})
		if err != nil {
			result = err
			wg.Done()
			return
		}
		// The handler returns at once, as a gateway's does.
		go func() {
			defer wg.Done()
			result = (&echo{conn, deflate}).run(early)
		}()
	}))
	d = ws.Dialer{Timeout: patience}
	if secure {
		s.StartTLS()
		d.TLSConfig = s.Client().Transport.(*http.Transport).TLSClientConfig.Clone()
	} else {
		s.Start()
	}
	t.Cleanup(s.Close)
	return "ws" + strings.TrimPrefix(s.URL, "http"), d, func() error { wg.Wait(); return result }
}

// client is a gobwas client.
type client struct {
	t    *testing.T
	conn net.Conn
	in   io.Reader
}

func connect(t *testing.T, url string, d ws.Dialer) (client, ws.Handshake) {
	t.Helper()
	conn, buffered, hs, err := d.Dial(context.Background(), url)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.Close() })
	if err := conn.SetDeadline(time.Now().Add(patience)); err != nil {
		t.Fatal(err)
	}
	c := client{t, conn, conn}
	if buffered != nil {
		c.in = buffered
	}
	return c, hs
}

// send may be called from any goroutine.
func (c client) send(frames ...ws.Frame) {
	c.t.Helper()
	var b bytes.Buffer
	for _, f := range frames {
		ws.MustWriteFrame(&b, ws.MaskFrame(f))
	}
	if _, err := c.conn.Write(b.Bytes()); err != nil {
		c.t.Error(err)
	}
}

func (c client) receive() ws.Frame {
	c.t.Helper()
	header, err := ws.ReadHeader(c.in)
	if err != nil {
		c.t.Fatal(err)
	}
	if header.Masked || header.Length > maxMessage {
		c.t.Fatalf("received %+v", header)
	}
	f := ws.Frame{Header: header, Payload: make([]byte, header.Length)}
	if _, err := io.ReadFull(c.in, f.Payload); err != nil {
		c.t.Fatal(err)
	}
	return f
}

func (c client) close(wait func() error) {
	c.t.Helper()
	c.send(ws.NewCloseFrame(ws.NewCloseFrameBody(ws.StatusNormalClosure, "再见")))
	f := c.receive()
	if status, reason := ws.ParseCloseFrameData(f.Payload); f.Header.OpCode != ws.OpClose || status != ws.StatusNormalClosure || reason != "再见" {
		c.t.Errorf("closed with %d %q", status, reason)
	}
	if err := wait(); !errors.Is(err, errClosed) {
		c.t.Error(err)
	}
}

func TestWithAGobwasClient(t *testing.T) {
	for _, secure := range []bool{false, true} {
		url, d, wait := echoServer(t, secure)
		c, _ := connect(t, url, d)
		for _, n := range []int{0, 1, 125, 126, 4000, 65535, 65536, 200_000} {
			s := strings.Repeat("驿", n/3) + strings.Repeat("x", n%3)
			go c.send(ws.NewTextFrame([]byte(s)))
			if f := c.receive(); f.Header.OpCode != ws.OpText || string(f.Payload) != s {
				t.Errorf("%d bytes: %+v", n, f.Header)
			}
		}
		c.send(ws.NewFrame(ws.OpBinary, false, []byte("one ")), ws.NewPingFrame([]byte("?")), ws.NewFrame(ws.OpContinuation, true, []byte("two")))
		if f := c.receive(); f.Header.OpCode != ws.OpPong || string(f.Payload) != "?" {
			t.Errorf("a ping is answered with %+v %q", f.Header, f.Payload)
		}
		if f := c.receive(); f.Header.OpCode != ws.OpBinary || string(f.Payload) != "one two" {
			t.Errorf("fragments are answered with %+v %q", f.Header, f.Payload)
		}
		c.close(wait)
	}
}

func TestWithACompressingGobwasClient(t *testing.T) {
	offer := wsflate.Parameters{ClientNoContextTakeover: true, ServerNoContextTakeover: true}
	url, d, wait := echoServer(t, true)
	d.Extensions = []httphead.Option{offer.Option()}
	c, hs := connect(t, url, d)
	if len(hs.Extensions) != 1 || !hs.Extensions[0].Equal(offer.Option()) {
		t.Fatalf("negotiated %v", hs.Extensions)
	}
	for _, n := range []int{0, 1, 31, 200, 5000, 200_000} {
		s := strings.Repeat("hello, 驿站!! ", n/16+1)[:n/16*16]
		compressed, err := wsflate.CompressFrame(ws.NewTextFrame([]byte(s)))
		if err != nil {
			t.Fatal(err)
		}
		// Compressed and not, whole and in fragments.
		half := len(compressed.Payload) / 2
		first, second := compressed, ws.NewFrame(ws.OpContinuation, true, compressed.Payload[half:])
		first.Payload, first.Header.Fin, first.Header.Length = compressed.Payload[:half], false, int64(half)
		go c.send(compressed, ws.NewTextFrame([]byte(s)), first, second)
		for range 3 {
			f := c.receive()
			if small := len(s) < 32; f.Header.Rsv1() == small {
				t.Errorf("%d bytes: compressed %v, opcode %d, %.50q", len(s), f.Header.Rsv1(), f.Header.OpCode, f.Payload)
			}
			if f.Header.Rsv1() {
				if f, err = wsflate.DecompressFrame(f); err != nil {
					t.Fatal(err)
				}
			}
			if string(f.Payload) != s || f.Header.OpCode != ws.OpText {
				t.Errorf("%d bytes came back as %d", len(s), len(f.Payload))
			}
		}
	}
	c.close(wait)
}

func TestAGobwasClientReadsWhyItIsClosed(t *testing.T) {
	url, d, wait := echoServer(t, false)
	c, _ := connect(t, url, d)
	c.send(ws.NewTextFrame([]byte("\xff")))
	f := c.receive()
	if status, reason := ws.ParseCloseFrameData(f.Payload); status != ws.StatusInvalidFramePayloadData || reason == "" {
		t.Errorf("closed with %d %q", status, reason)
	}
	if err := wait(); status(err) != invalidPayload {
		t.Error(err)
	}
}
