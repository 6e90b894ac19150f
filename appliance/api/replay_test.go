package api

import (
	"strconv"
	"testing"
	"time"

	"github.com/yizhan-im/yizhan/appliance/state"
)

func testCaller() *caller {
	return &caller{tenant: &state.Tenant{ID: 1}, nonce: "n", curTime: "1700000000"}
}

func TestRequestsDifferByEveryPart(t *testing.T) {
	same := requestKeys(testCaller(), "user/create", "", "accid=a")
	otherTenant, otherNonce, otherTime := testCaller(), testCaller(), testCaller()
	otherTenant.tenant = &state.Tenant{ID: 2}
	otherNonce.nonce = "m"
	otherTime.curTime = "1700000001"
	for name, k := range map[string]keys{
		"tenant": requestKeys(otherTenant, "user/create", "", "accid=a"),
		"nonce":  requestKeys(otherNonce, "user/create", "", "accid=a"),
		"time":   requestKeys(otherTime, "user/create", "", "accid=a"),
		"action": requestKeys(testCaller(), "user/update", "", "accid=a"),
		"body":   requestKeys(testCaller(), "user/create", "", "accid=b"),
	} {
		if k.byContent == same.byContent || k.clientID() == same.clientID() {
			t.Errorf("another %s makes the same request", name)
		}
	}
	if again := requestKeys(testCaller(), "user/create", "", "accid=a"); again != same {
		t.Error("the same request is another one")
	}
}

func TestRequestIDNamesARequestWhateverItsNonce(t *testing.T) {
	again := testCaller()
	again.nonce, again.curTime = "m", "1700000009"
	a, b := requestKeys(testCaller(), "msg/sendMsg", "id-1", "body=1"), requestKeys(again, "msg/sendMsg", "id-1", "body=1")
	if a.clientID() != b.clientID() {
		t.Error("a retry of the official clients would send a second message")
	}
	g := newReplayGuard(100, func() {})
	now := time.Unix(1700000000, 0)
	if !g.claim(a, now) || g.claim(b, now) {
		t.Error("a RequestId is served twice")
	}
}

func TestRequestIsServedOnceWhileItsCredentialsAreValid(t *testing.T) {
	g := newReplayGuard(100, func() { t.Error("forgot a request before its time") })
	now := time.Unix(1700000000, 0)
	k := requestKeys(testCaller(), "user/create", "id", "accid=a")
	if !g.claim(k, now) {
		t.Fatal("a new request is refused")
	}
	for minute := range 11 {
		if g.claim(k, now.Add(time.Duration(minute)*time.Minute)) {
			t.Fatalf("served again after %d minutes", minute)
		}
	}
	if !g.claim(k, now.Add(3*rememberFor)) {
		t.Error("remembered for ever")
	}
}

func TestReleasedRequestMayBeRepeated(t *testing.T) {
	g := newReplayGuard(100, func() {})
	now := time.Unix(1700000000, 0)
	k := requestKeys(testCaller(), "user/create", "id", "accid=a")
	g.claim(k, now)
	g.release(k)
	if !g.claim(k, now) {
		t.Error("a request that was not served may not be repeated")
	}
}

func TestMemoryOfRequestsIsBounded(t *testing.T) {
	const most = 100
	cuts := 0
	g := newReplayGuard(most, func() { cuts++ })
	now := time.Unix(1700000000, 0)
	last := keys{}
	for i := range 10 * most {
		last = requestKeys(testCaller(), "user/create", strconv.Itoa(i), "")
		last.byContent = hash(strconv.Itoa(i))
		if !g.claim(last, now) {
			t.Fatalf("new request %d is refused", i)
		}
		if len(g.current)+len(g.previous) > 2*most {
			t.Fatalf("%d requests in memory", len(g.current)+len(g.previous))
		}
	}
	if g.claim(last, now) {
		t.Error("the newest request was forgotten")
	}
	if cuts == 0 {
		t.Error("nobody is told that requests were forgotten early")
	}
}
