package state

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/yizhan-im/yizhan/appliance/wire"
)

func announce(timeMs int64, tenant uint32, id, body string) *SendBroadcast {
	return &SendBroadcast{TimeMs: timeMs, Tenant: tenant, ClientID: id, Body: body, Offline: true, TTLMs: dayMs}
}

func (n *node) wantBroadcasts(tenant uint32, account string, platform wire.Platform, version uint64, nowMs int64, want ...string) {
	n.tb.Helper()
	n.wantBroadcastsFor(false, tenant, account, platform, version, nowMs, want...)
}

func (n *node) wantBroadcastsFor(fresh bool, tenant uint32, account string, platform wire.Platform, version uint64, nowMs int64, want ...string) {
	n.tb.Helper()
	var got []string
	for {
		page, err := n.q.Broadcasts(tenant, account, platform, version, fresh, 2, nowMs)
		if err != nil {
			n.tb.Fatal(err)
		}
		for _, b := range page.Broadcasts {
			got = append(got, b.Body)
		}
		if !page.More {
			break
		}
		if page.Version <= version {
			n.tb.Fatalf("pages do not advance at %d", version)
		}
		version = page.Version
	}
	if !slices.Equal(got, want) {
		n.tb.Errorf("%s on %v reads %q, want %q", account, platform, got, want)
	}
}

func TestBroadcastsAreReadByWhomTheyAreFor(t *testing.T) {
	const android, web = wire.Platform_PLATFORM_ANDROID, wire.Platform_PLATFORM_WEB
	n := newNode(t)
	tenant, other := n.setup("app", "a"), n.setup("other", "a")
	first := one[*BroadcastResult](n, announce(testTime, tenant, "1", "all"))
	if first.Code != wire.CodeOK || first.ID == 0 || first.Broadcast == nil {
		t.Fatalf("%+v", first)
	}
	if again := one[*BroadcastResult](n, announce(testTime, tenant, "1", "twice")); !again.Duplicate || again.ID != first.ID || again.Broadcast != nil {
		t.Errorf("repeated: %+v", again)
	}
	c := announce(testTime, tenant, "2", "phones")
	c.Platforms = uint32(wire.Platform_PLATFORM_IOS | android)
	c.From = "a"
	one[*BroadcastResult](n, c)
	c = announce(testTime, tenant, "3", "now")
	c.Offline = false
	one[*BroadcastResult](n, c)
	last := one[*BroadcastResult](n, announce(testTime+5, tenant, "4", "later"))
	n.wantBroadcasts(tenant, "a", web, 0, testTime, "all", "later")
	n.wantBroadcasts(tenant, "a", android, 0, testTime, "all", "phones", "later")
	n.wantBroadcasts(tenant, "a", wire.Platform_PLATFORM_UNKNOWN, first.ID, testTime, "later")
	n.wantBroadcasts(tenant, "a", web, 0, testTime+dayMs, "later")
	n.wantBroadcasts(other, "a", web, 0, testTime)
	if sync, err := n.q.Sync(tenant, "a", 0, 0); err != nil || sync.BroadcastsVersion != last.ID {
		t.Errorf("sync tells %d %v", sync.GetBroadcastsVersion(), err)
	}
	if sync, _ := n.q.Sync(other, "a", 0, 0); sync.BroadcastsVersion != 0 {
		t.Errorf("the other tenant is told %d", sync.BroadcastsVersion)
	}
	// Who came later gets nothing older; a new device nothing acknowledged.
	one[*AccountResult](n, &CreateAccount{TimeMs: testTime + 3, Tenant: tenant, Account: "new", TokenHash: make([]byte, TokenHashSize)})
	n.wantBroadcasts(tenant, "new", web, 0, testTime, "later")
	one[*AccountResult](n, &Ack{TimeMs: testTime, Tenant: tenant, Account: "a", DeviceID: "phone", Version: first.ID})
	n.wantBroadcasts(tenant, "a", android, 0, testTime, "all", "phones", "later")
	n.wantBroadcastsFor(true, tenant, "a", android, 0, testTime, "phones", "later")
	if res := one[*BroadcastResult](n, &DeleteBroadcast{TimeMs: testTime, Tenant: other, ID: last.ID}); res.Code != wire.CodeNotFound {
		t.Errorf("deleted by the other tenant: %v", res.Code)
	}
	if res := one[*BroadcastResult](n, &DeleteBroadcast{TimeMs: testTime, Tenant: tenant, ID: last.ID}); res.Code != wire.CodeOK {
		t.Errorf("delete: %v", res.Code)
	}
	if res := one[*BroadcastResult](n, &DeleteBroadcast{TimeMs: testTime, Tenant: tenant, ID: last.ID}); res.Code != wire.CodeNotFound {
		t.Errorf("deleted again: %v", res.Code)
	}
	n.wantBroadcasts(tenant, "new", web, 0, testTime)
	if _, err := n.q.Broadcast(other, first.ID); wire.CodeOf(err) != wire.CodeNotFound {
		t.Errorf("the other tenant reads it: %v", err)
	}
	list, err := n.q.BroadcastList(tenant, first.ID+2, 5, func(b *wire.Broadcast) bool { return b.Offline })
	if err != nil || len(list) != 2 || list[0].Body != "phones" || list[1].Body != "all" {
		t.Errorf("list %v %v", list, err)
	}
}

