package api_test

import (
	"strings"
	"testing"
	"time"

	"github.com/yizhan-im/yizhan/appliance"
)

type deletion struct {
	Data struct {
		Accid     string
		Done      bool
		Stage     string
		DoneTime  int64
		Recreated bool
	}
}

// deletedAccount deletes an account and waits until nothing is left of it.
func (b *backend) deletedAccount(accid string, params ...string) {
	b.t.Helper()
	b.call("user/delete", append([]string{"accid", accid}, params...)...)
	var state deletion
	for began := time.Now(); !state.Data.Done; {
		if time.Since(began) > time.Minute {
			b.t.Fatalf("the deletion stays in stage %s", state.Data.Stage)
		}
		state = decode[deletion](b.t, b.call("user/deleteState", "accid", accid))
	}
	if d := state.Data; d.Accid != accid || d.Stage != "done" || d.DoneTime == 0 || d.Recreated {
		b.t.Errorf("at the end: %+v", d)
	}
}

func TestDeletedAccountOverTheAPI(t *testing.T) {
	b := newBackend(t, openNode(t, t.TempDir(), nil), appliance.TenantRequest{APIPerSecond: 1 << 20})
	b.accounts("alice", "bob")
	b.call("msg/sendMsg", "from", "alice", "to", "bob", "ope", "0", "type", "0", "body", `{"msg":"a secret"}`)
	history := func() string {
		return b.call("history/querySessionMsg", "from", "bob", "to", "alice", "begintime", "0", "endtime", "9000000000000", "limit", "10")
	}
	if !strings.Contains(history(), "a secret") {
		t.Fatalf("history: %s", history())
	}
	b.deletedAccount("alice", "eraseMessages", "true")
	if strings.Contains(history(), "a secret") {
		t.Errorf("history after the deletion: %s", history())
	}
	b.wantError(414, "accid not register", "user/refreshToken", "accid", "alice")
	b.wantError(414, "accid not register", "user/export", "accid", "alice")
	b.wantError(414, "accid not register", "user/delete", "accid", "nobody")
	b.wantError(414, "no account of that name was deleted: create it without anew", "user/create", "accid", "carol", "anew", "true")
	b.call("user/create", "accid", "alice", "anew", "true")
	b.wantError(414, "already register", "user/create", "accid", "alice", "anew", "true")
	if state := decode[deletion](t, b.call("user/deleteState", "accid", "alice")); !state.Data.Recreated {
		t.Errorf("state of a name with a new account: %+v", state)
	}
	b.deletedAccount("alice")
}

// TestDeletionDoesNotReachAnotherTenant.
func TestDeletionDoesNotReachAnotherTenant(t *testing.T) {
	node := openNode(t, t.TempDir(), nil)
	mine, theirs := newBackend(t, node, appliance.TenantRequest{APIPerSecond: 1 << 20}), newBackend(t, node, appliance.TenantRequest{})
	mine.accounts("alice")
	theirs.accounts("alice")
	mine.deletedAccount("alice")
	theirs.wantError(404, "no account of that name was deleted", "user/deleteState", "accid", "alice")
	theirs.call("user/refreshToken", "accid", "alice")
}

// TestDeletionGoesOnAfterARestart: what a node leaves when it ends, the next one does.
func TestDeletionGoesOnAfterARestart(t *testing.T) {
	dir := t.TempDir()
	node, err := appliance.Open(t.Context(), appliance.Config{NodeID: "node1", DataDir: dir})
	if err != nil {
		t.Fatal(err)
	}
	b := newBackend(t, node, appliance.TenantRequest{APIPerSecond: 1 << 20})
	b.accounts("alice", "bob")
	for range 50 {
		b.call("msg/sendMsg", "from", "alice", "to", "bob", "ope", "0", "type", "0", "body", `{"msg":"hello"}`)
	}
	b.call("user/delete", "accid", "alice", "eraseMessages", "true")
	if err := node.Close(); err != nil {
		t.Fatal(err)
	}
	b.node = openNode(t, dir, nil)
	b.deletedAccount("alice")
	if left := b.call("history/querySessionMsg", "from", "bob", "to", "alice", "begintime", "0", "endtime", "9000000000000", "limit", "100"); strings.Contains(left, "hello") {
		t.Errorf("left: %s", left)
	}
}
