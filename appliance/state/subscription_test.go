package state

import (
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"github.com/yizhan-im/yizhan/appliance/wire"
)

const subscriptionLength = int64(MinSubscriptionMs)

func (n *node) subscribe(tenant uint32, timeMs int64, subscriber string, publishers ...string) *SubscriptionResult {
	n.tb.Helper()
	return one[*SubscriptionResult](n, &Subscribe{
		TimeMs: timeMs, Tenant: tenant, Session: 7, Subscriber: subscriber, Publishers: publishers, LengthMs: subscriptionLength, Limit: 100,
	})
}

// follows lists whom the account follows, and when that ends.
func (n *node) follows(tenant uint32, account string, nowMs int64) map[string]int64 {
	n.tb.Helper()
	all := map[string]int64{}
	after := ""
	for {
		found, more, _, err := n.q.Subscriptions(tenant, account, after, 2, nowMs)
		if err != nil {
			n.tb.Fatal(err)
		}
		for _, s := range found {
			if s.Publisher <= after {
				n.tb.Fatalf("%q after %q", s.Publisher, after)
			}
			after = s.Publisher
			all[s.Publisher] = s.ExpiresMs
		}
		if !more {
			return all
		}
	}
}

func (n *node) audience(tenant uint32, publisher string, nowMs int64) []string {
	n.tb.Helper()
	accounts, _, err := n.q.Audience(tenant, publisher, "", nowMs)
	if err != nil {
		n.tb.Fatal(err)
	}
	return accounts
}

