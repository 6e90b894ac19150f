package state

import (
	"errors"

	"github.com/yizhan-im/yizhan/appliance/wire"
	"github.com/yizhan-im/yizhan/raftstore"
)

func (m *Machine) storeFile(tx *raftstore.Tx, r *reader) (*FileResult, error) {
	var c StoreFile
	if !c.decode(r) {
		return &FileResult{Code: wire.CodeBadProtocol}, nil
	}
	if !c.valid() {
		return &FileResult{Code: wire.CodeBadParameter}, nil
	}
	if err := m.tick(tx, c.TimeMs); err != nil {
		return nil, err
	}
	if ok, err := m.fileOwnerExists(tx, c.Tenant, c.Account); err != nil || !ok {
		return &FileResult{Code: wire.CodeNotFound}, err
	}
	row := fileRow{account: c.Account, createdMs: m.site.clockMs, size: c.Size, mime: c.Type, tag: c.Tag}
	if c.LifeMs > 0 {
		row.expiresMs = row.createdMs + c.LifeMs
	}
	var before fileRow
	m.key = appendFileKey(m.key[:0], c.Tenant, c.ID)
	switch ok, err := loadRow(tx, m.key, before.decode); {
	case err != nil:
		return nil, err
	case ok && (before.account != row.account || before.size != row.size || before.mime != row.mime || before.tag != row.tag):
		return &FileResult{Code: wire.CodeRepeated}, nil
	case ok:
		return &FileResult{Code: wire.CodeOK}, nil
	}
	res, err := m.countFile(tx, &c)
	if err != nil || res.Code != wire.CodeOK {
		return res, err
	}
	m.key = appendFileKey(m.key[:0], c.Tenant, c.ID)
	if err := m.putRow(tx, &row); err != nil {
		return nil, err
	}
	m.key = appendFileTimeKey(m.key[:0], c.Tenant, fileCreated, row.createdMs, c.ID)
	if err := tx.Set(m.key, nil); err != nil {
		return nil, err
	}
	if row.expiresMs > 0 {
		m.key = appendFileTimeKey(m.key[:0], c.Tenant, fileExpires, row.expiresMs, c.ID)
		if err := tx.Set(m.key, nil); err != nil {
			return nil, err
		}
	}
	return res, nil
}

// fileOwnerExists: the tenant, and its account when there is a name.
func (m *Machine) fileOwnerExists(tx *raftstore.Tx, tenant uint32, account string) (bool, error) {
	if tenant == 0 || tenant > m.site.tenants {
		return false, nil
	}
	if account == "" {
		return true, nil
	}
	return m.accountExists(tx, tenant, account)
}

// countFile counts the file for its account, its tenant and the site, unless one
// of them has too many.
func (m *Machine) countFile(tx *raftstore.Tx, c *StoreFile) (*FileResult, error) {
	owner, err := m.fileTotals(tx, c.Tenant, "")
	if err != nil {
		return nil, err
	}
	if owner.files >= MaxFiles || c.MaxBytes > 0 && owner.bytes+c.Size > c.MaxBytes {
		return &FileResult{Code: wire.CodeCountLimit}, nil
	}
	if c.Account != "" {
		own, err := m.fileTotals(tx, c.Tenant, c.Account)
		if err != nil {
			return nil, err
		}
		if c.MaxAccountBytes > 0 && own.bytes+c.Size > c.MaxAccountBytes {
			return &FileResult{Code: wire.CodeCountLimit, OfAccount: true}, nil
		}
	}
	res := &FileResult{Code: wire.CodeOK, Files: 1, Bytes: c.Size}
	return res, m.addFiles(tx, c.Tenant, c.Account, 1, int64(c.Size))
}

