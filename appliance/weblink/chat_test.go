package weblink_test

import (
	"errors"
	"fmt"
	"strings"
	"testing"

	"google.golang.org/protobuf/proto"

	"github.com/yizhan-im/yizhan/appliance/session"
	"github.com/yizhan-im/yizhan/appliance/state"
	"github.com/yizhan-im/yizhan/appliance/weblink/weblinktest"
	"github.com/yizhan-im/yizhan/appliance/wire"
)

const (
	phone = wire.Platform_PLATFORM_ANDROID
	web   = wire.Platform_PLATFORM_WEB
)

// A chat is the same on either transport, in either direction.
func TestAChatAcrossTransports(t *testing.T) {
	for _, transports := range [][2]string{{onLink, onWeb}, {onWeb, onLink}, {onWeb, onWeb}} {
		t.Run(transports[0]+" to "+transports[1], func(t *testing.T) {
			s := openSite(t, state.Limits{})
			s.account("alice", "bob")
			alice, _ := s.login(transports[0], "alice", "a", phone)
			bob, _ := s.login(transports[1], "bob", "b", web)

			var sent wire.SendResponse
			alice.ok(wire.CmdSend, &wire.SendRequest{To: "bob", ClientId: "m1", Body: "t3xt 你好 \"<&>\" \u2028", Ext: "{}"}, &sent)
			var push wire.MessagePush
			bob.next(wire.PushMessage, &push)
			want := &wire.Message{
				From: "alice", To: "bob", ClientId: "m1", Body: "t3xt 你好 \"<&>\" \u2028", Ext: "{}", FromPlatform: phone, FromDevice: "a",
				Seq: sent.Seq, Id: sent.Id, TimeMs: sent.TimeMs,
			}
			if !proto.Equal(push.Message, want) {
				t.Errorf("bob got %v, want %v", push.Message, want)
			}
			var again wire.SendResponse
			alice.ok(wire.CmdSend, &wire.SendRequest{To: "bob", ClientId: "m1", Body: "t3xt 你好 \"<&>\" \u2028", Ext: "{}"}, &again)
			if !again.Duplicate || again.Id != sent.Id {
				t.Errorf("sent again: %v, first %v", &again, &sent)
			}

			bob.ok(wire.CmdRead, &wire.ReadRequest{Peer: "alice", Seq: sent.Seq}, nil)
			var read wire.ReadPush
			if alice.next(wire.PushRead, &read); read.Reader != "bob" || read.Peer != "alice" || read.Seq != sent.Seq {
				t.Errorf("alice got the receipt %v", &read)
			}

			var recall wire.RecallResponse
			alice.ok(wire.CmdRecall, &wire.RecallRequest{Peer: "bob", Seq: sent.Seq, ClientId: "r1"}, &recall)
			if bob.next(wire.PushMessage, &push); push.Message.Type != 1000 || push.Message.RefSeq != sent.Seq || push.Message.Seq != recall.Seq {
				t.Errorf("bob got the recall %v", push.Message)
			}

			bob.ok(wire.CmdSend, &wire.SendRequest{To: "alice", ClientId: "m2", Body: "t3xt back"}, nil)
			if alice.next(wire.PushMessage, &push); push.Message.Body != "t3xt back" || push.Message.FromPlatform != web {
				t.Errorf("alice got %v", push.Message)
			}
			bob.ok(wire.CmdAck, &wire.AckRequest{Version: push.Message.Id}, nil)
			s.wantNoSecrets()
		})
	}
}

