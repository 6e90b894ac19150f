package api_test

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
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

// TestExportHasEverything that is stored of an account.
func TestExportHasEverything(t *testing.T) {
	b := newBackend(t, openNode(t, t.TempDir(), nil), appliance.TenantRequest{APIPerSecond: 10_000})
	b.accounts("alice", "bob")
	for _, call := range [][]string{
		{"friend/add", "accid", "alice", "faccid", "bob", "type", "1", "serverex", "what the server knows"},
		{"user/muteModule", "accid", "alice", "muteRoom", "true"},
		{"user/setDonnop", "accid", "alice", "donnopOpen", "true"},
		{"event/subscribe/add", "accid", "alice", "publisherAccids", `["bob"]`, "ttl", "600", "eventType", "1"},
		{"msg/sendMsg", "from", "bob", "ope", "0", "to", "alice", "type", "0", "body", `{"msg":"hi"}`},
		{"user/setSession", "accid", "alice", "type", "1", "to", "bob", "top", "true"},
		{"msg/sendAttachMsg", "from", "bob", "msgtype", "0", "to", "alice", "attach", `{"note":"a notice"}`},
		{"msg/upload", "content", "SGVsbG8=", "type", "text/plain"},
	} {
		if got := b.callWith(call[0], pairs(call[1:])); !strings.HasPrefix(got, `{"code":200`) {
			t.Errorf("%v answers %s", call, got)
		}
	}
	kinds, text := b.exported("alice")
	for kind, n := range map[string]int{
		"account": 1, "profile": 1, "mute": 1, "friendMode": 1, "relation": 1, "subscription": 1, "notification": 1, "doNotDisturb": 1, "setting": 1,
		"conversation": 1, "message": 1,
	} {
		if kinds[kind] != n {
			t.Errorf("%d items of kind %s, want %d", kinds[kind], kind, n)
		}
	}
	for _, part := range []string{"what the server knows", "a notice", `"room":true`} {
		if !strings.Contains(text, part) {
			t.Errorf("the export lacks %s:\n%s", part, text)
		}
	}
}

func pairs(list []string) map[string]string {
	params := map[string]string{}
	for i := 0; i < len(list); i += 2 {
		params[list[i]] = list[i+1]
	}
	return params
}

// TestStreamedExport is what the pages are, and goes on where it was left.
func TestStreamedExport(t *testing.T) {
	node := openNode(t, t.TempDir(), nil)
	b := newBackend(t, node, appliance.TenantRequest{APIPerSecond: 10_000})
	b.accounts("alice", "bob")
	for i := range 450 {
		b.call("msg/sendMsg", "from", "alice", "ope", "0", "to", "bob", "type", "0", "body", fmt.Sprintf(`{"msg":"number %d"}`, i))
	}
	server := httptest.NewServer(node.API())
	defer server.Close()
	type line struct {
		Kind string
		Data json.RawMessage
	}
	stream := func(cursor string) (lines []line) {
		t.Helper()
		signed := b.request("user/export", "accid", "alice", "form", "stream", "cursor", cursor)
		r, err := http.NewRequestWithContext(t.Context(), signed.Method, server.URL+signed.URL.Path, signed.Body)
		if err != nil {
			t.Fatal(err)
		}
		r.Header = signed.Header
		response, err := server.Client().Do(r)
		if err != nil {
			t.Fatal(err)
		}
		defer response.Body.Close()
		if kind := response.Header.Get("Content-Type"); kind != "application/x-ndjson" {
			t.Errorf("Content-Type %q", kind)
		}
		for d := json.NewDecoder(response.Body); ; {
			var l line
			if err := d.Decode(&l); err == io.EOF {
				return lines
			} else if err != nil {
				t.Fatal(err)
			}
			lines = append(lines, l)
		}
	}
	all := stream("")
	var text, cursor string
	items, cursors, behind := 0, 0, 0
	for _, l := range all {
		switch l.Kind {
		case "cursor":
			cursors++
			if cursors == 2 {
				var at struct{ Cursor string }
				if err := json.Unmarshal(l.Data, &at); err != nil {
					t.Fatal(err)
				}
				cursor, behind = at.Cursor, items
			}
		case "end":
			if want := fmt.Sprintf(`{"items":%d}`, items); string(l.Data) != want {
				t.Errorf("the end says %s, want %s", l.Data, want)
			}
		default:
			items++
			text += l.Kind + " " + string(l.Data) + "\n"
		}
	}
	if last := all[len(all)-1].Kind; last != "end" || cursors < 2 {
		t.Fatalf("%d cursors, and at last %q", cursors, last)
	}
	if _, paged := b.exported("alice"); fieldless(paged) != fieldless(text) {
		t.Errorf("pages have %d bytes, the stream has %d", len(paged), len(text))
	}
	rest := 0
	for _, l := range stream(cursor) {
		if l.Kind != "cursor" && l.Kind != "end" {
			rest++
		}
	}
	if rest != items-behind {
		t.Errorf("from the second cursor on there are %d items, want %d", rest, items-behind)
	}
	b.wantError(414, "form is neither page nor stream", "user/export", "accid", "alice", "form", "x")
	b.wantError(414, "accid not register", "user/export", "accid", "nobody", "form", "stream")
	b.wantError(414, "cursor is not from an answer", "user/export", "accid", "alice", "form", "stream", "cursor", "x")
}

// fieldless drops the spaces that protojson puts where it likes.
func fieldless(s string) string { return strings.ReplaceAll(s, " ", "") }
