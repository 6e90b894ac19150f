package lbs

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"log/slog"
	"maps"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/yizhan-im/yizhan/appliance/wire"
)

var testPoints = []AccessPoint{
	{Transport: TransportLink, Address: "im.example.com:7400"},
	{Transport: TransportLink, Address: ":7401"},
	{Transport: TransportWebLink, Address: "web.example.com:443"},
	{Transport: TransportLink, Address: "gray.example.com:7400", Env: "gray"},
}

// testTenants knows "demo"; other names stand for what can go wrong.
func testTenants(_ context.Context, appKey string) error {
	switch appKey {
	case "demo":
		return nil
	case "busy":
		return wire.Errorf(wire.CodeBusy, "no leader")
	case "broken":
		return errors.New("disk on fire at /secret/path")
	default:
		return wire.Errorf(wire.CodeWrongToken, "unknown appkey")
	}
}

func newTestServer() *Server {
	return New(Config{
		Key:    "a2V5",
		Tenant: testTenants,
		Now:    func() time.Time { return time.UnixMilli(1_790_000_000_123) },
	})
}

func ask(h http.Handler, method, target string) *httptest.ResponseRecorder {
	r := httptest.NewRequest(method, target, nil)
	r.RemoteAddr = "203.0.113.7:50000"
	w := httptest.NewRecorder()
	h.ServeHTTP(w, r)
	return w
}

func TestAnswerIsExactlyAsDocumented(t *testing.T) {
	w := ask(newTestServer().Handler(testPoints), "GET", "http://lbs.example.com/lbs?k=demo&transport=link&id=alice&v=1.2.0&platform=ios")
	const want = `{"code":200,"access_points":[{"transport":"link","address":"im.example.com:7400"},` +
		`{"transport":"link","address":"lbs.example.com:7401"}],"link_key":"a2V5","ttl":300,` +
		`"server_time_ms":1790000000123,"client_ip":"203.0.113.7","hints":{"attempt_delay_ms":250}}`
	if w.Code != http.StatusOK || w.Body.String() != want {
		t.Errorf("got %d %s\nwant 200 %s", w.Code, w.Body, want)
	}
	for name, want := range map[string]string{
		"Content-Type":                "application/json; charset=utf-8",
		"Cache-Control":               "private, max-age=300",
		"Access-Control-Allow-Origin": "*",
	} {
		if got := w.Header().Get(name); got != want {
			t.Errorf("%s: %q, want %q", name, got, want)
		}
	}
}

func TestRefusals(t *testing.T) {
	handler := newTestServer().Handler(testPoints)
	for _, test := range []struct {
		query  string
		status int
		code   wire.Code
		desc   string
	}{
		{"", 400, 414, "k, the appkey, is missing"},
		{"k=", 400, 414, "k, the appkey, is missing"},
		{"k=a%20b", 400, 414, "parameter k"},
		{"k=" + strings.Repeat("a", 65), 400, 414, "parameter k"},
		{"k=demo&k=demo", 400, 414, "parameter k is given twice"},
		{"k=demo&id=a/b", 400, 414, "parameter id"},
		{"k=demo&v=" + strings.Repeat("1", 33), 400, 414, "parameter v"},
		{"k=demo&platform=amiga", 400, 414, "parameter platform"},
		{"k=demo&platform=32", 400, 414, "parameter platform"},
		{"k=demo&transport=carrier-pigeon", 400, 414, "parameter transport"},
		{"k=demo&env=%22", 400, 414, "parameter env"},
		{"k=%zz", 400, 414, "not URL-encoded"},
		{"k=demo&" + strings.Repeat("x", maxQuery), 400, 414, "the most is"},
		{"k=stranger", 404, 404, "unknown appkey"},
		{"k=demo&env=nobody", 404, 404, `no access point for env "nobody"`},
		{"k=busy", 503, 503, "no leader"},
		{"k=broken", 500, 500, "its log tells why"},
	} {
		w := ask(handler, "GET", "http://lbs.example.com/lbs?"+test.query)
		var got ErrorResponse
		if err := json.Unmarshal(w.Body.Bytes(), &got); err != nil {
			t.Errorf("%s: %v", test.query, err)
			continue
		}
		if w.Code != test.status || got.Code != test.code || !strings.Contains(got.Desc, test.desc) {
			t.Errorf("%s: %d %s, want %d with code %d and %q", test.query, w.Code, w.Body, test.status, test.code, test.desc)
		}
		if cache := w.Header().Get("Cache-Control"); cache != "no-store" {
			t.Errorf("%s: Cache-Control %q", test.query, cache)
		}
		if retry := w.Header().Get("Retry-After"); (retry != "") != (test.status == 503) {
			t.Errorf("%s: Retry-After %q", test.query, retry)
		}
	}
}

