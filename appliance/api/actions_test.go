package api_test

import (
	"fmt"
	"regexp"
	"strconv"
	"strings"
	"testing"

	"github.com/yizhan-im/yizhan/appliance"
)

var randomToken = regexp.MustCompile(`"token":"[0-9a-f]{32}"`)

func TestAccounts(t *testing.T) {
	b := newBackend(t, openNode(t, t.TempDir(), nil), appliance.TenantRequest{})

	b.want(`{"code":200,"info":{"token":"secret","accid":"alice_1@x.y-z","name":"Alice <3"}}`,
		"user/create", "accid", "Alice_1@x.y-z", "token", "secret", "name", "Alice <3", "props", "{}", "bid", "1")
	b.wantError(414, "already register", "user/create", "accid", "alice_1@x.y-z")
	b.wantError(414, "parameter accid is missing", "user/create")
	b.wantError(414, "parameter gender is not a number from 0 to 2", "user/create", "accid", "x", "gender", "3")
	if got := b.call("user/create", "accid", "bob"); !randomToken.MatchString(got) || !strings.HasPrefix(got, `{"code":200,`) {
		t.Errorf("created without a token: %s", got)
	}

	b.want(`{"code":200}`, "user/update", "accid", "bob", "token", "new")
	b.want(`{"code":200}`, "user/update", "accid", "bob")
	b.wantError(414, "accid not register", "user/update", "accid", "nobody", "token", "new")
	b.wantError(414, "accid not register", "user/update", "accid", "nobody")

	got := b.call("user/refreshToken", "accid", "bob")
	if !regexp.MustCompile(`^{"code":200,"info":{"token":"[0-9a-f]{32}","accid":"bob"}}$`).MatchString(got) {
		t.Errorf("user/refreshToken: %s", got)
	}
	b.wantError(414, "accid not register", "user/refreshToken", "accid", "nobody")

	b.want(`{"code":200}`, "user/block", "accid", "bob", "needkick", "true", "kickNotifyExt", "x")
	b.want(`{"code":200}`, "user/unblock", "accid", "bob")
	b.wantError(414, "accid not register", "user/block", "accid", "nobody")
	b.wantError(414, "accid not register", "user/unblock", "accid", "nobody")
}

func TestProfiles(t *testing.T) {
	b := newBackend(t, openNode(t, t.TempDir(), nil), appliance.TenantRequest{})
	b.call("user/create", "accid", "alice", "name", "Alice", "icon", "i", "sign", "s", "email", "e", "birth", "2000-01-01",
		"mobile", "m", "gender", "2", "ex", "{}")
	b.want(`{"code":200,"uinfos":[{"accid":"alice","name":"Alice","icon":"i","sign":"s","email":"e","birth":"2000-01-01",`+
		`"mobile":"m","gender":2,"ex":"{}"}]}`, "user/getUinfos", "accids", `["ALICE","nobody"]`, "muteStatus", "false")

	b.want(`{"code":200}`, "user/updateUinfo", "accid", "alice", "name", "Alice B.", "icon", "", "gender", "0")
	b.want(`{"code":200,"uinfos":[{"accid":"alice","name":"Alice B.","sign":"s","email":"e","birth":"2000-01-01",`+
		`"mobile":"m","gender":0,"ex":"{}"}]}`, "user/getUinfos", "accids", `["alice"]`)
	b.wantError(414, "accid not register", "user/updateUinfo", "accid", "nobody", "name", "x")
	b.wantError(414, "parameter name has more than 64 characters", "user/updateUinfo", "accid", "alice", "name", strings.Repeat("n", 65))
	b.want(`{"code":200}`, "user/updateUinfo", "accid", "alice", "name", strings.Repeat("字", 64))

	b.wantError(414, "parameter accids has more than 200 elements", "user/getUinfos", "accids", names(201))
	b.want(`{"code":200,"data":{"invalidAccids":["nobody"],"status":{}}}`, "user/userOnlineStatus", "accids", `["alice","nobody"]`)
}

// names is a JSON array of n accounts.
func names(n int) string {
	list := make([]string, n)
	for i := range list {
		list[i] = fmt.Sprintf(`"user%d"`, i)
	}
	return "[" + strings.Join(list, ",") + "]"
}

