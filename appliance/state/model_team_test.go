package state

import (
	"cmp"
	"maps"
	"slices"

	"google.golang.org/protobuf/proto"

	"github.com/yizhan-im/yizhan/appliance/wire"
)

// modelTeams is what TeamChange, and Send, Recall and Read of a team, should do.
type modelTeams struct {
	teams     map[teamKey]*modelTeam
	standings map[accountKey]map[uint64]*standingRow
}

type modelTeam struct {
	info       *wire.Team // without what changes apart from it
	log        []*wire.Message
	members    map[string]*memberRow
	applicants map[string]*wire.TeamApplication
	version    uint64
	timeMs     int64
	infoAt     uint64
	applied    uint64
	mute       wire.TeamMute
	dismissed  bool

	dismissedBy string
}

func newModelTeams() modelTeams {
	return modelTeams{teams: map[teamKey]*modelTeam{}, standings: map[accountKey]map[uint64]*standingRow{}}
}

func (t *modelTeam) names() []string { return slices.Sorted(maps.Keys(t.members)) }

func (t *modelTeam) audience() []string {
	if t.info.Mega {
		return nil
	}
	return t.names()
}

func (m *model) team(tenant uint32, id uint64) *modelTeam {
	if t := m.teams.teams[teamKey{tenant, id}]; t != nil && !t.dismissed {
		return t
	}
	return nil
}

func (m *model) next() uint64 { m.counter++; return m.counter }

// standing is never nil; its zero value is none.
func (m *model) standing(tenant uint32, account string, id uint64) *standingRow {
	if s := m.teams.standings[accountKey{tenant, account}][id]; s != nil {
		return s
	}
	return &standingRow{}
}

func (m *model) setStanding(tenant uint32, account string, id uint64, s standingRow) {
	key := accountKey{tenant, account}
	if m.teams.standings[key] == nil {
		m.teams.standings[key] = map[uint64]*standingRow{}
	}
	s.timeMs = m.clock
	m.teams.standings[key][id] = &s
}

// joined counts the teams of one kind that account is in, also those that were
// dismissed and are not cleaned up.
func (m *model) joined(tenant uint32, account string, mega bool) (n int) {
	for id, s := range m.teams.standings[accountKey{tenant, account}] {
		if s.isMember() && m.teams.teams[teamKey{tenant, id}].info.Mega == mega {
			n++
		}
	}
	return n
}

// teamChange is one TeamChange on its way through the model.
type teamChange struct {
	*model
	c   *TeamChange
	t   *modelTeam
	res *TeamResult
	// version is that of the newest change, which has no entry when unlogged.
	version  uint64
	unlogged bool
}

func (m *model) changeTeam(c *TeamChange) *TeamResult {
	m.clock = max(m.clock, c.TimeMs)
	res := &TeamResult{Op: c.Op, Tenant: c.Tenant, Session: c.Session, By: c.By, Team: c.Team}
	x := &teamChange{model: m, c: c, t: m.team(c.Tenant, c.Team), res: res}
	res.Mega = x.t != nil && x.t.info.Mega
	res.Code = x.run()
	if res.Mega {
		res.Members = nil
	}
	return res
}

func (x *teamChange) role(account string) int {
	if row := x.t.members[account]; row != nil {
		return int(row.role)
	}
	return -1
}

