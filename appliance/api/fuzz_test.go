package api_test

import (
	"crypto/sha1"
	"encoding/hex"
	"encoding/json"
	"net/http/httptest"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/yizhan-im/yizhan/appliance"
)

// FuzzRequest holds for whatever a client sends, signed or not: the HTTP status
// is 200 and the body is an envelope.
func FuzzRequest(f *testing.F) {
	f.Add("user/create", "n1", "accid=alice&name=%E4%BD%A0", "", true)
	f.Add("msg/sendMsg", "n2", `from=alice&to=bob&ope=0&type=0&body={"msg":"x"}`, "id", true)
	f.Add("msg/sendBatchMsg", "n3", `fromAccid=alice&toAccids=["bob"]&type=100&body={}&returnMsgid=1`, "", true)
	f.Add("msg/recall", "n4", "deleteMsgid=1&timetag=1&type=7&from=alice&to=bob", "", true)
	f.Add("history/querySessionMsg", "n5", "from=alice&to=bob&begintime=0&endtime=9&limit=1&type=0,1", "", true)
	f.Add("user/userOnlineStatus", "n6", `accids=["alice","x"]`, "", true)
	f.Add("user/getUinfos", "", "%zz;", "\x00", false)
	node := openNode(f, f.TempDir(), nil)
	b := newBackend(f, node, appliance.TenantRequest{APIPerSecond: 1 << 20})
	b.accounts("alice", "bob")
	f.Fuzz(func(t *testing.T, action, nonce, body, requestID string, signed bool) {
		r := httptest.NewRequest("POST", "/", strings.NewReader(body))
		r.URL.Path = "/nimserver/" + action + ".action"
		if action == "health/liveness" || strings.HasPrefix(action, "docs/") {
			return
		}
		curTime := strconv.FormatInt(time.Now().Unix(), 10)
		sum := sha1.Sum([]byte(b.secret + nonce + curTime))
		r.Header.Set("AppKey", b.appKey)
		r.Header.Set("Nonce", nonce)
		r.Header.Set("CurTime", curTime)
		r.Header.Set("RequestId", requestID)
		r.Header.Set("CheckSum", requestID)
		if signed {
			r.Header.Set("CheckSum", hex.EncodeToString(sum[:]))
		}
		w := httptest.NewRecorder()
		node.API(accessPoints...).ServeHTTP(w, r)
		var envelope struct {
			Code int
			Desc *string
		}
		if err := json.Unmarshal(w.Body.Bytes(), &envelope); err != nil || w.Code != 200 {
			t.Fatalf("HTTP status %d with %s: %v", w.Code, w.Body, err)
		}
		checkDocumented(t, r.URL.Path, w.Body.String())
		if envelope.Code == 0 || envelope.Code == 500 || (envelope.Code != 200 && envelope.Desc == nil) {
			t.Fatalf("%s", w.Body)
		}
		if !signed && envelope.Code != 414 {
			t.Fatalf("without a signature: %s", w.Body)
		}
	})
}
