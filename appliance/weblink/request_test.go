package weblink_test

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"
	"time"

	"google.golang.org/protobuf/proto"

	"github.com/yizhan-im/yizhan/appliance/session"
	"github.com/yizhan-im/yizhan/appliance/weblink"
	"github.com/yizhan-im/yizhan/appliance/weblink/weblinktest"
	"github.com/yizhan-im/yizhan/appliance/wire"
)

// body is what every generated message can do.
type body interface {
	proto.Message
	UnmarshalVT([]byte) error
}

func TestEveryRequestReachesTheHandler(t *testing.T) {
	for _, polling := range []bool{false, true} {
		t.Run(fmt.Sprint("polling=", polling), func(t *testing.T) {
			h := newHandler()
			g := start(t, h, weblink.Options{})
			c := g.enterBy(t, "alice", weblinktest.Options{Polling: polling})
			name := "Alice 你好"
			requests := []struct {
				cmd wire.Command
				in  body
			}{
				{wire.CmdSend, &wire.SendRequest{To: "bob", ClientId: "c1", Type: 100, Body: `{"a":"b"}`, Ext: "\u2028\x1e"}},
				{wire.CmdAck, &wire.AckRequest{Version: 1<<64 - 1}},
				{wire.CmdRead, &wire.ReadRequest{Peer: "bob", Seq: 5}},
				{wire.CmdRecall, &wire.RecallRequest{Peer: "bob", Seq: 5, ClientId: "c2", Note: "oops"}},
				{wire.CmdSync, &wire.SyncRequest{Version: 3, Limit: 9}},
				{wire.CmdHistory, &wire.HistoryRequest{Peer: "bob", FromSeq: 1, ToSeq: 2, Reverse: true}},
				{wire.CmdProfiles, &wire.ProfilesRequest{Accounts: []string{"a", "b"}}},
				{wire.CmdUpdateProfile, &wire.UpdateProfileRequest{Name: &name}},
				{wire.CmdKick, &wire.KickRequest{SessionIds: []uint64{1, 1 << 63}}},
				{wire.CmdEnterRoom, &wire.EnterRoomRequest{Room: "r"}},
				{wire.CmdExitRoom, &wire.ExitRoomRequest{Room: "r"}},
				{wire.CmdSendRoom, &wire.SendRoomRequest{Room: "r", Body: "hi"}},
				{wire.CmdLogin, &wire.LoginRequest{Account: "again"}},
				{wire.CmdLogout, &wire.LogoutRequest{}},
			}
			for _, r := range requests {
				want := wire.CodeOK
				if r.cmd == wire.CmdLogin {
					want = wire.CodeRepeated
				}
				if code, text := c.do(r.cmd, r.in); code != want {
					t.Errorf("%v: code %d, %s", r.cmd, code, text)
				}
			}
			seen := h.seen()[1:]
			if len(seen) != len(requests) {
				t.Fatalf("the handler was asked %d times, want %d", len(seen), len(requests))
			}
			for i, r := range requests {
				got := r.in.ProtoReflect().New().Interface().(body)
				if err := got.UnmarshalVT([]byte(seen[i].payload)); err != nil || seen[i].cmd != r.cmd || !proto.Equal(got, r.in) {
					t.Errorf("the handler was asked %v %v, want %v %v; error %v", seen[i].cmd, got, r.cmd, r.in, err)
				}
			}
		})
	}
}

func TestPipelinedRequestsAreHandledInOrder(t *testing.T) {
	h := newHandler()
	var replies []func()
	h.serve = func(s *session.Session, cmd wire.Command, serial uint64, payload []byte) {
		var in wire.ReadRequest
		if in.UnmarshalVT(payload) != nil {
			return
		}
		replies = append(replies, func() { s.Conn().Reply(serial, wire.CodeOK, &wire.SendResponse{Seq: in.Seq}) })
		if len(replies) == 100 { // answered in the reverse order
			for i := len(replies) - 1; i >= 0; i-- {
				replies[i]()
			}
		}
	}
	g := start(t, h, weblink.Options{})
	c := g.enter(t, "alice")
	var calls []*weblinktest.Call
	for i := range 100 {
		calls = append(calls, c.begin("read", &wire.ReadRequest{Seq: uint64(i + 1)}))
	}
	for i, call := range calls {
		code, text := c.wait(call)
		var out wire.SendResponse
		if err := weblinktest.Decode(text, &out); err != nil || code != wire.CodeOK || out.Seq != uint64(i+1) {
			t.Fatalf("request %d was answered with %d %s, error %v", i, code, text, err)
		}
	}
	for i, r := range h.seen()[1:] {
		var in wire.ReadRequest
		if err := in.UnmarshalVT([]byte(r.payload)); err != nil || in.Seq != uint64(i+1) {
			t.Fatalf("request %d came as number %d, error %v", in.Seq, i+1, err)
		}
	}
}

