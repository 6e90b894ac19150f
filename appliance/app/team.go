package app

import (
	"context"
	"slices"

	"google.golang.org/protobuf/proto"

	"github.com/yizhan-im/yizhan/appliance/state"
	"github.com/yizhan-im/yizhan/appliance/wire"
)

// Limits of teams, in characters (facts/yunxin-api.md §4).
const (
	maxTeamName         = 64
	maxTeamIcon         = 1024
	maxTeamIntro        = 512
	maxTeamAnnouncement = 1024
	maxTeamCustom       = 1024
	maxTeamNick         = 32
	maxTeamNote         = 150
	// maxTeamNamed is how many managers or muted members one request names.
	maxTeamNamed = 10
)

// TeamRequest is a request that changes a team: one of those of wire that
// teamChange knows.
type TeamRequest interface {
	proto.Message
	UnmarshalVTUnsafe([]byte) error
}

// newTeamRequest makes the empty request of a command that changes a team, nil
// for any other command.
func newTeamRequest(cmd wire.Command) TeamRequest {
	switch cmd {
	case wire.CmdCreateTeam:
		return new(wire.CreateTeamRequest)
	case wire.CmdDismissTeam:
		return new(wire.DismissTeamRequest)
	case wire.CmdUpdateTeam:
		return new(wire.UpdateTeamRequest)
	case wire.CmdInviteTeam:
		return new(wire.InviteTeamRequest)
	case wire.CmdJoinTeam:
		return new(wire.JoinTeamRequest)
	case wire.CmdAnswerTeam:
		return new(wire.AnswerTeamRequest)
	case wire.CmdKickTeam:
		return new(wire.KickTeamRequest)
	case wire.CmdLeaveTeam:
		return new(wire.LeaveTeamRequest)
	case wire.CmdTransferTeam:
		return new(wire.TransferTeamRequest)
	case wire.CmdSetTeamManagers:
		return new(wire.SetTeamManagersRequest)
	case wire.CmdMuteTeamMembers:
		return new(wire.MuteTeamMembersRequest)
	case wire.CmdMuteTeam:
		return new(wire.MuteTeamRequest)
	case wire.CmdUpdateTeamMember:
		return new(wire.UpdateTeamMemberRequest)
	}
	return nil
}

// changeTeam submits the change of a team that the session asks for. Who may do
// what is decided when it is applied: until then it may change.
func (a *App) changeTeam(r *request, payload []byte) error {
	in := newTeamRequest(r.cmd)
	if in.UnmarshalVTUnsafe(payload) != nil {
		return errMalformed
	}
	c, err := teamChange(in, r.identity.Account, &r.tenant.Limits)
	if err != nil {
		return err
	}
	c.TimeMs, c.Tenant, c.Session = r.timeMs(), r.identity.Tenant, r.identity.SessionID
	if err := a.limitTeam(c, &r.tenant.Limits); err != nil {
		return err
	}
	if err := a.askTeam(r, c); err != nil {
		return err
	}
	return a.submit(r, c)
}

// ChangeTeam makes a change of a team for the tenant's backend in the name of by,
// who needs the same role as he would himself. With direct, who is invited is not
// asked. Codes are those of teams; the result must not be changed.
func (a *App) ChangeTeam(ctx context.Context, appKey, by string, direct bool, in TeamRequest) (*state.TeamResult, error) {
	t, by, err := a.target(ctx, appKey, by)
	if err != nil {
		return nil, err
	}
	c, err := teamChange(in, by, &t.Limits)
	if err != nil {
		return nil, err
	}
	c.TimeMs, c.Tenant, c.Session, c.Backend, c.Direct = a.now().UnixMilli(), t.ID, noSession, true, direct
	if err := a.limitTeam(c, &t.Limits); err != nil {
		return nil, a.edge(err)
	}
	res, err := propose[*state.TeamResult](ctx, a, c)
	if err != nil {
		return nil, err
	}
	return res, outcome(res.Code)
}

