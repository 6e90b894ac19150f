package app

import (
	"cmp"
	"context"
	"slices"

	"github.com/yizhan-im/yizhan/appliance/presence"
	"github.com/yizhan-im/yizhan/appliance/state"
	"github.com/yizhan-im/yizhan/appliance/wire"
)

// maxMutedListed is how many muted members of a mega-team are put into the order of
// their joining.
const maxMutedListed = 5000

// RequireTeamKind is nil when the team is a mega-team, or with mega not set a team of
// the other kind: CodeTeamType. CodeTeamMissing: there is no such team.
func (a *App) RequireTeamKind(ctx context.Context, appKey, team string, mega bool) error {
	found, err := a.Teams(ctx, appKey, []string{team})
	switch {
	case err != nil:
		return err
	case len(found) == 0:
		return wire.Errorf(wire.CodeTeamMissing, "there is no such team")
	case found[0].Mega != mega && mega:
		return wire.Errorf(wire.CodeTeamType, "the team is not a mega-team")
	case found[0].Mega != mega:
		return wire.Errorf(wire.CodeTeamType, "the team is a mega-team")
	}
	return nil
}

// MegaTeamMembers reads members of a mega-team in the order of their joining; see
// state.Queries.MegaTeamMembersByTime.
func (a *App) MegaTeamMembers(ctx context.Context, appKey, team string, fromMs int64, limit int, reverse bool) ([]*wire.TeamMember, error) {
	t, err := a.Tenant(ctx, appKey)
	if err != nil {
		return nil, err
	}
	id, err := teamID("team", team)
	if err != nil {
		return nil, err
	}
	members, err := a.queries.MegaTeamMembersByTime(t.ID, id, fromMs, limit, reverse)
	if err != nil {
		return nil, a.edge(err)
	}
	return members, nil
}

// MegaTeamMuted is MegaTeamMembers for those that are muted; of more than 5,000, the
// first by name.
func (a *App) MegaTeamMuted(ctx context.Context, appKey, team string, fromMs int64, limit int, reverse bool) ([]*wire.TeamMember, error) {
	if err := a.RequireTeamKind(ctx, appKey, team, true); err != nil {
		return nil, err
	}
	all, err := a.membersLike(ctx, appKey, team, wire.TeamMemberFilter_TEAM_MEMBERS_MUTED, maxMutedListed)
	if err != nil {
		return nil, err
	}
	slices.SortFunc(all, func(x, y *wire.TeamMember) int {
		return cmp.Or(cmp.Compare(x.JoinedMs, y.JoinedMs), cmp.Compare(x.Account, y.Account))
	})
	if reverse {
		slices.Reverse(all)
	}
	all = slices.DeleteFunc(all, func(m *wire.TeamMember) bool {
		if reverse {
			return fromMs > 0 && m.JoinedMs > fromMs
		}
		return m.JoinedMs < fromMs
	})
	return all[:min(limit, len(all))], nil
}

// membersLike reads all members that the filter lets pass, in the order of their
// names, at most about so many.
func (a *App) membersLike(ctx context.Context, appKey, team string, filter wire.TeamMemberFilter, most int) ([]*wire.TeamMember, error) {
	t, err := a.Tenant(ctx, appKey)
	if err != nil {
		return nil, err
	}
	id, err := teamID("team", team)
	if err != nil {
		return nil, err
	}
	var members []*wire.TeamMember
	for more := true; more && len(members) < most; {
		after := ""
		if len(members) > 0 {
			after = members[len(members)-1].Account
		}
		page, err := a.queries.TeamMembersLike(t.ID, "", id, filter, after, state.MaxTeamMembersPage)
		if err != nil {
			return nil, a.edge(err)
		}
		members, more = append(members, page.Members...), page.More && len(page.Members) > 0
		if err := ctx.Err(); err != nil {
			return nil, a.edge(err)
		}
	}
	return members, nil
}

// TeamHistory reads the log of a team by time, both ends included, in Unix
// milliseconds: what account may read of it, or with an empty account all. At most
// limit messages, 1–100, are returned, the newest first with reverse; no types means
// all. The caller must not change them.
func (a *App) TeamHistory(ctx context.Context, appKey, account, team string, beginMs, endMs int64, limit int, reverse bool, types []uint32) ([]*wire.Message, error) {
	t, err := a.Tenant(ctx, appKey)
	if err != nil {
		return nil, err
	}
	if account != "" {
		if account, err = accountName("account", account); err != nil {
			return nil, err
		}
	}
	id, err := teamID("team", team)
	if err != nil {
		return nil, err
	}
	if limit < 1 || limit > maxHistoryPage {
		return nil, wire.Errorf(wire.CodeBadParameter, "limit must be 1 to %d", maxHistoryPage)
	}
	if beginMs < 0 || endMs < beginMs {
		return nil, wire.Errorf(wire.CodeBadParameter, "the time range must not be negative or end before it begins")
	}
	messages, err := a.queries.TeamHistoryByTime(t.ID, account, id, beginMs, endMs, limit, reverse, types)
	if err != nil {
		return nil, a.edge(err)
	}
	return messages, nil
}

// TeamMessage reads the message of a team that has an id. CodeNotFound: there is
// none.
func (a *App) TeamMessage(ctx context.Context, appKey, team string, id uint64) (*wire.Message, error) {
	t, err := a.Tenant(ctx, appKey)
	if err != nil {
		return nil, err
	}
	number, err := teamID("team", team)
	if err != nil {
		return nil, err
	}
	m, err := a.queries.TeamMessageShown(t.ID, number, id)
	if err != nil {
		return nil, a.edge(err)
	}
	return m, nil
}

// Memberships lists what account is in each of its teams, mega-teams left out.
// CodeNotFound: there is no such account.
func (a *App) Memberships(ctx context.Context, appKey, account string) ([]state.Membership, error) {
	t, account, err := a.target(ctx, appKey, account)
	if err != nil {
		return nil, err
	}
	found, err := a.queries.Memberships(t.ID, account)
	if err != nil {
		return nil, a.edge(err)
	}
	return found, nil
}

// TeamOnline tells which members of a team are online and on which devices, and how
// many members there are. A mega-team is refused: CodeTeamType.
func (a *App) TeamOnline(ctx context.Context, appKey, team string) (online map[string][]presence.Device, members int, err error) {
	t, err := a.Tenant(ctx, appKey)
	if err != nil {
		return nil, 0, err
	}
	list, err := a.TeamMembers(ctx, appKey, team)
	if err != nil {
		return nil, 0, err
	}
	online = make(map[string][]presence.Device)
	for _, m := range list {
		if devices := a.presence.Devices(nil, t.ID, m.Account); len(devices) > 0 {
			online[m.Account] = devices
		}
	}
	return online, len(list), nil
}
