package sdk

import (
	"context"
	"strings"

	"github.com/yizhan-im/yizhan/appliance/wire"
)

// Team is one team of the account's tenant, by its number. It keeps no state: make
// one whenever it is needed. A method for which the account lacks the role
// returns a *wire.Error with code 802, of a team that is gone 803, and of one that
// the account is not in 804.
type Team struct {
	c  *Client
	id string
}

// Team names a team; it asks nobody.
func (c *Client) Team(id string) Team { return Team{c, id} }

// ID is the team's number.
func (t Team) ID() string { return t.id }

// NewTeam says what team to make.
type NewTeam struct {
	// Changes are the team's data; the name is required.
	Changes *wire.TeamChanges
	// Members are invited, at most 199.
	Members []string
	// Note is for those who are asked for consent.
	Note string
	// ClientID makes the call repeatable within a week. Empty makes one.
	ClientID string
	// Mega makes it a mega-team, for up to 100,000 members and more. It is used as
	// any team. Only what happens to single members is not told to the others (no
	// TeamNotice), and there are no receipts.
	Mega bool
}

// CreateTeam makes a team whose owner is this account. failed are the members
// that could not be invited: they do not exist, or are in too many teams.
func (c *Client) CreateTeam(ctx context.Context, n NewTeam) (t Team, failed []string, err error) {
	if n.ClientID == "" {
		n.ClientID = newID()
	}
	request := &wire.CreateTeamRequest{ClientId: n.ClientID, Team: n.Changes, Members: n.Members, Note: n.Note, Mega: n.Mega}
	var response wire.CreateTeamResponse
	if err := c.call(ctx, wire.CmdCreateTeam, request, response.UnmarshalVT); err != nil {
		return Team{}, nil, err
	}
	return Team{c, response.Team}, response.Failed, nil
}

// Teams lists the teams that this device knows the account to be in, the latest
// change first.
func (c *Client) Teams() []Conversation { return c.inbox.teams() }

// TeamInfo reads the data of at most 50 teams; those that do not exist are left
// out.
func (c *Client) TeamInfo(ctx context.Context, ids ...string) ([]*wire.Team, error) {
	var response wire.TeamsResponse
	err := c.call(ctx, wire.CmdTeams, &wire.TeamsRequest{Teams: ids}, response.UnmarshalVT)
	return response.Teams, err
}

// Send sends one message to the team; see Client.Send.
func (t Team) Send(ctx context.Context, content Content) (SendResult, error) {
	return t.c.send(ctx, teamKey(t.id), content)
}

// Recall takes back the message with this seq: the account's own, or as one who
// manages the team that of a member with a smaller role.
func (t Team) Recall(ctx context.Context, seq uint64, note string) error {
	return t.c.recall(ctx, teamKey(t.id), seq, note)
}

// MarkRead moves the account's read cursor in the team to seq.
func (t Team) MarkRead(ctx context.Context, seq uint64) error {
	return t.c.markRead(ctx, teamKey(t.id), seq)
}

// History reads one page of the team's log, as far as the account may.
func (t Team) History(ctx context.Context, p Page) (messages []*wire.Message, more bool, err error) {
	messages, more, _, err = history(ctx, t.c.call, teamKey(t.id), p)
	return messages, more, err
}

// Members reads the page of at most limit (1–200, 0 means 100) members after the
// given name, in the order of names.
func (t Team) Members(ctx context.Context, after string, limit int) (members []*wire.TeamMember, more bool, err error) {
	var response wire.TeamMembersResponse
	err = t.c.call(ctx, wire.CmdTeamMembers, &wire.TeamMembersRequest{Team: t.id, After: after, Limit: uint32(max(limit, 0))}, response.UnmarshalVT)
	return response.Members, response.More, err
}

// MembersLike is Members for those that the filter lets pass: of a mega-team too it
// costs no more than what it returns.
func (t Team) MembersLike(ctx context.Context, filter wire.TeamMemberFilter, after string, limit int) (members []*wire.TeamMember, more bool, err error) {
	var response wire.TeamMembersResponse
	err = t.c.call(ctx, wire.CmdTeamMembers, &wire.TeamMembersRequest{Team: t.id, After: after, Limit: uint32(max(limit, 0)), Filter: filter}, response.UnmarshalVT)
	return response.Members, response.More, err
}

// Receipts counts who has read messages that this account has sent to the team with
// Content.Receipt, at most 50; others are left out.
func (t Team) Receipts(ctx context.Context, seqs ...uint64) ([]*wire.TeamReceipt, error) {
	var response wire.TeamReceiptsResponse
	err := t.c.call(ctx, wire.CmdTeamReceipts, &wire.TeamReceiptsRequest{Team: t.id, Seqs: seqs}, response.UnmarshalVT)
	return response.Receipts, err
}

