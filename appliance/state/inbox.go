package state

import "github.com/yizhan-im/yizhan/appliance/wire"

const (
	// MaxTops is how many conversations of an account may be top.
	MaxTops = 100
	// MaxSettings is how many conversations of an account may have a setting. What
	// is removed or cleared is not counted against it: that has entries, and is
	// bounded by them.
	MaxSettings = 5000
	// MaxSpareSettings is how many settings of an account are remembered of which
	// nothing is left but a change that not every device knows yet. Those that
	// changed longest ago make room.
	MaxSpareSettings = 1000
	// MaxReadMany is how many conversations one ReadMany reads.
	MaxReadMany = 100

	// maxSettingExt is the most bytes of a setting's ext.
	maxSettingExt = 1024
)

// ConversationChange changes how Account has arranged its conversation with Peer
// or, when Team is not 0, that of the team: those of the fields that are given.
// Repeating one changes nothing and is no error. CodeNotFound: one of the accounts
// does not exist; CodeTeamMissing, CodeNotInTeam: the account is not a member, and
// has no setting there that it could take back; CodeCountLimit: MaxTops or
// MaxSettings.
type ConversationChange struct {
	TimeMs  int64
	Tenant  uint32
	Session uint64 // echoed in the result
	Account string
	Peer    string
	Team    uint64

	Top, Muted, Marked *bool
	Ext                *string
	// Remove takes the conversation out of the list until its next entry.
	Remove bool
	// Clear hides the entries up to ClearSeq, of which 0 means the last one, from
	// the account. It never brings entries back.
	Clear    bool
	ClearSeq uint64
}

// ConversationChangeResult is the outcome of a ConversationChange.
type ConversationChangeResult struct {
	Code    wire.Code
	Tenant  uint32
	Session uint64
	Account string
	// Setting is what it is now; nil when Code is not CodeOK.
	Setting *wire.ConversationSetting
	Changed bool // Setting is not what it was
}

// SetDoNotDisturb changes those of an account's wishes that are given. CodeNotFound:
// there is no such account.
type SetDoNotDisturb struct {
	TimeMs  int64
	Tenant  uint32
	Session uint64
	Account string

	On, Desktop *bool
	Quiet       *wire.QuietHours // replaces the quiet hours
	NoQuiet     bool             // forgets them
}

// DoNotDisturbResult is the outcome of SetDoNotDisturb.
type DoNotDisturbResult struct {
	Code         wire.Code
	Tenant       uint32
	Session      uint64
	Account      string
	Version      uint64 // of the account's settings
	DoNotDisturb *wire.DoNotDisturb
	Changed      bool
}

// ReadMany is a Read of each of up to MaxReadMany conversations, and takes Marked
// of their settings back. Those that there are not are passed over.
type ReadMany struct {
	TimeMs  int64
	Tenant  uint32
	Session uint64
	Account string
	Reads   []ReadOne
}

// ReadOne names a conversation, and up to which entry it is read.
type ReadOne struct {
	Peer string
	Team uint64 // when it is not 0, Peer has no meaning
	Seq  uint64
}

// ReadManyResult is the outcome of ReadMany.
type ReadManyResult struct {
	Code    wire.Code
	Tenant  uint32
	Session uint64
	Account string
	Asked   int // how many conversations the command names
	// Reads are what would have been the results of Reads that changed something.
	Reads []ReadResult
	// Settings that have changed.
	Settings []*wire.ConversationSetting
}

// Mute says where an account may not send: a set of bits. Changing a number breaks
// compatibility with stored data.
type Mute uint8

// The places.
const (
	MuteP2P Mute = 1 << iota
	MuteTeam
	MuteRoom

	MuteAll = MuteP2P | MuteTeam | MuteRoom
)

// MuteAccount forbids an account's user to send: Set are the places where, of
// those in Mask; the others stay. The tenant's backend may go on sending in its
// name. CodeNotFound: there is no such account.
type MuteAccount struct {
	TimeMs    int64
	Tenant    uint32
	Account   string
	Mask, Set Mute
}
