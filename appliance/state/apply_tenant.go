package state

import (
	"encoding/binary"

	"github.com/yizhan-im/yizhan/appliance/wire"
	"github.com/yizhan-im/yizhan/raftstore"
)

// MaxTenants bounds the tenants of one site.
const MaxTenants = 10_000

func (m *Machine) createTenant(tx *raftstore.Tx, r *reader) (*TenantResult, error) {
	var c CreateTenant
	if !c.decode(r) {
		return &TenantResult{Code: wire.CodeBadProtocol}, nil
	}
	if !validName(c.AppKey, maxAppKey) || !validName(c.Secret, maxSecret) || !validText(c.Name, maxName) || !c.Limits.valid() {
		return &TenantResult{Code: wire.CodeBadParameter}, nil
	}
	if err := m.tick(tx, c.TimeMs); err != nil {
		return nil, err
	}
	m.key = appendAppKeyKey(m.key[:0], c.AppKey)
	switch ok, err := m.exists(tx); {
	case err != nil:
		return nil, err
	case ok:
		return &TenantResult{Code: wire.CodeRepeated}, nil
	case m.site.tenants >= MaxTenants:
		return &TenantResult{Code: wire.CodeCountLimit}, nil
	}
	m.site.tenants++
	t := &Tenant{
		ID: m.site.tenants, AppKey: c.AppKey, Secret: c.Secret, Name: c.Name,
		Limits: c.Limits, CreatedMs: m.site.clockMs,
	}
	if err := tx.Set(m.key, appendU32(nil, t.ID)); err != nil {
		return nil, err
	}
	return m.putTenant(tx, t)
}

func (m *Machine) updateTenant(tx *raftstore.Tx, r *reader) (*TenantResult, error) {
	var c UpdateTenant
	if !c.decode(r) {
		return &TenantResult{Code: wire.CodeBadProtocol}, nil
	}
	if !validName(c.AppKey, maxAppKey) ||
		c.Secret != nil && !validName(*c.Secret, maxSecret) ||
		c.Name != nil && !validText(*c.Name, maxName) ||
		c.Limits != nil && !c.Limits.valid() {
		return &TenantResult{Code: wire.CodeBadParameter}, nil
	}
	if err := m.tick(tx, c.TimeMs); err != nil {
		return nil, err
	}
	t, err := m.tenantOf(tx, c.AppKey)
	if err != nil {
		return nil, err
	}
	if t == nil {
		return &TenantResult{Code: wire.CodeNotFound}, nil
	}
	if c.Secret != nil {
		t.Secret = *c.Secret
	}
	if c.Name != nil {
		t.Name = *c.Name
	}
	if c.Limits != nil {
		t.Limits = *c.Limits
	}
	return m.putTenant(tx, t)
}

func (m *Machine) setCallback(tx *raftstore.Tx, r *reader) (*TenantResult, error) {
	var c SetCallback
	if !c.decode(r) {
		return &TenantResult{Code: wire.CodeBadProtocol}, nil
	}
	if !validName(c.AppKey, maxAppKey) || !c.Callback.valid() {
		return &TenantResult{Code: wire.CodeBadParameter}, nil
	}
	if err := m.tick(tx, c.TimeMs); err != nil {
		return nil, err
	}
	t, err := m.tenantOf(tx, c.AppKey)
	if err != nil {
		return nil, err
	}
	if t == nil {
		return &TenantResult{Code: wire.CodeNotFound}, nil
	}
	t.Callback = Callback{}
	if c.Callback.URL != "" {
		t.Callback = c.Callback
	}
	return m.putTenant(tx, t)
}

// tenantOf is the tenant with this appkey, its limits as they were given; nil
// when there is none. It overwrites m.key.
func (m *Machine) tenantOf(tx *raftstore.Tx, appKey string) (*Tenant, error) {
	m.key = appendAppKeyKey(m.key[:0], appKey)
	id, ok, err := tx.Get(m.key)
	if err != nil || !ok {
		return nil, err
	}
	t := new(Tenant)
	if t.ID, err = decodeTenantID(id); err != nil {
		return nil, err
	}
	m.key = appendTenantKey(m.key[:0], t.ID)
	row, _, err := tx.Get(m.key)
	if err != nil {
		return nil, err
	}
	return t, t.decode(row)
}

// putTenant stores t. Limits are stored as they were given: what a default is
// may change from build to build, and nodes of two builds must store the same.
func (m *Machine) putTenant(tx *raftstore.Tx, t *Tenant) (*TenantResult, error) {
	m.key = appendTenantKey(m.key[:0], t.ID)
	m.val = t.append(m.val[:0])
	if err := tx.Set(m.key, m.val); err != nil {
		return nil, err
	}
	t.Limits = t.Limits.WithDefaults()
	return &TenantResult{Code: wire.CodeOK, Tenant: t}, nil
}

func decodeTenantID(b []byte) (uint32, error) {
	if len(b) != 4 {
		r := reader{bad: true}
		return 0, r.end("appkey")
	}
	return binary.BigEndian.Uint32(b), nil
}
