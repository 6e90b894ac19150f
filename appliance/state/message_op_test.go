package state

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"

	"google.golang.org/protobuf/proto"
	"pgregory.net/rapid"

	"github.com/yizhan-im/yizhan/appliance/wire"
	"github.com/yizhan-im/yizhan/raftstore"
)

// said sends a message of a to b and returns its seq.
func (n *node) said(m *wire.Message) *SendResult {
	n.tb.Helper()
	if m.From == "" {
		m.From, m.To = "a", "b"
	}
	res := one[*SendResult](n, &Send{TimeMs: testTime, Tenant: 1, Message: m})
	if res.Code != wire.CodeOK {
		n.tb.Fatalf("sending %v: %v", m, res.Code)
	}
	return res
}

// change is an operation on an entry of a and b.
func change(op MessageOp, from string, seq uint64, f ...func(*MessageChange)) *MessageChange {
	c := &MessageChange{Op: op, TimeMs: testTime, Tenant: 1, From: from, Peer: "b", Seq: seq}
	if from == "b" {
		c.Peer = "a"
	}
	switch op {
	case MessageEdit:
		c.ClientID, c.Body = fmt.Sprint("edit ", seq), "edited"
	case MessageReact:
		c.Emoji = "x"
	}
	for _, f := range f {
		f(c)
	}
	return c
}

func (n *node) entryAt(account, peer string, seq uint64) *wire.Message {
	n.tb.Helper()
	res, err := n.q.History(1, account, &wire.HistoryRequest{Peer: peer, FromSeq: seq, ToSeq: seq})
	if err != nil || len(res.Messages) != 1 {
		n.tb.Fatalf("entry %d of %s: %v %v", seq, account, res, err)
	}
	return res.Messages[0]
}

// TestWhoMayChangeAMessage is the matrix of operations between two accounts.
func TestWhoMayChangeAMessage(t *testing.T) {
	n := newNode(t)
	n.setup("app", "a", "b", "c", "d")
	n.setup("app2", "a", "b")
	first := n.said(&wire.Message{ClientId: "1", Body: "hello"}).Seq
	picture := n.said(&wire.Message{ClientId: "2", Type: 1, Body: `{"url":"u"}`}).Seq
	custom := n.said(&wire.Message{ClientId: "3", Type: TypeCustom, Body: `{}`}).Seq
	forwarded := n.said(&wire.Message{ClientId: "4", Origin: &wire.Origin{Peer: "b", Seq: first}}).Seq
	recalled := n.said(&wire.Message{ClientId: "5", Body: "gone"}).Seq
	recall := one[*SendResult](n, &Recall{TimeMs: testTime, Tenant: 1, From: "a", Peer: "b", Seq: recalled}).Seq
	n.said(&wire.Message{From: "c", To: "d", ClientId: "1", Body: "others"})

	other := func(c *MessageChange) { c.Tenant = 2 }
	late := func(c *MessageChange) { c.TimeMs, c.WindowMs = testTime+5001, 5000 }
	for _, c := range []struct {
		name string
		c    *MessageChange
		want wire.Code
	}{
		{"edit another's", change(MessageEdit, "b", first), wire.CodeForbidden},
		{"edit a picture", change(MessageEdit, "a", picture), wire.CodeForbidden},
		{"edit a forward", change(MessageEdit, "a", forwarded), wire.CodeForbidden},
		{"edit a recalled one", change(MessageEdit, "a", recalled), wire.CodeNotFound},
		{"edit a recall", change(MessageEdit, "a", recall), wire.CodeForbidden},
		{"edit to nothing", change(MessageEdit, "a", first, func(c *MessageChange) { c.Body = "" }), wire.CodeBadParameter},
		{"edit to what is no JSON", change(MessageEdit, "a", custom), wire.CodeBadParameter},
		{"edit nothing", change(MessageEdit, "a", 99), wire.CodeNotFound},
		{"edit without an id", change(MessageEdit, "a", first, func(c *MessageChange) { c.ClientID = "" }), wire.CodeBadParameter},
		{"edit in another tenant", change(MessageEdit, "a", first, other), wire.CodeNotFound},
		{"react in another tenant", change(MessageReact, "a", first, other), wire.CodeNotFound},
		{"react without an emoji", change(MessageReact, "a", first, func(c *MessageChange) { c.Emoji = "" }), wire.CodeBadParameter},
		{"react to a recall", change(MessageReact, "b", recall), wire.CodeForbidden},
		{"pin a recalled one", change(MessagePin, "b", recalled), wire.CodeNotFound},
		{"withdraw another's", change(MessageWithdraw, "b", first), wire.CodeForbidden},
		{"erase another's", change(MessageErase, "b", first), wire.CodeForbidden},
		{"edit one's own", change(MessageEdit, "a", first), wire.CodeOK},
		{"edit a custom one", change(MessageEdit, "a", custom, func(c *MessageChange) { c.Body = `[1]` }), wire.CodeOK},
		{"react", change(MessageReact, "b", first), wire.CodeOK},
		{"pin another's", change(MessagePin, "b", first), wire.CodeOK},
		{"edit too late", change(MessageEdit, "a", forwarded-1, late, func(c *MessageChange) { c.ClientID, c.Body = "late", "{}" }), wire.CodeRecallExpired},
	} {
		if got := one[*SendResult](n, c.c); got.Code != c.want {
			t.Errorf("%s: %v, want %v", c.name, got.Code, c.want)
		}
	}
	one[*RelationResult](n, &RelationChange{Op: RelationBlacklist, TimeMs: testTime, Tenant: 1, Account: "b", Peer: "a", On: true, Limit: 9})
	for _, op := range []MessageOp{MessageEdit, MessageReact, MessagePin} {
		c := change(op, "a", custom, func(c *MessageChange) {
			if op == MessageEdit {
				c.ClientID, c.Body = "blacklisted", "{}"
			}
		})
		if got := one[*SendResult](n, c); got.Code != wire.CodeBlacklisted {
			t.Errorf("operation %d of who is blacklisted: %v", op, got.Code)
		}
	}
}

