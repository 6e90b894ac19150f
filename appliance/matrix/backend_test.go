package matrix

import (
	"crypto/rand"
	"crypto/sha1"
	"encoding/hex"
	"encoding/json"
	"io"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/yizhan-im/yizhan/appliance/wire"
)

// backend is the tenant's server, which calls the HTTP API.
type backend struct {
	t    testing.TB
	site *site
}

// envelope is what all answers have.
type envelope struct {
	Code wire.Code `json:"code"`
	Desc any       `json:"desc"` // what was wrong, or of chatrooms the answer
	body []byte
}

// call calls an action with parameters as name, value, … .
func (b *backend) call(action string, params ...string) envelope {
	b.t.Helper()
	form := make(url.Values)
	for i := 0; i < len(params); i += 2 {
		form.Set(params[i], params[i+1])
	}
	r, err := http.NewRequestWithContext(b.t.Context(), http.MethodPost, node.api+action+".action", strings.NewReader(form.Encode()))
	if err != nil {
		b.t.Fatal(err)
	}
	nonce, curTime := rand.Text(), strconv.FormatInt(time.Now().Unix(), 10)
	sum := sha1.Sum([]byte(b.site.tenant.AppSecret + nonce + curTime))
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded;charset=utf-8")
	r.Header.Set("AppKey", b.site.tenant.AppKey)
	r.Header.Set("Nonce", nonce)
	r.Header.Set("CurTime", curTime)
	r.Header.Set("CheckSum", hex.EncodeToString(sum[:]))
	response, err := http.DefaultClient.Do(r)
	if err != nil {
		b.t.Fatal(err)
	}
	defer response.Body.Close()
	e := envelope{}
	if e.body, err = io.ReadAll(response.Body); err != nil {
		b.t.Fatal(err)
	}
	if err := json.Unmarshal(e.body, &e); err != nil || response.StatusCode != http.StatusOK {
		b.t.Fatalf("%s %v: HTTP %d, %s: %v", action, params, response.StatusCode, e.body, err)
	}
	return e
}

// ok calls an action, wants code 200 and decodes the answer into out, unless that
// is nil.
func (b *backend) ok(out any, action string, params ...string) {
	b.t.Helper()
	e := b.call(action, params...)
	if e.Code != wire.CodeOK {
		b.t.Fatalf("%s %v: %s", action, params, e.body)
	}
	if out != nil {
		if err := json.Unmarshal(e.body, out); err != nil {
			b.t.Fatalf("%s %v: %s: %v", action, params, e.body, err)
		}
	}
}

// list is a parameter that is a JSON array.
func list(items ...string) string {
	text, _ := json.Marshal(items)
	return string(text)
}
