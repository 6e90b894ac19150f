package state

import (
	"bytes"
	"testing"

	"github.com/yizhan-im/yizhan/appliance/wire"
)

// TestCallbackComesAndGoes: the row of a tenant without a callback is what an
// older build has written, and other changes leave a callback alone.
func TestCallbackComesAndGoes(t *testing.T) {
	n := newNode(t)
	limits := Limits{MaxFriends: 7}
	created := one[*TenantResult](n, &CreateTenant{TimeMs: testTime, AppKey: "app", Secret: "s", Limits: limits})
	mustCode(t, "create", created.Code, wire.CodeOK)
	before := n.dump()

	want := Callback{URL: "https://backend/ask", Events: CallbackLogin | CallbackTeam, FailClosed: true, TimeoutMs: 300}
	mustCode(t, "set", one[*TenantResult](n, &SetCallback{TimeMs: testTime, AppKey: "app", Callback: want}).Code, wire.CodeOK)
	name := "name"
	mustCode(t, "rename", one[*TenantResult](n, &UpdateTenant{TimeMs: testTime, AppKey: "app", Name: &name}).Code, wire.CodeOK)
	n.restart()
	tenant, err := n.q.TenantByKey("app")
	if err != nil {
		t.Fatal(err)
	}
	if tenant.Callback != want || tenant.Name != name || tenant.Limits != limits.WithDefaults() {
		t.Errorf("tenant %+v", tenant)
	}

	name = ""
	mustCode(t, "rename back", one[*TenantResult](n, &UpdateTenant{TimeMs: testTime, AppKey: "app", Name: &name}).Code, wire.CodeOK)
	mustCode(t, "remove", one[*TenantResult](n, &SetCallback{TimeMs: testTime, AppKey: "app", Callback: Callback{Events: 3}}).Code, wire.CodeOK)
	if after := n.dump(); difference(before, after) != "" {
		t.Errorf("without the callback, rows differ:\n%s", difference(before, after))
	}
	mustCode(t, "nobody's", one[*TenantResult](n, &SetCallback{TimeMs: testTime, AppKey: "nobody", Callback: want}).Code, wire.CodeNotFound)
}

// TestCallbackRowIsOfItsVersion: a row that claims to have a callback and has none
// is damaged.
func TestCallbackRowIsOfItsVersion(t *testing.T) {
	row := (&Tenant{AppKey: "app", Secret: "s"}).append(nil)
	with := (&Tenant{AppKey: "app", Secret: "s", Callback: Callback{URL: "u"}}).append(nil)
	if row[0] != rowVersion || with[0] != tenantRowVersion3 {
		t.Fatalf("versions %d and %d", row[0], with[0])
	}
	none := bytes.Replace(with, []byte("\x01u"), []byte("\x00"), 1)
	if err := new(Tenant).decode(none); err == nil {
		t.Error("an empty callback is accepted")
	}
}
