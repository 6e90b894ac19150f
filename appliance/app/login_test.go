package app

import (
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/yizhan-im/yizhan/appliance/session"
	"github.com/yizhan-im/yizhan/appliance/state"
	"github.com/yizhan-im/yizhan/appliance/wire"
)

func TestLoginIsRefusedWithItsCode(t *testing.T) {
	w := shared.newTenant(t, state.Limits{})
	w.account("alice")
	w.account("barred")
	if err := w.app.SetBlocked(t.Context(), w.tenant.AppKey, "barred", true, false); err != nil {
		t.Fatal(err)
	}
	stranger := shared.newTenant(t, state.Limits{})
	stranger.account("carol")

	for _, c := range []struct {
		name   string
		change func(*wire.LoginRequest)
		code   wire.Code
	}{
		{"unknown appkey", func(in *wire.LoginRequest) { in.AppKey = "nothing" }, wire.CodeWrongToken},
		{"unknown account", func(in *wire.LoginRequest) { in.Account = "nobody" }, wire.CodeWrongToken},
		{"account of another tenant", func(in *wire.LoginRequest) {
			in.Account, in.Token = "carol", stranger.account("carol")
		}, wire.CodeWrongToken},
		{"wrong token", func(in *wire.LoginRequest) { in.Token = "wrong" }, wire.CodeWrongToken},
		{"token of another account", func(in *wire.LoginRequest) { in.Token = w.account("barred") }, wire.CodeWrongToken},
		{"blocked", func(in *wire.LoginRequest) { in.Account, in.Token = "barred", w.account("barred") }, wire.CodeBlocked},
		{"blocked, wrong token", func(in *wire.LoginRequest) { in.Account, in.Token = "barred", "wrong" }, wire.CodeWrongToken},
		{"no appkey", func(in *wire.LoginRequest) { in.AppKey = "" }, wire.CodeBadParameter},
		{"long appkey", func(in *wire.LoginRequest) { in.AppKey = strings.Repeat("a", 65) }, wire.CodeBadParameter},
		{"no account", func(in *wire.LoginRequest) { in.Account = "" }, wire.CodeBadParameter},
		{"account with a space", func(in *wire.LoginRequest) { in.Account = "al ice" }, wire.CodeBadParameter},
		{"no token", func(in *wire.LoginRequest) { in.Token = "" }, wire.CodeBadParameter},
		{"long token", func(in *wire.LoginRequest) { in.Token = strings.Repeat("a", 129) }, wire.CodeBadParameter},
		{"no device", func(in *wire.LoginRequest) { in.DeviceId = "" }, wire.CodeBadParameter},
		{"long device", func(in *wire.LoginRequest) { in.DeviceId = strings.Repeat("a", 65) }, wire.CodeBadParameter},
		{"device not UTF-8", func(in *wire.LoginRequest) { in.DeviceId = "\xff" }, wire.CodeBadParameter},
		{"long version", func(in *wire.LoginRequest) { in.SdkVersion = strings.Repeat("a", 33) }, wire.CodeBadParameter},
		{"long tag", func(in *wire.LoginRequest) { in.CustomTag = strings.Repeat("a", 65) }, wire.CodeBadParameter},
		{"REST is not a client", func(in *wire.LoginRequest) { in.Platform = wire.Platform_PLATFORM_REST }, wire.CodeBadParameter},
		{"unknown platform", func(in *wire.LoginRequest) { in.Platform = 5 }, wire.CodeBadParameter},
	} {
		t.Run(c.name, func(t *testing.T) {
			in := w.credentials("alice")
			c.change(in)
			p := connect(t, w.app)
			p.refused(c.code, wire.CmdLogin, in)
			p.isClosed(c.code, 0, nil)
			if p.session.Identity() != nil {
				t.Error("the session has an identity")
			}
		})
	}
}

func TestRefusedLoginDoesNotTellWhetherTheAccountExists(t *testing.T) {
	w := shared.newTenant(t, state.Limits{})
	in := w.credentials("alice")
	in.Token = "wrong"
	known := connect(t, w.app).refused(wire.CodeWrongToken, wire.CmdLogin, in)
	in.Account = "nobody"
	unknown := connect(t, w.app).refused(wire.CodeWrongToken, wire.CmdLogin, in)
	if known.Note != unknown.Note || known.RetryAfterMs != unknown.RetryAfterMs {
		t.Errorf("answers differ: %v and %v", known, unknown)
	}
}

