package app

import (
	"context"
	"slices"

	"github.com/yizhan-im/yizhan/appliance/state"
	"github.com/yizhan-im/yizhan/appliance/wire"
)

// noSession marks a command of a tenant's backend: no session is its origin, so
// that fan-out tells all devices of the sender too.
const noSession = 0

// Send accepts a message from the tenant's backend in the name of m.From. Of m
// only Scene, From, To, ClientId (made when empty), Type, SubType, Body, Ext,
// options, push and the mentions count; m is not changed. CodeNotFound: one of the accounts does not
// exist; CodeBlacklisted: the receiver has blacklisted the sender; the codes of
// teams in scene TEAM.
func (a *App) Send(ctx context.Context, appKey string, m *wire.Message) (*wire.SendResponse, error) {
	t, from, err := a.target(ctx, appKey, m.From)
	if err != nil {
		return nil, err
	}
	to, err := counterpart(m.Scene, "to", m.To)
	if err != nil {
		return nil, err
	}
	if err := a.roomInMegaTeam(t.ID, m.Scene, to); err != nil {
		return nil, err
	}
	clientID := m.ClientId
	if clientID == "" {
		clientID = randomHex()
	}
	if err := bytesWithin("client_id", clientID, 1, maxClientID); err != nil {
		return nil, err
	}
	if err := content(m.Type, m.Body, m.Ext, &t.Limits); err != nil {
		return nil, err
	}
	named := slices.Clone(m.Mentions)
	if err := mentions(m.Scene, named, m.MentionAll); err != nil {
		return nil, err
	}
	if err := receipt(m.Scene, m.Receipt); err != nil {
		return nil, err
	}
	push := clonePush(m.Push)
	if push != nil {
		if err := pushOptions(m.Scene, push); err != nil {
			return nil, err
		}
	}
	res, err := a.proposeMessage(ctx, &state.Send{
		TimeMs: a.now().UnixMilli(), Tenant: t.ID, Session: noSession,
		Message: &wire.Message{
			Scene: m.Scene, From: from, To: to, ClientId: clientID, Type: m.Type, Body: m.Body, Ext: m.Ext,
			FromPlatform: wire.Platform_PLATFORM_REST, Mentions: named, MentionAll: m.MentionAll, Receipt: m.Receipt,
			SubType: m.SubType, Options: m.Options, Push: push,
		},
	})
	if err != nil {
		return nil, err
	}
	return &wire.SendResponse{Seq: res.Seq, Id: res.ID, TimeMs: res.TimeMs, Duplicate: res.Duplicate}, nil
}

// Recall takes back the message with this id that from has sent to to. timeMs
// must be its time, as History tells it; ignoreWindow also takes back what is
// older than the tenant's limit. CodeNotFound: there is no such message.
func (a *App) Recall(ctx context.Context, appKey, from, to string, id uint64, timeMs int64, note string, ignoreWindow bool) (*wire.RecallResponse, error) {
	t, from, err := a.target(ctx, appKey, from)
	if err != nil {
		return nil, err
	}
	if to, err = accountName("to", to); err != nil {
		return nil, err
	}
	if err := charsWithin("note", note, maxNote); err != nil {
		return nil, err
	}
	m, err := a.queries.MessageByID(t.ID, from, to, id)
	if err != nil {
		return nil, a.edge(err)
	}
	if m.From != from || m.TimeMs != timeMs {
		return nil, outcome(wire.CodeNotFound)
	}
	c := &state.Recall{
		TimeMs: a.now().UnixMilli(), Tenant: t.ID, Session: noSession, From: from, Peer: to, Seq: m.Seq,
		Note: note, WindowMs: recallWindowMs(t), FromPlatform: wire.Platform_PLATFORM_REST,
	}
	if ignoreWindow {
		c.WindowMs = 0
	}
	res, err := a.proposeMessage(ctx, c)
	if err != nil {
		return nil, err
	}
	return &wire.RecallResponse{Seq: res.Seq, Id: res.ID, TimeMs: res.TimeMs}, nil
}

// RecallTeam is Recall for a message of a team: by its sender, or by from who
// manages the team.
func (a *App) RecallTeam(ctx context.Context, appKey, from, team string, id uint64, timeMs int64, note string, ignoreWindow bool) (*wire.RecallResponse, error) {
	t, from, err := a.target(ctx, appKey, from)
	if err != nil {
		return nil, err
	}
	number, err := teamID("to", team)
	if err != nil {
		return nil, err
	}
	if err := charsWithin("note", note, maxNote); err != nil {
		return nil, err
	}
	m, err := a.queries.TeamMessageByID(t.ID, number, id)
	if err != nil {
		return nil, a.edge(err)
	}
	if m.TimeMs != timeMs {
		return nil, outcome(wire.CodeNotFound)
	}
	c := &state.Recall{
		TimeMs: a.now().UnixMilli(), Tenant: t.ID, Session: noSession, From: from, Team: number, Seq: m.Seq,
		Note: note, WindowMs: recallWindowMs(t), FromPlatform: wire.Platform_PLATFORM_REST,
	}
	if ignoreWindow {
		c.WindowMs = 0
	}
	res, err := a.proposeMessage(ctx, c)
	if err != nil {
		return nil, err
	}
	return &wire.RecallResponse{Seq: res.Seq, Id: res.ID, TimeMs: res.TimeMs}, nil
}

func (a *App) proposeMessage(ctx context.Context, c command) (*state.SendResult, error) {
	res, err := propose[*state.SendResult](ctx, a, c)
	if err != nil {
		return nil, err
	}
	if err := outcome(res.Code); err != nil {
		return nil, err
	}
	return res, nil
}