// Whatever can be asked is answered alike: the same account asks over both.
func TestBothTransportsAnswerAlike(t *testing.T) {
	s := openSite(t, state.Limits{})
	s.account("alice", "bob", "carol")
	onPhone, _ := s.login(onLink, "alice", "a", phone)
	onBrowser, _ := s.login(onWeb, "alice", "b", web)
	for i := range 5 {
		for _, from := range []string{"bob", "carol"} {
			if _, err := s.app.Send(t.Context(), s.appKey, &wire.Message{From: from, To: "alice", Body: fmt.Sprint("t3xt ", i), ClientId: fmt.Sprint("c", i)}); err != nil {
				t.Fatal(err)
			}
			var a, b wire.MessagePush
			onPhone.next(wire.PushMessage, &a)
			onBrowser.next(wire.PushMessage, &b)
			if !proto.Equal(&a, &b) {
				t.Errorf("on the phone %v, in the browser %v", &a, &b)
			}
		}
	}
	name, gender := "Alice", uint32(2)
	onBrowser.ok(wire.CmdUpdateProfile, &wire.UpdateProfileRequest{Name: &name, Gender: &gender}, nil)
	for _, test := range []struct {
		cmd     wire.Command
		in, out proto.Message
	}{
		{wire.CmdSync, &wire.SyncRequest{}, new(wire.SyncResponse)},
		{wire.CmdSync, &wire.SyncRequest{Limit: 1}, new(wire.SyncResponse)},
		{wire.CmdHistory, &wire.HistoryRequest{Peer: "bob"}, new(wire.HistoryResponse)},
		{wire.CmdHistory, &wire.HistoryRequest{Peer: "carol", FromSeq: 2, ToSeq: 4}, new(wire.HistoryResponse)},
		{wire.CmdHistory, &wire.HistoryRequest{Peer: "carol", Limit: 2, Reverse: true}, new(wire.HistoryResponse)},
		{wire.CmdProfiles, &wire.ProfilesRequest{Accounts: []string{"alice", "bob"}}, new(wire.ProfilesResponse)},
	} {
		other := test.out.ProtoReflect().New().Interface()
		onPhone.ok(test.cmd, test.in, test.out)
		onBrowser.ok(test.cmd, test.in, other)
		if proto.Size(test.out) == 0 || !proto.Equal(test.out, other) {
			t.Errorf("%v %v: on the phone %v, in the browser %v", test.cmd, test.in, test.out, other)
		}
	}
	for _, test := range []struct {
		cmd wire.Command
		in  proto.Message
	}{
		{wire.CmdLogin, s.credentials("alice", "c", phone)},
		{wire.CmdSend, &wire.SendRequest{To: "nobody", ClientId: "c", Body: "t3xt"}},
		{wire.CmdSend, &wire.SendRequest{To: "bob", Body: "t3xt"}},
		{wire.CmdSend, &wire.SendRequest{To: "bob", ClientId: "c", Body: strings.Repeat("t3xt ", 20_000)}},
		{wire.CmdRecall, &wire.RecallRequest{Peer: "bob", Seq: 99, ClientId: "c"}},
		{wire.CmdHistory, &wire.HistoryRequest{Peer: "bob", Limit: 1000}},
		{wire.CmdKick, &wire.KickRequest{}},
		{wire.CmdSendRoom, &wire.SendRoomRequest{Room: "not entered", Body: "t3xt"}},
		{wire.CmdEnterRoom, &wire.EnterRoomRequest{}},
	} {
		linkCode, linkNote := onPhone.code(test.cmd, test.in)
		webCode, webNote := onBrowser.code(test.cmd, test.in)
		if linkCode == wire.CodeOK || linkCode != webCode || linkNote != webNote {
			t.Errorf("%v: on the phone %d %q, in the browser %d %q", test.cmd, linkCode, linkNote, webCode, webNote)
		}
	}
	if code, note := onBrowser.(*webUser).raw("no_such_event", "{}"); code != wire.CodeBadProtocol || note == "" {
		t.Errorf("an unknown event: %d %q", code, note)
	}
	s.wantNoSecrets()
}

