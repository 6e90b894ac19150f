package state

import (
	"github.com/yizhan-im/yizhan/appliance/wire"
	"github.com/yizhan-im/yizhan/raftstore"
)

// MaxBroadcastList is the most broadcasts that a backend reads at once.
const MaxBroadcastList = 100

// Broadcasts reads the broadcasts after version that are kept for a device of
// that platform: those that are not older than the account, and have not expired
// at nowMs, in Unix milliseconds. limit, version and fresh are as in Notifications.
// CodeNotFound: there is no such account.
//
// It reads at most MaxBroadcasts rows.
func (q *Queries) Broadcasts(tenant uint32, account string, platform wire.Platform, version uint64, fresh bool, limit int, nowMs int64) (*wire.BroadcastsResponse, error) {
	v := q.snapshot()
	defer v.Close()
	var site siteRow // first, as in Sync
	if _, err := readRow(v, keySite, site.decode); err != nil {
		return nil, err
	}
	user, err := readAccount(v, tenant, account)
	if err != nil {
		return nil, err
	}
	if fresh {
		held, err := acknowledged(v, tenant, account)
		if err != nil {
			return nil, err
		}
		version = max(version, held)
	}
	res := &wire.BroadcastsResponse{Version: site.counter}
	if version >= site.counter {
		return res, nil
	}
	size, last := 0, version
	limit = pageSize(limit, MaxNotificationsPage)
	err = eachBroadcast(v, tenant, version+1, func(b *wire.Broadcast) bool {
		if len(res.Broadcasts) == limit || size > notificationsPageBytes {
			res.More, res.Version = true, last
			return false
		}
		last = b.Version
		if b.Offline && b.ExpireMs > nowMs && b.TimeMs >= user.createdMs && MeantFor(b, platform) {
			size += b.SizeVT()
			res.Broadcasts = append(res.Broadcasts, b)
		}
		return true
	})
	return res, err
}

// eachBroadcast calls f for the tenant's broadcasts from id first on, until f
// returns false.
func eachBroadcast(v *raftstore.View, tenant uint32, first uint64, f func(*wire.Broadcast) bool) error {
	it, err := v.Iter(appendBroadcastKey(nil, tenant, first), appendBroadcastKey(nil, tenant+1, 0))
	if err != nil {
		return readError(err)
	}
	for ok := it.First(); ok && err == nil; ok = it.Next() {
		b := new(wire.Broadcast)
		if err = b.UnmarshalVT(it.Value()); err != nil {
			err = rowError("broadcast", err)
		} else if !f(b) {
			break
		}
	}
	if closeErr := it.Close(); err == nil {
		err = readError(closeErr)
	}
	return err
}

// BroadcastList reads a tenant's broadcasts for its backend, the newest first: at
// most limit (1..MaxBroadcastList, 0 means 100), of which keep returns true, with
// ids smaller than before, of which 0 means the newest. Expired ones are among them
// until they are removed.
func (q *Queries) BroadcastList(tenant uint32, before uint64, limit int, keep func(*wire.Broadcast) bool) ([]*wire.Broadcast, error) {
	v := q.snapshot()
	defer v.Close()
	limit = pageSize(limit, MaxBroadcastList)
	hi := appendBroadcastKey(nil, tenant+1, 0)
	if before > 0 {
		hi = appendBroadcastKey(nil, tenant, before)
	}
	it, err := v.Iter(appendBroadcastKey(nil, tenant, 0), hi)
	if err != nil {
		return nil, readError(err)
	}
	var list []*wire.Broadcast
	for ok := it.Last(); ok && len(list) < limit; ok = it.Prev() {
		b := new(wire.Broadcast)
		if err = b.UnmarshalVT(it.Value()); err != nil {
			err = rowError("broadcast", err)
			break
		}
		if keep(b) {
			list = append(list, b)
		}
	}
	if closeErr := it.Close(); err == nil {
		err = readError(closeErr)
	}
	return list, err
}

// Broadcast reads one broadcast of the tenant. CodeNotFound when there is none.
func (q *Queries) Broadcast(tenant uint32, id uint64) (*wire.Broadcast, error) {
	v := q.snapshot()
	defer v.Close()
	b := new(wire.Broadcast)
	ok, err := readRow(v, appendBroadcastKey(nil, tenant, id), b.UnmarshalVT)
	if err != nil {
		return nil, err
	}
	if !ok {
		return nil, wire.Errorf(wire.CodeNotFound, "no such broadcast")
	}
	return b, nil
}

func broadcastsVersion(v *raftstore.View, tenant uint32) (uint64, error) {
	var row versionCount
	_, err := readRow(v, appendBroadcastsKey(nil, tenant), row.decode)
	return row.version, err
}
