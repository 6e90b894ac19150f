package matrix

import (
	"testing"

	"google.golang.org/protobuf/proto"

	"github.com/yizhan-im/yizhan/appliance/wire"
)

// TestChat: sending, the receipt, taking back, and what a device finds that was
// away.
func TestChat(t *testing.T) {
	run(t, func(s *site) {
		s.accounts("alice", "bob")
		alice, bob := s.here("alice"), s.there("bob")
		tablet := s.login(s.second, "alice", "tablet")

		const body = "t3xt 你好 \"<&>\" \u2028"
		request := &wire.SendRequest{To: "bob", ClientId: "m1", Body: body, Ext: "{}"}
		var sent, again wire.SendResponse
		alice.ok(wire.CmdSend, request, &sent)
		want := &wire.Message{
			From: "alice", To: "bob", ClientId: "m1", Body: body, Ext: "{}", FromPlatform: s.first.platform(), FromDevice: "alice on " + string(s.first),
			Seq: sent.Seq, Id: sent.Id, TimeMs: sent.TimeMs,
		}
		var push wire.MessagePush
		for _, d := range []*device{bob, tablet} {
			if d.next(wire.PushMessage, &push); !proto.Equal(push.Message, want) {
				s.t.Errorf("%s got %v, want %v", d.account, push.Message, want)
			}
		}
		if alice.ok(wire.CmdSend, request, &again); !again.Duplicate || again.Id != sent.Id {
			s.t.Errorf("sent again: %v, first %v", &again, &sent)
		}
		bob.none(wire.PushMessage)

		bob.ok(wire.CmdRead, &wire.ReadRequest{Peer: "alice", Seq: sent.Seq}, nil)
		var read wire.ReadPush
		for _, d := range []*device{alice, tablet} {
			if d.next(wire.PushRead, &read); read.Reader != "bob" || read.Peer != "alice" || read.Seq != sent.Seq {
				s.t.Errorf("alice got the receipt %v", &read)
			}
		}

		var recall wire.RecallResponse
		alice.ok(wire.CmdRecall, &wire.RecallRequest{Peer: "bob", Seq: sent.Seq, ClientId: "r1"}, &recall)
		if bob.next(wire.PushMessage, &push); push.Message.Type != 1000 || push.Message.RefSeq != sent.Seq || push.Message.Seq != recall.Seq {
			s.t.Errorf("bob got the recall %v", push.Message)
		}
		bob.refused(wire.CodeForbidden, wire.CmdRecall, &wire.RecallRequest{Peer: "alice", Seq: recall.Seq, ClientId: "r2"})

		s.backend.ok(nil, "msg/sendMsg", "from", "bob", "ope", "0", "to", "alice", "type", "0", "body", `{"msg":"t3xt of the backend"}`)
		for _, d := range []*device{alice, bob} {
			if d.next(wire.PushMessage, &push); push.Message.Body != "t3xt of the backend" || push.Message.FromPlatform != wire.Platform_PLATFORM_REST {
				s.t.Errorf("%s got %v", d.account, push.Message)
			}
		}
		bob.ok(wire.CmdAck, &wire.AckRequest{Version: push.Message.Id}, nil)

		later := s.login(s.first, "bob", "later")
		var sync wire.SyncResponse
		if later.ok(wire.CmdSync, &wire.SyncRequest{}, &sync); len(sync.Conversations) != 1 || sync.Conversations[0].LastSeq != 3 || sync.Conversations[0].ReadSeq != sent.Seq {
			s.t.Errorf("sync %v", &sync)
		}
		var history wire.HistoryResponse
		later.ok(wire.CmdHistory, &wire.HistoryRequest{Peer: "alice", FromSeq: 1, ToSeq: 3}, &history)
		if m := history.Messages; len(m) != 3 || !m[0].Recalled || m[0].Body != "" || m[2].Body != "t3xt of the backend" {
			s.t.Errorf("history %v", &history)
		}
	})
}

// TestSendIsRefusedAlike: the codes of sending do not depend on who asks how.
func TestSendIsRefusedAlike(t *testing.T) {
	actors(t, func(s *site, do doer) {
		s.accounts("alice", "bob", "carol")
		s.backend.ok(nil, "user/setSpecialRelation", "accid", "bob", "targetAcc", "alice", "relationType", "1", "value", "1")
		send := func(to, body string) act {
			return act{
				wire.CmdSend, &wire.SendRequest{To: to, ClientId: to, Body: body},
				"msg/sendMsg", []string{"from", "alice", "ope", "0", "to", to, "type", "0", "body", `{"msg":"` + body + `"}`},
			}
		}
		for _, test := range []struct {
			to, body string
			code     wire.Code
		}{
			{"carol", "t3xt", wire.CodeOK},
			{"bob", "t3xt", wire.CodeBlacklisted},
			{"not a name", "t3xt", wire.CodeBadParameter},
			{"carol", "", wire.CodeBadParameter},
		} {
			if code := do("alice", send(test.to, test.body)); code != test.code {
				s.t.Errorf("to %q: code %d, want %d", test.to, code, test.code)
			}
		}
	})
}

// TestProfiles: a change is seen by whoever asks, however they are connected.
func TestProfiles(t *testing.T) {
	run(t, func(s *site) {
		s.accounts("alice", "bob")
		alice, bob := s.here("alice"), s.there("bob")
		alice.ok(wire.CmdUpdateProfile, &wire.UpdateProfileRequest{Name: proto.String("Alice 你"), Gender: proto.Uint32(2)}, nil)
		var seen wire.ProfilesResponse
		bob.ok(wire.CmdProfiles, &wire.ProfilesRequest{Accounts: []string{"alice", "nobody"}}, &seen)
		if p := seen.Profiles; len(p) != 1 || p[0].Name != "Alice 你" || p[0].Gender != 2 {
			s.t.Errorf("profiles %v", &seen)
		}
		var info struct{ Uinfos []struct{ Name string } }
		if s.backend.ok(&info, "user/getUinfos", "accids", list("alice")); len(info.Uinfos) != 1 || info.Uinfos[0].Name != "Alice 你" {
			s.t.Errorf("the backend gets %v", info)
		}
	})
}
