package api_test

import (
	"fmt"
	"testing"
	"time"

	"github.com/yizhan-im/yizhan/appliance"
	"github.com/yizhan-im/yizhan/appliance/state"
)

// showSessions is for TestEachDocumentedCodeIsAnswered.
func showSessions(s *shower) {
	tid, gone := s.team("alice", `["bob"]`), s.team("alice", `[]`)
	s.shows(200, "team/remove", "tid", gone)
	for action, by := range map[string]string{"user/setSession": "accid", "msg/delRoamSession": "from"} {
		s.shows(404, action, "to", "nobody")
		s.shows(803, action, "type", "2", "to", gone)
		s.shows(804, action, "type", "2", "to", tid, by, "dave")
	}
	names := make([]string, 101)
	for i := range names {
		names[i] = fmt.Sprint("top", i)
	}
	s.accounts(names...)
	for i, name := range names {
		code := 200
		if i == 100 {
			code = 419
		}
		s.shows(code, "user/setSession", "to", name, "top", "true")
	}
}

// TestUnreadIsAtLeast: what is counted up to the newest 200 entries says so.
func TestUnreadIsAtLeast(t *testing.T) {
	b := newBackend(t, openNode(t, t.TempDir(), nil), appliance.TenantRequest{APIPerSecond: 1 << 20})
	b.accounts("alice", "bob")
	var last sent
	for range state.MaxUnreadScan {
		last = b.send("bob", "alice", "x")
	}
	shows := func(last sent, more, total string) {
		t.Helper()
		b.want(fmt.Sprintf(`{"code":200,"data":{"hasMore":false,"sessions":[{"sessionType":1,"accid":"bob","updateTime":%d,"ext":"",`+
			`"unread":200,%s"top":false,"mute":false}]}}`, last.Data.TimeTag, more),
			"history/querySessionList", "accid", "alice", "needLastMsg", "0")
		b.want(`{"code":200,"data":{"unread":200,"muted":0,"conversations":1,"marked":0,"more":`+total+`}}`, "user/unread", "accid", "alice")
	}
	shows(last, "", "false")
	shows(b.send("bob", "alice", "one more"), `"unreadMore":true,`, "true")
}

func TestSessionsOfAnAccount(t *testing.T) {
	b := newBackend(t, openNode(t, t.TempDir(), nil), appliance.TenantRequest{})
	b.accounts("alice", "bob", "carol")
	b.send("bob", "alice", "one")
	second := b.send("bob", "alice", "two")
	tick := time.NewTicker(time.Millisecond)
	defer tick.Stop()
	for time.Now().UnixMilli() <= second.Data.TimeTag { // so that one is the newest
		<-tick.C
	}
	third := b.send("carol", "alice", "three")
	session := func(accid, from, body string, m sent, unread int) string {
		return fmt.Sprintf(`{"sessionType":1,"accid":"%s","updateTime":%d,"ext":"","unread":%d,"top":false,"mute":false,"lastMsgType":"0",`+
			`"lastMsg":"{\"msgid\":%d,\"from\":\"%s\",\"sendtime\":%d,\"body\":{\"msg\":\"%s\"}}"}`,
			accid, m.Data.TimeTag, unread, m.Data.MsgID, from, m.Data.TimeTag, body)
	}
	b.want(`{"code":200,"data":{"hasMore":false,"sessions":[`+session("carol", "carol", "three", third, 1)+`,`+session("bob", "bob", "two", second, 2)+`]}}`,
		"history/querySessionList", "accid", "alice", "maxTimestamp", "9000000000000")
	b.want(`{"code":200,"data":{"hasMore":true,"sessions":[`+session("carol", "carol", "three", third, 1)+`]}}`,
		"history/querySessionList", "accid", "alice", "limit", "1")
	b.want(`{"code":200,"data":{"hasMore":false,"sessions":[]}}`, "history/querySessionList", "accid", "alice", "maxTimestamp", "1")
	b.wantError(414, "accid not register", "history/querySessionList", "accid", "nobody")
	b.want(`{"code":200,"data":{"unread":3,"muted":0,"conversations":2,"marked":0,"more":false}}`, "user/unread", "accid", "alice")

	b.want(`{"code":200}`, "user/setSession", "accid", "alice", "type", "1", "to", "bob", "mute", "true", "ext", "x")
	b.want(`{"code":200,"data":{"unread":3,"muted":2,"conversations":2,"marked":0,"more":false}}`, "user/unread", "accid", "alice")
	b.want(`{"code":200}`, "msg/delRoamSession", "type", "1", "from", "alice", "to", "bob")
	b.want(`{"code":200,"data":{"unread":1,"muted":0,"conversations":1,"marked":0,"more":false}}`, "user/unread", "accid", "alice")
	b.want(`{"code":200}`, "user/setSession", "accid", "alice", "type", "1", "to", "carol", "remove", "true")
	b.want(fmt.Sprintf(`{"code":200,"data":{"hasMore":false,"sessions":[{"sessionType":1,"accid":"bob","updateTime":%d,"ext":"x","unread":0,"top":false,"mute":true}]}}`, second.Data.TimeTag),
		"history/querySessionList", "accid", "alice")
	// The other side keeps everything.
	b.want(`{"code":200,"data":{"hasMore":false,"sessions":[`+session("alice", "bob", "two", second, 0)+`]}}`, "history/querySessionList", "accid", "bob")
}

