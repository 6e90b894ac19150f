package state

import (
	"github.com/yizhan-im/yizhan/appliance/wire"
	"github.com/yizhan-im/yizhan/raftstore"
)

// advanceTeam gives the team's log one more entry, made now, and res its numbers.
func (m *Machine) advanceTeam(head *teamHead, res *SendResult) {
	res.Code = wire.CodeOK
	res.ID, res.TimeMs = m.nextID(), m.site.clockMs
	head.lastSeq++
	head.version, head.timeMs = res.ID, res.TimeMs
	res.Seq = head.lastSeq
}

// sendTeam is the part of send for scene TEAM: own is the encoded message, and
// hash that of its client id, which is new. Like a message of two accounts it is
// three writes, whatever the number of members.
func (m *Machine) sendTeam(tx *raftstore.Tx, tenant uint32, msg *wire.Message, own []byte, hash uint64, res *SendResult) error {
	id, _ := ParseTeamID(msg.To)
	t, err := m.team(tx, tenant, id)
	if err != nil {
		return err
	}
	if res.Code, err = m.maySend(tx, tenant, id, t, msg.From); err != nil || res.Code != wire.CodeOK {
		return err
	}
	if msg.Receipt && t.head.mega() {
		res.Code = wire.CodeTeamReceipt
		return nil
	}
	if res.Code, err = m.mayForce(tx, tenant, id, t, msg.Push); err != nil || res.Code != wire.CodeOK {
		return err
	}
	if msg.Options.GetOnlineOnly() {
		res.Team, res.Members, res.Mega = id, t.audience(), t.head.mega()
		return m.putOnline(tx, tenant, msg, own, hash, res)
	}
	var replied *thread
	if msg.ReplyTo != 0 {
		row, _, err := m.standing(tx, tenant, msg.From, id)
		if err != nil {
			return err
		}
		if replied, own, err = m.reply(tx, tenant, &convRow{id: id, lastSeq: t.head.lastSeq}, row.firstSeq, msg, res); err != nil || replied == nil {
			return err
		}
	}
	m.advanceTeam(&t.head, res)
	if msg.Receipt {
		if err := m.putReceipt(tx, tenant, id, t, msg.From); err != nil {
			return err
		}
	}
	res.Team, res.Members, res.Mega = id, t.audience(), t.head.mega()
	res.Message = appendStamp(own, res.Seq, res.ID, res.TimeMs)
	m.key = appendMessageKey(m.key[:0], tenant, id, res.Seq)
	if err := tx.Set(m.key, res.Message); err != nil {
		return err
	}
	if err := m.putTeam(tx, tenant, id, t); err != nil {
		return err
	}
	if replied != nil {
		if err := m.putReply(tx, tenant, id, res.Seq, replied); err != nil {
			return err
		}
	}
	return m.putClient(tx, tenant, msg.From, msg.ClientId, hash, &clientRow{seq: res.Seq, id: res.ID, timeMs: res.TimeMs})
}

// mayForce asks whether all on whom a push is forced are members: the list is for
// those who have turned notifications of the team off.
func (m *Machine) mayForce(tx *raftstore.Tx, tenant uint32, id uint64, t *team, p *wire.PushOptions) (wire.Code, error) {
	for _, account := range p.GetForceAccounts() {
		if _, ok, err := m.teamMark(tx, tenant, id, t, account); err != nil || !ok {
			return wire.CodeNotInTeam, err
		}
	}
	return wire.CodeOK, nil
}

// maySend is CodeOK when from may write in the team; t is nil when there is none.
func (m *Machine) maySend(tx *raftstore.Tx, tenant uint32, id uint64, t *team, from string) (wire.Code, error) {
	if t == nil {
		return wire.CodeTeamMissing, nil
	}
	k, is, err := m.teamMark(tx, tenant, id, t, from)
	switch {
	case err != nil:
		return 0, err
	case !is:
		return wire.CodeNotInTeam, nil
	case k.muted() || t.head.mute == wire.TeamMute_TEAM_MUTE_ALL || t.head.mute == wire.TeamMute_TEAM_MUTE_MEMBERS && !k.manages():
		return wire.CodeTeamMuted, nil
	}
	return wire.CodeOK, nil
}

