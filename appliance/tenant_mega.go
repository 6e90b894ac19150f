package appliance

import (
	"github.com/yizhan-im/yizhan/appliance/state"
	"github.com/yizhan-im/yizhan/appliance/wire"
)

// MegaTeamsRequest is the part of a TenantRequest about mega-teams.
type MegaTeamsRequest struct {
	// MaxMegaTeamMembers bounds the members of a mega-team, at most 1,000,000,
	// MaxMegaTeams the mega-teams that an account is in, at most 1,000.
	MaxMegaTeamMembers int `json:"max_mega_team_members,omitempty"`
	MaxMegaTeams       int `json:"max_mega_teams,omitempty"`
}

// MegaTeamsInfo is the same of a TenantInfo.
type MegaTeamsInfo struct {
	MaxMegaTeamMembers int `json:"max_mega_team_members"`
	MaxMegaTeams       int `json:"max_mega_teams"`
}

func (r *MegaTeamsRequest) applyMegaTeams(l *state.Limits) error {
	for _, f := range []struct {
		name  string
		asked int
		limit *int
	}{
		{"max_mega_team_members", r.MaxMegaTeamMembers, &l.MaxMegaTeamMembers},
		{"max_mega_teams", r.MaxMegaTeams, &l.MaxMegaTeams},
	} {
		if f.asked < 0 {
			return wire.Errorf(wire.CodeBadParameter, "%s must not be negative", f.name)
		}
		if f.asked > 0 {
			*f.limit = f.asked
		}
	}
	return nil
}

func megaTeamsInfo(l *state.Limits) MegaTeamsInfo {
	return MegaTeamsInfo{l.MaxMegaTeamMembers, l.MaxMegaTeams}
}
