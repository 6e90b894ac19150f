package state

import (
	"strconv"

	"github.com/yizhan-im/yizhan/appliance/wire"
)

// Bounds of teams that no tenant can change. A team that the machine holds as a
// whole (see roster) has at most MaxTeamMembers.
const (
	MaxTeamMembers = 2000
	// maxTeams bounds the teams that a tenant may let an account be in: each costs
	// every sync of the account a look.
	maxTeams = 5000
	// MaxMegaTeamMembers bounds the members of a mega-team, which the machine
	// never holds together.
	MaxMegaTeamMembers = 1_000_000
	// maxMegaTeams bounds the mega-teams that a tenant may let an account be in:
	// a node reads them all when the account logs in.
	maxMegaTeams = 1000
	// MaxTeamAccounts is how many accounts one command may name.
	MaxTeamAccounts = 200
	// MaxTeamManagers is how many managers a team has beside its owner.
	MaxTeamManagers = 10
	// MaxMegaTeamManagers is that of a mega-team.
	MaxMegaTeamManagers = 50
	// MaxTeamApplications is how many applications may wait in one team.
	MaxTeamApplications = 200
	// MaxMentions is how many accounts a message may mention.
	MaxMentions = 50

	// An account's standings that are not memberships (invitations, teams it has
	// left) are news for devices that were away. Past maxQuietStandings the
	// oldest go, until keptQuietStandings are left.
	maxQuietStandings  = 256
	keptQuietStandings = 128

	maxTeamNick = 256  // bytes
	maxTeamText = 8192 // bytes, of any one text of a team
	maxTeamInfo = 24 << 10
)

// TypeTeamEvent is the type of a log entry that tells a change of a team; its
// content is Message.Event.
const TypeTeamEvent = 5

// TeamOp is what a TeamChange does.
type TeamOp uint8

// The operations. Changing a number breaks compatibility with stored logs.
const (
	// TeamCreate makes a team: By is its owner, Info its data, Accounts are
	// invited. (By, ClientID) is the idempotency key. Flag makes it a mega-team,
	// which it stays. CodeTooManyTeams: By is in TeamLimit teams of that kind.
	TeamCreate TeamOp = iota
	// TeamDismiss ends the team; its owner's.
	TeamDismiss
	// TeamUpdate changes the fields that Info has.
	TeamUpdate
	// TeamInvite brings Accounts in, or asks them. CodeTeamFull: they do not all
	// fit.
	TeamInvite
	// TeamJoin makes By a member, or an applicant.
	TeamJoin
	// TeamAnswer: with Accounts, a manager answers the application of that
	// account; without, By answers his invitation. Flag accepts.
	TeamAnswer
	// TeamKick ends the membership of Accounts; who is no member is passed over.
	TeamKick
	// TeamLeave ends By's membership. The owner cannot leave.
	TeamLeave
	// TeamTransfer makes the one account of Accounts the owner; with Flag the old
	// owner leaves.
	TeamTransfer
	// TeamManagers makes Accounts managers (Flag) or members again.
	TeamManagers
	// TeamMuteMembers mutes Accounts (Flag) or lifts that.
	TeamMuteMembers
	// TeamMuteAll sets who may not send: Mute.
	TeamMuteAll
	// TeamSettings changes the settings of the one account of Accounts, which may
	// be By, as Member says.
	TeamSettings

	teamOps // how many there are
)

// TeamChange is any change of a team. Which fields count is said at its Op. A
// team's permissions are decided when the command is applied.
type TeamChange struct {
	TimeMs  int64
	Tenant  uint32
	Session uint64 // echoed in the result
	Op      TeamOp
	By      string // in whose name
	Team    uint64 // 0 for TeamCreate
	// Backend: the tenant's backend asks in By's name. It may change
	// server_custom.
	Backend bool
	// Direct: who is invited is not asked, whatever the team says.
	Direct   bool
	Flag     bool
	Mute     wire.TeamMute
	Accounts []string
	ClientID string
	Note     string
	// MemberLimit is the most members that the tenant allows a team of this kind,
	// TeamLimit the most teams of this kind that it allows an account; a mega-team
	// is of another kind than a team. They are in the command because what a
	// default is may differ between builds.
	MemberLimit, TeamLimit uint32
	Info                   *wire.TeamChanges       // of TeamCreate and TeamUpdate
	Member                 *wire.TeamMemberChanges // of TeamSettings
}

// TeamResult is the outcome of a TeamChange.
type TeamResult struct {
	Code    wire.Code
	Op      TeamOp
	Tenant  uint32
	Session uint64
	By      string
	Team    uint64
	// Duplicate: a TeamCreate that repeats an accepted one.
	Duplicate bool
	// Added, Asked and Failed are what became of the accounts that were invited.
	Added, Asked, Failed []string
	// Standing is By's after TeamJoin and TeamAnswer.
	Standing wire.TeamStanding
	// Mega: the team is a mega-team. Who is a member of it each node knows of its
	// own accounts, and States keeps that knowledge up to date; Members is nil.
	Mega bool
	// Dismissed, of a mega-team, is what becomes of its members: all are to be told.
	Dismissed *wire.ConversationState
	// Messages are the new log entries, each an encoded wire.Message. Members are
	// to be told of them, in the order of their names. The slice is shared and
	// must not be changed.
	Messages [][]byte
	Members  []string
	// States are for the accounts whose own standing or settings have changed,
	// to be told before Messages.
	States []TeamAccountState
	// Application is a new one, to be told to Managers.
	Application *wire.TeamApplication
	Managers    []string
}

// TeamAccountState is one account's view of a team after a change.
type TeamAccountState struct {
	Account string
	State   *wire.ConversationState
}

// TeamID is a team's id as clients write it.
func TeamID(id uint64) string { return strconv.FormatUint(id, 10) }

// ParseTeamID is the reverse of TeamID: it accepts nothing that TeamID does not
// write, so that a team has one name.
func ParseTeamID(s string) (id uint64, ok bool) {
	if s == "" || s[0] < '1' || s[0] > '9' { // ParseUint accepts signs and zeros
		return 0, false
	}
	id, err := strconv.ParseUint(s, 10, 64)
	return id, err == nil
}
