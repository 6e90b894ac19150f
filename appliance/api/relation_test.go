package api_test

import (
	"fmt"
	"regexp"
	"strings"
	"testing"

	"github.com/yizhan-im/yizhan/appliance"
)

// friends is the answer of friend/get.
type friends struct {
	Code, Size int
	Friends    []struct {
		CreateTime, UpdateTime      int64
		Bidirection                 bool
		Faccid, Alias, Ex, ServerEx string
	}
}

func (b *backend) friends(accid, since string) friends {
	b.t.Helper()
	return decode[friends](b.t, b.call("friend/get", "accid", accid, "updatetime", since))
}

func TestFriendsAreMadeAndEnded(t *testing.T) {
	b := newBackend(t, openNode(t, t.TempDir(), nil), appliance.TenantRequest{})
	b.accounts("alice", "bob", "carol")
	add := func(accid, faccid, kind string, more ...string) []string {
		return append([]string{"accid", accid, "faccid", faccid, "type", kind}, more...)
	}
	b.want(`{"code":200}`, "friend/add", add("Alice", "BOB", "1", "msg", "hi", "serverex", "vip")...)
	b.want(`{"code":200}`, "friend/add", add("alice", "bob", "1")...) // once more
	b.want(`{"code":200}`, "friend/update", "accid", "alice", "faccid", "bob", "alias", "Bobby", "ex", "{}")
	got := b.call("friend/get", "accid", "alice", "updatetime", "0", "createtime", "0")
	if !regexp.MustCompile(`^{"code":200,"size":1,"friends":\[{"createtime":\d{13},"bidirection":true,"faccid":"bob",` +
		`"alias":"Bobby","ex":"{}","serverex":"vip","updatetime":\d{13}}\]}$`).MatchString(got) {
		t.Errorf("friend/get: %s", got)
	}
	if f := b.friends("bob", "0"); f.Size != 1 || f.Friends[0].Faccid != "alice" || f.Friends[0].Alias != "" || f.Friends[0].ServerEx != "" {
		t.Errorf("bob's friends: %+v", f)
	}
	got = b.call("friend/getByAccid", "accid", "bob", "faccid", "alice")
	if !regexp.MustCompile(`^{"code":200,"friend":{"createtime":\d{13},"bidirection":true,"faccid":"alice","updatetime":\d{13}}}$`).MatchString(got) {
		t.Errorf("friend/getByAccid: %s", got)
	}
	changed := b.friends("alice", "0").Friends[0].UpdateTime
	if f := b.friends("alice", fmt.Sprint(changed)); f.Size != 1 {
		t.Errorf("changed at its time: %+v", f)
	}
	if f := b.friends("alice", fmt.Sprint(changed+1)); f.Code != 200 || f.Size != 0 {
		t.Errorf("changed later: %+v", f)
	}

	b.want(`{"code":200}`, "friend/update", "accid", "alice", "faccid", "bob", "ex", "") // clears
	b.want(`{"code":200}`, "friend/delete", "accid", "bob", "faccid", "alice")
	b.want(`{"code":200}`, "friend/delete", "accid", "bob", "faccid", "alice") // once more
	if f := b.friends("alice", "0"); f.Size != 0 {
		t.Errorf("after the end: %+v", f)
	}
	b.wantError(404, "accid and faccid are not friends", "friend/getByAccid", "accid", "alice", "faccid", "bob")
	b.want(`{"code":200}`, "friend/add", add("alice", "bob", "1")...)
	if f := b.friends("alice", "0").Friends[0]; f.Alias != "Bobby" || f.Ex != "" {
		t.Errorf("friends again: %+v", f)
	}
	b.want(`{"code":200}`, "friend/delete", "accid", "alice", "faccid", "bob", "isDeleteAlias", "true")
	b.want(`{"code":200}`, "friend/add", add("alice", "bob", "1")...)
	if f := b.friends("alice", "0").Friends[0]; f.Alias != "" || f.ServerEx != "" {
		t.Errorf("friends after all was forgotten: %+v", f)
	}

	b.want(`{"code":200}`, "friend/add", add("carol", "alice", "2", "msg", "please")...)
	b.want(`{"code":200}`, "friend/add", add("alice", "carol", "4", "msg", "no")...)
	b.wantError(404, "there is no such account, or no request from it", "friend/add", add("alice", "carol", "3")...)
	b.want(`{"code":200}`, "friend/add", add("carol", "alice", "2")...)
	b.want(`{"code":200}`, "friend/add", add("alice", "carol", "3")...)
	if f := b.friends("carol", "0"); f.Size != 1 {
		t.Errorf("accepted: %+v", f)
	}
}