// TestSubscriptionsFollowTheModel runs random commands of two tenants against a map,
// with restarts, and checks both directions, the counts and the versions.
func TestSubscriptionsFollowTheModel(t *testing.T) {
	rng := rand.New(rand.NewPCG(1, 2))
	n := newNode(t)
	names := []string{"a", "aa", "b", "c", "d", "e"}
	tenants := []uint32{n.setup("one", names...), n.setup("two", names...)}
	type pair struct {
		tenant     uint32
		subscriber string
	}
	model := map[pair]map[string]int64{}
	version := map[pair]uint64{}
	now := testTime
	for step := range 1500 {
		now += rng.Int64N(subscriptionLength / 8)
		p := pair{tenants[rng.IntN(2)], names[rng.IntN(len(names))]}
		if model[p] == nil {
			model[p] = map[string]int64{}
		}
		var publishers []string
		for _, name := range append(slices.Clone(names), "nobody") {
			if rng.IntN(3) == 0 {
				publishers = append(publishers, name)
			}
		}
		var want, failed []string
		var res *SubscriptionResult
		switch op := rng.IntN(10); {
		case op == 0:
			res = one[*SubscriptionResult](n, &Unsubscribe{TimeMs: now, Tenant: p.tenant, Subscriber: p.subscriber, All: true})
			if res.More || len(res.Failed) > 0 {
				t.Fatalf("step %d: %+v", step, res)
			}
			clear(model[p])
		case op == 1:
			one[*ExpiryResult](n, &ExpireSubscriptions{TimeMs: now})
		case len(publishers) == 0:
		case op < 5:
			res = one[*SubscriptionResult](n, &Unsubscribe{TimeMs: now, Tenant: p.tenant, Subscriber: p.subscriber, Publishers: publishers})
			for _, name := range publishers {
				if model[p][name] > now {
					want = append(want, name)
				} else {
					failed = append(failed, name)
				}
				delete(model[p], name)
			}
			if !slices.Equal(res.Removed, want) || !slices.Equal(res.Failed, failed) {
				t.Fatalf("step %d: removed %v and not %v, want %v and not %v", step, res.Removed, res.Failed, want, failed)
			}
		default:
			res = n.subscribe(p.tenant, now, p.subscriber, publishers...)
			for _, name := range publishers {
				if name == p.subscriber || name == "nobody" {
					failed = append(failed, name)
					continue
				}
				want = append(want, name)
				model[p][name] = max(model[p][name], now+subscriptionLength)
			}
			if !slices.Equal(res.Added, want) || !slices.Equal(res.Failed, failed) || res.ExpiresMs != now+subscriptionLength {
				t.Fatalf("step %d: %+v, want %v and not %v", step, res, want, failed)
			}
		}
		if res != nil {
			if res.Changed != (len(res.Added)+len(res.Removed) > 0) || res.Changed == (res.Version == version[p]) {
				t.Fatalf("step %d: %+v after version %d", step, res, version[p])
			}
			version[p] = res.Version
		}
		if rng.IntN(200) == 0 {
			n.restart()
		}
		if step%10 > 0 {
			continue
		}
		for _, tenant := range tenants {
			followers := map[string][]string{}
			for _, name := range names {
				p := pair{tenant, name}
				live := map[string]int64{}
				for publisher, expires := range model[p] {
					if expires > now {
						live[publisher] = expires
						followers[publisher] = append(followers[publisher], name)
					}
				}
				if got := n.follows(tenant, name, now); !maps.Equal(got, live) {
					t.Fatalf("step %d: %s follows %v, want %v", step, name, got, live)
				}
				if s, err := n.q.Sync(tenant, name, 0, 1); err != nil || s.SubscriptionsVersion != version[p] {
					t.Fatalf("step %d: sync says %d %v, want %d", step, s.GetSubscriptionsVersion(), err, version[p])
				}
			}
			for _, name := range names {
				if got := n.audience(tenant, name, now); !slices.Equal(got, followers[name]) {
					t.Fatalf("step %d: %s has the audience %v, want %v", step, name, got, followers[name])
				}
			}
		}
	}
	// When all is over nothing is left but the versions.
	now += MaxSubscriptionMs
	if over, err := n.q.SubscriptionsOver(now); err != nil || !over {
		t.Errorf("over %v %v", over, err)
	}
	if res := one[*ExpiryResult](n, &ExpireSubscriptions{TimeMs: now}); res.Code != wire.CodeOK || res.Removed == 0 || res.More {
		t.Errorf("expiry %+v", res)
	}
	if over, err := n.q.SubscriptionsOver(now); err != nil || over {
		t.Errorf("over %v %v", over, err)
	}
	for _, row := range n.dump() {
		switch {
		case strings.HasPrefix(row, "80"), strings.HasPrefix(row, "81"), strings.HasPrefix(row, "83"):
			t.Errorf("left: %s", row)
		case strings.HasPrefix(row, "82") && !strings.HasSuffix(row, "0000"):
			t.Errorf("counts are left: %s", row)
		}
	}
}

// TestSubscriptionsAreBounded: by the subscriber's limit, which renewals do not
// count in, and removed a few at a time.
func TestSubscriptionsAreBounded(t *testing.T) {
	n := newNode(t)
	tenant := n.setup("app", "a", "b", "c", "d")
	res := one[*SubscriptionResult](n, &Subscribe{TimeMs: testTime, Tenant: tenant, Subscriber: "a", Publishers: []string{"d", "c", "b"}, LengthMs: subscriptionLength, Limit: 2})
	if !slices.Equal(res.Added, []string{"d", "c"}) || !slices.Equal(res.Failed, []string{"b"}) {
		t.Errorf("%+v", res)
	}
	res = one[*SubscriptionResult](n, &Subscribe{TimeMs: testTime + 1, Tenant: tenant, Subscriber: "a", Publishers: []string{"c", "b"}, LengthMs: MaxSubscriptionMs, Limit: 2})
	if !slices.Equal(res.Added, []string{"c"}) {
		t.Errorf("renewed at the limit: %+v", res)
	}
	// A shorter renewal does not shorten.
	n.subscribe(tenant, testTime+2, "a", "c")
	if got := n.follows(tenant, "a", testTime+2)["c"]; got != testTime+1+MaxSubscriptionMs {
		t.Errorf("ends at %d", got)
	}
	// d is over: there is room again.
	res = one[*SubscriptionResult](n, &Subscribe{TimeMs: testTime + subscriptionLength, Tenant: tenant, Subscriber: "a", Publishers: []string{"b"}, LengthMs: subscriptionLength, Limit: 2})
	if !slices.Equal(res.Added, []string{"b"}) {
		t.Errorf("when one is over: %+v", res)
	}
}

