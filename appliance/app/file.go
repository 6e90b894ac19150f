package app

import (
	"context"

	"github.com/yizhan-im/yizhan/appliance/state"
	"github.com/yizhan-im/yizhan/appliance/wire"
)

// FileRoom says that the tenant, or the account unless it is empty, has no room for
// a file of size bytes: CodeCountLimit. It decides nothing; StoreFile does.
func (a *App) FileRoom(ctx context.Context, appKey, account string, size int64) error {
	t, err := a.Tenant(ctx, appKey)
	if err != nil {
		return err
	}
	owners := []struct {
		account string
		most    uint64
	}{{"", t.Limits.FileBytes()}, {account, t.Limits.AccountFileBytes()}}
	if account == "" {
		owners = owners[:1]
	}
	for _, o := range owners {
		if o.most == 0 {
			continue
		}
		_, used, err := a.queries.FileTotals(t.ID, o.account)
		if err != nil {
			return a.edge(err)
		}
		if used+uint64(max(size, 0)) > o.most {
			return noFileRoom(t, o.account != "")
		}
	}
	return nil
}

// FileTotals counts the files of a tenant.
func (a *App) FileTotals(tenant uint32) (files, bytes uint64, err error) {
	if files, bytes, err = a.queries.FileTotals(tenant, ""); err != nil {
		err = a.edge(err)
	}
	return files, bytes, err
}

func noFileRoom(t *state.Tenant, ofAccount bool) error {
	if ofAccount {
		return wire.Errorf(wire.CodeCountLimit, "the files of an account may have %d MiB together", t.Limits.AccountFileMiB)
	}
	if t.Limits.FileBytes() == 0 {
		return wire.Errorf(wire.CodeCountLimit, "the tenant has %d files", state.MaxFiles)
	}
	return wire.Errorf(wire.CodeCountLimit, "the tenant's files may have %d MiB together", t.Limits.FileMiB)
}

// StoreFile counts a file of the tenant. TimeMs, Tenant and the limits are set
// here. CodeCountLimit: there is no room for it; CodeNotFound: the account is gone.
func (a *App) StoreFile(ctx context.Context, appKey string, f *state.StoreFile) error {
	t, err := a.Tenant(ctx, appKey)
	if err != nil {
		return err
	}
	f.TimeMs, f.Tenant = a.now().UnixMilli(), t.ID
	f.MaxBytes, f.MaxAccountBytes = t.Limits.FileBytes(), t.Limits.AccountFileBytes()
	res, err := propose[*state.FileResult](ctx, a, f)
	if err != nil {
		return err
	}
	if res.Code == wire.CodeCountLimit {
		return noFileRoom(t, res.OfAccount)
	}
	return outcome(res.Code)
}

// RemoveFiles counts files no more; at most state.MaxRemovedFiles.
func (a *App) RemoveFiles(ctx context.Context, tenant uint32, ids []string) error {
	res, err := propose[*state.FileResult](ctx, a, &state.RemoveFiles{TimeMs: a.now().UnixMilli(), Tenant: tenant, IDs: ids})
	if err != nil {
		return err
	}
	return outcome(res.Code)
}

// DeleteFiles begins the removal of the tenant's files that c names, and returns
// its number; TimeMs and Tenant are set here. CodeCountLimit: too many are under way.
func (a *App) DeleteFiles(ctx context.Context, appKey string, c state.DeleteFiles) (uint64, error) {
	t, err := a.Tenant(ctx, appKey)
	if err != nil {
		return 0, err
	}
	if c.FromMs > c.ToMs {
		return 0, wire.Errorf(wire.CodeBadParameter, "the time ends before it begins")
	}
	c.TimeMs, c.Tenant = a.now().UnixMilli(), t.ID
	res, err := propose[*state.FileJobResult](ctx, a, &c)
	if err != nil {
		return 0, err
	}
	if res.Code == wire.CodeCountLimit {
		return 0, wire.Errorf(wire.CodeCountLimit, "%d deletions are under way: wait until one has ended", state.MaxFileJobs)
	}
	return res.ID, outcome(res.Code)
}
