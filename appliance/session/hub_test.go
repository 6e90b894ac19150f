package session_test

import (
	"errors"
	"fmt"
	"net/netip"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/yizhan-im/yizhan/appliance/session"
	"github.com/yizhan-im/yizhan/appliance/wire"
)

// silentConn is the connection of a session whose messages nobody reads.
type silentConn struct{}

func (silentConn) Reply(uint64, wire.Code, wire.Body) {}
func (silentConn) Push(*session.Event)                {}
func (silentConn) PushAll([]*session.Event)           {}
func (silentConn) Close(wire.Code, *session.Event)    {}
func (silentConn) SetIdleTimeout(time.Duration)       {}
func (silentConn) RemoteAddr() (a netip.AddrPort)     { return a }
func (silentConn) Transport() string                  { return "none" }

var _ session.Conn = silentConn{}

func newSession() *session.Session {
	return session.NewSession(silentConn{})
}

func login(t *testing.T, h *session.Hub, s *session.Session, p session.Policy, account, device string, platform wire.Platform) (replaced, others []*session.Session) {
	t.Helper()
	replaced, others, err := h.Login(s, &session.Identity{Tenant: 1, Account: account, DeviceID: device, Platform: platform}, p)
	if err != nil {
		t.Fatalf("login of %s on %s: %v", account, device, err)
	}
	return replaced, others
}

func TestLoginMakesASessionFindable(t *testing.T) {
	h := session.NewHub()
	s := newSession()
	if s.Identity() != nil {
		t.Error("a new session has an identity")
	}
	login(t, h, s, session.PolicyAll, "alice", "phone", wire.Platform_PLATFORM_IOS)

	if got := h.Sessions(nil, 1, "alice"); !slices.Equal(got, []*session.Session{s}) {
		t.Errorf("alice has %d sessions, want hers", len(got))
	}
	if got := h.Sessions(nil, 2, "alice"); len(got) != 0 {
		t.Error("alice of another tenant has her session")
	}
	if got := h.Sessions([]*session.Session{nil}, 1, "bob"); len(got) != 1 {
		t.Error("what was in dst is gone, or bob has a session")
	}
	if s.Identity().Account != "alice" || h.Len() != 1 {
		t.Errorf("identity %+v, %d sessions", s.Identity(), h.Len())
	}

	h.Remove(s)
	h.Remove(s)
	if got := h.Sessions(nil, 1, "alice"); len(got) != 0 || h.Len() != 0 {
		t.Errorf("removed session is still there: %d sessions, Len %d", len(got), h.Len())
	}
	if s.Identity() == nil {
		t.Error("a session that left has forgotten who it was")
	}
}

func TestASessionLogsInOnce(t *testing.T) {
	h := session.NewHub()
	id := &session.Identity{Tenant: 1, Account: "alice", DeviceID: "phone"}

	s := newSession()
	login(t, h, s, session.PolicyAll, "alice", "phone", wire.Platform_PLATFORM_IOS)
	if _, _, err := h.Login(s, id, session.PolicyAll); !errors.Is(err, session.ErrClosed) {
		t.Errorf("second login: %v, want ErrClosed", err)
	}

	gone := newSession()
	h.Remove(gone)
	if _, _, err := h.Login(gone, id, session.PolicyAll); !errors.Is(err, session.ErrClosed) {
		t.Errorf("login after Remove: %v, want ErrClosed", err)
	}
	if gone.Identity() != nil || h.Len() != 1 {
		t.Error("a failed login changed something")
	}
}

func TestReplacedSessionHasLeft(t *testing.T) {
	h := session.NewHub()
	old, fresh := newSession(), newSession()
	login(t, h, old, session.PolicySingle, "alice", "phone", wire.Platform_PLATFORM_IOS)
	login(t, h, fresh, session.PolicySingle, "alice", "tablet", wire.Platform_PLATFORM_IOS)
	h.Remove(old) // as its gateway does when it has closed
	if got := h.Sessions(nil, 1, "alice"); !slices.Equal(got, []*session.Session{fresh}) || h.Len() != 1 {
		t.Errorf("%d sessions, Len %d, want the newer one only", len(got), h.Len())
	}
}

func TestTooManySessionsOfOneAccount(t *testing.T) {
	h := session.NewHub()
	for i := range session.MaxSessionsPerAccount {
		login(t, h, newSession(), session.PolicyAll, "alice", fmt.Sprint("device-", i), wire.Platform_PLATFORM_PC)
	}
	late := newSession()
	id := &session.Identity{Tenant: 1, Account: "alice", DeviceID: "one more"}
	if _, _, err := h.Login(late, id, session.PolicyAll); !errors.Is(err, session.ErrTooMany) {
		t.Fatalf("one session too many: %v", err)
	}
	if h.Len() != session.MaxSessionsPerAccount || late.Identity() != nil {
		t.Error("a refused login changed something")
	}
	// A device that is there already takes its own place.
	login(t, h, late, session.PolicyAll, "alice", "device-7", wire.Platform_PLATFORM_PC)
	if h.Len() != session.MaxSessionsPerAccount {
		t.Errorf("%d sessions", h.Len())
	}
}

