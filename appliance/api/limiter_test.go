package api

import (
	"strconv"
	"testing"
	"time"

	"github.com/yizhan-im/yizhan/appliance/state"
)

func limitedTo(id uint32, perSecond int) *state.Tenant {
	return &state.Tenant{ID: id, Limits: state.Limits{APIPerSecond: perSecond}}
}

// limits is a limiter at a time that the test moves.
type limits struct {
	*limiter
	now time.Time
}

func newLimits() *limits { return &limits{newLimiter(), time.Unix(1700000000, 0)} }

func (l *limits) allowed(t *state.Tenant, act *action) bool {
	_, ok := l.allow(t, act, l.now)
	return ok
}

// count is how many of n calls at once are allowed.
func (l *limits) count(t *state.Tenant, act *action, n int) (allowed int) {
	for range n {
		if l.allowed(t, act) {
			allowed++
		}
	}
	return allowed
}

func TestLimitIsPerTenantAndAction(t *testing.T) {
	l := newLimits()
	create, update := &action{name: "user/create"}, &action{name: "user/update"}
	if n := l.count(limitedTo(1, 3), create, 4); n != 3 {
		t.Errorf("%d of 4 calls in the same moment are allowed, want 3", n)
	}
	if !l.allowed(limitedTo(1, 3), update) || !l.allowed(limitedTo(2, 3), create) {
		t.Error("another action or tenant is refused too")
	}
}

// TestWhoAsksForMoreIsRefusedForAWhile: for ten seconds, or a minute, and then may
// call again as often as before.
func TestWhoAsksForMoreIsRefusedForAWhile(t *testing.T) {
	for _, test := range []struct {
		act         *action
		calls       int
		block, wait time.Duration
	}{
		{&action{name: "user/create"}, 5, 10 * time.Second, 10 * time.Second},
		{&action{name: "msg/sendBatchMsg", perMinute: 2}, 2, time.Minute, time.Minute},
		{&action{name: "job/nos/del", perDay: 3}, 3, 8 * time.Hour, 8 * time.Hour}, // until there is one more
	} {
		l, tenant := newLimits(), limitedTo(1, 5)
		if n := l.count(tenant, test.act, 50); n != test.calls {
			t.Errorf("%s: %d calls at once are allowed, want %d", test.act.name, n, test.calls)
		}
		if wait, _ := l.allow(tenant, test.act, l.now); wait != test.wait {
			t.Errorf("%s: to wait for %v, want %v", test.act.name, wait, test.wait)
		}
		l.now = l.now.Add(test.block - time.Millisecond)
		if l.allowed(tenant, test.act) && test.act.perDay == 0 {
			t.Errorf("%s: allowed within %v", test.act.name, test.block)
		}
		l.now = l.now.Add(test.block)
		if !l.allowed(tenant, test.act) {
			t.Errorf("%s: refused after %v", test.act.name, test.block)
		}
	}
}

// TestCallsThatChangeTeamsShareALimit: with each other, not with those that read.
func TestActionsOfTeamsShareALimit(t *testing.T) {
	l, tenant := newLimits(), limitedTo(1, 3)
	for _, name := range []string{"team/create", "team/kick", "team/query"} {
		if !l.allowed(tenant, actions[name]) {
			t.Errorf("%s is refused", name)
		}
	}
	if l.allowed(tenant, actions["team/update"]) || l.allowed(tenant, actions["team/joinTeams"]) {
		t.Error("a fourth call is allowed")
	}
	for _, name := range []string{"superteam/create", "superteam/invite", "superteam/getTlists"} {
		if !l.allowed(tenant, actions[name]) {
			t.Errorf("%s is refused with teams", name)
		}
	}
	if l.allowed(tenant, actions["superteam/kick"]) || l.allowed(tenant, actions["superteam/joinTeams"]) {
		t.Error("a fourth call of superteams is allowed")
	}
	for _, name := range []string{"msg/sendMsg", "superteam/sendMsg", "superteam/sendAttachMsg", "superteam/recallMsg", "superteam/queryHistoryMsg", "superteam/queryHistoryMsgByIds"} {
		if sharedBy[name] != "" || !l.allowed(tenant, actions[name]) {
			t.Errorf("%s shares the limit", name)
		}
	}
	for name, shared := range sharedBy {
		if actions[name] == nil && !plannedActions[name] {
			t.Errorf("%s of %s is no action", name, shared)
		}
	}
}

// documentedQuotas are what Yunxin documents (facts/yunxin-api.md §11).
var documentedQuotas = map[string]quota{
	"msg/sendBatchMsg":         {calls: 120, per: time.Minute},
	"msg/sendBatchAttachMsg":   {calls: 120, per: time.Minute},
	"msg/broadcastMsg":         {calls: 10, per: time.Minute},
	"chatroom/broadcast":       {calls: 10, per: time.Minute},
	"history/queryChatroomMsg": {calls: 1200, per: time.Minute},
	"job/nos/del":              {calls: 5, per: 24 * time.Hour},
}

func TestQuotasAreThoseThatAreDocumented(t *testing.T) {
	for name, act := range actions {
		want, own := documentedQuotas[name]
		if !own {
			want = quota{calls: state.DefaultAPIPerSecond, per: time.Second}
		}
		if got := quotaOf(limitedTo(1, state.DefaultAPIPerSecond), act); got.calls != want.calls || got.per != want.per {
			t.Errorf("%s may be called %d times in %v, want %d in %v", name, got.calls, got.per, want.calls, want.per)
		}
	}
}

func TestLimitFollowsTheTenant(t *testing.T) {
	l, act := newLimits(), &action{name: "user/create"}
	if n := l.count(limitedTo(1, 1), act, 2); n != 1 {
		t.Fatalf("%d calls with a limit of one", n)
	}
	allowed := 0
	for range 20 {
		l.now = l.now.Add(110 * time.Millisecond)
		if l.allowed(limitedTo(1, 10), act) {
			allowed++
		}
	}
	if allowed != 20 {
		t.Errorf("%d of 20 calls allowed at the raised rate", allowed)
	}
}

func TestMemoryOfLimitsIsBounded(t *testing.T) {
	l := newLimits()
	for i := range maxLimits {
		l.allowed(limitedTo(1, 1), &action{name: strconv.Itoa(i)})
	}
	if l.allowed(limitedTo(2, 1), &action{name: "one more"}) {
		t.Error("a full limiter of busy tenants allows one more")
	}
	// Who is refused for a while is not forgotten.
	l.count(limitedTo(1, 1), &action{name: "0"}, 2)
	l.now = l.now.Add(blockSecond - time.Millisecond)
	if !l.allowed(limitedTo(2, 1), &action{name: "one more"}) || len(l.limits) > maxLimits {
		t.Errorf("idle limits are kept: %d", len(l.limits))
	}
	if l.allowed(limitedTo(1, 1), &action{name: "0"}) {
		t.Error("a refusal was forgotten")
	}
}
