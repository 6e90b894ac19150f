package app

import (
	"github.com/yizhan-im/yizhan/appliance/state"
	"github.com/yizhan-im/yizhan/appliance/wire"
)

// change makes the command of an operation on the entry seq of a conversation;
// what else it says is the caller's to set.
func (r *request) change(op state.MessageOp, scene wire.Scene, peer string, seq uint64) (*state.MessageChange, error) {
	c := &state.MessageChange{
		Op: op, TimeMs: r.timeMs(), Tenant: r.identity.Tenant, Session: r.identity.SessionID, From: r.identity.Account,
		FromPlatform: r.identity.Platform, FromDevice: r.identity.DeviceID,
	}
	return c, place(c, scene, peer, seq)
}

// place says in c which entry it is about.
func place(c *state.MessageChange, scene wire.Scene, peer string, seq uint64) error {
	peer, err := counterpart(scene, "peer", peer)
	if err != nil {
		return err
	}
	if seq == 0 {
		return errSeq
	}
	c.Seq = seq
	if c.Team = teamOf(scene, peer); c.Team == 0 {
		c.Peer = peer
	}
	return nil
}

// edit replaces the content of a message that the account has sent.
func (a *App) edit(r *request, payload []byte) error {
	var in wire.EditRequest
	if in.UnmarshalVTUnsafe(payload) != nil {
		return errMalformed
	}
	c, err := r.change(state.MessageEdit, in.Scene, in.Peer, in.Seq)
	if err != nil {
		return err
	}
	if err := bytesWithin("client_id", in.ClientId, 1, maxClientID); err != nil {
		return err
	}
	if err := edited(in.Body, in.Ext, &r.tenant.Limits); err != nil {
		return err
	}
	c.ClientID, c.Body, c.Ext, c.WindowMs = in.ClientId, in.Body, in.Ext, editWindowMs(r.tenant)
	if err := a.askEdit(r, c, in.Scene); err != nil {
		return err
	}
	return a.submit(r, c)
}

// edited checks the new content of a text or custom message. Which of the two it
// is only the state machine knows.
func edited(body, ext string, l *state.Limits) error {
	return content(typeText, body, ext, l)
}

// editWindowMs is how long after sending a message its sender may edit it.
func editWindowMs(t *state.Tenant) int64 { return int64(t.Limits.EditSeconds) * 1000 }

// errNotThere refuses what a backend would have to be asked about, but cannot: the
// message may be one that is on its way behind this request's back.
var errNotThere = wire.Errorf(wire.CodeNotFound, "there is no such message")

// askEdit asks about the new content as about that of a new message.
func (a *App) askEdit(r *request, c *state.MessageChange, scene wire.Scene) error {
	event := state.CallbackMessage
	if c.Team != 0 {
		event = state.CallbackTeamMessage
	}
	if !r.mayWait || !a.asks(r.tenant, event) {
		return nil
	}
	to := c.Peer
	if c.Team != 0 {
		to = state.TeamID(c.Team)
	}
	original, err := a.readable(r, &wire.Origin{Scene: scene, Peer: to, Seq: c.Seq})
	if err != nil {
		return err
	}
	if original == nil {
		return errNotThere
	}
	q := &Question{Event: event, Message: &wire.SendRequest{
		Scene: scene, To: to, ClientId: c.ClientID, Type: original.Type, SubType: original.SubType, Body: c.Body, Ext: c.Ext,
	}}
	if err := a.askMessage(r, q); err != nil {
		return err
	}
	changed := q.Changed
	if changed == nil {
		changed = new(MessageChange) // the body was only checked as a text so far
	}
	if err := changed.apply(original.Type, &c.Body, &c.Ext, &r.tenant.Limits); err != nil {
		return err
	}
	c.TimeMs = r.timeMs()
	return nil
}

