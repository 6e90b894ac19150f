package app

import (
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/yizhan-im/yizhan/appliance/state"
	"github.com/yizhan-im/yizhan/appliance/wire"
)

func (p *peer) enter(room string, members uint32) {
	p.t.Helper()
	var out wire.EnterRoomResponse
	p.ok(wire.CmdEnterRoom, &wire.EnterRoomRequest{Room: room}, &out)
	if out.Members != members {
		p.t.Errorf("entered %s with %d members, want %d", room, out.Members, members)
	}
}

// inRoom is a request that sends a text to a room.
func inRoom(room, body string) *wire.SendRoomRequest {
	return &wire.SendRoomRequest{Room: room, ClientId: "c-" + body, Body: body}
}

func (p *peer) wantRoomMessage(body string) {
	p.t.Helper()
	var got wire.RoomMessagePush
	p.push(wire.PushRoomMessage, &got)
	if got.Body != body {
		p.t.Errorf("got %q, want %q", got.Body, body)
	}
}

func TestRoomMessage(t *testing.T) {
	n := newNode(t)
	w := n.newTenant(t, state.Limits{})
	n.shift.Store(int64(1000 * time.Hour))
	alice, desk := w.login("alice"), w.loginOn("alice", "desk", wire.Platform_PLATFORM_PC)
	bob := w.login("bob")
	alice.enter("Lobby-大厅", 1)
	desk.enter("Lobby-大厅", 2)
	bob.enter("Lobby-大厅", 3)
	bob.enter("lobby-大厅", 1) // another room

	in := &wire.SendRoomRequest{Room: "Lobby-大厅", ClientId: "c1", Type: 100, Body: `{"a":1}`, Ext: "e"}
	var out wire.SendRoomResponse
	before := n.app.now().UnixMilli()
	alice.ok(wire.CmdSendRoom, in, &out)
	if out.Id == 0 || out.TimeMs < before || out.TimeMs > n.app.now().UnixMilli() {
		t.Errorf("answer %v", &out)
	}
	want := &wire.RoomMessagePush{
		Room: "Lobby-大厅", From: "alice", FromPlatform: wire.Platform_PLATFORM_ANDROID, ClientId: "c1",
		Type: 100, Body: `{"a":1}`, Ext: "e", Id: out.Id, TimeMs: out.TimeMs,
	}
	for _, p := range []*peer{desk, bob} {
		var got wire.RoomMessagePush
		p.push(wire.PushRoomMessage, &got)
		if got.String() != want.String() {
			t.Errorf("got %v, want %v", &got, want)
		}
		p.quiet()
	}
	alice.quiet()

	// Without a client_id, which is the sender's own business.
	bob.ok(wire.CmdSendRoom, &wire.SendRoomRequest{Room: "Lobby-大厅", Body: "hi"}, nil)
	alice.wantRoomMessage("hi")
	desk.wantRoomMessage("hi")

	bob.ok(wire.CmdExitRoom, &wire.ExitRoomRequest{Room: "Lobby-大厅"}, nil)
	bob.ok(wire.CmdExitRoom, &wire.ExitRoomRequest{Room: "Lobby-大厅"}, nil)
	bob.refused(wire.CodeForbidden, wire.CmdSendRoom, inRoom("Lobby-大厅", "1"))
	alice.ok(wire.CmdSendRoom, inRoom("Lobby-大厅", "2"), nil)
	desk.wantRoomMessage("2")
	bob.quiet()
	if got := n.metric(t, "yizhan_room_messages_total", nil); got != 3 {
		t.Errorf("%v messages counted", got)
	}
}