func TestSendingAndReadingHistory(t *testing.T) {
	b := newBackend(t, openNode(t, t.TempDir(), nil), appliance.TenantRequest{})
	b.accounts("alice", "bob")
	text := b.send("Alice", "BOB", "hello <you> & \"me\"")
	if text.Code != 200 || text.Data.MsgID == 0 || text.Data.TimeTag == 0 {
		t.Fatalf("sent: %+v", text)
	}
	custom := decode[sent](t, b.call("msg/sendMsg", "from", "bob", "to", "alice", "ope", "0", "type", "100",
		"body", `{"a": [1, "二"]}`, "ext", "extra", "pushContent", "ignored", "option", `{"push":false}`))
	if custom.Code != 200 || custom.Data.MsgID <= text.Data.MsgID || custom.Data.TimeTag < text.Data.TimeTag {
		t.Fatalf("sent: %+v after %+v", custom, text)
	}

	h := b.history("bob", "alice", "reverse", "1")
	if h.Size != 2 || len(h.Msgs) != 2 {
		t.Fatalf("history: %+v", h)
	}
	first, second := h.Msgs[0], h.Msgs[1]
	if first.From != "alice" || first.MsgID != text.Data.MsgID || first.SendTime != text.Data.TimeTag || first.MsgIDClient == "" ||
		string(first.Body) != `{"msg":"hello <you> & \"me\""}` {
		t.Errorf("first: %+v with body %s", first, first.Body)
	}
	if second.From != "bob" || second.Type != 100 || string(second.Body) != `{"a":[1,"二"]}` || second.Ext != "extra" {
		t.Errorf("second: %+v with body %s", second, second.Body)
	}
	if newest := b.history("alice", "bob"); newest.Msgs[0].MsgID != custom.Data.MsgID {
		t.Errorf("without reverse the newest is not first: %+v", newest)
	}
	if texts := b.history("alice", "bob", "type", "0, 1"); texts.Size != 1 || texts.Msgs[0].Type != 0 {
		t.Errorf("texts and images: %+v", texts)
	}
	if one := b.history("alice", "bob", "limit", "1"); one.Size != 1 {
		t.Errorf("limit 1: %+v", one)
	}
	if early := b.history("alice", "bob", "endtime", strconv.FormatInt(text.Data.TimeTag-1, 10)); early.Size != 0 {
		t.Errorf("before the first: %+v", early)
	}
	if strangers := b.history("alice", "nobody"); strangers.Code != 200 || strangers.Size != 0 {
		t.Errorf("no conversation: %+v", strangers)
	}
	b.want(fmt.Sprintf(`{"code":200,"size":1,"msgs":[{"from":"alice","msgid":%d,"msgidclient":"%s","sendtime":%d,"type":0,`+
		`"fromclienttype":32,"body":{"msg":"hello <you> & \"me\""}}]}`, text.Data.MsgID, first.MsgIDClient, text.Data.TimeTag),
		"history/querySessionMsg", "from", "alice", "to", "bob", "begintime", "0", "endtime", "9000000000000", "limit", "9", "type", "0")
}

func TestSendingIsRefused(t *testing.T) {
	b := newBackend(t, openNode(t, t.TempDir(), nil), appliance.TenantRequest{})
	b.accounts("alice", "bob")
	for _, test := range []struct{ param, value, desc string }{
		{"from", "", "parameter from is missing"},
		{"from", "nobody", "from not register"},
		{"to", "nobody", "to not register"},
		{"to", "a/b", "parameter to is not an account: 1–32 letters, digits, _ @ . or -"},
		{"ope", "1", "to must be the number of a team"},
		{"ope", "2", "parameter ope is not a number from 0 to 1"},
		{"type", "", "parameter type is missing"},
		{"type", "-1", "parameter type is not a number from 0 to 65535"},
		{"type", "5", "type 5 cannot be sent"},
		{"body", "", "parameter body is missing"},
		{"body", "hello", "parameter body is not JSON"},
		{"body", `"hello"`, `parameter body of a text must be {"msg":"…"}`},
		{"body", `{"msg":1}`, `parameter body of a text must be {"msg":"…"}`},
		{"body", `{}`, "body of a text must not be empty"},
		{"body", `{"msg":"` + strings.Repeat("x", 5000) + `"}`, "parameter body has more than 5000 characters"},
		{"ext", strings.Repeat("x", 1025), "parameter ext has more than 1024 characters"},
	} {
		params := map[string]string{"from": "alice", "to": "bob", "ope": "0", "type": "0", "body": `{"msg":"x"}`, test.param: test.value}
		var list []string
		for name, value := range params {
			list = append(list, name, value)
		}
		b.wantError(414, test.desc, "msg/sendMsg", list...)
	}
	for _, test := range []struct{ param, value, desc string }{
		{"limit", "0", "parameter limit is not a number from 1 to 100"},
		{"limit", "101", "parameter limit is not a number from 1 to 100"},
		{"reverse", "3", "parameter reverse is not a number from 1 to 2"},
		{"begintime", "5", "parameter begintime is after endtime"},
		{"type", "0,x", "parameter type is not a list of numbers like 0,1,100"},
		{"type", strings.Repeat("0,", 40) + "0", "parameter type has more than 32 types"},
		{"to", "", "parameter to is missing"},
	} {
		params := map[string]string{"from": "alice", "to": "bob", "begintime": "0", "endtime": "4", "limit": "10", test.param: test.value}
		var list []string
		for name, value := range params {
			list = append(list, name, value)
		}
		b.wantError(414, test.desc, "history/querySessionMsg", list...)
	}
	if h := b.history("alice", "bob"); h.Size != 0 {
		t.Errorf("something was sent: %+v", h)
	}
}

