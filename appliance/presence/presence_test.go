package presence

import (
	"fmt"
	"net/netip"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/yizhan-im/yizhan/appliance/session"
	"github.com/yizhan-im/yizhan/appliance/wire"
)

// recorder is a session.Conn that keeps what it is told.
type recorder struct {
	mu   sync.Mutex
	told []*wire.Presence
}

func (c *recorder) Push(ev *session.Event) {
	var p wire.PresencePush
	if ev.Command != wire.PushPresence || p.UnmarshalVT(ev.Payload) != nil {
		panic("not a presence")
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	c.told = append(c.told, p.Presence)
}

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

// take empties told.
func (c *recorder) take() []*wire.Presence {
	c.mu.Lock()
	defer c.mu.Unlock()
	told := c.told
	c.told = nil
	return told
}

// site is a Service whose publishers have the subscriber "sub".
type site struct {
	*Service
	hub      *session.Hub
	last     uint64
	registry *prometheus.Registry
	sub      *recorder
	hidden   bool
}

func newSite(t testing.TB, c Config) *site {
	s := &site{hub: session.NewHub(), registry: prometheus.NewRegistry(), sub: new(recorder)}
	c.Hub, c.Registerer = s.hub, s.registry
	c.Audience = func(_ uint32, publisher, only string) ([]string, bool, error) {
		switch {
		case publisher == "broken":
			return nil, false, fmt.Errorf("no disk")
		case publisher == "sub":
			return nil, false, nil
		case only != "" && only != "sub":
			return nil, false, nil
		}
		return []string{"nobody", "sub"}, s.hidden && only != "", nil
	}
	s.Service = New(c)
	t.Cleanup(s.Close)
	s.login(t, "sub", "phone", s.sub)
	return s
}

func (s *site) login(t testing.TB, name, device string, c session.Conn) *session.Session {
	t.Helper()
	s.last++
	x := session.NewSession(c)
	_, _, err := s.hub.Login(x, &session.Identity{
		SessionID: s.last, Tenant: 1, Account: name, DeviceID: device, Platform: wire.Platform_PLATFORM_PC, LoginMs: int64(s.last),
	}, session.PolicyAll)
	if err != nil {
		t.Fatal(err)
	}
	s.Online(x)
	return x
}

func (s *site) end(x *session.Session, left bool) {
	s.hub.Remove(x)
	s.Offline(x, left)
	s.Offline(x, left) // as when the app ends it and the gateway tells too
}

// wait lets everything happen that is due within d.
func wait(d time.Duration) {
	time.Sleep(d)
	synctest.Wait()
}

// wants checks what the subscriber has been told since it was last asked, as the
// number of devices of each account.
func (s *site) wants(t *testing.T, what string, want ...string) {
	t.Helper()
	var got []string
	for _, p := range s.sub.take() {
		got = append(got, fmt.Sprint(p.Account, " ", len(p.Devices)))
	}
	if !slices.Equal(got, want) {
		t.Errorf("%s: told %q, want %q", what, got, want)
	}
}

// changes is how many changes have had this outcome.
func (s *site) changes(t *testing.T, outcome string) float64 {
	t.Helper()
	families, err := s.registry.Gather()
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range families {
		for _, m := range f.GetMetric() {
			if f.GetName() == "yizhan_presence_changes_total" && m.GetLabel()[0].GetValue() == outcome {
				return m.GetCounter().GetValue()
			}
		}
	}
	t.Fatalf("no outcome %q", outcome)
	return 0
}

func TestSubscribersAreToldOnceOfWhatChangesFast(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newSite(t, Config{})
		for range 10 {
			s.end(s.login(t, "alice", "phone", new(recorder)), true)
		}
		a := s.login(t, "alice", "phone", new(recorder))
		s.wants(t, "at once")
		wait(debounce)
		s.wants(t, "after a moment", "alice 1")
		s.login(t, "alice", "desk", new(recorder))
		s.login(t, "bob", "desk", new(recorder))
		wait(debounce)
		s.wants(t, "a second device and somebody else", "alice 2", "bob 1")
		s.end(a, true)
		wait(debounce)
		s.wants(t, "after a logout", "alice 1")
	})
}

// TestLostConnectionIsNotOffline: who comes back within the grace period was never
// away, whatever number of times; who does not is offline after it.
func TestLostConnectionIsNotOffline(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newSite(t, Config{Grace: 10 * time.Second})
		a := s.login(t, "alice", "phone", new(recorder))
		a.SetPresence(&session.Presence{State: 3, Text: "busy"})
		wait(debounce)
		s.wants(t, "login", "alice 1")
		for range 3 {
			s.end(a, false)
			wait(9 * time.Second)
			if p := s.Presence(1, "alice"); len(p.Devices) != 1 || p.Devices[0].State != 3 || p.Devices[0].Text != "busy" {
				t.Fatalf("lost, and seen as %v", p)
			}
			a = s.login(t, "alice", "phone", new(recorder))
			wait(time.Minute)
			s.wants(t, "back within the grace period")
			if p := s.Presence(1, "alice"); len(p.Devices) != 1 || p.Devices[0].State != 3 {
				t.Fatalf("back, and seen as %v", p)
			}
		}
		s.end(a, false)
		wait(9 * time.Second)
		s.wants(t, "within the grace period")
		wait(time.Second + debounce)
		s.wants(t, "after it", "alice 0")
		if n := s.lingerers(); n != 0 {
			t.Errorf("%d devices linger", n)
		}
		// A device that comes back later, or another one, is news.
		a = s.login(t, "alice", "phone", new(recorder))
		wait(debounce)
		s.wants(t, "back later", "alice 1")
		s.end(a, false)
		s.login(t, "alice", "desk", new(recorder))
		wait(debounce)
		s.wants(t, "another device", "alice 2")
		wait(10 * time.Second)
		s.wants(t, "the lost one is gone", "alice 1")
	})
}

