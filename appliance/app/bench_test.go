package app

import (
	"fmt"
	"net/netip"
	"sync/atomic"
	"testing"
	"time"

	"github.com/yizhan-im/yizhan/appliance/session"
	"github.com/yizhan-im/yizhan/appliance/state"
	"github.com/yizhan-im/yizhan/appliance/wire"
)

// counter is a session.Conn that only counts.
type counter struct {
	answered chan wire.Code
	pushes   atomic.Int64
}

func (c *counter) Reply(_ uint64, code wire.Code, _ wire.Body) { c.answered <- code }
func (c *counter) Push(*session.Event)                         { c.pushes.Add(1) }

func (c *counter) PushAll(evs []*session.Event) {
	for _, ev := range evs {
		c.Push(ev)
	}
}

func (c *counter) Close(wire.Code, *session.Event) {}
func (c *counter) SetIdleTimeout(time.Duration)    {}
func (c *counter) RemoteAddr() netip.AddrPort      { return netip.AddrPort{} }
func (c *counter) Transport() string               { return "bench" }

// BenchmarkSend sends from one connection with so many messages under way, end
// to end: decode, check, commit (fsync), apply, fan out to one device, reply.
// Allocations are those of the whole node.
func BenchmarkSend(b *testing.B) {
	for _, window := range []int{1, 64, 1024} {
		b.Run(fmt.Sprint("window=", window), func(b *testing.B) { benchmarkSend(b, window) })
	}
}

func benchmarkSend(b *testing.B, window int) {
	n := newNode(b)
	w := n.newTenant(b, state.Limits{RequestsPerSecond: 1 << 24, RequestBurst: 1 << 24})
	buf := make([]byte, 1<<10)
	request := func(s *session.Session, cmd wire.Command, serial uint64, in wire.Body) {
		payload := buf[:in.SizeVT()]
		if _, err := in.MarshalToSizedBufferVT(payload); err != nil {
			b.Fatal(err)
		}
		n.app.Request(s, cmd, serial, payload)
	}
	login := func(account string) (*session.Session, *counter) {
		c := &counter{answered: make(chan wire.Code, window)}
		s := n.app.Connected(c)
		request(s, wire.CmdLogin, 0, w.credentials(account))
		if code := <-c.answered; code != wire.CodeOK {
			b.Fatal(code)
		}
		return s, c
	}
	_, bob := login("bob")
	s, c := login("alice")
	in := &wire.SendRequest{To: "bob", Body: `{"text":"see you at the station at half past seven"}`, Type: 100}
	id := make([]byte, 0, 24)
	b.ReportAllocs()
	b.ResetTimer()
	under := 0
	for i := range b.N {
		if under == window {
			if code := <-c.answered; code != wire.CodeOK {
				b.Fatal(code)
			}
			under--
		}
		id = fmt.Appendf(id[:0], "message-%012d", i)
		in.ClientId = string(id)
		request(s, wire.CmdSend, uint64(i), in)
		under++
	}
	for ; under > 0; under-- {
		if code := <-c.answered; code != wire.CodeOK {
			b.Fatal(code)
		}
	}
	b.StopTimer()
	n.settle(b)
	if got := bob.pushes.Load(); got != int64(b.N) {
		b.Errorf("%d messages reached the receiver, want %d", got, b.N)
	}
}

// BenchmarkEncodeSend is the app's own work for one message, up to the store.
func BenchmarkEncodeSend(b *testing.B) {
	w := shared.newTenant(b, state.Limits{})
	alice := w.login("alice")
	in := &wire.SendRequest{To: "bob", ClientId: "message-000000000001", Body: `{"text":"see you at the station at half past seven"}`, Type: 100}
	payload := make([]byte, in.SizeVT())
	if _, err := in.MarshalToSizedBufferVT(payload); err != nil {
		b.Fatal(err)
	}
	r := request{session: alice.session, client: clientOf(alice.session), identity: alice.session.Identity(),
		tenant: w.tenant, cmd: wire.CmdSend, serial: 1, start: time.Now()}
	b.ReportAllocs()
	for b.Loop() {
		o := w.app.newOp(&r)
		if err := o.encodeSend(payload); err != nil {
			b.Fatal(err)
		}
		o.in.Reset()
		o.message.Reset()
		o.recycle()
	}
}

