package matrix

import (
	"slices"
	"testing"

	"github.com/yizhan-im/yizhan/appliance"
	"github.com/yizhan-im/yizhan/appliance/wire"
)

// TestLogin: who gets in, who does not, and what both are told.
func TestLogin(t *testing.T) {
	run(t, func(s *site) {
		s.accounts("alice")
		first := s.here("alice")
		second := s.login(s.second, "ALICE", "tablet")
		if o := second.login.Others; len(o) != 1 || o[0].DeviceId != "alice on "+string(s.first) || o[0].Platform != s.first.platform() || o[0].SessionId != first.login.SessionId {
			s.t.Errorf("others %v", o)
		}
		if second.login.HeartbeatSeconds == 0 || second.login.ServerTimeMs == 0 || second.login.MaxBodyBytes == 0 {
			s.t.Errorf("login %v", second.login)
		}
		for _, test := range []struct {
			change func(in *wire.LoginRequest)
			code   wire.Code
		}{
			{func(in *wire.LoginRequest) { in.Token = "wrong" }, wire.CodeWrongToken},
			{func(in *wire.LoginRequest) { in.Account = "nobody" }, wire.CodeWrongToken},
			{func(in *wire.LoginRequest) { in.AppKey = "nothing" }, wire.CodeWrongToken},
			{func(in *wire.LoginRequest) { in.DeviceId = "" }, wire.CodeBadParameter},
			{func(in *wire.LoginRequest) { in.Platform = wire.Platform_PLATFORM_REST }, wire.CodeBadParameter},
		} {
			in := s.credentials("alice", "x", s.second.platform())
			test.change(in)
			if _, code, note := s.tryLogin(s.second, in); code != test.code || note == "" {
				s.t.Errorf("%v: code %d %q, want %d and a note", in, code, note, test.code)
			}
		}
		first.refused(wire.CodeRepeated, wire.CmdLogin, s.credentials("alice", "x", s.first.platform()))

		// Told to go by another device, blocked by the backend, or by its own wish.
		second.ok(wire.CmdKick, &wire.KickRequest{SessionIds: []uint64{first.login.SessionId}}, nil)
		var kicked wire.KickedPush
		if first.next(wire.PushKicked, &kicked); kicked.Reason != wire.KickReason_KICK_REASON_OTHER_DEVICE || kicked.ByDevice != "tablet" {
			s.t.Errorf("kicked: %v", &kicked)
		}
		first.gone()
		s.backend.ok(nil, "user/block", "accid", "alice", "needkick", "true")
		if second.next(wire.PushKicked, &kicked); kicked.Reason != wire.KickReason_KICK_REASON_CREDENTIALS {
			s.t.Errorf("kicked: %v", &kicked)
		}
		second.gone()
		if _, code, _ := s.tryLogin(s.first, s.credentials("alice", "x", s.first.platform())); code != wire.CodeBlocked {
			s.t.Errorf("a blocked account: code %d", code)
		}
		s.backend.ok(nil, "user/unblock", "accid", "alice")
		third := s.here("alice")
		third.ok(wire.CmdLogout, &wire.LogoutRequest{}, nil)
		third.gone()
	})
}

// TestDevicePolicies: each policy holds over transports too.
func TestDevicePolicies(t *testing.T) {
	const (
		android = wire.Platform_PLATFORM_ANDROID
		ios     = wire.Platform_PLATFORM_IOS
		pc      = wire.Platform_PLATFORM_PC
		browser = wire.Platform_PLATFORM_WEB
	)
	for _, test := range []struct {
		policy        string
		first, second wire.Platform
		replaces      bool // with another device; the same one always does
	}{
		{"single", android, browser, true},
		{"per-platform", android, browser, false},
		{"per-platform", android, android, true},
		{"mobile-desktop", android, ios, true},
		{"mobile-desktop", pc, browser, true},
		{"mobile-desktop", android, browser, false},
		{"all", android, android, false},
	} {
		t.Run(test.policy+" "+test.first.String()+" "+test.second.String(), func(t *testing.T) {
			for _, pair := range [][2]transport{{overLink, overLink}, {overLink, overWeb}, {overWeb, overLink}, {overWeb, overWeb}} {
				for _, same := range []bool{false, true} {
					s := newSite(t, appliance.TenantRequest{DevicePolicy: test.policy})
					s.accounts("alice")
					enter := func(tr transport, name string, p wire.Platform) *device {
						d, code, note := s.tryLogin(tr, s.credentials("alice", name, p))
						if code != wire.CodeOK {
							t.Fatalf("code %d, %s", code, note)
						}
						return d
					}
					second, replaced := "second", test.replaces || same
					if same {
						second = "first"
					}
					old := enter(pair[0], "first", test.first)
					enter(pair[1], second, test.second)
					var status struct {
						Data struct {
							Status map[string][]struct{ ClientType int }
						}
					}
					s.backend.ok(&status, "user/userOnlineStatus", "accids", list("alice"))
					var online []wire.Platform
					for _, d := range status.Data.Status["alice"] {
						online = append(online, wire.Platform(d.ClientType))
					}
					if !replaced {
						old.none()
						if len(online) != 2 {
							t.Errorf("%v, same device %v: online are %v, want both", pair, same, online)
						}
						continue
					}
					var kicked wire.KickedPush
					if old.next(wire.PushKicked, &kicked); kicked.Reason != wire.KickReason_KICK_REASON_REPLACED || kicked.ByPlatform != test.second || kicked.ByDevice != second {
						t.Errorf("%v, same device %v: kicked %v", pair, same, &kicked)
					}
					old.gone()
					if !slices.Equal(online, []wire.Platform{test.second}) {
						t.Errorf("%v, same device %v: online are %v, want the second", pair, same, online)
					}
				}
			}
		})
	}
}
