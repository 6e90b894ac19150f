package caddymodules

import (
	"context"
	"errors"
	"fmt"
	"os"
	"sync/atomic"

	"github.com/caddyserver/caddy/v2"
	"github.com/caddyserver/caddy/v2/caddyconfig/caddyfile"
	"github.com/caddyserver/certmagic"

	"github.com/yizhan-im/yizhan/appliance/sitestore"
)

func init() {
	caddy.RegisterModule(new(Storage))
}

// Storage is the Caddy storage "yizhan": certificates, their keys, ACME accounts
// and the internal CA in the site's replicated store, so that every node shares
// them. It has no options; the node is that of the configuration's yizhan app.
//
// Lifecycle: New → JSON → Provision (finds the app; opens the node, or takes the
// running one) → CertMagicStorage → Cleanup (gives the node up). Caddy provisions
// the storage before everything else, and the tls and pki apps use it before any
// app is started. So it is usually the storage that opens the node, and the app
// takes it over when it starts.
type Storage struct {
	storage certmagic.Storage
	release func() error // nil when nothing is held
}

// CaddyModule implements caddy.Module.
func (*Storage) CaddyModule() caddy.ModuleInfo {
	return caddy.ModuleInfo{ID: "caddy.storage.yizhan", New: func() caddy.Module { return new(Storage) }}
}

// validateOnly is set for processes that only look at configurations.
var validateOnly atomic.Bool

// ValidateOnly says that this process only validates configurations, and runs
// none. Caddy does not tell modules, but the node's folder must not be opened
// then: another process may be running it. The storage is an empty one instead.
func ValidateOnly() { validateOnly.Store(true) }

// Provision implements caddy.Provisioner.
func (s *Storage) Provision(ctx caddy.Context) error {
	value, err := ctx.AppIfConfigured("yizhan")
	if errors.Is(err, caddy.ErrNotConfigured) {
		return errors.New("storage yizhan keeps certificates in the node's store, and this configuration has no node: add the global option yizhan { … }, or use another storage")
	}
	if err != nil {
		return err
	}
	if validateOnly.Load() {
		return s.provisionEmpty()
	}
	app := value.(*App)
	node, err := acquireNode(app)
	if err != nil {
		return fmt.Errorf("opening the node: %w", err)
	}
	s.release = func() error { return releaseNode(app.DataDir) }
	s.storage = siteStorage{node.Storage()}
	return nil
}

// provisionEmpty makes a storage for validation: the internal CA, for example,
// makes its keys while it is provisioned.
func (s *Storage) provisionEmpty() error {
	dir, err := os.MkdirTemp("", "yizhan-validate-")
	if err != nil {
		return fmt.Errorf("an empty storage for validation: %w", err)
	}
	s.release = func() error { return os.RemoveAll(dir) }
	s.storage = &certmagic.FileStorage{Path: dir}
	return nil
}

// CertMagicStorage implements caddy.StorageConverter.
func (s *Storage) CertMagicStorage() (certmagic.Storage, error) { return s.storage, nil }

// Cleanup implements caddy.CleanerUpper. What still uses the storage may go on
// while another configuration runs the same node, and gets errors after that.
func (s *Storage) Cleanup() error {
	if s.release == nil {
		return nil
	}
	release := s.release
	s.release = nil
	return release()
}

// UnmarshalCaddyfile implements caddyfile.Unmarshaler for the global option
// `storage yizhan`.
func (*Storage) UnmarshalCaddyfile(d *caddyfile.Dispenser) error {
	d.Next() // the module's name
	if d.NextArg() {
		return d.ArgErr()
	}
	if d.NextBlock(d.Nesting()) {
		return d.Errf("unknown option %q: storage yizhan has none", d.Val())
	}
	return nil
}

// siteStorage gives the node's storage the types of certmagic.
type siteStorage struct{ *sitestore.Storage }

// Stat implements certmagic.Storage.
func (s siteStorage) Stat(ctx context.Context, key string) (certmagic.KeyInfo, error) {
	info, err := s.Storage.Stat(ctx, key)
	return certmagic.KeyInfo(info), err
}

// String is what logs show.
func (siteStorage) String() string { return "yizhan" }

// Interface guards
var (
	_ caddy.Provisioner          = (*Storage)(nil)
	_ caddy.CleanerUpper         = (*Storage)(nil)
	_ caddy.StorageConverter     = (*Storage)(nil)
	_ caddyfile.Unmarshaler      = (*Storage)(nil)
	_ certmagic.Storage          = siteStorage{}
	_ certmagic.TryLocker        = siteStorage{}
	_ certmagic.LockLeaseRenewer = siteStorage{}
)