func TestRefusedLoginIsLoggedWithoutItsToken(t *testing.T) {
	n := newNode(t)
	w := n.newTenant(t, state.Limits{})
	in := w.credentials("alice")
	in.Token = "a-secret-that-is-wrong"
	connect(t, n.app).refused(wire.CodeWrongToken, wire.CmdLogin, in)
	line := n.log.String()
	for _, want := range []string{"login", "302", "alice", w.tenant.AppKey, "192.0.2.1"} {
		if !strings.Contains(line, want) {
			t.Errorf("log does not tell %q: %s", want, line)
		}
	}
	if strings.Contains(line, in.Token) {
		t.Errorf("log tells the token: %s", line)
	}
	for range 1000 {
		connect(t, n.app).refused(wire.CodeBadParameter, wire.CmdLogin, &wire.LoginRequest{})
	}
	if lines := strings.Count(n.log.String(), "\n"); lines > 2*logBurst {
		t.Errorf("%d lines for 1000 refusals", lines)
	}
}

func TestMalformedLoginIsRefused(t *testing.T) {
	p := connect(t, shared.app)
	p.isRefused(wire.CodeBadParameter, p.startRaw(wire.CmdLogin, []byte{0x0a, 0xff}))
	p.isClosed(wire.CodeBadParameter, 0, nil)
}

func TestOnlyLoginIsServedBeforeLogin(t *testing.T) {
	for cmd := wire.Command(0); cmd < 100; cmd++ {
		if cmd == wire.CmdLogin {
			continue
		}
		p := connect(t, shared.app)
		p.isRefused(wire.CodeForbidden, p.startRaw(cmd, nil))
		var last wire.ClosePush
		p.isClosed(wire.CodeForbidden, wire.PushClose, &last)
		if wire.Code(last.Code) != wire.CodeForbidden || last.Note == "" {
			t.Errorf("last push is %v", &last)
		}
	}
}

func TestNothingIsServedAfterARefusedLogin(t *testing.T) {
	w := shared.newTenant(t, state.Limits{})
	in := w.credentials("alice")
	good := in.Token
	in.Token = "wrong"
	p := connect(t, w.app)
	p.refused(wire.CodeWrongToken, wire.CmdLogin, in)
	in.Token = good
	p.start(wire.CmdLogin, in)
	if len(p.replies) != 1 || len(w.hub.Sessions(nil, w.tenant.ID, "alice")) != 0 {
		t.Error("a second attempt on the same connection was served")
	}
}

func TestLoginAnswersWhoElseIsHereAndWhoWasHereBefore(t *testing.T) {
	w := shared.newTenant(t, state.Limits{MaxBodyBytes: 1234})
	first := w.loginOn("alice", "desk", wire.Platform_PLATFORM_PC)
	first.ok(wire.CmdAck, &wire.AckRequest{Version: 1}, nil) // committed behind the record of the login

	second := connect(t, w.app)
	in := w.credentials("alice")
	in.Account = "Alice" // names are stored in lower case
	var out wire.LoginResponse
	second.ok(wire.CmdLogin, in, &out)

	id := second.session.Identity()
	if id.Account != "alice" || id.Tenant != w.tenant.ID || out.SessionId != id.SessionID || out.SessionId == 0 {
		t.Errorf("identity %+v, answer %v", id, &out)
	}
	if out.LastDeviceId != "desk" || out.LastLoginMs == 0 || out.MaxBodyBytes != 1234 || out.ServerTimeMs == 0 {
		t.Errorf("answer %v", &out)
	}
	if len(out.Others) != 1 || out.Others[0].SessionId != first.session.Identity().SessionID ||
		out.Others[0].DeviceId != "desk" || out.Others[0].Platform != wire.Platform_PLATFORM_PC {
		t.Errorf("others are %v", out.Others)
	}
}

