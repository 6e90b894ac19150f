package engine_test

import (
	"bufio"
	"bytes"
	"io"
	"strings"
	"sync"
	"testing"

	"github.com/yizhan-im/yizhan/appliance/weblink/engine"
)

// BenchmarkFanOut measures messages of 250 bytes to 2,000 WebSockets, each made
// once and shared, until all clients have read them.
func BenchmarkFanOut(b *testing.B) {
	for _, c := range []struct {
		name   string
		secure bool
		burst  int
	}{
		{"plain/burst=1", false, 1}, {"plain/burst=20", false, 20},
		{"tls/burst=1", true, 1}, {"tls/burst=20", true, 20},
	} {
		b.Run(c.name, func(b *testing.B) { benchmarkFanOut(b, 2000, c.burst, c.secure) })
	}
}

func benchmarkFanOut(b *testing.B, clients, burst int, secure bool) {
	n := serve(b, newApp(), engine.Options{QueueBytes: 16 << 20})
	message := engine.Message(bytes.Repeat([]byte("x"), 250), false)
	peers := make([]*peer, clients)
	var got sync.WaitGroup
	var readers sync.WaitGroup
	for i := range peers {
		var c *wsClient
		c, peers[i] = n.session(b, secure)
		_ = c.SetDeadline(noDeadline)
		readers.Go(func() { c.count(len(message)*burst, &got) })
	}
	b.ReportAllocs()
	b.ResetTimer()
	for range b.N {
		got.Add(clients)
		for range burst {
			for _, p := range peers {
				p.Send(message)
			}
		}
		got.Wait()
	}
	b.StopTimer()
	deliveries := float64(b.N) * float64(burst) * float64(clients)
	b.ReportMetric(deliveries/b.Elapsed().Seconds(), "deliveries/s")
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/deliveries, "ns/delivery")
	_ = n.Server.Close()
	readers.Wait()
}

// count reads rounds of so many bytes and reports each.
func (c *wsClient) count(round int, got *sync.WaitGroup) {
	buf := make([]byte, 8<<10)
	rest := round
	for {
		n, err := c.in.Read(buf)
		for rest -= n; rest <= 0; rest += round {
			got.Done()
		}
		if err != nil {
			return
		}
	}
}

// BenchmarkEcho measures one message there and back.
func BenchmarkEcho(b *testing.B) {
	for _, secure := range []bool{false, true} {
		name := "plain"
		if secure {
			name = "tls"
		}
		b.Run(name, func(b *testing.B) {
			a := newApp()
			a.echo = true
			n := serve(b, a, engine.Options{})
			c, _ := n.session(b, secure)
			_ = c.SetDeadline(noDeadline)
			c.in = bufio.NewReaderSize(c.Conn, 4<<10)
			request := frameOf(opText, true, "4"+strings.Repeat("x", 120))
			answer := make([]byte, len(engine.Message(bytes.Repeat([]byte("x"), 120), false)))
			b.ReportAllocs()
			for b.Loop() {
				c.write(request)
				if _, err := io.ReadFull(c.in, answer); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
