package appliance

import (
	"errors"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/yizhan-im/yizhan/appliance/lbs"
)

// TestFailedStoreShows sets the failure that watchStore would set: a store that
// really fails would leave nothing to close.
func TestFailedStoreShows(t *testing.T) {
	node, err := Open(t.Context(), Config{NodeID: "node1", DataDir: t.TempDir()})
	if err != nil {
		t.Fatal(err)
	}
	defer node.Close()
	if _, err := node.CreateTenant(t.Context(), TenantRequest{AppKey: "demo"}); err != nil {
		t.Fatal(err)
	}
	get := func(h http.Handler, target string) int {
		w := httptest.NewRecorder()
		h.ServeHTTP(w, httptest.NewRequest("GET", target, nil))
		return w.Code
	}
	whereTo := node.LBS([]lbs.AccessPoint{{Transport: lbs.TransportLink, Address: ":7400"}})
	wantBoth := func(status int) {
		t.Helper()
		if got := get(node.API(), "/health/liveness.action"); got != status {
			t.Errorf("liveness: HTTP status %d, want %d", got, status)
		}
		if got := get(whereTo, "/lbs?k=demo"); got != status {
			t.Errorf("LBS: HTTP status %d, want %d", got, status)
		}
	}
	wantBoth(http.StatusOK)
	failure := errors.New("disk is gone")
	node.failure.Store(&failure)
	wantBoth(http.StatusServiceUnavailable)
	if text := node.Status().Store.String(); !strings.Contains(text, "FAILED, restart the node: disk is gone") {
		t.Errorf("status: %s", text)
	}
}
