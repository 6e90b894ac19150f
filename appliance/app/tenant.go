package app

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"regexp"
	"sync"
	"time"

	"github.com/yizhan-im/yizhan/appliance/session"
	"github.com/yizhan-im/yizhan/appliance/state"
	"github.com/yizhan-im/yizhan/appliance/wire"
)

// tenantTTL is how old a cached tenant may become. Applied drops an entry that
// changed; this is for a node that was brought up to date by a snapshot, which
// gives no results.
const tenantTTL = 10 * time.Second

// tenantCache keeps the tenants that are in use. It holds existing tenants
// only, so it cannot outgrow what operators have made.
type tenantCache struct {
	load func(appKey string) (*state.Tenant, error)
	now  func() time.Time

	mu      sync.RWMutex
	entries map[string]tenantEntry // guarded by mu, by appkey
	changes uint64                 // guarded by mu: calls of forget
}

type tenantEntry struct {
	tenant *state.Tenant
	at     time.Time
}

func newTenantCache(load func(string) (*state.Tenant, error), now func() time.Time) *tenantCache {
	return &tenantCache{load: load, now: now, entries: map[string]tenantEntry{}}
}

// get finds a tenant; CodeNotFound when there is none. When the store cannot be
// read, an old entry is better than none.
func (c *tenantCache) get(appKey string) (*state.Tenant, error) {
	c.mu.RLock()
	e, known := c.entries[appKey]
	changes := c.changes
	c.mu.RUnlock()
	now := c.now()
	if known && now.Sub(e.at) < tenantTTL {
		return e.tenant, nil
	}
	tenant, err := c.load(appKey)
	switch {
	case err == nil:
	case known && wire.CodeOf(err) != wire.CodeNotFound:
		return e.tenant, nil
	default:
		return nil, err
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	// A tenant that has changed since may be newer than what was read.
	if c.changes == changes {
		c.entries[tenant.AppKey] = tenantEntry{tenant: tenant, at: now}
	}
	return tenant, nil
}

// forget makes the next get read the tenant again.
func (c *tenantCache) forget(appKey string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.changes++
	delete(c.entries, appKey)
}

// Tenant finds a tenant by its appkey, CodeWrongToken when there is none. The
// result may be some seconds old on a node that was just restored from a snapshot,
// and must not be changed.
func (a *App) Tenant(_ context.Context, appKey string) (*state.Tenant, error) {
	t, err := a.tenants.get(appKey)
	if wire.CodeOf(err) == wire.CodeNotFound {
		return nil, errUnknownTenant
	}
	if err != nil {
		return nil, a.edge(err)
	}
	return t, nil
}

// Tenants lists all tenants of the site.
func (a *App) Tenants(context.Context) ([]*state.Tenant, error) {
	tenants, err := a.queries.Tenants()
	if err != nil {
		return nil, a.edge(err)
	}
	return tenants, nil
}

// CreateTenant adds a tenant with a new secret. An empty appKey is replaced by a
// random one; zero limits by their defaults. CodeRepeated: the appkey is taken.
func (a *App) CreateTenant(ctx context.Context, appKey, name string, l state.Limits) (*state.Tenant, error) {
	if appKey == "" {
		appKey = randomHex()
	}
	if err := CheckAppKey(appKey); err != nil {
		return nil, err
	}
	if err := checkTenant(&name, &l); err != nil {
		return nil, err
	}
	return a.proposeTenant(ctx, &state.CreateTenant{
		TimeMs: a.now().UnixMilli(), AppKey: appKey, Secret: NewSecret(), Name: name, Limits: l,
	})
}

// UpdateTenant changes the fields of u that are not nil; TimeMs is set here. The
// new values hold for the next request of every session. CodeNotFound: there is
// no such tenant.
func (a *App) UpdateTenant(ctx context.Context, u state.UpdateTenant) (*state.Tenant, error) {
	if err := checkTenant(u.Name, u.Limits); err != nil {
		return nil, err
	}
	u.TimeMs = a.now().UnixMilli()
	return a.proposeTenant(ctx, &u)
}

func (a *App) proposeTenant(ctx context.Context, c command) (*state.Tenant, error) {
	res, err := propose[*state.TenantResult](ctx, a, c)
	if err != nil {
		return nil, err
	}
	if err := outcome(res.Code); err != nil {
		return nil, err
	}
	// Whoever asked may use the tenant before Applied has been told.
	a.tenants.forget(res.Tenant.AppKey)
	return res.Tenant, nil
}

// appKeyPattern allows what needs no quoting in a header, a URL or a log.
var appKeyPattern = regexp.MustCompile(`^[A-Za-z0-9_-]{1,64}$`)

// CheckAppKey says what is wrong with a tenant's appkey, as a *wire.Error.
func CheckAppKey(appKey string) error {
	if !appKeyPattern.MatchString(appKey) {
		return wire.Errorf(wire.CodeBadParameter, "app_key is not 1–64 letters, digits, hyphens or underscores")
	}
	return nil
}

// checkTenant checks the parts of a tenant that are there.
func checkTenant(name *string, l *state.Limits) error {
	if name != nil {
		if err := charsWithin("name", *name, maxTenantName); err != nil {
			return err
		}
	}
	if l != nil && session.Policy(l.DevicePolicy) > session.PolicyAll {
		return wire.Errorf(wire.CodeBadParameter, "device policy %d is not known", l.DevicePolicy)
	}
	return nil
}

// NewSecret makes a secret or a token of 128 random bits, as 32 hexadecimal
// digits.
func NewSecret() string { return randomHex() }

func randomHex() string {
	var b [16]byte
	_, _ = rand.Read(b[:]) // never fails: crypto/rand ends the process instead
	return hex.EncodeToString(b[:])
}

// propose submits c and waits for its result.
func propose[R any](ctx context.Context, a *App, c command) (R, error) {
	var none R
	result, err := a.store.Propose(ctx, c.Append(nil))
	if err != nil {
		return none, a.edge(err)
	}
	r, ok := result.(R)
	if !ok {
		return none, a.edge(unexpected(result))
	}
	return r, nil
}
