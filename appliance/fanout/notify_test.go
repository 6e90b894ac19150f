package fanout

import (
	"fmt"
	"net/netip"
	"sync"
	"testing"
	"time"

	"google.golang.org/protobuf/proto"

	"github.com/yizhan-im/yizhan/appliance/session"
	"github.com/yizhan-im/yizhan/appliance/state"
	"github.com/yizhan-im/yizhan/appliance/wire"
)

func notification(t *testing.T, ev *session.Event) *wire.Notification {
	t.Helper()
	var push wire.NotificationPush
	if ev.Command != wire.PushNotification || push.UnmarshalVT(ev.Payload) != nil {
		t.Fatalf("pushed %v %x", ev.Command, ev.Payload)
	}
	return push.Notification
}

func TestNotificationsGoToAllDevicesButTheSenders(t *testing.T) {
	s := newSite(nil)
	s.login(t, 1, 1, "a")
	s.login(t, 2, 1, "a")
	s.login(t, 3, 1, "b")
	s.login(t, 4, 1, "b")
	s.login(t, 5, 2, "b") // of another tenant
	s.login(t, 6, 1, "c")
	n := &wire.Notification{From: "a", To: "b", Attach: "x", Version: 9}
	encoded, _ := proto.Marshal(n)
	s.Deliver([]any{
		&state.NotifyResult{Code: wire.CodeOK, Tenant: 1, Session: 1, From: "a", To: "b", ID: 9, Notification: encoded},
		&state.NotifyResult{Code: wire.CodeOK, Tenant: 1, Session: 1, From: "a", To: "b", ID: 9, Duplicate: true},
		&state.NotifyResult{Code: wire.CodeBlacklisted, Tenant: 1, Session: 1, From: "a", To: "c"},
		&state.NotifyResult{Code: wire.CodeOK, Tenant: 1, Session: 1, From: "a", To: "7", Team: 7, ID: 9, Members: []string{"a", "c"}, Notification: encoded},
	})
	for id, want := range map[uint64]int{1: 0, 2: 1, 3: 1, 4: 1, 5: 0, 6: 1} {
		got := s.conns[id].pushes
		if len(got) != want {
			t.Errorf("session %d: %d pushes, want %d", id, len(got), want)
		}
		for _, ev := range got {
			if got := notification(t, ev); !proto.Equal(got, n) {
				t.Errorf("session %d got %v", id, got)
			}
		}
	}
}

// gate is a session.Conn whose pushes wait until it is opened.
type gate struct {
	recorder
	open chan struct{}

	mu  sync.Mutex
	got []*wire.BroadcastPush
}

func (c *gate) Push(ev *session.Event) {
	<-c.open
	p := new(wire.BroadcastPush)
	if ev.Command != wire.PushBroadcast || p.UnmarshalVT(ev.Payload) != nil {
		panic("not a broadcast")
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	c.got = append(c.got, p)
}

func (c *gate) versions() (list []uint64) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, p := range c.got {
		list = append(list, p.Version)
	}
	return list
}

func enter(t testing.TB, hub *session.Hub, c session.Conn, id uint64, tenant uint32, platform wire.Platform) {
	t.Helper()
	_, _, err := hub.Login(session.NewSession(c), &session.Identity{
		SessionID: id, Tenant: tenant, Account: fmt.Sprint("a", id), DeviceID: "d", Platform: platform,
	}, session.PolicyAll)
	if err != nil {
		t.Fatal(err)
	}
}

// TestBroadcastsGoToATenantsPlatforms, in their order, without Deliver waiting.
// What finds the queue full is replaced by one hint for each tenant.
func TestBroadcastsGoToATenantsPlatforms(t *testing.T) {
	hub := session.NewHub()
	f := New(hub, nil)
	open := make(chan struct{})
	web, phone, other := &gate{open: open}, &gate{open: open}, &gate{open: open}
	enter(t, hub, web, 1, 1, wire.Platform_PLATFORM_WEB)
	enter(t, hub, phone, 2, 1, wire.Platform_PLATFORM_IOS)
	enter(t, hub, other, 3, 2, wire.Platform_PLATFORM_WEB)
	const sent = broadcastQueue + 10
	for i := range uint64(sent) {
		b := &wire.Broadcast{Version: i + 1, Body: "x"}
		if i == 0 {
			b.Platforms = uint32(wire.Platform_PLATFORM_IOS)
		}
		f.Deliver([]any{&state.BroadcastResult{Code: wire.CodeOK, Tenant: 1, ID: b.Version, Broadcast: b}})
	}
	f.Deliver([]any{
		&state.BroadcastResult{Code: wire.CodeOK, Tenant: 1, ID: 1, Duplicate: true},
		&state.BroadcastResult{Code: wire.CodeNotFound, Tenant: 1, ID: 1},
	})
	close(open)
	f.broadcaster.done.Wait()
	f.broadcaster.close()
	got, onWeb := phone.versions(), web.versions()
	hint := phone.got[len(got)-1]
	if hint.Broadcast != nil || hint.Version != sent {
		t.Errorf("the last push is %v, want a hint at %d", hint, sent)
	}
	if n := len(got) - 1; n < broadcastQueue || n > broadcastQueue+1 {
		t.Errorf("%d broadcasts were pushed", n)
	}
	for i, version := range got[:len(got)-1] {
		if version != uint64(i+1) || phone.got[i].Broadcast.GetVersion() != version {
			t.Fatalf("push %d is %v", i, phone.got[i])
		}
	}
	if len(onWeb) != len(got)-1 || onWeb[0] != 2 {
		t.Errorf("on the web: %v", onWeb)
	}
	if len(other.versions()) != 0 {
		t.Errorf("the other tenant got %v", other.versions())
	}
}

// TestCloseEndsABroadcast that is under way.
func TestCloseEndsABroadcast(t *testing.T) {
	hub := session.NewHub()
	f := New(hub, nil)
	f.broadcaster.chunk = 1
	conns := make([]*gate, 64)
	open := make(chan struct{})
	for i := range conns {
		conns[i] = &gate{open: open}
		enter(t, hub, conns[i], uint64(i+1), 1, wire.Platform_PLATFORM_WEB)
	}
	f.Deliver([]any{&state.BroadcastResult{Code: wire.CodeOK, Tenant: 1, ID: 1, Broadcast: &wire.Broadcast{Version: 1}}})
	close(f.broadcaster.stop) // before the first pause
	close(open)
	f.broadcaster.done.Wait()
	total := 0
	for _, c := range conns {
		total += len(c.versions())
	}
	if total == 0 || total == len(conns) {
		t.Errorf("%d of %d got it", total, len(conns))
	}
}

var _ session.Conn = (*gate)(nil)

func (c *gate) RemoteAddr() netip.AddrPort   { return netip.AddrPort{} }
func (c *gate) SetIdleTimeout(time.Duration) {}
