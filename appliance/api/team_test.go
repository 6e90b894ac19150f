package api_test

import (
	"fmt"
	"regexp"
	"strings"
	"testing"

	"github.com/yizhan-im/yizhan/appliance"
)

// team makes a team with members, who are not asked, and returns its number.
func (b *backend) team(owner string, members string, more ...string) string {
	b.t.Helper()
	got := b.call("team/create", append([]string{
		"tname", "team", "owner", owner, "members", members, "msg", "come", "magree", "0", "joinmode", "0",
	}, more...)...)
	found := regexp.MustCompile(`^{"code":200,"tid":"(\d+)"}$`).FindStringSubmatch(got)
	if found == nil {
		b.t.Fatalf("team/create: %s", got)
	}
	return found[1]
}

const timesPattern = `"(createtime|updatetime)":\d+`

// wantTimeless is want with all times replaced by 0.
func (b *backend) wantTimeless(answer, action string, params ...string) {
	b.t.Helper()
	got := regexp.MustCompile(timesPattern).ReplaceAllString(b.call(action, params...), `"$1":0`)
	if got != answer {
		b.t.Errorf("%s %v answers\n%s, want\n%s", action, params, got, answer)
	}
}

func TestTeamsOfBackends(t *testing.T) {
	b := newBackend(t, openNode(t, t.TempDir(), nil), appliance.TenantRequest{})
	b.accounts("alice", "bob", "carol", "dave")
	got := b.call("team/create", "tname", "Team <1>", "owner", "Alice", "members", `["BOB","alice","nobody"]`, "msg", "come", "magree", "0",
		"joinmode", "1", "announcement", "a", "intro", "i", "custom", "{}", "icon", "http://x", "invitemode", "1", "teamMemberLimit", "5", "attach", "x")
	found := regexp.MustCompile(`^{"code":200,"tid":"(\d+)","faccid":{"accid":\["nobody"\],"msg":"[^"]+"}}$`).FindStringSubmatch(got)
	if found == nil {
		t.Fatalf("team/create: %s", got)
	}
	tid := found[1]
	head := `{"tid":` + tid + `,"tname":"Team <1>","owner":`
	rest := `,"icon":"http://x","announcement":"a","intro":"i","custom":"{}","clientCustom":"","size":2,"maxusers":5,"joinmode":1,` +
		`"beinvitemode":0,"invitemode":1,"uptinfomode":0,"upcustommode":0,"muteType":0,"mute":false,"createtime":0,"updatetime":0`
	b.wantTimeless(`{"code":200,"tinfos":[`+head+`"alice"`+rest+`}]}`, "team/query", "tids", `["`+tid+`"]`, "ope", "0")
	b.wantTimeless(`{"code":200,"tinfos":[`+head+`"alice"`+rest+`,"admins":[],"members":["bob"]}]}`, "team/query", "tids", `[`+tid+`]`, "ope", "1")
	b.wantError(803, "not all of the teams exist", "team/query", "tids", `[`+tid+`,999999]`, "ope", "0")
	b.wantTimeless(`{"code":200,"tinfos":[`+head+`"alice"`+rest+`}]}`, "team/query", "tids", `[`+tid+`,999999]`, "ope", "0", "ignoreInvalid", "true")

	b.want(`{"code":200}`, "team/add", "tid", tid, "owner", "alice", "members", `["carol"]`, "magree", "0", "msg", "come")
	b.want(`{"code":200}`, "team/addManager", "tid", tid, "owner", "alice", "members", `["bob"]`)
	b.want(`{"code":200}`, "team/updateTeamNick", "tid", tid, "owner", "alice", "accid", "carol", "nick", "Caro", "custom", "c")
	b.want(`{"code":200}`, "team/muteTlist", "tid", tid, "owner", "bob", "accid", "carol", "mute", "1")
	member := func(accid, nick, custom string, mute bool) string {
		return fmt.Sprintf(`{"accid":"%s","nick":"%s","mute":%v,"custom":"%s","createtime":0,"updatetime":0}`, accid, nick, mute, custom)
	}
	b.wantTimeless(`{"code":200,"tinfo":`+head+member("alice", "", "", false)+strings.Replace(rest, `"size":2`, `"size":3`, 1)+
		`,"admins":[`+member("bob", "", "", false)+`],"members":[`+member("carol", "Caro", "c", true)+`]}}`, "team/queryDetail", "tid", tid)
	b.want(`{"code":200,"mutes":[{"nick":"Caro","accid":"carol","tid":`+tid+`,"type":1}]}`, "team/listTeamMute", "tid", tid, "owner", "alice")
	b.wantCode(802, "team/listTeamMute", "tid", tid, "owner", "carol")

	b.want(`{"code":200,"count":1,"infos":[{"tid":`+tid+`,"tname":"Team <1>","owner":"alice","size":3,"maxusers":5,"custom":"{}"}]}`, "team/joinTeams", "accid", "bob")
	b.want(`{"code":200,"count":0,"infos":[]}`, "team/joinTeams", "accid", "dave")
	b.wantError(414, "accid not register", "team/joinTeams", "accid", "nobody")

	b.want(`{"code":200}`, "team/update", "tid", tid, "owner", "bob", "tname", "New", "custom", "", "joinmode", "0")
	b.wantCode(414, "team/update", "tid", tid, "owner", "bob")
	b.wantCode(802, "team/update", "tid", tid, "owner", "carol", "tname", "Mine")
	b.want(`{"code":200}`, "team/muteTeam", "tid", tid, "accid", "carol", "ope", "1")
	b.want(`{"code":200}`, "team/removeManager", "tid", tid, "owner", "alice", "members", `["bob"]`)
	b.want(`{"code":200}`, "team/changeOwner", "tid", tid, "owner", "alice", "newowner", "bob", "leave", "1")
	b.wantCode(804, "team/remove", "tid", tid, "owner", "alice")
	b.want(`{"code":200}`, "team/kick", "tid", tid, "owner", "bob", "member", "carol")
	b.wantCode(414, "team/kick", "tid", tid, "owner", "bob")
	b.wantCode(802, "team/leave", "tid", tid, "accid", "bob")
	b.want(`{"code":200}`, "team/remove", "tid", tid, "owner", "bob")
	b.wantCode(803, "team/queryDetail", "tid", tid)
}

