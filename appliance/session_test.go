package appliance_test

import (
	"crypto/rand"
	"crypto/sha1"
	"encoding/hex"
	"net/http/httptest"
	"net/url"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/yizhan-im/yizhan/appliance"
	"github.com/yizhan-im/yizhan/appliance/wire"
)

// callAPI runs an action as the tenant's backend and returns the answer.
func callAPI(t testing.TB, node *appliance.Node, tenant appliance.TenantInfo, action string, params ...string) string {
	t.Helper()
	form := make(url.Values)
	for i := 0; i < len(params); i += 2 {
		form.Set(params[i], params[i+1])
	}
	r := httptest.NewRequest("POST", "/nimserver/"+action+".action", strings.NewReader(form.Encode()))
	nonce, curTime := rand.Text(), strconv.FormatInt(time.Now().Unix(), 10)
	sum := sha1.Sum([]byte(tenant.AppSecret + nonce + curTime))
	r.Header.Set("AppKey", tenant.AppKey)
	r.Header.Set("Nonce", nonce)
	r.Header.Set("CurTime", curTime)
	r.Header.Set("CheckSum", hex.EncodeToString(sum[:]))
	w := httptest.NewRecorder()
	node.API().ServeHTTP(w, r)
	return w.Body.String()
}

func TestBackendTakesPartInAChat(t *testing.T) {
	node := openNode(t, t.TempDir())
	tenant := newTenant(t, node, "alice", "bob")
	alice := login(t, node, listen(t, node), tenant.AppKey, "alice", "token")

	got := callAPI(t, node, tenant, "msg/sendMsg", "from", "bob", "to", "alice", "ope", "0", "type", "0", "body", `{"msg":"from the backend"}`)
	if !strings.HasPrefix(got, `{"code":200,`) {
		t.Fatal(got)
	}
	var push wire.MessagePush
	alice.push(wire.PushMessage, &push)
	if m := push.Message; m.GetBody() != "from the backend" || m.GetFrom() != "bob" || m.GetFromPlatform() != wire.Platform_PLATFORM_REST {
		t.Errorf("alice gets %v", m)
	}

	online := callAPI(t, node, tenant, "user/userOnlineStatus", "accids", `["alice","bob","nobody"]`)
	if !regexp.MustCompile(`^{"code":200,"data":{"invalidAccids":\["nobody"\],"status":{"alice":\[{"clientType":4,"loginTime":\d+}\]}}}$`).MatchString(online) {
		t.Errorf("online: %s", online)
	}
}

func TestBackendEndsSessions(t *testing.T) {
	node := openNode(t, t.TempDir())
	tenant := newTenant(t, node, "alice")
	address := listen(t, node)
	for _, test := range []struct {
		action string
		params []string
		code   wire.Code // of a login with the old token
	}{
		{"user/block", []string{"needkick", "true"}, wire.CodeBlocked},
		{"user/update", []string{"token", "another"}, wire.CodeWrongToken},
		{"user/refreshToken", nil, wire.CodeWrongToken},
	} {
		alice := login(t, node, address, tenant.AppKey, "alice", "token")
		if got := callAPI(t, node, tenant, test.action, append(test.params, "accid", "alice")...); !strings.HasPrefix(got, `{"code":200`) {
			t.Fatalf("%s: %s", test.action, got)
		}
		var kicked wire.KickedPush
		alice.push(wire.PushKicked, &kicked)
		if kicked.Reason != wire.KickReason_KICK_REASON_CREDENTIALS {
			t.Errorf("%s: kicked for reason %s", test.action, kicked.Reason)
		}
		alice.wantClosed()

		again, err := dial(t, node, address)
		if err != nil {
			t.Fatal(err)
		}
		code := again.do(wire.CmdLogin, &wire.LoginRequest{
			AppKey: tenant.AppKey, Account: "alice", Token: "token", DeviceId: "d", Platform: wire.Platform_PLATFORM_PC,
		}, nil)
		if code != test.code {
			t.Errorf("%s: login code %d, want %d", test.action, code, test.code)
		}
		callAPI(t, node, tenant, "user/unblock", "accid", "alice")
		callAPI(t, node, tenant, "user/update", "accid", "alice", "token", "token")
	}
}
