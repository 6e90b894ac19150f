package api_test

import (
	"bytes"
	"crypto/rand"
	"crypto/sha1"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"log/slog"
	"mime/multipart"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/yizhan-im/yizhan/appliance"
)

// openNode starts a node in dir and stops it with the test.
func openNode(t testing.TB, dir string, logger *slog.Logger) *appliance.Node {
	t.Helper()
	node, err := appliance.Open(t.Context(), appliance.Config{NodeID: "node1", DataDir: dir, Logger: logger})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := node.Close(); err != nil {
			t.Errorf("closing the node: %v", err)
		}
	})
	return node
}

// backend is a tenant's server.
type backend struct {
	t              testing.TB
	node           *appliance.Node
	appKey, secret string
}

// newBackend creates a tenant.
func newBackend(t testing.TB, node *appliance.Node, r appliance.TenantRequest) *backend {
	t.Helper()
	tenant, err := node.CreateTenant(t.Context(), r)
	if err != nil {
		t.Fatal(err)
	}
	return &backend{t, node, tenant.AppKey, tenant.AppSecret}
}

// request is a valid one with fresh credentials, for tests to spoil.
func (b *backend) request(action string, params ...string) *http.Request {
	form := make(url.Values)
	for i := 0; i < len(params); i += 2 {
		form.Set(params[i], params[i+1])
	}
	r := httptest.NewRequest("POST", "/nimserver/"+action+".action", strings.NewReader(form.Encode()))
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded;charset=utf-8")
	if documented := documentedActions(b.t)[action]; documented != nil && documented.bodyType() == "multipart/form-data" {
		var body bytes.Buffer
		parts := multipart.NewWriter(&body)
		for name := range form {
			_ = parts.WriteField(name, form.Get(name)) // a Buffer takes everything
		}
		_ = parts.Close()
		r = httptest.NewRequest("POST", r.URL.Path, &body)
		r.Header.Set("Content-Type", parts.FormDataContentType())
	}
	b.sign(r, rand.Text(), time.Now())
	return r
}

func (b *backend) sign(r *http.Request, nonce string, at time.Time) {
	curTime := strconv.FormatInt(at.Unix(), 10)
	sum := sha1.Sum([]byte(b.secret + nonce + curTime))
	r.Header.Set("AppKey", b.appKey)
	r.Header.Set("Nonce", nonce)
	r.Header.Set("CurTime", curTime)
	r.Header.Set("CheckSum", hex.EncodeToString(sum[:]))
}

// do sends r and returns the body of the answer, after checking what all
// answers have in common, and that the document foresees this one.
func (b *backend) do(r *http.Request) string {
	b.t.Helper()
	w := httptest.NewRecorder()
	b.node.API(accessPoints...).ServeHTTP(w, r)
	if w.Code != http.StatusOK {
		b.t.Errorf("%s: HTTP status %d, want 200 whatever the code", r.URL, w.Code)
	}
	if got := w.Header().Get("Content-Type"); got != "application/json;charset=utf-8" {
		b.t.Errorf("%s: Content-Type %q", r.URL, got)
	}
	checkDocumented(b.t, r.URL.Path, w.Body.String())
	return w.Body.String()
}

// call runs an action and returns the body of the answer.
func (b *backend) call(action string, params ...string) string {
	b.t.Helper()
	return b.do(b.request(action, params...))
}

// want runs an action and compares the whole answer.
func (b *backend) want(answer, action string, params ...string) {
	b.t.Helper()
	if got := b.call(action, params...); got != answer {
		b.t.Errorf("%s %v answers %s, want %s", action, params, got, answer)
	}
}

// wantError runs an action and compares code and desc.
func (b *backend) wantError(code int, desc, action string, params ...string) {
	b.t.Helper()
	b.want(fmt.Sprintf(`{"code":%d,"desc":%s}`, code, quote(desc)), action, params...)
}

// wantCode runs an action and compares the code, for errors whose text is made
// elsewhere.
func (b *backend) wantCode(code int, action string, params ...string) {
	b.t.Helper()
	if got := b.call(action, params...); !strings.HasPrefix(got, fmt.Sprintf(`{"code":%d,`, code)) {
		b.t.Errorf("%s %v answers %s, want code %d", action, params, got, code)
	}
}

func quote(s string) string {
	var text strings.Builder
	encoder := json.NewEncoder(&text)
	encoder.SetEscapeHTML(false)
	_ = encoder.Encode(s)
	return strings.TrimSpace(text.String())
}

// accounts registers accounts.
func (b *backend) accounts(names ...string) {
	b.t.Helper()
	for _, name := range names {
		b.want(`{"code":200,"info":{"token":"t","accid":"`+name+`","name":""}}`, "user/create", "accid", name, "token", "t")
	}
}

// sent is the answer of msg/sendMsg.
type sent struct {
	Code int
	Desc string
	Data struct{ MsgID, TimeTag int64 }
}

// send sends a text.
func (b *backend) send(from, to, text string) sent {
	b.t.Helper()
	return decode[sent](b.t, b.call("msg/sendMsg", "from", from, "to", to, "ope", "0", "type", "0", "body", `{"msg":`+quote(text)+`}`))
}

// history is the answer of history/querySessionMsg.
type history struct {
	Code, Size int
	Msgs       []struct {
		From        string
		MsgID       int64
		MsgIDClient string
		SendTime    int64
		Type        int
		Body        json.RawMessage
		Ext         string
		Recalled    bool
	}
}

func (b *backend) history(from, to string, more ...string) history {
	b.t.Helper()
	params := append([]string{"from", from, "to", to, "begintime", "0", "endtime", "9000000000000", "limit", "100"}, more...)
	return decode[history](b.t, b.call("history/querySessionMsg", params...))
}

func decode[T any](t testing.TB, body string) T {
	t.Helper()
	var v T
	if err := json.Unmarshal([]byte(body), &v); err != nil {
		t.Fatalf("%s: %v", body, err)
	}
	return v
}
