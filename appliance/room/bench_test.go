package room

import (
	"fmt"
	"runtime"
	"sync/atomic"
	"testing"
	"time"

	"github.com/yizhan-im/yizhan/appliance/session"
	"github.com/yizhan-im/yizhan/appliance/wire"
)

var sizes = []int{2_000, 20_000}

// fill makes a room of n members on n connections, and returns their Members.
func fill(b testing.TB, rs *Rooms, name string, n int) []*Member {
	b.Helper()
	members := make([]*Member, n)
	for i := range members {
		members[i] = new(Member)
		if _, err := rs.Enter(members[i], new(connection), 0, name); err != nil {
			b.Fatal(err)
		}
	}
	return members
}

// connection is idle, but each one has its own place in memory, as real ones do.
type connection struct {
	idle
	_ [192]byte
}

func textTo(name string) *wire.RoomMessagePush {
	return &wire.RoomMessagePush{Room: name, From: "alice", FromPlatform: wire.Platform_PLATFORM_WEB, ClientId: "message-000000000001", Body: "see you at the station at half past seven"}
}

// BenchmarkSend gives one message to all members of a room, on connections that
// do nothing with it.
func BenchmarkSend(b *testing.B) {
	for _, n := range sizes {
		b.Run(fmt.Sprint("members=", n), func(b *testing.B) {
			rs := New(Options{})
			members := fill(b, rs, "lobby", n)
			p := textTo("lobby")
			b.ReportAllocs()
			for b.Loop() {
				if err := rs.Send(members[0], p, func() {}); err != nil {
					b.Fatal(err)
				}
				rs.running.Wait()
			}
			b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/float64(n-1), "ns/delivery")
		})
	}
}

// BenchmarkSendParallel sends to as many rooms as there are processors.
func BenchmarkSendParallel(b *testing.B) {
	const n = 2_000
	rs := New(Options{})
	var room atomic.Int64
	b.ReportAllocs()
	b.RunParallel(func(pb *testing.PB) {
		name := fmt.Sprint("room ", room.Add(1))
		members := fill(b, rs, name, n)
		p := textTo(name)
		for pb.Next() {
			for rs.Send(members[0], p, func() {}) != nil { // its queue is full
				runtime.Gosched()
			}
		}
	})
}

// BenchmarkEnterExit is one session that enters a room and leaves it; in the
// second half messages run through the room all the time, so that leaving copies
// its members, once for each message.
func BenchmarkEnterExit(b *testing.B) {
	for _, n := range sizes {
		for _, busy := range []bool{false, true} {
			b.Run(fmt.Sprintf("members=%d/messages=%v", n, busy), func(b *testing.B) {
				rs := New(Options{})
				members := fill(b, rs, "lobby", n)
				conn, m := new(connection), new(Member)
				var stop atomic.Bool
				sent := make(chan int)
				if busy {
					go func() {
						total := 0
						for p := textTo("lobby"); !stop.Load(); total++ {
							_ = rs.Send(members[0], p, func() {})
						}
						sent <- total
					}()
				}
				var worst time.Duration
				b.ReportAllocs()
				for b.Loop() {
					start := time.Now()
					if _, err := rs.Enter(m, conn, 0, "lobby"); err != nil {
						b.Fatal(err)
					}
					rs.Exit(m, "lobby")
					worst = max(worst, time.Since(start))
				}
				b.ReportMetric(float64(worst.Microseconds()), "µs-worst")
				if busy {
					stop.Store(true)
					b.ReportMetric(float64(<-sent)/b.Elapsed().Seconds(), "messages/s")
				}
			})
		}
	}
}

// BenchmarkLeave is the end of a session that is in one large room.
func BenchmarkLeave(b *testing.B) {
	rs := New(Options{})
	fill(b, rs, "lobby", 20_000)
	conn := new(connection)
	b.ReportAllocs()
	for b.Loop() {
		var m Member
		if _, err := rs.Enter(&m, conn, 0, "lobby"); err != nil {
			b.Fatal(err)
		}
		rs.Leave(&m)
	}
}

// TestMemory bounds what a membership and a room take, beside the Member that
// is part of each connection.
func TestMemory(t *testing.T) {
	measure := func(rooms, each int) float64 {
		rs := New(Options{})
		names := make([]string, rooms)
		for i := range names {
			names[i] = fmt.Sprint("room ", i)
		}
		members := make([]Member, rooms*each)
		conn := new(connection)
		before := heap()
		for i := range members {
			if _, err := rs.Enter(&members[i], conn, 0, names[i%rooms]); err != nil {
				t.Fatal(err)
			}
		}
		used := heap() - before
		runtime.KeepAlive(rs)
		runtime.KeepAlive(members)
		return float64(used)
	}
	membership := measure(1, 100_000) / 100_000
	room := measure(100_000, 1)/100_000 - membership
	t.Logf("a membership takes %.0f bytes, a room %.0f more", membership, room)
	if membership > 90 || room > 450 {
		t.Errorf("a membership takes %.0f bytes, want 90 at most; a room %.0f, want 450 at most", membership, room)
	}
}

func heap() int64 {
	var m runtime.MemStats
	runtime.GC()
	runtime.GC()
	runtime.ReadMemStats(&m)
	return int64(m.HeapAlloc)
}

// BenchmarkSendToTarget is BenchmarkSend of messages that half of the members are
// meant by.
func BenchmarkSendToTarget(b *testing.B) {
	for name, text := range map[string]string{"tag": `{"tag":"red"}`, "pattern": `{"tag":"r.*","matchType":"regex"}`} {
		b.Run(name, func(b *testing.B) {
			rs := New(Options{})
			const n = 20_000
			for i := range n {
				g := new(Guest)
				g.SetTags([]string{[]string{"red", "blue"}[i%2], "one more"}, nil)
				if _, _, err := rs.EnterAs(new(Member), new(connection), 0, "lobby", 1, g); err != nil {
					b.Fatal(err)
				}
			}
			to, err := ParseTarget(text)
			if err != nil {
				b.Fatal(err)
			}
			p := textTo("lobby")
			b.ReportAllocs()
			for b.Loop() {
				err := rs.Publish(0, "lobby", Normal, to, func(id uint64, ms int64) *session.Event {
					return session.NewEvent(wire.PushRoomMessage, p)
				})
				if err != nil {
					b.Fatal(err)
				}
				rs.running.Wait()
			}
			b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/n, "ns/member")
		})
	}
}
