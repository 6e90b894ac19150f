package matrix

import (
	"testing"

	"google.golang.org/protobuf/proto"

	"github.com/yizhan-im/yizhan/appliance"
	"github.com/yizhan-im/yizhan/appliance/wire"
)

// act is one operation in the two forms in which it can be asked for.
type act struct {
	// cmd and in are what a client asks.
	cmd wire.Command
	in  proto.Message
	// action and params are what the tenant's backend calls in the account's name;
	// no action when there is none.
	action string
	params []string
}

// doer does an act in the name of account and returns the code of the answer.
type doer func(account string, a act) wire.Code

// actors runs the scenario once as clients of each transport and once as the
// tenant's backend.
func actors(t *testing.T, scenario func(s *site, do doer)) {
	t.Helper()
	for _, tr := range transports {
		t.Run(string(tr), func(t *testing.T) {
			s := newSite(t, appliance.TenantRequest{})
			s.first, s.second = tr, tr
			devices := map[string]*device{}
			scenario(s, func(account string, a act) wire.Code {
				t.Helper()
				d := devices[account]
				if d == nil {
					d = s.login(tr, account, "actor")
					devices[account] = d
				}
				return d.code(a.cmd, a.in)
			})
		})
	}
	t.Run("http", func(t *testing.T) {
		s := newSite(t, appliance.TenantRequest{})
		scenario(s, func(account string, a act) wire.Code {
			t.Helper()
			if a.action == "" {
				t.Fatalf("%s has no action", a.cmd)
			}
			return s.backend.call(a.action, a.params...).Code
		})
	})
}
