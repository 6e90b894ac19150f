package app

import (
	"fmt"
	"net/netip"
	"strings"
	"testing"
	"time"

	"github.com/yizhan-im/yizhan/appliance/state"
	"github.com/yizhan-im/yizhan/appliance/wire"
)

func addrPort(s string) netip.AddrPort { return netip.MustParseAddrPort(s) }

func TestMessageReachesAllDevicesButItsOrigin(t *testing.T) {
	w := shared.newTenant(t, state.Limits{})
	w.account("bob")
	phone := w.login("alice")
	desk := w.loginOn("alice", "desk", wire.Platform_PLATFORM_PC)
	bobPhone := w.login("bob")
	bobWeb := w.loginOn("bob", "tab", wire.Platform_PLATFORM_WEB)
	bystander := w.login("carol")

	in := &wire.SendRequest{To: "BOB", ClientId: "m1", Body: "hello", Ext: `{"k":1}`}
	var sent wire.SendResponse
	phone.ok(wire.CmdSend, in, &sent)
	if sent.Seq != 1 || sent.Id == 0 || sent.TimeMs == 0 || sent.Duplicate {
		t.Errorf("answer %v", &sent)
	}
	for _, p := range []*peer{desk, bobPhone, bobWeb} {
		var push wire.MessagePush
		p.push(wire.PushMessage, &push)
		m := push.Message
		if m.From != "alice" || m.To != "bob" || m.ClientId != "m1" || m.Body != "hello" || m.Ext != in.Ext ||
			m.FromDevice != "phone" || m.FromPlatform != wire.Platform_PLATFORM_ANDROID ||
			m.Seq != sent.Seq || m.Id != sent.Id || m.TimeMs != sent.TimeMs {
			t.Errorf("pushed %v", m)
		}
	}
	w.settle(t)
	phone.quiet()
	bystander.quiet()
}

func TestResendingIsAnsweredAndNotPushedAgain(t *testing.T) {
	w := shared.newTenant(t, state.Limits{})
	w.account("bob")
	alice, bob := w.login("alice"), w.login("bob")
	var first, second wire.SendResponse
	alice.ok(wire.CmdSend, text("bob", "m1", "hello"), &first)
	alice.ok(wire.CmdSend, text("bob", "m1", "hello"), &second)
	if !second.Duplicate || second.Seq != first.Seq || second.Id != first.Id || second.TimeMs != first.TimeMs {
		t.Errorf("first %v, again %v", &first, &second)
	}
	bob.push(wire.PushMessage, new(wire.MessagePush))
	w.settle(t)
	bob.quiet()
}

func TestPipelinedMessagesKeepTheirOrder(t *testing.T) {
	w := shared.newTenant(t, state.Limits{})
	w.account("bob")
	alice, bob := w.login("alice"), w.login("bob")
	const n = 100
	serials := make([]uint64, n)
	for i := range serials {
		serials[i] = alice.start(wire.CmdSend, text("bob", fmt.Sprint("m", i), fmt.Sprint(i)))
	}
	for i, serial := range serials {
		var out wire.SendResponse
		r := alice.answer(serial)
		if err := out.UnmarshalVT(r.body); r.code != wire.CodeOK || err != nil || out.Seq != uint64(i+1) {
			t.Fatalf("message %d: %v, %v, %v", i, r.code, err, &out)
		}
	}
	for i := range serials {
		var push wire.MessagePush
		bob.push(wire.PushMessage, &push)
		if push.Message.Seq != uint64(i+1) || push.Message.Body != fmt.Sprint(i) {
			t.Fatalf("push %d is %v", i, push.Message)
		}
	}
}

func TestMessageToOneselfIsPushedOnceToOtherDevices(t *testing.T) {
	w := shared.newTenant(t, state.Limits{})
	phone := w.login("alice")
	desk := w.loginOn("alice", "desk", wire.Platform_PLATFORM_PC)
	phone.ok(wire.CmdSend, text("alice", "m1", "note"), nil)
	desk.push(wire.PushMessage, new(wire.MessagePush))
	w.settle(t)
	desk.quiet()
	phone.quiet()
}

