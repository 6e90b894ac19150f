package room

import (
	"errors"
	"fmt"
	"maps"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/yizhan-im/yizhan/appliance/wire"
)

func TestMessageReachesEveryMemberButTheSessionThatSentIt(t *testing.T) {
	rs := New(Options{Now: func() time.Time { return time.UnixMilli(1_700_000_000_123) }})
	alice, bob, carol, dave := new(device), new(device), new(device), new(device)
	alice.enter(t, rs, "lobby", 1)
	bob.enter(t, rs, "lobby", 2)
	carol.enter(t, rs, "lobby", 3)
	dave.enter(t, rs, "other", 1)
	wantLen(t, rs, 2, 4)

	p := &wire.RoomMessagePush{
		Room: "lobby", From: "alice", FromPlatform: wire.Platform_PLATFORM_WEB, ClientId: "c1", Type: 100, Body: "{}", Ext: "e",
	}
	told := 0
	if err := rs.Send(&alice.Member, p, func() { told++ }); err != nil {
		t.Fatal(err)
	}
	settle(t, rs)
	if told != 1 || p.TimeMs != 1_700_000_000_123 || p.Id == 0 {
		t.Errorf("told %d times, id %d at %d", told, p.Id, p.TimeMs)
	}
	for _, d := range []*device{bob, carol} {
		got := d.take(t)
		if len(got) != 1 || got[0].String() != p.String() {
			t.Errorf("got %v, want %v", got, p)
		}
	}
	alice.wantBodies(t)
	dave.wantBodies(t)

	// All connections share one event, so that each form of it is made once.
	alice.send(t, rs, "lobby", "again")
	if bob.pushed[0] != carol.pushed[0] {
		t.Error("two members got two events")
	}
}

func TestIDsGrowWhateverTheClockDoes(t *testing.T) {
	now := time.UnixMilli(1000)
	rs := New(Options{Now: func() time.Time { return now }})
	alice := new(device)
	alice.enter(t, rs, "lobby", 1)
	last := uint64(0)
	for _, step := range []time.Duration{0, 0, time.Millisecond, -time.Second, -time.Hour, time.Hour, 0} {
		now = now.Add(step)
		p := alice.send(t, rs, "lobby", "")
		if p.Id <= last {
			t.Errorf("id %d after %d", p.Id, last)
		}
		if p.TimeMs != now.UnixMilli() {
			t.Errorf("time %d, want %d", p.TimeMs, now.UnixMilli())
		}
		last = p.Id
	}
	// A room that comes back knows nothing of the former one but the time.
	rs.Exit(&alice.Member, "lobby")
	wantLen(t, rs, 0, 0)
	now = now.Add(time.Minute)
	alice.enter(t, rs, "lobby", 1)
	if p := alice.send(t, rs, "lobby", ""); p.Id <= last {
		t.Errorf("id %d after %d", p.Id, last)
	}
}

func TestOnlyMembersSend(t *testing.T) {
	rs := New(Options{})
	alice, bob := new(device), new(device)
	alice.enter(t, rs, "lobby", 1)
	refused := func(name string) {
		t.Helper()
		err := rs.Send(&bob.Member, &wire.RoomMessagePush{Room: name}, func() { t.Error("told that it was sent") })
		if !errors.Is(err, ErrNotMember) {
			t.Errorf("%q: %v", name, err)
		}
	}
	refused("lobby")
	refused("nowhere")
	bob.enter(t, rs, "lobby", 2)
	bob.send(t, rs, "lobby", "hello")
	rs.Exit(&bob.Member, "lobby")
	refused("lobby")
	alice.wantBodies(t, "hello")
}

func TestTenantsShareNothing(t *testing.T) {
	rs := New(Options{})
	alice, twin, spy := &device{tenant: 1}, &device{tenant: 1}, &device{tenant: 2}
	alice.enter(t, rs, "lobby", 1)
	twin.enter(t, rs, "lobby", 2)
	spy.enter(t, rs, "lobby", 1) // does not count the others
	wantLen(t, rs, 2, 3)
	alice.send(t, rs, "lobby", "for tenant 1")
	spy.send(t, rs, "lobby", "for tenant 2")
	alice.wantBodies(t)
	twin.wantBodies(t, "for tenant 1")
	spy.wantBodies(t)
	rs.Exit(&spy.Member, "lobby")
	wantLen(t, rs, 1, 2)
	if err := rs.Send(&spy.Member, &wire.RoomMessagePush{Room: "lobby"}, nil); !errors.Is(err, ErrNotMember) {
		t.Error(err)
	}
}

func TestEnteringTwiceChangesNothing(t *testing.T) {
	rs := New(Options{})
	alice, bob := new(device), new(device)
	alice.enter(t, rs, "lobby", 1)
	bob.enter(t, rs, "lobby", 2)
	bob.enter(t, rs, "lobby", 2)
	alice.send(t, rs, "lobby", "once")
	bob.wantBodies(t, "once")
	rs.Exit(&bob.Member, "lobby")
	rs.Exit(&bob.Member, "lobby")
	wantLen(t, rs, 1, 1)
}