func TestARequestWithoutAnIDIsServed(t *testing.T) {
	h := newHandler()
	g := start(t, h, weblink.Options{})
	c := g.enter(t, "alice")
	for _, packet := range []string{
		`2["read",{"seq":"9"}]`, `2["no_such_event",1]`, `2["send",[]]`,
	} {
		if err := c.SendPacket(packet); err != nil {
			t.Fatal(err)
		}
	}
	// An answer that nobody has asked for would end this client.
	c.ok(wire.CmdAck, nil, nil)
	var in wire.ReadRequest
	if seen := h.seen(); len(seen) != 4 || seen[1].cmd != wire.CmdRead || in.UnmarshalVT([]byte(seen[1].payload)) != nil || in.Seq != 9 {
		t.Errorf("the handler was asked %v", seen)
	}
}

func TestRequestsWithoutABody(t *testing.T) {
	h := newHandler()
	g := start(t, h, weblink.Options{})
	c := g.enter(t, "alice")
	for _, argument := range []any{nil, json.RawMessage("null"), json.RawMessage("{}")} {
		if code, text := c.wait(c.begin("sync", argument)); code != wire.CodeOK || string(text) != "{}" {
			t.Errorf("sync with %s: code %d, %s", argument, code, text)
		}
	}
	for _, r := range h.seen()[1:] {
		if r.cmd != wire.CmdSync || r.payload != "" {
			t.Errorf("the handler was asked %v", r)
		}
	}
}

func TestWhatIsNoRequestIsAnsweredAndTheSessionStays(t *testing.T) {
	h := newHandler()
	g := start(t, h, weblink.Options{})
	c := g.enter(t, "alice")
	for _, test := range []struct {
		name, argument string
		code           wire.Code
		note           string
	}{
		{"send", `[]`, wire.CodeBadParameter, "send takes one JSON object: the argument is not the JSON form of SendRequest: unexpected token at 1:1"},
		{"send", `"hello"`, wire.CodeBadParameter, "unexpected token"},
		{"send", `{"to":5}`, wire.CodeBadParameter, "invalid value for string field to at 1:7"},
		{"send", `{"to":"a"},{"to":"b"}`, wire.CodeBadParameter, "unexpected token at 1:11"},
		{"send", `{"x":` + strings.Repeat("[", 40) + strings.Repeat("]", 40) + `}`, wire.CodeBadParameter, "nested too deeply"},
		{"send", `{"body":"` + strings.Repeat("x", 300_000) + `"}`, wire.CodeBadParameter, "the argument of send is longer than 262144 bytes"},
		{"no_such_event", `{}`, wire.CodeBadProtocol, "unknown"},
		{"message", `{}`, wire.CodeBadProtocol, "unknown"},
		{"toString", `{}`, wire.CodeBadProtocol, "unknown"},
	} {
		code, note := c.raw(test.name, test.argument)
		if code != test.code || !strings.Contains(note, test.note) {
			t.Errorf("%s %.30s: code %d, %q, want %d, %q", test.name, test.argument, code, note, test.code, test.note)
		}
	}
	if err := c.SendPacket(`51-9999["send",{"body":{"_placeholder":true,"num":0}}]`, []byte("binary")); err != nil {
		t.Fatal(err)
	}
	select {
	case <-c.Ended(): // the client did not ask with this id
		if err := c.Err(); err == nil || !strings.Contains(err.Error(), "9999") {
			t.Errorf("an attachment: %v", err)
		}
	case <-time.After(patience):
		t.Error("an attachment is not answered")
	}
	for kind, want := range map[string]float64{"json": 5, "size": 1, "event": 3, "attachment": 1, "login": 0} {
		g.wantCount(t, "yizhan_weblink_bad_requests_total", kind, want)
	}
	for _, r := range h.seen()[1:] {
		if r.cmd != 0 || r.payload != "" {
			t.Errorf("the handler was asked %v, want only unknown commands", r)
		}
	}
}

