package api_test

import (
	"strings"
	"testing"
	"time"

	"github.com/yizhan-im/yizhan/appliance"
)

func TestTeamHistory(t *testing.T) {
	b := newBackend(t, openNode(t, t.TempDir(), nil), appliance.TenantRequest{})
	b.accounts("alice", "bob", "carol", "dave")
	tid := b.team("alice", `["bob"]`)
	say := func(body string) {
		t.Helper()
		if got := b.call("msg/sendMsg", "from", "alice", "ope", "1", "to", tid, "type", "0", "body", `{"msg":"`+body+`"}`); !strings.HasPrefix(got, `{"code":200`) {
			t.Fatal(got)
		}
	}
	read := func(account string, more ...string) string {
		t.Helper()
		return b.call("history/queryTeamMsg", append([]string{"tid", tid, "accid", account, "begintime", "0", "endtime", "9000000000000", "limit", "10"}, more...)...)
	}
	say("one")
	b.call("team/add", "tid", tid, "owner", "alice", "members", `["carol"]`, "magree", "0", "msg", "come")
	say("two")
	for _, test := range []struct {
		got  string
		want []string
	}{
		{read("bob", "reverse", "1"), []string{"one", "two"}},
		{read("bob"), []string{"two", "one"}},
		{read("carol"), []string{"two"}},
		{read("carol", "checkTeamValid", "false"), []string{"two", "one"}},
		{read("bob", "type", "1"), nil},
	} {
		var found []string
		for _, part := range strings.Split(test.got, `"msg":"`)[1:] {
			found = append(found, part[:strings.IndexByte(part, '"')])
		}
		if strings.Join(found, " ") != strings.Join(test.want, " ") || !strings.HasPrefix(test.got, `{"code":200`) {
			t.Errorf("%s holds %v, want %v", test.got, found, test.want)
		}
	}
	b.wantError(804, "the account is not a member of the team", "history/queryTeamMsg", "tid", tid, "accid", "dave", "begintime", "0", "endtime", "9", "limit", "1")
	b.call("team/remove", "tid", tid, "owner", "alice")
	b.wantError(803, "there is no such team, or it was dismissed", "history/queryTeamMsg", "tid", tid, "accid", "alice", "begintime", "0", "endtime", "9", "limit", "1")
	if got := read("alice", "checkTeamValid", "false"); !strings.Contains(got, `"one"`) {
		t.Errorf("a team that was dismissed: %s", got)
	}
	b.wantError(414, "parameter begintime is after endtime", "history/queryTeamMsg", "tid", tid, "accid", "alice", "begintime", "9", "endtime", "8", "limit", "1")
}

// TestSearch waits for the index, which follows the messages within a second or two.
func TestSearch(t *testing.T) {
	b := newBackend(t, openNode(t, t.TempDir(), nil), appliance.TenantRequest{APIPerSecond: 1000})
	b.accounts("alice", "bob", "carol")
	b.call("msg/sendMsg", "from", "alice", "ope", "0", "to", "bob", "type", "0", "body", `{"msg":"今天 Hello"}`)
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	for timeout := time.After(time.Minute); ; {
		got := b.call("history/searchMsg", "accid", "bob", "keyword", "hello 今天", "from", "alice")
		if strings.Contains(got, `"size":1`) {
			if !strings.Contains(got, `"body":{"msg":"今天 Hello"}`) || !strings.Contains(got, `"to":"bob"`) {
				t.Errorf("found %s", got)
			}
			break
		}
		select {
		case <-tick.C:
		case <-timeout:
			t.Fatalf("not found: %s", got)
		}
	}
	b.want(`{"code":200,"size":0,"msgs":[]}`, "history/searchMsg", "accid", "carol", "keyword", "hello")
	b.wantError(414, "accid not register", "history/searchMsg", "accid", "nobody", "keyword", "hello")
	b.wantError(414, "one of text, from and types must be given", "history/searchMsg", "accid", "bob")
	b.wantError(414, "parameters to and tid exclude each other", "history/searchMsg", "accid", "bob", "keyword", "x", "to", "alice", "tid", "1")
}

func showHistory(s *shower) {
	tid := s.team("alice", `["bob"]`)
	for _, action := range []string{"history/queryTeamMsg", "history/searchMsg"} {
		s.shows(803, action, "tid", "999")
		s.shows(804, action, "tid", tid, "accid", "dave")
	}
	node, err := appliance.Open(s.t.Context(), appliance.Config{NodeID: "node1", DataDir: s.t.TempDir(), SearchOff: true})
	if err != nil {
		s.t.Fatal(err)
	}
	s.t.Cleanup(func() {
		if err := node.Close(); err != nil {
			s.t.Error(err)
		}
	})
	off := &shower{newBackend(s.t, node, appliance.TenantRequest{}), s.seen}
	off.accounts("alice")
	off.shows(403, "history/searchMsg")
}
