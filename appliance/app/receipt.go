package app

import (
	"context"
	"slices"

	"github.com/yizhan-im/yizhan/appliance/state"
	"github.com/yizhan-im/yizhan/appliance/wire"
)

// receipt checks that a message which asks for read receipts may.
func receipt(scene wire.Scene, asked bool) error {
	if asked && scene != wire.Scene_SCENE_TEAM {
		return wire.Errorf(wire.CodeBadParameter, "only messages of teams ask for receipts: those of two accounts have them anyway")
	}
	return nil
}

// teamReceipts tells the account who has read messages that it has sent.
func (a *App) teamReceipts(r *request, payload []byte) error {
	var in wire.TeamReceiptsRequest
	if in.UnmarshalVT(payload) != nil { // read later, so it must not share the payload
		return errMalformed
	}
	team, err := teamID("team", in.Team)
	if err != nil {
		return err
	}
	if len(in.Seqs) == 0 && in.ListSeq == 0 || len(in.Seqs) > state.MaxReceipts {
		return wire.Errorf(wire.CodeBadParameter, "seqs must name 1 to %d messages", state.MaxReceipts)
	}
	id := r.identity
	return a.query(r, func() (wire.Body, error) {
		return body(a.queries.TeamReceipts(id.Tenant, team, id.Account, true, in.Seqs, in.ListSeq))
	})
}

// TeamReaders tells who of a team has read the message with this id, which sender
// has sent and which asks for receipts: CodeNotFound when there is none.
func (a *App) TeamReaders(ctx context.Context, appKey, team, sender string, id uint64) (*wire.TeamReceiptsResponse, error) {
	t, sender, err := a.target(ctx, appKey, sender)
	if err != nil {
		return nil, err
	}
	number, err := teamID("team", team)
	if err != nil {
		return nil, err
	}
	m, err := a.queries.TeamMessageByID(t.ID, number, id)
	if err != nil {
		return nil, a.edge(err)
	}
	readers, err := a.queries.TeamReceipts(t.ID, number, sender, false, nil, m.Seq)
	if err != nil {
		return nil, a.edge(err)
	}
	return readers, nil
}

// MarkTeamRead moves the cursor of account behind the newest of the messages with
// these ids; unknown are those that there are not. Nothing is read when all are
// unknown. Codes are those of reading.
func (a *App) MarkTeamRead(ctx context.Context, appKey, account, team string, ids []uint64) (unknown []uint64, err error) {
	t, account, err := a.target(ctx, appKey, account)
	if err != nil {
		return nil, err
	}
	number, err := teamID("team", team)
	if err != nil {
		return nil, err
	}
	var seq uint64
	for _, id := range ids {
		m, err := a.queries.TeamMessageByID(t.ID, number, id)
		switch {
		case err == nil:
			seq = max(seq, m.Seq)
		case wire.CodeOf(err) == wire.CodeNotFound:
			unknown = append(unknown, id)
		default:
			return nil, a.edge(err)
		}
	}
	if seq == 0 {
		return unknown, nil
	}
	res, err := propose[*state.ReadResult](ctx, a, &state.Read{
		TimeMs: a.now().UnixMilli(), Tenant: t.ID, Session: noSession, Reader: account, Team: number, Seq: seq,
	})
	if err != nil {
		return nil, err
	}
	return slices.Clip(unknown), outcome(res.Code)
}