func TestRoomRequestsAreChecked(t *testing.T) {
	w := shared.newTenant(t, state.Limits{MaxBodyBytes: 20})
	p := w.login("alice")
	p.enter("lobby", 1)
	for _, name := range []string{
		"", strings.Repeat("a", 65), strings.Repeat("大", 22), "a b", " ", "a\n", "a\x00", "a\x7f", "\xff", "a\u00a0b", "a\u200bb", "\u202eabc", "\ufeff", "\u2028",
	} {
		p.refused(wire.CodeBadParameter, wire.CmdEnterRoom, &wire.EnterRoomRequest{Room: name})
		p.refused(wire.CodeBadParameter, wire.CmdExitRoom, &wire.ExitRoomRequest{Room: name})
		p.refused(wire.CodeBadParameter, wire.CmdSendRoom, inRoom(name, "hi"))
	}
	for _, name := range []string{"a", "7", strings.Repeat("a", 64), strings.Repeat("大", 21), "été/😀:#?&=%20", "<b>"} {
		p.enter(name, 1)
		p.ok(wire.CmdSendRoom, inRoom(name, "hi"), nil)
	}
	for _, in := range []*wire.SendRoomRequest{
		{Room: "lobby", Body: ""},
		{Room: "lobby", Body: "\xff"},
		{Room: "lobby", Body: strings.Repeat("a", 21)},
		{Room: "lobby", Body: "not json", Type: 100},
		{Room: "lobby", Body: "{}", Type: 7},
		{Room: "lobby", Body: "{}", Type: 1000},
		{Room: "lobby", Body: "{}", Type: typeMerged},
		{Room: "lobby", Body: "a", Ext: strings.Repeat("a", maxExt+1)},
		{Room: "lobby", Body: "a", ClientId: strings.Repeat("a", maxClientID+1)},
		{Room: "lobby", Body: "a", ClientId: "\xff"},
	} {
		p.refused(wire.CodeBadParameter, wire.CmdSendRoom, in)
	}
	p.isOpen()
}

func TestRoomsNeedALogin(t *testing.T) {
	for cmd, in := range map[wire.Command]wire.Body{
		wire.CmdEnterRoom: &wire.EnterRoomRequest{Room: "lobby"},
		wire.CmdExitRoom:  &wire.ExitRoomRequest{Room: "lobby"},
		wire.CmdSendRoom:  inRoom("lobby", "hi"),
	} {
		p := connect(t, shared.app)
		p.refused(wire.CodeForbidden, cmd, in)
		p.isClosed(wire.CodeForbidden, wire.PushClose, new(wire.ClosePush))
	}
}

func TestTooManyRoomsAreRefused(t *testing.T) {
	w := shared.newTenant(t, state.Limits{})
	p := w.login("alice")
	for i := range 16 {
		p.enter(fmt.Sprint("room-", i), 1)
	}
	p.refused(wire.CodeCountLimit, wire.CmdEnterRoom, &wire.EnterRoomRequest{Room: "one-more"})
	p.ok(wire.CmdExitRoom, &wire.ExitRoomRequest{Room: "room-3"}, nil)
	p.enter("one-more", 1)
}

func TestRoomsOfTenantsAreApart(t *testing.T) {
	w, v := shared.newTenant(t, state.Limits{}), shared.newTenant(t, state.Limits{})
	alice, bob := w.login("alice"), w.login("bob")
	spy, twin := v.login("alice"), v.login("mallory")
	alice.enter("lobby", 1)
	bob.enter("lobby", 2)
	spy.refused(wire.CodeForbidden, wire.CmdSendRoom, inRoom("lobby", "let me in"))
	spy.enter("lobby", 1)
	twin.enter("lobby", 2)

	alice.ok(wire.CmdSendRoom, inRoom("lobby", "ours"), nil)
	spy.ok(wire.CmdSendRoom, inRoom("lobby", "theirs"), nil)
	bob.wantRoomMessage("ours")
	twin.wantRoomMessage("theirs")
	spy.ok(wire.CmdExitRoom, &wire.ExitRoomRequest{Room: "lobby"}, nil)
	bob.ok(wire.CmdSendRoom, inRoom("lobby", "ours too"), nil)
	alice.wantRoomMessage("ours too")
	for _, p := range []*peer{alice, bob, spy, twin} {
		p.quiet()
	}
	alice.enter("lobby", 2)
}

