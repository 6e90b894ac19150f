package state

import (
	"fmt"

	"github.com/yizhan-im/yizhan/appliance/wire"
	"github.com/yizhan-im/yizhan/raftstore"
)

// Limits of queries; a larger request is cut down to them.
const (
	// MaxSyncPage and MaxHistoryPage are those of the Link protocol
	// (wire.proto); the default of both is defaultPage.
	MaxSyncPage    = 200
	MaxHistoryPage = 100
	defaultPage    = 100
	// MaxProfiles is how many accounts one query of profiles may name.
	MaxProfiles = 200
)

// Queries reads the state of this node. Every method is bounded in work and
// memory as its comment says, and may be called concurrently. Errors are
// *wire.Error when the request is at fault; others are of the store.
type Queries struct {
	view func() *raftstore.View
}

// NewQueries reads through view, which is called once for each query.
func NewQueries(view func() *raftstore.View) *Queries { return &Queries{view: view} }

// snapshot is a view of one moment, for queries that read what belongs together: else
// a row could name what a Prune removes before it is read.
func (q *Queries) snapshot() *raftstore.View {
	v := q.view()
	v.Freeze()
	return v
}

// TenantByKey finds a tenant by its appkey. CodeNotFound when there is none.
func (q *Queries) TenantByKey(appKey string) (*Tenant, error) {
	v := q.view()
	defer v.Close()
	if !validName(appKey, maxAppKey) {
		return nil, wire.Errorf(wire.CodeNotFound, "no such appkey")
	}
	b, ok, err := v.Get(appendAppKeyKey(nil, appKey))
	if err != nil {
		return nil, readError(err)
	}
	if !ok {
		return nil, wire.Errorf(wire.CodeNotFound, "no such appkey")
	}
	t := new(Tenant)
	if t.ID, err = decodeTenantID(b); err != nil {
		return nil, err
	}
	row, _, err := v.Get(appendTenantKey(nil, t.ID))
	if err != nil {
		return nil, readError(err)
	}
	if err := t.decode(row); err != nil {
		return nil, err
	}
	t.Limits = t.Limits.WithDefaults()
	return t, nil
}

// Tenants lists all tenants in the order of their creation, at most MaxTenants.
func (q *Queries) Tenants() ([]*Tenant, error) {
	v := q.view()
	defer v.Close()
	prefix := appendTable(nil, tableTenant)
	var tenants []*Tenant
	err := scan(v, prefix, prefixEnd(prefix), func(key, row []byte) error {
		t := new(Tenant)
		var err error
		if t.ID, err = decodeTenantID(key[len(prefix):]); err != nil {
			return err
		}
		if err := t.decode(row); err != nil {
			return err
		}
		t.Limits = t.Limits.WithDefaults()
		tenants = append(tenants, t)
		return nil
	})
	return tenants, err
}

// Account reads one account. CodeNotFound when there is none.
func (q *Queries) Account(tenant uint32, account string) (*Account, error) {
	v := q.view()
	defer v.Close()
	row, err := readAccount(v, tenant, account)
	if err != nil {
		return nil, err
	}
	a := &Account{
		Account: account, TokenHash: row.tokenHash, Blocked: row.blocked, CreatedMs: row.createdMs,
		Profile: new(wire.Profile),
	}
	if _, err := readRow(v, appendAccountKey(nil, tableProfile, tenant, account), a.Profile.UnmarshalVT); err != nil {
		return nil, err
	}
	var d devicesRow
	if _, err := readRow(v, appendAccountKey(nil, tableDevices, tenant, account), d.decode); err != nil {
		return nil, err
	}
	a.LastDeviceID, a.LastPlatform, a.LastLoginMs = d.lastDevice, d.lastPlatform, d.lastLoginMs
	return a, nil
}

// Credentials reads what decides whether the account may log in: one row, where
// Account reads three. CodeNotFound: there is no such account.
func (q *Queries) Credentials(tenant uint32, account string) (tokenHash []byte, blocked bool, err error) {
	v := q.view()
	defer v.Close()
	row, err := readAccount(v, tenant, account)
	return row.tokenHash, row.blocked, err
}

func readAccount(v *raftstore.View, tenant uint32, account string) (row accountRow, err error) {
	ok, err := readRow(v, appendAccountKey(nil, tableAccount, tenant, account), row.decode)
	if err == nil && !ok {
		err = wire.Errorf(wire.CodeNotFound, "no such account")
	}
	return row, err
}

// Profiles reads the profiles of those accounts that exist, in the order asked
// for. CodeCountLimit for more than MaxProfiles.
func (q *Queries) Profiles(tenant uint32, accounts []string) ([]*wire.Profile, error) {
	if len(accounts) > MaxProfiles {
		return nil, wire.Errorf(wire.CodeCountLimit, "at most %d accounts", MaxProfiles)
	}
	v := q.view()
	defer v.Close()
	profiles := make([]*wire.Profile, 0, len(accounts))
	for _, account := range accounts {
		p := new(wire.Profile)
		ok, err := readRow(v, appendAccountKey(nil, tableProfile, tenant, account), p.UnmarshalVT)
		if err != nil {
			return nil, err
		}
		if ok {
			profiles = append(profiles, p)
		}
	}
	return profiles, nil
}

// DeviceVersion is the sync version that the device has acknowledged; 0 for an
// unknown one.
func (q *Queries) DeviceVersion(tenant uint32, account, device string) (uint64, error) {
	v := q.view()
	defer v.Close()
	var d devicesRow
	if _, err := readRow(v, appendAccountKey(nil, tableDevices, tenant, account), d.decode); err != nil {
		return 0, err
	}
	for i := range d.devices {
		if d.devices[i].id == device {
			return d.devices[i].version, nil
		}
	}
	return 0, nil
}

// readRow decodes the row under key and reports whether there is one.
func readRow(v *raftstore.View, key []byte, decode func([]byte) error) (bool, error) {
	row, ok, err := v.Get(key)
	if err != nil || !ok {
		return false, readError(err)
	}
	if err := decode(row); err != nil {
		return false, rowError(fmt.Sprintf("row %x", key), err)
	}
	return true, nil
}

// scan calls each for every row of [lo, hi).
func scan(v *raftstore.View, lo, hi []byte, each func(key, row []byte) error) error {
	return scanUntil(v, lo, hi, func(key, row []byte) (bool, error) { return false, each(key, row) })
}

// scanUntil is scan until each is done.
func scanUntil(v *raftstore.View, lo, hi []byte, each func(key, row []byte) (done bool, err error)) error {
	it, err := v.Iter(lo, hi)
	if err != nil {
		return readError(err)
	}
	done := false
	for ok := it.First(); ok && err == nil && !done; ok = it.Next() {
		done, err = each(it.Key(), it.Value())
	}
	if closeErr := it.Close(); err == nil {
		err = readError(closeErr)
	}
	return err
}

func readError(err error) error {
	if err == nil {
		return nil
	}
	return fmt.Errorf("state: reading: %w", err)
}