func TestWithoutGraceALostConnectionIsOffline(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newSite(t, Config{Grace: -1})
		s.end(s.login(t, "alice", "phone", new(recorder)), false)
		if p := s.Presence(1, "alice"); len(p.Devices) != 0 {
			t.Errorf("seen as %v", p)
		}
		if s.Settling() != 0 {
			t.Error("it settles")
		}
		wait(debounce)
		s.wants(t, "a short visit", "alice 0")
	})
}

// TestOneSubscriberIsTold: what it may see has changed, or it must not see at all.
func TestOneSubscriberIsTold(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newSite(t, Config{})
		s.login(t, "alice", "phone", new(recorder))
		wait(debounce)
		s.sub.take()
		s.hidden = true
		s.ChangedFor(1, "alice", "sub")
		s.ChangedFor(1, "alice", "other")
		wait(debounce)
		s.wants(t, "hidden", "alice 0")
		s.hidden = false
		s.ChangedFor(1, "alice", "sub")
		wait(debounce)
		s.wants(t, "seen again", "alice 1")
	})
}

func TestNodeSettlesAfterItsStart(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newSite(t, Config{})
		time.Sleep(5 * time.Second)
		if d := s.Settling(); d != DefaultGrace-5*time.Second {
			t.Errorf("settling for %v", d)
		}
		time.Sleep(time.Minute)
		if d := s.Settling(); d != 0 {
			t.Errorf("settling for %v", d)
		}
	})
}

type elsewhere []Device

func (e elsewhere) Devices(dst []Device, tenant uint32, name string) []Device {
	if tenant == 1 && name == "alice" {
		dst = append(dst, e...)
	}
	return dst
}

// TestDevicesOfOtherNodes count; one that was lost here and is there again is one.
func TestDevicesOfOtherNodes(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newSite(t, Config{Remote: elsewhere{
			{Session: 100, DeviceID: "phone", Platform: wire.Platform_PLATFORM_PC, LoginMs: 100},
			{Session: 101, DeviceID: "desk", Platform: wire.Platform_PLATFORM_MAC, LoginMs: 101},
		}})
		s.end(s.login(t, "alice", "phone", new(recorder)), false)
		var logins []int64
		for _, d := range s.Devices(nil, 1, "alice") {
			logins = append(logins, d.LoginMs)
		}
		if !slices.Equal(logins, []int64{101, 100}) {
			t.Errorf("logins %v", logins)
		}
	})
}

func TestFailuresAreCountedAndDoNotStop(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newSite(t, Config{})
		s.login(t, "broken", "phone", new(recorder))
		s.login(t, "alice", "phone", new(recorder))
		wait(debounce)
		s.wants(t, "after a failure", "alice 1")
		if n := s.changes(t, "failed"); n != 1 {
			t.Errorf("%v failures", n)
		}
	})
}

// TestQueueIsBounded: what does not fit is dropped, and the rest is told.
func TestQueueIsBounded(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newSite(t, Config{})
		wait(debounce)
		for i := range maxQueued + 10 {
			s.Changed(2, fmt.Sprint(i))
		}
		s.ChangedFor(1, "alice", "sub")
		if n := s.changes(t, "dropped"); n != 11 {
			t.Errorf("%v dropped", n)
		}
		wait(debounce)
		if n := s.waiting(); n != 0 {
			t.Errorf("%d wait", n)
		}
		s.ChangedFor(1, "alice", "sub")
		wait(debounce)
		if told := s.sub.take(); len(told) != 1 {
			t.Errorf("told %v", told)
		}
	})
}

// TestDirectoryUnderLoad: logins, losses, questions and changes at once.
func TestDirectoryUnderLoad(t *testing.T) {
	hub := session.NewHub()
	s := New(Config{
		Hub: hub, Grace: time.Millisecond,
		Audience: func(uint32, string, string) ([]string, bool, error) { return []string{"a0", "a1"}, false, nil },
	})
	defer s.Close()
	var clients sync.WaitGroup
	for i := range 8 {
		clients.Go(func() {
			name := fmt.Sprint("a", i%4)
			for n := range 200 {
				x := session.NewSession(new(recorder))
				_, _, err := hub.Login(x, &session.Identity{
					SessionID: uint64(i)<<32 | uint64(n+1), Tenant: 1, Account: name, DeviceID: fmt.Sprint(i),
				}, session.PolicyAll)
				if err != nil {
					t.Error(err)
					return
				}
				s.Online(x)
				if len(s.Devices(nil, 1, name)) == 0 {
					t.Error("not online")
				}
				hub.Remove(x)
				s.Offline(x, n%2 == 0)
			}
		})
	}
	clients.Wait()
}

// BenchmarkReconnect is a device that is lost and comes back.
func BenchmarkReconnect(b *testing.B) {
	s := newSite(b, Config{Grace: time.Hour})
	a := s.login(b, "alice", "phone", new(recorder))
	b.ReportAllocs()
	for b.Loop() {
		s.Offline(a, false)
		s.Online(a)
	}
}

// BenchmarkPresence reads where an account is online, on one device.
func BenchmarkPresence(b *testing.B) {
	s := newSite(b, Config{})
	s.login(b, "alice", "phone", new(recorder))
	b.ReportAllocs()
	for b.Loop() {
		s.Presence(1, "alice")
	}
}
