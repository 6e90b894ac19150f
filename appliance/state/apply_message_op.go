package state

import (
	"encoding/json"

	"github.com/yizhan-im/yizhan/appliance/wire"
	"github.com/yizhan-im/yizhan/raftstore"
)

// messageOp is a MessageChange under way.
type messageOp struct {
	c      *MessageChange
	conv   *convRow // of two accounts
	team   *team    // nil between two accounts
	log    *convRow // id and lastSeq of the log
	target *wire.Message
	res    *SendResult
}

// changeMessage applies the commands kindMessageFirst to kindMessageLast.
func (m *Machine) changeMessage(tx *raftstore.Tx, kind byte, r *reader) (*SendResult, error) {
	c := new(MessageChange)
	ok := c.decode(kind, r)
	res := m.newSend()
	*res = SendResult{Code: wire.CodeBadProtocol, Tenant: c.Tenant, Session: c.Session, From: c.From, To: c.Peer, Team: c.Team, RefSeq: c.Seq}
	if !ok {
		return res, nil
	}
	if c.Team != 0 {
		res.To = TeamID(c.Team)
	}
	if !c.valid() {
		res.Code = wire.CodeBadParameter
		return res, nil
	}
	if err := m.tick(tx, c.TimeMs); err != nil {
		return nil, err
	}
	if c.Session != 0 { // the tenant's backend may still take back what was said
		if gone, err := m.accountGone(tx, c.Tenant, c.From); err != nil || gone {
			res.Code = wire.CodeAccountGone
			return res, err
		}
	}
	o := &messageOp{c: c, res: res}
	var err error
	if res.Code, err = m.openOp(tx, o); err != nil || res.Code != wire.CodeOK {
		return res, err
	}
	switch c.Op {
	case MessageEdit:
		err = m.edit(tx, o)
	case MessageReact:
		err = m.react(tx, o)
	case MessagePin:
		err = m.pin(tx, o)
	case MessageWithdraw:
		err = m.withdraw(tx, o)
	case MessageErase:
		err = m.erase(tx, o)
	}
	return res, err
}

// openOp finds the log and the entry, and asks whether From may do anything there.
func (m *Machine) openOp(tx *raftstore.Tx, o *messageOp) (wire.Code, error) {
	c, first := o.c, uint64(1)
	backend := c.Op == MessageWithdraw || c.Op == MessageErase
	if c.Team != 0 {
		t, err := m.team(tx, c.Tenant, c.Team)
		if err != nil || t == nil {
			return wire.CodeTeamMissing, err
		}
		if !backend { // who has left may still lose what it has written
			row, _, err := m.standing(tx, c.Tenant, c.From, c.Team)
			if err != nil {
				return 0, err
			}
			if !row.isMember() {
				return wire.CodeNotInTeam, nil
			}
			first = row.firstSeq
		}
		o.team, o.log = t, &convRow{id: c.Team, lastSeq: t.head.lastSeq}
	} else {
		conv, err := m.conv(tx, c.Tenant, c.From, c.Peer)
		if err != nil || conv == nil {
			return wire.CodeNotFound, err
		}
		o.conv, o.log = conv, conv
		if !backend {
			former, err := m.formerSeq(tx, c.Tenant, c.From, c.Peer)
			if err != nil {
				return 0, err
			}
			first = former + 1
		}
	}
	if c.Seq < first || c.Seq > o.log.lastSeq {
		return wire.CodeNotFound, nil
	}
	target, ok, err := m.entry(tx, c.Tenant, o.log, c.Seq)
	if err != nil || !ok {
		return wire.CodeNotFound, err
	}
	o.target = target
	if own, err := m.ownEntry(tx, c.Tenant, c.From, target); err != nil || !own && !backend {
		return wire.CodeForbidden, err
	}
	switch {
	case target.Type >= firstOperation || target.Type == TypeTeamEvent, backend && target.From != c.From:
		return wire.CodeForbidden, nil
	case target.Recalled && c.Op != MessageErase, withdrawnFrom(target, c.From),
		c.Op == MessageEdit && target.Changes.GetWithdrawn(): // the new text would be seen again
		return wire.CodeNotFound, nil
	case backend:
		return wire.CodeOK, nil
	}
	return m.mayTouch(tx, o)
}