func TestAClientThatDoesNotStopIsClosed(t *testing.T) {
	h := newHandler()
	g := start(t, h, weblink.Options{})
	c := g.enter(t, "alice")
	for range weblink.MaxMisuse {
		c.raw("send", "[]")
	}
	c.ok(wire.CmdAck, nil, nil) // one good request makes up for one bad one
	c.raw("send", "[]")
	c.begin("send", json.RawMessage(`["s3cret"]`))
	c.wantClosed(wire.CodeRateLimited)
	h.wantEnded(t, wire.CodeRateLimited)
	if log := g.log.String(); !strings.Contains(log, "session=7") || strings.Contains(log, "s3cret") {
		t.Errorf("log: %s", log)
	}
}

// No event of the gateway asks for an acknowledgement, and nobody else would count
// those that come.
func TestAcknowledgementsThatNobodyAskedForAreMisuse(t *testing.T) {
	h := newHandler()
	g := start(t, h, weblink.Options{})
	c := g.enter(t, "alice")
	for range weblink.MaxMisuse {
		if err := c.SendPacket(`31[{"s3cret":1}]`); err != nil {
			t.Fatal(err)
		}
	}
	c.ok(wire.CmdAck, nil, nil) // makes up for one
	for range 2 {
		if err := c.SendPacket(`31[{"s3cret":1}]`); err != nil {
			t.Fatal(err)
		}
	}
	c.wantClosed(wire.CodeRateLimited)
	h.wantEnded(t, wire.CodeRateLimited)
	g.wantCount(t, "yizhan_weblink_bad_requests_total", "ack", weblink.MaxMisuse+2)
	if log := g.log.String(); strings.Contains(log, "s3cret") {
		t.Errorf("log: %s", log)
	}
}

func TestAProtocolErrorEndsTheSession(t *testing.T) {
	for name, packet := range map[string]string{
		"no JSON":         `2["send",{]`,
		"a reserved name": `2["disconnect"]`,
		"no such type":    `9`,
		"CONNECT again":   `0{}`,
	} {
		t.Run(name, func(t *testing.T) {
			h := newHandler()
			g := start(t, h, weblink.Options{})
			c := g.enter(t, "alice")
			if err := c.SendPacket(packet); err != nil {
				t.Fatal(err)
			}
			c.wantEnd(false)
			h.wantEnded(t, wire.CodeMalformedFrame)
		})
	}
}

func TestAnswersThatCannotBeSent(t *testing.T) {
	h := newHandler()
	h.serve = func(s *session.Session, cmd wire.Command, serial uint64, payload []byte) {
		s.Conn().Reply(serial, wire.CodeOK, &wire.ErrorBody{Note: "no UTF-8: \xff"})
	}
	g := start(t, h, weblink.Options{})
	c := g.enter(t, "alice")
	if code, text := c.do(wire.CmdAck, nil); code != wire.CodeServerError || string(text) != "{}" {
		t.Errorf("code %d, %s", code, text)
	}
}

func TestLargeAnswers(t *testing.T) {
	h := newHandler()
	const body = "a quick \"fox\" 狐狸 "
	h.serve = func(s *session.Session, cmd wire.Command, serial uint64, payload []byte) {
		out := new(wire.HistoryResponse)
		for range 100 {
			out.Messages = append(out.Messages, &wire.Message{From: "bob", Body: strings.Repeat(body, 400)})
		}
		s.Conn().Reply(serial, wire.CodeOK, out)
	}
	g := start(t, h, weblink.Options{QueueBytes: 1000, Deflate: true})
	for _, o := range []weblinktest.Options{{}, {Polling: true}, {Deflate: true}} {
		c := g.enterBy(t, "alice", o)
		before := g.count(t, "yizhan_weblink_sent_bytes_total", "")
		for range 3 {
			var out wire.HistoryResponse
			if c.ok(wire.CmdHistory, nil, &out); len(out.Messages) != 100 || len(out.Messages[99].Body) != 400*len(body) {
				t.Errorf("got %d messages", len(out.Messages))
			}
		}
		sent, size := g.count(t, "yizhan_weblink_sent_bytes_total", "")-before, float64(3*100*400*len(body))
		if compressed := sent < size/10; compressed != o.Deflate {
			t.Errorf("%+v: %.0f bytes of text were sent as %.0f", o, size, sent)
		}
	}
}
