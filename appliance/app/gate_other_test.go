package app

import (
	"fmt"
	"strings"
	"testing"

	"google.golang.org/protobuf/proto"

	"github.com/yizhan-im/yizhan/appliance/state"
	"github.com/yizhan-im/yizhan/appliance/wire"
)

// TestMessageIsSentAsTheBackendWantsIt: for the receiver, in the log, and for who
// sends it again.
func TestMessageIsSentAsTheBackendWantsIt(t *testing.T) {
	w, gate := gated(t, state.CallbackMessage, state.Limits{})
	alice, bob := w.login("alice"), w.login("bob")
	for i, test := range []struct {
		in     *wire.SendRequest
		change MessageChange
		body   string
		ext    string
	}{
		{&wire.SendRequest{To: "bob", ClientId: "1", Body: "bad words", Ext: "e"}, MessageChange{Body: proto.String("*** words")}, "*** words", "e"},
		{&wire.SendRequest{To: "bob", ClientId: "2", Body: "words", Ext: "e"}, MessageChange{Ext: proto.String("f")}, "words", "f"},
		{&wire.SendRequest{To: "bob", ClientId: "3", Type: 100, Body: `{"a":1}`}, MessageChange{Body: proto.String(`{"a":2}`), Ext: proto.String("g")}, `{"a":2}`, "g"},
	} {
		serial := alice.start(wire.CmdSend, test.in)
		gate.next(t).allowAs(&test.change)
		if r := alice.answer(serial); r.code != wire.CodeOK {
			t.Fatalf("answered %v", r.code)
		}
		var push wire.MessagePush
		bob.push(wire.PushMessage, &push)
		if m := push.Message; m.Body != test.body || m.Ext != test.ext || m.Type != test.in.Type || m.ClientId != test.in.ClientId || m.Seq != uint64(i+1) || m.From != "alice" {
			t.Errorf("bob got %v, want body %s and ext %s", m, test.body, test.ext)
		}
	}
	for _, bad := range []MessageChange{
		{Body: proto.String("")}, {Body: proto.String(strings.Repeat("x", maxBody+1))}, {Body: proto.String("\xff")}, {Ext: proto.String(strings.Repeat("x", maxExt+1))},
	} {
		serial := alice.start(wire.CmdSend, text("bob", "bad", "words"))
		gate.next(t).allowAs(&bad)
		alice.isRefused(wire.CodeForbidden, serial)
	}
	w.settle(t)
	bob.quiet()
	var history wire.HistoryResponse
	alice.ok(wire.CmdHistory, &wire.HistoryRequest{Peer: "bob"}, &history)
	if m := history.Messages; len(m) != 3 || m[0].Body != "*** words" || m[1].Ext != "f" {
		t.Errorf("stored %v", &history)
	}
}

// TestMergedForwardsAreAskedAboutWithWhatTheyHold: else what was said where nobody is
// asked could be shown where somebody is.
func TestMergedForwardsAreAskedAboutWithWhatTheyHold(t *testing.T) {
	w, gate := gated(t, state.CallbackMessage, state.Limits{})
	w.asks(0)
	alice, bob := w.login("alice"), w.login("bob")
	for i, body := range []string{"one", "two"} {
		alice.ok(wire.CmdSend, text("alice", fmt.Sprint(i), body), nil)
	}
	w.asks(state.CallbackMessage)
	merged := func(clientID string, seqs ...uint64) *wire.SendRequest {
		in := &wire.SendRequest{To: "bob", ClientId: clientID, Type: typeMerged, Body: "title"}
		for _, seq := range seqs {
			in.Merged = append(in.Merged, &wire.Origin{Peer: "alice", Seq: seq})
		}
		return in
	}
	serial := alice.start(wire.CmdSend, merged("m", 2, 1))
	q := gate.next(t)
	if len(q.Merged) != 2 || q.Merged[0].Body != "two" || q.Merged[1].Body != "one" || q.Message.Body != "title" {
		t.Errorf("asked about %v and %v", q.Message, q.Merged)
	}
	q.allow()
	if r := alice.answer(serial); r.code != wire.CodeOK {
		t.Errorf("answered %v", r.code)
	}
	var push wire.MessagePush
	bob.push(wire.PushMessage, &push)
	if m := push.Message; len(m.Merged) != 2 || m.Merged[0].Body != "two" {
		t.Errorf("bob got %v", m)
	}
	// It is not for the backend to say what others have said.
	serial = alice.start(wire.CmdSend, merged("n", 1))
	gate.next(t).allowAs(&MessageChange{Body: proto.String("other")})
	alice.isRefused(wire.CodeForbidden, serial)
	alice.refused(wire.CodeNotFound, wire.CmdSend, merged("o", 1, 99))
}

