package api_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/yizhan-im/yizhan/appliance"
)

// message sends a text and returns the parameters that name it in actions of ope
// 0 or 1.
func (b *backend) message(ope, from, to string) []string {
	b.t.Helper()
	m := decode[sent](b.t, b.call("msg/sendMsg", "from", from, "ope", ope, "to", to, "type", "0", "body", `{"msg":"x"}`))
	id := fmt.Sprint(m.Data.MsgID)
	return []string{"msgid", id, "deleteMsgid", id, "timetag", fmt.Sprint(m.Data.TimeTag), "ope", ope, "from", from, "to", to}
}

// showOperations shows the codes of operations on messages. dave is in no team, and
// carol has blacklisted him.
func showOperations(s *shower) {
	type call struct {
		action string
		params []string
	}
	own := []call{
		{"msg/modifyMsg", []string{"type", "0", "body", `{"msg":"y"}`}}, {"msg/reactMsg", []string{"accid", "alice", "emoji", "👍"}},
		{"msg/pinMsg", []string{"accid", "alice"}}, {"msg/delMsgSelf", []string{"accid", "alice"}},
	}
	show := func(code int, c call, m []string, more ...string) {
		s.t.Helper()
		params := append(append([]string{}, m...), c.params...)
		switch c.action {
		case "msg/delMsgOneWay", "msg/delMsg":
			params = drop(params, "msgid", "ope")
		default:
			params = drop(params, "deleteMsgid")
		}
		s.shows(code, c.action, append(params, more...)...)
	}
	toBob := s.message("0", "alice", "bob")
	wrong := append(append([]string{}, toBob...), "timetag", "1")
	for _, c := range append([]call{{"msg/delMsgOneWay", []string{"type", "13"}}, {"msg/delMsg", []string{"type", "7"}}}, own...) {
		show(404, c, wrong)
	}
	s.shows(404, "msg/markReadMsg", "msgidClient", "nobody's")
	for _, c := range own[1:] {
		show(403, c, toBob, "accid", "dave")
	}
	picture := decode[sent](s.t, s.call("msg/sendMsg", "from", "alice", "ope", "0", "to", "bob", "type", "1", "body", `{"url":"u"}`))
	show(403, own[0], toBob, "msgid", fmt.Sprint(picture.Data.MsgID), "timetag", fmt.Sprint(picture.Data.TimeTag), "body", `{"url":"v"}`, "type", "1")

	// Emojis and pins have limits.
	for i := range 20 {
		show(200, own[1], toBob, "emoji", fmt.Sprint(i))
	}
	show(419, own[1], toBob, "emoji", "one more")
	for range 50 {
		show(200, own[2], s.message("0", "alice", "bob"))
	}
	show(419, own[2], toBob)

	fromDave := s.message("0", "dave", "bob")
	s.shows(200, "user/setSpecialRelation", "accid", "bob", "targetAcc", "dave")
	show(7101, own[0], fromDave)
	show(7101, own[1], fromDave, "accid", "dave")
	show(7101, own[2], fromDave, "accid", "dave")

	tid := s.team("alice", `["bob"]`)
	toTeam := s.message("1", "bob", tid)
	byBob := s.message("1", "bob", tid)
	show(804, own[1], toTeam, "accid", "dave")
	show(804, own[2], toTeam, "accid", "dave")
	show(802, own[2], toTeam, "accid", "bob")
	s.shows(200, "team/muteTlistAll", "tid", tid)
	show(812, own[0], byBob)
	show(812, own[1], byBob, "accid", "bob")
	s.shows(200, "team/kick", "tid", tid, "member", "bob")
	show(804, own[0], byBob)
	s.shows(200, "team/remove", "tid", tid)
	for _, c := range append([]call{{"msg/delMsgOneWay", []string{"type", "14"}}, {"msg/delMsg", []string{"type", "8"}}}, own...) {
		show(803, c, byBob)
	}
}

// drop leaves out parameters by their names.
func drop(params []string, names ...string) []string {
	var rest []string
	for i := 0; i < len(params); i += 2 {
		if !strings.Contains(" "+strings.Join(names, " ")+" ", " "+params[i]+" ") {
			rest = append(rest, params[i], params[i+1])
		}
	}
	return rest
}

// TestOptionsAndOperationsShowInHistory: what the backend asks for is done.
func TestOptionsAndOperationsShowInHistory(t *testing.T) {
	b := newBackend(t, openNode(t, t.TempDir(), nil), appliance.TenantRequest{})
	b.accounts("alice", "bob")
	history := func() string {
		return b.call("history/querySessionMsg", "from", "alice", "to", "bob", "begintime", "0", "endtime", "9000000000000", "limit", "10", "reverse", "1")
	}
	send := func(body string, more ...string) string {
		return b.call("msg/sendMsg", append([]string{"from", "alice", "ope", "0", "to", "bob", "type", "0", "body", `{"msg":"` + body + `"}`}, more...)...)
	}
	send("for now", "option", `{"persistent":false}`, "pushContent", "text of the push", "PAYLOAD", `{"a":1}`, "subType", "7")
	send("not in history", "OPTION", `{"History":"false","badge":0}`)
	if got := history(); strings.Contains(got, "for now") || strings.Contains(got, "not in history") || !strings.Contains(got, `"size":1`) {
		t.Errorf("history is %s", got)
	}
	for _, option := range []string{`[]`, `{"push":"maybe"}`, `"x"`} {
		if got := send("x", "option", option); !strings.HasPrefix(got, `{"code":414`) {
			t.Errorf("option %s answers %s", option, got)
		}
	}
	m := drop(b.message("0", "alice", "bob"), "deleteMsgid")
	for _, c := range [][]string{
		{"msg/modifyMsg", "type", "0", "body", `{"msg":"edited"}`}, {"msg/reactMsg", "accid", "bob", "emoji", "👍"}, {"msg/pinMsg", "accid", "bob"},
	} {
		if got := b.call(c[0], append(append([]string{}, m...), c[1:]...)...); got != `{"code":200}` {
			t.Errorf("%s answers %s", c[0], got)
		}
	}
	if got := history(); !strings.Contains(got, `{"msg":"edited"}`) {
		t.Errorf("history is %s", got)
	}
	gone := drop(b.message("0", "alice", "bob"), "msgid", "ope")
	if got := b.call("msg/delMsgOneWay", append(gone, "type", "13")...); got != `{"code":200}` {
		t.Errorf("msg/delMsgOneWay answers %s", got)
	}
	if got := history(); strings.Contains(got, `{"msg":"x"}`) {
		t.Errorf("history shows what was taken back: %s", got)
	}
}
