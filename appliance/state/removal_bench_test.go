package state

import (
	"fmt"
	"strings"
	"testing"
)

// BenchmarkApplySendRemoved is BenchmarkApplySend on a site where "none" or "many"
// other accounts have been deleted.
func BenchmarkApplySendRemoved(b *testing.B) {
	for _, c := range []struct {
		name string
		gone int
	}{{"none", 0}, {"many", 10_000}} {
		b.Run(c.name, func(b *testing.B) {
			n := newNode(b)
			const accounts = 1000
			names := make([]string, accounts)
			for i := range names {
				names[i] = fmt.Sprintf("account%d", i)
			}
			tenant := n.setup("app", names...)
			var gone []command
			for i := range c.gone {
				name := fmt.Sprintf("gone%d", i)
				gone = append(gone,
					&CreateAccount{TimeMs: testTime, Tenant: tenant, Account: name, TokenHash: HashToken("app", name, "x")},
					&RemoveAccount{TimeMs: testTime, Tenant: tenant, Account: name})
			}
			for len(gone) > 0 {
				k := min(len(gone), 1000)
				n.apply(gone[:k]...)
				gone = gone[k:]
			}
			body := strings.Repeat("hello ", 16)
			benchCommands(b, n, func(i int) command {
				from := i * 7 % accounts
				return text(testTime, tenant, names[from], names[(from*31+i%10)%accounts], fmt.Sprintf("%016x-%08x", uint64(i)*0x9e3779b97f4a7c15, i), body)
			})
		})
	}
}
