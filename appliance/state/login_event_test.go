package state

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/yizhan-im/yizhan/appliance/wire"
)

// event is one of account at timeMs, told from others by its device; a refused one
// has the code of a wrong token.
func event(tenant uint32, account string, timeMs int64, device string, refused bool) LoginEvent {
	e := fullEvent()
	e.TimeMs, e.DeviceId = timeMs, device
	if refused {
		e.Code = uint32(wire.CodeWrongToken)
	}
	return LoginEvent{Tenant: tenant, Account: account, Keep: 5, Event: e}
}

func (n *node) record(events ...LoginEvent) *EventsResult {
	n.tb.Helper()
	return one[*EventsResult](n, &RecordEvents{TimeMs: testTime, Events: events})
}

// devices reads the account's events in pages of two, as the devices they name.
func (n *node) eventDevices(tenant uint32, account string, r LoginEventRange) (all []string) {
	n.tb.Helper()
	if r.ToMs == 0 {
		r.ToMs = maxTimeMs
	}
	r.Limit = 2
	for {
		found, next, err := n.q.LoginEvents(tenant, account, r)
		if err != nil {
			n.tb.Fatal(err)
		}
		for _, e := range found {
			all = append(all, e.DeviceId)
		}
		if next == "" {
			return all
		}
		r.After = next
	}
}

func TestEventsAreReadInBothOrders(t *testing.T) {
	n := newNode(t)
	tenant, other := n.setup("app", "a", "aa"), n.setup("app2", "a")
	res := n.record(
		event(tenant, "a", 10, "1", false), event(tenant, "a", 20, "2", true), event(other, "a", 25, "x", false),
		event(tenant, "aa", 26, "y", false), event(tenant, "a", 30, "3", false), event(tenant, "nobody", 30, "z", false),
		event(tenant, "a", 30, "4", true), event(tenant, "a", 40, "5", false),
	)
	if res.Code != wire.CodeOK || res.Count != 7 {
		t.Errorf("recorded: %+v", res)
	}
	for _, test := range []struct {
		r    LoginEventRange
		want string
	}{
		{LoginEventRange{}, "5 4 3 2 1"},
		{LoginEventRange{OldestFirst: true}, "1 2 3 4 5"},
		{LoginEventRange{FromMs: 20, ToMs: 30}, "4 3 2"},
		{LoginEventRange{FromMs: 20, ToMs: 30, OldestFirst: true}, "2 3 4"},
		{LoginEventRange{FromMs: 50}, ""},
	} {
		if got := strings.Join(n.eventDevices(tenant, "a", test.r), " "); got != test.want {
			t.Errorf("%+v: %q, want %q", test.r, got, test.want)
		}
	}
	found, _, err := n.q.LoginEvents(other, "a", LoginEventRange{ToMs: maxTimeMs})
	if err != nil || len(found) != 1 || fmt.Sprint(found[0]) != fmt.Sprint(event(other, "a", 25, "x", false).Event) {
		t.Errorf("the other tenant's: %v %v", found, err)
	}
	for _, bad := range []string{"x", "1.2", "1.2.3x", "01.0.0"} {
		if _, _, err := n.q.LoginEvents(tenant, "a", LoginEventRange{After: bad}); wire.CodeOf(err) != wire.CodeBadParameter {
			t.Errorf("after %q: %v", bad, err)
		}
	}
}

// TestEventsAreBounded by number: done and refused ones have room of their own, and
// a lower limit takes effect with the next events.
func TestEventsAreBounded(t *testing.T) {
	n := newNode(t)
	tenant := n.setup("app", "a")
	for i := range 8 {
		n.record(event(tenant, "a", int64(i), fmt.Sprint("done", i), false))
		n.record(event(tenant, "a", int64(i), fmt.Sprint("refused", i), true))
	}
	got := n.eventDevices(tenant, "a", LoginEventRange{})
	if len(got) != 10 || !slices.Contains(got, "done3") || !slices.Contains(got, "refused3") || slices.Contains(got, "done2") {
		t.Errorf("kept %v", got)
	}
	e := event(tenant, "a", 9, "last", false)
	e.Keep = 2
	n.record(e)
	if got := n.eventDevices(tenant, "a", LoginEventRange{}); slices.Contains(got, "done6") || !slices.Contains(got, "done7") || !slices.Contains(got, "last") {
		t.Errorf("with a lower limit: %v", got)
	}
	many := make([]LoginEvent, 0, 2*maxFailedEvents)
	for i := range 2 * maxFailedEvents {
		e := event(tenant, "a", int64(100+i), "guess", true)
		e.Keep = 1000
		many = append(many, e)
	}
	n.record(many...)
	if got := n.eventDevices(tenant, "a", LoginEventRange{FromMs: 100}); len(got) != maxFailedEvents {
		t.Errorf("%d refused ones are kept", len(got))
	}
}

