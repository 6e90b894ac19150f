package state

import (
	"bytes"
	"encoding/binary"

	"github.com/yizhan-im/yizhan/appliance/wire"
	"github.com/yizhan-im/yizhan/raftstore"
)

// Client ids of notifications and broadcasts are stored beside those of messages
// under keys that no message has: its ids are UTF-8.
const (
	notifyClientID    = "\xfe"
	broadcastClientID = "\xfd"
)

func (m *Machine) notify(tx *raftstore.Tx, r *reader) (*NotifyResult, error) {
	var c Notify
	ok := c.decode(r)
	res := &NotifyResult{Code: wire.CodeBadProtocol, Tenant: c.Tenant, Session: c.Session}
	if !ok {
		return res, nil
	}
	n := c.Notification
	res.From, res.To = n.From, n.To
	if !validNotification(n) {
		res.Code = wire.CodeBadParameter
		return res, nil
	}
	if err := m.tick(tx, c.TimeMs); err != nil {
		return nil, err
	}
	clientID := notifyClientID + n.ClientId
	first, hash, ok, err := m.firstSend(tx, c.Tenant, n.From, clientID)
	if err != nil {
		return nil, err
	}
	if ok {
		res.Code, res.Duplicate, res.ID, res.TimeMs = wire.CodeOK, true, first.id, first.timeMs
		return res, nil
	}
	if c.Session != 0 { // the backend is not bound by its own mutes
		if muted, err := m.mutedAt(tx, c.Tenant, n.From, placeOfScene(n.Scene)); err != nil || muted {
			res.Code = wire.CodeForbidden
			return res, err
		}
	}
	var t *team
	owner := notifyOwner{tenant: c.Tenant, account: n.To}
	if n.Scene == wire.Scene_SCENE_TEAM {
		owner.account, owner.team = "", teamNumber(n.To)
		if t, err = m.team(tx, c.Tenant, owner.team); err != nil {
			return nil, err
		}
		if res.Code, err = m.maySend(tx, c.Tenant, owner.team, t, n.From); err == nil && res.Code == wire.CodeOK {
			res.Code, err = m.mayForce(tx, c.Tenant, owner.team, t, n.Options.GetPush())
		}
	} else {
		res.Code, err = m.mayNotify(tx, c.Tenant, n, res)
	}
	if err != nil || res.Code != wire.CodeOK {
		return res, err
	}
	n.Version, n.TimeMs = m.nextID(), m.site.clockMs
	res.ID, res.TimeMs = n.Version, n.TimeMs
	if t != nil {
		n.TeamSeq = t.head.lastSeq
		res.Team, res.Members, res.Mega = owner.team, t.audience(), t.head.mega()
	}
	res.Notification = appendBody(nil, n)
	if err := m.putClient(tx, c.Tenant, n.From, clientID, hash, &clientRow{id: res.ID, timeMs: res.TimeMs}); err != nil {
		return nil, err
	}
	if n.OnlineOnly {
		return res, nil
	}
	if err := m.keepNotification(tx, &owner, n.Version, res.Notification); err != nil {
		return nil, err
	}
	if t != nil {
		t.head.notified = n.Version
		if err := m.putTeam(tx, c.Tenant, owner.team, t); err != nil {
			return nil, err
		}
	}
	return res, m.sweepNotifications(tx)
}

func teamNumber(name string) uint64 {
	id, _ := ParseTeamID(name)
	return id
}

// mayNotify decides whether the receiver takes the notification.
func (m *Machine) mayNotify(tx *raftstore.Tx, tenant uint32, n *wire.Notification, res *NotifyResult) (wire.Code, error) {
	s, err := m.specialOf(tx, tenant, n.To, n.From)
	if err != nil {
		return 0, err
	}
	if s&specialBlacklisted != 0 {
		return wire.CodeBlacklisted, nil
	}
	res.Muted = s&specialMuted != 0
	for _, account := range [...]string{n.From, n.To} {
		if ok, err := m.accountExists(tx, tenant, account); err != nil || !ok {
			if gone, err := m.accountGone(tx, tenant, account); err != nil || gone {
				return wire.CodeAccountGone, err
			}
			return wire.CodeNotFound, err
		}
	}
	return wire.CodeOK, nil
}

