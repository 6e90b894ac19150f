package state

import (
	"github.com/yizhan-im/yizhan/appliance/wire"
	"github.com/yizhan-im/yizhan/raftstore"
)

// settingSide is the setting of one conversation, while a command changes it.
type settingSide struct {
	tenant      uint32
	account     string
	name        []byte // of the conversation, as appendConvName makes it
	before, row conversationSetting
	inbox       inboxRow
}

// settingSide reads what the account has set; what is not stored is empty.
func (m *Machine) settingSide(tx *raftstore.Tx, tenant uint32, account string, name []byte) (*settingSide, error) {
	s := &settingSide{tenant: tenant, account: account, name: name}
	m.key = appendSettingKey(m.key[:0], tenant, account, name)
	stored, ok, err := tx.Get(m.key)
	if err != nil {
		return nil, err
	}
	if ok {
		if err := s.before.decode(stored); err != nil {
			return nil, err
		}
	}
	s.row = s.before
	s.inbox, err = m.inbox(tx, tenant, account)
	return s, err
}

func (m *Machine) inbox(tx *raftstore.Tx, tenant uint32, account string) (b inboxRow, err error) {
	m.key = appendAccountKey(m.key[:0], tableInbox, tenant, account)
	stored, ok, err := tx.Get(m.key)
	if err != nil || !ok {
		return b, err
	}
	return b, b.decode(stored)
}

func (m *Machine) putInbox(tx *raftstore.Tx, tenant uint32, account string, b *inboxRow) error {
	m.key = appendAccountKey(m.key[:0], tableInbox, tenant, account)
	m.val = b.append(m.val[:0])
	return tx.Set(m.key, m.val)
}

// putSetting stores s.row as the account's newest change, if it is one.
func (m *Machine) putSetting(tx *raftstore.Tx, s *settingSide) (changed bool, err error) {
	if s.row == s.before {
		return false, nil
	}
	s.row.version, s.row.updatedMs = m.nextID(), m.site.clockMs
	if err := m.putOrdered(tx, settingTables, s.tenant, s.account, s.name, s.before.place(), s.row.place(), &s.row); err != nil {
		return false, err
	}
	s.inbox.replace(&s.before, &s.row)
	s.inbox.version = s.row.version
	if s.inbox.rest > MaxSpareSettings {
		if s.inbox.floor, err = m.dropSpare(tx, settingTables, s.tenant, s.account); err != nil {
			return false, err
		}
		s.inbox.rest--
	}
	return true, m.putInbox(tx, s.tenant, s.account, &s.inbox)
}

// convPlace is where a conversation is for one account.
type convPlace struct{ lastSeq, readSeq uint64 }

// convName is the name of a conversation as its account sees it, and how its
// setting is told.
func convName(peer string, team uint64) (scene wire.Scene, shown string, name []byte, ok bool) {
	if team != 0 {
		scene, peer = wire.Scene_SCENE_TEAM, TeamID(team)
	}
	name, ok = appendConvName(nil, scene, peer)
	return scene, peer, name, ok
}