func (x *teamChange) run() wire.Code {
	c := x.c
	if c.Op == TeamCreate {
		return x.create()
	}
	mine := x.standing(c.Tenant, c.By, c.Team)
	if x.t == nil {
		if c.Op == TeamDismiss && mine.standing == wire.TeamStanding_TEAM_STANDING_DISMISSED && mine.by == c.By {
			return wire.CodeOK
		}
		return wire.CodeTeamMissing
	}
	mode := x.t.info
	switch c.Op {
	case TeamJoin:
		switch {
		case x.role(c.By) >= 0:
			return wire.CodeAlreadyInTeam
		case mine.standing == wire.TeamStanding_TEAM_STANDING_INVITED:
			return x.enter(c.By, mine.by)
		case mode.JoinMode == wire.TeamJoinMode_TEAM_JOIN_FREE:
			return x.enter(c.By, "")
		case mode.JoinMode == wire.TeamJoinMode_TEAM_JOIN_CLOSED:
			return wire.CodeTeamPermission
		case x.accounts[accountKey{c.Tenant, c.By}] == nil:
			return wire.CodeNotFound
		}
		x.t.applied = x.next()
		x.t.applicants[c.By] = &wire.TeamApplication{Account: c.By, Note: c.Note, TimeMs: x.clock}
		x.res.Application = &wire.TeamApplication{Account: c.By, Note: c.Note, TimeMs: x.clock}
		for _, name := range x.t.names() {
			if x.role(name) > 0 {
				x.res.Managers = append(x.res.Managers, name)
			}
		}
		x.res.Standing = wire.TeamStanding_TEAM_STANDING_APPLIED
		x.quiet(c.By, standingRow{standing: x.res.Standing, version: x.t.applied, note: c.Note})
		return wire.CodeOK
	case TeamAnswer:
		if len(c.Accounts) > 0 {
			return x.answerApplication(c.Accounts[0])
		}
		if mine.standing != wire.TeamStanding_TEAM_STANDING_INVITED {
			return wire.CodeTeamStanding
		}
		if c.Flag {
			return x.enter(c.By, mine.by)
		}
		x.refuse(c.By)
		return wire.CodeOK
	case TeamLeave:
		switch {
		case x.role(c.By) < 0 && mine.standing == wire.TeamStanding_TEAM_STANDING_LEFT:
			return wire.CodeOK
		case x.role(c.By) < 0:
			return wire.CodeNotInTeam
		case x.role(c.By) == 2:
			return wire.CodeTeamPermission
		}
		x.logMembers(&wire.TeamEvent{Kind: wire.TeamEventKind_TEAM_EVENT_LEFT, Accounts: []string{c.By}})
		x.expel([]string{c.By}, wire.TeamStanding_TEAM_STANDING_LEFT)
		return wire.CodeOK
	}
	if x.role(c.By) < 0 {
		return wire.CodeNotInTeam
	}
	return x.byMember()
}

