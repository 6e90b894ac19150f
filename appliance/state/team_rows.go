package state

import (
	"encoding/binary"
	"fmt"

	"github.com/yizhan-im/yizhan/appliance/wire"
)

// The tables of teams; see keys.go. A team's log is in tableMessage, its
// conversation id is the team's id. No row grows with the team: a member is one
// row under the team, for who looks at the team, and one under the account, for
// the account's sync.
const (
	tableTeam          = 0x60 // tenant, team
	tableTeamHead      = 0x61 // tenant, team
	tableTeamMember    = 0x62 // tenant, team, account
	tableTeamStanding  = 0x63 // tenant, account+, team
	tableTeamAccount   = 0x64 // tenant, account
	tableTeamApplicant = 0x65 // tenant, team, account

	// Of mega-teams only.
	tableMegaTeam  = 0x66 // tenant, account+, team: that the account is a member
	tableMegaClass = 0x67 // tenant, team, class, account
	tableMegaGone  = 0x68 // tenant, team: dismissed, and still has members' rows
	tableMegaOrder = 0x6a // tenant, team, time of joining, account
)

// appendTeamKey is for the tables keyed by team, and below all keys of the
// team in those that an account follows.
func appendTeamKey(dst []byte, table byte, tenant uint32, team uint64) []byte {
	return appendU64(appendU32(appendTable(dst, table), tenant), team)
}

func appendTeamMemberKey(dst []byte, table byte, tenant uint32, team uint64, account string) []byte {
	return append(appendTeamKey(dst, table, tenant, team), account...)
}

func appendStandingKey(dst []byte, tenant uint32, account string, team uint64) []byte {
	return appendU64(appendConvPrefix(dst, tableTeamStanding, tenant, account), team)
}

// teamHead is what of a team changes often: each message writes it.
type teamHead struct {
	lastSeq      uint64
	version      uint64 // of the newest log entry
	timeMs       int64
	infoVersion  uint64 // of the newest change of wire.Team
	members      uint64
	managers     uint64 // without the owner
	applications uint64
	applied      uint64 // version of the newest change of applications
	mute         wire.TeamMute
	dismissed    bool

	// Of rows of teamHeadRowVersion2 only.
	flags      uint64
	notified   uint64 // version of the newest notification
	receiptSeq uint64 // of the newest entry that asks for receipts
}

// headMega marks a mega-team in flags.
const headMega = 1

func (h *teamHead) mega() bool { return h.flags&headMega != 0 }

// teamHeadRowVersion2 is of the head of a team that has flags, notifications or
// receipts.
// An older build can read the others.
const teamHeadRowVersion2 = 2

// teamHeadFlags are the bits that this build knows of teamHead.flags.
const teamHeadFlags = headMega

func (h *teamHead) rowVersion() byte {
	if h.flags != 0 || h.notified != 0 || h.receiptSeq != 0 {
		return teamHeadRowVersion2
	}
	return rowVersion
}

func (h *teamHead) append(dst []byte) []byte {
	version := h.rowVersion()
	dst = append(dst, version)
	for _, v := range [...]uint64{h.lastSeq, h.version, uint64(h.timeMs), h.infoVersion, h.members, h.managers, h.applications, h.applied, uint64(uint32(h.mute))} {
		dst = binary.AppendUvarint(dst, v)
	}
	dst = appendBool(dst, h.dismissed)
	if version == rowVersion {
		return dst
	}
	for _, v := range [...]uint64{h.flags, h.notified, h.receiptSeq} {
		dst = binary.AppendUvarint(dst, v)
	}
	return dst
}

func (h *teamHead) decode(b []byte) error {
	r := reader{b: b}
	version := r.byte()
	h.lastSeq, h.version, h.timeMs, h.infoVersion = r.uint(), r.uint(), r.time(), r.uint()
	h.members, h.managers, h.applications, h.applied = r.uint(), r.uint(), r.uint(), r.uint()
	h.mute, h.dismissed = wire.TeamMute(r.u32()), r.bool()
	h.flags, h.notified, h.receiptSeq = 0, 0, 0
	if version == teamHeadRowVersion2 {
		h.flags, h.notified, h.receiptSeq = r.upTo(teamHeadFlags), r.uint(), r.uint()
	}
	if version != h.rowVersion() {
		r.fail()
	}
	return r.end("head of a team")
}

// memberRow is a member as the others see it.
type memberRow struct {
	role     wire.TeamRole
	muted    bool
	joinedMs int64
	inviter  string
	nick     string
	custom   string
}

func (m *memberRow) append(dst []byte) []byte {
	dst = append(dst, rowVersion, byte(m.role))
	dst = appendBool(dst, m.muted)
	dst = binary.AppendUvarint(dst, uint64(m.joinedMs))
	dst = appendString(dst, m.inviter)
	dst = appendString(dst, m.nick)
	return appendString(dst, m.custom)
}

func (m *memberRow) decode(b []byte) error {
	r := openRow(b)
	m.role, m.muted, m.joinedMs = wire.TeamRole(r.byte()), r.bool(), r.time()
	m.inviter, m.nick, m.custom = r.string(), r.string(), r.string()
	if m.role > wire.TeamRole_TEAM_ROLE_OWNER {
		r.fail()
	}
	return r.end("member of a team")
}