// addFiles changes all three totals; negative numbers take away.
func (m *Machine) addFiles(tx *raftstore.Tx, tenant uint32, account string, files, bytes int64) error {
	owners := []struct {
		tenant  uint32
		account string
	}{{0, ""}, {tenant, ""}, {tenant, account}}
	if account == "" {
		owners = owners[:2]
	}
	for _, o := range owners {
		totals, err := m.fileTotals(tx, o.tenant, o.account)
		if err != nil {
			return err
		}
		totals.files += uint64(files)
		totals.bytes += uint64(bytes)
		m.key = appendAccountKey(m.key[:0], tableFileTotal, o.tenant, o.account)
		if totals.files == 0 {
			err = tx.Delete(m.key)
		} else {
			err = m.putRow(tx, &totals)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

func (m *Machine) fileTotals(tx *raftstore.Tx, tenant uint32, account string) (totals fileTotals, err error) {
	m.key = appendAccountKey(m.key[:0], tableFileTotal, tenant, account)
	_, err = loadRow(tx, m.key, totals.decode)
	return totals, err
}

func (m *Machine) removeFiles(tx *raftstore.Tx, r *reader) (*FileResult, error) {
	var c RemoveFiles
	if !c.decode(r) {
		return &FileResult{Code: wire.CodeBadProtocol}, nil
	}
	if !c.valid() {
		return &FileResult{Code: wire.CodeBadParameter}, nil
	}
	if err := m.tick(tx, c.TimeMs); err != nil {
		return nil, err
	}
	res := &FileResult{Code: wire.CodeOK}
	for _, id := range c.IDs {
		if err := m.removeFile(tx, c.Tenant, id, res); err != nil {
			return nil, err
		}
	}
	return res, nil
}

func (m *Machine) removeFile(tx *raftstore.Tx, tenant uint32, id string, res *FileResult) error {
	var row fileRow
	m.key = appendFileKey(m.key[:0], tenant, id)
	ok, err := loadRow(tx, m.key, row.decode)
	if err != nil || !ok {
		return err
	}
	err = tx.Delete(m.key)
	m.key = appendFileTimeKey(m.key[:0], tenant, fileCreated, row.createdMs, id)
	err = errors.Join(err, tx.Delete(m.key))
	if row.expiresMs > 0 {
		m.key = appendFileTimeKey(m.key[:0], tenant, fileExpires, row.expiresMs, id)
		err = errors.Join(err, tx.Delete(m.key))
	}
	if err != nil {
		return err
	}
	res.Files++
	res.Bytes += row.size
	return m.addFiles(tx, tenant, row.account, -1, -int64(row.size))
}

func (m *Machine) deleteFiles(tx *raftstore.Tx, r *reader) (*FileJobResult, error) {
	var c DeleteFiles
	if !c.decode(r) {
		return &FileJobResult{Code: wire.CodeBadProtocol}, nil
	}
	if !c.valid() {
		return &FileJobResult{Code: wire.CodeBadParameter}, nil
	}
	if err := m.tick(tx, c.TimeMs); err != nil {
		return nil, err
	}
	if ok, err := m.fileOwnerExists(tx, c.Tenant, ""); err != nil || !ok {
		return &FileJobResult{Code: wire.CodeNotFound}, err
	}
	jobs := 0
	if err := scanTx(tx, appendFileJobs(nil, c.Tenant), func(_, _ []byte) error { jobs++; return nil }); err != nil {
		return nil, err
	}
	if jobs >= MaxFileJobs {
		return &FileJobResult{Code: wire.CodeCountLimit}, nil
	}
	// What is stored later must not go: the job may last.
	job := FileJob{ID: m.nextID(), FromMs: c.FromMs, ToMs: min(c.ToMs, m.site.clockMs), Type: c.Type, Tag: c.Tag, Account: c.Account}
	m.key = appendU64(appendFileJobs(m.key[:0], c.Tenant), job.ID)
	return &FileJobResult{Code: wire.CodeOK, ID: job.ID}, m.putRow(tx, &job)
}

func (m *Machine) endFileJob(tx *raftstore.Tx, r *reader) (*FileJobResult, error) {
	var c EndFileJob
	if !c.decode(r) {
		return &FileJobResult{Code: wire.CodeBadProtocol}, nil
	}
	if err := m.tick(tx, c.TimeMs); err != nil {
		return nil, err
	}
	m.key = appendU64(appendFileJobs(m.key[:0], c.Tenant), c.ID)
	switch ok, err := m.exists(tx); {
	case err != nil:
		return nil, err
	case !ok:
		return &FileJobResult{Code: wire.CodeNotFound}, nil
	}
	return &FileJobResult{Code: wire.CodeOK, ID: c.ID}, tx.Delete(m.key)
}