func (x *teamChange) byMember() wire.Code {
	c, role := x.c, x.role(x.c.By)
	owner, manages := role == 2, role > 0
	switch c.Op {
	case TeamDismiss:
		if !owner {
			return wire.CodeTeamPermission
		}
		x.t.dismissed, x.t.version, x.t.dismissedBy = true, x.next(), c.By
		gone := append(x.t.names(), slices.Sorted(maps.Keys(x.t.applicants))...)
		if x.t.info.Mega {
			x.t.timeMs = x.clock
			gone = append(slices.Sorted(maps.Keys(x.t.applicants)), c.By)
			delete(x.t.members, c.By)
			x.res.Dismissed = &wire.ConversationState{
				Scene: wire.Scene_SCENE_TEAM, Peer: TeamID(c.Team), Version: x.t.version, TimeMs: x.clock,
				Team: &wire.TeamState{Standing: wire.TeamStanding_TEAM_STANDING_DISMISSED, By: c.By},
			}
		}
		for _, account := range gone {
			x.quiet(account, standingRow{standing: wire.TeamStanding_TEAM_STANDING_DISMISSED, version: x.t.version, by: c.By})
		}
		return wire.CodeOK
	case TeamUpdate:
		return x.update(manages)
	case TeamInvite:
		return x.invite(manages)
	case TeamKick:
		var gone []string
		for _, account := range c.Accounts {
			if x.role(account) >= role {
				return wire.CodeTeamPermission
			}
			if x.role(account) >= 0 {
				gone = append(gone, account)
			}
		}
		if !manages {
			return wire.CodeTeamPermission
		}
		if len(gone) > 0 {
			x.logMembers(&wire.TeamEvent{Kind: wire.TeamEventKind_TEAM_EVENT_KICKED, Accounts: gone})
			x.expel(gone, wire.TeamStanding_TEAM_STANDING_KICKED)
		}
		return wire.CodeOK
	case TeamTransfer:
		to := c.Accounts[0]
		switch {
		case x.role(to) < 0:
			return wire.CodeNotInTeam
		case x.role(to) == 2:
			return wire.CodeOK
		case !owner:
			return wire.CodeTeamPermission
		}
		x.log(&wire.TeamEvent{Kind: wire.TeamEventKind_TEAM_EVENT_OWNER, Accounts: []string{to}})
		x.t.infoAt = x.t.version
		x.t.members[c.By].role, x.t.members[to].role, x.t.members[to].muted = 0, 2, false
		x.t.info.Owner, x.t.info.UpdatedMs = to, x.clock
		if c.Flag {
			x.logMembers(&wire.TeamEvent{Kind: wire.TeamEventKind_TEAM_EVENT_LEFT, Accounts: []string{c.By}})
			x.expel([]string{c.By}, wire.TeamStanding_TEAM_STANDING_LEFT)
			x.tell(to)
		} else {
			x.tell(c.By, to)
		}
		return wire.CodeOK
	case TeamManagers:
		if !owner {
			return wire.CodeTeamPermission
		}
		kind, next := wire.TeamEventKind_TEAM_EVENT_MANAGERS_REMOVED, 0
		if c.Flag {
			kind, next = wire.TeamEventKind_TEAM_EVENT_MANAGERS_ADDED, 1
		}
		return x.each(kind, func(_ string, row *memberRow) bool { return int(row.role) != next }, func(row *memberRow) { row.role = wire.TeamRole(next) })
	case TeamMuteMembers:
		if !manages {
			return wire.CodeTeamPermission
		}
		for _, account := range c.Accounts {
			if x.role(account) < 0 {
				return wire.CodeNotInTeam
			}
		}
		for _, account := range c.Accounts {
			if x.role(account) >= role {
				return wire.CodeTeamPermission
			}
		}
		kind := wire.TeamEventKind_TEAM_EVENT_MEMBERS_UNMUTED
		if c.Flag {
			kind = wire.TeamEventKind_TEAM_EVENT_MEMBERS_MUTED
		}
		return x.each(kind, func(_ string, row *memberRow) bool { return row.muted != c.Flag }, func(row *memberRow) { row.muted = c.Flag })
	case TeamMuteAll:
		if !manages {
			return wire.CodeTeamPermission
		}
		if x.t.mute != c.Mute {
			x.t.mute = c.Mute
			x.log(&wire.TeamEvent{Kind: wire.TeamEventKind_TEAM_EVENT_TEAM_MUTED, Mute: c.Mute})
		}
		return wire.CodeOK
	}
	return x.settings(role)
}

func (x *teamChange) settings(role int) wire.Code {
	account, u := x.c.Accounts[0], x.c.Member
	switch {
	case x.role(account) < 0:
		return wire.CodeNotInTeam
	case account != x.c.By && (u.NotifyOff != nil || x.role(account) >= role):
		return wire.CodeTeamPermission
	}
	told := u.Nick != nil || u.Custom != nil
	if s := x.standing(x.c.Tenant, account, x.c.Team); u.NotifyOff != nil && s.notifyOff != *u.NotifyOff {
		s.notifyOff, s.version, s.timeMs = *u.NotifyOff, x.next(), x.clock
		if !told {
			x.tell(account)
		}
	}
	if !told {
		return wire.CodeOK
	}
	row := x.t.members[account]
	if u.Nick != nil {
		row.nick = *u.Nick
	}
	if u.Custom != nil {
		row.custom = *u.Custom
	}
	x.logMembers(&wire.TeamEvent{Kind: wire.TeamEventKind_TEAM_EVENT_MEMBER_UPDATED, Accounts: []string{account}, Member: &wire.TeamMemberChanges{Nick: u.Nick, Custom: u.Custom}})
	x.touch(account)
	x.tell(account)
	return wire.CodeOK
}

