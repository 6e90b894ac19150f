package api_test

import (
	"testing"

	"github.com/yizhan-im/yizhan/appliance"
)

func TestTenantUsage(t *testing.T) {
	node := openNode(t, t.TempDir(), nil)
	b, other := newBackend(t, node, appliance.TenantRequest{}), newBackend(t, node, appliance.TenantRequest{})
	b.accounts("alice", "bob", "carol")
	other.accounts("alice")
	b.call("msg/sendMsg", "from", "alice", "ope", "0", "to", "bob", "type", "0", "body", `{"msg":"x"}`)
	b.deletedAccount("carol") // it counts no more
	type usage struct {
		Data struct{ Accounts, ActiveAccounts, Conversations, Messages, Connections, CountedTime int64 }
	}
	got := decode[usage](t, b.call("tenant/usage")).Data
	if got.Accounts != 2 || got.Conversations != 1 || got.Messages != 1 || got.ActiveAccounts != 0 || got.Connections != 0 || got.CountedTime == 0 {
		t.Errorf("usage: %+v", got)
	}
	if theirs := decode[usage](t, other.call("tenant/usage")).Data; theirs.Accounts != 1 || theirs.Messages != 0 {
		t.Errorf("the other tenant's usage: %+v", theirs)
	}
	operator, err := node.Usage(t.Context(), b.appKey)
	if err != nil || operator.Accounts != 2 || operator.AppKey != b.appKey {
		t.Errorf("what the operator sees: %+v %v", operator, err)
	}
	if _, err := node.Usage(t.Context(), "nobody"); err == nil {
		t.Error("a tenant that is not there has a usage")
	}
}
