package app

import (
	"context"

	"github.com/yizhan-im/yizhan/appliance/state"
	"github.com/yizhan-im/yizhan/appliance/wire"
)

// MessageRef is how backends name a message: who has sent it to whom, an account or
// in scene TEAM a team, with its id and time as they were answered.
type MessageRef struct {
	Scene    wire.Scene
	From, To string
	ID       uint64
	TimeMs   int64
}

// ChangeMessage does op to a message, for the tenant's backend in the name of by,
// which is ref.From when empty. emoji is for MessageReact, body and ext for
// MessageEdit, clientID for it too, undo for MessageReact and MessagePin. An edit by
// a backend may come at any time. CodeNotFound: there is no such message.
func (a *App) ChangeMessage(ctx context.Context, appKey string, ref MessageRef, by string, c *state.MessageChange) error {
	t, by, err := a.target(ctx, appKey, firstOf(by, ref.From))
	if err != nil {
		return err
	}
	m, err := a.refer(t, &ref)
	if err != nil {
		return err
	}
	peer, err := ref.peerOf(by)
	if err != nil {
		return err
	}
	c.TimeMs, c.Tenant, c.Session, c.From, c.FromPlatform = a.now().UnixMilli(), t.ID, noSession, by, wire.Platform_PLATFORM_REST
	if err := place(c, ref.Scene, peer, m.Seq); err != nil {
		return err
	}
	switch c.Op {
	case state.MessageEdit:
		if err := bytesWithin("client_id", c.ClientID, 1, maxClientID); err != nil {
			return err
		}
		if err := content(m.Type, c.Body, c.Ext, &t.Limits); err != nil {
			return err
		}
	case state.MessageReact:
		if err := bytesWithin("emoji", c.Emoji, 1, state.MaxEmojiBytes); err != nil {
			return err
		}
	}
	_, err = a.proposeMessage(ctx, c)
	return err
}

// MessageAt reads the message that ref names. CodeNotFound: there is none.
func (a *App) MessageAt(ctx context.Context, appKey string, ref MessageRef) (*wire.Message, error) {
	t, err := a.Tenant(ctx, appKey)
	if err != nil {
		return nil, err
	}
	return a.refer(t, &ref)
}

func firstOf(a, b string) string {
	if a != "" {
		return a
	}
	return b
}

// peerOf is what account, which must be one of the two that the message is between,
// calls its conversation. In a team everybody calls it alike.
func (ref *MessageRef) peerOf(account string) (string, error) {
	switch {
	case ref.Scene == wire.Scene_SCENE_TEAM || account == ref.From:
		return ref.To, nil
	case account == ref.To:
		return ref.From, nil
	}
	return "", wire.Errorf(wire.CodeForbidden, "the account is not one of those that the message is between")
}

// refer finds the message that ref names, whose names it writes as they are stored.
func (a *App) refer(t *state.Tenant, ref *MessageRef) (m *wire.Message, err error) {
	if ref.From, err = accountName("from", ref.From); err != nil {
		return nil, err
	}
	if ref.To, err = counterpart(ref.Scene, "to", ref.To); err != nil {
		return nil, err
	}
	if team := teamOf(ref.Scene, ref.To); team != 0 {
		m, err = a.queries.TeamMessageByID(t.ID, team, ref.ID)
	} else {
		m, err = a.queries.MessageByID(t.ID, ref.From, ref.To, ref.ID)
	}
	if err != nil {
		return nil, a.edge(err)
	}
	if m.From != ref.From || m.TimeMs != ref.TimeMs {
		return nil, outcome(wire.CodeNotFound)
	}
	return m, nil
}

// MarkRead moves the read cursor of account in its conversation with peer to the
// message that peer has sent with a client id, and tells the time. CodeNotFound:
// there is no such message among those of the last one to two weeks.
func (a *App) MarkRead(ctx context.Context, appKey, account, peer, clientID string) (timeMs int64, err error) {
	t, account, err := a.target(ctx, appKey, account)
	if err != nil {
		return 0, err
	}
	if peer, err = accountName("to", peer); err != nil {
		return 0, err
	}
	m, err := a.queries.MessageByClientID(t.ID, peer, account, clientID)
	if err != nil {
		return 0, a.edge(err)
	}
	res, err := propose[*state.ReadResult](ctx, a, &state.Read{
		TimeMs: a.now().UnixMilli(), Tenant: t.ID, Session: noSession, Reader: account, Peer: peer, Seq: m.Seq,
	})
	if err != nil {
		return 0, err
	}
	return res.TimeMs, outcome(res.Code)
}

// DeleteMessageFor deletes a message for one account alone.
func (a *App) DeleteMessageFor(ctx context.Context, appKey, account string, ref MessageRef) error {
	t, account, err := a.target(ctx, appKey, account)
	if err != nil {
		return err
	}
	m, err := a.refer(t, &ref)
	if err != nil {
		return err
	}
	c := &state.DeleteMessages{TimeMs: a.now().UnixMilli(), Tenant: t.ID, Session: noSession, Account: account, Seqs: []uint64{m.Seq}}
	peer, err := ref.peerOf(account)
	if err != nil {
		return err
	}
	if c.Team = teamOf(ref.Scene, ref.To); c.Team == 0 {
		c.Peer = peer
	}
	res, err := propose[*state.DeletionResult](ctx, a, c)
	if err != nil {
		return err
	}
	return outcome(res.Code)
}