// each changes those members of c.Accounts that differ.
func (x *teamChange) each(kind wire.TeamEventKind, differs func(string, *memberRow) bool, change func(*memberRow)) wire.Code {
	var changed []string
	for _, account := range x.c.Accounts {
		row := x.t.members[account]
		if row == nil {
			return wire.CodeNotInTeam
		}
		if differs(account, row) {
			changed = append(changed, account)
		}
	}
	for _, account := range changed {
		change(x.t.members[account])
	}
	switch {
	case len(changed) == 0:
		return wire.CodeOK
	case x.c.Op == TeamMuteMembers:
		x.logMembers(&wire.TeamEvent{Kind: kind, Accounts: changed})
		for _, account := range changed {
			x.touch(account)
		}
	default:
		x.log(&wire.TeamEvent{Kind: kind, Accounts: changed})
	}
	x.tell(changed...)
	return wire.CodeOK
}

func (x *teamChange) create() wire.Code {
	c := x.c
	key := clientKey{c.Tenant, c.By, "create " + c.ClientID}
	if first, ok := x.clients[key]; ok && first.generation >= x.clock/week-1 {
		x.res.Duplicate, x.res.Team = true, first.id
		return wire.CodeOK
	}
	switch {
	case x.accounts[accountKey{c.Tenant, c.By}] == nil:
		return wire.CodeNotFound
	case x.joined(c.Tenant, c.By, c.Flag) >= int(c.TeamLimit):
		return wire.CodeTooManyTeams
	}
	info := &wire.Team{MemberLimit: c.MemberLimit, Mega: c.Flag}
	mergeTeam(info, c.Info)
	if info.Name == "" || info.MemberLimit < 2 || info.MemberLimit > c.MemberLimit {
		return wire.CodeBadParameter
	}
	if len(c.Accounts)+1 > int(info.MemberLimit) {
		return wire.CodeTeamFull
	}
	id := x.next()
	x.clients[key] = modelClient{generation: x.clock / week, id: id, timeMs: x.clock}
	c = &TeamChange{}
	*c = *x.c
	c.Team, x.res.Team, x.c = id, id, c
	info.Id, info.Owner, info.CreatedMs, info.UpdatedMs = TeamID(id), c.By, x.clock, x.clock
	x.t = &modelTeam{info: info, members: map[string]*memberRow{}, applicants: map[string]*wire.TeamApplication{}}
	x.res.Mega = c.Flag
	x.teams.teams[teamKey{c.Tenant, id}] = x.t
	added, asked := x.sortAccounts()
	x.log(&wire.TeamEvent{Kind: wire.TeamEventKind_TEAM_EVENT_CREATED, Accounts: added, Changes: c.Info})
	x.t.infoAt = x.t.version
	x.admit(c.By, "")
	x.t.members[c.By].role = wire.TeamRole_TEAM_ROLE_OWNER
	for _, account := range added {
		x.admit(account, c.By)
	}
	x.ask(asked)
	x.tell(append([]string{c.By}, added...)...)
	x.res.Members = x.t.names()
	return wire.CodeOK
}

func (x *teamChange) update(manages bool) wire.Code {
	u, info := x.c.Info, x.t.info
	may := manages
	if !manages {
		may = u.JoinMode == nil && u.Consent == nil && u.InviteMode == nil && u.UpdateMode == nil && u.CustomMode == nil && u.MemberLimit == nil && u.WholeHistory == nil
		if u.Name != nil || u.Icon != nil || u.Intro != nil || u.Announcement != nil {
			may = may && info.UpdateMode == wire.TeamWho_TEAM_WHO_EVERYONE
		}
		if u.Custom != nil {
			may = may && info.CustomMode == wire.TeamWho_TEAM_WHO_EVERYONE
		}
		may = may && u.ServerCustom == nil
	}
	if !may || u.ServerCustom != nil && !x.c.Backend {
		return wire.CodeTeamPermission
	}
	if u.Name != nil && *u.Name == "" || u.MemberLimit != nil && (int(*u.MemberLimit) < max(2, len(x.t.members)) || *u.MemberLimit > x.c.MemberLimit) {
		return wire.CodeBadParameter
	}
	mergeTeam(info, u)
	x.log(&wire.TeamEvent{Kind: wire.TeamEventKind_TEAM_EVENT_UPDATED, Changes: u})
	info.UpdatedMs, x.t.infoAt = x.clock, x.t.version
	return wire.CodeOK
}