// teamChange checks in and makes its command, in the name of by. Tenant, time and
// session are the caller's to set.
func teamChange(in TeamRequest, by string, l *state.Limits) (*state.TeamChange, error) {
	c := &state.TeamChange{By: by, MemberLimit: uint32(max(l.MaxTeamMembers, l.MaxMegaTeamMembers)), TeamLimit: uint32(l.MaxTeams)}
	b := teamBuilder{c: c}
	switch in := in.(type) {
	case *wire.CreateTeamRequest:
		b.create(in, l)
	case *wire.DismissTeamRequest:
		b.of(state.TeamDismiss, in.Team)
	case *wire.UpdateTeamRequest:
		b.of(state.TeamUpdate, in.Team)
		b.changes(in.Changes)
	case *wire.InviteTeamRequest:
		b.of(state.TeamInvite, in.Team)
		b.accounts(in.Accounts, state.MaxTeamAccounts)
		b.note(in.Note)
	case *wire.JoinTeamRequest:
		b.of(state.TeamJoin, in.Team)
		b.note(in.Note)
	case *wire.AnswerTeamRequest:
		b.of(state.TeamAnswer, in.Team)
		if in.Account != "" {
			b.accounts([]string{in.Account}, 1)
		}
		b.note(in.Note)
		c.Flag = in.Accept
	case *wire.KickTeamRequest:
		b.of(state.TeamKick, in.Team)
		b.accounts(in.Accounts, state.MaxTeamAccounts)
	case *wire.LeaveTeamRequest:
		b.of(state.TeamLeave, in.Team)
	case *wire.TransferTeamRequest:
		b.of(state.TeamTransfer, in.Team)
		b.accounts([]string{in.To}, 1)
		c.Flag = in.Leave
	case *wire.SetTeamManagersRequest:
		b.of(state.TeamManagers, in.Team)
		b.accounts(in.Accounts, maxTeamNamed)
		c.Flag = in.Manager
	case *wire.MuteTeamMembersRequest:
		b.of(state.TeamMuteMembers, in.Team)
		b.accounts(in.Accounts, maxTeamNamed)
		c.Flag = in.Muted
	case *wire.MuteTeamRequest:
		b.of(state.TeamMuteAll, in.Team)
		b.mute(in.Mute)
	case *wire.UpdateTeamMemberRequest:
		b.of(state.TeamSettings, in.Team)
		b.settings(in)
	default:
		return nil, errUnknownCommand
	}
	return c, b.err
}

// teamBuilder fills in a command; the first error counts.
type teamBuilder struct {
	c   *state.TeamChange
	err error
}

func (b *teamBuilder) check(err error) {
	if b.err == nil {
		b.err = err
	}
}

func (b *teamBuilder) of(op state.TeamOp, team string) {
	id, err := teamID("team", team)
	b.check(err)
	b.c.Op, b.c.Team = op, id
}

func (b *teamBuilder) note(note string) {
	b.check(charsWithin("note", note, maxTeamNote))
	b.c.Note = note
}

// accounts takes 1 to most accounts, each once, without who asks.
func (b *teamBuilder) accounts(names []string, most int) {
	if len(names) == 0 || len(names) > most {
		b.check(wire.Errorf(wire.CodeBadParameter, "accounts must name 1 to %d accounts", most))
		return
	}
	for _, name := range names {
		account, err := accountName("accounts", name)
		if err != nil {
			b.check(err)
			return
		}
		if account == b.c.By && b.c.Op != state.TeamTransfer && b.c.Op != state.TeamSettings {
			b.check(wire.Errorf(wire.CodeBadParameter, "accounts must not name who asks"))
			return
		}
		if !slices.Contains(b.c.Accounts, account) {
			b.c.Accounts = append(b.c.Accounts, account)
		}
	}
}

func (b *teamBuilder) create(in *wire.CreateTeamRequest, l *state.Limits) {
	b.c.Op, b.c.Flag = state.TeamCreate, in.Mega
	b.c.MemberLimit, b.c.TeamLimit = teamLimits(in.Mega, l)
	b.check(bytesWithin("client_id", in.ClientId, 1, maxClientID-1))
	b.c.ClientID = in.ClientId
	if len(in.Members) > 0 {
		b.accounts(in.Members, state.MaxTeamAccounts-1)
	}
	b.note(in.Note)
	if in.Team.GetName() == "" {
		b.check(wire.Errorf(wire.CodeBadParameter, "a team needs a name"))
	}
	b.changes(in.Team)
	if b.err == nil && in.Team.MemberLimit == nil {
		in.Team.MemberLimit = proto.Uint32(b.c.MemberLimit)
		if !in.Mega {
			in.Team.MemberLimit = proto.Uint32(min(state.DefaultTeamMembers, b.c.MemberLimit))
		}
	}
}