func TestRelationCallsAreRefused(t *testing.T) {
	b := newBackend(t, openNode(t, t.TempDir(), nil), appliance.TenantRequest{MaxFriends: 1})
	b.accounts("alice", "bob", "carol")
	for _, c := range []struct {
		code         int
		desc, action string
		params       []string
	}{
		{414, "parameter type is missing", "friend/add", []string{"accid", "alice", "faccid", "bob"}},
		{414, "parameter type is not a number from 1 to 4", "friend/add", []string{"accid", "alice", "faccid", "bob", "type", "5"}},
		{414, "accid not register", "friend/add", []string{"accid", "nobody", "faccid", "bob", "type", "1"}},
		{414, "faccid not register", "friend/add", []string{"accid", "alice", "faccid", "nobody", "type", "1"}},
		{414, "an account has no relation to itself", "friend/add", []string{"accid", "alice", "faccid", "ALICE", "type", "1"}},
		{414, "parameter msg has more than 256 characters", "friend/add", []string{"accid", "alice", "faccid", "bob", "type", "1", "msg", strings.Repeat("字", 257)}},
		{414, "parameter serverex has more than 256 characters", "friend/add", []string{"accid", "alice", "faccid", "bob", "type", "1", "serverex", strings.Repeat("x", 257)}},
		{414, "parameter alias has more than 128 characters", "friend/update", []string{"accid", "alice", "faccid", "bob", "alias", strings.Repeat("x", 129)}},
		{404, "the account is not a friend", "friend/update", []string{"accid", "alice", "faccid", "bob", "alias", "x"}},
		{414, "faccid not register", "friend/update", []string{"accid", "alice", "faccid", "nobody", "alias", "x"}},
		{414, "faccid not register", "friend/delete", []string{"accid", "alice", "faccid", "nobody"}},
		{414, "parameter updatetime is missing", "friend/get", []string{"accid", "alice"}},
		{414, "accid not register", "friend/get", []string{"accid", "nobody", "updatetime", "0"}},
		{414, "faccid not register", "friend/getByAccid", []string{"accid", "alice", "faccid", "nobody"}},
		{414, "accid not register", "friend/setMode", []string{"accid", "nobody", "mode", "1"}},
		{414, "parameter relationType is not a number from 1 to 2", "user/setSpecialRelation", []string{"accid", "alice", "targetAcc", "bob", "relationType", "3", "value", "1"}},
		{414, "parameter value is not a number from 0 to 1", "user/setSpecialRelation", []string{"accid", "alice", "targetAcc", "bob", "relationType", "1", "value", "2"}},
		{414, "targetAcc not register", "user/setSpecialRelation", []string{"accid", "alice", "targetAcc", "nobody", "relationType", "1", "value", "1"}},
		{414, "accid not register", "user/listBlackAndMuteList", []string{"accid", "nobody"}},
	} {
		b.wantError(c.code, c.desc, c.action, c.params...)
	}
	b.want(`{"code":200}`, "friend/setMode", "accid", "bob", "mode", "2")
	b.wantError(403, "the account takes no friends", "friend/add", "accid", "alice", "faccid", "bob", "type", "2")
	b.want(`{"code":200}`, "friend/add", "accid", "alice", "faccid", "bob", "type", "1")
	b.wantCode(419, "friend/add", "accid", "carol", "faccid", "bob", "type", "1")
}

