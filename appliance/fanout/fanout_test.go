package fanout

import (
	"fmt"
	"maps"
	"net/netip"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"google.golang.org/protobuf/proto"

	"github.com/yizhan-im/yizhan/appliance/session"
	"github.com/yizhan-im/yizhan/appliance/state"
	"github.com/yizhan-im/yizhan/appliance/wire"
)

// recorder is a session.Conn that keeps its pushes.
type recorder struct{ pushes []*session.Event }

func (c *recorder) Push(ev *session.Event) { c.pushes = append(c.pushes, ev) }

func (c *recorder) PushAll(evs []*session.Event) {
	for _, ev := range evs {
		c.Push(ev)
	}
}

func (c *recorder) Reply(uint64, wire.Code, wire.Body) {}
func (c *recorder) Close(wire.Code, *session.Event)    {}
func (c *recorder) SetIdleTimeout(time.Duration)       {}
func (c *recorder) RemoteAddr() netip.AddrPort         { return netip.AddrPort{} }
func (c *recorder) Transport() string                  { return "test" }

// site is a hub with sessions by id.
type site struct {
	*Fanout
	hub   *session.Hub
	conns map[uint64]*recorder
}

func newSite(reg prometheus.Registerer) *site {
	hub := session.NewHub()
	return &site{Fanout: New(hub, reg), hub: hub, conns: map[uint64]*recorder{}}
}

func (s *site) login(t testing.TB, id uint64, tenant uint32, account string) {
	t.Helper()
	c := new(recorder)
	s.conns[id] = c
	_, _, err := s.hub.Login(session.NewSession(c), &session.Identity{
		SessionID: id, Tenant: tenant, Account: account, DeviceID: fmt.Sprint(id),
	}, session.PolicyAll)
	if err != nil {
		t.Fatal(err)
	}
}

// received lists, for each session, what was pushed to it.
func (s *site) received(t *testing.T, id uint64, want ...*wire.Message) {
	t.Helper()
	got := s.conns[id].pushes
	if len(got) != len(want) {
		t.Fatalf("session %d: %d pushes, want %d", id, len(got), len(want))
	}
	for i, ev := range got {
		var push wire.MessagePush
		if err := push.UnmarshalVT(ev.Payload); ev.Command != wire.PushMessage || err != nil || !proto.Equal(push.Message, want[i]) {
			t.Errorf("session %d: push %d is %v %v, %v", id, i, ev.Command, &push, err)
		}
	}
}

func sent(m *wire.Message, origin uint64) *state.SendResult {
	encoded, err := m.MarshalVT()
	if err != nil {
		panic(err)
	}
	return &state.SendResult{
		Code: wire.CodeOK, Tenant: 1, Session: origin, From: m.From, To: m.To, Seq: m.Seq, Message: encoded,
	}
}

func message(from, to string, seq uint64) *wire.Message {
	return &wire.Message{From: from, To: to, ClientId: "c", Body: "hello", Seq: seq, Id: 7, TimeMs: 8}
}

func TestMessageGoesToBothSidesButItsOriginInOrder(t *testing.T) {
	s := newSite(nil)
	s.login(t, 1, 1, "alice")
	s.login(t, 2, 1, "alice")
	s.login(t, 3, 1, "bob")
	s.login(t, 4, 1, "carol")
	s.login(t, 5, 2, "bob") // of another tenant

	first, second := message("alice", "bob", 1), message("bob", "alice", 2)
	recall := &wire.Message{From: "alice", To: "bob", Type: state.TypeRecall, RefSeq: 1, Seq: 3}
	s.Deliver([]any{sent(first, 1), sent(second, 3)})
	s.Deliver([]any{sent(recall, 2)})

	s.received(t, 1, second, recall)
	s.received(t, 2, first, second)
	s.received(t, 3, first, recall)
	s.received(t, 4)
	s.received(t, 5)
}

func TestOneEventServesAllReceivers(t *testing.T) {
	s := newSite(nil)
	for id := range uint64(5) {
		s.login(t, id+1, 1, "bob")
	}
	s.Deliver([]any{sent(message("alice", "bob", 1), 99)})
	for id := uint64(2); id <= 5; id++ {
		if s.conns[id].pushes[0] != s.conns[1].pushes[0] {
			t.Error("an event was made twice")
		}
	}
}

// TestEditsAreForTheDevicesOfTheMessage: those that came later get the edit's place
// in the log.
func TestEditsAreForTheDevicesOfTheMessage(t *testing.T) {
	for _, limited := range []bool{true, false} {
		s := newSite(nil)
		for id, since := range map[uint64]uint64{1: 0, 2: 6, 3: 7, 4: 8} { // the message has the id 7
			c := new(recorder)
			s.conns[id] = c
			who := &session.Identity{SessionID: id, Tenant: 1, Account: "bob", DeviceID: fmt.Sprint(id), Since: since}
			if _, _, err := s.hub.Login(session.NewSession(c), who, session.PolicyAll); err != nil {
				t.Fatal(err)
			}
		}
		edit := message("alice", "bob", 2)
		edit.Id, edit.Type, edit.RefSeq, edit.Options = 9, state.TypeEdit, 1, &wire.MessageOptions{NoRoam: limited, NoHistory: limited}
		r := sent(edit, noOrigin)
		r.Options, r.RefID = edit.Options, 7
		s.Deliver([]any{r})
		hidden := message("alice", "bob", 2)
		hidden.Id, hidden.Type, hidden.RefSeq, hidden.Options = edit.Id, edit.Type, edit.RefSeq, edit.Options
		if limited {
			hidden.Body, hidden.Hidden = "", true
		}
		s.received(t, 1, edit)
		s.received(t, 2, edit)
		s.received(t, 3, hidden)
		s.received(t, 4, hidden)
	}
}

