package sdk_test

import (
	"fmt"
	"testing"

	"google.golang.org/protobuf/proto"

	"github.com/yizhan-im/yizhan/appliance/sdk"
	"github.com/yizhan-im/yizhan/appliance/state"
	"github.com/yizhan-im/yizhan/appliance/wire"
)

// untilSetting waits until an event tells that the setting of a conversation is so.
func (a *app) untilSetting(peer string, is func(*wire.ConversationSetting) bool) {
	a.t.Helper()
	a.until("setting of "+peer, func(e sdk.Event) bool {
		c, ok := e.(sdk.SettingChange)
		return ok && c.Peer == peer && is(c.ConversationSetting)
	})
}

func (a *app) untilMessage(body string) {
	a.t.Helper()
	a.until(body, func(e sdk.Event) bool {
		m, ok := e.(sdk.Message)
		return ok && m.Body == body
	})
}

// arrangement is what an app knows of its conversations' settings, for comparing.
func arrangement(a *app) string { return fmt.Sprint(a.ConversationSettings(), a.DoNotDisturb()) }

// TestConversationListOfAnAccount drives everything through a real node: two
// devices converge, and one that was away learns at its login.
func TestConversationListOfAnAccount(t *testing.T) {
	n := startNode(t)
	n.account("carol")
	phone := n.app("alice", func(o *sdk.Options) { o.DeviceID, o.Platform = "phone", wire.Platform_PLATFORM_ANDROID })
	desk := n.app("alice", func(o *sdk.Options) { o.DeviceID = "desk" })
	bob, carol := n.app("bob", nil), n.app("carol", nil)
	ctx := phone.context()
	yes := proto.Bool(true)
	send := func(from *app, text string) {
		t.Helper()
		if _, err := from.Send(ctx, "alice", sdk.Text(text)); err != nil {
			t.Fatal(err)
		}
		phone.untilMessage(text)
		desk.untilMessage(text)
	}
	send(bob, "one")
	send(bob, "two")
	send(carol, "three")
	if _, err := phone.SetConversation(ctx, sdk.WithAccount("Bob"), sdk.ConversationChange{Top: yes, Ext: proto.String("x")}); err != nil {
		t.Fatal(err)
	}
	desk.untilSetting("bob", func(s *wire.ConversationSetting) bool { return s.Top && s.Ext == "x" })

	first, next, err := desk.ConversationList(ctx, "", 1)
	if err != nil || len(first) != 1 || first[0].Peer != "bob" || first[0].Unread != 2 || first[0].Last.GetBody() != "two" || !first[0].Setting.GetTop() {
		t.Errorf("first page: %v %v", first, err)
	}
	second, next, err := desk.ConversationList(ctx, next, 1)
	if err != nil || len(second) != 1 || second[0].Peer != "carol" || second[0].Unread != 1 || next != "" {
		t.Errorf("second page: %v %q %v", second, next, err)
	}
	if err := phone.MarkRead(ctx, "bob", 1); err != nil {
		t.Fatal(err)
	}
	if states, err := phone.ConversationStates(ctx, sdk.WithAccount("bob"), sdk.WithAccount("nobody"), sdk.InTeam("99")); err != nil || len(states) != 1 || states[0].Unread != 1 {
		t.Errorf("state: %v %v", states, err)
	}
	if _, err := desk.SetConversation(ctx, sdk.WithAccount("carol"), sdk.ConversationChange{Muted: yes}); err != nil {
		t.Fatal(err)
	}
	phone.untilSetting("carol", func(s *wire.ConversationSetting) bool { return s.Muted })
	if total, err := phone.TotalUnread(ctx); err != nil || total.Unread != 2 || total.Muted != 1 || total.Conversations != 2 {
		t.Errorf("total: %v %v", total, err)
	}
	if read, err := phone.MarkAllRead(ctx); err != nil || read != 2 {
		t.Errorf("read all: %d %v", read, err)
	}
	desk.until("the cursors", func(e sdk.Event) bool {
		c, ok := e.(sdk.ReadCursor)
		return ok && c.Peer == "carol" && c.Seq == 1
	})
	if total, err := desk.TotalUnread(ctx); err != nil || total.Unread != 0 {
		t.Errorf("total after all was read: %v %v", total, err)
	}
	for _, c := range phone.Conversations() {
		if c.ReadSeq != c.LastSeq {
			t.Errorf("the phone itself has read %s to %d of %d", c.Peer, c.ReadSeq, c.LastSeq)
		}
	}
	if arrangement(phone) != arrangement(desk) {
		t.Errorf("alice's devices differ:\n%s\n%s", arrangement(phone), arrangement(desk))
	}

	// One is away while the other clears, removes and wants its peace.
	desk.close()
	if _, err := phone.RemoveConversation(ctx, sdk.WithAccount("carol"), true); err != nil {
		t.Fatal(err)
	}
	if _, err := phone.ClearConversation(ctx, sdk.WithAccount("bob"), 1); err != nil {
		t.Fatal(err)
	}
	if d, err := phone.SetDoNotDisturb(ctx, &wire.SetDoNotDisturbRequest{On: yes, Quiet: &wire.QuietHours{From: 1320, To: 420, UtcOffset: 480}}); err != nil || !d.On {
		t.Fatal(d, err)
	}
	_, err = phone.SetDoNotDisturb(ctx, &wire.SetDoNotDisturbRequest{Quiet: &wire.QuietHours{To: 9999}})
	wantAnswer(t, err, wire.CodeBadParameter)
	_, err = phone.SetConversation(ctx, sdk.WithAccount("nobody"), sdk.ConversationChange{Top: yes})
	wantAnswer(t, err, wire.CodeNotFound)
	desk = n.app("alice", func(o *sdk.Options) { o.DeviceID = "desk" })
	loaded := false
	for _, e := range desk.untilConnected() {
		_, is := e.(sdk.SettingsLoaded)
		loaded = loaded || is
	}
	if !loaded || arrangement(phone) != arrangement(desk) || !desk.DoNotDisturb().On || desk.ConversationSetting(sdk.WithAccount("Bob")).ClearedSeq != 1 {
		t.Errorf("loaded %v; alice's devices differ:\n%s\n%s", loaded, arrangement(phone), arrangement(desk))
	}
	if messages, _, err := desk.History(ctx, "bob", sdk.Page{}); err != nil || len(messages) != 1 || messages[0].Body != "two" {
		t.Errorf("history: %v %v", messages, err)
	}
	if list, _, err := desk.ConversationList(ctx, "", 0); err != nil || len(list) != 1 {
		t.Errorf("list: %v %v", list, err)
	}
	send(carol, "four")
	if list, _, err := desk.ConversationList(ctx, "", 0); err != nil || len(list) != 2 || list[1].Unread != 1 {
		t.Errorf("list: %v %v", list, err)
	}
	if _, err := phone.SetDoNotDisturb(ctx, &wire.SetDoNotDisturbRequest{NoQuiet: true}); err != nil {
		t.Fatal(err)
	}
	desk.until("do not disturb", func(e sdk.Event) bool {
		d, ok := e.(sdk.DoNotDisturbChange)
		return ok && d.On && d.Quiet == nil
	})
}