// TestContentIsInTwoPlacesAtMost: the message and its newest edit; after a recall in
// none.
func TestContentIsInTwoPlacesAtMost(t *testing.T) {
	n := newNode(t)
	n.setup("app", "a", "b")
	first := n.said(&wire.Message{ClientId: "1", Body: "one"}).Seq
	var edits []uint64
	for i := range 3 {
		res := one[*SendResult](n, change(MessageEdit, "a", first, func(c *MessageChange) { c.ClientID, c.Body = fmt.Sprint("e", i), fmt.Sprint("edit ", i) }))
		edits = append(edits, res.Seq)
	}
	check := func(want string) {
		t.Helper()
		if m := n.entryAt("b", "a", first); m.Body != want {
			t.Errorf("the message says %q, want %q", m.Body, want)
		}
		for i, seq := range edits {
			content := ""
			if i == len(edits)-1 {
				content = want
			}
			if m := n.entryAt("b", "a", seq); m.Body != content {
				t.Errorf("edit %d says %q, want %q", i, m.Body, content)
			}
		}
	}
	check("edit 2")
	if c := n.entryAt("b", "a", first).Changes; c.Edits != 3 || c.EditSeq != edits[2] {
		t.Errorf("changes %v", c)
	}
	again := one[*SendResult](n, change(MessageEdit, "a", first, func(c *MessageChange) { c.ClientID, c.Body = "e1", "late repetition" }))
	if !again.Duplicate || again.Seq != edits[1] {
		t.Errorf("repeated: %+v", again)
	}
	check("edit 2")
	one[*SendResult](n, &Recall{TimeMs: testTime, Tenant: 1, From: "a", Peer: "b", Seq: first})
	check("")
}