// changes checks what is known of a team and takes it.
func (b *teamBuilder) changes(u *wire.TeamChanges) {
	if u == nil || u.SizeVT() == 0 {
		b.check(wire.Errorf(wire.CodeBadParameter, "there is nothing to change"))
		return
	}
	for _, f := range []struct {
		name string
		text *string
		most int
	}{
		{"name", u.Name, maxTeamName}, {"icon", u.Icon, maxTeamIcon}, {"intro", u.Intro, maxTeamIntro},
		{"announcement", u.Announcement, maxTeamAnnouncement}, {"custom", u.Custom, maxTeamCustom}, {"server_custom", u.ServerCustom, maxTeamCustom},
	} {
		if f.text != nil {
			b.check(charsWithin(f.name, *f.text, f.most))
		}
	}
	if u.Name != nil && *u.Name == "" {
		b.check(wire.Errorf(wire.CodeBadParameter, "a team needs a name"))
	}
	for _, f := range []struct {
		name        string
		mode, limit int32
	}{
		{"join_mode", int32(u.GetJoinMode()), 2}, {"consent", int32(u.GetConsent()), 1}, {"invite_mode", int32(u.GetInviteMode()), 1},
		{"update_mode", int32(u.GetUpdateMode()), 1}, {"custom_mode", int32(u.GetCustomMode()), 1},
	} {
		if f.mode < 0 || f.mode > f.limit {
			b.check(wire.Errorf(wire.CodeBadParameter, "%s must be 0 to %d", f.name, f.limit))
		}
	}
	if u.MemberLimit != nil && (*u.MemberLimit < 2 || *u.MemberLimit > b.c.MemberLimit) {
		b.check(wire.Errorf(wire.CodeBadParameter, "member_limit must be 2 to %d", b.c.MemberLimit))
	}
	u.ProtoReflect().SetUnknown(nil) // what nobody has checked must not get into the log
	b.c.Info = u
}

func (b *teamBuilder) mute(mute wire.TeamMute) {
	if _, known := wire.TeamMute_name[int32(mute)]; !known {
		b.check(wire.Errorf(wire.CodeBadParameter, "mute must be 0, 1 or 3"))
	}
	b.c.Mute = mute
}

func (b *teamBuilder) settings(in *wire.UpdateTeamMemberRequest) {
	account := in.Account
	if account == "" {
		account = b.c.By
	}
	b.accounts([]string{account}, 1)
	u := in.Changes
	if u == nil || u.SizeVT() == 0 {
		b.check(wire.Errorf(wire.CodeBadParameter, "there is nothing to change"))
		return
	}
	b.check(charsWithin("nick", u.GetNick(), maxTeamNick))
	b.check(charsWithin("custom", u.GetCustom(), maxTeamCustom))
	u.ProtoReflect().SetUnknown(nil)
	b.c.Member = u
}

// teamID checks the number of a team.
func teamID(field, s string) (uint64, error) {
	id, ok := state.ParseTeamID(s)
	if !ok {
		return 0, wire.Errorf(wire.CodeBadParameter, "%s must be the number of a team", field)
	}
	return id, nil
}

// answerTeam replies with what became of the change of a team.
func (o *op) answerTeam(res *state.TeamResult) error {
	if err := outcome(res.Code); err != nil {
		return err
	}
	var out wire.Body
	switch o.request.cmd {
	case wire.CmdCreateTeam:
		out = &wire.CreateTeamResponse{Team: state.TeamID(res.Team), Failed: res.Failed}
	case wire.CmdInviteTeam:
		out = &wire.InviteTeamResponse{Added: res.Added, Invited: res.Asked, Failed: res.Failed}
	case wire.CmdJoinTeam:
		out = &wire.JoinTeamResponse{Standing: res.Standing}
	}
	o.app.ok(&o.request, out)
	return nil
}
