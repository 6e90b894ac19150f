package app

import (
	"github.com/yizhan-im/yizhan/appliance/state"
	"github.com/yizhan-im/yizhan/appliance/wire"
)

// send accepts one message. This is the fast path: the payload is decoded in
// place, and what is kept of it is only the encoded command.
func (a *App) send(r *request, payload []byte) error {
	o := a.newOp(r)
	err := o.encodeSend(payload)
	if err == nil {
		err = a.askSend(o)
	}
	o.in.Reset()
	o.message.Reset()
	if err != nil {
		o.recycle()
		return err
	}
	return o.submit()
}

// encodeSend checks a SendRequest and leaves its command in o.buf.
func (o *op) encodeSend(payload []byte) error {
	in, r := &o.in, &o.request
	if in.UnmarshalVTUnsafe(payload) != nil {
		return errMalformed
	}
	to, err := counterpart(in.Scene, "to", in.To)
	if err != nil {
		return err
	}
	if err := bytesWithin("client_id", in.ClientId, 1, maxClientID); err != nil {
		return err
	}
	if err := o.app.roomInMegaTeam(r.identity.Tenant, in.Scene, to); err != nil {
		return err
	}
	m := &o.message
	if in.Forward == nil {
		if err := content(in.Type, in.Body, in.Ext, &r.tenant.Limits); err != nil {
			return err
		}
	}
	if err := mentions(in.Scene, in.Mentions, in.MentionAll); err != nil {
		return err
	}
	if err := receipt(in.Scene, in.Receipt); err != nil {
		return err
	}
	if hasExtras(in) {
		if err := extras(in, m); err != nil {
			return err
		}
	}
	m.Scene, m.From, m.To, m.ClientId = in.Scene, r.identity.Account, to, in.ClientId
	m.Type, m.Body, m.Ext = in.Type, in.Body, in.Ext
	m.Mentions, m.MentionAll, m.Receipt = in.Mentions, in.MentionAll, in.Receipt
	m.FromPlatform, m.FromDevice = r.identity.Platform, r.identity.DeviceID
	o.encode()
	return nil
}

// encode leaves the command that sends o.message in o.buf.
func (o *op) encode() {
	r := &o.request
	c := state.Send{TimeMs: r.timeMs(), Tenant: r.identity.Tenant, Session: r.identity.SessionID, Message: &o.message}
	o.buf = c.Append(o.buf[:0])
}

// recall takes back a message that the account has sent.
func (a *App) recall(r *request, payload []byte) error {
	var in wire.RecallRequest
	if in.UnmarshalVTUnsafe(payload) != nil {
		return errMalformed
	}
	peer, err := counterpart(in.Scene, "peer", in.Peer)
	if err != nil {
		return err
	}
	if in.Seq == 0 {
		return errSeq
	}
	if err := bytesWithin("client_id", in.ClientId, 0, maxClientID); err != nil {
		return err
	}
	if err := charsWithin("note", in.Note, maxNote); err != nil {
		return err
	}
	if err := a.askRecall(r, &in, peer); err != nil {
		return err
	}
	return a.submit(r, &state.Recall{
		TimeMs: r.timeMs(), Tenant: r.identity.Tenant, Session: r.identity.SessionID,
		From: r.identity.Account, Peer: peer, Team: teamOf(in.Scene, peer), Seq: in.Seq, ClientID: in.ClientId, Note: in.Note,
		WindowMs: recallWindowMs(r.tenant), FromPlatform: r.identity.Platform, FromDevice: r.identity.DeviceID,
	})
}

// recallWindowMs is how long after sending a message its sender may recall it.
func recallWindowMs(t *state.Tenant) int64 { return int64(t.Limits.RecallSeconds) * 1000 }

// ack notes up to which version the device holds everything.
func (a *App) ack(r *request, payload []byte) error {
	var in wire.AckRequest
	if in.UnmarshalVTUnsafe(payload) != nil {
		return errMalformed
	}
	return a.submit(r, &state.Ack{
		TimeMs: r.timeMs(), Tenant: r.identity.Tenant, Account: r.identity.Account,
		DeviceID: r.identity.DeviceID, Version: in.Version,
	})
}

// read moves the account's read cursor; fan-out sends the receipt, of a team only
// to the account's own devices.
func (a *App) read(r *request, payload []byte) error {
	var in wire.ReadRequest
	if in.UnmarshalVTUnsafe(payload) != nil {
		return errMalformed
	}
	peer, err := counterpart(in.Scene, "peer", in.Peer)
	if err != nil {
		return err
	}
	return a.submit(r, &state.Read{
		TimeMs: r.timeMs(), Tenant: r.identity.Tenant, Session: r.identity.SessionID,
		Reader: r.identity.Account, Peer: peer, Team: teamOf(in.Scene, peer), Seq: in.Seq,
	})
}