// mayTouch asks whether From may write where the message is: an operation reaches
// whoever a message would. Pinning is the managers' in a team, who may do it in a
// team that is muted too.
func (m *Machine) mayTouch(tx *raftstore.Tx, o *messageOp) (wire.Code, error) {
	c := o.c
	if muted, err := m.silenced(tx, o); err != nil || muted {
		return wire.CodeForbidden, err
	}
	if o.team == nil {
		s, err := m.specialOf(tx, c.Tenant, c.Peer, c.From)
		if err == nil && s&specialBlacklisted != 0 {
			return wire.CodeBlacklisted, nil
		}
		o.res.Muted = s&specialMuted != 0
		return wire.CodeOK, err
	}
	if c.Op != MessagePin {
		return m.maySend(tx, c.Tenant, c.Team, o.team, c.From)
	}
	if role, _, err := m.teamMark(tx, c.Tenant, c.Team, o.team, c.From); err != nil || !role.manages() {
		return wire.CodeTeamPermission, err
	}
	return wire.CodeOK, nil
}

// silenced reports whether the operation would say something that From, whom the
// backend has muted, may not say: new content, or an emoji, which is any text.
func (m *Machine) silenced(tx *raftstore.Tx, o *messageOp) (bool, error) {
	c := o.c
	if c.Session == 0 || c.Op != MessageEdit && (c.Op != MessageReact || c.Undo) {
		return false, nil
	}
	scene := wire.Scene_SCENE_P2P
	if o.team != nil {
		scene = wire.Scene_SCENE_TEAM
	}
	return m.mutedAt(tx, c.Tenant, c.From, placeOfScene(scene))
}

// nothing is the result of what was so already.
func (o *messageOp) nothing() { o.res.Code, o.res.Duplicate = wire.CodeOK, true }

// next takes the numbers of the new entry. It is not the newest message: the
// conversation keeps its time, or a reaction to something old would bring it to
// the top of everybody's list.
func (m *Machine) next(o *messageOp) {
	if o.team == nil {
		timeMs := o.conv.timeMs
		m.advance(o.conv, o.res)
		o.conv.timeMs = timeMs
		return
	}
	timeMs := o.team.head.timeMs
	m.advanceTeam(&o.team.head, o.res)
	o.team.head.timeMs = timeMs
	o.res.Members, o.res.Mega = o.team.audience(), o.team.head.mega()
}

// finish stores the entry that tells of the operation, and the conversation. next
// comes before.
func (m *Machine) finish(tx *raftstore.Tx, o *messageOp, entry *wire.Message) error {
	c, res := o.c, o.res
	entry.From, entry.To, entry.RefSeq = c.From, res.To, c.Seq
	entry.FromPlatform, entry.FromDevice = c.FromPlatform, c.FromDevice
	entry.Seq, entry.Id, entry.TimeMs = res.Seq, res.ID, res.TimeMs
	if o.team != nil {
		entry.Scene = wire.Scene_SCENE_TEAM
	}
	res.Message, res.Options = appendBody(nil, entry), entry.Options
	m.key = appendMessageKey(m.key[:0], c.Tenant, o.log.id, res.Seq)
	if err := tx.Set(m.key, res.Message); err != nil {
		return err
	}
	if o.team != nil {
		return m.putTeam(tx, c.Tenant, c.Team, o.team)
	}
	return m.putConv(tx, c.Tenant, c.From, c.Peer, o.conv)
}

// putTarget stores the entry that was changed.
func (m *Machine) putTarget(tx *raftstore.Tx, o *messageOp) error {
	m.key = appendMessageKey(m.key[:0], o.c.Tenant, o.log.id, o.c.Seq)
	return m.put(tx, o.target)
}

