package matrix

import (
	"slices"
	"testing"
	"time"

	"github.com/yizhan-im/yizhan/appliance/wire"
)

// TestLoginHistory: the user's own devices and the backend read the same.
func TestLoginHistory(t *testing.T) {
	run(t, func(s *site) {
		s.accounts("alice")
		alice := s.here("alice")
		tablet := s.login(s.second, "alice", "tablet")
		wrong := s.credentials("alice", "guess", s.first.platform())
		wrong.Token = "wrong"
		if _, code, _ := s.tryLogin(s.first, wrong); code != wire.CodeWrongToken {
			s.t.Errorf("a wrong token: %v", code)
		}
		tablet.ok(wire.CmdLogout, &wire.LogoutRequest{}, nil)
		tablet.gone()
		var history wire.LoginHistoryResponse
		tick := time.NewTicker(20 * time.Millisecond)
		defer tick.Stop()
		for begin := time.Now(); len(history.Events) < 4; <-tick.C {
			if time.Since(begin) > patience {
				s.t.Fatalf("history %v", &history)
			}
			history.Reset()
			alice.ok(wire.CmdLoginHistory, &wire.LoginHistoryRequest{}, &history)
		}
		logout := slices.IndexFunc(history.Events, func(e *wire.LoginEvent) bool { return e.Kind == wire.LoginEventKind_LOGIN_EVENT_LOGOUT })
		if logout < 0 {
			s.t.Fatalf("history %v", &history)
		}
		if e := history.Events[logout]; e.DeviceId != "tablet" || e.Code != 200 || e.Platform != s.second.platform() || e.Ip == "" {
			s.t.Errorf("the logout is %v", e)
		}
		if len(history.Online) != 1 || history.Online[0].SessionId != alice.login.SessionId {
			s.t.Errorf("online %v", history.Online)
		}
		var events struct {
			Size   int
			Events []struct {
				Accid, DeviceID, ClientIP string
				EventType, Code           int
			}
		}
		s.backend.ok(&events, "history/queryUserEvents", "accid", "alice", "begintime", "0", "endtime", "9000000000000", "limit", "100", "reverse", "1")
		codes := 0
		for _, e := range events.Events {
			codes += e.Code
			if e.Accid != "alice" || e.ClientIP == "" || e.EventType != 2 && e.EventType != 3 {
				s.t.Errorf("event %v", e)
			}
		}
		if events.Size != 4 || codes != 3*200+302 {
			s.t.Errorf("the backend reads %v", events)
		}
	})
}
