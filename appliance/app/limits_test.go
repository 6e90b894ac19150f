package app

import (
	"slices"
	"strings"
	"testing"
	"time"

	"google.golang.org/protobuf/encoding/protowire"

	"github.com/yizhan-im/yizhan/appliance/state"
	"github.com/yizhan-im/yizhan/appliance/wire"
)

func TestFloodIsRefusedThenCutOff(t *testing.T) {
	n := newNode(t)
	w := n.newTenant(t, state.Limits{RequestsPerSecond: 1, RequestBurst: 3})
	// The clock stands: no token comes back.
	frozen := n.app.now()
	n.app.now = func() time.Time { return frozen }
	p := w.login("alice")
	other := w.login("bob")
	for range 3 {
		p.ok(wire.CmdAck, &wire.AckRequest{}, nil)
	}
	note := p.refused(wire.CodeRateLimited, wire.CmdAck, &wire.AckRequest{})
	if note.RetryAfterMs != 1000 {
		t.Errorf("try again after %d ms", note.RetryAfterMs)
	}
	p.isOpen()
	other.ok(wire.CmdAck, &wire.AckRequest{}, nil)

	for range maxFlood - 1 {
		p.isOpen()
		p.refused(wire.CodeRateLimited, wire.CmdAck, &wire.AckRequest{})
	}
	var last wire.ClosePush
	p.isClosed(wire.CodeRateLimited, wire.PushClose, &last)
	if wire.Code(last.Code) != wire.CodeRateLimited {
		t.Errorf("last push %v", &last)
	}
	if got := n.metric(t, "yizhan_app_requests_total", map[string]string{"command": "ack", "code": "rate_limited"}); got != maxFlood {
		t.Errorf("%v refusals counted", got)
	}
	if !strings.Contains(n.log.String(), "what=flood") {
		t.Error("no line in the log")
	}
	if len(n.hub.Sessions(nil, w.tenant.ID, "alice")) != 0 {
		t.Error("the session is still in the hub")
	}
}

func TestAClientThatWaitsIsForgiven(t *testing.T) {
	n := newNode(t)
	w := n.newTenant(t, state.Limits{RequestsPerSecond: 1, RequestBurst: 1})
	now := n.app.now()
	n.app.now = func() time.Time { return now }
	p := w.login("alice")
	nobody := &wire.KickRequest{SessionIds: []uint64{1}} // answered without the store
	for range 3 * maxFlood {                             // refused once for each that is accepted
		p.ok(wire.CmdKick, nobody, nil)
		note := p.refused(wire.CodeRateLimited, wire.CmdKick, nobody)
		now = now.Add(time.Duration(note.RetryAfterMs) * time.Millisecond)
	}
	p.isOpen()
}

func TestChangedTenantHoldsForTheNextRequest(t *testing.T) {
	n := newNode(t)
	w := n.newTenant(t, state.Limits{RequestsPerSecond: 1, RequestBurst: 1, MaxBodyBytes: 100})
	now := n.app.now()
	n.app.now = func() time.Time { return now }
	p := w.login("alice")
	p.ok(wire.CmdSend, text("alice", "m1", "1"), nil)
	p.refused(wire.CodeRateLimited, wire.CmdSend, text("alice", "m2", "2"))

	limits := state.Limits{RequestsPerSecond: 1000, RequestBurst: 1000, MaxBodyBytes: 3}
	if _, err := n.app.UpdateTenant(t.Context(), state.UpdateTenant{AppKey: w.tenant.AppKey, Limits: &limits}); err != nil {
		t.Fatal(err)
	}
	now = now.Add(10 * time.Millisecond) // a token by the new rate, none by the old
	p.ok(wire.CmdSend, text("alice", "m2", "2"), nil)
	p.refused(wire.CodeBadParameter, wire.CmdSend, text("alice", "m3", "long"))
}

func TestUnknownCommandIsRefusedCountedAndLogged(t *testing.T) {
	n := newNode(t)
	w := n.newTenant(t, state.Limits{})
	p := w.login("alice")
	commands := []wire.Command{0, 2000, 63, 64, 9}
	for _, cmd := range commands {
		p.isRefused(wire.CodeBadProtocol, p.startRaw(cmd, []byte("whatever")))
	}
	p.isOpen()
	if got := n.metric(t, "yizhan_app_requests_total", map[string]string{"command": "unknown", "code": "bad_protocol"}); got != float64(len(commands)) {
		t.Errorf("%v refusals counted", got)
	}
	for _, want := range []string{"what=command_2000", "code=509", "account=alice"} {
		if log := n.log.String(); !strings.Contains(log, want) {
			t.Errorf("log does not tell %s: %s", want, log)
		}
	}
}

