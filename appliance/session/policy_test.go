package session_test

import (
	"testing"

	"github.com/yizhan-im/yizhan/appliance/session"
	"github.com/yizhan-im/yizhan/appliance/wire"
)

var policies = []session.Policy{
	session.PolicyPerPlatform, session.PolicySingle, session.PolicyMobileDesktop, session.PolicyAll,
}

// platforms are the platforms of clients, in the order of the columns below.
var platforms = []wire.Platform{
	wire.Platform_PLATFORM_ANDROID, wire.Platform_PLATFORM_IOS,
	wire.Platform_PLATFORM_PC, wire.Platform_PLATFORM_WEB, wire.Platform_PLATFORM_MAC,
}

// stays says, for each policy and platform of the older session, whether it
// stays beside a newer session on each platform of another device: "y" or ".".
var stays = map[session.Policy][]string{
	//                            A I P W M
	session.PolicyPerPlatform:   {".yyyy", "y.yyy", "yy.yy", "yyy.y", "yyyy."},
	session.PolicySingle:        {".....", ".....", ".....", ".....", "....."},
	session.PolicyMobileDesktop: {"..yyy", "..yyy", "yy...", "yy...", "yy..."},
	session.PolicyAll:           {"yyyyy", "yyyyy", "yyyyy", "yyyyy", "yyyyy"},
}

func TestPolicyDecidesForEveryPairOfPlatforms(t *testing.T) {
	for _, policy := range policies {
		for i, older := range platforms {
			for j, newer := range platforms {
				h := session.NewHub()
				first, second := newSession(), newSession()
				login(t, h, first, policy, "alice", "phone", older)
				replaced, others := login(t, h, second, policy, "alice", "other", newer)

				wantStay := stays[policy][i][j] == 'y'
				if stayed := len(others) == 1 && others[0] == first; stayed != wantStay {
					t.Errorf("%v: older on %v stays beside newer on %v: %v, want %v", policy, older, newer, stayed, wantStay)
				}
				if gone := len(replaced) == 1 && replaced[0] == first; gone == wantStay {
					t.Errorf("%v: older on %v replaced by newer on %v: %v, want %v", policy, older, newer, gone, !wantStay)
				}
			}
		}
	}
}

func TestAnAccountKeepsOneSessionPerDeviceUnderEveryPolicy(t *testing.T) {
	for _, policy := range policies {
		for _, older := range platforms {
			for _, newer := range platforms {
				h := session.NewHub()
				first, second := newSession(), newSession()
				login(t, h, first, policy, "alice", "laptop", older)
				replaced, others := login(t, h, second, policy, "alice", "laptop", newer)
				if len(replaced) != 1 || replaced[0] != first || len(others) != 0 {
					t.Errorf("%v: a second login of a device (%v, then %v) left %d sessions beside it", policy, older, newer, len(others))
				}
			}
		}
	}
}

func TestPolicyNames(t *testing.T) {
	for _, policy := range policies {
		parsed, err := session.ParsePolicy(policy.String())
		if err != nil || parsed != policy {
			t.Errorf("ParsePolicy(%q) = %v, %v", policy, parsed, err)
		}
	}
	if _, err := session.ParsePolicy("everything"); err == nil {
		t.Error("an unknown name is accepted")
	}
	if got := session.Policy(200).String(); got != "policy_200" {
		t.Errorf("an unknown policy is called %q", got)
	}
}