func TestRefusedBroadcastsChangeNothing(t *testing.T) {
	n := newNode(t)
	tenant := n.setup("app", "a")
	for want, changes := range map[wire.Code][]func(*SendBroadcast){
		wire.CodeNotFound: {func(c *SendBroadcast) { c.From = "nobody" }, func(c *SendBroadcast) { c.Tenant = 9 }},
		wire.CodeBadParameter: {
			func(c *SendBroadcast) { c.Body = "" }, func(c *SendBroadcast) { c.Body = "\xff" },
			func(c *SendBroadcast) { c.Body = strings.Repeat("x", maxAttach+1) },
			func(c *SendBroadcast) { c.ClientID = "" }, func(c *SendBroadcast) { c.Platforms = 128 },
			func(c *SendBroadcast) { c.TTLMs = 0 }, func(c *SendBroadcast) { c.TTLMs = MaxBroadcastHours*hourMs + 1 },
		},
	} {
		for i, change := range changes {
			before := n.dump()
			c := announce(testTime, tenant, "x", "body")
			change(c)
			if res := one[*BroadcastResult](n, c); res.Code != want || difference(before, n.dump()) != "" {
				t.Errorf("%d: %v, want %v; changed %s", i, res.Code, want, difference(before, n.dump()))
			}
		}
	}
}

// TestBroadcastsAreBounded: the oldest make room, and expired ones go.
func TestBroadcastsAreBounded(t *testing.T) {
	n := newNode(t)
	tenant := n.setup("app", "a")
	var batch []command
	for i := range MaxBroadcasts + 10 {
		batch = append(batch, announce(testTime, tenant, fmt.Sprint(i), fmt.Sprint(i)))
	}
	n.apply(batch...)
	if rows := n.rowsBelow(appendTable(nil, tableBroadcast)); rows != MaxBroadcasts {
		t.Errorf("%d rows", rows)
	}
	list, err := n.q.BroadcastList(tenant, 0, 1, func(*wire.Broadcast) bool { return true })
	if err != nil || len(list) != 1 || list[0].Body != fmt.Sprint(MaxBroadcasts+9) {
		t.Errorf("newest: %v %v", list, err)
	}
	for i := range MaxBroadcasts/sweptBroadcasts + 1 {
		one[*BroadcastResult](n, announce(testTime+2*dayMs, tenant, fmt.Sprint("late", i), "late"))
	}
	for _, table := range []byte{tableBroadcast, tableBroadcastExpiry} {
		if rows := n.rowsBelow(appendTable(nil, table)); rows != MaxBroadcasts/sweptBroadcasts+1 {
			t.Errorf("%d rows are left in table %x", rows, table)
		}
	}
}