// Readers lists which members have read such a message, and which have not. The
// server answers 404 for any other.
func (t Team) Readers(ctx context.Context, seq uint64) (read, unread []string, err error) {
	var response wire.TeamReceiptsResponse
	err = t.c.call(ctx, wire.CmdTeamReceipts, &wire.TeamReceiptsRequest{Team: t.id, ListSeq: seq}, response.UnmarshalVT)
	return response.Read, response.Unread, err
}

// Applications lists who wants to join; for managers.
func (t Team) Applications(ctx context.Context) ([]*wire.TeamApplication, error) {
	var response wire.TeamApplicationsResponse
	err := t.c.call(ctx, wire.CmdTeamApplications, &wire.TeamApplicationsRequest{Team: t.id}, response.UnmarshalVT)
	return response.Applications, err
}

// Invite brings accounts in, or asks them, as the team's consent says.
func (t Team) Invite(ctx context.Context, note string, accounts ...string) (*wire.InviteTeamResponse, error) {
	response := new(wire.InviteTeamResponse)
	err := t.c.call(ctx, wire.CmdInviteTeam, &wire.InviteTeamRequest{Team: t.id, Accounts: accounts, Note: note}, response.UnmarshalVT)
	return response, err
}

// Join makes the account a member, or asks the managers: the result says which.
// Who is a member already is one after it.
func (t Team) Join(ctx context.Context, note string) (wire.TeamStanding, error) {
	var response wire.JoinTeamResponse
	err := t.c.call(ctx, wire.CmdJoinTeam, &wire.JoinTeamRequest{Team: t.id, Note: note}, response.UnmarshalVT)
	if wire.CodeOf(err) == wire.CodeAlreadyInTeam {
		return wire.TeamStanding_TEAM_STANDING_MEMBER, nil
	}
	return response.Standing, err
}

// Answer answers the account's own invitation.
func (t Team) Answer(ctx context.Context, accept bool, note string) error {
	return t.change(ctx, wire.CmdAnswerTeam, &wire.AnswerTeamRequest{Team: t.id, Accept: accept, Note: note})
}

// Decide answers the application of account; for managers.
func (t Team) Decide(ctx context.Context, account string, accept bool, note string) error {
	return t.change(ctx, wire.CmdAnswerTeam, &wire.AnswerTeamRequest{Team: t.id, Account: account, Accept: accept, Note: note})
}

// Update changes the fields of the team that are set.
func (t Team) Update(ctx context.Context, changes *wire.TeamChanges) error {
	return t.change(ctx, wire.CmdUpdateTeam, &wire.UpdateTeamRequest{Team: t.id, Changes: changes})
}

// UpdateMember changes the settings of a member that are set; account is empty for
// this account itself.
func (t Team) UpdateMember(ctx context.Context, account string, changes *wire.TeamMemberChanges) error {
	return t.change(ctx, wire.CmdUpdateTeamMember, &wire.UpdateTeamMemberRequest{Team: t.id, Account: account, Changes: changes})
}

// Kick ends the membership of accounts.
func (t Team) Kick(ctx context.Context, accounts ...string) error {
	return t.change(ctx, wire.CmdKickTeam, &wire.KickTeamRequest{Team: t.id, Accounts: accounts})
}

// SetManagers makes members managers, or managers members again.
func (t Team) SetManagers(ctx context.Context, manager bool, accounts ...string) error {
	return t.change(ctx, wire.CmdSetTeamManagers, &wire.SetTeamManagersRequest{Team: t.id, Accounts: accounts, Manager: manager})
}

// MuteMembers keeps members from sending, or lifts that.
func (t Team) MuteMembers(ctx context.Context, muted bool, accounts ...string) error {
	return t.change(ctx, wire.CmdMuteTeamMembers, &wire.MuteTeamMembersRequest{Team: t.id, Accounts: accounts, Muted: muted})
}

// Mute says who may not send.
func (t Team) Mute(ctx context.Context, mute wire.TeamMute) error {
	return t.change(ctx, wire.CmdMuteTeam, &wire.MuteTeamRequest{Team: t.id, Mute: mute})
}

// Transfer makes a member the owner; with leave this account leaves.
func (t Team) Transfer(ctx context.Context, to string, leave bool) error {
	return t.change(ctx, wire.CmdTransferTeam, &wire.TransferTeamRequest{Team: t.id, To: strings.ToLower(to), Leave: leave})
}

// Leave ends the account's membership. The owner transfers or dismisses instead.
func (t Team) Leave(ctx context.Context) error {
	return t.change(ctx, wire.CmdLeaveTeam, &wire.LeaveTeamRequest{Team: t.id})
}

// Dismiss ends the team; its owner's.
func (t Team) Dismiss(ctx context.Context) error {
	return t.change(ctx, wire.CmdDismissTeam, &wire.DismissTeamRequest{Team: t.id})
}

func (t Team) change(ctx context.Context, cmd wire.Command, request wire.Body) error {
	return t.c.call(ctx, cmd, request, nil)
}
