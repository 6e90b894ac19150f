package matrix

import (
	"slices"
	"strconv"
	"testing"

	"google.golang.org/protobuf/proto"

	"github.com/yizhan-im/yizhan/appliance/wire"
)

// sendTo sends a text of d to another account and returns its seq.
// Each is sent once: it is its own client id.
func (d *device) sendTo(to, body string, options *wire.MessageOptions) uint64 {
	d.t.Helper()
	var sent wire.SendResponse
	d.ok(wire.CmdSend, &wire.SendRequest{To: to, ClientId: body, Body: body, Options: options}, &sent)
	return sent.Seq
}

// entries reads the whole log of d with peer.
func (d *device) entries(peer string) []*wire.Message {
	d.t.Helper()
	var history wire.HistoryResponse
	d.ok(wire.CmdHistory, &wire.HistoryRequest{Peer: peer, FromSeq: 1, ToSeq: 100}, &history)
	return history.Messages
}

// TestOptions: who gets what of a message with options, at once and later.
func TestOptions(t *testing.T) {
	run(t, func(s *site) {
		s.accounts("alice", "bob")
		alice, bob := s.here("alice"), s.there("bob")
		tablet := s.login(s.second, "alice", "tablet")
		var push wire.MessagePush

		alice.sendTo("bob", "t3xt for bob alone", &wire.MessageOptions{NoSenderSync: true, NoBadge: true})
		if bob.next(wire.PushMessage, &push); push.Message.Body != "t3xt for bob alone" || push.Message.Hidden {
			s.t.Errorf("bob got %v", push.Message)
		}
		if tablet.next(wire.PushMessage, &push); push.Message.Body != "" || !push.Message.Hidden || push.Message.Seq != 1 {
			s.t.Errorf("the sender's tablet got %v", push.Message)
		}
		if m := tablet.entries("bob"); len(m) != 1 || !m[0].Hidden || m[0].Body != "" {
			s.t.Errorf("the sender's tablet reads %v", m)
		}
		if m := alice.entries("bob"); len(m) != 1 || m[0].Hidden || m[0].Body == "" {
			s.t.Errorf("the device that sent it reads %v", m)
		}

		alice.sendTo("bob", "t3xt not for later", &wire.MessageOptions{NoRoam: true})
		alice.sendTo("bob", "t3xt for no history", &wire.MessageOptions{NoHistory: true})
		for range 2 {
			if bob.next(wire.PushMessage, &push); push.Message.Body == "" {
				s.t.Errorf("bob got %v", push.Message)
			}
		}
		if m := bob.entries("alice"); len(m) != 3 || m[1].Hidden || m[2].Hidden {
			s.t.Errorf("a device that was there reads %v", m)
		}
		fresh := s.login(s.first, "bob", "fresh")
		if m := fresh.entries("alice"); len(m) != 3 || m[0].Hidden || !m[1].Hidden || !m[2].Hidden || m[1].Body+m[2].Body != "" {
			s.t.Errorf("a device that came later reads %v", m)
		}
		fresh.forget()
		for seq := uint64(2); seq <= 3; seq++ { // what they become is not for it either
			edit := &wire.EditRequest{Peer: "bob", Seq: seq, ClientId: "edit " + strconv.FormatUint(seq, 10), Body: "t3xt not for later, again"}
			alice.ok(wire.CmdEdit, edit, new(wire.EditResponse))
			if bob.next(wire.PushMessage, &push); push.Message.Body != edit.Body || push.Message.RefSeq != seq {
				s.t.Errorf("bob got the edit %v", push.Message)
			}
			if fresh.next(wire.PushMessage, &push); push.Message.Body != "" || !push.Message.Hidden || push.Message.RefSeq != seq {
				s.t.Errorf("a device that came later got the edit %v", push.Message)
			}
		}
		if m := fresh.entries("alice"); len(m) != 5 || !m[3].Hidden || !m[4].Hidden || m[3].Body+m[4].Body != "" {
			s.t.Errorf("a device that came later reads the edits %v", m[3:])
		}
		for range 2 {
			tablet.next(wire.PushMessage, &push)
		}

		var online wire.OnlineMessagePush
		var sent, again wire.SendResponse
		request := &wire.SendRequest{To: "bob", ClientId: "now", Body: "t3xt for now", Options: &wire.MessageOptions{OnlineOnly: true}}
		alice.ok(wire.CmdSend, request, &sent)
		if alice.ok(wire.CmdSend, request, &again); sent.Seq != 0 || sent.Id == 0 || !again.Duplicate || again.Id != sent.Id {
			s.t.Errorf("sent %v, and again %v", &sent, &again)
		}
		for _, d := range []*device{bob, fresh, tablet} {
			if d.next(wire.PushOnlineMessage, &online); online.Message.Body != "t3xt for now" || online.Message.Seq != 0 || online.Message.Id != sent.Id {
				s.t.Errorf("%s got %v", d.account, online.Message)
			}
			d.none(wire.PushOnlineMessage)
		}
		if m := bob.entries("alice"); len(m) != 5 {
			s.t.Errorf("what was only for now is kept: %v", m)
		}
	})
}

