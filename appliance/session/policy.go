package session

import (
	"fmt"
	"strings"

	"github.com/yizhan-im/yizhan/appliance/wire"
)

// Policy says which devices of one account may be logged in together. A login
// that the policy does not let stand beside an older session replaces it.
// Changing a number breaks compatibility: tenants store it.
type Policy uint8

// The policies.
const (
	// PolicyPerPlatform allows one session on each platform.
	PolicyPerPlatform Policy = 0
	// PolicySingle allows one session.
	PolicySingle Policy = 1
	// PolicyMobileDesktop allows one session on a mobile platform (Android,
	// iOS) and one on any other.
	PolicyMobileDesktop Policy = 2
	// PolicyAll allows MaxSessionsPerAccount sessions.
	PolicyAll Policy = 3
)

var policyNames = [...]string{
	PolicyPerPlatform:   "per-platform",
	PolicySingle:        "single",
	PolicyMobileDesktop: "mobile-desktop",
	PolicyAll:           "all",
}

// ParsePolicy reads a policy's name.
func ParsePolicy(name string) (Policy, error) {
	for p, known := range policyNames {
		if name == known {
			return Policy(p), nil
		}
	}
	return 0, fmt.Errorf("unknown device policy %q: use one of %s", name, strings.Join(policyNames[:], ", "))
}

// PolicyNames lists the names that ParsePolicy knows.
func PolicyNames() []string {
	return append([]string(nil), policyNames[:]...)
}

// String is the policy's name.
func (p Policy) String() string {
	if int(p) < len(policyNames) {
		return policyNames[p]
	}
	return fmt.Sprintf("policy_%d", uint8(p))
}

// coexist reports whether sessions on platforms a and b may be there together.
// An unknown policy is as strict as PolicyPerPlatform.
func (p Policy) coexist(a, b wire.Platform) bool {
	switch p {
	case PolicySingle:
		return false
	case PolicyMobileDesktop:
		return mobile(a) != mobile(b)
	case PolicyAll:
		return true
	default:
		return a != b
	}
}

func mobile(p wire.Platform) bool {
	return p == wire.Platform_PLATFORM_ANDROID || p == wire.Platform_PLATFORM_IOS
}