// TestErasedAndWithdrawn: the first is gone for all, the second for all but its
// sender; what was stored beside it is gone with the first.
func TestErasedAndWithdrawn(t *testing.T) {
	n := newNode(t)
	n.setup("app", "a", "b")
	x, y := n.said(&wire.Message{ClientId: "1", Body: "x"}).Seq, n.said(&wire.Message{ClientId: "2", Body: "y"}).Seq
	n.apply(change(MessageReact, "b", x), change(MessagePin, "b", x), change(MessageEdit, "a", y))
	erase := one[*SendResult](n, change(MessageErase, "a", x))
	withdraw := one[*SendResult](n, change(MessageWithdraw, "a", y))
	if m := n.entryAt("a", "b", x); !m.Recalled || m.Body != "" || m.Changes != nil {
		t.Errorf("erased: %v", m)
	}
	if m := n.entryAt("b", "a", erase.Seq); !m.Op.GetSilent() || m.Type != TypeRecall {
		t.Errorf("the entry that erases: %v", m)
	}
	for _, row := range n.dump() {
		if strings.HasPrefix(row, "24") || strings.HasPrefix(row, "25") { // tableReaction, tablePin
			t.Errorf("row %s is left", row)
		}
	}
	if m := n.entryAt("a", "b", y); m.Hidden || m.Body != "edited" || m.Changes.Withdrawn {
		t.Errorf("the sender of what was withdrawn reads %v", m)
	}
	if m := n.entryAt("b", "a", y); !m.Hidden || m.Body != "" || m.Changes != nil {
		t.Errorf("the receiver of what was withdrawn reads %v", m)
	}
	for seq := y + 1; seq <= withdraw.Seq; seq++ {
		if m := n.entryAt("b", "a", seq); m.Body != "" {
			t.Errorf("entry %d says %q", seq, m.Body)
		}
	}
	for _, c := range []*MessageChange{change(MessageErase, "a", x), change(MessageWithdraw, "a", y)} {
		if again := one[*SendResult](n, c); again.Code != wire.CodeOK || !again.Duplicate || again.Seq != 0 {
			t.Errorf("again: %+v", again)
		}
	}
	if res := one[*SendResult](n, change(MessageEdit, "a", y)); res.Code != wire.CodeNotFound {
		t.Errorf("editing what was withdrawn: %v", res.Code)
	}
	if res := one[*SendResult](n, change(MessageReact, "b", y)); res.Code != wire.CodeNotFound {
		t.Errorf("reacting to what was withdrawn: %v", res.Code)
	}
	if res := one[*SendResult](n, &Send{TimeMs: testTime, Tenant: 1, Message: &wire.Message{From: "b", To: "b", ClientId: "f", Origin: &wire.Origin{Peer: "a", Seq: y}}}); res.Code != wire.CodeNotFound {
		t.Errorf("forwarding what was withdrawn: %v", res.Code)
	}
}

// TestEditsAreForWhomTheMessageWas: a device that came between a message that is
// not for later ones and its edit gets neither, in two accounts' log and a team's.
func TestEditsAreForWhomTheMessageWas(t *testing.T) {
	for _, options := range []*wire.MessageOptions{{NoRoam: true}, {NoHistory: true}, {NoBadge: true}} {
		n := newNode(t)
		n.setup("app", "a", "b")
		team := n.newTeam(1, "a", "b")
		login := func(device string) {
			n.must(&RecordLogin{Track: true, TimeMs: testTime, Tenant: 1, Account: "b", DeviceID: device})
		}
		login("before")
		seq := n.said(&wire.Message{ClientId: "1", Body: "hello", Options: options}).Seq
		inTeam := teamText(1, team, "a", "2")
		inTeam.Message.Options = options
		teamSeq := one[*SendResult](n, inTeam).Seq
		login("between")
		edit := one[*SendResult](n, change(MessageEdit, "a", seq))
		teamEdit := one[*SendResult](n, change(MessageEdit, "a", teamSeq, func(c *MessageChange) { c.ClientID, c.Peer, c.Team = "t", "", team }))
		login("after")
		for device, hidden := range map[string]bool{"before": false, "between": !options.NoBadge, "after": !options.NoBadge} {
			since, err := n.q.DeviceSince(1, "b", device)
			if err != nil {
				t.Fatal(err)
			}
			for _, res := range []*SendResult{edit, teamEdit} {
				if res.Code != wire.CodeOK {
					t.Fatalf("edit: %+v", res)
				}
				req := &wire.HistoryRequest{Peer: "a", FromSeq: res.Seq, ToSeq: res.Seq}
				if res.Team != 0 {
					req.Scene, req.Peer = wire.Scene_SCENE_TEAM, res.To
				}
				history, err := n.q.history(1, "b", device, req)
				if err != nil || len(history.Messages) != 1 {
					t.Fatalf("history: %v %v", history, err)
				}
				m := history.Messages[0]
				if m.Type != TypeEdit || m.Hidden != hidden || (m.Body == "") != hidden {
					t.Errorf("%v: device %s reads the edit %v", options, device, m)
				}
				if (since >= res.RefID) != hidden && !options.NoBadge {
					t.Errorf("device %s came at %d, what was edited has the id %d", device, since, res.RefID)
				}
			}
		}
		counter, _ := n.q.Counter()
		if since, err := n.q.DeviceSince(1, "b", "never"); err != nil || since != counter {
			t.Errorf("a device that comes now came at %d %v, want %d", since, err, counter)
		}
	}
}