func TestASessionIsInABoundedNumberOfRooms(t *testing.T) {
	for _, limit := range []int{0, 3} {
		rs := New(Options{PerSession: limit})
		if limit == 0 {
			limit = DefaultPerSession
		}
		alice := new(device)
		for i := range limit {
			alice.enter(t, rs, fmt.Sprint("room ", i), 1)
		}
		if _, err := rs.Enter(&alice.Member, alice, 0, "one more"); !errors.Is(err, ErrTooMany) {
			t.Error(err)
		}
		alice.enter(t, rs, "room 0", 1) // is in it
		wantLen(t, rs, limit, limit)
		rs.Exit(&alice.Member, "room 1")
		alice.enter(t, rs, "one more", 1)
		alice.send(t, rs, "one more", "")
	}
}

func TestLeaveEndsEveryMembershipForGood(t *testing.T) {
	rs := New(Options{})
	alice, bob := new(device), new(device)
	for i := range 5 {
		alice.enter(t, rs, fmt.Sprint("room ", i), 1)
		bob.enter(t, rs, fmt.Sprint("room ", i), 2)
	}
	rs.Leave(&alice.Member)
	rs.Leave(&alice.Member)
	wantLen(t, rs, 5, 5)
	for i := range 5 {
		bob.send(t, rs, fmt.Sprint("room ", i), "")
	}
	alice.wantBodies(t)
	if _, err := rs.Enter(&alice.Member, alice, 0, "room 1"); !errors.Is(err, ErrClosed) {
		t.Error(err)
	}
	if err := rs.Send(&alice.Member, &wire.RoomMessagePush{Room: "room 1"}, nil); !errors.Is(err, ErrNotMember) {
		t.Error(err)
	}
	rs.Exit(&alice.Member, "room 1")
	rs.Leave(&bob.Member)
	wantLen(t, rs, 0, 0)
}

func TestEmptyRoomsVanish(t *testing.T) {
	rs := New(Options{})
	for i := range 1000 {
		d := new(device)
		d.enter(t, rs, fmt.Sprint(i), 1)
		rs.Exit(&d.Member, fmt.Sprint(i))
	}
	wantLen(t, rs, 0, 0)
	for i := range rs.shards {
		if len(rs.shards[i].rooms) != 0 {
			t.Errorf("shard %d still has %d rooms", i, len(rs.shards[i].rooms))
		}
	}
}

func TestARoomGivesMemoryBack(t *testing.T) {
	rs := New(Options{})
	devices := make([]*device, 5000)
	for i := range devices {
		devices[i] = new(device)
		devices[i].enter(t, rs, "lobby", i+1)
	}
	r := devices[0].first.part
	for _, d := range devices[10:] {
		rs.Leave(&d.Member)
	}
	if c := cap(r.members); c > 4*smallRoom {
		t.Errorf("room for %d members is kept for 10", c)
	}
	for i, d := range devices[:10] {
		d.send(t, rs, "lobby", fmt.Sprint(i))
	}
	devices[0].wantBodies(t, strings.Split("123456789", "")...)
}

func TestNameIsNotSharedWithTheRequest(t *testing.T) {
	rs := New(Options{})
	alice, bob := new(device), new(device)
	buffer := []byte("lobby")
	if _, err := rs.Enter(&alice.Member, alice, 0, borrowed(buffer)); err != nil {
		t.Fatal(err)
	}
	copy(buffer, "xxxxx") // as a gateway does with its buffer
	bob.enter(t, rs, "lobby", 2)
	alice.send(t, rs, "lobby", "hello")
	bob.wantBodies(t, "hello")
}

func TestMetrics(t *testing.T) {
	reg := prometheus.NewRegistry()
	rs := New(Options{Registerer: reg})
	alice, bob, carol := new(device), new(device), new(device)
	alice.enter(t, rs, "lobby", 1)
	bob.enter(t, rs, "lobby", 2)
	carol.enter(t, rs, "lobby", 3)
	carol.enter(t, rs, "other", 1)
	alice.send(t, rs, "lobby", "1")
	carol.send(t, rs, "other", "2")
	rs.Leave(&bob.Member)
	bob.Member = Member{}
	_ = rs.Send(&bob.Member, &wire.RoomMessagePush{Room: "lobby"}, nil)
	families, err := reg.Gather()
	if err != nil {
		t.Fatal(err)
	}
	got := map[string]float64{}
	for _, f := range families {
		m := f.GetMetric()[0]
		got[f.GetName()] = m.GetCounter().GetValue() + m.GetGauge().GetValue()
	}
	want := map[string]float64{
		"yizhan_room_rooms": 2, "yizhan_room_members": 3, "yizhan_room_messages_total": 2, "yizhan_room_deliveries_total": 2,
		"yizhan_room_waiting": 0, "yizhan_room_abandoned_total": 0, "yizhan_room_refused_total": 0, "yizhan_room_unannounced_total": 0, "yizhan_room_lag_seconds": 0,
	}
	if !maps.Equal(got, want) {
		t.Errorf("metrics %v, want %v", got, want)
	}
}
