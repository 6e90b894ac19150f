package api_test

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"

	"github.com/yizhan-im/yizhan/appliance"
)

// exported are all items of an account's export, as "kind data".
func (b *backend) exported(accid string) (kinds map[string]int, text string) {
	b.t.Helper()
	kinds = map[string]int{}
	params := []string{"accid", accid}
	for range 1000 {
		got := b.call("user/export", params...)
		var page struct {
			Code, Size int
			Items      []struct {
				Kind string
				Data json.RawMessage
			}
			Cursor string
		}
		if err := json.Unmarshal([]byte(got), &page); err != nil || page.Code != 200 || page.Size != len(page.Items) {
			b.t.Fatalf("user/export %v answers %s", params, got)
		}
		for _, item := range page.Items {
			kinds[item.Kind]++
			text += item.Kind + " " + string(item.Data) + "\n"
		}
		if page.Cursor == "" {
			return kinds, text
		}
		params = []string{"accid", accid, "cursor", page.Cursor}
	}
	b.t.Fatal("the export does not end")
	return nil, ""
}

func TestExport(t *testing.T) {
	b := newBackend(t, openNode(t, t.TempDir(), nil), appliance.TenantRequest{APIPerSecond: 10_000})
	b.accounts("alice", "bob", "carol")
	b.call("user/updateUinfo", "accid", "alice", "name", "Alice A.")
	b.call("friend/add", "accid", "alice", "faccid", "bob", "type", "1")
	send := func(from, ope, to, text string) {
		t.Helper()
		b.call("msg/sendMsg", "from", from, "ope", ope, "to", to, "type", "0", "body", fmt.Sprintf(`{"msg":%q}`, text))
	}
	for i := range 250 {
		send("alice", "0", "bob", fmt.Sprint("to bob ", i))
	}
	send("carol", "0", "alice", "from carol")
	send("bob", "0", "carol", "not for alice")
	tid := b.team("bob", `["carol"]`)
	send("bob", "1", tid, "before alice")
	b.call("team/add", "tid", tid, "owner", "bob", "members", `["alice"]`, "magree", "0", "msg", "come")
	send("bob", "1", tid, "to the team")
	left := b.team("bob", `["alice"]`)
	send("bob", "1", left, "in a team that she left")
	b.call("team/leave", "tid", left, "accid", "alice")

	kinds, text := b.exported("alice")
	want := map[string]int{"account": 1, "profile": 1, "relation": 1, "team": 1, "conversation": 4, "message": 250 + 1 + 2}
	for kind, n := range want {
		if kinds[kind] != n {
			t.Errorf("%d items of kind %s, want %d", kinds[kind], kind, n)
		}
	}
	for _, part := range []string{`"Alice A."`, `"to bob 0"`, `"to bob 249"`, `"from carol"`, `"to the team"`, `"account":"bob"`} {
		if !strings.Contains(text, part) {
			t.Errorf("the export lacks %s", part)
		}
	}
	for _, part := range []string{"not for alice", "before alice", "that she left", "token"} {
		if strings.Contains(text, part) {
			t.Errorf("the export holds %q", part)
		}
	}
	b.wantError(414, "accid not register", "user/export", "accid", "nobody")
	for _, cursor := range []string{"x", "r:1", "r:x:0", "t:-1", "c:0:0:bob", "c:1:0:bob:x", "l:x", ":::::"} {
		b.wantError(414, "cursor is not from an answer", "user/export", "accid", "alice", "cursor", cursor)
	}
}
