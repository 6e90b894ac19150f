package state

import (
	"slices"

	"github.com/yizhan-im/yizhan/appliance/wire"
	"github.com/yizhan-im/yizhan/raftstore"
)

func (m *Machine) recordLogin(tx *raftstore.Tx, track bool, r *reader) (*AccountResult, error) {
	c := RecordLogin{Track: track}
	ok := c.decode(r)
	res := &AccountResult{Code: wire.CodeBadProtocol, Change: AccountLogin, Tenant: c.Tenant, Account: c.Account}
	if !ok {
		return res, nil
	}
	return m.changeDevices(tx, c.TimeMs, res, c.DeviceID, func(row *devicesRow, d *device, fresh bool) {
		if c.Track && fresh {
			d.since = m.site.counter
		}
		row.lastDevice, row.lastPlatform, row.lastLoginMs = c.DeviceID, c.Platform, m.site.clockMs
	})
}

func (m *Machine) ack(tx *raftstore.Tx, r *reader) (*AccountResult, error) {
	var c Ack
	ok := c.decode(r)
	res := &AccountResult{Code: wire.CodeBadProtocol, Change: AccountAck, Tenant: c.Tenant, Account: c.Account}
	if !ok {
		return res, nil
	}
	return m.changeDevices(tx, c.TimeMs, res, c.DeviceID, func(_ *devicesRow, d *device, _ bool) {
		d.version = max(d.version, min(c.Version, m.site.counter))
	})
}

// changeDevices makes id the account's most recently used device and rewrites
// the row as change says; fresh tells it that the device was not known.
func (m *Machine) changeDevices(tx *raftstore.Tx, timeMs int64, res *AccountResult, id string, change func(row *devicesRow, d *device, fresh bool)) (*AccountResult, error) {
	if !validAccount(res.Account) || !validName(id, maxDevice) {
		res.Code = wire.CodeBadParameter
		return res, nil
	}
	if err := m.tick(tx, timeMs); err != nil {
		return nil, err
	}
	m.key = appendAccountKey(m.key[:0], tableDevices, res.Tenant, res.Account)
	stored, ok, err := tx.Get(m.key)
	if err != nil {
		return nil, err
	}
	var row devicesRow
	if ok {
		if err := row.decode(stored); err != nil {
			return nil, err
		}
	} else {
		// A row, once there, tells that the account exists.
		if ok, err := m.accountExists(tx, res.Tenant, res.Account); err != nil || !ok {
			res.Code = wire.CodeNotFound
			return res, err
		}
		m.key = appendAccountKey(m.key[:0], tableDevices, res.Tenant, res.Account)
	}
	fresh := !slices.ContainsFunc(row.devices, func(d device) bool { return d.id == id })
	change(&row, row.touch(id), fresh)
	m.val = row.append(m.val[:0])
	res.Code = wire.CodeOK
	return res, tx.Set(m.key, m.val)
}