// TestSettingsAfterAReconnect: a client that loses its connection is told, by an
// event for each, what has changed meanwhile.
func TestSettingsAfterAReconnect(t *testing.T) {
	n := startNode(t)
	set := func(ext string) {
		t.Helper()
		in := &wire.SetDoNotDisturbRequest{Desktop: proto.Bool(true)}
		if _, err := n.node.App().SetDoNotDisturb(t.Context(), "app", "alice", in); err != nil {
			t.Fatal(err)
		}
		if _, err := n.node.App().ChangeConversation(t.Context(), "app", "alice", wire.Scene_SCENE_P2P, "bob", state.ConversationChange{Ext: &ext}); err != nil {
			t.Fatal(err)
		}
	}
	set("before")
	alice := n.app("alice", nil)
	alice.untilConnected()
	if s := alice.ConversationSetting(sdk.WithAccount("bob")); s.GetExt() != "before" || !alice.DoNotDisturb().Desktop {
		t.Errorf("alice holds %v", s)
	}
	n.stop()
	alice.until("end of the connection", func(e sdk.Event) bool {
		s, ok := e.(sdk.StateChange)
		return ok && s.State == sdk.StateOffline
	})
	n.startAfter(func() { set("after") })
	alice.untilSetting("bob", func(s *wire.ConversationSetting) bool { return s.Ext == "after" })
}
