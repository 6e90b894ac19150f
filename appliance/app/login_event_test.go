package app

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/yizhan-im/yizhan/appliance/session"
	"github.com/yizhan-im/yizhan/appliance/state"
	"github.com/yizhan-im/yizhan/appliance/wire"
)

// history reads what is recorded of the account until it has so many events.
func (p *peer) history(count int) (events []*wire.LoginEvent, online int) {
	p.t.Helper()
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	for begin := time.Now(); time.Since(begin) < patience; <-tick.C {
		var out wire.LoginHistoryResponse
		p.ok(wire.CmdLoginHistory, &wire.LoginHistoryRequest{}, &out)
		if len(out.Events) >= count {
			return out.Events, len(out.Online)
		}
	}
	p.t.Fatalf("no %d events", count)
	return nil, 0
}

func TestLoginsAndLogoutsAreRecorded(t *testing.T) {
	w := shared.newTenant(t, state.Limits{DevicePolicy: uint8(session.PolicyAll)})
	alice := w.loginOn("alice", "phone", wire.Platform_PLATFORM_IOS)
	guess := w.credentials("alice")
	guess.Token, guess.DeviceId = "wrong", "stranger"
	connect(t, w.node.app).refused(wire.CodeWrongToken, wire.CmdLogin, guess)
	desk := w.loginOn("alice", "desk", wire.Platform_PLATFORM_MAC)
	tablet := w.loginOn("alice", "tablet", wire.Platform_PLATFORM_ANDROID)
	desk.ok(wire.CmdLogout, &wire.LogoutRequest{}, nil)
	w.node.app.Disconnected(desk.session, wire.CodeOK)
	w.node.app.Disconnected(tablet.session, wire.CodeNetwork)
	events, online := alice.history(6)
	var got []string
	for _, e := range events {
		got = append(got, fmt.Sprintf("%d %d %s", e.Kind, e.Code, e.DeviceId))
		if e.Ip != "192.0.2.1" || e.TimeMs == 0 || (e.SessionId == 0) != (e.DeviceId == "stranger") {
			t.Errorf("event %v", e)
		}
	}
	slices.Sort(got) // several may have the same millisecond
	want := []string{"2 200 desk", "2 200 phone", "2 200 tablet", "2 302 stranger", "3 200 desk", "3 415 tablet"}
	if !slices.Equal(got, want) || online != 1 {
		t.Errorf("recorded %q, want %q; %d online", got, want, online)
	}
	bob := w.login("bob")
	if events, _ := bob.history(1); len(events) != 1 || events[0].SessionId != bob.session.Identity().SessionID {
		t.Errorf("bob reads %v", events)
	}
	bob.refused(wire.CodeBadParameter, wire.CmdLoginHistory, &wire.LoginHistoryRequest{After: "x"})
	bob.refused(wire.CodeBadParameter, wire.CmdLoginHistory, &wire.LoginHistoryRequest{Limit: state.MaxEventsPage + 1})
	first, next, err := w.node.app.LoginEvents(t.Context(), w.tenant.AppKey, "Alice", state.LoginEventRange{ToMs: 1 << 50, Limit: 5})
	if err != nil || len(first) != 5 || next == "" {
		t.Errorf("the backend reads %d %q %v", len(first), next, err)
	}
}