func TestHeartbeatIsClamped(t *testing.T) {
	w := shared.newTenant(t, state.Limits{})
	for _, c := range []struct{ asked, beat, idle time.Duration }{
		{0, time.Minute, 150 * time.Second},
		{time.Second, 15 * time.Second, 37500 * time.Millisecond},
		{30 * time.Second, 30 * time.Second, 75 * time.Second},
		{24 * time.Hour, 10 * time.Minute, 25 * time.Minute},
	} {
		in := w.credentials("alice")
		in.HeartbeatSeconds = uint32(c.asked / time.Second)
		p := connect(t, w.app)
		var out wire.LoginResponse
		p.ok(wire.CmdLogin, in, &out)
		if got := time.Duration(out.HeartbeatSeconds) * time.Second; got != c.beat || p.idle != c.idle {
			t.Errorf("asked %v: beat %v, idle %v; want %v, %v", c.asked, got, p.idle, c.beat, c.idle)
		}
	}
}

func TestSecondLoginOnAConnectionIsRepeated(t *testing.T) {
	w := shared.newTenant(t, state.Limits{})
	p := w.login("alice")
	p.refused(wire.CodeRepeated, wire.CmdLogin, w.credentials("alice"))
	p.isOpen()
}

func TestDevicePolicyTellsTheLoserWhoReplacedIt(t *testing.T) {
	const (
		android = wire.Platform_PLATFORM_ANDROID
		ios     = wire.Platform_PLATFORM_IOS
		pc      = wire.Platform_PLATFORM_PC
		web     = wire.Platform_PLATFORM_WEB
	)
	for _, c := range []struct {
		policy   session.Policy
		old, new wire.Platform
		replaced bool
	}{
		{session.PolicyPerPlatform, android, android, true},
		{session.PolicyPerPlatform, android, ios, false},
		{session.PolicySingle, android, pc, true},
		{session.PolicyMobileDesktop, android, ios, true},
		{session.PolicyMobileDesktop, pc, web, true},
		{session.PolicyMobileDesktop, ios, web, false},
		{session.PolicyAll, android, android, false},
	} {
		w := shared.newTenant(t, state.Limits{DevicePolicy: uint8(c.policy)})
		loser := w.loginOn("alice", "old", c.old)
		winner := w.loginOn("alice", "new", c.new)
		winner.isOpen()
		if !c.replaced {
			loser.isOpen()
			loser.ok(wire.CmdProfiles, &wire.ProfilesRequest{Accounts: []string{"alice"}}, nil)
			continue
		}
		var why wire.KickedPush
		loser.isClosed(wire.CodeRepeated, wire.PushKicked, &why)
		if why.Reason != wire.KickReason_KICK_REASON_REPLACED || why.ByPlatform != c.new || why.ByDevice != "new" {
			t.Errorf("%v: kicked with %v", c.policy, &why)
		}
		before := len(loser.replies)
		loser.start(wire.CmdSend, text("alice", "late", "late"))
		if len(loser.replies) != before {
			t.Errorf("%v: a replaced session was served", c.policy)
		}
	}
}

func TestTooManyDevicesAreRefused(t *testing.T) {
	w := shared.newTenant(t, state.Limits{DevicePolicy: uint8(session.PolicyAll)})
	for i := range session.MaxSessionsPerAccount {
		w.loginOn("alice", "device-"+string(rune('A'+i)), wire.Platform_PLATFORM_WEB)
	}
	p := connect(t, w.app)
	p.refused(wire.CodeCountLimit, wire.CmdLogin, w.credentials("alice"))
	p.isClosed(wire.CodeCountLimit, 0, nil)
}

func TestLogoutAnswersAndCloses(t *testing.T) {
	w := shared.newTenant(t, state.Limits{})
	p := w.login("alice")
	p.isRefused(wire.CodeBadParameter, p.startRaw(wire.CmdLogout, []byte{0x0a}))
	p.isOpen()
	p.ok(wire.CmdLogout, &wire.LogoutRequest{}, nil)
	p.isClosed(wire.CodeOK, 0, nil)
	if got := len(w.hub.Sessions(nil, w.tenant.ID, "alice")); got != 0 {
		t.Errorf("%d sessions after logout", got)
	}
	before := len(p.replies)
	p.start(wire.CmdSend, text("alice", "late", "late"))
	p.start(wire.CmdLogin, w.credentials("alice"))
	if len(p.replies) != before {
		t.Error("a request behind the logout was served")
	}
}

