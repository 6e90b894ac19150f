package state

import (
	"errors"

	"github.com/yizhan-im/yizhan/appliance/wire"
	"github.com/yizhan-im/yizhan/raftstore"
)

// StorageResult is the outcome of StoragePut and StorageDelete.
type StorageResult struct {
	Code wire.Code
	// More: the folder has more entries than one StorageDelete removes.
	More bool
}

func (m *Machine) storagePut(tx *raftstore.Tx, r *reader) (*StorageResult, error) {
	var c StoragePut
	if !c.decode(r) {
		return &StorageResult{Code: wire.CodeBadProtocol}, nil
	}
	if !ValidStorageKey(c.Key) || len(c.Value) > MaxStorageValue {
		return &StorageResult{Code: wire.CodeBadParameter}, nil
	}
	if err := m.tick(tx, c.TimeMs); err != nil {
		return nil, err
	}
	var totals storageTotalsRow
	if err := totals.load(tx); err != nil {
		return nil, err
	}
	var info storageInfoRow
	m.key = appendStorageKey(m.key[:0], tableStorageInfo, c.Key)
	exists, err := loadRow(tx, m.key, info.decode)
	if err != nil {
		return nil, err
	}
	if exists {
		totals.remove(len(c.Key), info.size)
	}
	if totals.entries >= MaxStorageEntries || totals.bytes+uint64(len(c.Key)+len(c.Value)) > MaxStorageBytes {
		return &StorageResult{Code: wire.CodeCountLimit}, nil
	}
	totals.entries++
	totals.bytes += uint64(len(c.Key) + len(c.Value))
	info = storageInfoRow{modifiedMs: m.site.clockMs, size: uint64(len(c.Value))}
	if err := m.putRow(tx, &info); err != nil {
		return nil, err
	}
	m.key = appendStorageKey(m.key[:0], tableStorageValue, c.Key)
	if err := tx.Set(m.key, c.Value); err != nil {
		return nil, err
	}
	return &StorageResult{Code: wire.CodeOK}, m.putTotals(tx, &totals)
}

func (m *Machine) storageDelete(tx *raftstore.Tx, r *reader) (*StorageResult, error) {
	var c StorageDelete
	if !c.decode(r) {
		return &StorageResult{Code: wire.CodeBadProtocol}, nil
	}
	if !ValidStorageKey(c.Key) {
		return &StorageResult{Code: wire.CodeBadParameter}, nil
	}
	if err := m.tick(tx, c.TimeMs); err != nil {
		return nil, err
	}
	files, more, err := m.storageFiles(tx, c.Key)
	if err != nil || len(files) == 0 {
		return &StorageResult{Code: wire.CodeOK}, err
	}
	var totals storageTotalsRow
	if err := totals.load(tx); err != nil {
		return nil, err
	}
	for _, f := range files {
		totals.remove(len(f.key), f.size)
		for _, table := range []byte{tableStorageInfo, tableStorageValue} {
			m.key = appendStorageKey(m.key[:0], table, f.key)
			if err := tx.Delete(m.key); err != nil {
				return nil, err
			}
		}
	}
	return &StorageResult{Code: wire.CodeOK, More: more}, m.putTotals(tx, &totals)
}

type storageFile struct {
	key  string
	size uint64
}

// storageFiles finds the file key and those in the folder key, at most
// MaxStorageDelete of them.
func (m *Machine) storageFiles(tx *raftstore.Tx, key string) (files []storageFile, more bool, err error) {
	var info storageInfoRow
	m.key = appendStorageKey(m.key[:0], tableStorageInfo, key)
	ok, err := loadRow(tx, m.key, info.decode)
	if err != nil {
		return nil, false, err
	}
	if ok {
		files = append(files, storageFile{key, info.size})
	}
	prefix := appendStorageFolder(nil, key)
	it, err := tx.Iter(prefix, prefixEnd(prefix))
	if err != nil {
		return nil, false, err
	}
	for ok := it.First(); ok; ok = it.Next() {
		if len(files) == MaxStorageDelete {
			more = true
			break
		}
		if err := info.decode(it.Value()); err != nil {
			return nil, false, errors.Join(err, it.Close())
		}
		files = append(files, storageFile{storageKeyOf(it.Key()), info.size})
	}
	return files, more, it.Close()
}

// load reads the totals; none are stored before the first file or lock.
func (s *storageTotalsRow) load(tx *raftstore.Tx) error {
	_, err := loadRow(tx, keyStorageTotals, s.decode)
	return err
}

// remove takes a file off the totals.
func (s *storageTotalsRow) remove(keyLen int, size uint64) {
	s.entries--
	s.bytes -= uint64(keyLen) + size
}

func (m *Machine) putTotals(tx *raftstore.Tx, totals *storageTotalsRow) error {
	m.key = append(m.key[:0], keyStorageTotals...)
	return m.putRow(tx, totals)
}

// putRow stores row under m.key. It overwrites m.val.
func (m *Machine) putRow(tx *raftstore.Tx, row interface{ append([]byte) []byte }) error {
	m.val = row.append(m.val[:0])
	return tx.Set(m.key, m.val)
}

// loadRow decodes the row under key and reports whether there is one.
func loadRow(tx *raftstore.Tx, key []byte, decode func([]byte) error) (bool, error) {
	row, ok, err := tx.Get(key)
	if err != nil || !ok {
		return false, err
	}
	return true, decode(row)
}