func TestFailureOfTheServerIsLoggedAndNotTold(t *testing.T) {
	var log bytes.Buffer
	s := New(Config{Tenant: testTenants, Logger: slog.New(slog.NewTextHandler(&log, nil))})
	w := ask(s.Handler(testPoints), "GET", "/lbs?k=broken")
	if strings.Contains(w.Body.String(), "secret") {
		t.Errorf("the client is told %s", w.Body)
	}
	if !strings.Contains(log.String(), "level=ERROR") || !strings.Contains(log.String(), "disk on fire") {
		t.Errorf("log: %s", &log)
	}
}

func TestMethods(t *testing.T) {
	handler := newTestServer().Handler(testPoints)
	get, head := ask(handler, "GET", "/lbs?k=demo"), ask(handler, "HEAD", "/lbs?k=demo")
	if head.Code != 200 || head.Body.Len() != 0 || head.Header().Get("Content-Length") != get.Header().Get("Content-Length") {
		t.Errorf("HEAD: %d, %d bytes, header %v", head.Code, head.Body.Len(), head.Header())
	}
	options := ask(handler, "OPTIONS", "/lbs")
	if options.Code != http.StatusNoContent || options.Header().Get("Access-Control-Allow-Methods") != "GET, HEAD, OPTIONS" {
		t.Errorf("OPTIONS: %d, header %v", options.Code, options.Header())
	}
	post := ask(handler, "POST", "/lbs?k=demo")
	if post.Code != http.StatusMethodNotAllowed || post.Header().Get("Allow") == "" || !strings.HasPrefix(post.Body.String(), `{"code":403,`) {
		t.Errorf("POST: %d %s, header %v", post.Code, post.Body, post.Header())
	}
}

func TestPlatformsAreNamesOrNumbers(t *testing.T) {
	for text, want := range map[string]wire.Platform{
		"": wire.Platform_PLATFORM_UNKNOWN, "android": wire.Platform_PLATFORM_ANDROID, "16": wire.Platform_PLATFORM_WEB,
	} {
		if got, err := parsePlatform(text); err != nil || got != want {
			t.Errorf("parsePlatform(%q) = %v, %v; want %v", text, got, err, want)
		}
	}
}

func TestRequestsAreCounted(t *testing.T) {
	reg := prometheus.NewRegistry()
	s := New(Config{Tenant: testTenants, Registerer: reg})
	ask(s.Handler(testPoints), "GET", "/lbs?k=demo&platform=ios")
	ask(s.Handler(testPoints), "GET", "/lbs?k=stranger")
	families, err := reg.Gather()
	if err != nil {
		t.Fatal(err)
	}
	got := make(map[string]float64)
	for _, family := range families {
		for _, m := range family.GetMetric() {
			labels := m.GetLabel() // sorted by name: code, platform
			got[labels[0].GetValue()+" "+labels[1].GetValue()] = m.GetCounter().GetValue()
		}
	}
	want := map[string]float64{"not_found unknown": 1, "ok ios": 1}
	if !maps.Equal(got, want) {
		t.Errorf("counted %v, want %v", got, want)
	}
}

// FuzzRequest holds whatever a client sends: the answer is JSON with a code, and
// a 200 names only points with a host.
func FuzzRequest(f *testing.F) {
	f.Add("k=demo&id=alice&v=1&platform=ios&env=gray&transport=link", "lbs.example.com:443")
	f.Add("k=demo", "[2001:db8::1]")
	f.Add("k=%41&&;=&k", "a b")
	handler := newTestServer().Handler(testPoints)
	f.Fuzz(func(t *testing.T, query, host string) {
		r := httptest.NewRequest("GET", "/lbs", nil)
		r.URL.RawQuery, r.Host = query, host
		w := httptest.NewRecorder()
		handler.ServeHTTP(w, r)
		var answer Response
		if err := json.Unmarshal(w.Body.Bytes(), &answer); err != nil {
			t.Fatalf("%s: %v", w.Body, err)
		}
		if (answer.Code == wire.CodeOK) != (w.Code == http.StatusOK) || answer.Code == 0 {
			t.Fatalf("HTTP status %d with code %d", w.Code, answer.Code)
		}
		if answer.Code != wire.CodeOK {
			return
		}
		if len(answer.AccessPoints) == 0 {
			t.Fatal("no access point with code 200")
		}
		if err := Validate(answer.AccessPoints); err != nil {
			t.Fatal(err)
		}
		for _, p := range answer.AccessPoints {
			if strings.HasPrefix(p.Address, ":") {
				t.Fatalf("access point without host: %+v", p)
			}
		}
	})
}

func BenchmarkAnswer(b *testing.B) {
	handler := newTestServer().Handler(testPoints)
	r := httptest.NewRequest("GET", "/lbs?k=demo&id=alice&v=1.2.0&platform=ios&transport=link", nil)
	b.ReportAllocs()
	for b.Loop() {
		handler.ServeHTTP(httptest.NewRecorder(), r)
	}
}