// edit replaces the content. The newest edit's entry has the content too, for
// devices that follow the log; older ones lose theirs, so that a recall finds all
// that there is in two places.
func (m *Machine) edit(tx *raftstore.Tx, o *messageOp) error {
	c, target, res := o.c, o.target, o.res
	if target.From != c.From || target.Type != TypeText && target.Type != TypeCustom || target.Origin != nil {
		res.Code = wire.CodeForbidden
		return nil
	}
	first, hash, ok, err := m.firstSend(tx, c.Tenant, c.From, c.ClientID)
	if err != nil {
		return err
	}
	if ok {
		res.Duplicate, res.Seq, res.ID, res.TimeMs = true, first.seq, first.id, first.timeMs
		return nil
	}
	if c.WindowMs > 0 && m.site.clockMs-target.TimeMs > c.WindowMs {
		res.Code = wire.CodeRecallExpired
		return nil
	}
	if target.Type == TypeText && c.Body == "" || target.Type == TypeCustom && !json.Valid([]byte(c.Body)) {
		res.Code = wire.CodeBadParameter
		return nil
	}
	m.next(o)
	if err := m.blankEdit(tx, c.Tenant, o.log, target); err != nil {
		return err
	}
	changes := changesOf(target)
	changes.Edits++
	changes.EditedMs, changes.EditSeq = res.TimeMs, res.Seq
	target.Body, target.Ext = c.Body, c.Ext
	if err := m.putTarget(tx, o); err != nil {
		return err
	}
	// Who may not see the message may not see what it became.
	res.RefID = target.Id
	entry := &wire.Message{Type: TypeEdit, ClientId: c.ClientID, Body: c.Body, Ext: c.Ext, Options: target.Options}
	if err := m.finish(tx, o, entry); err != nil {
		return err
	}
	return m.putClient(tx, c.Tenant, c.From, c.ClientID, hash, &clientRow{seq: res.Seq, id: res.ID, timeMs: res.TimeMs})
}

// blankEdit takes the content from the entry of target's newest edit.
func (m *Machine) blankEdit(tx *raftstore.Tx, tenant uint32, log *convRow, target *wire.Message) error {
	seq := target.Changes.GetEditSeq()
	if seq == 0 {
		return nil
	}
	entry, ok, err := m.entry(tx, tenant, log, seq)
	if err != nil || !ok {
		return err
	}
	entry.Body, entry.Ext = "", ""
	m.key = appendMessageKey(m.key[:0], tenant, log.id, seq)
	return m.put(tx, entry)
}

// takeBack removes what a message says, and what others have said to it, because
// of the entry by.
func (m *Machine) takeBack(tx *raftstore.Tx, tenant uint32, log uint64, target *wire.Message, by uint64) error {
	if changes := target.Changes; changes != nil {
		if err := m.blankEdit(tx, tenant, &convRow{id: log}, target); err != nil {
			return err
		}
		if len(changes.Reactions) > 0 {
			m.key = appendLogKey(m.key[:0], tableReaction, tenant, log, target.Seq)
			if err := tx.DeleteRange(m.key, prefixEnd(m.key)); err != nil {
				return err
			}
		}
		if changes.Pinned {
			if err := tx.Delete(appendLogKey(nil, tablePin, tenant, log, target.Seq)); err != nil {
				return err
			}
		}
		target.Changes = nil
		if changes.Replies > 0 || changes.Withdrawn {
			target.Changes = &wire.MessageChanges{Replies: changes.Replies, LastReplySeq: changes.LastReplySeq, Withdrawn: changes.Withdrawn}
		}
	}
	if target.Receipt {
		m.key = appendReceiptKey(m.key[:0], tenant, log, target.Seq)
		if err := tx.Delete(m.key); err != nil {
			return err
		}
	}
	target.Body, target.Ext, target.SubType, target.Recalled, target.RefSeq = "", "", 0, true, by
	target.Mentions, target.MentionAll = nil, false
	target.Push, target.Origin, target.Merged = nil, nil, nil
	m.key = appendMessageKey(m.key[:0], tenant, log, target.Seq)
	return m.put(tx, target)
}

// withdraw takes the message from everybody but its sender.
func (m *Machine) withdraw(tx *raftstore.Tx, o *messageOp) error {
	if o.target.Changes.GetWithdrawn() {
		o.nothing()
		return nil
	}
	m.next(o)
	if err := m.blankEdit(tx, o.c.Tenant, o.log, o.target); err != nil {
		return err
	}
	changesOf(o.target).Withdrawn = true
	if err := m.putTarget(tx, o); err != nil {
		return err
	}
	return m.finish(tx, o, &wire.Message{Type: TypeWithdraw})
}

// erase is a recall that nobody sees.
func (m *Machine) erase(tx *raftstore.Tx, o *messageOp) error {
	if o.target.Recalled {
		o.nothing()
		return nil
	}
	m.next(o)
	if err := m.takeBack(tx, o.c.Tenant, o.log.id, o.target, o.res.Seq); err != nil {
		return err
	}
	return m.finish(tx, o, &wire.Message{Type: TypeRecall, Op: &wire.MessageOp{Silent: true}})
}