// keepNotification stores an encoded notification for its owner, and removes the
// owner's oldest when there are too many.
func (m *Machine) keepNotification(tx *raftstore.Tx, o *notifyOwner, version uint64, encoded []byte) error {
	totals, err := m.notified(tx, o)
	if err != nil {
		return err
	}
	m.key = appendU64(o.prefix(m.key[:0]), version)
	if err := tx.Set(m.key, encoded); err != nil {
		return err
	}
	m.key = o.day(m.key[:0], uint32(m.site.clockMs/dayMs))
	m.val = binary.AppendUvarint(append(m.val[:0], rowVersion), version)
	if err := tx.Set(m.key, m.val); err != nil {
		return err
	}
	totals.version, totals.count = version, totals.count+1
	if totals.count > MaxNotifications+spareNotifications {
		if err := m.dropNotifications(tx, o, &totals, ^uint64(0), totals.count-MaxNotifications); err != nil {
			return err
		}
	}
	return m.putNotified(tx, o, &totals)
}

func (m *Machine) notified(tx *raftstore.Tx, o *notifyOwner) (versionCount, error) {
	m.key = o.totals(m.key[:0])
	return m.versionCount(tx, m.key)
}

func (m *Machine) putNotified(tx *raftstore.Tx, o *notifyOwner, row *versionCount) error {
	m.key = o.totals(m.key[:0])
	return m.putVersionCount(tx, m.key, row)
}

// dropNotifications removes the owner's oldest notifications: at most most of
// them, none that is newer than last. The caller stores totals.
func (m *Machine) dropNotifications(tx *raftstore.Tx, o *notifyOwner, totals *versionCount, last, most uint64) error {
	prefix := o.prefix(nil)
	it, err := tx.Iter(prefix, prefixEnd(prefix))
	if err != nil {
		return err
	}
	end, dropped := prefix, uint64(0)
	for ok := it.First(); ok && dropped < most && lastU64(it.Key()) <= last; ok = it.Next() {
		end = appendU64(o.prefix(nil), lastU64(it.Key())+1)
		dropped++
	}
	if err := it.Close(); err != nil || dropped == 0 {
		return err
	}
	totals.count -= min(dropped, totals.count)
	return tx.DeleteRange(prefix, end)
}

// Sweeping: each kept notification removes what has expired of at most
// sweptOwners owners' days, so that as much goes as comes.
const sweptOwners = 2

// sweepNotifications removes what was kept for NotificationDays.
func (m *Machine) sweepNotifications(tx *raftstore.Tx) error {
	today := uint32(m.site.clockMs / dayMs)
	if today <= NotificationDays || m.notifySwept >= today-NotificationDays {
		return nil // nothing is that old
	}
	before := today - NotificationDays // the first day that is kept whole
	var expired [][]byte
	it, err := tx.Iter(appendTable(nil, tableNotifyDay), appendU32(appendTable(nil, tableNotifyDay), before))
	if err != nil {
		return err
	}
	for ok := it.First(); ok && len(expired) < 2*sweptOwners; ok = it.Next() {
		expired = append(expired, bytes.Clone(it.Key()), bytes.Clone(it.Value()))
	}
	if err := it.Close(); err != nil {
		return err
	}
	if len(expired) == 0 {
		m.notifySwept = before
	}
	for ; len(expired) > 0; expired = expired[2:] {
		if err := m.sweepDay(tx, expired[0], expired[1]); err != nil {
			return err
		}
	}
	return nil
}

// sweepDay removes an owner's notifications of one day and before, and the row
// that tells of them.
func (m *Machine) sweepDay(tx *raftstore.Tx, key, value []byte) error {
	_, o, ok := parseNotifyDay(key)
	r := openRow(value)
	last := r.uint()
	if !ok {
		r.fail()
	}
	if err := r.end("day of notifications"); err != nil {
		return err
	}
	if err := tx.Delete(key); err != nil {
		return err
	}
	totals, err := m.notified(tx, &o)
	if err != nil || totals.count == 0 {
		return err
	}
	if err := m.dropNotifications(tx, &o, &totals, last, totals.count); err != nil {
		return err
	}
	return m.putNotified(tx, &o, &totals)
}
