package state

import (
	"github.com/yizhan-im/yizhan/appliance/wire"
	"github.com/yizhan-im/yizhan/raftstore"
)

// sweptBroadcasts is how many expired broadcasts of its tenant each new one
// removes.
const sweptBroadcasts = 64

func (m *Machine) sendBroadcast(tx *raftstore.Tx, r *reader) (*BroadcastResult, error) {
	var c SendBroadcast
	ok := c.decode(r)
	res := &BroadcastResult{Code: wire.CodeBadProtocol, Tenant: c.Tenant}
	if !ok {
		return res, nil
	}
	if !c.valid() {
		res.Code = wire.CodeBadParameter
		return res, nil
	}
	if err := m.tick(tx, c.TimeMs); err != nil {
		return nil, err
	}
	clientID := broadcastClientID + c.ClientID
	first, hash, ok, err := m.firstSend(tx, c.Tenant, "", clientID)
	if err != nil {
		return nil, err
	}
	if ok {
		res.Code, res.Duplicate, res.ID = wire.CodeOK, true, first.id
		return res, nil
	}
	m.key = appendTenantKey(m.key[:0], c.Tenant)
	exists, err := m.exists(tx)
	if err == nil && exists && c.From != "" {
		exists, err = m.accountExists(tx, c.Tenant, c.From)
	}
	if err != nil || !exists {
		res.Code = wire.CodeNotFound
		return res, err
	}
	b := &wire.Broadcast{
		Version: m.nextID(), From: c.From, Body: c.Body, Platforms: c.Platforms, Offline: c.Offline,
		TimeMs: m.site.clockMs, ExpireMs: m.site.clockMs + c.TTLMs,
	}
	res.Code, res.ID, res.Broadcast = wire.CodeOK, b.Version, b
	if err := m.putClient(tx, c.Tenant, "", clientID, hash, &clientRow{id: b.Version, timeMs: b.TimeMs}); err != nil {
		return nil, err
	}
	totals, err := m.broadcasts(tx, c.Tenant)
	if err != nil {
		return nil, err
	}
	if err := m.sweepBroadcasts(tx, c.Tenant, &totals); err != nil {
		return nil, err
	}
	m.key = appendBroadcastKey(m.key[:0], c.Tenant, b.Version)
	if err := m.put(tx, b); err != nil {
		return nil, err
	}
	m.key = appendBroadcastExpiryKey(m.key[:0], c.Tenant, b.ExpireMs, b.Version)
	if err := tx.Set(m.key, []byte{rowVersion}); err != nil {
		return nil, err
	}
	totals.count++
	if b.Offline {
		totals.version = b.Version
	}
	return res, m.putBroadcasts(tx, c.Tenant, &totals)
}

func (m *Machine) deleteBroadcast(tx *raftstore.Tx, r *reader) (*BroadcastResult, error) {
	var c DeleteBroadcast
	ok := c.decode(r)
	res := &BroadcastResult{Code: wire.CodeBadProtocol, Tenant: c.Tenant, ID: c.ID}
	if !ok {
		return res, nil
	}
	if err := m.tick(tx, c.TimeMs); err != nil {
		return nil, err
	}
	totals, err := m.broadcasts(tx, c.Tenant)
	if err != nil {
		return nil, err
	}
	dropped, err := m.dropBroadcast(tx, c.Tenant, c.ID, &totals)
	if err != nil {
		return nil, err
	}
	if !dropped {
		res.Code = wire.CodeNotFound
		return res, nil
	}
	res.Code = wire.CodeOK
	return res, m.putBroadcasts(tx, c.Tenant, &totals)
}

// sweepBroadcasts removes expired broadcasts, and the oldest when there are
// MaxBroadcasts. The caller stores totals.
func (m *Machine) sweepBroadcasts(tx *raftstore.Tx, tenant uint32, totals *versionCount) error {
	ids, err := keyNumbers(tx, appendBroadcastExpiryKey(nil, tenant, 0, 0), appendBroadcastExpiryKey(nil, tenant, m.site.clockMs, 0), sweptBroadcasts)
	if err != nil {
		return err
	}
	if n := int(totals.count) - len(ids) - MaxBroadcasts + 1; n > 0 {
		ids, err = keyNumbers(tx, appendBroadcastKey(nil, tenant, 0), appendBroadcastKey(nil, tenant+1, 0), n)
		if err != nil {
			return err
		}
	}
	for _, id := range ids {
		if _, err := m.dropBroadcast(tx, tenant, id, totals); err != nil {
			return err
		}
	}
	return nil
}

// keyNumbers reads the numbers that the first keys of [lo, hi) end with, at most
// most.
func keyNumbers(tx *raftstore.Tx, lo, hi []byte, most int) (numbers []uint64, err error) {
	it, err := tx.Iter(lo, hi)
	if err != nil {
		return nil, err
	}
	for ok := it.First(); ok && len(numbers) < most; ok = it.Next() {
		numbers = append(numbers, lastU64(it.Key()))
	}
	return numbers, it.Close()
}

// dropBroadcast removes one broadcast; false when there is none. The caller stores
// totals.
func (m *Machine) dropBroadcast(tx *raftstore.Tx, tenant uint32, id uint64, totals *versionCount) (bool, error) {
	m.key = appendBroadcastKey(m.key[:0], tenant, id)
	stored, ok, err := tx.Get(m.key)
	if err != nil || !ok {
		return false, err
	}
	var b wire.Broadcast
	if err := b.UnmarshalVT(stored); err != nil {
		return false, rowError("broadcast", err)
	}
	if err := tx.Delete(m.key); err != nil {
		return false, err
	}
	totals.count -= min(1, totals.count)
	m.key = appendBroadcastExpiryKey(m.key[:0], tenant, b.ExpireMs, id)
	return true, tx.Delete(m.key)
}

func (m *Machine) broadcasts(tx *raftstore.Tx, tenant uint32) (versionCount, error) {
	m.key = appendBroadcastsKey(m.key[:0], tenant)
	return m.versionCount(tx, m.key)
}

func (m *Machine) putBroadcasts(tx *raftstore.Tx, tenant uint32, row *versionCount) error {
	m.key = appendBroadcastsKey(m.key[:0], tenant)
	return m.putVersionCount(tx, m.key, row)
}