// TestListsOverHTTP: a blacklist holds for messages of the server API as well,
// and nothing is kept of them; a mute list refuses nothing.
func TestListsOverHTTP(t *testing.T) {
	b := newBackend(t, openNode(t, t.TempDir(), nil), appliance.TenantRequest{MaxListed: 1})
	b.accounts("alice", "bob", "carol")
	set := func(accid, target, kind, value string) []string {
		return []string{"ACCID", accid, "targetacc", target, "relationtype", kind, "Value", value} // in any case
	}
	b.want(`{"code":200,"mutelist":[],"blacklist":[]}`, "user/listBlackAndMuteList", "accid", "bob")
	b.want(`{"code":200}`, "user/setSpecialRelation", set("bob", "Alice", "1", "1")...)
	b.want(`{"code":200}`, "user/setSpecialRelation", set("bob", "carol", "2", "1")...)
	b.wantError(419, "the list is full", "user/setSpecialRelation", set("bob", "carol", "1", "1")...)
	b.want(`{"code":200,"mutelist":["carol"],"blacklist":["alice"]}`, "user/listBlackAndMuteList", "accid", "bob")

	if refused := b.send("alice", "bob", "hello"); refused.Code != 7101 || refused.Desc != "the receiver has blacklisted the sender" {
		t.Errorf("sent by a blacklisted account: %+v", refused)
	}
	if heard := b.send("carol", "bob", "hello"); heard.Code != 200 {
		t.Errorf("sent by a muted account: %+v", heard)
	}
	type batch struct {
		Code       int
		Unregister []string
		MsgIDs     map[string]int64
	}
	sent := decode[batch](t, b.call("msg/sendBatchMsg", "fromAccid", "alice", "toAccids", `["bob","carol","nobody"]`,
		"type", "0", "body", `{"msg":"hi"}`, "returnMsgid", "true"))
	if sent.Code != 200 || fmt.Sprint(sent.Unregister) != "[nobody]" || len(sent.MsgIDs) != 1 || sent.MsgIDs["carol"] == 0 {
		t.Errorf("batch: %+v", sent)
	}
	if h := b.history("alice", "bob"); h.Size != 0 {
		t.Errorf("something was kept: %+v", h)
	}
	b.wantCode(7101, "friend/add", "accid", "alice", "faccid", "bob", "type", "2")
	b.want(`{"code":200}`, "user/setSpecialRelation", set("bob", "alice", "1", "0")...)
	b.want(`{"code":200}`, "user/setSpecialRelation", set("bob", "alice", "1", "0")...) // once more
	if after := b.send("alice", "bob", "hello"); after.Code != 200 {
		t.Errorf("off the list: %+v", after)
	}
}

func TestSendingToFriendsOnly(t *testing.T) {
	b := newBackend(t, openNode(t, t.TempDir(), nil), appliance.TenantRequest{})
	b.accounts("alice", "bob")
	send := func(from, to, check string) []string {
		return []string{"from", from, "to", to, "ope", "0", "type", "0", "body", `{"msg":"x"}`, "checkFriend", check}
	}
	b.wantError(403, "from and to are not friends", "msg/sendMsg", send("alice", "BOB", "true")...)
	b.wantError(414, "from not register", "msg/sendMsg", send("nobody", "bob", "true")...)
	b.wantError(414, "to not register", "msg/sendMsg", send("alice", "nobody", "true")...)
	if h := b.history("alice", "bob"); h.Size != 0 {
		t.Errorf("something was kept: %+v", h)
	}
	for _, check := range []string{"false", ""} {
		if got := decode[sent](t, b.call("msg/sendMsg", send("alice", "bob", check)...)); got.Code != 200 {
			t.Errorf("checkFriend %q: %+v", check, got)
		}
	}
	b.want(`{"code":200}`, "friend/add", "accid", "bob", "faccid", "alice", "type", "1")
	if got := decode[sent](t, b.call("msg/sendMsg", send("alice", "Bob", "true")...)); got.Code != 200 {
		t.Errorf("to a friend: %+v", got)
	}
}

func TestRelationsOfTenantsAreApart(t *testing.T) {
	node := openNode(t, t.TempDir(), nil)
	b, other := newBackend(t, node, appliance.TenantRequest{}), newBackend(t, node, appliance.TenantRequest{})
	b.accounts("alice", "bob")
	other.accounts("alice", "bob", "carol")
	b.want(`{"code":200}`, "friend/add", "accid", "alice", "faccid", "bob", "type", "1")
	b.want(`{"code":200}`, "user/setSpecialRelation", "accid", "bob", "targetAcc", "alice", "relationType", "1", "value", "1")
	b.wantError(414, "faccid not register", "friend/add", "accid", "alice", "faccid", "carol", "type", "1")
	if f := other.friends("alice", "0"); f.Code != 200 || f.Size != 0 {
		t.Errorf("the other tenant's friends: %+v", f)
	}
	if m := other.send("alice", "bob", "hello"); m.Code != 200 {
		t.Errorf("the other tenant's message: %+v", m)
	}
}
