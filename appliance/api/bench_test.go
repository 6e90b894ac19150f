package api_test

import (
	"io"
	"net/http/httptest"
	"strconv"
	"strings"
	"testing"

	"github.com/yizhan-im/yizhan/appliance"
)

// BenchmarkCall measures what the API itself costs: credentials, parameters,
// limits, replay protection and the envelope, around a cheap query.
func BenchmarkCall(b *testing.B) {
	caller := newBackend(b, openNode(b, b.TempDir(), nil), appliance.TenantRequest{APIPerSecond: 1 << 20})
	caller.accounts("alice")
	r := caller.request("user/getUinfos", "accids", `["alice"]`)
	handler := caller.node.API()
	n := 0
	b.ReportAllocs()
	for b.Loop() {
		n++
		// Another body each time, or it would be a replay.
		r.Body = io.NopCloser(strings.NewReader("accids=%5B%22alice%22%5D&n=" + strconv.Itoa(n)))
		w := httptest.NewRecorder()
		handler.ServeHTTP(w, r)
		if !strings.HasPrefix(w.Body.String(), `{"code":200`) {
			b.Fatal(w.Body)
		}
	}
}