func TestBatchReachesEachReceiverOnce(t *testing.T) {
	b := newBackend(t, openNode(t, t.TempDir(), nil), appliance.TenantRequest{})
	b.accounts("alice", "bob", "carol", "news")
	type batch struct {
		Code       int
		Unregister []string
		TimeTag    int64
		MsgIDs     map[string]int64
	}
	params := []string{"fromAccid", "news", "toAccids", `["alice","nobody","bob","BOB","carol"]`, "type", "0", "body", `{"msg":"hi"}`}
	got := decode[batch](t, b.call("msg/sendBatchMsg", append(params, "returnMsgid", "true")...))
	if got.Code != 200 || fmt.Sprint(got.Unregister) != "[nobody]" || got.TimeTag == 0 || len(got.MsgIDs) != 3 {
		t.Errorf("batch: %+v", got)
	}
	for _, receiver := range []string{"alice", "bob", "carol"} {
		h := b.history("news", receiver)
		if h.Size != 1 || h.Msgs[0].MsgID != got.MsgIDs[receiver] {
			t.Errorf("%s: %+v, want the message %d", receiver, h, got.MsgIDs[receiver])
		}
	}
	without := b.call("msg/sendBatchMsg", params...)
	if !regexp.MustCompile(`^{"code":200,"unregister":\["nobody"\],"timetag":\d+}$`).MatchString(without) {
		t.Errorf("without returnMsgid: %s", without)
	}
	b.wantError(414, "fromAccid not register", "msg/sendBatchMsg", "fromAccid", "nobody", "toAccids", `["alice"]`, "type", "0", "body", `{"msg":"hi"}`)
	b.wantError(414, "parameter toAccids has more than 500 elements", "msg/sendBatchMsg", "fromAccid", "news", "toAccids", names(501), "type", "0", "body", `{"msg":"hi"}`)
	b.wantError(414, "parameter toAccids has more than 100 elements, the most with returnMsgid",
		"msg/sendBatchMsg", "fromAccid", "news", "toAccids", names(101), "type", "0", "body", `{"msg":"hi"}`, "returnMsgid", "true")
	b.wantError(414, "body of a text must not be empty", "msg/sendBatchMsg", "fromAccid", "news", "toAccids", `["alice"]`, "type", "0", "body", `{}`)
}

func TestRecall(t *testing.T) {
	b := newBackend(t, openNode(t, t.TempDir(), nil), appliance.TenantRequest{})
	b.accounts("alice", "bob")
	m := b.send("alice", "bob", "oops")
	id, at := strconv.FormatInt(m.Data.MsgID, 10), strconv.FormatInt(m.Data.TimeTag, 10)
	recall := func(more ...string) []string {
		return append([]string{"deleteMsgid", id, "timetag", at, "type", "7", "from", "alice", "to", "bob"}, more...)
	}
	b.wantError(414, "to must be the number of a team", "msg/recall", recall("type", "8")...)
	b.wantCode(404, "msg/recall", recall("deleteMsgid", "999999")...)
	b.wantCode(404, "msg/recall", recall("timetag", "1")...)
	b.wantCode(404, "msg/recall", recall("from", "bob", "to", "alice")...)
	b.want(`{"code":200}`, "msg/recall", recall("msg", "sorry")...)
	b.want(`{"code":200}`, "msg/recall", recall()...)
	h := b.history("alice", "bob")
	if h.Size != 1 || !h.Msgs[0].Recalled || string(h.Msgs[0].Body) != "{}" {
		t.Errorf("history after the recall: %+v", h)
	}
}