// decodeMark reads only what a roster needs of an encoded memberRow.
func decodeMark(b []byte) (mark, error) {
	r := openRow(b)
	m := memberRow{role: wire.TeamRole(r.byte()), muted: r.bool()}
	if r.bad || m.role > wire.TeamRole_TEAM_ROLE_OWNER {
		return 0, fmt.Errorf("%w: member of a team", errDamaged)
	}
	return markOf(&m), nil
}

func (m *memberRow) member(account string) *wire.TeamMember {
	return &wire.TeamMember{
		Account: account, Role: m.role, Nick: m.nick, Custom: m.custom, Muted: m.muted,
		JoinedMs: m.joinedMs, Inviter: m.inviter,
	}
}

// standingRow is what one account is to one team.
type standingRow struct {
	standing  wire.TeamStanding
	version   uint64 // of the newest change of this row
	timeMs    int64
	firstSeq  uint64 // first entry that the member may read
	readSeq   uint64
	notifyOff bool
	by        string // who has invited, refused or removed
	note      string
}

func (s *standingRow) append(dst []byte) []byte {
	dst = append(dst, rowVersion, byte(s.standing))
	for _, v := range [...]uint64{s.version, uint64(s.timeMs), s.firstSeq, s.readSeq} {
		dst = binary.AppendUvarint(dst, v)
	}
	dst = appendBool(dst, s.notifyOff)
	dst = appendString(dst, s.by)
	return appendString(dst, s.note)
}

func (s *standingRow) decode(b []byte) error {
	r := openRow(b)
	s.standing, s.version, s.timeMs = wire.TeamStanding(r.byte()), r.uint(), r.time()
	s.firstSeq, s.readSeq, s.notifyOff = r.uint(), r.uint(), r.bool()
	s.by, s.note = r.string(), r.string()
	if s.standing < 1 || s.standing > wire.TeamStanding_TEAM_STANDING_REFUSED {
		r.fail()
	}
	return r.end("standing in a team")
}

func (s *standingRow) isMember() bool { return s.standing == wire.TeamStanding_TEAM_STANDING_MEMBER }

// state is the account's view of the team. self is nil unless it is a member.
func (s *standingRow) state(team uint64, h *teamHead, self *wire.TeamMember) *wire.ConversationState {
	c := &wire.ConversationState{
		Scene: wire.Scene_SCENE_TEAM, Peer: TeamID(team), Version: s.version, TimeMs: s.timeMs,
		Team: &wire.TeamState{Standing: s.standing, By: s.by, Note: s.note},
	}
	if self == nil {
		return c
	}
	c.LastSeq, c.ReadSeq, c.FirstSeq = h.lastSeq, s.readSeq, s.firstSeq
	c.Version, c.TimeMs = max(s.version, h.version), h.timeMs
	c.Team.Self, c.Team.NotifyOff, c.Team.InfoVersion, c.Team.Mega = self, s.notifyOff, h.infoVersion, h.mega()
	if self.Role != wire.TeamRole_TEAM_ROLE_MEMBER {
		c.Team.Applications = uint32(h.applications)
		c.Version = max(c.Version, h.applied)
	}
	return c
}

// teamAccountRow bounds an account's standings.
type teamAccountRow struct {
	joined uint64 // memberships in teams
	quiet  uint64 // standings that are no memberships
	mega   uint64 // memberships in mega-teams; of rows of teamAccountRowVersion2
}

// teamAccountRowVersion2 is of an account that is in a mega-team.
const teamAccountRowVersion2 = 2

func (a *teamAccountRow) append(dst []byte) []byte {
	version := byte(rowVersion)
	if a.mega != 0 {
		version = teamAccountRowVersion2
	}
	dst = append(dst, version)
	dst = binary.AppendUvarint(dst, a.joined)
	dst = binary.AppendUvarint(dst, a.quiet)
	if version == rowVersion {
		return dst
	}
	return binary.AppendUvarint(dst, a.mega)
}

func (a *teamAccountRow) decode(b []byte) error {
	r := reader{b: b}
	version := r.byte()
	a.joined, a.quiet, a.mega = r.uint(), r.uint(), 0
	if version == teamAccountRowVersion2 {
		a.mega = r.uint()
	}
	if (version == teamAccountRowVersion2) != (a.mega != 0) || version == 0 || version > teamAccountRowVersion2 {
		r.fail()
	}
	return r.end("number of teams")
}

// memberships counts those in teams of one kind.
func (a *teamAccountRow) memberships(mega bool) *uint64 {
	if mega {
		return &a.mega
	}
	return &a.joined
}

// applicantRow is an application that waits.
type applicantRow struct {
	timeMs int64
	note   string
}

func (a *applicantRow) append(dst []byte) []byte {
	dst = append(dst, rowVersion)
	dst = binary.AppendUvarint(dst, uint64(a.timeMs))
	return appendString(dst, a.note)
}

func (a *applicantRow) decode(b []byte) error {
	r := openRow(b)
	a.timeMs, a.note = r.time(), r.string()
	return r.end("application")
}
