package state

import (
	"errors"

	"github.com/yizhan-im/yizhan/appliance/wire"
	"github.com/yizhan-im/yizhan/raftstore"
)

// StorageLockResult is the outcome of StorageLock and StorageUnlock.
type StorageLockResult struct {
	Code wire.Code
	// Fence is larger for each later holder of any lock; 0 when Code is not CodeOK.
	Fence uint64
	// ExpiresMs is when the lease of whoever holds the lock now is over, by the
	// clock of its holder.
	ExpiresMs int64
}

func (m *Machine) storageLock(tx *raftstore.Tx, r *reader) (*StorageLockResult, error) {
	var c StorageLock
	if !c.decode(r) {
		return &StorageLockResult{Code: wire.CodeBadProtocol}, nil
	}
	if !ValidStorageLockName(c.Name) || !c.Owner.valid() || c.LeaseMs < 1 || c.LeaseMs > MaxStorageLeaseMs {
		return &StorageLockResult{Code: wire.CodeBadParameter}, nil
	}
	var held storageLockRow
	m.key = appendStorageKey(m.key[:0], tableStorageLock, c.Name)
	ok, err := loadRow(tx, m.key, held.decode)
	if err != nil {
		return nil, err
	}
	switch {
	case ok && held.owner == c.Owner:
		// Its own, also when the lease is over: nobody has held it since.
	case c.Renew:
		return &StorageLockResult{Code: wire.CodeNotFound, ExpiresMs: held.expiresMs}, nil
	case ok && !leaseOver(held.expiresMs, c.TimeMs) && !c.Owner.supersedes(&held.owner):
		return &StorageLockResult{Code: wire.CodeRepeated, ExpiresMs: held.expiresMs}, nil
	case ok:
		held = storageLockRow{owner: c.Owner, fence: m.nextID()}
	default:
		switch ok, err := m.addStorageLock(tx, c.TimeMs); {
		case err != nil:
			return nil, err
		case !ok:
			return &StorageLockResult{Code: wire.CodeCountLimit}, nil
		}
		held = storageLockRow{owner: c.Owner, fence: m.nextID()}
	}
	held.expiresMs = c.TimeMs + c.LeaseMs
	m.key = appendStorageKey(m.key[:0], tableStorageLock, c.Name)
	if err := m.putRow(tx, &held); err != nil {
		return nil, err
	}
	return &StorageLockResult{Code: wire.CodeOK, Fence: held.fence, ExpiresMs: held.expiresMs}, nil
}

func (m *Machine) storageUnlock(tx *raftstore.Tx, r *reader) (*StorageLockResult, error) {
	var c StorageUnlock
	if !c.decode(r) {
		return &StorageLockResult{Code: wire.CodeBadProtocol}, nil
	}
	if !ValidStorageLockName(c.Name) || !c.Owner.valid() {
		return &StorageLockResult{Code: wire.CodeBadParameter}, nil
	}
	var held storageLockRow
	m.key = appendStorageKey(m.key[:0], tableStorageLock, c.Name)
	ok, err := loadRow(tx, m.key, held.decode)
	if err != nil {
		return nil, err
	}
	if !ok || held.owner != c.Owner {
		return &StorageLockResult{Code: wire.CodeNotFound, ExpiresMs: held.expiresMs}, nil
	}
	if err := tx.Delete(m.key); err != nil {
		return nil, err
	}
	var totals storageTotalsRow
	if err := totals.load(tx); err != nil {
		return nil, err
	}
	totals.locks--
	return &StorageLockResult{Code: wire.CodeOK, Fence: held.fence}, m.putTotals(tx, &totals)
}

// addStorageLock counts one more lock. When there are too many it first drops
// those whose lease is over: their holders died without an unlock, and nobody has
// asked for them since. It reports false when too many are really held.
func (m *Machine) addStorageLock(tx *raftstore.Tx, timeMs int64) (bool, error) {
	var totals storageTotalsRow
	if err := totals.load(tx); err != nil {
		return false, err
	}
	if totals.locks >= MaxStorageLocks {
		expired, err := expiredStorageLocks(tx, timeMs)
		if err != nil {
			return false, err
		}
		for _, key := range expired {
			if err := tx.Delete(key); err != nil {
				return false, err
			}
		}
		totals.locks -= uint64(len(expired))
	}
	if totals.locks >= MaxStorageLocks {
		return false, nil
	}
	totals.locks++
	return true, m.putTotals(tx, &totals)
}

// expiredStorageLocks are the keys of the locks whose lease is over.
func expiredStorageLocks(tx *raftstore.Tx, timeMs int64) (keys [][]byte, err error) {
	prefix := appendTable(nil, tableStorageLock)
	it, err := tx.Iter(prefix, prefixEnd(prefix))
	if err != nil {
		return nil, err
	}
	for ok := it.First(); ok; ok = it.Next() {
		var held storageLockRow
		if err := held.decode(it.Value()); err != nil {
			return nil, errors.Join(err, it.Close())
		}
		if leaseOver(held.expiresMs, timeMs) {
			keys = append(keys, append([]byte(nil), it.Key()...))
		}
	}
	return keys, it.Close()
}