// TestRecallsAreAskedAbout, with the message that is taken back; one that is not
// there is nobody's business.
func TestRecallsAreAskedAbout(t *testing.T) {
	w, gate := gated(t, state.CallbackRecall, state.Limits{})
	alice := w.login("alice")
	w.login("bob")
	var sent wire.SendResponse
	alice.ok(wire.CmdSend, text("bob", "1", "words"), &sent)
	in := &wire.RecallRequest{Peer: "bob", Seq: sent.Seq, ClientId: "r", Note: "oops"}
	serial := alice.start(wire.CmdRecall, in)
	q := gate.next(t)
	if r := q.Recall; q.Event != state.CallbackRecall || q.Account != "alice" || r.Peer != "bob" || r.Note != "oops" || r.Message.Id != sent.Id || r.Message.ClientId != "1" || r.Message.From != "alice" {
		t.Errorf("question %+v about %+v", q.Question, r)
	}
	q.refuse(&wire.Error{Code: 20001, Note: "no"})
	alice.isRefused(20001, serial)
	serial = alice.start(wire.CmdRecall, in)
	gate.next(t).allow()
	if r := alice.answer(serial); r.code != wire.CodeOK {
		t.Errorf("answered %v", r.code)
	}
	// What has been cleared away is still there for the other one.
	alice.ok(wire.CmdSend, text("bob", "2", "more words"), &sent)
	alice.ok(wire.CmdClearConversation, &wire.ClearConversationRequest{Peer: "bob"}, nil)
	alice.refused(wire.CodeNotFound, wire.CmdRecall, &wire.RecallRequest{Peer: "bob", Seq: sent.Seq, ClientId: "r"})
	for _, missing := range []*wire.RecallRequest{{Peer: "bob", Seq: 99, ClientId: "r"}, {Peer: "nobody", Seq: 1, ClientId: "r"}, {Scene: wire.Scene_SCENE_TEAM, Peer: "77", Seq: 1, ClientId: "r"}} {
		if code := alice.do(wire.CmdRecall, missing, nil); code != wire.CodeNotFound && code != wire.CodeTeamMissing {
			t.Errorf("%v: code %v", missing, code)
		}
	}
	gate.none(t)
}

// TestFriendshipsAndProfilesAreAskedAbout, but not what an account notes of others,
// whom it blocks, or that it does not want to be somebody's friend.
func TestFriendshipsAndProfilesAreAskedAbout(t *testing.T) {
	w, gate := gated(t, state.CallbackFriend|state.CallbackProfile, state.Limits{})
	alice, bob := w.login("alice"), w.login("bob")
	refusal := &wire.Error{Code: 20002, Note: "no"}
	allowed := func(c *peer, cmd wire.Command, in wire.Body) *asked {
		t.Helper()
		serial := c.start(cmd, in)
		gate.next(t).refuse(refusal)
		c.isRefused(20002, serial)
		serial = c.start(cmd, in)
		q := gate.next(t)
		q.allow()
		if r := c.answer(serial); r.code != wire.CodeOK {
			t.Fatalf("%v: answered %v", cmd, r.code)
		}
		return q
	}
	if q := allowed(alice, wire.CmdAddFriend, &wire.AddFriendRequest{Account: "BOB", Ask: true, Note: "hi"}); q.Friend.Op != state.RelationAsk || q.Friend.Peer != "bob" || q.Friend.Note != "hi" || q.Account != "alice" {
		t.Errorf("question %+v", q.Friend)
	}
	if q := allowed(bob, wire.CmdAnswerFriend, &wire.AnswerFriendRequest{Account: "alice", Accept: true}); q.Friend.Op != state.RelationAccept || q.Account != "bob" {
		t.Errorf("question %+v", q.Friend)
	}
	alice.ok(wire.CmdUpdateFriend, &wire.UpdateFriendRequest{Account: "bob", Alias: proto.String("B")}, nil)
	alice.ok(wire.CmdSetBlacklist, &wire.SetBlacklistRequest{Account: "bob", On: true}, nil)
	if q := allowed(alice, wire.CmdDeleteFriend, &wire.DeleteFriendRequest{Account: "bob"}); q.Friend.Op != state.RelationDelete {
		t.Errorf("question %+v", q.Friend)
	}
	if q := allowed(alice, wire.CmdUpdateProfile, &wire.UpdateProfileRequest{Name: proto.String("Al"), Sign: proto.String("")}); q.Profile.GetName() != "Al" || q.Profile.Sign == nil || q.Profile.Ex != nil {
		t.Errorf("question %+v", q.Profile)
	}
	if code := alice.do(wire.CmdUpdateProfile, &wire.UpdateProfileRequest{Gender: proto.Uint32(9)}, nil); code != wire.CodeBadParameter {
		t.Errorf("a bad profile: %v", code)
	}
	// A refusal of a request is the account's own business.
	serial := bob.start(wire.CmdAnswerFriend, &wire.AnswerFriendRequest{Account: "alice"})
	if r := bob.answer(serial); r.code != wire.CodeNotFound {
		t.Errorf("answered %v", r.code)
	}
	gate.none(t)
}