func TestSendIsValidated(t *testing.T) {
	w := shared.newTenant(t, state.Limits{MaxBodyBytes: 16000})
	w.account("bob")
	alice := w.login("alice")
	for i, c := range []struct {
		name   string
		change func(*wire.SendRequest)
		code   wire.Code
	}{
		{"text", func(*wire.SendRequest) {}, wire.CodeOK},
		{"empty text", func(in *wire.SendRequest) { in.Body = "" }, wire.CodeBadParameter},
		{"5000 characters", func(in *wire.SendRequest) { in.Body = strings.Repeat("语", 5000) }, wire.CodeOK},
		{"5001 characters", func(in *wire.SendRequest) { in.Body = strings.Repeat("a", 5001) }, wire.CodeBadParameter},
		{"more bytes than the tenant allows", func(in *wire.SendRequest) { in.Body = strings.Repeat("😀", 4001) }, wire.CodeBadParameter},
		{"1024 characters of ext", func(in *wire.SendRequest) { in.Ext = strings.Repeat("é", 1024) }, wire.CodeOK},
		{"1025 characters of ext", func(in *wire.SendRequest) { in.Ext = strings.Repeat("é", 1025) }, wire.CodeBadParameter},
		{"body not UTF-8", func(in *wire.SendRequest) { in.Body = "a\xff" }, wire.CodeBadParameter},
		{"ext not UTF-8", func(in *wire.SendRequest) { in.Ext = "a\xff" }, wire.CodeBadParameter},
		{"client id not UTF-8", func(in *wire.SendRequest) { in.ClientId = "a\xff" }, wire.CodeBadParameter},
		{"no client id", func(in *wire.SendRequest) { in.ClientId = "" }, wire.CodeBadParameter},
		{"client id of 65 bytes", func(in *wire.SendRequest) { in.ClientId = strings.Repeat("a", 65) }, wire.CodeBadParameter},
		{"nobody", func(in *wire.SendRequest) { in.To = "" }, wire.CodeBadParameter},
		{"bad receiver", func(in *wire.SendRequest) { in.To = "b/ob" }, wire.CodeBadParameter},
		{"unknown receiver", func(in *wire.SendRequest) { in.To = "nobody" }, wire.CodeNotFound},
		{"team", func(in *wire.SendRequest) { in.Scene = wire.Scene_SCENE_TEAM }, wire.CodeBadParameter},
		{"scene", func(in *wire.SendRequest) { in.Scene = 2 }, wire.CodeBadParameter},
		{"mention outside a team", func(in *wire.SendRequest) { in.MentionAll = true }, wire.CodeBadParameter},
		{"image", func(in *wire.SendRequest) { in.Type, in.Body = 1, `{"url":"u"}` }, wire.CodeOK},
		{"image with fields of the app", func(in *wire.SendRequest) { in.Type, in.Body = 1, `{"url":"u","w":1,"h":2.5,"mine":[]}` }, wire.CodeOK},
		{"image without a url", func(in *wire.SendRequest) { in.Type, in.Body = 1, `{"w":1}` }, wire.CodeBadParameter},
		{"image with an empty url", func(in *wire.SendRequest) { in.Type, in.Body = 1, `{"url":""}` }, wire.CodeBadParameter},
		{"image, a list", func(in *wire.SendRequest) { in.Type, in.Body = 1, `["u"]` }, wire.CodeBadParameter},
		{"image, null", func(in *wire.SendRequest) { in.Type, in.Body = 1, `null` }, wire.CodeBadParameter},
		{"image of negative width", func(in *wire.SendRequest) { in.Type, in.Body = 1, `{"url":"u","w":-1}` }, wire.CodeBadParameter},
		{"audio", func(in *wire.SendRequest) { in.Type, in.Body = 2, `{"url":"u","dur":1000}` }, wire.CodeOK},
		{"audio whose length is a text", func(in *wire.SendRequest) { in.Type, in.Body = 2, `{"url":"u","dur":"1000"}` }, wire.CodeBadParameter},
		{"video", func(in *wire.SendRequest) { in.Type, in.Body = 3, `{"url":"u"}` }, wire.CodeOK},
		{"location", func(in *wire.SendRequest) { in.Type, in.Body = 4, `{"lat":-90,"lng":180,"title":"t"}` }, wire.CodeOK},
		{"location without lng", func(in *wire.SendRequest) { in.Type, in.Body = 4, `{"lat":1}` }, wire.CodeBadParameter},
		{"location off the earth", func(in *wire.SendRequest) { in.Type, in.Body = 4, `{"lat":90.5,"lng":1}` }, wire.CodeBadParameter},
		{"file", func(in *wire.SendRequest) { in.Type, in.Body = 6, `{"url":"u","size":1e15}` }, wire.CodeOK},
		{"file larger than numbers go", func(in *wire.SendRequest) { in.Type, in.Body = 6, `{"url":"u","size":1e17}` }, wire.CodeBadParameter},
		{"push", func(in *wire.SendRequest) { in.Push = &wire.PushOptions{Content: "c", Payload: "{}"} }, wire.CodeOK},
		{"push payload, not JSON", func(in *wire.SendRequest) { in.Push = &wire.PushOptions{Payload: "{"} }, wire.CodeBadParameter},
		{"push payload too long", func(in *wire.SendRequest) {
			in.Push = &wire.PushOptions{Payload: `"` + strings.Repeat("a", 2047) + `"`}
		}, wire.CodeBadParameter},
		{"push content too long", func(in *wire.SendRequest) { in.Push = &wire.PushOptions{Content: strings.Repeat("语", 501)} }, wire.CodeBadParameter},
		{"force push outside a team", func(in *wire.SendRequest) { in.Push = &wire.PushOptions{ForceAll: true} }, wire.CodeBadParameter},
		{"reply that is not kept", func(in *wire.SendRequest) { in.ReplyTo, in.Options = 1, &wire.MessageOptions{OnlineOnly: true} }, wire.CodeBadParameter},
		{"reply to nothing", func(in *wire.SendRequest) { in.ReplyTo = 99 }, wire.CodeNotFound},
		{"forward with content", func(in *wire.SendRequest) { in.Forward = &wire.Origin{Peer: "bob", Seq: 1} }, wire.CodeBadParameter},
		{"forward of nothing", func(in *wire.SendRequest) { in.Body, in.Forward = "", &wire.Origin{Peer: "bob", Seq: 999} }, wire.CodeNotFound},
		{"forward of no entry", func(in *wire.SendRequest) { in.Body, in.Forward = "", &wire.Origin{Peer: "bob"} }, wire.CodeBadParameter},
		{"merged without messages", func(in *wire.SendRequest) { in.Type = 101 }, wire.CodeBadParameter},
		{"merged of another type", func(in *wire.SendRequest) { in.Merged = []*wire.Origin{{Peer: "bob", Seq: 1}} }, wire.CodeBadParameter},
		{"merged of 51", func(in *wire.SendRequest) { in.Type, in.Merged = 101, make([]*wire.Origin, 51) }, wire.CodeBadParameter},
		{"tip", func(in *wire.SendRequest) { in.Type, in.Body = 10, `{"msg":"t"}` }, wire.CodeOK},
		{"custom", func(in *wire.SendRequest) { in.Type, in.Body = 100, `[1,"x"]` }, wire.CodeOK},
		{"custom, not JSON", func(in *wire.SendRequest) { in.Type, in.Body = 100, `{` }, wire.CodeBadParameter},
		{"custom, empty", func(in *wire.SendRequest) { in.Type, in.Body = 100, "" }, wire.CodeBadParameter},
		{"team notification", func(in *wire.SendRequest) { in.Type, in.Body = 5, `{}` }, wire.CodeBadParameter},
		{"recall entry", func(in *wire.SendRequest) { in.Type, in.Body = 1000, `{}` }, wire.CodeBadParameter},
		{"unknown type", func(in *wire.SendRequest) { in.Type, in.Body = 7, `{}` }, wire.CodeBadParameter},
	} {
		in := text("bob", fmt.Sprint("m", i), "hello")
		c.change(in)
		if code := alice.do(wire.CmdSend, in, nil); code != c.code {
			t.Errorf("%s: answered %v, want %v", c.name, code, c.code)
		}
	}
}

