package weblink_test

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"net"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/gobwas/ws"

	"github.com/yizhan-im/yizhan/appliance/session"
	"github.com/yizhan-im/yizhan/appliance/weblink"
	"github.com/yizhan-im/yizhan/appliance/wire"
)

// rawClient is a WebSocket client that costs little: what it sends is made before,
// and what it reads is only counted.
type rawClient struct {
	conn   net.Conn
	reader *bufio.Reader
}

// benchGateway starts a gateway without a log.
func benchGateway(b *testing.B, h *handler) (url string) {
	b.Helper()
	h.quiet = true
	s := weblink.NewServer(h, nil, nil, weblink.Options{})
	web := httptest.NewServer(s)
	b.Cleanup(func() {
		_ = s.Close()
		web.Close()
	})
	return "ws" + strings.TrimPrefix(web.URL, "http") + "/socket.io/?EIO=4&transport=websocket"
}

func dialRaw(b *testing.B, url, account string) *rawClient {
	b.Helper()
	conn, reader, _, err := ws.Dial(context.Background(), url)
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() { _ = conn.Close() })
	if reader == nil {
		reader = bufio.NewReader(conn)
	}
	c := &rawClient{conn, reader}
	if _, err := conn.Write(text(fmt.Sprintf(`40{"appKey":"app","account":%q,"token":"secret","deviceId":%q}`, account, account))); err != nil {
		b.Fatal(err)
	}
	c.skip(b, 3) // the handshake, CONNECT, login
	return c
}

// text is a client's frame.
func text(packet string) []byte {
	return ws.MustCompileFrame(ws.MaskFrame(ws.NewTextFrame([]byte(packet))))
}

// skip reads frames.
func (c *rawClient) skip(b *testing.B, frames int) {
	for range frames {
		head, err := ws.ReadHeader(c.reader)
		if err == nil {
			_, err = io.CopyN(io.Discard, c.reader, head.Length)
		}
		if err != nil {
			b.Error(err)
			return
		}
	}
}

// BenchmarkRequest is a request and its answer over a loopback WebSocket, client
// included: JSON in, protobuf to the handler, JSON out.
func BenchmarkRequest(b *testing.B) {
	for _, inflight := range []int{1, 64} {
		b.Run(fmt.Sprint("inflight=", inflight), func(b *testing.B) {
			h := newHandler()
			h.serve = func(s *session.Session, cmd wire.Command, serial uint64, payload []byte) {
				s.Conn().Reply(serial, wire.CodeOK, &wire.SendResponse{Seq: 7, Id: 1 << 40, TimeMs: 1732455433000})
			}
			c := dialRaw(b, benchGateway(b, h), "alice")
			request := text(`421["send",{"to":"bob","clientId":"8f14e45f-ceea-467a-9575-0123456789ab","body":"Hello Bob, are we still on for lunch today at noon?"}]`)
			var burst []byte
			for range inflight {
				burst = append(burst, request...)
			}
			b.ReportAllocs()
			b.ResetTimer()
			for done := 0; done < b.N; done += inflight {
				n := min(inflight, b.N-done)
				if _, err := c.conn.Write(burst[:n*len(request)]); err != nil {
					b.Fatal(err)
				}
				c.skip(b, n)
			}
		})
	}
}

// BenchmarkPush gives each event to 100 clients, with 20 events on their way, and
// waits until all have been read.
func BenchmarkPush(b *testing.B) {
	const clients, window = 100, 20
	h := newHandler()
	url := benchGateway(b, h)
	var readers []*rawClient
	var conns []session.Conn
	for i := range clients {
		account := fmt.Sprint("account-", i)
		readers = append(readers, dialRaw(b, url, account))
		conns = append(conns, h.conn(b, account))
	}
	read := make(chan struct{}, clients*window)
	for _, c := range readers {
		go func() {
			for range b.N {
				c.skip(b, 1)
				read <- struct{}{}
			}
		}()
	}
	b.ReportAllocs()
	b.ResetTimer()
	for i := range b.N {
		if i >= window {
			for range clients {
				<-read
			}
		}
		ev := messagePush("Hello Bob, are we still on for lunch today at noon?")
		for _, c := range conns {
			c.Push(ev)
		}
	}
	for range clients * min(b.N, window) {
		<-read
	}
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N*clients), "ns/delivery")
}