func (x *teamChange) invite(manages bool) wire.Code {
	if !manages && x.t.info.InviteMode != wire.TeamWho_TEAM_WHO_EVERYONE {
		return wire.CodeTeamPermission
	}
	fresh := 0
	for _, account := range x.c.Accounts {
		if x.role(account) < 0 {
			fresh++
		}
	}
	if len(x.t.members)+fresh > int(x.t.info.MemberLimit) {
		return wire.CodeTeamFull
	}
	added, asked := x.sortAccounts()
	x.ask(asked)
	if len(added) == 0 {
		return wire.CodeOK
	}
	x.logMembers(&wire.TeamEvent{Kind: wire.TeamEventKind_TEAM_EVENT_ADDED, Accounts: added})
	for _, account := range added {
		x.admit(account, x.c.By)
	}
	x.tell(added...)
	x.res.Members = x.t.names()
	return wire.CodeOK
}

// sortAccounts says who of c.Accounts is added and who is asked.
func (x *teamChange) sortAccounts() (added, asked []string) {
	for _, account := range x.c.Accounts {
		switch {
		case x.role(account) >= 0:
		case x.accounts[accountKey{x.c.Tenant, account}] == nil || x.joined(x.c.Tenant, account, x.t.info.Mega) >= int(x.c.TeamLimit):
			x.res.Failed = append(x.res.Failed, account)
		case x.c.Direct || x.t.info.Consent == wire.TeamConsent_TEAM_CONSENT_NONE:
			added = append(added, account)
		default:
			asked = append(asked, account)
		}
	}
	x.res.Added, x.res.Asked = added, asked
	return added, asked
}

func (x *teamChange) ask(accounts []string) {
	for _, account := range accounts {
		version := x.next()
		x.dropApplication(account)
		x.quiet(account, standingRow{standing: wire.TeamStanding_TEAM_STANDING_INVITED, version: version, by: x.c.By, note: x.c.Note})
	}
}

func (x *teamChange) dropApplication(account string) {
	if x.t.applicants[account] != nil {
		delete(x.t.applicants, account)
		x.t.applied = x.next()
	}
}

// admit makes account a member as of the newest entry.
func (x *teamChange) admit(account, inviter string) {
	seq := uint64(len(x.t.log))
	if x.unlogged {
		seq++
	}
	s := standingRow{standing: wire.TeamStanding_TEAM_STANDING_MEMBER, version: x.version, firstSeq: seq, readSeq: seq - 1}
	if x.t.info.WholeHistory {
		s.firstSeq = 1
	}
	x.t.members[account] = &memberRow{joinedMs: x.clock, inviter: inviter}
	x.dropApplication(account)
	x.setStanding(x.c.Tenant, account, x.c.Team, s)
}

func (x *teamChange) enter(account, inviter string) wire.Code {
	switch {
	case x.accounts[accountKey{x.c.Tenant, account}] == nil:
		return wire.CodeNotFound
	case x.joined(x.c.Tenant, account, x.t.info.Mega) >= int(x.c.TeamLimit):
		return wire.CodeTooManyTeams
	case len(x.t.members) >= int(x.t.info.MemberLimit):
		return wire.CodeTeamFull
	}
	x.logMembers(&wire.TeamEvent{Kind: wire.TeamEventKind_TEAM_EVENT_JOINED, Accounts: []string{account}})
	x.admit(account, inviter)
	x.tell(account)
	x.res.Members, x.res.Standing = x.t.names(), wire.TeamStanding_TEAM_STANDING_MEMBER
	return wire.CodeOK
}

