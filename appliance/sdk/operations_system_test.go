package sdk_test

import (
	"path/filepath"
	"slices"
	"testing"

	"github.com/yizhan-im/yizhan/appliance/sdk"
	"github.com/yizhan-im/yizhan/appliance/wire"
)

// next is the next event of type E for which ok holds.
func next[E sdk.Event](a *app, what string, ok func(E) bool) (found E) {
	a.t.Helper()
	a.until(what, func(e sdk.Event) bool {
		x, is := e.(E)
		if is && ok(x) {
			found = x
			return true
		}
		return false
	})
	return found
}

func (a *app) must(err error) {
	a.t.Helper()
	if err != nil {
		a.t.Fatal(err)
	}
}

// TestOperationsThroughARealNode: what one does to a message the other one is told,
// in the order of the conversation.
func TestOperationsThroughARealNode(t *testing.T) {
	n := startNode(t)
	alice, bob := n.app("alice", nil), n.app("bob", nil)
	first := alice.send("bob", "before")
	alice.must(alice.Edit(alice.context(), "BOB", first.Seq, sdk.Text("after")))
	edit := next(bob, "edit", func(sdk.Edit) bool { return true })
	if edit.Edited != first.Seq || edit.Body != "after" || edit.Peer != "alice" || edit.Local {
		t.Errorf("bob got %+v", edit)
	}
	if own := next(alice, "own edit", func(sdk.Edit) bool { return true }); !own.Local || own.Seq != edit.Seq {
		t.Errorf("alice got %+v", own)
	}
	bob.must(bob.React(bob.context(), "alice", first.Seq, "👍", false))
	bob.must(bob.React(bob.context(), "alice", first.Seq, "👍", false)) // changes nothing
	bob.must(bob.Pin(bob.context(), "alice", first.Seq, false))
	if r := next(alice, "reaction", func(sdk.Reaction) bool { return true }); r.Reacted != first.Seq || r.Emoji != "👍" || r.Undone || r.From != "bob" {
		t.Errorf("alice got %+v", r)
	}
	if p := next(alice, "pin", func(sdk.Pin) bool { return true }); p.Pinned != first.Seq || p.Undone {
		t.Errorf("alice got %+v", p)
	}
	if who, more, err := alice.Reactions(alice.context(), "bob", first.Seq, "👍", "", 0); err != nil || more || !slices.Equal(who, []string{"bob"}) {
		t.Errorf("reactions: %v %v %v", who, more, err)
	}
	if pins, err := alice.Pins(alice.context(), "bob"); err != nil || len(pins) != 1 || pins[0].Message.Body != "after" {
		t.Errorf("pins: %v %v", pins, err)
	}

	reply := sdk.Text("a reply")
	reply.ReplyTo = first.Seq
	answered, err := bob.Send(bob.context(), "alice", reply)
	bob.must(err)
	if m := next(alice, "reply", func(m sdk.Message) bool { return m.Seq == answered.Seq }); m.ReplyTo != first.Seq || m.ThreadRoot != first.Seq {
		t.Errorf("alice got %v", m)
	}
	if m := next(bob, "own reply", func(m sdk.Message) bool { return m.Seq == answered.Seq }); !m.Local || m.ThreadRoot != first.Seq {
		t.Errorf("bob got %v", m)
	}
	if thread, err := alice.Thread(alice.context(), "bob", first.Seq, 0, 0); err != nil || thread.Root.Changes.GetReplies() != 1 || len(thread.Messages) != 1 {
		t.Errorf("thread: %v %v", thread, err)
	}

	_, err = alice.Send(alice.context(), "alice", sdk.Forward(&wire.Origin{Peer: "bob", Seq: answered.Seq}))
	alice.must(err)
	if m := next(alice, "forward", func(m sdk.Message) bool { return m.Peer == "alice" }); m.Body != "a reply" || m.Origin.GetFrom() != "bob" {
		t.Errorf("alice got %v", m)
	}
	_, err = alice.Send(alice.context(), "bob", sdk.MergedForward("two", &wire.Origin{Peer: "bob", Seq: first.Seq}, &wire.Origin{Peer: "bob", Seq: answered.Seq}))
	alice.must(err)
	if m := next(bob, "merged forward", func(m sdk.Message) bool { return m.Type == 101 }); len(m.Merged) != 2 || m.Merged[0].Body != "after" {
		t.Errorf("bob got %v", m)
	}

	now := sdk.Text("only now")
	now.Options = &wire.MessageOptions{OnlineOnly: true}
	if sent, err := alice.Send(alice.context(), "bob", now); err != nil || sent.Seq != 0 {
		t.Errorf("sent %+v, %v", sent, err)
	}
	if m := next(bob, "online message", func(sdk.OnlineMessage) bool { return true }); m.Body != "only now" || m.Peer != "alice" {
		t.Errorf("bob got %v", m)
	}
}

// TestDeletionsReachDevicesThatAreAway: and each device is told once, also after it
// was started again.
func TestDeletionsReachDevicesThatAreAway(t *testing.T) {
	n := startNode(t)
	file := filepath.Join(t.TempDir(), "bob")
	var store *sdk.FileStore
	openPhone := func() *app {
		return n.app("bob", func(o *sdk.Options) {
			var err error
			if store, err = sdk.OpenFileStore(file); err != nil {
				t.Fatal(err)
			}
			o.Store, o.DeviceID, o.Platform = store, "phone", wire.Platform_PLATFORM_IOS
		})
	}
	closePhone := func(a *app) {
		a.close()
		a.must(store.Close())
	}
	alice, phone := n.app("alice", nil), openPhone()
	desk := n.app("bob", func(o *sdk.Options) { o.DeviceID = "desk" })
	first, second := alice.send("bob", "one"), alice.send("bob", "two")
	phone.texts("two")

	desk.must(desk.DeleteForMe(desk.context(), "alice", first.Seq))
	for _, a := range []*app{phone, desk} {
		if d := next(a, "deletion", func(sdk.Deletion) bool { return true }); d.Peer != "alice" || !slices.Equal(d.Seqs, []uint64{first.Seq}) {
			t.Errorf("%s got %v", a.DeviceID(), d)
		}
	}
	closePhone(phone)
	desk.must(desk.DeleteForMe(desk.context(), "alice", second.Seq))
	phone = openPhone()
	if d := next(phone, "deletion while away", func(sdk.Deletion) bool { return true }); !slices.Equal(d.Seqs, []uint64{second.Seq}) {
		t.Errorf("the phone got %v", d)
	}
	closePhone(phone)
	if messages, _, err := desk.History(desk.context(), "alice", sdk.Page{}); err != nil || len(messages) != 2 || !messages[0].Hidden || !messages[1].Hidden {
		t.Errorf("history: %v %v", messages, err)
	}
	if messages, _, err := alice.History(alice.context(), "bob", sdk.Page{}); err != nil || messages[0].Hidden || messages[0].Body != "one" {
		t.Errorf("the other one's history: %v %v", messages, err)
	}
}
