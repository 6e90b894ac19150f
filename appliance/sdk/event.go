package sdk

import (
	"time"

	"github.com/yizhan-im/yizhan/appliance/wire"
)

// Event is one thing that happened; switch on its type. The types are Message,
// Recall, Missing, ConversationAdded, Receipt, ReadCursor, TeamMessage,
// TeamRecall, TeamNotice, TeamStanding, TeamApplication, TeamReceipt, RoomMessage, RoomMissed,
// RoomReentry, RoomNotice, RoomOut, Edit, Reaction, Pin, Withdrawal, Hidden,
// OnlineMessage, Deletion, RelationsLoaded, RelationChange, FriendModeChange, SettingsLoaded,
// SettingChange, DoNotDisturbChange, Notification,
// Broadcast, PresenceChange and StateChange.
type Event interface{ event() }

// Message is the next message of a conversation of two accounts, sent or received.
type Message struct {
	*wire.Message
	// Peer names the conversation: the other account.
	Peer string
	// Local is set on what this device has sent; From alone does not tell it
	// from what the account's other devices have sent.
	Local bool
}

// Recall is an entry of the conversation that takes back an earlier one.
type Recall struct {
	*wire.Message
	Peer  string
	Local bool
	// Recalled is the seq of the message that was taken back.
	Recalled uint64
}

// Missing says that the server no longer has a range of the conversation that
// this device had not got. The conversation goes on after it.
type Missing struct {
	Scene          wire.Scene // what Peer names: an account or a team
	Peer           string
	FromSeq, ToSeq uint64
}

// ConversationAdded says that this device learned of a conversation. It comes
// before the conversation's first message.
type ConversationAdded struct {
	Conversation
}

// Receipt says that the peer has read the conversation up to Seq.
//
// Receipt and ReadCursor say that something moved: several moves may come as
// one event, and one that was waiting when the process died is not repeated.
// Conversations always has the latest.
type Receipt struct {
	Peer string
	Seq  uint64
}

// ReadCursor says that this account has read the conversation up to Seq, on
// another of its devices.
type ReadCursor struct {
	Scene wire.Scene // as in Missing
	Peer  string
	Seq   uint64
}

// TeamMessage is the next message of a team, sent or received. A team's messages,
// recalls and notices come in the order of Seq like those of a conversation.
type TeamMessage struct {
	*wire.Message
	Team  string // its number
	Local bool   // as in Message
}

// TeamRecall is Recall in a team.
type TeamRecall struct {
	*wire.Message
	Team     string
	Local    bool
	Recalled uint64
}

// TeamNotice is the next entry of a team's log when that tells a change of the
// team, Message.Event, rather than a message.
type TeamNotice struct {
	*wire.Message
	Team string
}

// TeamStanding says that what this account is to a team has changed, or what it
// has set there, or the team's data (State.InfoVersion, for Client.TeamInfo). A
// team that it is no longer in has no further events. Like Receipt it tells the
// latest state, and several changes may come as one event.
type TeamStanding struct {
	Team  string
	State *wire.TeamState
}

// TeamApplication says that somebody wants to join a team that this account
// manages, while it is online; TeamStanding tells how many wait.
type TeamApplication struct {
	Team        string
	Application *wire.TeamApplication
}

// TeamReceipt says that a member of a team has read this account's messages with
// Content.Receipt behind AfterSeq up to Seq, while this client is online. One may be
// left out when the app takes events slowly: Team.Receipts always has the counts.
type TeamReceipt struct {
	Team          string
	Reader        string
	AfterSeq, Seq uint64
}

// RoomMessage is the next message of a room that this client is in, sent or
// received. The messages of a room come in the order of Id, which is the same
// for all its members. What is sent while this client is not connected, or when
// too many events wait for a slow app, does not come at all.
type RoomMessage struct {
	*wire.RoomMessagePush
	// Local is set on what this client has sent; From alone does not tell it
	// from what the account's other devices have sent.
	Local bool
}

// RoomMissed says how many messages of a room were dropped at this place,
// because too many room events waited for the app.
type RoomMissed struct {
	Room  string
	Count int
}

// RoomReentry tells what became of a room after a reconnect. The room's
// messages from before the reconnect up to here are lost, except for a few that
// may come just before it.
type RoomReentry struct {
	Room string
	// Members is how many members the room now has on the server's node.
	Members int
	// Err is set when the server refused: the client is no longer in the room.
	Err error
}