func (x *teamChange) answerApplication(account string) wire.Code {
	switch {
	case x.role(x.c.By) < 0:
		return wire.CodeNotInTeam
	case x.role(x.c.By) == 0:
		return wire.CodeTeamPermission
	case x.t.applicants[account] == nil:
		return wire.CodeTeamStanding
	case x.c.Flag:
		return x.enter(account, "")
	}
	x.dropApplication(account)
	x.refuse(account)
	return wire.CodeOK
}

func (x *teamChange) refuse(account string) {
	x.res.Standing = wire.TeamStanding_TEAM_STANDING_REFUSED
	x.quiet(account, standingRow{standing: x.res.Standing, version: x.next(), by: x.c.By, note: x.c.Note})
}

func (x *teamChange) expel(accounts []string, standing wire.TeamStanding) {
	for _, account := range accounts {
		delete(x.t.members, account)
		x.quiet(account, standingRow{standing: standing, version: x.version, by: x.c.By})
	}
	x.res.Members = x.t.names()
}

// quiet gives account a standing that is no membership, and tells it.
func (x *teamChange) quiet(account string, s standingRow) {
	x.setStanding(x.c.Tenant, account, x.c.Team, s)
	x.tell(account)
}

func (x *teamChange) tell(accounts ...string) {
	for _, account := range accounts {
		x.res.States = append(x.res.States, TeamAccountState{account, x.state(x.c.Tenant, account, x.c.Team)})
	}
}

// log appends an entry, which all present members are told.
func (x *teamChange) log(ev *wire.TeamEvent) {
	ev.By = x.c.By
	res := new(SendResult)
	x.addTeam(x.t, &wire.Message{Scene: wire.Scene_SCENE_TEAM, From: x.c.By, To: TeamID(x.c.Team), Type: TypeTeamEvent, Event: ev}, res)
	x.res.Messages = append(x.res.Messages, res.Message)
	x.res.Members = x.t.names()
	x.version, x.unlogged = res.ID, false
}

// logMembers is log for what becomes of single members, which the log of a
// mega-team does not tell.
func (x *teamChange) logMembers(ev *wire.TeamEvent) {
	if !x.t.info.Mega {
		x.log(ev)
		return
	}
	x.version, x.unlogged = x.next(), true
}

// touch gives a member of a mega-team the version of the change.
func (x *teamChange) touch(account string) {
	if x.t.info.Mega {
		s := x.standing(x.c.Tenant, account, x.c.Team)
		s.version, s.timeMs = x.version, x.clock
	}
}

func (m *model) cleanTeam(c *CleanTeam) *CleanTeamResult {
	m.clock = max(m.clock, c.TimeMs)
	res := &CleanTeamResult{Code: wire.CodeOK}
	t := m.teams.teams[teamKey{c.Tenant, c.Team}]
	if t == nil || !t.info.Mega || !t.dismissed {
		return res
	}
	for _, account := range t.names() {
		m.setStanding(c.Tenant, account, c.Team, standingRow{standing: wire.TeamStanding_TEAM_STANDING_DISMISSED, version: t.version, by: t.dismissedBy})
		res.Cleaned++
	}
	clear(t.members)
	return res
}

func (m *model) addTeam(t *modelTeam, entry *wire.Message, res *SendResult) {
	entry.Seq, entry.Id, entry.TimeMs = uint64(len(t.log)+1), m.next(), m.clock
	t.log = append(t.log, entry)
	t.version, t.timeMs = entry.Id, m.clock
	res.Code, res.Seq, res.ID, res.TimeMs = wire.CodeOK, entry.Seq, entry.Id, entry.TimeMs
	bare := proto.Clone(entry).(*wire.Message)
	bare.Seq, bare.Id, bare.TimeMs = 0, 0, 0
	res.Message = appendStamp(appendBody(nil, bare), entry.Seq, entry.Id, entry.TimeMs)
}