// TestReactionsToWhatOneMayNotSee: who gave them is as little for everybody as what
// they are for.
func TestReactionsToWhatOneMayNotSee(t *testing.T) {
	n := newNode(t)
	n.setup("app", "a", "b")
	seen := func(account, peer string, seq uint64, want int) {
		t.Helper()
		res, err := n.q.Reactions(1, account, &wire.ReactionsRequest{Peer: peer, Seq: seq, Emoji: change(MessageReact, "b", seq).Emoji})
		if err != nil || len(res.Accounts) != want {
			t.Errorf("%s sees %v, want %d: %v", account, res, want, err)
		}
	}
	withdrawn, deleted := n.said(&wire.Message{ClientId: "1", Body: "x"}).Seq, n.said(&wire.Message{ClientId: "2", Body: "y"}).Seq
	n.apply(change(MessageReact, "b", withdrawn), change(MessageReact, "b", deleted))
	seen("b", "a", withdrawn, 1)
	one[*SendResult](n, change(MessageWithdraw, "a", withdrawn))
	seen("a", "b", withdrawn, 1)
	seen("b", "a", withdrawn, 0)
	seen("b", "a", deleted, 1)
	one[*DeletionResult](n, &DeleteMessages{TimeMs: testTime, Tenant: 1, Account: "b", Peer: "a", Seqs: []uint64{deleted}})
	seen("a", "b", deleted, 1)
	seen("b", "a", deleted, 0)
	seen("b", "a", deleted+99, 0)
}

