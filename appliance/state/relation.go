package state

import "github.com/yizhan-im/yizhan/appliance/wire"

// RelationOp is what a RelationChange does. Changing a number breaks
// compatibility with stored logs.
type RelationOp uint8

// The operations. "The account" is RelationChange.Account.
const (
	// RelationAdd makes the two friends at once. CodeForbidden: the peer's mode
	// wants to be asked, or takes nobody.
	RelationAdd RelationOp = iota
	// RelationAsk leaves the peer a request with Note; when the peer has asked
	// already, it accepts. CodeForbidden: the peer's mode takes nobody.
	RelationAsk
	// RelationAccept accepts the peer's request, RelationDecline refuses it with
	// Note. CodeNotFound: there is none.
	RelationAccept
	RelationDecline
	// RelationDelete ends the friendship, or takes the account's own request back.
	// With Forget also what the account has noted of the peer goes.
	RelationDelete
	// RelationUpdate changes those of Alias, Ex and ServerEx that are not nil.
	// CodeNotFound: they are not friends.
	RelationUpdate
	// RelationBlacklist and RelationMute put the peer on the account's list, or
	// with On false take it off.
	RelationBlacklist
	RelationMute

	relationOps = iota
)

// RelationChange changes what Account and Peer are to each other. Repeating one
// that has been done changes nothing and is no error. CodeNotFound: one of the
// two does not exist; CodeCountLimit: one of them has reached Limit;
// CodeBlacklisted: Peer has blacklisted Account, which may not add or ask it then.
type RelationChange struct {
	Op      RelationOp
	TimeMs  int64
	Tenant  uint32
	Session uint64 // echoed in the result
	Account string // who does it
	Peer    string
	// Backend: the tenant's backend adds, whatever the peer's mode and blacklist.
	Backend bool
	On      bool
	Forget  bool
	Note    string
	Alias   *string
	Ex      *string
	// ServerEx is also taken by RelationAdd, RelationAsk and RelationAccept.
	ServerEx *string
	// Limit is the most friends of one account, the most requests without an
	// answer that it has in one direction, or the most accounts on the list.
	Limit uint32
}

// SetFriendMode says who may become the account's friend. CodeNotFound: there is
// no such account.
type SetFriendMode struct {
	TimeMs  int64
	Tenant  uint32
	Session uint64
	Account string
	Mode    wire.FriendMode
}

// MaxSpareRelations is how many relations of an account are remembered of which
// nothing is left but notes, or a change that not every device knows yet. Those
// that changed longest ago make room.
const MaxSpareRelations = 1000

// RelationResult is the outcome of a RelationChange.
type RelationResult struct {
	Code    wire.Code
	Op      RelationOp
	Tenant  uint32
	Session uint64
	Account string
	Peer    string
	Note    string
	// Relation is what Account now holds of Peer, an encoded wire.Relation; nil
	// when Code is not CodeOK.
	Relation []byte
	Changed  bool // Relation is not what it was
	// PeerRelation is what Peer now holds of Account; nil when that is unchanged.
	PeerRelation []byte
}

// FriendModeResult is the outcome of SetFriendMode.
type FriendModeResult struct {
	Code    wire.Code
	Tenant  uint32
	Session uint64
	Account string
	Mode    wire.FriendMode
	Version uint64 // of the account's relations
	Changed bool
}

// The most bytes of what a relation holds: characters of the protocol, four
// bytes each.
const (
	maxAlias        = 4 * 128
	maxRelationEx   = 4 * 256
	maxRelationNote = 4 * 256
)

func (c *RelationChange) valid() bool {
	return validAccount(c.Account) && validAccount(c.Peer) && c.Account != c.Peer &&
		validText(c.Note, maxRelationNote) && validOptional(c.Alias, maxAlias) &&
		validOptional(c.Ex, maxRelationEx) && validOptional(c.ServerEx, maxRelationEx)
}

func validOptional(s *string, limit int) bool { return s == nil || validText(*s, limit) }

// validFriendMode reports whether this build knows the mode: what it stores, it
// must be able to apply.
func validFriendMode(m wire.FriendMode) bool {
	return m == wire.FriendMode_FRIEND_MODE_ANYONE || m == wire.FriendMode_FRIEND_MODE_VERIFY || m == wire.FriendMode_FRIEND_MODE_NOBODY
}
