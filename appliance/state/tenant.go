package state

// Limits of one tenant. In commands a zero field means the default; what
// queries and results show is resolved.
type Limits struct {
	// DevicePolicy is a session.Policy: which of an account's devices may be
	// logged in together. Its zero value is itself the default.
	DevicePolicy uint8
	// RequestsPerSecond and RequestBurst bound the requests of one session.
	RequestsPerSecond int
	RequestBurst      int
	// APIPerSecond bounds the tenant's calls of the HTTP API.
	APIPerSecond int
	// RecallSeconds is how long after sending a message its sender may recall it.
	RecallSeconds int
	// EditSeconds is how long after sending a message its sender may edit it.
	EditSeconds int
	// MaxBodyBytes bounds a message's body.
	MaxBodyBytes int
	// MaxFriends bounds the friends of one account, and in each direction its
	// friend requests without an answer.
	MaxFriends int
	// MaxListed bounds the blacklist and the mute list of one account, each.
	MaxListed int
	// MaxTeamMembers bounds the members of one team, its owner among them, and
	// MaxTeams the teams that one account is a member of.
	MaxTeamMembers int
	MaxTeams       int
	// RetentionDays is for how many days a message is kept, and RetentionMessages
	// how many of one conversation, the newest; older ones are removed within a
	// day.
	RetentionDays     int
	RetentionMessages int
	// PresenceMode says who may see whether an account is online, UserSearch how
	// clients may search for accounts (presence_limits.go).
	PresenceMode int
	UserSearch   int
	// MaxSubscriptions bounds the accounts whose presence one account follows.
	MaxSubscriptions int
	// EventDays and EventCount bound the logins and logouts that are remembered of
	// one account, by their age and number.
	EventDays  int
	EventCount int
	// RoomsPerSession bounds the rooms that a session is in, MaxRooms those that
	// the tenant registers; OpenRooms says whether there are others, and the last
	// two what a registered room keeps of its messages (room_limits.go).
	RoomsPerSession int
	OpenRooms       int
	MaxRooms        int
	RoomHistory     int
	RoomHistoryDays int
	// MaxMegaTeamMembers bounds the members of one mega-team, MaxMegaTeams those
	// that one account is a member of.
	MaxMegaTeamMembers int
	MaxMegaTeams       int

	// NotifyMode says who may send notifications (notify_limits.go).
	NotifyMode int
	// FileDays is for how many days a file is kept, FileMiB how many MiB the files
	// of the tenant may have together, and AccountFileMiB those of one account
	// (file.go).
	FileDays       int
	FileMiB        int
	AccountFileMiB int
}

// RetentionForever, as RetentionDays or RetentionMessages, keeps without limit.
const RetentionForever = maxLimit

// Default limits: Yunxin's where it documents one (facts/yunxin-api.md).
const (
	DefaultRequestsPerSecond = 50
	DefaultRequestBurst      = 200
	DefaultAPIPerSecond      = 100
	DefaultRecallSeconds     = 120
	DefaultEditSeconds       = 900
	// DefaultMaxBodyBytes holds 5,000 characters of any script in UTF-8.
	DefaultMaxBodyBytes = 20_000
	DefaultMaxFriends   = 3000
	DefaultMaxListed    = 1000
	// DefaultTeamMembers is what a team is limited to that names no limit.
	DefaultTeamMembers    = 200
	DefaultMaxTeamMembers = 500
	DefaultMaxTeams       = 1000
	// DefaultMaxMegaTeamMembers is also what a mega-team is limited to that names
	// no limit.
	DefaultMaxMegaTeamMembers = 100_000
	DefaultMaxMegaTeams       = 100
	DefaultRetentionDays      = 365
	// DefaultRetentionMessages is what a team with 2,700 messages a day has after
	// a year.
	DefaultRetentionMessages = 1_000_000

	// maxLimit bounds every limit, so that products with it cannot overflow.
	maxLimit = 1 << 24
	// maxBodyBytes keeps a command far below the largest Raft entry.
	maxBodyBytes = 48 << 10
	// maxRelations bounds MaxFriends and MaxListed: what an account may make a
	// query read.
	maxRelations = 10_000
)

