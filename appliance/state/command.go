package state

import (
	"github.com/yizhan-im/yizhan/appliance/wire"
)

// A command is
//
//	kind byte | version byte | fields
//
// Fields are uvarints and strings (uvarint length, bytes) in the order of the
// struct; the field named "rest" in DESIGN.md fills what remains. Changing any
// of this breaks compatibility with stored logs: add a kind or a version.
const (
	kindCreateTenant  = 1
	kindUpdateTenant  = 2
	kindCreateAccount = 3
	kindSetToken      = 4
	kindSetBlocked    = 5
	kindUpdateProfile = 6
	kindRecordLogin   = 7
	kindSetCallback   = 8
	kindSend          = 16
	kindRecall        = 17
	kindRead          = 18
	kindAck           = 19
	// kindRecordLoginNew is RecordLogin with Track.
	kindRecordLoginNew = 26
	kindStoragePut     = 32
	kindStorageDelete  = 33
	kindStorageLock    = 34
	kindStorageUnlock  = 35

	commandVersion = 1
)

// MaxCommandBytes bounds an encoded command; Apply refuses a longer one with
// CodeBadProtocol. It leaves room for several commands in one Raft entry. Only
// StoragePut may be longer, as long as MaxStorageValue and MaxStorageKey allow.
const MaxCommandBytes = 64 << 10

// maxTimeMs is the end of the year 9999: a later clock is garbage.
const maxTimeMs = 253_402_300_799_999

// Every command carries TimeMs, the leader's clock in milliseconds since 1970.
// The machine's own clock is the largest it has seen, so it never goes back.

// CreateTenant adds a tenant. CodeRepeated: the appkey exists; CodeCountLimit:
// there are MaxTenants.
type CreateTenant struct {
	TimeMs               int64
	AppKey, Secret, Name string
	Limits               Limits
}

// UpdateTenant changes the fields that are not nil. CodeNotFound: no such
// appkey.
type UpdateTenant struct {
	TimeMs       int64
	AppKey       string
	Secret, Name *string
	Limits       *Limits // replaces all of them
}

// CreateAccount adds an account. CodeRepeated: it exists; CodeNotFound: no such
// tenant. A nil Profile is an empty one.
type CreateAccount struct {
	TimeMs    int64
	Tenant    uint32
	Account   string
	TokenHash []byte // of HashToken
	Profile   *wire.Profile
}

// SetToken replaces an account's token.
type SetToken struct {
	TimeMs    int64
	Tenant    uint32
	Account   string
	TokenHash []byte
}

// SetBlocked blocks an account or lifts that. Kick also ends its sessions, when
// it blocks. A blocked account cannot log in; what its last sessions send while
// they end is still accepted.
type SetBlocked struct {
	TimeMs  int64
	Tenant  uint32
	Account string
	Blocked bool
	Kick    bool
}

// UpdateProfile changes the fields that Update has.
type UpdateProfile struct {
	TimeMs  int64
	Tenant  uint32
	Account string
	Update  *wire.UpdateProfileRequest
}

// RecordLogin notes an account's newest login and makes the device known. With
// Track, a device that was not known is new from now on: what was sent before with
// the options no_roam or no_history is not for it.
type RecordLogin struct {
	Track    bool
	TimeMs   int64
	Tenant   uint32
	Account  string
	DeviceID string
	Platform wire.Platform
}

// Send appends Message to the conversation of its From and To. Its Seq, ID,
// TimeMs, RefSeq and Recalled must be unset. (Tenant, From, ClientId) is the
// idempotency key for at least one week. From == To is a note to oneself.
// CodeNotFound: one of the two accounts does not exist; CodeBlacklisted: the
// receiver has blacklisted the sender, and nothing is stored.
type Send struct {
	TimeMs  int64
	Tenant  uint32
	Session uint64 // echoed in the result
	Message *wire.Message
}

// Recall takes the content of one's own message back and appends an entry of
// type TypeRecall. Recalling again gives the first recall's result. CodeNotFound:
// no such entry; CodeForbidden: not the sender's, or itself a recall;
// CodeRecallExpired: older than WindowMs.
type Recall struct {
	TimeMs       int64
	Tenant       uint32
	Session      uint64
	From         string
	Peer         string
	Seq          uint64
	ClientID     string // of the recall entry; may be empty
	Note         string // becomes the recall entry's body
	WindowMs     int64  // 0: no limit
	FromPlatform wire.Platform
	FromDevice   string
	// Team, when it is not 0, says that the message is one of a team's, and Peer
	// has no meaning. Then who manages the team may recall a message of a member
	// with a smaller role.
	Team uint64
}

// Read moves Reader's cursor in the conversation with Peer to Seq. A Seq beyond
// the last message means the last; a cursor never moves back. CodeNotFound: there
// is no such conversation.
type Read struct {
	TimeMs  int64
	Tenant  uint32
	Session uint64
	Reader  string
	Peer    string
	Seq     uint64
	Team    uint64 // as in Recall
}

// Ack notes that a device holds everything up to Version. It never goes back,
// and a Version that does not exist yet means the newest.
type Ack struct {
	TimeMs   int64
	Tenant   uint32
	Account  string
	DeviceID string
	Version  uint64
}