func TestARoomSpansTransports(t *testing.T) {
	s := openSite(t, state.Limits{})
	s.account("alice", "bob")
	alice, _ := s.login(onLink, "alice", "a", phone)
	bob, _ := s.login(onWeb, "bob", "b", web)
	var members wire.EnterRoomResponse
	alice.ok(wire.CmdEnterRoom, &wire.EnterRoomRequest{Room: "lobby"}, nil)
	if bob.ok(wire.CmdEnterRoom, &wire.EnterRoomRequest{Room: "lobby"}, &members); members.Members != 2 {
		t.Errorf("the room has %d members", members.Members)
	}
	var push wire.RoomMessagePush
	alice.ok(wire.CmdSendRoom, &wire.SendRoomRequest{Room: "lobby", Body: "t3xt one"}, nil)
	if bob.next(wire.PushRoomMessage, &push); push.Body != "t3xt one" || push.From != "alice" {
		t.Errorf("bob got %v", &push)
	}
	bob.ok(wire.CmdSendRoom, &wire.SendRoomRequest{Room: "lobby", Body: "t3xt two"}, nil)
	if alice.next(wire.PushRoomMessage, &push); push.Body != "t3xt two" || push.FromPlatform != web {
		t.Errorf("alice got %v", &push)
	}
	bob.ok(wire.CmdExitRoom, &wire.ExitRoomRequest{Room: "lobby"}, nil)
	s.wantNoSecrets()
}

func TestTheDevicePolicySpansTransports(t *testing.T) {
	for _, test := range []struct {
		policy            session.Policy
		first, second     string
		firstOn, secondOn wire.Platform
		replaced          bool
	}{
		{session.PolicyPerPlatform, onLink, onWeb, web, web, true},
		{session.PolicyPerPlatform, onWeb, onLink, web, web, true},
		{session.PolicyPerPlatform, onWeb, onWeb, web, web, true},
		{session.PolicyPerPlatform, onLink, onWeb, phone, web, false},
		{session.PolicySingle, onLink, onWeb, phone, web, true},
		{session.PolicySingle, onWeb, onLink, web, phone, true},
	} {
		t.Run(fmt.Sprint(test.policy, " ", test.first, " ", test.firstOn, " then ", test.second, " ", test.secondOn), func(t *testing.T) {
			s := openSite(t, state.Limits{DevicePolicy: uint8(test.policy)})
			s.account("alice", "bob")
			first, _ := s.login(test.first, "alice", "one", test.firstOn)
			second, answer := s.login(test.second, "alice", "two", test.secondOn)
			if test.replaced {
				var kicked wire.KickedPush
				first.next(wire.PushKicked, &kicked)
				if kicked.Reason != wire.KickReason_KICK_REASON_REPLACED || kicked.ByDevice != "two" || kicked.ByPlatform != test.secondOn {
					t.Errorf("kicked: %v", &kicked)
				}
				first.wantGone()
				if len(answer.Others) != 0 {
					t.Errorf("others: %v", answer.Others)
				}
				return
			}
			if len(answer.Others) != 1 || answer.Others[0].DeviceId != "one" || answer.Others[0].Platform != test.firstOn {
				t.Errorf("others: %v", answer.Others)
			}
			// What one device sends the other one sees.
			for _, pair := range [][2]user{{first, second}, {second, first}} {
				pair[0].ok(wire.CmdSend, &wire.SendRequest{To: "bob", ClientId: fmt.Sprint(pair[0] == first), Body: "t3xt"}, nil)
				pair[1].next(wire.PushMessage, new(wire.MessagePush))
			}
			second.ok(wire.CmdKick, &wire.KickRequest{SessionIds: []uint64{answer.Others[0].SessionId}}, nil)
			var kicked wire.KickedPush
			if first.next(wire.PushKicked, &kicked); kicked.Reason != wire.KickReason_KICK_REASON_OTHER_DEVICE {
				t.Errorf("kicked: %v", &kicked)
			}
			first.wantGone()
		})
	}
}

