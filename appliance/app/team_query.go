package app

import (
	"context"

	"github.com/yizhan-im/yizhan/appliance/state"
	"github.com/yizhan-im/yizhan/appliance/wire"
)

// teams reads what teams of the tenant are. Who knows a team's number may see it
// before joining.
func (a *App) teams(r *request, payload []byte) error {
	var in wire.TeamsRequest
	if in.UnmarshalVTUnsafe(payload) != nil {
		return errMalformed
	}
	ids, err := teamIDs(in.Teams)
	if err != nil {
		return err
	}
	tenant := r.identity.Tenant
	return a.query(r, func() (wire.Body, error) {
		found, err := a.queries.Teams(tenant, ids)
		if err != nil {
			return nil, err
		}
		return &wire.TeamsResponse{Teams: found}, nil
	})
}

// teamMembers reads a page of the members of a team of the account.
func (a *App) teamMembers(r *request, payload []byte) error {
	var in wire.TeamMembersRequest // read later, so it must not share the payload
	if in.UnmarshalVT(payload) != nil {
		return errMalformed
	}
	team, err := teamID("team", in.Team)
	if err != nil {
		return err
	}
	if in.After != "" {
		if in.After, err = accountName("after", in.After); err != nil {
			return err
		}
	}
	if in.Filter < 0 || in.Filter > wire.TeamMemberFilter_TEAM_MEMBERS_MUTED {
		return wire.Errorf(wire.CodeBadParameter, "filter must be 0 to 2")
	}
	limit, err := page(in.Limit, defaultSyncPage, state.MaxTeamMembersPage)
	if err != nil {
		return err
	}
	id := r.identity
	return a.query(r, func() (wire.Body, error) {
		return body(a.queries.TeamMembersLike(id.Tenant, id.Account, team, in.Filter, in.After, limit))
	})
}

// teamApplications reads who wants to join a team that the account manages.
func (a *App) teamApplications(r *request, payload []byte) error {
	var in wire.TeamApplicationsRequest
	if in.UnmarshalVTUnsafe(payload) != nil {
		return errMalformed
	}
	team, err := teamID("team", in.Team)
	if err != nil {
		return err
	}
	id := r.identity
	return a.query(r, func() (wire.Body, error) {
		return body(a.queries.TeamApplications(id.Tenant, id.Account, team))
	})
}

// teamIDs checks a list of teams.
func teamIDs(in []string) ([]uint64, error) {
	if len(in) == 0 || len(in) > state.MaxTeams {
		return nil, wire.Errorf(wire.CodeBadParameter, "teams must name 1 to %d teams", state.MaxTeams)
	}
	ids := make([]uint64, len(in))
	for i, s := range in {
		var err error
		if ids[i], err = teamID("teams", s); err != nil {
			return nil, err
		}
	}
	return ids, nil
}

// Teams reads 1–50 teams. Those that do not exist are left out.
func (a *App) Teams(ctx context.Context, appKey string, teams []string) ([]*wire.Team, error) {
	t, err := a.Tenant(ctx, appKey)
	if err != nil {
		return nil, err
	}
	ids, err := teamIDs(teams)
	if err != nil {
		return nil, err
	}
	found, err := a.queries.Teams(t.ID, ids)
	if err != nil {
		return nil, a.edge(err)
	}
	return found, nil
}

// TeamMembers reads all members of a team, in the order of their names; at most
// state.MaxTeamMembers. CodeTeamMissing: there is no such team; CodeTeamType: it is a
// mega-team, whose members are not for one answer.
func (a *App) TeamMembers(ctx context.Context, appKey, team string) ([]*wire.TeamMember, error) {
	if err := a.RequireTeamKind(ctx, appKey, team, false); err != nil {
		return nil, err
	}
	return a.membersLike(ctx, appKey, team, wire.TeamMemberFilter_TEAM_MEMBERS_ALL, state.MaxTeamMembers)
}

// AccountTeams lists the teams that an account is a member of. CodeNotFound:
// there is no such account.
func (a *App) AccountTeams(ctx context.Context, appKey, account string) ([]*wire.Team, error) {
	t, account, err := a.target(ctx, appKey, account)
	if err != nil {
		return nil, err
	}
	found, err := a.queries.AccountTeams(t.ID, account)
	if err != nil {
		return nil, a.edge(err)
	}
	return found, nil
}
