package engine_test

import (
	"net/http"
	"net/http/httptest"
	"testing"

	"github.com/yizhan-im/yizhan/appliance/weblink/engine"
)

// One source cannot hold more than its share of the places of those that have not
// logged in; who has logged in, or is gone, counts no more.
func TestASourceMayHoldSoManyNewcomers(t *testing.T) {
	a := newApp()
	a.anonymous = true
	n := serve(t, a, engine.Options{PerSource: 2})
	open := func(address string) int {
		r := httptest.NewRequest(http.MethodGet, "/socket.io/?EIO=4&transport=polling", nil)
		r.RemoteAddr = address
		w := httptest.NewRecorder()
		n.ServeHTTP(w, r)
		return w.Code
	}
	want := func(address string, status int) {
		t.Helper()
		if got := open(address); got != status {
			t.Fatalf("a session from %s: status %d, want %d", address, got, status)
		}
	}
	want("192.0.2.7:1", http.StatusOK)
	first := n.peer(t)
	want("192.0.2.7:2", http.StatusOK)
	second := n.peer(t)
	want("192.0.2.7:3", http.StatusServiceUnavailable)
	want("192.0.2.8:1", http.StatusOK)
	n.wantCount(t, "opens_total", "source", 1)

	first.Established()
	first.Established()
	want("192.0.2.7:4", http.StatusOK)
	want("192.0.2.7:5", http.StatusServiceUnavailable)
	second.Fail(engine.ReasonParse)
	second.wantClosed(t, engine.ReasonParse)
	n.wantCount(t, "sessions", "polling", 3)
	want("192.0.2.7:6", http.StatusOK)
	want("192.0.2.7:7", http.StatusServiceUnavailable)
}