func TestTheBackendEndsWebSessions(t *testing.T) {
	s := openSite(t, state.Limits{})
	s.account("alice")
	alice, _ := s.login(onWeb, "alice", "a", web)
	if err := s.app.SetBlocked(t.Context(), s.appKey, "alice", true, true); err != nil {
		t.Fatal(err)
	}
	var kicked wire.KickedPush
	if alice.next(wire.PushKicked, &kicked); kicked.Reason != wire.KickReason_KICK_REASON_CREDENTIALS {
		t.Errorf("kicked: %v", &kicked)
	}
	alice.wantGone()
	if !alice.(*webUser).Disconnected() {
		t.Error("a stock client comes back by itself")
	}
}

func TestLogoutOfTheBrowser(t *testing.T) {
	s := openSite(t, state.Limits{})
	s.account("alice")
	alice, _ := s.login(onWeb, "alice", "a", web)
	// The node notes a login without waiting for it; what is committed behind it
	// comes later.
	alice.ok(wire.CmdUpdateProfile, &wire.UpdateProfileRequest{Sign: proto.String("t3xt")}, nil)
	alice.ok(wire.CmdLogout, nil, nil)
	alice.wantGone()
	if !alice.(*webUser).Disconnected() {
		t.Error("a stock client comes back by itself")
	}
	_, answer := s.login(onWeb, "alice", "b", phone)
	if len(answer.Others) != 0 || answer.LastDeviceId != "a" {
		t.Errorf("after the logout: %v", answer)
	}
}

func TestLoginsThatTheSiteRefuses(t *testing.T) {
	s := openSite(t, state.Limits{})
	s.account("alice", "blocked")
	if err := s.app.SetBlocked(t.Context(), s.appKey, "blocked", true, false); err != nil {
		t.Fatal(err)
	}
	for name, test := range map[string]struct {
		change func(in *wire.LoginRequest)
		code   wire.Code
	}{
		"a wrong token":      {func(in *wire.LoginRequest) { in.Token = "t0ken of nobody" }, wire.CodeWrongToken},
		"an unknown account": {func(in *wire.LoginRequest) { in.Account = "nobody" }, wire.CodeWrongToken},
		"an unknown appkey":  {func(in *wire.LoginRequest) { in.AppKey = "none" }, wire.CodeWrongToken},
		"no appkey":          {func(in *wire.LoginRequest) { in.AppKey = "" }, wire.CodeBadParameter},
		"no device":          {func(in *wire.LoginRequest) { in.DeviceId = "" }, wire.CodeBadParameter},
		"a blocked account":  {func(in *wire.LoginRequest) { in.Account, in.Token = "blocked", tokenOf("blocked") }, wire.CodeBlocked},
		"no client":          {func(in *wire.LoginRequest) { in.Platform = wire.Platform_PLATFORM_REST }, wire.CodeBadParameter},
	} {
		in := s.credentials("alice", "a", web)
		test.change(in)
		_, err := dial(t, s.url, in, weblinktest.Options{})
		var refused *weblinktest.RefusedError
		if !errors.As(err, &refused) || refused.Code != test.code || refused.Note == "" || refused.Message != test.code.String() {
			t.Errorf("%s: %v, want code %d", name, err, test.code)
		}
	}
	s.wantNoSecrets()
}

func TestAFloodOfRequestsIsRefusedAlike(t *testing.T) {
	s := openSite(t, state.Limits{RequestsPerSecond: 1, RequestBurst: 3})
	s.account("alice")
	alice, _ := s.login(onWeb, "alice", "a", web)
	c := alice.(*webUser)
	refused := 0
	for range 6 {
		code, text := c.do(wire.CmdSync, nil)
		if code == wire.CodeOK {
			continue
		}
		var e wire.ErrorBody
		if err := weblinktest.Decode(text, &e); err != nil || code != wire.CodeRateLimited || e.RetryAfterMs == 0 {
			t.Errorf("code %d, %s, error %v", code, text, err)
		}
		refused++
	}
	if refused == 0 {
		t.Error("six requests at once are served, the tenant allows three")
	}
}
