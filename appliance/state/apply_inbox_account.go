package state

import (
	"github.com/yizhan-im/yizhan/appliance/wire"
	"github.com/yizhan-im/yizhan/raftstore"
)

func (m *Machine) setDoNotDisturb(tx *raftstore.Tx, r *reader) (*DoNotDisturbResult, error) {
	var c SetDoNotDisturb
	ok := c.decode(r)
	res := &DoNotDisturbResult{Code: wire.CodeBadProtocol, Tenant: c.Tenant, Session: c.Session, Account: c.Account}
	if !ok {
		return res, nil
	}
	if !validAccount(c.Account) || c.Quiet != nil && !ValidQuietHours(c.Quiet) {
		res.Code = wire.CodeBadParameter
		return res, nil
	}
	if err := m.tick(tx, c.TimeMs); err != nil {
		return nil, err
	}
	if ok, err := m.accountExists(tx, c.Tenant, c.Account); err != nil || !ok {
		res.Code = wire.CodeNotFound
		return res, err
	}
	inbox, err := m.inbox(tx, c.Tenant, c.Account)
	if err != nil {
		return nil, err
	}
	d := inbox.dnd
	give(&d.on, c.On)
	give(&d.desktop, c.Desktop)
	if c.NoQuiet {
		d.hasQuiet, d.quiet = false, quietHours{}
	}
	if q := c.Quiet; q != nil {
		d.hasQuiet, d.quiet = true, quietHours{from: q.From, to: q.To, offset: q.UtcOffset, weekdays: q.Weekdays}
	}
	res.Code, res.DoNotDisturb, res.Version = wire.CodeOK, d.wire(), inbox.version
	if d == inbox.dnd {
		return res, nil
	}
	inbox.dnd, inbox.version = d, m.nextID()
	res.Changed, res.Version = true, inbox.version
	return res, m.putInbox(tx, c.Tenant, c.Account, &inbox)
}

func (m *Machine) readMany(tx *raftstore.Tx, r *reader) (*ReadManyResult, error) {
	var c ReadMany
	ok := c.decode(r)
	res := &ReadManyResult{Code: wire.CodeBadProtocol, Tenant: c.Tenant, Session: c.Session, Account: c.Account}
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
	res.Code, res.Asked = wire.CodeOK, len(c.Reads)
	for i := range c.Reads {
		if err := m.readOne(tx, &c, &c.Reads[i], res); err != nil {
			return nil, err
		}
	}
	return res, nil
}

func (c *ReadMany) valid() bool {
	for i := range c.Reads {
		if one := &c.Reads[i]; one.Team == 0 && !validAccount(one.Peer) {
			return false
		}
	}
	return validAccount(c.Account)
}

func (m *Machine) readOne(tx *raftstore.Tx, c *ReadMany, one *ReadOne, res *ReadManyResult) error {
	read := ReadResult{Tenant: c.Tenant, Session: c.Session, Reader: c.Account, Peer: one.Peer, Team: one.Team}
	var err error
	if one.Team != 0 {
		read.Peer = TeamID(one.Team)
		err = m.moveTeamCursor(tx, &read, one.Seq)
	} else {
		err = m.moveCursor(tx, &read, one.Seq)
	}
	if err != nil || read.Code != wire.CodeOK {
		return err
	}
	if read.Changed {
		res.Reads = append(res.Reads, read)
	}
	scene, peer, name, _ := convName(one.Peer, one.Team)
	s, err := m.settingSide(tx, c.Tenant, c.Account, name)
	if err != nil || !s.before.marked {
		return err
	}
	s.row.mark(false, 0)
	if _, err := m.putSetting(tx, s); err != nil {
		return err
	}
	res.Settings = append(res.Settings, s.row.wire(scene, peer))
	return nil
}
