package state

import "github.com/yizhan-im/yizhan/appliance/wire"

// Results belong to everyone who is handed them and are never changed after
// Apply returns. The strings of a SendResult may share memory with its Message.

// SendResult is the outcome of Send and Recall.
type SendResult struct {
	Code    wire.Code
	Tenant  uint32
	Session uint64 // the sender's, as in the command
	From    string
	To      string
	Seq     uint64 // of the new log entry, or of the first one when Duplicate
	ID      uint64
	TimeMs  int64
	// Duplicate: the command repeats an accepted one, whose Seq, ID and TimeMs
	// these are. Nothing was stored.
	Duplicate bool
	// Muted: the receiver has muted the sender. The message is as any other, but
	// must not make noise: no push to a device that sleeps, no badge.
	Muted bool
	// RefSeq is the entry that a Recall took back, or a MessageChange changed.
	RefSeq uint64
	// RefID is the id of the message that was edited. An edit has its Options, and
	// is for the devices that it was for.
	RefID uint64
	// Options are those of the message; nil when everything is to be done with it.
	// A message that is OnlineOnly has no Seq.
	Options *wire.MessageOptions
	// Team is set for a message of a team, whose id To is too; Members are to be
	// told, in the order of their names. The slice is shared and must not be
	// changed. Mega: it is a mega-team, each node knows its own accounts in it, and
	// Members is nil.
	Team    uint64
	Members []string
	Mega    bool
	// Message is the new entry as stored, an encoded wire.Message; nil when Code
	// is not CodeOK or Duplicate is set.
	Message []byte
}

// ReadResult is the outcome of Read.
type ReadResult struct {
	Code    wire.Code
	Tenant  uint32
	Session uint64
	Reader  string
	Peer    string
	Seq     uint64 // the cursor after the command
	TimeMs  int64
	Changed bool   // the cursor moved: others must be told
	Team    uint64 // of Peer when that is a team: only the reader's devices are told
	// After is where a cursor that moved was before, and Receipts who has sent
	// messages of the team that it has passed and that ask for receipts: they are
	// to be told, too.
	After    uint64
	Receipts []string
}

// AccountChange says what a command did to an account.
type AccountChange uint8

// The changes, one for each command whose result is an AccountResult.
const (
	AccountCreated AccountChange = iota + 1
	AccountTokenSet
	AccountBlocked
	AccountUnblocked
	AccountProfile
	AccountLogin
	AccountAck
	AccountMuted
)

// AccountResult is the outcome of the commands on one account.
type AccountResult struct {
	Code    wire.Code
	Change  AccountChange
	Tenant  uint32
	Account string
	// Kick: the account's sessions must end (new token, or blocked with Kick).
	Kick bool
}

// TenantResult is the outcome of CreateTenant, UpdateTenant and SetCallback.
type TenantResult struct {
	Code   wire.Code
	Tenant *Tenant // nil when Code is not CodeOK
}

// UnknownResult answers a command of a kind that this build does not know.
type UnknownResult struct {
	Code wire.Code // CodeBadProtocol
}