// RoomNotice tells what happens to a registered room that this client is in: who
// comes and goes, what the room and its members are made, the queue. Its place is
// among the room's messages. Notices are dropped like messages, and RoomMissed
// counts them.
type RoomNotice struct {
	*wire.RoomNoticePush
}

// RoomOut says that this client is no longer in a room, because somebody has put it
// out or closed the room. It does not enter again by itself.
type RoomOut struct {
	Room   string
	Reason wire.RoomOutReason
	By     string // who did it; empty is the tenant's backend
	Ext    string
}

// RelationsLoaded says that all the account's relations have been read, for the
// first time or anew: Relations has them, and nothing else tells of those that
// were there before. It does not come when there has never been any.
type RelationsLoaded struct{}

// RelationChange says that what the account holds of another one has changed:
// friends were made or parted, somebody asks or has answered, another device or
// the backend has changed a list or a note. Several changes may come as one
// event; Relations always has the latest.
type RelationChange struct {
	// Relation is what the account now holds. The app must not change it.
	*wire.Relation
	// By is who has changed it: this account or the other one. Note is what that
	// one has written with it. Both are empty when the change was made while this
	// client was away.
	By, Note string
}

// FriendModeChange says that another device, or the backend, has changed who may
// become the account's friend.
type FriendModeChange struct {
	Mode wire.FriendMode
}

// SettingsLoaded says that how the account has arranged its conversations has been
// read, for the first time or anew: ConversationSettings has it. It does not come
// when there has never been anything.
type SettingsLoaded struct{}

// SettingChange says that another device, or the backend, has changed how the
// account has arranged a conversation. Several changes may come as one event;
// ConversationSetting always has the latest.
type SettingChange struct {
	// ConversationSetting is what it is now. The app must not change it.
	*wire.ConversationSetting
}

// DoNotDisturbChange says that another device, or the backend, has changed when the
// account's sleeping devices are not woken.
type DoNotDisturbChange struct {
	*wire.DoNotDisturb
}

// StateChange tells how the connection is. When the app takes events slowly, it
// may miss states in between, never the latest.
type StateChange struct {
	State State
	// Err says why, with StateOffline and StateStopped.
	Err error
	// RetryIn is the pause before the next attempt, with StateOffline.
	RetryIn time.Duration
	// Login is what the server said, with StateSyncing.
	Login *wire.LoginResponse
}

// Notification is what another account, or the tenant's backend in its name, tells
// this account or one of its teams, for the app's own purposes. Those that are kept
// come exactly once to a device, in no certain order; one with OnlineOnly comes at
// most once.
type Notification struct {
	*wire.Notification
}

// Broadcast is what the tenant's backend tells all accounts. Those that are kept
// (Offline) come exactly once to a device, the others at most once.
type Broadcast struct {
	*wire.Broadcast
}

func (Notification) event()       {}
func (Broadcast) event()          {}
func (Message) event()            {}
func (Recall) event()             {}
func (Missing) event()            {}
func (ConversationAdded) event()  {}
func (Receipt) event()            {}
func (ReadCursor) event()         {}
func (RoomMessage) event()        {}
func (RoomMissed) event()         {}
func (RoomReentry) event()        {}
func (RoomNotice) event()         {}
func (RoomOut) event()            {}
func (RelationsLoaded) event()    {}
func (RelationChange) event()     {}
func (FriendModeChange) event()   {}
func (TeamMessage) event()        {}
func (TeamRecall) event()         {}
func (TeamNotice) event()         {}
func (TeamStanding) event()       {}
func (TeamApplication) event()    {}
func (TeamReceipt) event()        {}
func (SettingsLoaded) event()     {}
func (SettingChange) event()      {}
func (DoNotDisturbChange) event() {}
func (StateChange) event()        {}

// State is the state of the connection.
type State uint8

// The states.
const (
	// StateIdle: neither Start nor Connect has been called.
	StateIdle State = iota
	// StateConnecting: asking LBS, dialling, logging in.
	StateConnecting
	// StateSyncing: logged in, calls work, still reading what was missed.
	StateSyncing
	// StateConnected: logged in, and everything missed is in the event queue.
	StateConnected
	// StateOffline: not connected; the client tries again by itself.
	StateOffline
	// StateStopped: the server said not to come back (see *KickedError, or a
	// *wire.Error such as 302 or 422), or the client was closed. Final.
	StateStopped
)

var stateNames = [...]string{"idle", "connecting", "syncing", "connected", "offline", "stopped"}

// String is the state's name.
func (s State) String() string {
	if int(s) < len(stateNames) {
		return stateNames[s]
	}
	return "unknown"
}
