package state

import "github.com/yizhan-im/yizhan/appliance/wire"

// Bounds of registered rooms that no tenant can change.
const (
	// MaxRoomStandings is how many accounts may be something to one room: managers,
	// fixed members, blocked and muted ones, robots.
	MaxRoomStandings = 5000
	// MaxRoomManagers is how many managers a room has beside its creator.
	MaxRoomManagers = 100
	// MaxRoomQueue is how many elements a room's queue may have (facts of Yunxin:
	// 1,000).
	MaxRoomQueue = 1000
	// MaxRoomNamed is how many accounts, elements or messages one command may name.
	MaxRoomNamed = 200
	// MaxRoomMuteSeconds is the longest temporary mute: 30 days.
	MaxRoomMuteSeconds = 2_592_000
	// MaxRoomDelaySeconds bounds how long a room stays open after its last member.
	MaxRoomDelaySeconds = 604_800

	maxRoomText    = 16 << 10 // bytes of any one text of a room
	maxRoomInfo    = 40 << 10 // encoded
	maxRoomExt     = 8 << 10  // bytes of a notice's ext: 2048 characters
	maxRoomKey     = 512      // bytes: 128 characters
	maxRoomValue   = 16 << 10 // bytes: 4096 characters
	maxRoomHistory = 100_000  // messages of one room
)

// RoomOp is what a RoomChange does.
type RoomOp uint8

// The operations. Changing a number breaks compatibility with stored logs.
const (
	// RoomCreate makes a room whose creator is By: Info is its data. (By, ClientID)
	// is the idempotency key. CodeCountLimit: the tenant has RoomLimit rooms.
	RoomCreate RoomOp = iota
	// RoomUpdate changes the fields that Info has.
	RoomUpdate
	// RoomOpen opens the room (Flag) or closes it; the creator's.
	RoomOpen
	// RoomSetRole makes of the one account of Accounts what Role says (Flag), or
	// ends that.
	RoomSetRole
	// RoomTempMute mutes the one account of Accounts for Number seconds; 0 lifts it.
	RoomTempMute
	// RoomMute keeps all but creator and managers from sending (Flag).
	RoomMute
	// RoomRobots adds the robots Accounts (Flag) or removes them; without Accounts it
	// removes all.
	RoomRobots
	// RoomProfile saves how By shows itself in the room: Member.
	RoomProfile
	// RoomQueueInit empties the queue and sets its limit: Number.
	RoomQueueInit
	// RoomQueueOffer puts Elements to the end of the queue, or replaces those of the
	// same key.
	RoomQueueOffer
	// RoomQueuePoll takes out the element of the one key in Elements, or the first.
	RoomQueuePoll
	// RoomQueueUpdate gives the elements that are there the values of Elements.
	RoomQueueUpdate
	// RoomQueueDrop empties the queue.
	RoomQueueDrop
	// RoomQueueLeave takes out the transient elements of By, who has left.
	RoomQueueLeave
	// RoomHistoryDelete takes Messages out of the history.
	RoomHistoryDelete

	roomOps // how many there are
)

// RoomChange is any change of a registered room. Which fields count is said at
// its Op. Permissions are decided when the command is applied.
type RoomChange struct {
	TimeMs  int64
	Tenant  uint32
	Session uint64 // echoed in the result
	Op      RoomOp
	// By is in whose name. The tenant's backend may leave it empty, and may then do
	// everything.
	By      string
	Room    uint64 // 0 for RoomCreate
	Backend bool
	Flag    bool
	// Notify and Ext are for the notice that those inside get.
	Notify bool
	Ext    string
	Role   wire.RoomRoleOp
	Number uint32
	// RoomLimit is the most rooms that the tenant may have.
	RoomLimit uint32
	ClientID  string
	Accounts  []string
	Messages  []uint64
	Elements  []*wire.RoomElement
	Info      *wire.RoomChanges // of RoomCreate and RoomUpdate
	Member    *wire.RoomMember  // of RoomProfile: nick, avatar, ext
	Tag, To   string            // of RoomTagMute
}

// RoomResult is the outcome of a RoomChange.
type RoomResult struct {
	Code    wire.Code
	Op      RoomOp
	Tenant  uint32
	Session uint64
	By      string
	Room    uint64
	Flag    bool // as in the command, with the next three
	Notify  bool
	Ext     string
	Role    wire.RoomRoleOp
	TimeMs  int64
	// Duplicate: a RoomCreate that repeats an accepted one.
	Duplicate bool
	// Info is the room after the change.
	Info *wire.RoomInfo
	// Members are the accounts that the change was about, as they now are.
	Members []*wire.RoomMember
	// Added, Failed and Old are what became of the robots: come or gone, not
	// possible, and there before.
	Added, Failed, Old []string
	// Elements are those that were offered, polled, updated or have left.
	Elements []*wire.RoomElement
	// Missing are the keys of which there was no element.
	Missing []string
	// Tag, To and UntilMs are of RoomTagMute: what is muted, whom to tell, and until
	// when, 0 when the mute was lifted.
	Tag, To string
	UntilMs int64
	// Deleted are the messages that were in the history, without their content.
	Deleted []*wire.RoomMessagePush
}

// RoomLog appends messages to the histories of rooms, possibly of many. It is not
// idempotent but for a message's id. Entries of rooms that do not exist are passed
// over.
type RoomLog struct {
	TimeMs  int64
	Entries []RoomLogEntry
}

// RoomLogEntry is one message of a RoomLog.
type RoomLogEntry struct {
	Tenant uint32
	Room   uint64
	ID     uint64 // of the message
	// Keep is how many messages the room's history keeps, KeepMs for how long.
	Keep    uint32
	KeepMs  int64
	Message []byte // an encoded wire.RoomMessagePush
}

// RoomSweep takes transient elements out of all queues of the site, at most
// maxSweep of them: nobody is inside when a node starts alone.
type RoomSweep struct{ TimeMs int64 }

// RoomLogResult is the outcome of RoomLog and RoomSweep.
type RoomLogResult struct {
	Code wire.Code
	Done int  // messages stored, or elements removed
	More bool // of RoomSweep: there are more
}

// maxSweep bounds the work of one RoomSweep.
const maxSweep = 512

// RoomIDShift is where the time of a room's message is in its id: the milliseconds
// since 1970 are the upper 44 bits. Histories are searched by time with it.
const RoomIDShift = 20

// RoomID is a registered room's id as clients write it.
func RoomID(id uint64) string { return TeamID(id) }

// ParseRoomID is the reverse of RoomID. Every other name is that of an open room.
func ParseRoomID(s string) (id uint64, ok bool) { return ParseTeamID(s) }
