package main

import (
	"crypto/sha1"
	"encoding/hex"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/yizhan-im/yizhan/appliance/secure"
	"github.com/yizhan-im/yizhan/appliance/wire"
)

func TestAPICallIsSignedAndPosted(t *testing.T) {
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		h := r.Header
		sum := sha1.Sum([]byte("secret" + h.Get("Nonce") + h.Get("CurTime")))
		switch {
		case r.Method != http.MethodPost || r.URL.Path != "/nimserver/user/create.action":
			fmt.Fprintf(w, `{"code":404,"desc":%q}`, r.Method+" "+r.URL.Path)
		case h.Get("AppKey") != "key" || h.Get("CheckSum") != hex.EncodeToString(sum[:]):
			fmt.Fprint(w, `{"code":414,"desc":"bad http header"}`)
		default:
			fmt.Fprintf(w, `{"code":200,"info":{"accid":%q,"token":"t-%s"}}`, r.FormValue("accid"), r.FormValue("accid"))
		}
	}))
	defer server.Close()
	accounts, err := newAPI(server.URL+"/", tenant{AppKey: "key", AppSecret: "secret"}).createAccounts(t.Context(), "p", 100)
	if err != nil {
		t.Fatal(err)
	}
	for i, a := range accounts {
		if want := fmt.Sprintf("p-%d", i); a.name != want || a.token != "t-"+want {
			t.Errorf("account %d: %+v", i, a)
		}
	}
}

func TestAPITriesAgainWhatMayPassAndNothingElse(t *testing.T) {
	for code, wantCalls := range map[wire.Code]int64{wire.CodeRateLimited: 2, wire.CodeBadParameter: 1} {
		var calls atomic.Int64
		server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
			if calls.Add(1) == 1 {
				fmt.Fprintf(w, `{"code":%d,"desc":"no"}`, code)
				return
			}
			fmt.Fprint(w, `{"code":200,"info":{"token":"t"}}`)
		}))
		_, err := newAPI(server.URL, tenant{}).createAccounts(t.Context(), "p", 1)
		server.Close()
		if calls.Load() != wantCalls || (err != nil) != (wantCalls == 1) {
			t.Errorf("code %d: %d calls, want %d; error %v", code, calls.Load(), wantCalls, err)
		}
		if err != nil && wire.CodeOf(err) != code {
			t.Errorf("code %d: the error is %v", code, err)
		}
	}
}

func TestParseLBS(t *testing.T) {
	key := make([]byte, secure.PublicKeySize)
	key[0] = 9
	good := fmt.Sprintf(`{"code":200,"link_key":%q,"access_points":[
		{"transport":"weblink","address":"a:1"},{"transport":"link","address":"b:2"},{"transport":"link","address":"c:3"}]}`,
		secure.EncodePublicKey(key))
	g, err := parseLBS([]byte(good))
	if err != nil || g.address != "b:2" || g.key[0] != 9 {
		t.Errorf("got %+v %v, want the first Link access point", g, err)
	}
	for name, text := range map[string]string{
		"not JSON":  `<html>`,
		"refused":   `{"code":414,"desc":"which appkey?"}`,
		"no key":    `{"code":200,"access_points":[{"transport":"link","address":"b:2"}]}`,
		"no points": strings.ReplaceAll(good, `"link"`, `"weblink"`),
	} {
		if _, err := parseLBS([]byte(text)); err == nil {
			t.Errorf("%s: no error", name)
		}
	}
}

func TestMetricsOfANode(t *testing.T) {
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path != "/metrics" {
			http.NotFound(w, r)
			return
		}
		fmt.Fprint(w, "# HELP x y\n# TYPE x gauge\nprocess_cpu_seconds_total 1.5\n"+
			"process_resident_memory_bytes 1.048576e+06\nx{a=\"b\"} 3\nbroken\n")
	}))
	defer server.Close()
	a := newAdmin(strings.TrimPrefix(server.URL, "http://"))
	u, err := a.usage()
	if err != nil || u.CPU != 1500*time.Millisecond || u.RSS != 1<<20 {
		t.Errorf("got %+v %v", u, err)
	}
	if err := a.ready(t.Context()); err == nil || !strings.Contains(err.Error(), "404") {
		t.Errorf("status 404: got %v", err)
	}
}

func TestErrorsAreCountedByWhatTheyAre(t *testing.T) {
	var counts errorCounts
	for range 2 {
		counts.note(fmt.Errorf("login: %w", wire.Errorf(wire.CodeWrongToken, "some note")))
	}
	counts.note(&secure.RefusedError{Code: wire.CodeBusy})
	counts.note(errors.New("else"))
	counts.noteCode(wire.CodeWrongToken)
	var total errorCounts
	total.add(counts)
	if total["302 wrong_token"] != 3 || total["503 busy"] != 1 || total["else"] != 1 || len(total) != 3 {
		t.Errorf("got %v", total)
	}
}