// TestEndedSessionsLeaveTheirRoomsAtOnce: not when the gateway has noticed.
func TestEndedSessionsLeaveTheirRoomsAtOnce(t *testing.T) {
	for name, end := range map[string]func(w *world, p *peer){
		"logout": func(_ *world, p *peer) { p.ok(wire.CmdLogout, &wire.LogoutRequest{}, nil) },
		"replaced": func(w *world, p *peer) {
			w.loginOn("alice", "phone", wire.Platform_PLATFORM_ANDROID)
		},
		"other device": func(w *world, p *peer) {
			desk := w.loginOn("alice", "desk", wire.Platform_PLATFORM_PC)
			desk.ok(wire.CmdKick, &wire.KickRequest{SessionIds: []uint64{p.session.Identity().SessionID}}, nil)
		},
		"new token": func(w *world, p *peer) {
			if _, err := w.app.RefreshToken(w.t.Context(), w.tenant.AppKey, "alice"); err != nil {
				w.t.Fatal(err)
			}
			p.wait(p.t, "close", func() bool { return p.closed != 0 })
		},
		"disconnected": func(w *world, p *peer) { w.app.Disconnected(p.session, wire.CodeNetwork) },
	} {
		t.Run(name, func(t *testing.T) {
			w := shared.newTenant(t, state.Limits{})
			bob := w.login("bob")
			bob.enter("lobby", 1)
			alice := w.login("alice")
			alice.enter("lobby", 2)
			alice.enter("own", 1)
			end(w, alice)
			bob.enter("own", 1)
			bob.enter("lobby", 1)
			// What the client had still sent is not served.
			alice.start(wire.CmdEnterRoom, &wire.EnterRoomRequest{Room: "lobby"})
			alice.start(wire.CmdSendRoom, inRoom("lobby", "ghost"))
			bob.enter("lobby", 1)
			bob.quiet()
		})
	}
}

func TestRoomRequestsCountInTheRateLimit(t *testing.T) {
	n := newNode(t)
	w := n.newTenant(t, state.Limits{RequestsPerSecond: 1, RequestBurst: 3})
	frozen := n.app.now()
	n.app.now = func() time.Time { return frozen }
	alice, bob := w.login("alice"), w.login("bob")
	bob.enter("lobby", 1)
	alice.enter("lobby", 2)
	for i := range 2 {
		alice.ok(wire.CmdSendRoom, inRoom("lobby", fmt.Sprint(i)), nil)
		bob.wantRoomMessage(fmt.Sprint(i))
	}
	alice.refused(wire.CodeRateLimited, wire.CmdSendRoom, inRoom("lobby", "too fast"))
	bob.quiet()
	if got := n.metric(t, "yizhan_app_requests_total", map[string]string{"command": "send_room", "code": "rate_limited"}); got != 1 {
		t.Errorf("%v refusals counted", got)
	}
}

// TestEveryMemberSeesOneOrder: also the sender, whose answer has its place among
// the messages that he is pushed.
func TestEveryMemberSeesOneOrder(t *testing.T) {
	const members, each = 6, 50
	w := shared.newTenant(t, state.Limits{RequestsPerSecond: 1 << 20, RequestBurst: 1 << 20})
	peers := make([]*peer, members)
	for i := range peers {
		peers[i] = w.login(fmt.Sprint("user", i))
		peers[i].enter("lobby", uint32(i+1))
	}
	sent := make([][]uint64, members)
	var wg sync.WaitGroup
	for i, p := range peers {
		wg.Go(func() {
			for n := range each {
				var out wire.SendRoomResponse
				if code := p.do(wire.CmdSendRoom, inRoom("lobby", fmt.Sprint(n)), &out); code != wire.CodeOK {
					t.Errorf("code %d", code)
				}
				sent[i] = append(sent[i], out.Id)
			}
		})
	}
	wg.Wait()
	all := map[uint64]int{}
	for i, ids := range sent {
		for _, id := range ids {
			all[id] = i
		}
	}
	for i, p := range peers {
		last := uint64(0)
		for range (members - 1) * each {
			var got wire.RoomMessagePush
			p.push(wire.PushRoomMessage, &got)
			from, known := all[got.Id]
			if !known || got.From != fmt.Sprint("user", from) || from == i || got.Id <= last {
				t.Fatalf("user%d: %v after id %d", i, &got, last)
			}
			last = got.Id
		}
		p.quiet()
	}
}