// TestReactionsMatchAModel: whoever gives and takes back what, the summary in the
// message is that of a map of sets, and the rows beside it have all names.
func TestReactionsMatchAModel(t *testing.T) {
	n := newNode(t)
	rapid.Check(t, func(t *rapid.T) {
		n.wipe()
		n.setup("app", "a")
		accounts := names(30)
		var create []command
		for _, name := range accounts {
			create = append(create, &CreateAccount{TimeMs: testTime, Tenant: 1, Account: name, TokenHash: HashToken("", "", "")})
		}
		n.apply(create...)
		team := n.newTeam(1, "a", accounts...)
		sent := one[*SendResult](n, &Send{TimeMs: testTime, Tenant: 1, Message: &wire.Message{Scene: wire.Scene_SCENE_TEAM, From: "a", To: TeamID(team), ClientId: "m", Body: "x"}})
		model := map[string]map[string]bool{}
		for range rapid.IntRange(1, 60).Draw(t, "steps") {
			emoji, account := fmt.Sprint(rapid.IntRange(0, 2).Draw(t, "emoji")), rapid.SampledFrom(accounts).Draw(t, "account")
			undo := rapid.IntRange(0, 3).Draw(t, "undo") == 0
			res := one[*SendResult](n, &MessageChange{Op: MessageReact, TimeMs: testTime, Tenant: 1, From: account, Team: team, Seq: sent.Seq, Emoji: emoji, Undo: undo})
			if changed := model[emoji][account] == undo; res.Code != wire.CodeOK || res.Duplicate == changed {
				t.Fatalf("%s %s undo %v: %+v", account, emoji, undo, res)
			}
			if model[emoji] == nil {
				model[emoji] = map[string]bool{}
			}
			if model[emoji][account] = true; undo {
				delete(model[emoji], account)
			}
		}
		reader := rapid.SampledFrom(accounts).Draw(t, "reader")
		history, err := n.q.History(1, reader, &wire.HistoryRequest{Scene: wire.Scene_SCENE_TEAM, Peer: TeamID(team), FromSeq: sent.Seq, ToSeq: sent.Seq})
		if err != nil || len(history.Messages) != 1 {
			t.Fatalf("history: %v %v", history, err)
		}
		shown := map[string]*wire.Reaction{}
		for _, r := range history.Messages[0].Changes.GetReactions() {
			shown[r.Emoji] = r
		}
		for emoji, who := range model {
			r := shown[emoji]
			if delete(shown, emoji); len(who) == 0 && r == nil {
				continue
			}
			if int(r.GetCount()) != len(who) || len(r.GetAccounts()) != min(len(who), MaxReactionNames) || r.GetMine() != who[reader] {
				t.Fatalf("%s is %v, want %v", emoji, r, who)
			}
			for _, account := range r.Accounts {
				if !who[account] {
					t.Fatalf("%s has %s, want %v", emoji, account, who)
				}
			}
			all, err := n.q.Reactions(1, reader, &wire.ReactionsRequest{Scene: wire.Scene_SCENE_TEAM, Peer: TeamID(team), Seq: sent.Seq, Emoji: emoji})
			if want := slices.Sorted(maps.Keys(who)); err != nil || !slices.Equal(all.Accounts, want) {
				t.Fatalf("%s: %v %v, want %v", emoji, all, err, want)
			}
		}
		if len(shown) != 0 {
			t.Fatalf("there are also %v", shown)
		}
	})
}

// TestDeletionsAreTheAccountsOwn: marks, their order for devices that were away, and
// their limit.
func TestDeletionsAreTheAccountsOwn(t *testing.T) {
	n := newNode(t)
	n.setup("app", "a", "b", "c")
	n.setup("app2", "a", "b")
	for i := range 5 {
		n.said(&wire.Message{ClientId: fmt.Sprint(i), Body: "x"})
	}
	remove := func(account, peer string, seqs ...uint64) *DeletionResult {
		return one[*DeletionResult](n, &DeleteMessages{TimeMs: testTime, Tenant: 1, Account: account, Peer: peer, Seqs: seqs})
	}
	first := remove("a", "b", 3, 1, 3)
	if first.Code != wire.CodeOK || !slices.Equal(first.Deletion.Seqs, []uint64{1, 3}) {
		t.Fatalf("deleted %+v", first)
	}
	second := remove("a", "b", 1, 2)
	if !slices.Equal(second.Deletion.Seqs, []uint64{2}) || second.Deletion.Version <= first.Deletion.Version {
		t.Fatalf("deleted %+v", second)
	}
	for code, res := range map[wire.Code]*DeletionResult{
		wire.CodeNotFound:     remove("a", "b", 6),
		wire.CodeBadParameter: remove("a", "b"),
	} {
		if res.Code != code {
			t.Errorf("%v, want %v", res.Code, code)
		}
	}
	if res := remove("c", "a", 1); res.Code != wire.CodeNotFound {
		t.Errorf("a conversation that is not there: %v", res.Code)
	}
	list, err := n.q.Deletions(1, "a", 0, 1)
	if err != nil || !list.More || len(list.Deletions) != 1 || !proto.Equal(list.Deletions[0], first.Deletion) {
		t.Fatalf("deletions %v %v", list, err)
	}
	if list, err = n.q.Deletions(1, "a", list.Version, 1); err != nil || list.More || !proto.Equal(list.Deletions[0], second.Deletion) || list.Version != second.Deletion.Version {
		t.Fatalf("deletions %v %v", list, err)
	}
	if list, err = n.q.Deletions(2, "a", 0, 0); err != nil || len(list.Deletions) != 0 || list.Version != 0 {
		t.Fatalf("deletions in another tenant %v %v", list, err)
	}
	for seq := uint64(1); seq <= 5; seq++ {
		if own, theirs := n.entryAt("a", "b", seq).Hidden, n.entryAt("b", "a", seq).Hidden; own != (seq <= 3) || theirs {
			t.Errorf("entry %d is hidden: %v for a, %v for b", seq, own, theirs)
		}
	}
	// What retention has removed makes room.
	totals := versionCount{version: second.Deletion.Version, count: MaxDeletions}
	n.inApply(func(tx *raftstore.Tx) error { return tx.Set(appendDeletionKey(nil, 1, "a", 0), totals.append(nil)) })
	if res := remove("a", "b", 4); res.Code != wire.CodeCountLimit {
		t.Errorf("past the limit: %v", res.Code)
	}
	n.apply(&Prune{TimeMs: testTime, Tenant: 1, Logs: []PrunedLog{{A: "a", B: "b", Floor: 3}}})
	if res := remove("a", "b", 4); res.Code != wire.CodeOK {
		t.Errorf("after retention: %v", res.Code)
	}
	if list, err = n.q.Deletions(1, "a", 0, 0); err != nil || len(list.Deletions) != 2 || !slices.Equal(list.Deletions[0].Seqs, []uint64{3}) {
		t.Errorf("deletions %v %v", list, err)
	}
}

