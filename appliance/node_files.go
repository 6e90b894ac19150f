package appliance

import (
	"context"
	"path/filepath"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/yizhan-im/yizhan/appliance/app"
	"github.com/yizhan-im/yizhan/appliance/files"
	"github.com/yizhan-im/yizhan/appliance/state"
)

// openFiles opens the service of files, which the application counts.
func (n *Node) openFiles(cfg Config, queries *state.Queries) (err error) {
	n.files, err = files.New(files.Config{
		Dir:        filepath.Join(cfg.DataDir, filesFolder),
		Keys:       n.site,
		Auth:       n.app,
		Ledger:     ledger{n.app},
		Logger:     n.logger,
		Registerer: n.registry,
	}, cfg.Files)
	if err == nil {
		n.registerFileTotals(queries)
	}
	return err
}

// registerFileTotals shows what the site's files are, as all nodes agree.
func (n *Node) registerFileTotals(queries *state.Queries) {
	for _, m := range []struct {
		name, help string
		of         func(files, bytes uint64) uint64
	}{
		{"stored", "Files of the site that are counted.", func(files, _ uint64) uint64 { return files }},
		{"stored_bytes", "Bytes that they have.", func(_, bytes uint64) uint64 { return bytes }},
	} {
		n.registry.MustRegister(prometheus.NewGaugeFunc(prometheus.GaugeOpts{Name: "yizhan_files_" + m.name, Help: m.help}, func() float64 {
			count, bytes, err := queries.FileTotals(0, "")
			if err != nil {
				return 0 // the store has failed, which other metrics tell
			}
			return float64(m.of(count, bytes))
		}))
	}
}

// ledger counts files with the application.
type ledger struct{ app *app.App }

func (l ledger) FileRoom(ctx context.Context, appKey, account string, size int64) error {
	return l.app.FileRoom(ctx, appKey, account, size)
}

func (l ledger) StoreFile(ctx context.Context, f files.StoredFile) error {
	return l.app.StoreFile(ctx, f.AppKey, &state.StoreFile{
		Account: f.Account, ID: f.ID, Size: uint64(f.Size), Type: f.Type, Tag: f.Tag, LifeMs: f.LifeMs,
	})
}

func (l ledger) RemoveFiles(ctx context.Context, tenant uint32, ids []string) error {
	return l.app.RemoveFiles(ctx, tenant, ids)
}

var _ files.Ledger = ledger{}