func TestMessagesOfTeams(t *testing.T) {
	b := newBackend(t, openNode(t, t.TempDir(), nil), appliance.TenantRequest{})
	b.accounts("alice", "bob", "carol")
	tid := b.team("alice", `["bob"]`)
	params := []string{"from", "bob", "ope", "1", "to", tid, "type", "0", "body", `{"msg":"hi"}`}
	one := decode[sent](t, b.call("msg/sendMsg", params...))
	if one.Code != 200 || one.Data.MsgID == 0 || one.Data.TimeTag == 0 {
		t.Fatalf("sent: %+v", one)
	}
	b.wantCode(804, "msg/sendMsg", append(params, "from", "carol")...)
	b.wantCode(803, "msg/sendMsg", append(params, "to", "999999")...)
	b.wantCode(414, "msg/sendMsg", append(params, "to", "team")...)
	b.want(`{"code":200}`, "team/muteTlistAll", "tid", tid, "owner", "alice", "mute", "true")
	b.wantCode(812, "msg/sendMsg", params...)
	b.want(`{"code":200}`, "team/muteTlistAll", "tid", tid, "owner", "alice", "muteType", "0")
	b.wantCode(414, "team/muteTlistAll", "tid", tid, "owner", "alice")
	b.wantCode(414, "team/muteTlistAll", "tid", tid, "owner", "alice", "muteType", "2")

	recall := []string{"deleteMsgid", fmt.Sprint(one.Data.MsgID), "timetag", fmt.Sprint(one.Data.TimeTag), "type", "8", "to", tid}
	b.wantCode(804, "msg/recall", append(recall, "from", "carol")...)
	b.want(`{"code":200}`, "msg/recall", append(recall, "from", "alice")...)
	b.wantCode(404, "msg/recall", append(recall, "from", "alice", "timetag", "1")...)
}

// TestLimitsOfTeams: the documented limits, with their codes.
func TestLimitsOfTeams(t *testing.T) {
	node := openNode(t, t.TempDir(), nil)
	b := newBackend(t, node, appliance.TenantRequest{MaxTeamMembers: 3, MaxTeams: 2})
	b.accounts("alice", "bob", "carol", "dave")
	create := func(more ...string) []string {
		return append([]string{"tname", "t", "owner", "alice", "members", `[]`, "msg", "m", "magree", "1", "joinmode", "0"}, more...)
	}
	for _, c := range []struct {
		code int
		more []string
	}{
		{414, []string{"tname", strings.Repeat("x", 65)}}, {414, []string{"msg", strings.Repeat("x", 151)}},
		{414, []string{"announcement", strings.Repeat("x", 1025)}}, {414, []string{"intro", strings.Repeat("x", 513)}},
		{414, []string{"custom", strings.Repeat("x", 1025)}}, {414, []string{"joinmode", "3"}}, {414, []string{"magree", "2"}},
		{414, []string{"beinvitemode", "2"}}, {414, []string{"teamMemberLimit", "4"}}, {414, []string{"members", "bob"}},
		{414, []string{"members", names(201)}}, {414, []string{"owner", "nobody"}}, {801, []string{"members", `["bob","carol","dave"]`}},
	} {
		b.wantCode(c.code, "team/create", create(c.more...)...)
	}
	first := b.team("alice", `["bob"]`)
	b.team("alice", `[]`)
	b.wantCode(806, "team/create", create()...)
	b.wantCode(801, "team/add", "tid", first, "owner", "alice", "members", `["carol","dave"]`, "magree", "0", "msg", "m")
	b.wantCode(414, "team/addManager", "tid", first, "owner", "alice", "members", names(11))
	b.wantCode(804, "team/addManager", "tid", first, "owner", "alice", "members", `["carol"]`)

	// Repeating a create does not make a second team.
	c := newBackend(t, node, appliance.TenantRequest{})
	c.accounts("alice")
	twice := func() string {
		r := c.request("team/create", create()...)
		r.Header.Set("RequestId", "once")
		return c.do(r)
	}
	if one, two := twice(), twice(); !strings.Contains(one, `"code":200`) || !strings.Contains(two, `"code":431`) {
		t.Errorf("created %s, then %s", one, two)
	}
	// Another tenant does not reach the team.
	c.wantCode(803, "team/queryDetail", "tid", first)
	c.wantCode(803, "team/remove", "tid", first, "owner", "alice")
}
