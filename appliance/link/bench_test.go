package link_test

import (
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/yizhan-im/yizhan/appliance/link"
	"github.com/yizhan-im/yizhan/appliance/secure"
	"github.com/yizhan-im/yizhan/appliance/session"
	"github.com/yizhan-im/yizhan/appliance/wire"
)

// BenchmarkEcho measures requests that are answered at once, with client and
// gateway in one process. In flight is how many requests one client has open.
func BenchmarkEcho(b *testing.B) {
	for _, clients := range []int{1, 16} {
		for _, inFlight := range []int{1, 64} {
			b.Run(fmt.Sprintf("clients=%d/inflight=%d", clients, inFlight), func(b *testing.B) {
				benchmarkEcho(b, clients, inFlight)
			})
		}
	}
}

// BenchmarkLaterReply is BenchmarkEcho with all replies made by one other
// goroutine, as they are when messages have been committed.
func BenchmarkLaterReply(b *testing.B) {
	for _, inFlight := range []int{1, 64} {
		b.Run(fmt.Sprintf("clients=16/inflight=%d", inFlight), func(b *testing.B) {
			h := newHandler()
			h.later = make(chan func(), 4096)
			go func() {
				for answer := range h.later {
					answer()
				}
			}()
			benchmarkRequests(b, h, 16, inFlight)
			close(h.later)
		})
	}
}

func benchmarkEcho(b *testing.B, clients, inFlight int) {
	benchmarkRequests(b, newHandler(), clients, inFlight)
}

func benchmarkRequests(b *testing.B, h *handler, clients, inFlight int) {
	h.ended = nil
	g := serve(b, h, link.Options{})
	conns := make([]*client, clients)
	for i := range conns {
		conns[i] = g.loginAs(b, deviceID(), 0)
		_ = conns[i].SetReadDeadline(time.Time{})
	}
	req := &wire.SendRequest{To: "bob", ClientId: "0123456789abcdef", Body: strings.Repeat("x", 120)}
	b.ReportAllocs()
	b.ResetTimer()
	var all sync.WaitGroup
	for i, c := range conns {
		n := b.N / clients
		if i < b.N%clients {
			n++
		}
		all.Go(func() { c.echo(b, req, n, inFlight) })
	}
	all.Wait()
}

// echo sends n requests, at most inFlight of them unanswered.
func (c *client) echo(b *testing.B, req *wire.SendRequest, n, inFlight int) {
	f := wire.Frame{Kind: wire.KindRequest, Command: wire.CmdSend}
	for n > 0 {
		batch := min(n, inFlight)
		n -= batch
		for range batch {
			f.Serial++
			if err := c.Append(&f, req); err != nil {
				b.Error(err)
				return
			}
		}
		if err := c.Flush(); err != nil {
			b.Error(err)
			return
		}
		for range batch {
			if _, err := c.ReadFrame(); err != nil {
				b.Error(err)
				return
			}
		}
	}
}

// BenchmarkFanOut measures pushes of one shared event to many clients, until
// all of them have read it.
func BenchmarkFanOut(b *testing.B) {
	for _, codecs := range []secure.Codecs{0, secure.AllCodecs} {
		b.Run(fmt.Sprintf("codecs=%d", codecs), func(b *testing.B) { benchmarkFanOut(b, 1000, codecs) })
	}
}

func benchmarkFanOut(b *testing.B, clients int, codecs secure.Codecs) {
	h := newHandler()
	h.ended = nil
	g := serve(b, h, link.Options{QueueBytes: 16 << 20})
	var sessions []*session.Session
	got := make(chan struct{}, clients)
	for range clients {
		c := g.loginAs(b, deviceID(), codecs)
		_ = c.SetReadDeadline(time.Time{})
		go func() {
			for {
				for range eventsPerRound {
					if _, err := c.ReadFrame(); err != nil {
						return
					}
				}
				got <- struct{}{}
			}
		}()
	}
	h.hub.Range(func(s *session.Session) bool {
		sessions = append(sessions, s)
		return true
	})
	message := &wire.Message{From: "alice", To: "room", Body: longBody[:150], ClientId: "0123456789abcdef", Seq: 12345, Id: 1234567, TimeMs: 1700000000000}
	b.ReportAllocs()
	b.ResetTimer()
	for range b.N {
		for range eventsPerRound {
			ev := session.NewEvent(wire.PushMessage, &wire.MessagePush{Message: message})
			for _, s := range sessions {
				s.Conn().Push(ev)
			}
		}
		for range clients {
			<-got
		}
	}
	deliveries := float64(b.N) * eventsPerRound * float64(clients)
	b.ReportMetric(deliveries/b.Elapsed().Seconds(), "deliveries/s")
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/deliveries, "ns/delivery")
}

// eventsPerRound is how many events are on their way at a time.
const eventsPerRound = 20

// BenchmarkConnect measures a dial, handshake, login and close.
func BenchmarkConnect(b *testing.B) {
	h := newHandler()
	h.ended = nil
	g := serve(b, h, link.Options{})
	b.ReportAllocs()
	b.RunParallel(func(pb *testing.PB) {
		for pb.Next() {
			if err := g.visit(deviceID(), 1); err != nil {
				b.Error(err)
				return
			}
		}
	})
}