func TestMutes(t *testing.T) {
	b := newBackend(t, openNode(t, t.TempDir(), nil), appliance.TenantRequest{})
	b.accounts("alice", "bob")
	b.want(`{"code":200,"data":{"muteP2P":false,"muteTeam":true,"muteRoom":false,"muteQChat":false}}`, "user/muteModule", "accid", "alice", "muteTeam", "true", "muteP2P", "false")
	b.want(`{"code":200,"data":{"muteP2P":false,"muteTeam":true,"muteRoom":true,"muteQChat":false}}`, "user/muteModule", "accid", "alice", "muteRoom", "true", "muteQChat", "true")
	uinfo := func(mutes string) string {
		return `{"code":200,"uinfos":[{"accid":"alice","gender":0,"valid":true,` + mutes + `,"muteQChat":false}]}`
	}
	b.want(uinfo(`"mute":false,"muteP2P":false,"muteTeam":true,"muteRoom":true`), "user/getUinfos", "accids", `["alice"]`, "muteStatus", "true")
	b.want(`{"code":200}`, "user/mute", "accid", "alice", "mute", "true")
	b.want(uinfo(`"mute":true,"muteP2P":true,"muteTeam":true,"muteRoom":true`), "user/getUinfos", "accids", `["alice"]`, "muteStatus", "true")
	b.send("alice", "bob", "the backend may still send")
	b.want(`{"code":200}`, "user/mute", "accid", "alice", "mute", "false")
	b.want(uinfo(`"mute":false,"muteP2P":false,"muteTeam":false,"muteRoom":false`), "user/getUinfos", "accids", `["alice"]`, "muteStatus", "true")
	b.wantError(414, "accid not register", "user/mute", "accid", "nobody", "mute", "true")
	b.wantError(414, "accid not register", "user/muteModule", "accid", "nobody", "muteP2P", "true")
}

func TestDoNotDisturbOfABackend(t *testing.T) {
	b := newBackend(t, openNode(t, t.TempDir(), nil), appliance.TenantRequest{})
	b.accounts("alice")
	b.want(`{"code":200}`, "user/setDonnop", "accid", "alice", "donnopOpen", "true")
	b.want(`{"code":200,"data":{"on":true,"desktop":true,"from":1320,"to":420}}`, "user/setDoNotDisturb", "accid", "alice", "on", "true", "from", "1320", "to", "420", "utcOffset", "-480")
	b.want(`{"code":200,"data":{"on":true,"desktop":true,"from":0,"to":0}}`, "user/setDoNotDisturb", "accid", "alice", "noQuiet", "true")
	b.wantError(414, "parameters from and to belong together", "user/setDoNotDisturb", "accid", "alice", "from", "3")
	b.wantError(414, "accid not register", "user/setDonnop", "accid", "nobody", "donnopOpen", "true")
}