// readable reads an entry as the session may see it; nil when it may not.
func (a *App) readable(r *request, o *wire.Origin) (*wire.Message, error) {
	found, err := a.queries.HistoryOn(r.identity.Tenant, r.identity.Account, r.identity.DeviceID, &wire.HistoryRequest{
		Scene: o.Scene, Peer: o.Peer, FromSeq: o.Seq, ToSeq: o.Seq, Limit: 1,
	})
	switch {
	case wire.CodeOf(err).Temporary():
		return nil, err
	case err != nil || len(found.Messages) == 0:
		return nil, nil
	}
	return found.Messages[0], nil
}

// react gives a message an emoji, or takes it back.
func (a *App) react(r *request, payload []byte) error {
	var in wire.ReactRequest
	if in.UnmarshalVTUnsafe(payload) != nil {
		return errMalformed
	}
	c, err := r.change(state.MessageReact, in.Scene, in.Peer, in.Seq)
	if err != nil {
		return err
	}
	if err := bytesWithin("emoji", in.Emoji, 1, state.MaxEmojiBytes); err != nil {
		return err
	}
	c.Emoji, c.Undo = in.Emoji, in.Undo
	return a.submit(r, c)
}

// pin pins a message, or unpins it.
func (a *App) pin(r *request, payload []byte) error {
	var in wire.PinRequest
	if in.UnmarshalVTUnsafe(payload) != nil {
		return errMalformed
	}
	c, err := r.change(state.MessagePin, in.Scene, in.Peer, in.Seq)
	if err != nil {
		return err
	}
	c.Undo = in.Undo
	return a.submit(r, c)
}

// deleteMessages deletes entries for the account alone.
func (a *App) deleteMessages(r *request, payload []byte) error {
	var in wire.DeleteMessagesRequest
	if in.UnmarshalVTUnsafe(payload) != nil {
		return errMalformed
	}
	peer, err := counterpart(in.Scene, "peer", in.Peer)
	if err != nil {
		return err
	}
	if len(in.Seqs) == 0 || len(in.Seqs) > state.MaxDeleteSeqs {
		return wire.Errorf(wire.CodeBadParameter, "seqs must name 1 to %d entries", state.MaxDeleteSeqs)
	}
	c := &state.DeleteMessages{
		TimeMs: r.timeMs(), Tenant: r.identity.Tenant, Session: r.identity.SessionID, Account: r.identity.Account, Seqs: in.Seqs,
	}
	if c.Team = teamOf(in.Scene, peer); c.Team == 0 {
		c.Peer = peer
	}
	return a.submit(r, c)
}

// answerMessage replies with what became of a message, or of an operation on one.
func (o *op) answerMessage(res *state.SendResult) error {
	if res.Code != wire.CodeOK {
		return outcome(res.Code)
	}
	var out wire.Body
	switch o.request.cmd {
	case wire.CmdRecall:
		out = &wire.RecallResponse{Seq: res.Seq, Id: res.ID, TimeMs: res.TimeMs}
	case wire.CmdEdit:
		out = &wire.EditResponse{Seq: res.Seq, Id: res.ID, TimeMs: res.TimeMs, Duplicate: res.Duplicate}
	case wire.CmdReact:
		out = &wire.ReactResponse{Seq: res.Seq, Id: res.ID, TimeMs: res.TimeMs}
	case wire.CmdPin:
		out = &wire.PinResponse{Seq: res.Seq, Id: res.ID, TimeMs: res.TimeMs}
	default:
		o.sent.Seq, o.sent.Id, o.sent.TimeMs, o.sent.Duplicate = res.Seq, res.ID, res.TimeMs, res.Duplicate
		out = &o.sent
	}
	o.app.ok(&o.request, out)
	return nil
}

func (o *op) answerDeletion(res *state.DeletionResult) error {
	if err := outcome(res.Code); err != nil {
		return err
	}
	o.app.ok(&o.request, &wire.DeleteMessagesResponse{Deletion: res.Deletion})
	return nil
}