func TestMessageToOneselfGoesOnceToOtherDevices(t *testing.T) {
	s := newSite(nil)
	s.login(t, 1, 1, "alice")
	s.login(t, 2, 1, "alice")
	m := message("alice", "alice", 1)
	s.Deliver([]any{sent(m, 1)})
	s.received(t, 1)
	s.received(t, 2, m)
}

func TestMessageOfABackendGoesToAllDevices(t *testing.T) {
	s := newSite(nil)
	s.login(t, 1, 1, "alice")
	s.login(t, 2, 1, "bob")
	m := message("alice", "bob", 1)
	s.Deliver([]any{sent(m, 0)})
	s.received(t, 1, m)
	s.received(t, 2, m)
}

func TestReadCursorGoesToThePeerAndOtherDevices(t *testing.T) {
	s := newSite(nil)
	s.login(t, 1, 1, "bob")
	s.login(t, 2, 1, "bob")
	s.login(t, 3, 1, "alice")
	s.Deliver([]any{&state.ReadResult{
		Code: wire.CodeOK, Tenant: 1, Session: 1, Reader: "bob", Peer: "alice", Seq: 4, TimeMs: 5, Changed: true,
	}})
	if len(s.conns[1].pushes) != 0 {
		t.Error("the origin was told")
	}
	want := &wire.ReadPush{Reader: "bob", Peer: "alice", Seq: 4, TimeMs: 5}
	for _, id := range []uint64{2, 3} {
		var push wire.ReadPush
		ev := s.conns[id].pushes[0]
		if err := push.UnmarshalVT(ev.Payload); ev.Command != wire.PushRead || err != nil || !proto.Equal(&push, want) {
			t.Errorf("session %d: %v %v, %v", id, ev.Command, &push, err)
		}
	}
}

func TestNothingIsDeliveredOfWhatWasRefusedOrRepeated(t *testing.T) {
	s := newSite(nil)
	s.login(t, 1, 1, "alice")
	s.login(t, 2, 1, "bob")
	s.Deliver([]any{
		&state.SendResult{Code: wire.CodeNotFound, Tenant: 1, From: "alice", To: "bob"},
		&state.SendResult{Code: wire.CodeOK, Duplicate: true, Tenant: 1, From: "alice", To: "bob"},
		&state.ReadResult{Code: wire.CodeNotFound, Tenant: 1, Reader: "alice", Peer: "bob"},
		&state.ReadResult{Code: wire.CodeOK, Tenant: 1, Reader: "alice", Peer: "bob"},
		&state.AccountResult{Code: wire.CodeOK, Tenant: 1, Account: "alice"},
		&state.TenantResult{Code: wire.CodeOK},
		nil,
	})
	s.received(t, 1)
	s.received(t, 2)
}

func TestEventsAndDeliveriesAreCounted(t *testing.T) {
	reg := prometheus.NewRegistry()
	s := newSite(reg)
	s.login(t, 1, 1, "bob")
	s.login(t, 2, 1, "bob")
	s.Deliver([]any{
		sent(message("alice", "bob", 1), 0),
		sent(message("alice", "nobody", 1), 0),
		&state.ReadResult{Code: wire.CodeOK, Tenant: 1, Session: 1, Reader: "bob", Peer: "alice", Seq: 1, Changed: true},
		&state.RelationResult{Code: wire.CodeOK, Tenant: 1, Account: "alice", Peer: "bob", PeerRelation: []byte{}},
	})
	families, err := reg.Gather()
	if err != nil {
		t.Fatal(err)
	}
	got := map[string]float64{}
	for _, f := range families {
		for _, m := range f.GetMetric() {
			if n := m.GetCounter().GetValue(); n != 0 {
				got[f.GetName()+" "+m.GetLabel()[0].GetValue()] = n
			}
		}
	}
	want := map[string]float64{
		"yizhan_fanout_events_total message": 1, "yizhan_fanout_deliveries_total message": 2,
		"yizhan_fanout_events_total read": 1, "yizhan_fanout_deliveries_total read": 1,
		"yizhan_fanout_events_total relation": 1, "yizhan_fanout_deliveries_total relation": 2,
	}
	if !maps.Equal(got, want) {
		t.Errorf("counted %v, want %v", got, want)
	}
}

// BenchmarkDeliver is one message to so many devices, as far as their
// connections' queues.
func BenchmarkDeliver(b *testing.B) {
	for _, devices := range []int{0, 1, 4, 32} {
		b.Run(fmt.Sprint("devices=", devices), func(b *testing.B) {
			hub := session.NewHub()
			for i := range devices {
				_, _, err := hub.Login(session.NewSession(discard{}), &session.Identity{
					SessionID: uint64(i + 1), Tenant: 1, Account: "bob", DeviceID: fmt.Sprint(i),
				}, session.PolicyAll)
				if err != nil {
					b.Fatal(err)
				}
			}
			f := New(hub, nil)
			results := []any{sent(message("alice", "bob", 1), 0)}
			b.ReportAllocs()
			for b.Loop() {
				f.Deliver(results)
			}
			if devices > 0 {
				b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N*devices), "ns/delivery")
			}
		})
	}
}

type discard struct{}

func (discard) Push(*session.Event)                {}
func (discard) PushAll([]*session.Event)           {}
func (discard) Reply(uint64, wire.Code, wire.Body) {}
func (discard) Close(wire.Code, *session.Event)    {}
func (discard) SetIdleTimeout(time.Duration)       {}
func (discard) RemoteAddr() netip.AddrPort         { return netip.AddrPort{} }
func (discard) Transport() string                  { return "bench" }
