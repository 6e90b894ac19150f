package api_test

import (
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/yizhan-im/yizhan/appliance"
)

// mega makes a superteam with members, who are not asked, and returns its number.
func (b *backend) mega(owner, members string) string {
	b.t.Helper()
	got := b.call("superteam/create", "tname", "all", "owner", owner, "inviteAccids", members, "msg", "come", "magree", "0", "joinmode", "0")
	found := regexp.MustCompile(`^{"code":200,"tid":"(\d+)"}$`).FindStringSubmatch(got)
	if found == nil {
		b.t.Fatalf("superteam/create: %s", got)
	}
	return found[1]
}

// TestSuperteamsOfBackends goes through the life of a superteam.
func TestSuperteamsOfBackends(t *testing.T) {
	b := newBackend(t, openNode(t, t.TempDir(), nil), appliance.TenantRequest{})
	b.accounts("alice", "bob", "carol", "dave")
	tid := b.mega("alice", `["bob","carol"]`)
	plain := b.team("alice", `["bob"]`)
	timeless := func(s string) string {
		s = regexp.MustCompile(`"(createtime|updatetime)":\d+`).ReplaceAllString(s, `"$1":0`)
		return regexp.MustCompile(`"jointime":"\d+"`).ReplaceAllString(s, `"jointime":""`)
	}
	want := func(answer, action string, params ...string) {
		t.Helper()
		if got := timeless(b.call(action, params...)); got != answer {
			t.Errorf("%s %v answers\n%s, want\n%s", action, params, got, answer)
		}
	}
	info := func(owner, name string, size int, level int, muteType int) string {
		return fmt.Sprintf(`{"tid":%s,"tname":"%s","creator":"%s","tlevel":%d,"size":%d,"intro":"","announcement":"","clientCustom":"","serverCustom":"","icon":"",`+
			`"muteType":%d,"joinmode":0,"beinvitemode":0,"invitemode":0,"uptinfomode":0,"upcustommode":0,"createtime":0,"updatetime":0}`, tid, name, owner, level, size, muteType)
	}
	want(`{"code":200,"tinfos":[`+info("alice", "all", 3, 100_000, 0)+`]}`, "superteam/getTinfos", "tids", "["+tid+","+plain+",999999]")
	want(`{"code":200,"tinfos":[`+info("alice", "all", 3, 100_000, 0)+`]}`, "superteam/joinTeams", "accid", "bob")
	b.want(`{"code":200}`, "superteam/invite", "tid", tid, "owner", "alice", "inviteAccids", `["dave"]`, "msg", "come", "magree", "0")
	b.want(`{"code":200}`, "superteam/addManager", "tid", tid, "owner", "alice", "managerAccids", `["bob"]`)
	b.want(`{"code":200}`, "superteam/updateTeamNick", "tid", tid, "owner", "bob", "accid", "dave", "nick", "Dave")
	b.want(`{"code":200}`, "superteam/updateTlist", "tid", tid, "accid", "carol", "silentType", "1", "nick", "Caro", "custom", "c")
	b.want(`{"code":200}`, "superteam/muteTlist", "tid", tid, "owner", "bob", "muteAccids", `["carol","dave"]`, "mute", "1")
	b.want(`{"code":200}`, "superteam/changeLevel", "tid", tid, "owner", "bob", "tlevel", "7")
	b.want(`{"code":200}`, "superteam/updateTinfo", "tid", tid, "owner", "bob", "tname", "New")
	b.want(`{"code":200}`, "superteam/mute", "tid", tid, "owner", "bob", "muteType", "1")
	want(`{"code":200,"tinfos":[`+info("alice", "New", 4, 7, 1)+`]}`, "superteam/getTinfos", "tids", "["+tid+"]")

	member := func(accid string, kind int, nick string, mute int, invitor, custom string) string {
		if invitor != "" {
			invitor = `"invitor":"` + invitor + `",`
		}
		return fmt.Sprintf(`{"tid":%s,"accid":"%s","type":%d,"nick":"%s","jointime":"","mute":%d,%s"custom":"%s","createtime":0,"updatetime":0}`, tid, accid, kind, nick, mute, invitor, custom)
	}
	alice, bob := member("alice", 1, "", 0, "", ""), member("bob", 2, "", 0, "alice", "")
	carol, dave := member("carol", 0, "Caro", 1, "alice", "c"), member("dave", 0, "Dave", 1, "alice", "")
	list := func(members ...string) string { return `{"code":200,"tlists":[` + strings.Join(members, ",") + `]}` }
	// Who has joined in the same millisecond comes in the order of names.
	want(list(alice, bob, carol, dave), "superteam/getTlists", "tid", tid, "timetag", "0", "limit", "100")
	want(list(alice, bob), "superteam/getTlists", "tid", tid, "timetag", "0", "limit", "2", "reverse", "1")
	want(list(dave, carol, bob), "superteam/getTlists", "tid", tid, "timetag", "0", "limit", "3", "reverse", "2")
	want(list(), "superteam/getTlists", "tid", tid, "timetag", "9000000000000", "limit", "3")
	want(list(), "superteam/getTlists", "tid", tid, "timetag", "1", "limit", "3", "reverse", "2")
	want(list(carol, dave), "superteam/getMuteTlists", "tid", tid, "timetag", "0", "limit", "100")
	want(list(dave), "superteam/getMuteTlists", "tid", tid, "timetag", "0", "limit", "1", "reverse", "2")

	b.wantCode(812, "superteam/sendMsg", "tid", tid, "fromAccid", "dave", "type", "0", "body", `{"msg":"x"}`)
	m := decode[sent](t, b.call("superteam/sendMsg", "tid", tid, "fromAccid", "bob", "type", "0", "body", `{"msg":"hello"}`)).Data
	if m.MsgID == 0 {
		t.Fatal("no message id")
	}
	history := func(body string, size int) string {
		return fmt.Sprintf(`"msgs":[{"from":"bob","msgid":%d,"msgidclient":"","sendtime":%d,"type":0,"fromclienttype":32,"body":%s}]`, m.MsgID, m.TimeTag, body)
	}
	anonymous := func(s string) string {
		return regexp.MustCompile(`"msgidclient":"[^"]*"`).ReplaceAllString(s, `"msgidclient":""`)
	}
	page := []string{"tid", tid, "accid", "alice", "begintime", "0", "endtime", "9000000000000", "limit", "10"}
	if got, want := anonymous(b.call("superteam/queryHistoryMsg", page...)), `{"code":200,"size":1,"tid":`+tid+`,`+history(`{"msg":"hello"}`, 1)+`}`; got != want {
		t.Errorf("history %s, want %s", got, want)
	}
	byID := fmt.Sprintf(`[{"msgid":%d,"from":"bob","to":%s,"time":1},{"msgid":1,"to":"%s"},{"msgid":2,"to":%s},{"msgid":2,"to":"x"}]`, m.MsgID, tid, tid, plain)
	if got := b.call("superteam/queryHistoryMsgByIds", "msgs", `[{"msgid":1,"to":"x"}]`); !strings.HasPrefix(got, `{"code":414`) {
		t.Errorf("a team without number: %s", got)
	}
	byID = strings.Replace(byID, `,{"msgid":2,"to":"x"}`, "", 1)
	if got, want := anonymous(b.call("superteam/queryHistoryMsgByIds", "msgs", byID)), `{"code":200,`+history(`{"msg":"hello"}`, 1)+`}`; got != want {
		t.Errorf("by id %s, want %s", got, want)
	}
	b.want(`{"code":200}`, "superteam/recallMsg", "deleteMsgid", strconv.FormatInt(m.MsgID, 10), "timetag", strconv.FormatInt(m.TimeTag, 10), "from", "alice", "to", tid)

	b.want(`{"code":200}`, "superteam/removeManager", "tid", tid, "owner", "alice", "managerAccids", `["bob"]`)
	b.want(`{"code":200}`, "superteam/kick", "tid", tid, "owner", "alice", "kickAccids", `["dave"]`)
	b.want(`{"code":200}`, "superteam/leave", "tid", tid, "accid", "carol")
	b.want(`{"code":200}`, "superteam/changeOwner", "tid", tid, "owner", "alice", "accid", "bob", "leave", "1")
	want(`{"code":200,"tinfos":[`+info("bob", "New", 1, 7, 1)+`]}`, "superteam/getTinfos", "tids", "["+tid+"]")
	b.want(`{"code":200}`, "superteam/dismiss", "tid", tid, "owner", "bob")
	want(`{"code":200,"tinfos":[]}`, "superteam/getTinfos", "tids", "["+tid+"]")
	want(`{"code":200,"tinfos":[]}`, "superteam/joinTeams", "accid", "bob")
}

