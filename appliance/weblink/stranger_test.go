package weblink_test

import (
	"context"
	"io"
	"net"
	"strings"
	"testing"
	"time"

	"github.com/gobwas/ws"

	"github.com/yizhan-im/yizhan/appliance/weblink/weblinktest"
)

// stranger is a WebSocket session that has not logged in.
type stranger struct {
	t    testing.TB
	conn net.Conn
}

func dialStranger(t testing.TB, url string) *stranger {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	conn, early, _, err := ws.Dial(ctx, "ws"+strings.TrimPrefix(url, "http")+"?EIO=4&transport=websocket")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = conn.Close() })
	_ = conn.SetDeadline(time.Now().Add(patience))
	s := &stranger{t, conn}
	if early != nil { // what came with the handshake's answer
		s.conn = &bufferedConn{conn, early}
	}
	if got := s.read(); !strings.HasPrefix(got, "0{") {
		t.Fatalf("the session starts with %s", got)
	}
	return s
}

// bufferedConn reads what has been read ahead first.
type bufferedConn struct {
	net.Conn
	io.Reader
}

func (c *bufferedConn) Read(b []byte) (int, error) { return c.Reader.Read(b) }

func (s *stranger) write(packet string) {
	s.t.Helper()
	// What the server does not take any more, it tells by what it sends.
	_ = ws.WriteFrame(s.conn, ws.MaskFrame(ws.NewTextFrame([]byte(packet))))
}

func (s *stranger) read() string {
	s.t.Helper()
	f, err := weblinktest.ReadFrame(s.conn)
	if err != nil {
		s.t.Fatal(err)
	}
	return string(f.Payload)
}
