package app

import (
	"testing"

	"github.com/yizhan-im/yizhan/appliance/state"
)

// TestUsageCountsWhoIsActive by a login of today, or by being connected.
func TestUsageCountsWhoIsActive(t *testing.T) {
	n := newNode(t)
	w := n.newTenant(t, state.Limits{})
	w.login("alice")
	w.send(t, "alice", "bob", "behind the record of the login")
	u, err := w.app.Usage(t.Context(), w.tenant.AppKey, 0)
	if err != nil || u.Accounts != 2 || u.Active != 1 || u.Connections != 1 {
		t.Errorf("usage: %+v %v", u, err)
	}
	// Within a minute the count is the same, but for the connections.
	w.login("bob")
	if u, err = w.app.Usage(t.Context(), w.tenant.AppKey, 0); err != nil || u.Active != 1 || u.Connections != 2 {
		t.Errorf("usage a moment later: %+v %v", u, err)
	}
	w.send(t, "alice", "bob", "again")
	n.shift.Store(int64(usageFresh))
	if u, err = w.app.Usage(t.Context(), w.tenant.AppKey, 0); err != nil || u.Active != 2 {
		t.Errorf("usage a minute later: %+v %v", u, err)
	}
	w.app.countAll(t.Context())
	if got := n.gauge(t, "yizhan_usage_accounts"); got != 2 {
		t.Errorf("the metric says %v accounts", got)
	}
}

// gauge is the value of a gauge of the node without labels.
func (n *node) gauge(t testing.TB, name string) float64 {
	t.Helper()
	families, err := n.registry.Gather()
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range families {
		if f.GetName() == name {
			return f.GetMetric()[0].GetGauge().GetValue()
		}
	}
	t.Fatalf("there is no metric %s", name)
	return 0
}