// TestReadersOfTeamMessages: who has read what was sent with markRead, told by the
// cursors that clients and the backend move.
func TestReadersOfTeamMessages(t *testing.T) {
	b := newBackend(t, openNode(t, t.TempDir(), nil), appliance.TenantRequest{})
	b.accounts("alice", "bob", "carol")
	tid := b.team("alice", `["bob","carol"]`)
	send := func(more ...string) string {
		t.Helper()
		m := decode[sent](t, b.call("msg/sendMsg", append([]string{"from", "alice", "ope", "1", "to", tid, "type", "0", "body", `{"msg":"x"}`}, more...)...))
		return strconv.FormatInt(m.Data.MsgID, 10)
	}
	first, plain, second := send("markRead", "1"), send(), send("markRead", "1")
	readers := func(id string) []string { return []string{"tid", tid, "msgid", id, "fromAccid", "alice"} }
	b.want(`{"code":200,"data":{"readSize":0,"unreadSize":2,"readAccids":[],"unreadAccids":["bob","carol"]}}`, "team/getMarkReadInfo", readers(first)...)
	b.want(`{"code":200,"data":{"errMsgIds":[1]}}`, "msg/markReadTeamMsg", "accid", "bob", "tid", tid, "msgids", "["+plain+",1]")
	b.want(`{"code":200,"data":{"errMsgIds":[1]}}`, "msg/markReadTeamMsg", "accid", "carol", "tid", tid, "msgids", "[1]")
	b.want(`{"code":200,"data":{"readSize":1,"unreadSize":1,"readAccids":["bob"],"unreadAccids":["carol"]}}`, "team/getMarkReadInfo", readers(first)...)
	b.want(`{"code":200,"data":{"readSize":0,"unreadSize":2,"readAccids":[],"unreadAccids":["bob","carol"]}}`, "team/getMarkReadInfo", readers(second)...)
	b.wantCode(404, "team/getMarkReadInfo", readers(plain)...)
	b.wantCode(404, "team/getMarkReadInfo", "tid", tid, "msgid", first, "fromAccid", "bob")
	b.wantCode(414, "msg/markReadTeamMsg", "accid", "bob", "tid", tid, "msgids", "{}")

	b.want(`{"code":200,"data":{"count":0,"status":{}}}`, "team/listOnlineUsers", "tid", tid)
	b.want(`{"code":200,"data":[{"tid":`+tid+`,"onlineUserCount":0,"offlineUserCount":3}]}`, "team/listOnlineUserCount", "tids", "["+tid+",999999]")
	b.want(`{"code":200}`, "team/muteTeam", "tid", tid, "accid", "bob", "ope", "1")
	b.mega("alice", `["bob"]`) // is not listed
	b.wantTimeless(`{"code":200,"data":[{"tid":`+tid+`,"accid":"bob","nick":"","mute":false,"pushEnable":false,"createtime":0,"updatetime":0}]}`, "team/listMemberInfo", "accid", "bob")
	b.wantError(414, "accid not register", "team/listMemberInfo", "accid", "nobody")
}

