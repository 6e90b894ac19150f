package state

import (
	"fmt"
	"testing"
)

// TestOlderTenantsKeepEverything: an upgrade from the first format does not make
// messages go that nobody has asked to remove.
func TestOlderTenantsKeepEverything(t *testing.T) {
	n := newNode(t)
	const tenants = upgradeBudget + 3
	for i := range tenants {
		n.setup(fmt.Sprint("app", i))
	}
	limits := Limits{RetentionDays: 30}
	one[*TenantResult](n, &UpdateTenant{TimeMs: testTime, AppKey: "app1", Limits: &limits})
	for one[*UpgradeResult](n, &Upgrade{TimeMs: testTime, To: Format}).More {
	}
	n.setup("new")
	all, err := n.q.Tenants()
	if err != nil || len(all) != tenants+1 {
		t.Fatalf("%d tenants, %v", len(all), err)
	}
	for _, tenant := range all {
		days, messages := RetentionForever, RetentionForever
		switch tenant.AppKey {
		case "app1":
			days, messages = 30, DefaultRetentionMessages
		case "new":
			days, messages = DefaultRetentionDays, DefaultRetentionMessages
		}
		if tenant.Limits.RetentionDays != days || tenant.Limits.RetentionMessages != messages {
			t.Errorf("%s keeps %d days and %d messages, want %d and %d", tenant.AppKey, tenant.Limits.RetentionDays, tenant.Limits.RetentionMessages, days, messages)
		}
	}
}
