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
	target, err := m.entry(tx, c.Tenant, conv, c.Seq)
	if err != nil {
		return nil, err
	}
	switch {
	case target.From != c.From || target.Type == TypeRecall:
		res.Code = wire.CodeForbidden
		return res, nil
	case target.Recalled:
		first, err := m.entry(tx, c.Tenant, conv, target.RefSeq)
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
	target.Body, target.Ext, target.Recalled, target.RefSeq = "", "", true, res.Seq
	m.key = appendMessageKey(m.key[:0], c.Tenant, conv.id, c.Seq)
	if err := m.put(tx, target); err != nil {
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

// entry reads one entry of a conversation's log, which is there.
func (m *Machine) entry(tx *raftstore.Tx, tenant uint32, conv *convRow, seq uint64) (*wire.Message, error) {
	m.key = appendMessageKey(m.key[:0], tenant, conv.id, seq)
	stored, ok, err := tx.Get(m.key)
	if err != nil {
		return nil, err
	}
	if !ok {
		return nil, fmt.Errorf("%w: entry %d of conversation %d is missing", errDamaged, seq, conv.id)
	}
	msg := new(wire.Message)
	if err := msg.UnmarshalVTUnsafe(bytes.Clone(stored)); err != nil {
		return nil, rowError("message", err)
	}
	return msg, nil
}