// BenchmarkLogin is one login: tenant from the cache, account and token, hub,
// answer.
func BenchmarkLogin(b *testing.B) {
	n := newNode(b)
	w := n.newTenant(b, state.Limits{})
	in := w.credentials("alice")
	payload := make([]byte, in.SizeVT())
	if _, err := in.MarshalToSizedBufferVT(payload); err != nil {
		b.Fatal(err)
	}
	c := &counter{answered: make(chan wire.Code, 1)}
	b.ReportAllocs()
	for b.Loop() {
		s := n.app.Connected(c)
		n.app.Request(s, wire.CmdLogin, 1, payload)
		if code := <-c.answered; code != wire.CodeOK {
			b.Fatal(code)
		}
		n.app.Disconnected(s, wire.CodeOK)
	}
}

// BenchmarkSendRoom is one message to a room of 2,000 sessions, from the request
// to the last push, on connections that only count.
func BenchmarkSendRoom(b *testing.B) {
	const members = 2000
	n := newNode(b)
	w := n.newTenant(b, state.Limits{DevicePolicy: uint8(session.PolicyAll), RequestsPerSecond: 1 << 24, RequestBurst: 1 << 24})
	credentials := w.credentials("alice")
	request := func(s *session.Session, c *counter, cmd wire.Command, in wire.Body) {
		payload := make([]byte, in.SizeVT())
		if _, err := in.MarshalToSizedBufferVT(payload); err != nil {
			b.Fatal(err)
		}
		n.app.Request(s, cmd, 1, payload)
		if code := <-c.answered; code != wire.CodeOK {
			b.Fatal(code)
		}
	}
	var first *session.Session
	conns := make([]*counter, members)
	for i := range conns {
		c := &counter{answered: make(chan wire.Code, 1)}
		s := n.app.Connected(c)
		if i%session.MaxSessionsPerAccount == 0 {
			credentials = w.credentials(fmt.Sprint("user", i))
		}
		credentials.DeviceId = fmt.Sprint("device ", i)
		request(s, c, wire.CmdLogin, credentials)
		request(s, c, wire.CmdEnterRoom, &wire.EnterRoomRequest{Room: "lobby"})
		conns[i] = c
		if first == nil {
			first = s
		}
	}
	in := &wire.SendRoomRequest{Room: "lobby", ClientId: "message-000000000001", Body: "see you at the station at half past seven"}
	payload := make([]byte, in.SizeVT())
	if _, err := in.MarshalToSizedBufferVT(payload); err != nil {
		b.Fatal(err)
	}
	before := conns[1].pushes.Load()
	b.ReportAllocs()
	for b.Loop() {
		n.app.Request(first, wire.CmdSendRoom, 1, payload)
		if code := <-conns[0].answered; code != wire.CodeOK {
			b.Fatal(code)
		}
	}
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/(members-1), "ns/delivery")
	if got := conns[members-1].pushes.Load() - before; got != int64(b.N) {
		b.Errorf("%d messages reached the last member, want %d", got, b.N)
	}
}

// BenchmarkNoCallback is what a request costs more for the possibility that its
// tenant has a callback, when it has none.
func BenchmarkNoCallback(b *testing.B) {
	a, tenant, r := &App{gate: make(slowGate)}, new(state.Tenant), &request{client: new(client), cmd: wire.CmdSend}
	for b.Loop() {
		if a.join(r, nil) || !r.mayWait && a.asks(tenant, questions(r.cmd)) {
			b.Fatal("it would wait")
		}
	}
}
