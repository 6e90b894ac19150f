package state

import (
	"github.com/yizhan-im/yizhan/appliance/wire"
	"github.com/yizhan-im/yizhan/raftstore"
)

// Queries reads the state of this node. Every method is bounded in work and
// memory as its comment says, and may be called concurrently.
type Queries struct {
	view func() *raftstore.View
}

// NewQueries reads through view, which is called once for each query.
func NewQueries(view func() *raftstore.View) *Queries { return &Queries{view: view} }

func (q *Queries) TenantByKey(appKey string) (*Tenant, error)              { return nil, nil }
func (q *Queries) Tenants() ([]*Tenant, error)                             { return nil, nil }
func (q *Queries) Account(tenant uint32, account string) (*Account, error) { return nil, nil }
func (q *Queries) Profiles(tenant uint32, accounts []string) ([]*wire.Profile, error) {
	return nil, nil
}
func (q *Queries) DeviceVersion(tenant uint32, account, device string) (uint64, error) {
	return 0, nil
}
func (q *Queries) Sync(tenant uint32, account string, version uint64, limit int) (*wire.SyncResponse, error) {
	return nil, nil
}
func (q *Queries) History(tenant uint32, account string, req *wire.HistoryRequest) (*wire.HistoryResponse, error) {
	return nil, nil
}
func (q *Queries) HistoryByTime(tenant uint32, from, to string, beginMs, endMs int64, limit int, reverse bool, types []uint32) ([]*wire.Message, error) {
	return nil, nil
}
func (q *Queries) MessageByID(tenant uint32, from, to string, id uint64) (*wire.Message, error) {
	return nil, nil
}