// TestOperations: editing, reactions, pins, replies and forwards, as the others see
// them at once and later.
func TestOperations(t *testing.T) {
	run(t, func(s *site) {
		s.accounts("alice", "bob", "carol")
		alice, bob, carol := s.here("alice"), s.there("bob"), s.there("carol")
		var push wire.MessagePush
		first := alice.sendTo("bob", "t3xt before", nil)
		bob.next(wire.PushMessage, &push)

		edit := &wire.EditRequest{Peer: "bob", Seq: first, ClientId: "e1", Body: "t3xt after"}
		var edited, again wire.EditResponse
		alice.ok(wire.CmdEdit, edit, &edited)
		if alice.ok(wire.CmdEdit, edit, &again); !again.Duplicate || again.Seq != edited.Seq {
			s.t.Errorf("edited again: %v, first %v", &again, &edited)
		}
		if bob.next(wire.PushMessage, &push); push.Message.Type != 1001 || push.Message.RefSeq != first || push.Message.Body != "t3xt after" {
			s.t.Errorf("bob got the edit %v", push.Message)
		}
		bob.refused(wire.CodeForbidden, wire.CmdEdit, &wire.EditRequest{Peer: "alice", Seq: first, ClientId: "e2", Body: "mine"})
		alice.refused(wire.CodeForbidden, wire.CmdEdit, &wire.EditRequest{Peer: "bob", Seq: edited.Seq, ClientId: "e3", Body: "x"})
		alice.refused(wire.CodeNotFound, wire.CmdEdit, &wire.EditRequest{Peer: "bob", Seq: 99, ClientId: "e4", Body: "x"})
		alice.refused(wire.CodeBadParameter, wire.CmdEdit, &wire.EditRequest{Peer: "bob", Seq: first, ClientId: "e5"})
		carol.refused(wire.CodeNotFound, wire.CmdEdit, &wire.EditRequest{Peer: "bob", Seq: first, ClientId: "e6", Body: "x"})

		var reacted, nothing wire.ReactResponse
		react := &wire.ReactRequest{Peer: "alice", Seq: first, Emoji: "👍"}
		bob.ok(wire.CmdReact, react, &reacted)
		if bob.ok(wire.CmdReact, react, &nothing); nothing.Seq != 0 || reacted.Seq == 0 {
			s.t.Errorf("reacted %v, and again %v", &reacted, &nothing)
		}
		if alice.next(wire.PushMessage, &push); push.Message.Type != 1002 || push.Message.Op.GetEmoji() != "👍" || push.Message.RefSeq != first {
			s.t.Errorf("alice got the reaction %v", push.Message)
		}
		alice.none(wire.PushMessage)
		var who wire.ReactionsResponse
		if alice.ok(wire.CmdReactions, &wire.ReactionsRequest{Peer: "bob", Seq: first, Emoji: "👍"}, &who); !slices.Equal(who.Accounts, []string{"bob"}) {
			s.t.Errorf("reactions %v", &who)
		}
		bob.refused(wire.CodeBadParameter, wire.CmdReact, &wire.ReactRequest{Peer: "alice", Seq: first})

		var pinned wire.PinResponse
		bob.ok(wire.CmdPin, &wire.PinRequest{Peer: "alice", Seq: first}, &pinned)
		if alice.next(wire.PushMessage, &push); push.Message.Type != 1003 || push.Message.Op.GetUndone() {
			s.t.Errorf("alice got the pin %v", push.Message)
		}
		var pins wire.PinsResponse
		if alice.ok(wire.CmdPins, &wire.PinsRequest{Peer: "bob"}, &pins); len(pins.Pins) != 1 || pins.Pins[0].By != "bob" || pins.Pins[0].Message.Body != "t3xt after" {
			s.t.Errorf("pins %v", &pins)
		}
		m := bob.entries("alice")[0]
		want := &wire.MessageChanges{
			Edits: 1, EditedMs: edited.TimeMs, EditSeq: edited.Seq, Pinned: true,
			Reactions: []*wire.Reaction{{Emoji: "👍", Count: 1, Accounts: []string{"bob"}, Mine: true}},
		}
		if m.Body != "t3xt after" || !proto.Equal(m.Changes, want) {
			s.t.Errorf("the message is %v", m)
		}

		var reply wire.SendResponse
		bob.ok(wire.CmdSend, &wire.SendRequest{To: "alice", ClientId: "r1", Body: "t3xt in reply", ReplyTo: first}, &reply)
		alice.ok(wire.CmdSend, &wire.SendRequest{To: "bob", ClientId: "r2", Body: "t3xt in reply to it", ReplyTo: reply.Seq}, nil)
		var thread wire.ThreadResponse
		alice.ok(wire.CmdThread, &wire.ThreadRequest{Peer: "bob", RootSeq: first, Limit: 1}, &thread)
		if thread.Root.GetSeq() != first || thread.Root.Changes.Replies != 2 || len(thread.Messages) != 1 || !thread.More || thread.Messages[0].Seq != reply.Seq {
			s.t.Errorf("first page of the thread %v", &thread)
		}
		alice.ok(wire.CmdThread, &wire.ThreadRequest{Peer: "bob", RootSeq: first, AfterSeq: reply.Seq}, &thread)
		if len(thread.Messages) != 1 || thread.Messages[0].ThreadRoot != first || thread.More {
			s.t.Errorf("second page of the thread %v", &thread)
		}

		alice.ok(wire.CmdSend, &wire.SendRequest{To: "carol", ClientId: "f1", Forward: &wire.Origin{Peer: "bob", Seq: reply.Seq}}, nil)
		if carol.next(wire.PushMessage, &push); push.Message.Body != "t3xt in reply" || push.Message.Origin.GetFrom() != "bob" || push.Message.From != "alice" {
			s.t.Errorf("carol got the forward %v", push.Message)
		}
		alice.ok(wire.CmdSend, &wire.SendRequest{To: "carol", ClientId: "f2", Type: 101, Body: "t3xt", Merged: []*wire.Origin{{Peer: "bob", Seq: first}, {Peer: "bob", Seq: reply.Seq}}}, nil)
		if carol.next(wire.PushMessage, &push); len(push.Message.Merged) != 2 || push.Message.Merged[0].Body != "t3xt after" || push.Message.Merged[1].Origin.From != "bob" {
			s.t.Errorf("carol got the merged forward %v", push.Message)
		}
		carol.refused(wire.CodeNotFound, wire.CmdSend, &wire.SendRequest{To: "alice", ClientId: "f3", Forward: &wire.Origin{Peer: "bob", Seq: first}})

		bob.ok(wire.CmdReact, &wire.ReactRequest{Peer: "alice", Seq: first, Emoji: "👍", Undo: true}, &reacted)
		bob.ok(wire.CmdPin, &wire.PinRequest{Peer: "alice", Seq: first, Undo: true}, &pinned)
		alice.ok(wire.CmdRecall, &wire.RecallRequest{Peer: "bob", Seq: first, ClientId: "taken"}, nil)
		for _, m := range bob.entries("alice") {
			if m.Seq == first && (!m.Recalled || m.Body != "" || m.Changes.GetReplies() != 2 || m.Changes.Pinned || len(m.Changes.Reactions) > 0) {
				s.t.Errorf("recalled, it is %v", m)
			}
			if m.Type == 1001 && m.Body != "" {
				s.t.Errorf("after the recall its edit still says %v", m)
			}
		}
	})
}