func TestMalformedPayloadIsRefusedByEveryCommand(t *testing.T) {
	w := shared.newTenant(t, state.Limits{RequestsPerSecond: 1000, RequestBurst: 10_000})
	p := w.login("alice")
	for _, cmd := range clientCommands {
		if cmd == wire.CmdLogin { // only before login; tested there
			continue
		}
		for _, payload := range [][]byte{{0x0a}, {0x0a, 0xff, 0xff, 0xff, 0xff, 0x0f}, {0x07}, []byte("\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff")} {
			p.isRefused(wire.CodeBadParameter, p.startRaw(cmd, payload))
		}
	}
	p.isOpen()
}

func TestOversizedPayloadIsRefusedByEveryCommand(t *testing.T) {
	w := shared.newTenant(t, state.Limits{})
	// A field that no message has, so that only the size is wrong.
	payload := protowire.AppendTag(nil, 1000, protowire.BytesType)
	payload = protowire.AppendBytes(payload, make([]byte, maxRequest))
	p := w.login("alice")
	for _, cmd := range clientCommands {
		if cmd != wire.CmdLogin {
			p.isRefused(wire.CodeBadParameter, p.startRaw(cmd, payload))
		}
	}
	p.isOpen()
	p = connect(t, w.app)
	p.isRefused(wire.CodeBadParameter, p.startRaw(wire.CmdLogin, payload))
	p.isClosed(wire.CodeBadParameter, 0, nil)
}

// TestLargestRequestsFit: no valid request is larger than maxRequest.
func TestLargestRequestsFit(t *testing.T) {
	wide := func(n int) string { return strings.Repeat("😀", n) }
	ptr := func(n int) *string { s := wide(n); return &s }
	names := make([]string, maxProfilesPage)
	for i := range names {
		names[i] = strings.Repeat("a", maxAccount)
	}
	for _, in := range []wire.Body{
		&wire.SendRequest{To: names[0], ClientId: wide(maxClientID / 4), Type: 100, Body: wide(maxBody), Ext: wide(maxExt)},
		&wire.RecallRequest{Peer: names[0], Seq: 1 << 63, ClientId: wide(maxClientID / 4), Note: wide(maxNote)},
		&wire.SendRoomRequest{Room: wide(maxRoomName / 4), ClientId: wide(maxClientID / 4), Type: 100, Body: wide(maxBody), Ext: wide(maxExt)},
		&wire.ProfilesRequest{Accounts: names},
		&wire.KickRequest{SessionIds: slices.Repeat([]uint64{1 << 63}, maxKicks)},
		&wire.UpdateProfileRequest{
			Name: ptr(maxName), Icon: ptr(maxIcon), Sign: ptr(maxSign), Email: ptr(maxEmail), Birth: ptr(maxBirth),
			Mobile: ptr(maxMobile), Ex: ptr(maxEx),
		},
	} {
		if size := in.SizeVT(); size > maxRequest {
			t.Errorf("%T takes %d bytes", in, size)
		}
	}
}

// clientCommands are all requests that there are.
var clientCommands = wire.Requests()

func TestEveryCommandIsCountedByName(t *testing.T) {
	for _, code := range wire.Codes() {
		if code > maxCode || codeSlot(code) == 0 {
			t.Errorf("%v has no slot", code)
		}
	}
	m := newMetrics(nil, func() int { return 0 })
	for _, cmd := range clientCommands {
		if m.counters[cmd] == nil {
			t.Errorf("%v is counted as unknown", cmd)
		}
	}
	for _, cmd := range []wire.Command{0, wire.CmdSend, 63, 64, 65535} {
		for _, code := range []wire.Code{0, wire.CodeOK, wire.CodeBlacklisted, 65535} {
			m.count(cmd, code)
			m.count(cmd, code)
		}
	}
}

func TestAccountNames(t *testing.T) {
	for in, want := range map[string]string{
		"alice": "alice", "Alice_1@x.y-z": "alice_1@x.y-z", strings.Repeat("a", 32): strings.Repeat("a", 32),
		"": "", strings.Repeat("a", 33): "", "a b": "", "a/b": "", "é": "", "a\x00": "", "語": "",
	} {
		got, err := accountName("account", in)
		if got != want || (err != nil) != (want == "") {
			t.Errorf("%q: %q, %v; want %q", in, got, err, want)
		}
	}
}
