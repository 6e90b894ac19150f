package app

import (
	"context"

	"github.com/yizhan-im/yizhan/appliance/wire"
)

// history reads a page of one of the account's conversations by seq.
func (a *App) history(r *request, payload []byte) error {
	in := new(wire.HistoryRequest) // read later, so it must not share the payload
	if in.UnmarshalVT(payload) != nil {
		return errMalformed
	}
	peer, err := counterpart(in.Scene, "peer", in.Peer)
	if err != nil {
		return err
	}
	limit, err := page(in.Limit, maxHistoryPage, maxHistoryPage)
	if err != nil {
		return err
	}
	if in.ToSeq != 0 && in.FromSeq > in.ToSeq {
		return wire.Errorf(wire.CodeBadParameter, "from_seq is after to_seq")
	}
	if err := checkTimes(in.BeginMs, in.EndMs); err != nil {
		return err
	}
	if len(in.Types) > maxHistoryTypes || len(in.Ids) > maxHistoryPage {
		return wire.Errorf(wire.CodeBadParameter, "at most %d types and %d ids", maxHistoryTypes, maxHistoryPage)
	}
	in.Peer, in.Limit = peer, uint32(limit)
	id := r.identity
	return a.query(r, func() (wire.Body, error) {
		return body(a.queries.HistoryOn(id.Tenant, id.Account, id.DeviceID, in))
	})
}

// History reads the conversation of two accounts by time, both ends included, in
// Unix milliseconds. At most limit messages, 1–100, are returned, the newest
// first with reverse; no types means all. The caller must not change them.
func (a *App) History(ctx context.Context, appKey, from, to string, beginMs, endMs int64, limit int, reverse bool, types []uint32) ([]*wire.Message, error) {
	t, err := a.Tenant(ctx, appKey)
	if err != nil {
		return nil, err
	}
	if from, err = accountName("from", from); err != nil {
		return nil, err
	}
	if to, err = accountName("to", to); err != nil {
		return nil, err
	}
	if limit < 1 || limit > maxHistoryPage {
		return nil, wire.Errorf(wire.CodeBadParameter, "limit must be 1 to %d", maxHistoryPage)
	}
	if err := checkTimes(beginMs, max(endMs, 1)); err != nil {
		return nil, err
	}
	messages, err := a.queries.HistoryByTime(t.ID, from, to, beginMs, endMs, limit, reverse, types)
	if err != nil {
		return nil, a.edge(err)
	}
	return messages, nil
}

// TeamLog is History for all that is kept of a team, whoever is its member, also
// when it was dismissed. CodeTeamMissing: there has been no such team.
func (a *App) TeamLog(ctx context.Context, appKey, team string, beginMs, endMs int64, limit int, reverse bool, types []uint32) ([]*wire.Message, error) {
	t, err := a.Tenant(ctx, appKey)
	if err != nil {
		return nil, err
	}
	number, err := teamID("tid", team)
	if err != nil {
		return nil, err
	}
	if limit < 1 || limit > maxHistoryPage {
		return nil, wire.Errorf(wire.CodeBadParameter, "limit must be 1 to %d", maxHistoryPage)
	}
	if err := checkTimes(beginMs, max(endMs, 1)); err != nil {
		return nil, err
	}
	messages, err := a.queries.TeamLogByTime(t.ID, number, beginMs, endMs, limit, reverse, types)
	if err != nil {
		return nil, a.edge(err)
	}
	return messages, nil
}

// checkTimes checks a range of times of which 0 at the end is no limit.
func checkTimes(beginMs, endMs int64) error {
	if beginMs < 0 || endMs < 0 || endMs != 0 && endMs < beginMs {
		return wire.Errorf(wire.CodeBadParameter, "the time range must not be negative or end before it begins")
	}
	return nil
}