// TestUnsubscribeAllInPieces: more subscriptions than one command removes.
func TestUnsubscribeAllInPieces(t *testing.T) {
	n := newNode(t)
	tenant := n.setup("app", "a")
	const many = unsubscribeAtOnce + MaxSubscribePage
	var accounts []command
	for i := range many {
		accounts = append(accounts, &CreateAccount{TimeMs: testTime, Tenant: tenant, Account: fmt.Sprintf("b%04d", i), TokenHash: HashToken("", "", "")})
	}
	n.apply(accounts...)
	for i := 0; i < many; i += MaxSubscribePage {
		var names []string
		for k := range MaxSubscribePage {
			names = append(names, fmt.Sprintf("b%04d", i+k))
		}
		res := one[*SubscriptionResult](n, &Subscribe{TimeMs: testTime, Tenant: tenant, Subscriber: "a", Publishers: names, LengthMs: subscriptionLength, Limit: many})
		if len(res.Added) != MaxSubscribePage {
			t.Fatalf("%+v", res)
		}
	}
	for _, want := range []struct {
		removed int
		more    bool
	}{{unsubscribeAtOnce, true}, {many - unsubscribeAtOnce, false}, {0, false}} {
		res := one[*SubscriptionResult](n, &Unsubscribe{TimeMs: testTime, Tenant: tenant, Subscriber: "a", All: true})
		if len(res.Removed) != want.removed || res.More != want.more {
			t.Errorf("removed %d, more %v, want %+v", len(res.Removed), res.More, want)
		}
	}
	if got := n.follows(tenant, "a", testTime); len(got) > 0 {
		t.Errorf("follows %v", got)
	}
}

func TestSubscriptionsAreChecked(t *testing.T) {
	n := newNode(t)
	tenant := n.setup("app", "a", "b")
	before := n.dump()
	for name, change := range map[string]func(*Subscribe){
		"nobody":      func(c *Subscribe) { c.Publishers = nil },
		"twice":       func(c *Subscribe) { c.Publishers = []string{"b", "b"} },
		"no name":     func(c *Subscribe) { c.Publishers = []string{""} },
		"too short":   func(c *Subscribe) { c.LengthMs = MinSubscriptionMs - 1 },
		"too long":    func(c *Subscribe) { c.LengthMs = MaxSubscriptionMs + 1 },
		"end of time": func(c *Subscribe) { c.TimeMs = maxTimeMs },
	} {
		c := &Subscribe{TimeMs: testTime, Tenant: tenant, Subscriber: "a", Publishers: []string{"b"}, LengthMs: subscriptionLength, Limit: 9}
		change(c)
		mustCode(t, name, one[*SubscriptionResult](n, c).Code, wire.CodeBadParameter)
	}
	mustCode(t, "both", one[*SubscriptionResult](n, &Unsubscribe{TimeMs: testTime, Tenant: tenant, Subscriber: "a", Publishers: []string{"b"}, All: true}).Code, wire.CodeBadParameter)
	mustCode(t, "neither", one[*SubscriptionResult](n, &Unsubscribe{TimeMs: testTime, Tenant: tenant, Subscriber: "a"}).Code, wire.CodeBadParameter)
	mustCode(t, "nobody subscribes", n.subscribe(tenant, testTime, "nobody", "b").Code, wire.CodeNotFound)
	mustCode(t, "in another tenant", n.subscribe(tenant+1, testTime, "a", "b").Code, wire.CodeNotFound)
	if after := n.dump(); difference(before, after) != "" {
		t.Errorf("refused commands changed:\n%s", difference(before, after))
	}
}

