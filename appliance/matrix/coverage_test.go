package matrix

import (
	"fmt"
	"strings"

	"github.com/yizhan-im/yizhan/appliance/wire"
)

// unscripted are the pushes that no scenario can have: those of a node that goes, or
// of a client that breaks the protocol, have their tests in the gateways' packages.
var unscripted = map[wire.Command]bool{wire.PushGoAway: true, wire.PushClose: true}

// missing lists what no scenario has used over each of the transports: requests that
// were answered with 200, and pushes that came.
func (u *usage) missing() (all []string) {
	u.mu.Lock()
	defer u.mu.Unlock()
	for _, tr := range transports {
		for _, cmd := range wire.Requests() {
			if !u.requests[tr][cmd] {
				all = append(all, fmt.Sprintf("the request %s over %s", cmd, tr))
			}
		}
		for cmd := range wire.Command(256) {
			if cmd.IsPush() && !strings.HasPrefix(cmd.String(), "command_") && !unscripted[cmd] && !u.pushes[tr][cmd] {
				all = append(all, fmt.Sprintf("the push %s over %s", cmd, tr))
			}
		}
	}
	return all
}