// TestDeleteForOneself: what an account deletes is gone for it, on every device, and
// for nobody else.
func TestDeleteForOneself(t *testing.T) {
	run(t, func(s *site) {
		s.accounts("alice", "bob")
		alice, bob := s.here("alice"), s.there("bob")
		tablet := s.login(s.second, "alice", "tablet")
		first := bob.sendTo("alice", "t3xt to be deleted", nil)
		bob.sendTo("alice", "t3xt to be kept", nil)
		bob.ok(wire.CmdEdit, &wire.EditRequest{Peer: "alice", Seq: first, ClientId: "e", Body: "t3xt edited"}, nil)

		var deleted wire.DeleteMessagesResponse
		alice.ok(wire.CmdDeleteMessages, &wire.DeleteMessagesRequest{Peer: "bob", Seqs: []uint64{first}}, &deleted)
		var push wire.DeletionPush
		if tablet.next(wire.PushDeletion, &push); !proto.Equal(push.Deletion, deleted.Deletion) || !slices.Equal(push.Deletion.Seqs, []uint64{first}) || push.Deletion.Peer != "bob" {
			s.t.Errorf("the tablet got %v, the answer was %v", push.Deletion, deleted.Deletion)
		}
		bob.none(wire.PushDeletion)
		m := alice.entries("bob")
		if len(m) != 3 || !m[0].Hidden || m[0].Body != "" || m[1].Hidden || !m[2].Hidden || m[2].Body != "" {
			s.t.Errorf("alice reads %v", m)
		}
		if m := bob.entries("alice"); m[0].Hidden || m[0].Body != "t3xt edited" || m[2].Hidden {
			s.t.Errorf("bob reads %v", m)
		}
		var again wire.DeleteMessagesResponse
		alice.ok(wire.CmdDeleteMessages, &wire.DeleteMessagesRequest{Peer: "bob", Seqs: []uint64{first}}, &again)
		if len(again.Deletion.Seqs) != 0 || again.Deletion.Version != deleted.Deletion.Version {
			s.t.Errorf("deleted again: %v", again.Deletion)
		}
		alice.refused(wire.CodeNotFound, wire.CmdDeleteMessages, &wire.DeleteMessagesRequest{Peer: "bob", Seqs: []uint64{99}})
		alice.refused(wire.CodeBadParameter, wire.CmdDeleteMessages, &wire.DeleteMessagesRequest{Peer: "bob"})

		away := s.login(s.first, "alice", "away")
		var sync wire.SyncResponse
		var list wire.DeletionsResponse
		away.ok(wire.CmdSync, &wire.SyncRequest{}, &sync)
		away.ok(wire.CmdDeletions, &wire.DeletionsRequest{}, &list)
		if sync.DeletionsVersion != deleted.Deletion.Version || list.Version != sync.DeletionsVersion || len(list.Deletions) != 1 || !proto.Equal(list.Deletions[0], deleted.Deletion) {
			s.t.Errorf("sync says %d, and the deletions are %v", sync.DeletionsVersion, &list)
		}
		if away.ok(wire.CmdDeletions, &wire.DeletionsRequest{Version: list.Version}, &list); len(list.Deletions) != 0 {
			s.t.Errorf("after all there are %v", &list)
		}
	})
}