func TestRangeSeesEverySessionAndStops(t *testing.T) {
	h := session.NewHub()
	want := map[*session.Session]bool{}
	for i := range 500 {
		s := newSession()
		login(t, h, s, session.PolicyAll, fmt.Sprint("account-", i/2), fmt.Sprint("device-", i), wire.Platform_PLATFORM_PC)
		want[s] = true
	}
	h.Range(func(s *session.Session) bool {
		if !want[s] {
			t.Fatal("a session is met twice, or was never there")
		}
		delete(want, s)
		h.Remove(s) // the Hub is not locked during the call
		return len(want) > 100
	})
	if len(want) != 100 || h.Len() != 100 {
		t.Errorf("%d sessions not met, %d left in the Hub, want 100", len(want), h.Len())
	}
}

// Whatever the order, each login that was not replaced later is there at the
// end, each replaced one is reported to exactly one caller, and the policy holds.
func TestConcurrentLoginsOfOneAccountLeaveWhatThePolicyAllows(t *testing.T) {
	for _, policy := range policies {
		h := session.NewHub()
		const logins = 24 // fewer than MaxSessionsPerAccount
		sessions := make([]*session.Session, logins)
		var mu sync.Mutex
		replacedBy := map[*session.Session]int{}
		var all sync.WaitGroup
		for i := range sessions {
			sessions[i] = newSession()
			all.Go(func() {
				id := &session.Identity{Tenant: 1, Account: "alice", DeviceID: fmt.Sprint("device-", i), Platform: platforms[i%len(platforms)]}
				replaced, _, err := h.Login(sessions[i], id, policy)
				if err != nil {
					t.Errorf("%v: %v", policy, err)
				}
				mu.Lock()
				defer mu.Unlock()
				for _, s := range replaced {
					replacedBy[s]++
				}
			})
		}
		all.Wait()

		want := map[session.Policy]int{
			session.PolicyPerPlatform: len(platforms), session.PolicySingle: 1,
			session.PolicyMobileDesktop: 2, session.PolicyAll: logins,
		}[policy]
		present := h.Sessions(nil, 1, "alice")
		if len(present) != want || h.Len() != want {
			t.Errorf("%v: %d sessions are left (Len %d), want %d", policy, len(present), h.Len(), want)
		}
		for _, s := range sessions {
			times := replacedBy[s]
			if slices.Contains(present, s) {
				times++
			}
			if times != 1 {
				t.Errorf("%v: a session is present or replaced %d times, want once", policy, times)
			}
		}
	}
}

// A connection that breaks while its login is under way must not stay.
func TestLoginAndRemoveRace(t *testing.T) {
	h := session.NewHub()
	for range 2000 {
		s := newSession()
		var both sync.WaitGroup
		both.Go(func() { h.Remove(s) })
		both.Go(func() {
			_, _, err := h.Login(s, &session.Identity{Tenant: 1, Account: "alice", DeviceID: "phone"}, session.PolicySingle)
			if err != nil && !errors.Is(err, session.ErrClosed) {
				t.Error(err)
			}
		})
		both.Wait()
		if h.Len() != 0 || len(h.Sessions(nil, 1, "alice")) != 0 {
			t.Fatal("a session stayed although Remove was called")
		}
	}
}

func TestRangeTenantFindsTheTenantsSessions(t *testing.T) {
	h := session.NewHub()
	for i := range 300 {
		id := &session.Identity{SessionID: uint64(i + 1), Tenant: uint32(1 + i%2), Account: fmt.Sprint("a", i/4), DeviceID: fmt.Sprint(i)}
		if _, _, err := h.Login(session.NewSession(nil), id, session.PolicyAll); err != nil {
			t.Fatal(err)
		}
	}
	seen := map[uint64]bool{}
	h.RangeTenant(2, func(sessions []*session.Session) bool {
		for _, s := range sessions {
			id := s.Identity()
			if id.Tenant != 2 || seen[id.SessionID] {
				t.Errorf("met %+v", id)
			}
			seen[id.SessionID] = true
		}
		return true
	})
	if len(seen) != 150 {
		t.Errorf("%d sessions, want 150", len(seen))
	}
	calls := 0
	h.RangeTenant(1, func([]*session.Session) bool { calls++; return false })
	if calls != 1 {
		t.Errorf("%d calls after the end", calls)
	}
}