func TestDisconnectedSessionLeavesTheHub(t *testing.T) {
	w := shared.newTenant(t, state.Limits{})
	p := w.login("alice")
	w.app.Disconnected(p.session, wire.CodeTimeout)
	if got := len(w.hub.Sessions(nil, w.tenant.ID, "alice")); got != 0 {
		t.Errorf("%d sessions after the connection was lost", got)
	}
}

func TestCredentialsThatChangeDuringALoginDoNotLetItIn(t *testing.T) {
	w := shared.newTenant(t, state.Limits{})
	w.account("alice")
	before, err := w.app.queries.Account(w.tenant.ID, "alice")
	if err != nil {
		t.Fatal(err)
	}
	if err := w.app.stillValid(w.tenant.ID, before); err != nil {
		t.Error(err)
	}
	if err := w.app.SetBlocked(t.Context(), w.tenant.AppKey, "alice", true, false); err != nil {
		t.Fatal(err)
	}
	if err := w.app.stillValid(w.tenant.ID, before); wire.CodeOf(err) != wire.CodeBlocked {
		t.Errorf("blocked meanwhile: %v", err)
	}
	if _, err := w.app.RefreshToken(t.Context(), w.tenant.AppKey, "alice"); err != nil {
		t.Fatal(err)
	}
	if err := w.app.stillValid(w.tenant.ID, before); wire.CodeOf(err) != wire.CodeWrongToken {
		t.Errorf("new token meanwhile: %v", err)
	}
}

func TestGuessingIsSlowedDownPerAddress(t *testing.T) {
	n := newNode(t)
	w := n.newTenant(t, state.Limits{})
	try := func(remote, token string) wire.Code {
		in := w.credentials("alice")
		in.Token = token
		p := connect(t, n.app)
		p.remote = addrPort(remote)
		return p.do(wire.CmdLogin, in, nil)
	}
	good := w.account("alice")
	for range failureBurst {
		if code := try("198.51.100.7:1", "wrong"); code != wire.CodeWrongToken {
			t.Fatalf("answered %v before the limit", code)
		}
	}
	if code := try("198.51.100.7:2", good); code != wire.CodeRateLimited {
		t.Errorf("answered %v after %d failures", code, failureBurst)
	}
	if code := try("198.51.100.8:1", good); code != wire.CodeOK {
		t.Errorf("another address was answered %v", code)
	}
	n.shift.Add(int64(failurePeriod))
	if code := try("198.51.100.7:3", good); code != wire.CodeOK {
		t.Errorf("answered %v a period later", code)
	}
}

func TestFailuresOfOneIPv6CustomerCountTogether(t *testing.T) {
	a, b := sourceOf(addrPort("[2001:db8:1:2::1]:1"), 1), sourceOf(addrPort("[2001:db8:1:2:ffff::9]:2"), 1)
	if a != b {
		t.Errorf("%v and %v differ", a, b)
	}
	if c := sourceOf(addrPort("[2001:db8:1:3::1]:1"), 1); a == c {
		t.Errorf("%v and %v are the same", a, c)
	}
	if v4, mapped := sourceOf(addrPort("192.0.2.1:1"), 1), sourceOf(addrPort("[::ffff:192.0.2.1]:1"), 1); v4 != mapped {
		t.Errorf("%v and %v differ", v4, mapped)
	}
}

func TestLoginsBeyondTheBoundAreRefusedAfterAWait(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a := &App{logins: make(chan struct{}, 1)}
		if !a.beginLogin() {
			t.Fatal("the first login was refused")
		}
		start := time.Now()
		if a.beginLogin() {
			t.Fatal("a second login was let in")
		}
		if waited := time.Since(start); waited != loginWait {
			t.Errorf("waited %v", waited)
		}
		done := make(chan bool)
		go func() { done <- a.beginLogin() }()
		synctest.Wait()
		a.finishLogin()
		if !<-done {
			t.Error("a login was refused although its turn came")
		}
	})
}