// state is account's view of a team.
func (m *model) state(tenant uint32, account string, id uint64) *wire.ConversationState {
	s, t := m.standing(tenant, account, id), m.teams.teams[teamKey{tenant, id}]
	c := &wire.ConversationState{
		Scene: wire.Scene_SCENE_TEAM, Peer: TeamID(id), Version: s.version, TimeMs: s.timeMs,
		Team: &wire.TeamState{Standing: s.standing, By: s.by, Note: s.note},
	}
	row := t.members[account]
	if s.isMember() && t.dismissed {
		c.Version, c.TimeMs = t.version, t.timeMs
		c.Team = &wire.TeamState{Standing: wire.TeamStanding_TEAM_STANDING_DISMISSED, By: t.dismissedBy}
		return c
	}
	if row == nil || !s.isMember() {
		return c
	}
	c.Team.Mega = t.info.Mega
	c.LastSeq, c.ReadSeq, c.FirstSeq, c.TimeMs = uint64(len(t.log)), s.readSeq, s.firstSeq, t.timeMs
	c.Version = max(c.Version, t.version)
	c.Team.Self = &wire.TeamMember{Account: account, Role: row.role, Nick: row.nick, Custom: row.custom, Muted: row.muted, JoinedMs: row.joinedMs, Inviter: row.inviter}
	c.Team.NotifyOff, c.Team.InfoVersion = s.notifyOff, t.infoAt
	if row.role > 0 {
		c.Team.Applications = uint32(len(t.applicants))
		c.Version = max(c.Version, t.applied)
	}
	return c
}

// maySend is the code for a message of account to the team.
func (t *modelTeam) maySend(account string) wire.Code {
	switch {
	case t == nil:
		return wire.CodeTeamMissing
	case t.members[account] == nil:
		return wire.CodeNotInTeam
	case t.members[account].muted || t.mute == 3 || t.mute == 1 && t.members[account].role == 0:
		return wire.CodeTeamMuted
	}
	return wire.CodeOK
}

func (m *model) sendTeam(c *Send, key clientKey, res *SendResult) *SendResult {
	s := c.Message
	id, _ := ParseTeamID(s.To)
	t := m.team(c.Tenant, id)
	if res.Code = t.maySend(s.From); res.Code != wire.CodeOK {
		return res
	}
	if s.Receipt && t.info.Mega {
		res.Code = wire.CodeTeamReceipt
		return res
	}
	m.addTeam(t, &wire.Message{
		Scene: s.Scene, From: s.From, To: s.To, ClientId: s.ClientId, Type: s.Type, Body: s.Body, Ext: s.Ext,
		FromPlatform: s.FromPlatform, FromDevice: s.FromDevice, Mentions: s.Mentions, MentionAll: s.MentionAll, Receipt: s.Receipt,
	}, res)
	res.Team, res.Members, res.Mega = id, t.audience(), t.info.Mega
	m.clients[key] = modelClient{generation: m.clock / week, seq: res.Seq, id: res.ID, timeMs: res.TimeMs}
	return res
}

func (m *model) recallTeam(c *Recall) *SendResult {
	m.clock = max(m.clock, c.TimeMs)
	res := &SendResult{Tenant: c.Tenant, Session: c.Session, From: c.From, To: TeamID(c.Team), Team: c.Team, RefSeq: c.Seq}
	t := m.team(c.Tenant, c.Team)
	switch {
	case t == nil:
		res.Code = wire.CodeTeamMissing
		return res
	case t.members[c.From] == nil:
		res.Code = wire.CodeNotInTeam
		return res
	case c.Seq < m.pruned.of(c.Tenant, c.Team) || int(c.Seq) > len(t.log):
		res.Code = wire.CodeNotFound
		return res
	}
	target := t.log[c.Seq-1]
	var senderRole wire.TeamRole
	if row := t.members[target.From]; row != nil {
		senderRole = row.role
	}
	switch {
	case target.Type == TypeRecall || target.Type == TypeTeamEvent || target.From != c.From && t.members[c.From].role <= senderRole:
		res.Code = wire.CodeForbidden
		return res
	case target.Recalled:
		first := t.log[target.RefSeq-1]
		res.Code, res.Duplicate, res.Seq, res.ID, res.TimeMs = wire.CodeOK, true, first.Seq, first.Id, first.TimeMs
		return res
	case c.WindowMs > 0 && m.clock-target.TimeMs > c.WindowMs:
		res.Code = wire.CodeRecallExpired
		return res
	}
	m.addTeam(t, &wire.Message{
		Scene: wire.Scene_SCENE_TEAM, From: c.From, To: res.To, ClientId: c.ClientID, Type: TypeRecall, Body: c.Note, RefSeq: c.Seq,
		FromPlatform: c.FromPlatform, FromDevice: c.FromDevice,
	}, res)
	res.Members, res.Mega = t.audience(), t.info.Mega
	target.Body, target.Ext, target.Recalled, target.RefSeq = "", "", true, res.Seq
	target.Mentions, target.MentionAll = nil, false
	return res
}