// TestOldEventsAreSwept: by day, in pieces, of one tenant; of accounts that are gone
// too.
func TestOldEventsAreSwept(t *testing.T) {
	n := newNode(t)
	var names []string
	for i := range sweepAccounts + 5 {
		names = append(names, fmt.Sprintf("a%03d", i))
	}
	tenant, other := n.setup("app", names...), n.setup("app2", "a000")
	const old, mid, young = 10 * dayMs, 11*dayMs + 5, 12 * dayMs
	for chunk := range slices.Chunk(names, MaxEventsAtOnce/4) {
		var events []LoginEvent
		for _, name := range chunk {
			events = append(events, event(tenant, name, old, "old", false), event(tenant, name, old+1, "old", true),
				event(tenant, name, mid, "mid", false), event(tenant, name, young, "young", false))
		}
		n.record(events...)
	}
	n.record(event(other, "a000", old, "other", false))
	if over, err := n.q.LoginEventsOver(tenant, young); err != nil || !over {
		t.Errorf("over %v %v", over, err)
	}
	if over, _ := n.q.LoginEventsOver(tenant, old); over {
		t.Error("nothing is older than the oldest")
	}
	removed, rounds := 0, 0
	for more := true; more; rounds++ {
		res := one[*EventsResult](n, &SweepEvents{TimeMs: testTime, Tenant: tenant, BeforeMs: young})
		removed, more = removed+res.Count, res.More
	}
	if removed != 3*len(names) || rounds < 2 {
		t.Errorf("removed %d in %d rounds", removed, rounds)
	}
	if got := n.eventDevices(tenant, "a003", LoginEventRange{}); !slices.Equal(got, []string{"young"}) {
		t.Errorf("left %v", got)
	}
	if got := n.eventDevices(other, "a000", LoginEventRange{}); len(got) != 1 {
		t.Errorf("the other tenant has %v", got)
	}
	if over, _ := n.q.LoginEventsOver(tenant, young); over {
		t.Error("something is over")
	}
}

func TestEventsAreChecked(t *testing.T) {
	n := newNode(t)
	tenant := n.setup("app", "a")
	before := n.dump()
	for name, change := range map[string]func(*LoginEvent){
		"no kind":      func(e *LoginEvent) { e.Event.Kind = 0 },
		"a long text":  func(e *LoginEvent) { e.Event.CustomTag = strings.Repeat("x", maxEventText+1) },
		"no text":      func(e *LoginEvent) { e.Event.Ip = "\xff" },
		"no time":      func(e *LoginEvent) { e.Event.TimeMs = -1 },
		"no account":   func(e *LoginEvent) { e.Account = "" },
		"far too late": func(e *LoginEvent) { e.Event.TimeMs = maxTimeMs + 1 },
	} {
		e := event(tenant, "a", 1, "x", false)
		change(&e)
		if code := n.record(event(tenant, "a", 1, "x", false), e).Code; code != wire.CodeBadParameter && code != wire.CodeBadProtocol {
			t.Errorf("%s: %v", name, code)
		}
	}
	if after := n.dump(); difference(before, after) != "" {
		t.Errorf("refused commands changed:\n%s", difference(before, after))
	}
}

// BenchmarkRecordEvents is one event of a batch, of accounts that have as many as are
// kept.
func BenchmarkRecordEvents(b *testing.B) {
	n := newNode(b)
	var names []string
	for i := range 1000 {
		names = append(names, fmt.Sprintf("a%03d", i))
	}
	tenant := n.setup("app", names...)
	events := make([]LoginEvent, 0, 64)
	at := 0
	next := func() batchCommands {
		events = events[:0]
		for range cap(events) {
			events = append(events, event(tenant, names[at%len(names)], int64(at), "phone", false))
			at++
		}
		return batchCommands{&RecordEvents{TimeMs: testTime, Events: events}}
	}
	for range 6 * len(names) / cap(events) {
		n.apply(next()...)
	}
	b.ReportAllocs()
	for b.Loop() {
		n.apply(next()...)
	}
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N*cap(events)), "ns/event")
}

type batchCommands []command