func TestReceiptReachesThePeerAndTheReadersOtherDevices(t *testing.T) {
	w := shared.newTenant(t, state.Limits{})
	w.account("bob")
	for range 3 {
		w.send(t, "alice", "bob", "hello")
	}
	w.settle(t)
	alice := w.login("alice")
	phone := w.login("bob")
	desk := w.loginOn("bob", "desk", wire.Platform_PLATFORM_PC)

	phone.ok(wire.CmdRead, &wire.ReadRequest{Peer: "alice", Seq: 2}, nil)
	for _, p := range []*peer{alice, desk} {
		var push wire.ReadPush
		p.push(wire.PushRead, &push)
		if push.Reader != "bob" || push.Peer != "alice" || push.Seq != 2 || push.TimeMs == 0 {
			t.Errorf("pushed %v", &push)
		}
	}
	phone.ok(wire.CmdRead, &wire.ReadRequest{Peer: "alice", Seq: 1}, nil) // moves nothing
	w.settle(t)
	for _, p := range []*peer{alice, phone, desk} {
		p.quiet()
	}

	phone.refused(wire.CodeNotFound, wire.CmdRead, &wire.ReadRequest{Peer: "nobody", Seq: 1})
	phone.refused(wire.CodeBadParameter, wire.CmdRead, &wire.ReadRequest{Seq: 1})
	phone.refused(wire.CodeBadParameter, wire.CmdRead, &wire.ReadRequest{Scene: wire.Scene_SCENE_TEAM, Peer: "alice", Seq: 1})
}

