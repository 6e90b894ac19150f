package app

import (
	"context"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/yizhan-im/yizhan/appliance/session"
	"github.com/yizhan-im/yizhan/appliance/state"
	"github.com/yizhan-im/yizhan/appliance/wire"
)

// MegaTeams is told which sessions are online, so that what happens in a mega-team
// is delivered to those of its members only; see package fanout.
type MegaTeams interface {
	// Enter makes s, which is in the hub, known; read tells its mega-teams.
	Enter(s *session.Session, read func() ([]state.MegaTeam, error)) error
	// Leave forgets s, which has left the hub, if it was known.
	Leave(s *session.Session)
	// Busy reports whether so much waits to be delivered in mega-teams that nothing
	// more should be accepted there: delivery would have to wait for it, to everybody.
	Busy() bool
}

// nobodyWatches is the MegaTeams of an App that has none.
type nobodyWatches struct{}

func (nobodyWatches) Enter(*session.Session, func() ([]state.MegaTeam, error)) error { return nil }
func (nobodyWatches) Leave(*session.Session)                                         {}
func (nobodyWatches) Busy() bool                                                     { return false }

// roomInMegaTeam refuses what is to be told to a mega-team while too much waits to
// be delivered there; to is as package state names teams. It costs nothing as long
// as that is not so.
func (a *App) roomInMegaTeam(tenant uint32, scene wire.Scene, to string) error {
	if scene != wire.Scene_SCENE_TEAM || !a.mega.Busy() {
		return nil
	}
	team, err := teamID("to", to)
	if err != nil {
		return err
	}
	mega, err := a.queries.IsMegaTeam(tenant, team)
	if err == nil && mega {
		return errBusyMega
	}
	return err
}

// enterMegaTeams comes before a login is answered: what the client does not get as
// a push from then on, its next sync finds.
func (a *App) enterMegaTeams(s *session.Session, id *session.Identity) error {
	err := a.mega.Enter(s, func() ([]state.MegaTeam, error) { return a.queries.MegaTeams(id.Tenant, id.Account) })
	if clientOf(s).ended.Load() {
		a.mega.Leave(s) // forget may have come before Enter
	}
	return err
}

// limitTeam sets the tenant's limits for the kind of team that c is about. What
// kind a team is never changes, so it may be looked up before c has its place in
// the log.
func (a *App) limitTeam(c *state.TeamChange, l *state.Limits) error {
	mega := c.Flag
	switch c.Op {
	case state.TeamCreate:
	case state.TeamUpdate, state.TeamInvite, state.TeamJoin, state.TeamAnswer:
		var err error
		if mega, err = a.queries.IsMegaTeam(c.Tenant, c.Team); err != nil {
			return err
		}
	default:
		return nil // needs no limits
	}
	c.MemberLimit, c.TeamLimit = teamLimits(mega, l)
	if u := c.Info; u != nil && u.MemberLimit != nil && *u.MemberLimit > c.MemberLimit {
		return wire.Errorf(wire.CodeBadParameter, "member_limit must be 2 to %d", c.MemberLimit)
	}
	return nil
}

// teamLimits are the most members of a team, and the most teams of an account.
func teamLimits(mega bool, l *state.Limits) (members, teams uint32) {
	if mega {
		return uint32(l.MaxMegaTeamMembers), uint32(l.MaxMegaTeams)
	}
	return uint32(l.MaxTeamMembers), uint32(l.MaxTeams)
}

// janitorTeams is how many teams the janitor asks for at a time.
const janitorTeams = 16

// janitor takes the members out of mega-teams that were dismissed, piece by piece.
type janitor struct {
	leaderWork
	cleaned prometheus.Counter
}

func (a *App) startJanitor(reg prometheus.Registerer) {
	a.janitor = &janitor{cleaned: prometheus.NewCounter(prometheus.CounterOpts{
		Name: "yizhan_app_mega_team_members_cleaned_total",
		Help: "Memberships in dismissed mega-teams that this node has taken out.",
	})}
	if reg != nil {
		reg.MustRegister(a.janitor.cleaned)
	}
	a.janitor.leaderWork = a.startWork(a.cleanTeams)
}

// cleanTeams cleans up all that is to be cleaned up; false when it was refused.
func (a *App) cleanTeams(ctx context.Context) bool {
	for {
		teams, err := a.queries.DismissedMegaTeams(janitorTeams)
		if err != nil || len(teams) == 0 {
			return err == nil
		}
		for _, t := range teams {
			for more := true; more; {
				res, err := propose[*state.CleanTeamResult](ctx, a, &state.CleanTeam{TimeMs: a.now().UnixMilli(), Tenant: t.Tenant, Team: t.Team})
				if err != nil || res.Code != wire.CodeOK {
					return false
				}
				a.janitor.cleaned.Add(float64(res.Cleaned))
				more = res.More
			}
		}
	}
}