// TestForwardsCopyWhatTheSenderMayRead: and nothing else, and not without end.
func TestForwardsCopyWhatTheSenderMayRead(t *testing.T) {
	n := newNode(t)
	n.setup("app", "a", "b", "c")
	long := strings.Repeat("x", 20_000)
	for i := range 4 {
		n.said(&wire.Message{ClientId: fmt.Sprint(i), Body: long, Ext: "ext"})
	}
	team := n.newTeam(1, "a", "b")
	inTeam := one[*SendResult](n, teamText(1, team, "a", "t")).Seq
	origin := func(seq uint64) *wire.MergedMessage {
		return &wire.MergedMessage{Origin: &wire.Origin{Peer: "b", Seq: seq}}
	}
	teamOrigin := &wire.Origin{Scene: wire.Scene_SCENE_TEAM, Peer: TeamID(team), Seq: inTeam}
	id := 0
	send := func(from string, m *wire.Message) *SendResult {
		id++
		m.From, m.To, m.ClientId = from, "c", fmt.Sprint("f", id)
		return one[*SendResult](n, &Send{TimeMs: testTime, Tenant: 1, Message: m})
	}
	merged := send("a", &wire.Message{Type: TypeMerged, Body: "title", Merged: []*wire.MergedMessage{origin(1), origin(2)}})
	var got wire.Message
	if merged.Code != wire.CodeOK || got.UnmarshalVT(merged.Message) != nil || len(got.Merged) != 2 || got.Merged[1].Body != long || got.Merged[0].Origin.From != "a" {
		t.Fatalf("merged %v", merged.Code)
	}
	again := send("a", &wire.Message{Origin: &wire.Origin{Peer: "c", Seq: merged.Seq}})
	got.Reset()
	if again.Code != wire.CodeOK || got.UnmarshalVT(again.Message) != nil || got.Type != TypeMerged || len(got.Merged) != 2 || got.Origin.Id != merged.ID {
		t.Fatalf("a merged forward forwarded: %v %v", again.Code, got.Type)
	}
	if res := send("b", &wire.Message{Origin: proto.CloneOf(teamOrigin)}); res.Code != wire.CodeOK {
		t.Errorf("of a member's team: %v", res.Code)
	}
	for name, c := range map[string]struct {
		from string
		m    *wire.Message
		want wire.Code
	}{
		"too long together":   {"a", &wire.Message{Type: TypeMerged, Merged: []*wire.MergedMessage{origin(1), origin(2), origin(3)}}, wire.CodeBadParameter},
		"one within another":  {"a", &wire.Message{Type: TypeMerged, Merged: []*wire.MergedMessage{{Origin: &wire.Origin{Peer: "c", Seq: merged.Seq}}}}, wire.CodeBadParameter},
		"forged":              {"a", &wire.Message{Type: TypeMerged, Merged: []*wire.MergedMessage{{Origin: &wire.Origin{Peer: "b", Seq: 1}, Body: "mine"}}}, wire.CodeBadParameter},
		"forged origin":       {"a", &wire.Message{Origin: &wire.Origin{Peer: "b", Seq: 1, From: "c"}}, wire.CodeBadParameter},
		"of a team of others": {"c", &wire.Message{Origin: proto.CloneOf(teamOrigin)}, wire.CodeNotFound},
		"of a team's event":   {"a", &wire.Message{Origin: &wire.Origin{Scene: wire.Scene_SCENE_TEAM, Peer: TeamID(team), Seq: 1}}, wire.CodeNotFound},
		"past the end":        {"a", &wire.Message{Origin: &wire.Origin{Peer: "b", Seq: 5}}, wire.CodeNotFound},
	} {
		if res := send(c.from, c.m); res.Code != c.want || res.Message != nil {
			t.Errorf("%s: %v, want %v", name, res.Code, c.want)
		}
	}
	one[*DeletionResult](n, &DeleteMessages{TimeMs: testTime, Tenant: 1, Account: "a", Peer: "b", Seqs: []uint64{4}})
	if res := send("a", &wire.Message{Origin: &wire.Origin{Peer: "b", Seq: 4}}); res.Code != wire.CodeNotFound {
		t.Errorf("of what the sender has deleted: %v", res.Code)
	}
}

