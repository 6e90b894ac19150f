package api_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/yizhan-im/yizhan/appliance"
	"github.com/yizhan-im/yizhan/appliance/wire"
)

// showNotifications has a team whose owner is alice and whose muted member is bob;
// carol is not in it, and has blacklisted dave.
func showNotifications(s *shower) {
	tid := s.team("alice", `["bob"]`)
	s.shows(200, "team/muteTlist", "tid", tid, "owner", "alice", "accid", "bob", "mute", "1")
	s.shows(200, "msg/sendAttachMsg", "msgtype", "1", "to", tid)
	s.shows(804, "msg/sendAttachMsg", "msgtype", "1", "to", tid, "from", "carol")
	s.shows(812, "msg/sendAttachMsg", "msgtype", "1", "to", tid, "from", "bob")
	s.shows(803, "msg/sendAttachMsg", "msgtype", "1", "to", "9"+tid)
	s.shows(7101, "msg/sendAttachMsg", "from", "dave", "to", "carol")
	s.shows(404, "history/queryBroadcastMsgById")
	s.shows(404, "history/delBroadcastMsgById")
}

func TestNotificationsAreSent(t *testing.T) {
	b := newBackend(t, openNode(t, t.TempDir(), nil), appliance.TenantRequest{})
	b.accounts("alice", "bob", "carol", "dave")
	send := func(more ...string) []string {
		return append([]string{"from", "alice", "msgtype", "0", "to", "Bob"}, more...)
	}
	b.want(`{"code":200}`, "msg/sendAttachMsg", send("attach", "one", "payload", "", "option", `{"route":false}`, "pushcontent", "wake up", "sound", "x.wav")...)
	b.want(`{"code":200}`, "msg/sendAttachMsg", send("attach", "now", "save", "1")...)
	b.want(`{"code":414,"desc":"to not register"}`, "msg/sendAttachMsg", send("attach", "x", "to", "nobody")...)
	b.want(`{"code":414,"desc":"from not register"}`, "msg/sendAttachMsg", send("attach", "x", "from", "nobody")...)
	b.wantCode(414, "msg/sendAttachMsg", send("attach", "x", "option", `[1]`)...)
	tid := b.team("alice", `["carol"]`)
	b.want(`{"code":200}`, "msg/sendAttachMsg", "from", "alice", "msgtype", "1", "to", tid, "attach", "team", "isForcePush", "true", "forcePushList", `["carol"]`, "forcePushContent", "!")
	b.want(`{"code":200,"unregister":["nobody"]}`, "msg/sendBatchAttachMsg", "fromAccid", "alice", "toAccids", `["bob","carol","nobody","bob"]`, "attach", "all")
	b.want(`{"code":414,"desc":"fromAccid not register"}`, "msg/sendBatchAttachMsg", "fromAccid", "nobody", "toAccids", `["bob"]`, "attach", "all")

	// Repeated with the same RequestId, whatever the node remembers of it.
	r := b.request("msg/sendAttachMsg", send("attach", "once")...)
	r.Header.Set("RequestId", "r1")
	b.do(r)
	r = b.request("msg/sendAttachMsg", send("attach", "once")...)
	r.Header.Set("RequestId", "r1")
	if got := b.do(r); !strings.HasPrefix(got, `{"code":431`) {
		t.Errorf("repeated: %s", got)
	}
}

type broadcast struct {
	BroadcastID            int64
	From, Body             string
	TargetOs               []string
	IsOffline              bool
	CreateTime, ExpireTime int64
}

func TestBroadcastsAreKept(t *testing.T) {
	node := openNode(t, t.TempDir(), nil)
	b, other := newBackend(t, node, appliance.TenantRequest{}), newBackend(t, node, appliance.TenantRequest{})
	b.accounts("alice")
	send := func(params ...string) broadcast {
		t.Helper()
		return decode[struct{ Msg broadcast }](t, b.call("msg/broadcastMsg", params...)).Msg
	}
	first := send("body", "one", "isOffline", "true", "from", "Alice", "targetOs", `["IOS","web"]`)
	if first.BroadcastID == 0 || first.Body != "one" || first.From != "alice" || !first.IsOffline || fmt.Sprint(first.TargetOs) != "[ios web]" ||
		first.ExpireTime-first.CreateTime != 7*24*3600*1000 {
		t.Errorf("%+v", first)
	}
	second := send("body", "two", "ttl", "2")
	if second.IsOffline || len(second.TargetOs) != 5 || second.ExpireTime-second.CreateTime != 2*3600*1000 {
		t.Errorf("%+v", second)
	}
	b.want(`{"code":414,"desc":"from not register"}`, "msg/broadcastMsg", "body", "x", "from", "bob")
	b.wantCode(414, "msg/broadcastMsg", "body", "x", "targetOs", `["symbian"]`)
	list := func(b *backend, params ...string) (bodies string) {
		t.Helper()
		for _, m := range decode[struct{ Msgs []broadcast }](t, b.call("history/queryBroadcastMsg", params...)).Msgs {
			bodies += m.Body + " "
		}
		return bodies
	}
	for want, params := range map[string][]string{
		"two one ": nil, "two ": {"limit", "1"}, "one ": {"type", "2", "limit", "5"},
	} {
		if got := list(b, params...); got != want {
			t.Errorf("list %v: %q, want %q", params, got, want)
		}
	}
	if got := list(b, "broadcastId", fmt.Sprint(second.BroadcastID)); got != "one " {
		t.Errorf("before the second: %q", got)
	}
	if got := list(b, "type", "3"); got != "two " {
		t.Errorf("the others: %q", got)
	}
	if got := list(other); got != "" {
		t.Errorf("the other tenant reads %q", got)
	}
	id := fmt.Sprint(first.BroadcastID)
	if got := decode[struct{ Msg broadcast }](t, b.call("history/queryBroadcastMsgById", "broadcastId", id)).Msg; fmt.Sprint(got) != fmt.Sprint(first) {
		t.Errorf("by id: %+v", got)
	}
	other.wantCode(int(wire.CodeNotFound), "history/queryBroadcastMsgById", "broadcastId", id)
	other.wantCode(int(wire.CodeNotFound), "history/delBroadcastMsgById", "broadcastId", id)
	b.want(`{"code":200}`, "history/delBroadcastMsgById", "broadcastId", id)
	b.wantCode(404, "history/delBroadcastMsgById", "broadcastId", id)
	if got := list(b); got != "two " {
		t.Errorf("after the removal: %q", got)
	}

	// Ten a minute, so some of many are refused.
	for calls := 0; !strings.HasPrefix(b.call("msg/broadcastMsg", "body", "more"), `{"code":416`); calls++ {
		if calls > 30 {
			t.Fatal("nothing is refused")
		}
	}
}
