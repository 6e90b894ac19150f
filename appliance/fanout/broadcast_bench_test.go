package fanout

import (
	"fmt"
	"net"
	"slices"
	"sync/atomic"
	"testing"
	"time"

	"github.com/yizhan-im/yizhan/appliance/flush"
	"github.com/yizhan-im/yizhan/appliance/session"
	"github.com/yizhan-im/yizhan/appliance/state"
	"github.com/yizhan-im/yizhan/appliance/wire"
)

// benchConn is written as the gateways do it: a push puts it into the list of a
// flusher, which all connections share and which makes one system call for each.
type benchConn struct {
	recorder
	queued  atomic.Bool
	at      atomic.Int64 // when the last message was pushed, in ns; 0: none waits
	behind  *benchConn
	flusher *flush.Flusher[*benchConn]
}

func (c *benchConn) Push(ev *session.Event) {
	if ev.Command == wire.PushMessage {
		c.at.Store(time.Now().UnixNano())
	}
	if c.queued.CompareAndSwap(false, true) {
		c.flusher.Add(c)
	}
}

// BenchmarkMessagesBesideABroadcast is how long a message for one session waits
// until it is written, while a broadcast goes to 20,000 sessions again and again:
// in pieces as it is done, and in one go. It reports the latencies of the messages
// and the time of one broadcast.
func BenchmarkMessagesBesideABroadcast(b *testing.B) {
	const sessions = 20_000
	for _, chunk := range []int{broadcastChunk, sessions} {
		b.Run(fmt.Sprint("chunk=", chunk), func(b *testing.B) { benchmarkBroadcast(b, sessions, chunk) })
	}
}

func benchmarkBroadcast(b *testing.B, sessions, chunk int) {
	// Nobody reads the socket: the kernel copies and drops.
	sink, err := net.ListenPacket("udp", "127.0.0.1:0")
	if err != nil {
		b.Fatal(err)
	}
	defer sink.Close()
	out, err := net.Dial("udp", sink.LocalAddr().String())
	if err != nil {
		b.Fatal(err)
	}
	defer out.Close()
	packet := make([]byte, 200)
	waited := make(chan time.Duration, 1)
	flusher := flush.New(func(c *benchConn) {
		c.queued.Store(false)
		_, _ = out.Write(packet)
		if at := c.at.Swap(0); at != 0 {
			waited <- time.Duration(time.Now().UnixNano() - at)
		}
	}, func(c *benchConn) **benchConn { return &c.behind })
	running := make(chan struct{})
	go func() { defer close(running); flusher.Run() }()
	defer func() { flusher.Stop(); <-running }()

	hub := session.NewHub()
	f := New(hub, nil)
	f.broadcaster.chunk = chunk
	for i := range sessions {
		enter(b, hub, &benchConn{flusher: flusher}, uint64(i+1), 1, wire.Platform_PLATFORM_WEB)
	}
	stop, stopped := make(chan struct{}), make(chan struct{})
	broadcasts, spent := 0, time.Duration(0)
	go func() {
		defer close(stopped)
		for {
			select {
			case <-stop:
				return
			default:
			}
			start := time.Now()
			f.broadcast(&state.BroadcastResult{Code: wire.CodeOK, Tenant: 1, ID: 1, Broadcast: &wire.Broadcast{Version: 1, Body: "hello"}})
			f.broadcaster.done.Wait()
			broadcasts++
			spent += time.Since(start)
		}
	}()
	message := []any{&state.SendResult{Code: wire.CodeOK, Tenant: 1, From: "nobody", Message: make([]byte, 100)}}
	var all []time.Duration
	b.ReportAllocs()
	b.ResetTimer()
	for i := range b.N {
		message[0].(*state.SendResult).To = fmt.Sprint("a", 1+i*7919%sessions)
		f.Deliver(message)
		all = append(all, <-waited)
	}
	b.StopTimer()
	close(stop)
	<-stopped
	slices.Sort(all)
	at := func(p float64) float64 { return float64(all[int(p*float64(len(all)-1))].Microseconds()) }
	b.ReportMetric(at(0.5), "µs-p50")
	b.ReportMetric(at(0.99), "µs-p99")
	b.ReportMetric(at(1), "µs-max")
	b.ReportMetric(float64(spent.Milliseconds())/float64(broadcasts), "ms/broadcast")
}