func TestAckIsKeptForTheDevice(t *testing.T) {
	w := shared.newTenant(t, state.Limits{})
	sent := w.send(t, "bob", "alice", "hello")
	p := w.login("alice")
	p.ok(wire.CmdAck, &wire.AckRequest{Version: sent.Id}, nil)
	got, err := w.app.queries.DeviceVersion(w.tenant.ID, "alice", "phone")
	if err != nil || got != sent.Id {
		t.Errorf("device version %d, %v; want %d", got, err, sent.Id)
	}
}

func TestRecallTakesBackOnesOwnMessage(t *testing.T) {
	w := shared.newTenant(t, state.Limits{})
	w.account("bob")
	alice, bob := w.login("alice"), w.login("bob")
	var sent wire.SendResponse
	alice.ok(wire.CmdSend, text("bob", "m1", "oops"), &sent)
	bob.push(wire.PushMessage, new(wire.MessagePush))

	recall := &wire.RecallRequest{Peer: "bob", Seq: sent.Seq, ClientId: "r1", Note: "sorry"}
	bob.refused(wire.CodeForbidden, wire.CmdRecall, &wire.RecallRequest{Peer: "alice", Seq: sent.Seq, ClientId: "r1"})
	var first, again wire.RecallResponse
	alice.ok(wire.CmdRecall, recall, &first)
	alice.ok(wire.CmdRecall, recall, &again)
	if first.Seq != 2 || first.Id <= sent.Id || again.Seq != first.Seq || again.Id != first.Id {
		t.Errorf("recalls %v and %v", &first, &again)
	}
	var push wire.MessagePush
	bob.push(wire.PushMessage, &push)
	if m := push.Message; m.Type != state.TypeRecall || m.RefSeq != sent.Seq || m.Seq != first.Seq || m.Body != "sorry" || m.FromDevice != "phone" {
		t.Errorf("pushed %v", m)
	}
	w.settle(t)
	alice.quiet()
	bob.quiet()

	var page wire.HistoryResponse
	bob.ok(wire.CmdHistory, &wire.HistoryRequest{Peer: "alice"}, &page)
	if m := page.Messages[0]; !m.Recalled || m.Body != "" {
		t.Errorf("history shows %v", m)
	}

	for _, c := range []struct {
		code wire.Code
		in   *wire.RecallRequest
	}{
		{wire.CodeNotFound, &wire.RecallRequest{Peer: "bob", Seq: 99, ClientId: "r2"}},
		{wire.CodeNotFound, &wire.RecallRequest{Peer: "nobody", Seq: 1, ClientId: "r2"}},
		{wire.CodeForbidden, &wire.RecallRequest{Peer: "bob", Seq: first.Seq, ClientId: "r2"}},
		{wire.CodeBadParameter, &wire.RecallRequest{Peer: "bob", ClientId: "r2"}},
		{wire.CodeBadParameter, &wire.RecallRequest{Seq: 1, ClientId: "r2"}},
		{wire.CodeBadParameter, &wire.RecallRequest{Peer: "bob", Seq: 1, ClientId: strings.Repeat("a", 65)}},
		{wire.CodeBadParameter, &wire.RecallRequest{Peer: "bob", Seq: 1, Note: strings.Repeat("a", 1025)}},
		{wire.CodeBadParameter, &wire.RecallRequest{Scene: wire.Scene_SCENE_TEAM, Peer: "bob", Seq: 1}},
	} {
		alice.refused(c.code, wire.CmdRecall, c.in)
	}
}