// showMegaTeams has a superteam whose owner is alice, whose member is bob and whose
// manager is carol; dave is not in it.
func showMegaTeams(s *shower) {
	tid, gone, plain := s.mega("alice", `["bob","carol"]`), s.mega("alice", `[]`), s.team("alice", `["bob","carol"]`)
	s.shows(200, "superteam/dismiss", "tid", gone)
	s.shows(200, "superteam/addManager", "tid", tid, "managerAccids", `["carol"]`)
	for _, action := range []string{
		"superteam/dismiss", "superteam/invite", "superteam/kick", "superteam/updateTinfo", "superteam/changeLevel", "superteam/updateTeamNick",
		"superteam/addManager", "superteam/removeManager", "superteam/changeOwner", "superteam/mute", "superteam/muteTlist",
	} {
		s.shows(803, action, "tid", gone, "owner", "dave")
		s.shows(804, action, "tid", tid, "owner", "dave", "accid", "bob")
		s.shows(805, action, "tid", plain)
		s.shows(802, action, "tid", tid, "owner", "bob", "accid", "carol", "kickAccids", `["carol"]`, "managerAccids", `["carol"]`, "muteAccids", `["carol"]`)
	}
	s.shows(802, "superteam/leave", "tid", tid, "accid", "alice")
	for _, action := range []string{"superteam/leave", "superteam/updateTlist", "superteam/queryHistoryMsg"} {
		s.shows(803, action, "tid", gone)
		s.shows(804, action, "tid", tid, "accid", "dave")
		s.shows(805, action, "tid", plain)
	}
	for _, action := range []string{"superteam/getTlists", "superteam/getMuteTlists", "superteam/sendMsg"} {
		s.shows(803, action, "tid", gone)
		s.shows(805, action, "tid", plain)
	}
	s.shows(804, "superteam/sendMsg", "tid", tid, "fromAccid", "dave")
	s.shows(200, "superteam/mute", "tid", tid, "muteType", "1")
	for code, change := range map[int][]string{803: {"to", gone}, 805: {"to", plain}, 804: {"to", tid, "from", "dave"}, 812: {"to", tid, "from", "bob"}} {
		s.shows(code, "superteam/sendAttachMsg", change...)
	}
	s.shows(812, "superteam/sendMsg", "tid", tid, "fromAccid", "bob")
	m := decode[sent](s.t, s.call("superteam/sendMsg", "tid", tid, "fromAccid", "alice", "type", "0", "body", `{"msg":"x"}`))
	recall := []string{"to", tid, "deleteMsgid", strconv.FormatInt(m.Data.MsgID, 10), "timetag", strconv.FormatInt(m.Data.TimeTag, 10)}
	s.shows(404, "superteam/recallMsg", append(slices.Clone(recall), "timetag", "1")...)
	s.shows(403, "superteam/recallMsg", append(slices.Clone(recall), "from", "bob")...)
	s.shows(804, "superteam/recallMsg", append(slices.Clone(recall), "from", "dave")...)
	s.shows(803, "superteam/recallMsg", append(slices.Clone(recall), "to", gone)...)
	s.shows(805, "superteam/recallMsg", append(slices.Clone(recall), "to", plain)...)
	s.shows(801, "superteam/create", "tlevel", "2", "inviteAccids", `["bob","carol"]`)

	// What is too much for a superteam, or not for it.
	s.shows(805, "team/queryDetail", "tid", tid)
	s.shows(805, "team/query", "tids", "["+tid+"]", "ope", "1")
	s.shows(805, "team/listTeamMute", "tid", tid)
	s.shows(805, "team/listOnlineUsers", "tid", tid)
	s.shows(803, "team/listOnlineUsers", "tid", gone)
	s.shows(814, "msg/sendMsg", "ope", "1", "to", tid, "from", "alice", "markRead", "1")
	asked := decode[sent](s.t, s.call("msg/sendMsg", "ope", "1", "to", plain, "from", "alice", "type", "0", "body", `{"msg":"x"}`))
	s.shows(404, "team/getMarkReadInfo", "tid", plain, "msgid", strconv.FormatInt(asked.Data.MsgID, 10))
	s.shows(803, "team/getMarkReadInfo", "tid", gone)
	s.shows(814, "team/getMarkReadInfo", "tid", tid, "msgid", strconv.FormatInt(m.Data.MsgID, 10))
	s.shows(803, "msg/markReadTeamMsg", "tid", gone)
	s.shows(804, "msg/markReadTeamMsg", "tid", plain, "accid", "dave", "msgids", "["+strconv.FormatInt(asked.Data.MsgID, 10)+"]")

	managers := make([]string, 51)
	for i := range managers {
		managers[i] = "chief" + strconv.Itoa(i)
	}
	s.accounts(managers...)
	full := s.mega("alice", `["`+strings.Join(managers, `","`)+`"]`)
	for i := 0; i < 50; i += 10 {
		s.shows(200, "superteam/addManager", "tid", full, "managerAccids", `["`+strings.Join(managers[i:i+10], `","`)+`"]`)
	}
	s.shows(815, "superteam/addManager", "tid", full, "managerAccids", `["chief50"]`)
}

// showMegaLimits is for a tenant whose accounts are in one superteam of two members
// at most, and recall within a second.
func showMegaLimits(s *shower) {
	tid := s.mega("carol", `[]`)
	s.shows(806, "superteam/create", "owner", "carol", "tlevel", "2")
	s.shows(801, "superteam/invite", "tid", tid, "owner", "carol", "inviteAccids", `["alice","bob"]`)
	m := decode[sent](s.t, s.call("superteam/sendMsg", "tid", tid, "fromAccid", "carol", "type", "0", "body", `{"msg":"x"}`))
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	for time.Now().UnixMilli() <= m.Data.TimeTag+1000 {
		<-tick.C
	}
	s.shows(508, "superteam/recallMsg", "to", tid, "from", "carol",
		"deleteMsgid", strconv.FormatInt(m.Data.MsgID, 10), "timetag", strconv.FormatInt(m.Data.TimeTag, 10))
}