// WithDefaults returns l with every zero field replaced by its default.
func (l Limits) WithDefaults() Limits {
	setDefault(&l.RequestsPerSecond, DefaultRequestsPerSecond)
	setDefault(&l.RequestBurst, DefaultRequestBurst)
	setDefault(&l.APIPerSecond, DefaultAPIPerSecond)
	setDefault(&l.RecallSeconds, DefaultRecallSeconds)
	setDefault(&l.EditSeconds, DefaultEditSeconds)
	setDefault(&l.MaxBodyBytes, DefaultMaxBodyBytes)
	setDefault(&l.MaxFriends, DefaultMaxFriends)
	setDefault(&l.MaxListed, DefaultMaxListed)
	setDefault(&l.MaxTeamMembers, DefaultMaxTeamMembers)
	setDefault(&l.MaxTeams, DefaultMaxTeams)
	setDefault(&l.MaxMegaTeamMembers, DefaultMaxMegaTeamMembers)
	setDefault(&l.MaxMegaTeams, DefaultMaxMegaTeams)
	l.presenceDefaults()
	setDefault(&l.NotifyMode, NotifyClients)
	l.roomDefaults()
	l.fileDefaults()
	setDefault(&l.RetentionDays, DefaultRetentionDays)
	setDefault(&l.RetentionMessages, DefaultRetentionMessages)
	return l
}

// KeepsFromMs is the time before which messages are removed, at nowMs: 0 when
// they are kept for ever. l has its defaults.
func (l *Limits) KeepsFromMs(nowMs int64) int64 {
	if l.RetentionDays == RetentionForever {
		return 0
	}
	return max(nowMs-int64(l.RetentionDays)*24*60*60*1000, 0)
}

// KeepsMessages is how many messages of one conversation are kept, 0 all.
func (l *Limits) KeepsMessages() uint64 {
	if l.RetentionMessages == RetentionForever {
		return 0
	}
	return uint64(l.RetentionMessages)
}

func setDefault(v *int, def int) {
	if *v == 0 {
		*v = def
	}
}

// valid reports whether every limit is in range.
func (l *Limits) valid() bool {
	for _, v := range l.counts() {
		if v < 0 || v > maxLimit {
			return false
		}
	}
	for _, v := range l.laterCounts() {
		if *v < 0 || *v > maxLimit {
			return false
		}
	}
	return l.MaxBodyBytes <= maxBodyBytes && l.MaxFriends <= maxRelations && l.MaxListed <= maxRelations &&
		l.MaxTeamMembers <= MaxTeamMembers && l.MaxTeams <= maxTeams &&
		l.MaxMegaTeamMembers <= MaxMegaTeamMembers && l.MaxMegaTeams <= maxMegaTeams && l.validPresence() && l.validRooms() && l.validNotify()
}

// counts lists the numeric limits that were there from the beginning, in the
// order of their encoding.
func (l *Limits) counts() [5]int {
	return [...]int{l.RequestsPerSecond, l.RequestBurst, l.APIPerSecond, l.RecallSeconds, l.MaxBodyBytes}
}

// laterCounts lists those that came later, in the order of their encoding: a new
// one goes to the end.
func (l *Limits) laterCounts() []*int {
	return []*int{&l.MaxFriends, &l.MaxListed, &l.MaxTeamMembers, &l.MaxTeams, &l.PresenceMode, &l.UserSearch, &l.MaxSubscriptions, &l.EventDays, &l.EventCount, &l.RetentionDays, &l.RetentionMessages, &l.RoomsPerSession, &l.OpenRooms, &l.MaxRooms, &l.RoomHistory, &l.RoomHistoryDays, &l.MaxMegaTeamMembers, &l.MaxMegaTeams, &l.NotifyMode, &l.EditSeconds, &l.FileDays, &l.FileMiB, &l.AccountFileMiB}
}

// Tenant is one application (Yunxin: appkey) on this site.
type Tenant struct {
	// ID is the tenant's number on this site; keys carry it. The first is 1.
	ID     uint32
	AppKey string
	// Secret signs the calls of the tenant's backend. Never log it.
	Secret    string
	Name      string
	Limits    Limits
	Callback  Callback
	CreatedMs int64
}