func (m *model) readTeam(c *Read) *ReadResult {
	m.clock = max(m.clock, c.TimeMs)
	res := &ReadResult{Tenant: c.Tenant, Session: c.Session, Reader: c.Reader, Peer: TeamID(c.Team), Team: c.Team}
	t, s := m.team(c.Tenant, c.Team), m.standing(c.Tenant, c.Reader, c.Team)
	switch {
	case t == nil:
		res.Code = wire.CodeTeamMissing
		return res
	case !s.isMember():
		res.Code = wire.CodeNotInTeam
		return res
	}
	if seq := min(c.Seq, uint64(len(t.log))); seq > s.readSeq {
		res.After, res.Receipts = s.readSeq, m.passedReceipts(t, c, s.readSeq, seq)
		s.readSeq, s.version, res.Changed = seq, m.next(), true
	}
	res.Code, res.Seq, res.TimeMs = wire.CodeOK, s.readSeq, m.clock
	return res
}

// syncTeams is the part of sync about teams, in any order.
func (m *model) syncTeams(tenant uint32, account string, after uint64) (found []*wire.ConversationState) {
	for id := range m.teams.standings[accountKey{tenant, account}] {
		if c := m.state(tenant, account, id); c.Version > after {
			if c.Team.Self != nil {
				m.pruned.tell(tenant, id, c)
			}
			found = append(found, c)
		}
	}
	return found
}

func (m *model) teamKeys() []teamKey {
	return slices.SortedFunc(maps.Keys(m.teams.teams), func(x, y teamKey) int { return cmp.Compare(x.id, y.id) })
}

// receipt is who has sent the entry seq and asks for receipts, "" when nobody has.
func (m *model) receipt(tenant uint32, id uint64, t *modelTeam, seq uint64) string {
	if e := t.log[seq-1]; e.Receipt && !e.Recalled && seq >= m.pruned.of(tenant, id) {
		return e.From
	}
	return ""
}

func (m *model) passedReceipts(t *modelTeam, c *Read, after, seq uint64) (senders []string) {
	for ; seq > after; seq-- {
		if from := m.receipt(c.Tenant, c.Team, t, seq); from != "" && from != c.Reader && t.members[from] != nil && !slices.Contains(senders, from) {
			senders = append(senders, from)
		}
	}
	return senders
}

// receipts is what TeamReceipts should tell sender of every message.
func (m *model) receipts(tenant uint32, id uint64, t *modelTeam, sender string) (all []*wire.TeamReceipt) {
	for seq := uint64(1); seq <= uint64(len(t.log)); seq++ {
		if m.receipt(tenant, id, t, seq) != sender {
			continue
		}
		r := &wire.TeamReceipt{Seq: seq}
		for _, name := range t.names() {
			switch s := m.standing(tenant, name, id); {
			case name == sender || s.firstSeq > seq:
			case s.readSeq >= seq:
				r.Read++
			default:
				r.Unread++
			}
		}
		all = append(all, r)
	}
	return all
}