func TestRecallWindowBindsSendersAndNotAnInsistingBackend(t *testing.T) {
	n := newNode(t)
	w := n.newTenant(t, state.Limits{RecallSeconds: 60})
	w.account("bob")
	alice := w.login("alice")
	var sent wire.SendResponse
	alice.ok(wire.CmdSend, text("bob", "m1", "oops"), &sent)
	n.shift.Add(int64(61 * time.Second))
	alice.refused(wire.CodeRecallExpired, wire.CmdRecall, &wire.RecallRequest{Peer: "bob", Seq: sent.Seq, ClientId: "r1"})

	recall := func(from string, id uint64, timeMs int64, insist bool) wire.Code {
		_, err := n.app.Recall(t.Context(), w.tenant.AppKey, from, "bob", id, timeMs, "", insist)
		return wire.CodeOf(err)
	}
	if code := recall("alice", sent.Id, sent.TimeMs, false); code != wire.CodeRecallExpired {
		t.Errorf("backend within the window's rule: %v", code)
	}
	if code := recall("alice", sent.Id+1, sent.TimeMs, true); code != wire.CodeNotFound {
		t.Errorf("unknown id: %v", code)
	}
	if code := recall("alice", sent.Id, sent.TimeMs+1, true); code != wire.CodeNotFound {
		t.Errorf("wrong time: %v", code)
	}
	if code := recall("bob", sent.Id, sent.TimeMs, true); code != wire.CodeNotFound {
		t.Errorf("not the sender: %v", code)
	}
	if code := recall("alice", sent.Id, sent.TimeMs, true); code != wire.CodeOK {
		t.Errorf("insisting: %v", code)
	}
}

func TestEncodingASendAllocatesNothing(t *testing.T) {
	w := shared.newTenant(t, state.Limits{})
	alice := w.login("alice")
	in := &wire.SendRequest{To: "bob", ClientId: "0123456789abcdef", Type: 100, Body: `{"text":"hello there"}`, Ext: "{}"}
	payload := make([]byte, in.SizeVT())
	if _, err := in.MarshalToSizedBufferVT(payload); err != nil {
		t.Fatal(err)
	}
	r := request{session: alice.session, client: clientOf(alice.session), identity: alice.session.Identity(),
		tenant: w.tenant, cmd: wire.CmdSend, serial: 1, start: time.Now()}
	o := w.app.newOp(&r) // one for all runs: the pool may lose some to the collector
	defer o.recycle()
	allocs := testing.AllocsPerRun(100, func() {
		if err := o.encodeSend(payload); err != nil {
			t.Fatal(err)
		}
		o.in.Reset()
		o.message.Reset()
	})
	if allocs > 0 {
		t.Errorf("%v allocations", allocs)
	}
}