// TestWhoSeesPresence is the matrix of modes, relations and subscriptions.
func TestWhoSeesPresence(t *testing.T) {
	n := newNode(t)
	tenant := n.setup("app", "publisher", "stranger", "friend", "listed", "follower")
	n.relate(tenant, RelationAdd, "publisher", "friend")
	n.relate(tenant, RelationAdd, "publisher", "listed")
	n.relate(tenant, RelationBlacklist, "publisher", "listed")
	for _, name := range []string{"stranger", "friend", "listed", "follower"} {
		if name != "stranger" {
			n.subscribe(tenant, testTime, name, "publisher")
		}
	}
	viewers := []string{"publisher", "stranger", "friend", "listed", "follower"}
	for _, test := range []struct {
		mode     int
		want     []Sight // of viewers
		audience []string
	}{
		{PresenceEverybody, []Sight{SightFull, SightFull, SightFull, SightOffline, SightFull}, []string{"follower", "friend"}},
		{PresenceFriends, []Sight{SightFull, SightDenied, SightFull, SightOffline, SightDenied}, []string{"friend"}},
		{PresenceSubscribed, []Sight{SightFull, SightDenied, SightFull, SightOffline, SightFull}, []string{"follower", "friend"}},
	} {
		n.apply(&UpdateTenant{TimeMs: testTime, AppKey: "app", Limits: &Limits{PresenceMode: test.mode}})
		for i, viewer := range viewers {
			sights, err := n.q.Sights(tenant, viewer, test.mode, []string{"publisher", "nobody"}, testTime)
			if err != nil || sights[0] != test.want[i] || sights[1] != SightNone {
				t.Errorf("mode %d: %s sees %v %v, want %v", test.mode, viewer, sights, err, test.want[i])
			}
			accounts, hidden, err := n.q.Audience(tenant, "publisher", viewer, testTime)
			subscribed := i >= 2
			if err != nil || slices.Contains(accounts, viewer) != subscribed || subscribed && hidden != (test.want[i] != SightFull) {
				t.Errorf("mode %d: audience of %s: %v, hidden %v, %v", test.mode, viewer, accounts, hidden, err)
			}
		}
		if got := n.audience(tenant, "publisher", testTime); !slices.Equal(got, test.audience) {
			t.Errorf("mode %d: audience %v, want %v", test.mode, got, test.audience)
		}
		if got := n.audience(tenant, "publisher", testTime+subscriptionLength); len(got) > 0 {
			t.Errorf("mode %d: when all is over: %v", test.mode, got)
		}
	}
	// Only friends may subscribe where only they may see.
	only := one[*SubscriptionResult](n, &Subscribe{
		TimeMs: testTime, Tenant: tenant, Subscriber: "friend", Publishers: []string{"publisher", "stranger"}, LengthMs: subscriptionLength, Limit: 9, FriendsOnly: true,
	})
	if !slices.Equal(only.Added, []string{"publisher"}) || !slices.Equal(only.Failed, []string{"stranger"}) {
		t.Errorf("among friends: %+v", only)
	}
	if _, err := n.q.Sights(tenant, "friend", PresenceEverybody, make([]string, MaxProfiles+1), testTime); wire.CodeOf(err) != wire.CodeCountLimit {
		t.Errorf("too many: %v", err)
	}
}

// BenchmarkAudience is whom a change of presence must be told.
func BenchmarkAudience(b *testing.B) {
	for _, followers := range []int{0, 100, 3000} {
		b.Run(fmt.Sprint("followers=", followers), func(b *testing.B) {
			n := newNode(b)
			tenant := n.setup("app", "publisher")
			for i := range followers {
				name := fmt.Sprintf("follower%05d", i)
				n.apply(&CreateAccount{TimeMs: testTime, Tenant: tenant, Account: name, TokenHash: HashToken("", "", "")},
					&Subscribe{TimeMs: testTime, Tenant: tenant, Subscriber: name, Publishers: []string{"publisher"}, LengthMs: subscriptionLength, Limit: 9})
			}
			b.ReportAllocs()
			for b.Loop() {
				if got := n.audience(tenant, "publisher", testTime); len(got) != followers {
					b.Fatal(len(got))
				}
			}
		})
	}
}