func (m *Machine) changeConversation(tx *raftstore.Tx, r *reader) (*ConversationChangeResult, error) {
	var c ConversationChange
	ok := c.decode(r)
	res := &ConversationChangeResult{Code: wire.CodeBadProtocol, Tenant: c.Tenant, Session: c.Session, Account: c.Account}
	if !ok {
		return res, nil
	}
	scene, peer, name, ok := convName(c.Peer, c.Team)
	if !ok || !validAccount(c.Account) || !validOptional(c.Ext, maxSettingExt) {
		res.Code = wire.CodeBadParameter
		return res, nil
	}
	if err := m.tick(tx, c.TimeMs); err != nil {
		return nil, err
	}
	if gone, err := m.accountGone(tx, c.Tenant, c.Account); err != nil || gone {
		res.Code = wire.CodeAccountGone
		return res, err
	}
	place, code, err := m.placeOf(tx, c.Tenant, c.Account, c.Peer, c.Team)
	if err != nil {
		return nil, err
	}
	s, err := m.settingSide(tx, c.Tenant, c.Account, name)
	if err != nil {
		return nil, err
	}
	// Who has left a team may take back what it has set there, and set nothing anew.
	if res.Code = code; code != wire.CodeOK && (c.Team == 0 || s.before.blank() || c.sets()) {
		return res, nil
	}
	c.change(&s.row, place)
	full := c.Top != nil || c.Muted != nil || c.Marked != nil || c.Ext != nil
	full = full && s.row.class() == classHeld && s.before.class() == classSpare && s.inbox.held >= MaxSettings
	if full || s.row.top && !s.before.top && s.inbox.tops >= MaxTops {
		res.Code = wire.CodeCountLimit
		return res, nil
	}
	res.Code = wire.CodeOK
	if res.Changed, err = m.putSetting(tx, s); err != nil {
		return nil, err
	}
	res.Setting = s.row.wire(scene, peer)
	return res, nil
}

// sets reports whether c makes anything of a conversation that it was not.
func (c *ConversationChange) sets() bool {
	for _, flag := range [...]*bool{c.Top, c.Muted, c.Marked} {
		if flag != nil && *flag {
			return true
		}
	}
	return c.Ext != nil && *c.Ext != ""
}

// change does what c asks, for an account that is at a place of the conversation.
func (c *ConversationChange) change(row *conversationSetting, at convPlace) {
	give(&row.top, c.Top)
	give(&row.muted, c.Muted)
	give(&row.ext, c.Ext)
	if c.Marked != nil {
		row.mark(*c.Marked, at.readSeq)
	}
	if c.Remove {
		row.removedSeq = at.lastSeq
		row.mark(false, 0)
	}
	if c.Clear {
		seq := at.lastSeq
		if c.ClearSeq != 0 {
			seq = min(seq, c.ClearSeq)
		}
		row.clearedSeq = max(row.clearedSeq, seq)
	}
}

func (s *conversationSetting) mark(on bool, readSeq uint64) {
	s.marked, s.markedSeq = on, 0
	if on {
		s.markedSeq = readSeq
	}
}

// placeOf says where an account is in a conversation. Two accounts that have not
// written yet are at its beginning.
func (m *Machine) placeOf(tx *raftstore.Tx, tenant uint32, account, peer string, team uint64) (at convPlace, code wire.Code, err error) {
	if team != 0 {
		return m.placeInTeam(tx, tenant, account, team)
	}
	conv, err := m.conv(tx, tenant, account, peer)
	if err != nil {
		return at, 0, err
	}
	if conv != nil {
		return convPlace{conv.lastSeq, *conv.cursor(account, peer)}, wire.CodeOK, nil
	}
	for _, name := range [...]string{account, peer} {
		if ok, err := m.accountExists(tx, tenant, name); err != nil || !ok {
			return at, wire.CodeNotFound, err
		}
	}
	return at, wire.CodeOK, nil
}

func (m *Machine) placeInTeam(tx *raftstore.Tx, tenant uint32, account string, team uint64) (at convPlace, code wire.Code, err error) {
	m.key = appendTeamKey(m.key[:0], tableTeamHead, tenant, team)
	stored, ok, err := tx.Get(m.key)
	if err != nil || !ok {
		return at, wire.CodeTeamMissing, err
	}
	var head teamHead
	if err := head.decode(stored); err != nil {
		return at, 0, err
	}
	if head.dismissed {
		return at, wire.CodeTeamMissing, nil
	}
	row, _, err := m.standing(tx, tenant, account, team)
	if err != nil || !row.isMember() {
		return at, wire.CodeNotInTeam, err
	}
	return convPlace{head.lastSeq, row.readSeq}, wire.CodeOK, nil
}
