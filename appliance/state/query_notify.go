package state

import (
	"cmp"
	"fmt"
	"slices"

	"github.com/yizhan-im/yizhan/appliance/wire"
	"github.com/yizhan-im/yizhan/raftstore"
)

const (
	// MaxNotificationsPage is the most notifications, or broadcasts, in one answer.
	MaxNotificationsPage = 200
	// notificationsPageBytes ends a page early: an answer must fit a frame.
	notificationsPageBytes = 256 << 10
)

// notifyRef names a kept notification of an account or its team.
type notifyRef struct {
	version  uint64
	team     uint64 // 0: the account's own
	firstSeq uint64 // of the membership
	since    uint64 // version of the membership in a mega-team
}

// before reports whether n was told to the team before the account became a member.
func (r *notifyRef) before(n *wire.Notification) bool {
	return r.team != 0 && n.TeamSeq < r.firstSeq && (r.since == 0 || n.Version <= r.since)
}

// Notifications reads what is kept after version for the account and its teams,
// in the order of versions: at most limit (1..MaxNotificationsPage, 0 means 100),
// without what this device of the account has sent. A fresh device gets nothing that
// one of the account's devices has acknowledged. Asking again with the answer's Version
// misses nothing.
//
// It reads the heads of all the account's teams, as Sync does.
func (q *Queries) Notifications(tenant uint32, account, device string, version uint64, fresh bool, limit int) (*wire.NotificationsResponse, error) {
	if !validAccount(account) {
		return nil, wire.Errorf(wire.CodeBadParameter, "malformed account")
	}
	v := q.snapshot()
	defer v.Close()
	var site siteRow // first, as in Sync
	if _, err := readRow(v, keySite, site.decode); err != nil {
		return nil, err
	}
	res := &wire.NotificationsResponse{Version: site.counter}
	if fresh {
		held, err := acknowledged(v, tenant, account)
		if err != nil {
			return nil, err
		}
		version = max(version, held)
	}
	if version >= site.counter {
		return res, nil
	}
	limit = pageSize(limit, MaxNotificationsPage)
	refs, err := notificationsAfter(v, tenant, account, version, limit+1)
	if err != nil {
		return nil, err
	}
	oldest, size := site.clockMs-NotificationDays*dayMs, 0
	for i, ref := range refs {
		if i == limit || size > notificationsPageBytes {
			res.More, res.Version = true, refs[i-1].version
			break
		}
		owner := notifyOwner{tenant: tenant, account: account, team: ref.team}
		n := new(wire.Notification)
		ok, err := readRow(v, appendU64(owner.prefix(nil), ref.version), n.UnmarshalVT)
		if err != nil {
			return nil, err
		}
		if !ok || n.TimeMs < oldest || ref.before(n) || n.From == account && n.FromDevice == device {
			continue // gone meanwhile, or not for this device
		}
		size += n.SizeVT()
		res.Notifications = append(res.Notifications, n)
	}
	return res, nil
}

// acknowledged is the newest version that a device of the account has
// acknowledged.
func acknowledged(v *raftstore.View, tenant uint32, account string) (version uint64, err error) {
	var d devicesRow
	if _, err := readRow(v, appendAccountKey(nil, tableDevices, tenant, account), d.decode); err != nil {
		return 0, err
	}
	for i := range d.devices {
		version = max(version, d.devices[i].version)
	}
	return version, nil
}

// notificationsAfter finds the oldest after version, at most most, in order.
func notificationsAfter(v *raftstore.View, tenant uint32, account string, version uint64, most int) ([]notifyRef, error) {
	own := notifyOwner{tenant: tenant, account: account}
	refs, err := own.after(v, nil, version, most, notifyRef{})
	if err != nil {
		return nil, err
	}
	prefix := appendConvPrefix(nil, tableTeamStanding, tenant, account)
	err = scan(v, prefix, prefixEnd(prefix), func(key, stored []byte) error {
		var row standingRow
		if err := row.decode(stored); err != nil || !row.isMember() {
			return err
		}
		id, err := teamOfKey(key)
		if err != nil {
			return err
		}
		var head teamHead
		if ok, err := readRow(v, appendTeamKey(nil, tableTeamHead, tenant, id), head.decode); err != nil || !ok || head.dismissed {
			return err
		}
		if head.notified <= version {
			return nil
		}
		like := notifyRef{team: id, firstSeq: row.firstSeq}
		if head.mega() {
			// Joining a mega-team is no entry of its log, so the entries do not tell
			// which notifications came after it.
			var mega megaTeamRow
			if _, err := readRow(v, appendU64(appendConvPrefix(nil, tableMegaTeam, tenant, account), id), mega.decode); err != nil {
				return err
			}
			like.since = mega.since
		}
		team := notifyOwner{tenant: tenant, team: id}
		if refs, err = team.after(v, refs, version, most, like); err != nil {
			return err
		}
		if len(refs) > 8*most { // bounded, whatever the number of teams
			refs = oldestRefs(refs, most)
		}
		return nil
	})
	return oldestRefs(refs, most), err
}

func oldestRefs(refs []notifyRef, most int) []notifyRef {
	slices.SortFunc(refs, func(x, y notifyRef) int { return cmp.Compare(x.version, y.version) })
	return refs[:min(len(refs), most)]
}

// after adds the owner's first most notifications after version, each as like with
// its version.
func (o *notifyOwner) after(v *raftstore.View, refs []notifyRef, version uint64, most int, like notifyRef) ([]notifyRef, error) {
	prefix := o.prefix(nil)
	it, err := v.Iter(appendU64(prefix, version+1), prefixEnd(prefix))
	if err != nil {
		return nil, readError(err)
	}
	for ok := it.First(); ok && most > 0; ok = it.Next() {
		if len(it.Key()) != len(prefix)+8 {
			err = fmt.Errorf("%w: key %x of a notification", errDamaged, it.Key())
			break
		}
		like.version = lastU64(it.Key())
		refs = append(refs, like)
		most--
	}
	if closeErr := it.Close(); err == nil {
		err = readError(closeErr)
	}
	return refs, err
}

// notificationsVersion is that of the newest notification in the account's own
// inbox.
func notificationsVersion(v *raftstore.View, tenant uint32, account string) (uint64, error) {
	own := notifyOwner{tenant: tenant, account: account}
	var row versionCount
	_, err := readRow(v, own.totals(nil), row.decode)
	return row.version, err
}