// recallTeam is recall in a team: by the sender, or by who manages the team and
// has a higher role.
func (m *Machine) recallTeam(tx *raftstore.Tx, r *reader) (*SendResult, error) {
	var c Recall
	ok := c.decodeTeam(r)
	res := m.newSend()
	*res = SendResult{Code: wire.CodeBadProtocol, Tenant: c.Tenant, Session: c.Session, From: c.From, To: TeamID(c.Team), Team: c.Team, RefSeq: c.Seq}
	if !ok {
		return res, nil
	}
	if !validAccount(c.From) || !validText(c.ClientID, maxClientID) || !validText(c.Note, maxNote) || !validText(c.FromDevice, maxDevice) {
		res.Code = wire.CodeBadParameter
		return res, nil
	}
	if err := m.tick(tx, c.TimeMs); err != nil {
		return nil, err
	}
	t, err := m.team(tx, c.Tenant, c.Team)
	if err != nil {
		return nil, err
	}
	if t == nil {
		res.Code = wire.CodeTeamMissing
		return res, nil
	}
	by, is, err := m.teamMark(tx, c.Tenant, c.Team, t, c.From)
	if err != nil {
		return nil, err
	}
	if !is {
		res.Code = wire.CodeNotInTeam
		return res, nil
	}
	if c.Seq < 1 || c.Seq > t.head.lastSeq {
		res.Code = wire.CodeNotFound
		return res, nil
	}
	log := &convRow{id: c.Team}
	target, ok, err := m.entry(tx, c.Tenant, log, c.Seq)
	if err != nil {
		return nil, err
	}
	if ok {
		if ok, err = m.ownEntry(tx, c.Tenant, c.From, target); err != nil {
			return nil, err
		}
	}
	if !ok {
		res.Code = wire.CodeNotFound
		return res, nil
	}
	sender, _, err := m.teamMark(tx, c.Tenant, c.Team, t, target.From) // a plain member when it has gone
	if err != nil {
		return nil, err
	}
	switch {
	case target.Type >= firstOperation || target.Type == TypeTeamEvent,
		target.From != c.From && (!by.manages() || sender.role() >= by.role()):
		res.Code = wire.CodeForbidden
		return res, nil
	case target.Recalled:
		first, _, err := m.entry(tx, c.Tenant, log, target.RefSeq) // there: it is later than its target
		if err != nil {
			return nil, err
		}
		res.Code, res.Duplicate = wire.CodeOK, true
		res.Seq, res.ID, res.TimeMs = first.Seq, first.Id, first.TimeMs
		return res, nil
	case c.WindowMs > 0 && m.site.clockMs-target.TimeMs > c.WindowMs:
		res.Code = wire.CodeRecallExpired
		return res, nil
	}
	m.advanceTeam(&t.head, res)
	res.Members, res.Mega = t.audience(), t.head.mega()
	if err := m.takeBack(tx, c.Tenant, c.Team, target, res.Seq); err != nil {
		return nil, err
	}
	entry := wire.Message{
		Scene: wire.Scene_SCENE_TEAM, From: c.From, To: res.To, ClientId: c.ClientID, Type: TypeRecall, Body: c.Note,
		FromPlatform: c.FromPlatform, FromDevice: c.FromDevice, RefSeq: c.Seq,
		Seq: res.Seq, Id: res.ID, TimeMs: res.TimeMs,
	}
	res.Message = appendBody(nil, &entry)
	m.key = appendMessageKey(m.key[:0], c.Tenant, c.Team, res.Seq)
	if err := tx.Set(m.key, res.Message); err != nil {
		return nil, err
	}
	return res, m.putTeam(tx, c.Tenant, c.Team, t)
}

// readTeam moves a member's cursor. It is the member's own row: the others'
// sync does not see it, and the team's row does not grow.
func (m *Machine) readTeam(tx *raftstore.Tx, r *reader) (*ReadResult, error) {
	var c Read
	ok := c.decodeTeam(r)
	res := &ReadResult{Code: wire.CodeBadProtocol, Tenant: c.Tenant, Session: c.Session, Reader: c.Reader, Peer: TeamID(c.Team), Team: c.Team}
	if !ok {
		return res, nil
	}
	if !validAccount(c.Reader) {
		res.Code = wire.CodeBadParameter
		return res, nil
	}
	if err := m.tick(tx, c.TimeMs); err != nil {
		return nil, err
	}
	return res, m.moveTeamCursor(tx, res, c.Seq)
}

// moveTeamCursor is moveCursor for a team's log: res names the team.
func (m *Machine) moveTeamCursor(tx *raftstore.Tx, res *ReadResult, seq uint64) error {
	t, err := m.team(tx, res.Tenant, res.Team)
	if err != nil {
		return err
	}
	if t == nil {
		res.Code = wire.CodeTeamMissing
		return nil
	}
	row, _, err := m.standing(tx, res.Tenant, res.Reader, res.Team)
	if err != nil {
		return err
	}
	if !row.isMember() {
		res.Code = wire.CodeNotInTeam
		return nil
	}
	seq = min(seq, t.head.lastSeq)
	res.Code, res.Seq, res.TimeMs = wire.CodeOK, max(seq, row.readSeq), m.site.clockMs
	if seq <= row.readSeq {
		return nil
	}
	if res.Receipts, err = m.passedReceipts(tx, res.Tenant, res.Team, t, res.Reader, row.readSeq, seq); err != nil {
		return err
	}
	res.Changed, res.After = true, row.readSeq
	row.readSeq, row.version = seq, m.nextID()
	m.key = appendStandingKey(m.key[:0], res.Tenant, res.Reader, res.Team)
	m.val = row.append(m.val[:0])
	return tx.Set(m.key, m.val)
}
