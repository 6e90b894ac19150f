package sdk

import (
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/yizhan-im/yizhan/appliance/secure"
	"github.com/yizhan-im/yizhan/appliance/wire"
)

// lbsFunc is an http.RoundTripper.
type lbsFunc func(*http.Request) (*http.Response, error)

func (f lbsFunc) RoundTrip(r *http.Request) (*http.Response, error) { return f(r) }

func newTestLocator(t *testing.T, o Options, status int, body string) *locator {
	t.Helper()
	o.LBS, o.AppKey, o.Account, o.Token = "http://lbs/lbs?zone=1", "app", "bob", "secret"
	o.HTTP = &http.Client{Transport: lbsFunc(func(r *http.Request) (*http.Response, error) {
		q := r.URL.Query()
		if q.Get("k") != "app" || q.Get("id") != "bob" || q.Get("transport") != "link" || q.Get("v") != Version || q.Get("zone") != "1" {
			t.Errorf("asked with %v", q)
		}
		if strings.Contains(r.URL.String(), "secret") {
			t.Error("the token went to LBS")
		}
		return &http.Response{StatusCode: status, Body: io.NopCloser(strings.NewReader(body))}, nil
	})}
	o, err := o.complete()
	if err != nil {
		t.Fatal(err)
	}
	return newLocator(&o, nil)
}

const testKey = "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAE"

func TestAnswersOfLBSThatCannotBeUsed(t *testing.T) {
	key := `"link_key":"` + testKey + `"`
	for name, c := range map[string]struct {
		status     int
		body, want string
		final      bool
	}{
		"a proxy's page":     {502, "<html>", "not an answer of LBS", false},
		"too long":           {200, strings.Repeat(" ", maxLBSBytes) + "{}", "longer than", false},
		"busy":               {503, `{"code":503,"desc":"starting"}`, "starting", false},
		"unknown appkey":     {404, `{"code":404,"desc":"unknown appkey"}`, "unknown appkey", true},
		"no key":             {200, `{"code":200,"access_points":[{"transport":"link","address":"a:1"}]}`, "link_key", false},
		"no address":         {200, `{"code":200,` + key + `,"access_points":[{"transport":"weblink","address":"a:1"}]}`, "no access point", false},
		"no port":            {200, `{"code":200,` + key + `,"access_points":[{"transport":"link","address":"a"}]}`, "missing port", false},
		"a status that lies": {500, `{"code":200}`, "http status 500", false},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := newTestLocator(t, Options{}, c.status, c.body).locate(t.Context(), false)
			if err == nil || !strings.Contains(err.Error(), c.want) || final(err) != c.final {
				t.Errorf("got %v (final %v), want %q (final %v)", err, final(err), c.want, c.final)
			}
		})
	}
}

func TestAnswerOfLBSIsBounded(t *testing.T) {
	answer := lbsAnswer{Code: wire.CodeOK, LinkKey: testKey, TTL: 1 << 40}
	answer.Hints.AttemptDelayMs = 1 << 62
	for range 100 {
		answer.AccessPoints = append(answer.AccessPoints, accessPoint{"link", "a:1"})
	}
	body, err := json.Marshal(answer)
	if err != nil {
		t.Fatal(err)
	}
	where, err := newTestLocator(t, Options{}, 200, string(body)).locate(t.Context(), false)
	if err != nil {
		t.Fatal(err)
	}
	if len(where.addresses) != maxAddresses || where.attemptDelay != maxAttemptDelay || where.expires.After(time.Now().Add(maxLBSTTL)) {
		t.Errorf("taken: %d addresses, delay %v, expires %v", len(where.addresses), where.attemptDelay, where.expires)
	}
}

func TestDamagedCacheIsIgnored(t *testing.T) {
	path := filepath.Join(t.TempDir(), "lbs.json")
	for _, content := range []string{"{", `{"source":"http://lbs/lbs?zone=1 app ","answer":{"access_points":[]}}`} {
		if err := os.WriteFile(path, []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
		body := `{"code":200,"link_key":"` + testKey + `","access_points":[{"transport":"link","address":"a:1"}]}`
		if _, err := newTestLocator(t, Options{LBSCache: path}, 200, body).locate(t.Context(), false); err != nil {
			t.Errorf("with %s in the cache: %v", content, err)
		}
		kept, _, err := (&cacheFile{path: path, source: "http://lbs/lbs?zone=1 app "}).read()
		if err != nil || kept == nil || kept.LinkKey != testKey {
			t.Errorf("the new answer was not kept: %+v, %v", kept, err)
		}
	}
}

func TestCacheThatCannotBeWrittenDoesNotMatter(t *testing.T) {
	body := `{"code":200,"link_key":"` + testKey + `","access_points":[{"transport":"link","address":"a:1"}]}`
	o := Options{LBSCache: filepath.Join(t.TempDir(), "missing", "lbs.json")}
	if _, err := newTestLocator(t, o, 200, body).locate(t.Context(), false); err != nil {
		t.Error(err)
	}
}

func FuzzLBSAnswer(f *testing.F) {
	f.Add([]byte(`{"code":200,"link_key":"` + testKey + `","ttl":300,"access_points":[{"transport":"link","address":"[::1]:7400"}],"hints":{"attempt_delay_ms":250}}`))
	f.Add([]byte(`{"code":404,"desc":"no"}`))
	f.Fuzz(func(t *testing.T, b []byte) {
		var answer lbsAnswer
		if json.Unmarshal(b, &answer) != nil {
			return
		}
		where, err := new(locator).accept(&answer)
		if err != nil {
			return
		}
		if n := len(where.addresses); n < 1 || n > maxAddresses || len(where.key) != secure.PublicKeySize || where.attemptDelay <= 0 {
			t.Fatalf("accepted %+v", where)
		}
	})
}

func TestBackoffGrowsWithinItsBounds(t *testing.T) {
	for _, b := range []backoff{{min: time.Second, max: time.Minute}, {min: time.Hour, max: 1<<63 - 1}, {min: time.Second, max: time.Second}} {
		first := b.next()
		if first < b.min/4 || first > b.min {
			t.Errorf("%+v: the first pause is %v", b, first)
		}
		for range 200 {
			if p := b.next(); p < b.min/4 || p > b.max {
				t.Fatalf("%+v: a pause of %v", b, p)
			}
		}
		if p := b.next(); b.max < time.Hour && p < b.max/4 {
			t.Errorf("%+v: after many attempts the pause is %v", b, p)
		}
	}
}

func TestKickedErrorSaysWhy(t *testing.T) {
	for reason, want := range map[wire.KickReason]string{
		wire.KickReason_KICK_REASON_REPLACED:     "kicked: another device of this account logged in (tab): bye",
		wire.KickReason_KICK_REASON_SERVER:       "kicked: by the server (tab): bye",
		wire.KickReason_KICK_REASON_OTHER_DEVICE: "kicked: by another device of this account (tab): bye",
		wire.KickReason_KICK_REASON_CREDENTIALS:  "kicked: the token was changed or the account blocked (tab): bye",
	} {
		var err error = &KickedError{Reason: reason, Device: "tab", Note: "bye"}
		if err.Error() != want || !final(errors.Join(err)) {
			t.Errorf("got %q, want %q", err, want)
		}
	}
}