// BenchmarkApplyMessageChange is what operations on one message cost.
func BenchmarkApplyMessageChange(b *testing.B) {
	n := newNode(b)
	n.setup("app", "a", "b")
	first := n.said(&wire.Message{ClientId: "1", Body: "hello"}).Seq
	b.Run("react", func(b *testing.B) {
		benchApply(b, n, func(i int) command {
			return change(MessageReact, "b", first, func(c *MessageChange) { c.Undo = i%2 == 1 })
		})
	})
	run := 0
	b.Run("edit", func(b *testing.B) {
		run++
		benchApply(b, n, func(i int) command {
			return change(MessageEdit, "a", first, func(c *MessageChange) { c.ClientID = fmt.Sprint(run, " ", i) })
		})
	})
}

// TestOperationsInMegaTeams: a member reacts, the owner pins, and what is stored for
// it does not depend on how many members there are.
func TestOperationsInMegaTeams(t *testing.T) {
	n := newNode(t)
	members := names(40)
	n.setup("app", append([]string{"a", "x"}, members...)...)
	team := n.newMega(1, "a", members)
	sent := one[*SendResult](n, teamText(1, team, members[0], "m"))
	if sent.Code != wire.CodeOK || !sent.Mega {
		t.Fatalf("sent %+v", sent)
	}
	do := func(op MessageOp, from string) *SendResult {
		return one[*SendResult](n, change(op, from, sent.Seq, func(c *MessageChange) { c.Team, c.Peer = team, "" }))
	}
	for _, account := range members {
		if res := do(MessageReact, account); res.Code != wire.CodeOK || !res.Mega || res.Members != nil {
			t.Fatalf("%s reacts: %+v", account, res)
		}
	}
	for account, want := range map[string]wire.Code{"x": wire.CodeNotInTeam, members[1]: wire.CodeTeamPermission, "a": wire.CodeOK} {
		if res := do(MessagePin, account); res.Code != want {
			t.Errorf("%s pins: %v, want %v", account, res.Code, want)
		}
	}
	if res := do(MessageEdit, members[0]); res.Code != wire.CodeOK {
		t.Errorf("the sender edits: %v", res.Code)
	}
	history, err := n.q.History(1, members[39], &wire.HistoryRequest{Scene: wire.Scene_SCENE_TEAM, Peer: TeamID(team), FromSeq: sent.Seq, ToSeq: sent.Seq})
	if err != nil {
		t.Fatal(err)
	}
	r := history.Messages[0].Changes.Reactions[0]
	if r.Count != 40 || len(r.Accounts) != MaxReactionNames || !r.Mine || !history.Messages[0].Changes.Pinned {
		t.Errorf("changes %v", history.Messages[0].Changes)
	}
}
