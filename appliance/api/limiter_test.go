package api

import (
	"strconv"
	"testing"
	"time"

	"github.com/yizhan-im/yizhan/appliance/state"
)

func limited(id uint32, perSecond int) *state.Tenant {
	return &state.Tenant{ID: id, Limits: state.Limits{APIPerSecond: perSecond}}
}

func TestLimitIsPerTenantAndAction(t *testing.T) {
	l, now := newLimiter(), time.Unix(1700000000, 0)
	create, update := &action{name: "user/create"}, &action{name: "user/update"}
	for i := range 3 {
		if !l.allow(limited(1, 3), create, now) {
			t.Fatalf("call %d of 3 is refused", i+1)
		}
	}
	if l.allow(limited(1, 3), create, now) {
		t.Error("a fourth call in the same moment is allowed")
	}
	if !l.allow(limited(1, 3), update, now) || !l.allow(limited(2, 3), create, now) {
		t.Error("another action or tenant is refused too")
	}
	if !l.allow(limited(1, 3), create, now.Add(time.Second)) {
		t.Error("a second later it is still refused")
	}
}

func TestLimitFollowsTheTenant(t *testing.T) {
	l, now := newLimiter(), time.Unix(1700000000, 0)
	act := &action{name: "user/create"}
	l.allow(limited(1, 1), act, now)
	if l.allow(limited(1, 1), act, now) {
		t.Fatal("two calls with a limit of one")
	}
	now = now.Add(time.Second)
	allowed := 0
	for range 20 {
		now = now.Add(100 * time.Millisecond)
		if l.allow(limited(1, 10), act, now) {
			allowed++
		}
	}
	if allowed < 19 {
		t.Errorf("%d of 20 calls allowed at the raised rate", allowed)
	}
}

func TestLimitPerMinuteReplacesTheTenants(t *testing.T) {
	l, now := newLimiter(), time.Unix(1700000000, 0)
	act := &action{name: "msg/sendBatchMsg", perMinute: 2}
	allowed := 0
	for range 5 {
		if l.allow(limited(1, 1000), act, now) {
			allowed++
		}
	}
	if allowed != 2 {
		t.Errorf("%d calls at once are allowed with a limit of 2 per minute", allowed)
	}
	if !l.allow(limited(1, 1000), act, now.Add(30*time.Second)) {
		t.Error("half a minute later there is not one more")
	}
}

func TestMemoryOfLimitsIsBounded(t *testing.T) {
	l, now := newLimiter(), time.Unix(1700000000, 0)
	for i := range maxLimits {
		l.allow(limited(1, 1), &action{name: strconv.Itoa(i)}, now)
	}
	if l.allow(limited(2, 1), &action{name: "one more"}, now) {
		t.Error("a full limiter of busy tenants allows one more")
	}
	if !l.allow(limited(2, 1), &action{name: "one more"}, now.Add(time.Minute)) || len(l.limits) > maxLimits {
		t.Errorf("idle limits are kept: %d", len(l.limits))
	}
}
