package api_test

import (
	"crypto/sha1"
	"encoding/hex"
	"net/http"
	"net/http/httptest"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/yizhan-im/yizhan/appliance"
)

func TestCredentials(t *testing.T) {
	node := openNode(t, t.TempDir(), nil)
	b := newBackend(t, node, appliance.TenantRequest{})
	other := newBackend(t, node, appliance.TenantRequest{})
	b.accounts("alice")
	for _, test := range []struct {
		name  string
		spoil func(r *http.Request)
		desc  string // of code 414 after "bad http header: "; "" is code 200
	}{
		{"valid", func(*http.Request) {}, ""},
		{"nonce of 128 characters", func(r *http.Request) { b.sign(r, strings.Repeat("n", 128), time.Now()) }, ""},
		{"clock four minutes slow", func(r *http.Request) { b.sign(r, "slow", time.Now().Add(-4*time.Minute)) }, ""},
		{"clock four minutes fast", func(r *http.Request) { b.sign(r, "fast", time.Now().Add(4*time.Minute)) }, ""},
		{"CheckSum in capitals", func(r *http.Request) { r.Header.Set("CheckSum", strings.ToUpper(r.Header.Get("CheckSum"))) }, ""},

		{"no headers", func(r *http.Request) { clear(r.Header) }, "AppKey is missing"},
		{"no AppKey", func(r *http.Request) { r.Header.Del("AppKey") }, "AppKey is missing"},
		{"long AppKey", func(r *http.Request) { r.Header.Set("AppKey", strings.Repeat("a", 65)) }, "AppKey is missing or too long"},
		{"unknown AppKey", func(r *http.Request) { r.Header.Set("AppKey", "nobody") }, "unknown AppKey or wrong CheckSum"},
		{"AppKey of another tenant", func(r *http.Request) { r.Header.Set("AppKey", other.appKey) }, "unknown AppKey or wrong CheckSum"},
		{"no Nonce", func(r *http.Request) { b.sign(r, "", time.Now()) }, "Nonce is missing"},
		{"long Nonce", func(r *http.Request) { b.sign(r, strings.Repeat("n", 129), time.Now()) }, "Nonce is missing or longer"},
		{"another Nonce", func(r *http.Request) { r.Header.Set("Nonce", "x") }, "unknown AppKey or wrong CheckSum"},
		{"no CurTime", func(r *http.Request) { r.Header.Del("CurTime") }, "CurTime is not a number"},
		{"CurTime that is no number", func(r *http.Request) { r.Header.Set("CurTime", "now") }, "CurTime is not a number"},
		{"another CurTime", func(r *http.Request) {
			r.Header.Set("CurTime", strconv.FormatInt(time.Now().Unix()-1, 10))
		}, "unknown AppKey or wrong CheckSum"},
		{"expired", func(r *http.Request) { b.sign(r, "n", time.Now().Add(-6*time.Minute)) }, "CurTime is more than 5 minutes away"},
		{"from the future", func(r *http.Request) { b.sign(r, "n", time.Now().Add(6*time.Minute)) }, "CurTime is more than 5 minutes away"},
		{"CurTime of the largest number", func(r *http.Request) { r.Header.Set("CurTime", "9223372036854775807") }, "CurTime is more than 5 minutes away"},
		{"CurTime of the smallest number", func(r *http.Request) { r.Header.Set("CurTime", "-9223372036854775808") }, "CurTime is more than 5 minutes away"},
		{"no CheckSum", func(r *http.Request) { r.Header.Del("CheckSum") }, "unknown AppKey or wrong CheckSum"},
		{"wrong CheckSum", func(r *http.Request) { r.Header.Set("CheckSum", strings.Repeat("0", 40)) }, "unknown AppKey or wrong CheckSum"},
		{"CheckSum without secret", func(r *http.Request) {
			sum := sha1.Sum([]byte(r.Header.Get("Nonce") + r.Header.Get("CurTime")))
			r.Header.Set("CheckSum", hex.EncodeToString(sum[:]))
		}, "unknown AppKey or wrong CheckSum"},
		{"long RequestId", func(r *http.Request) { r.Header.Set("RequestId", strings.Repeat("i", 129)) }, "RequestId is longer"},
	} {
		r := b.request("user/unblock", "accid", "alice")
		test.spoil(r)
		got := b.do(r)
		want := `{"code":414,"desc":"bad http header: ` + test.desc
		if test.desc == "" {
			want = `{"code":200}`
		}
		if !strings.HasPrefix(got, want) {
			t.Errorf("%s: %s, want %s", test.name, got, want)
		}
	}
}

func TestHeaderNamesInAnySpelling(t *testing.T) {
	b := newBackend(t, openNode(t, t.TempDir(), nil), appliance.TenantRequest{})
	server := httptest.NewServer(b.node.API())
	defer server.Close()
	for _, spell := range []func(string) string{strings.ToLower, strings.ToUpper} {
		signed := b.request("user/create")
		r, err := http.NewRequestWithContext(t.Context(), "POST", server.URL+signed.URL.Path, strings.NewReader("ACCID=Alice"))
		if err != nil {
			t.Fatal(err)
		}
		for name, values := range signed.Header {
			r.Header[spell(name)] = values // not Set, which would change the spelling
		}
		resp, err := server.Client().Do(r)
		if err != nil {
			t.Fatal(err)
		}
		var got [512]byte
		n, _ := resp.Body.Read(got[:])
		resp.Body.Close()
		if answer := string(got[:n]); strings.Contains(answer, "header") {
			t.Errorf("%s: %s", spell("AppKey"), answer)
		}
	}
}

func TestNewSecretReplacesTheOldAtOnce(t *testing.T) {
	b := newBackend(t, openNode(t, t.TempDir(), nil), appliance.TenantRequest{})
	b.accounts("alice")
	changed, err := b.node.UpdateTenant(t.Context(), appliance.TenantRequest{AppKey: b.appKey, NewSecret: true})
	if err != nil {
		t.Fatal(err)
	}
	b.wantError(414, "bad http header: unknown AppKey or wrong CheckSum", "user/unblock", "accid", "alice")
	b.secret = changed.AppSecret
	b.want(`{"code":200}`, "user/unblock", "accid", "alice")
}

func TestTenantsDoNotSeeEachOther(t *testing.T) {
	node := openNode(t, t.TempDir(), nil)
	a, b := newBackend(t, node, appliance.TenantRequest{}), newBackend(t, node, appliance.TenantRequest{})
	a.accounts("alice", "bob")
	b.wantError(414, "accid not register", "user/refreshToken", "accid", "alice")
	b.wantError(414, "accid not register", "user/block", "accid", "alice")
	b.want(`{"code":200,"uinfos":[]}`, "user/getUinfos", "accids", `["alice","bob"]`)
	b.wantError(414, "from not register", "msg/sendMsg", "from", "alice", "to", "bob", "ope", "0", "type", "0", "body", `{"msg":"x"}`)

	b.accounts("alice", "bob") // the same names, other people
	message := a.send("alice", "bob", "only of tenant a")
	if h := b.history("alice", "bob"); h.Code != 200 || h.Size != 0 {
		t.Errorf("another tenant reads %+v", h)
	}
	b.wantCode(404, "msg/recall", "type", "7", "from", "alice", "to", "bob",
		"deleteMsgid", strconv.FormatInt(message.Data.MsgID, 10), "timetag", strconv.FormatInt(message.Data.TimeTag, 10))
	if h := a.history("alice", "bob"); h.Size != 1 {
		t.Errorf("its own tenant reads %+v", h)
	}
}
