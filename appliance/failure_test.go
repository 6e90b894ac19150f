package appliance

import (
	"errors"
	"net/http/httptest"
	"strings"
	"testing"
)

// TestFailedStoreShows sets the failure that watchStore would set: a store that
// really fails would leave nothing to close.
func TestFailedStoreShows(t *testing.T) {
	node, err := Open(t.Context(), Config{NodeID: "node1", DataDir: t.TempDir()})
	if err != nil {
		t.Fatal(err)
	}
	defer node.Close()
	liveness := func() int {
		w := httptest.NewRecorder()
		node.API().ServeHTTP(w, httptest.NewRequest("GET", "/health/liveness.action", nil))
		return w.Code
	}
	if code := liveness(); code != 200 {
		t.Errorf("liveness of a node that is well: HTTP status %d", code)
	}
	failure := errors.New("disk is gone")
	node.failure.Store(&failure)
	if code := liveness(); code != 503 {
		t.Errorf("liveness of a failed node: HTTP status %d", code)
	}
	if text := node.Status().Store.String(); !strings.Contains(text, "FAILED, restart the node: disk is gone") {
		t.Errorf("status: %s", text)
	}
}
