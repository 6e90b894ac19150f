package janitor

import (
	"fmt"
	"math"
	"testing"

	"github.com/yizhan-im/yizhan/appliance/state"
	"github.com/yizhan-im/yizhan/appliance/wire"
)

// follow makes account follow n others, from a time on, for a minute.
func (s *site) follow(tenant uint32, account string, timeMs int64, n int) {
	s.tb.Helper()
	for i := 0; i < n; i += state.MaxSubscribePage {
		c := &state.Subscribe{TimeMs: timeMs, Tenant: tenant, Subscriber: account, LengthMs: state.MinSubscriptionMs, Limit: math.MaxUint32}
		for k := range min(state.MaxSubscribePage, n-i) {
			c.Publishers = append(c.Publishers, publisher(i+k))
		}
		if res := s.run(c).(*state.SubscriptionResult); len(res.Added) != len(c.Publishers) {
			s.tb.Fatalf("added %d of %d: %v", len(res.Added), len(c.Publishers), res.Code)
		}
	}
}

func publisher(i int) string { return fmt.Sprint("p", i) }

// logins records n logins of an account at a time.
func (s *site) logins(tenant uint32, account string, timeMs int64, n int) {
	s.tb.Helper()
	c := &state.RecordEvents{TimeMs: timeMs}
	for range n {
		c.Events = append(c.Events, state.LoginEvent{Tenant: tenant, Account: account, Keep: 1000, Event: &wire.LoginEvent{
			Kind: wire.LoginEventKind_LOGIN_EVENT_LOGIN, TimeMs: timeMs, Code: uint32(wire.CodeOK),
		}})
	}
	if res := s.run(c).(*state.EventsResult); res.Count != n {
		s.tb.Fatalf("recorded %d of %d: %v", res.Count, n, res.Code)
	}
}

func (s *site) events(tenant uint32, account string) int {
	s.tb.Helper()
	found, _, err := s.queries.LoginEvents(tenant, account, state.LoginEventRange{ToMs: math.MaxInt64, Limit: state.MaxEventsPage})
	if err != nil {
		s.tb.Fatal(err)
	}
	return len(found)
}

// TestSubscriptionsThatAreOverGo, however many they are and whosoever: nobody else's.
func TestSubscriptionsThatAreOverGo(t *testing.T) {
	s := newSite(t)
	const many = state.MaxExpire + 100 // more than one command removes
	accounts := []string{"a", "b"}
	for i := range many {
		accounts = append(accounts, publisher(i))
	}
	tenant, other := s.tenant("one", state.Limits{}, accounts...), s.tenant("two", state.Limits{}, "a", "b", publisher(0))
	s.follow(tenant, "a", start, many)
	s.follow(other, "a", start, 1)
	s.follow(tenant, "b", start+state.MinSubscriptionMs, 3)
	j := s.janitor()

	s.nowMs.Store(start + state.MinSubscriptionMs - 1)
	before := s.proposals.Load()
	if err := j.Pass(t.Context()); err != nil {
		t.Fatal(err)
	}
	if n := s.proposals.Load() - before; n != 0 {
		t.Errorf("a pass with nothing to do proposed %d commands", n)
	}

	s.nowMs.Store(start + state.MinSubscriptionMs)
	s.fail.Store(2) // the first command removes some, the second is lost
	if err := j.Pass(t.Context()); err == nil {
		t.Error("a pass that has failed says nothing")
	}
	if over, err := s.queries.SubscriptionsOver(s.nowMs.Load()); err != nil || !over {
		t.Errorf("all are gone: %v", err)
	}
	if err := j.Pass(t.Context()); err != nil {
		t.Fatal(err)
	}
	if over, err := s.queries.SubscriptionsOver(s.nowMs.Load()); err != nil || over {
		t.Errorf("some are left: %v", err)
	}
	// What the store has, not what a reader leaves out because of its time.
	for account, want := range map[string]int{"a": 0, "b": 3} {
		found, _, _, err := s.queries.Subscriptions(tenant, account, "", state.MaxSubscriptionsPage, start)
		if err != nil || len(found) != want {
			t.Errorf("%s has %d subscriptions, want %d: %v", account, len(found), want, err)
		}
	}
	if found, _, _, err := s.queries.Subscriptions(other, "a", "", 10, start); err != nil || len(found) != 0 {
		t.Errorf("the other tenant has %v: %v", found, err)
	}
}

// TestOldLoginEventsGo by the days that each tenant keeps.
func TestOldLoginEventsGo(t *testing.T) {
	s := newSite(t)
	week, month := s.tenant("week", state.Limits{EventDays: 7}, "a", "b"), s.tenant("month", state.Limits{EventDays: 30}, "a")
	for _, tenant := range []uint32{week, month} {
		s.logins(tenant, "a", start, 5)
		s.logins(tenant, "a", start+5*day, 2)
	}
	s.logins(week, "b", start, 1)
	j := s.janitor()
	expect := func(a, b, other int) {
		t.Helper()
		if err := j.Pass(t.Context()); err != nil {
			t.Fatal(err)
		}
		if x, y, z := s.events(week, "a"), s.events(week, "b"), s.events(month, "a"); x != a || y != b || z != other {
			t.Errorf("%d, %d and %d events are left, want %d, %d and %d", x, y, z, a, b, other)
		}
	}
	s.nowMs.Store(start + 6*day)
	expect(7, 1, 7)
	s.nowMs.Store(start + 9*day)
	expect(2, 0, 7)
	s.nowMs.Store(start + 32*day)
	expect(0, 0, 2)
	before := s.proposals.Load()
	expect(0, 0, 2)
	if n := s.proposals.Load() - before; n != 0 {
		t.Errorf("a pass with nothing to do proposed %d commands", n)
	}
}

// TestWhatAJanitorDoesNotUnderstand is an error, and no reason to go on.
func TestWhatAJanitorDoesNotUnderstand(t *testing.T) {
	j := newSite(t).janitor()
	if _, err := proposed[*state.EventsResult](j, &state.ExpireSubscriptions{TimeMs: start}); err == nil {
		t.Error("a result of another kind is taken")
	}
	if err := codeError(wire.CodeBadProtocol); err == nil {
		t.Error("a refusal is taken for success")
	}
}
