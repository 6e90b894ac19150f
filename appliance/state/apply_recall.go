package state

import (
	"bytes"
	"fmt"

	"github.com/yizhan-im/yizhan/appliance/wire"
	"github.com/yizhan-im/yizhan/raftstore"
)

// recall needs no client id to be idempotent: the entry that was taken back
// names, in its RefSeq, the entry that did it.
func (m *Machine) recall(tx *raftstore.Tx, r *reader) (*SendResult, error) {
	var c Recall
	ok := c.decode(r)
	res := m.newSend()
	*res = SendResult{Code: wire.CodeBadProtocol, Tenant: c.Tenant, Session: c.Session, From: c.From, To: c.Peer, RefSeq: c.Seq}
	if !ok {
		return res, nil
	}
	if !validAccount(c.From) || !validAccount(c.Peer) || !validText(c.ClientID, maxClientID) ||
		!validText(c.Note, maxNote) || !validText(c.FromDevice, maxDevice) {
		res.Code = wire.CodeBadParameter
		return res, nil
	}
	if err := m.tick(tx, c.TimeMs); err != nil {
		return nil, err
	}
	conv, err := m.conv(tx, c.Tenant, c.From, c.Peer)
	if err != nil {
		return nil, err
	}
	if conv == nil || c.Seq < 1 || c.Seq > conv.lastSeq {
		res.Code = wire.CodeNotFound
		return res, nil
	}
	target, ok, err := m.entry(tx, c.Tenant, conv, c.Seq)
	if err != nil {
		return nil, err
	}
	if ok {
		if ok, err = m.ownEntry(tx, c.Tenant, c.From, target); err != nil {
			return nil, err
		}
	}
	switch {
	case !ok:
		res.Code = wire.CodeNotFound
		return res, nil
	case target.From != c.From || target.Type >= firstOperation:
		res.Code = wire.CodeForbidden
		return res, nil
	case target.Recalled:
		first, _, err := m.entry(tx, c.Tenant, conv, target.RefSeq) // there: it is later than its target
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
	m.advance(conv, res)
	if err := m.takeBack(tx, c.Tenant, conv.id, target, res.Seq); err != nil {
		return nil, err
	}
	entry := wire.Message{
		From: c.From, To: c.Peer, ClientId: c.ClientID, Type: TypeRecall, Body: c.Note,
		FromPlatform: c.FromPlatform, FromDevice: c.FromDevice, RefSeq: c.Seq,
		Seq: res.Seq, Id: res.ID, TimeMs: res.TimeMs,
	}
	res.Message = appendBody(nil, &entry)
	return res, m.putEntry(tx, c.Tenant, conv, res)
}

// entry reads one entry of a conversation's log, which has been there; ok is
// false when it is below the log's floor. It overwrites m.key.
func (m *Machine) entry(tx *raftstore.Tx, tenant uint32, conv *convRow, seq uint64) (msg *wire.Message, ok bool, err error) {
	m.key = appendMessageKey(m.key[:0], tenant, conv.id, seq)
	stored, ok, err := tx.Get(m.key)
	if err != nil {
		return nil, false, err
	}
	if !ok {
		floor, err := m.floor(tx, tenant, conv.id)
		if err == nil && seq >= floor {
			err = fmt.Errorf("%w: entry %d of conversation %d is missing", errDamaged, seq, conv.id)
		}
		return nil, false, err
	}
	msg = new(wire.Message)
	if err := msg.UnmarshalVTUnsafe(bytes.Clone(stored)); err != nil {
		return nil, false, rowError("message", err)
	}
	return msg, true, nil
}