// TestOperationsInTeams: members react and reply, managers pin, and who is no member
// does nothing.
func TestOperationsInTeams(t *testing.T) {
	run(t, func(s *site) {
		s.accounts("alice", "bob", "carol")
		alice, bob, carol := s.here("alice"), s.there("bob"), s.there("carol")
		team := s.newTeam("alice", "bob")
		bob.forget()
		scene := wire.Scene_SCENE_TEAM
		var sent wire.SendResponse
		bob.ok(wire.CmdSend, &wire.SendRequest{Scene: scene, To: team, ClientId: "m", Body: "t3xt of bob", Push: &wire.PushOptions{ForceAccounts: []string{"alice"}}}, &sent)
		alice.ok(wire.CmdReact, &wire.ReactRequest{Scene: scene, Peer: team, Seq: sent.Seq, Emoji: "🎉"}, nil)
		bob.refused(wire.CodeTeamPermission, wire.CmdPin, &wire.PinRequest{Scene: scene, Peer: team, Seq: sent.Seq})
		alice.ok(wire.CmdPin, &wire.PinRequest{Scene: scene, Peer: team, Seq: sent.Seq}, nil)
		alice.refused(wire.CodeForbidden, wire.CmdEdit, &wire.EditRequest{Scene: scene, Peer: team, Seq: sent.Seq, ClientId: "e", Body: "not mine"})
		carol.refused(wire.CodeNotInTeam, wire.CmdReact, &wire.ReactRequest{Scene: scene, Peer: team, Seq: sent.Seq, Emoji: "🎉"})
		carol.refused(wire.CodeNotInTeam, wire.CmdPins, &wire.PinsRequest{Scene: scene, Peer: team})
		carol.refused(wire.CodeNotFound, wire.CmdDeleteMessages, &wire.DeleteMessagesRequest{Scene: scene, Peer: team, Seqs: []uint64{sent.Seq}})
		alice.ok(wire.CmdMuteTeamMembers, &wire.MuteTeamMembersRequest{Team: team, Accounts: []string{"bob"}, Muted: true}, nil)
		bob.refused(wire.CodeTeamMuted, wire.CmdReact, &wire.ReactRequest{Scene: scene, Peer: team, Seq: sent.Seq, Emoji: "🎉"})
		bob.refused(wire.CodeTeamMuted, wire.CmdEdit, &wire.EditRequest{Scene: scene, Peer: team, Seq: sent.Seq, ClientId: "e", Body: "t3xt"})
		bob.ok(wire.CmdDeleteMessages, &wire.DeleteMessagesRequest{Scene: scene, Peer: team, Seqs: []uint64{sent.Seq}}, nil)
		var history wire.HistoryResponse
		alice.ok(wire.CmdHistory, &wire.HistoryRequest{Scene: scene, Peer: team, FromSeq: sent.Seq, ToSeq: sent.Seq}, &history)
		if m := history.Messages[0]; m.Changes.GetReactions()[0].Emoji != "🎉" || !m.Changes.Reactions[0].Mine || !m.Changes.Pinned || m.Push.GetForceAccounts()[0] != "alice" {
			s.t.Errorf("alice reads %v", m)
		}
	})
}
