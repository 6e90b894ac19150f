package state

import "github.com/yizhan-im/yizhan/appliance/wire"

// RemovalStage is what of the removal of an account is under way. The stages come
// in their order. Changing a number breaks compatibility with stored data.
type RemovalStage uint8

// The stages. Those marked with a star need somebody who looks for what is
// concerned, and say so in RemovalSteps; the machine does the others by itself.
const (
	// RemovalErase*: the account's messages. Whoever looks for them proposes a
	// MessageErase for each. Only of a removal with Erase, as RemovalFiles.
	RemovalErase RemovalStage = iota + 1
	// RemovalFiles*: the files that it has uploaded, which are not in the store.
	RemovalFiles
	// RemovalRelations: friends, requests and lists of its own, on both sides.
	RemovalRelations
	// RemovalListed*: others that have it on a list, or remember it, and of whom it
	// knows nothing.
	RemovalListed
	// RemovalSubscriptions: to others' presence, and others' to its own.
	RemovalSubscriptions
	// RemovalTeams: memberships, invitations, applications.
	RemovalTeams
	// RemovalRooms*: what it is to registered rooms.
	RemovalRooms
	// RemovalInbox: all that only the account itself could see.
	RemovalInbox
	// RemovalConversations: its side of the conversations with others, who keep
	// theirs.
	RemovalConversations

	removalStages = iota
)

// Bounds of one step of a removal: some milliseconds of Apply.
const (
	removalRelations     = 32
	removalSubscriptions = 100
	removalTeams         = 4
	removalConversations = 128
	// MaxRemovalPeers and MaxRemovalRooms are what one RemovalStep may name.
	MaxRemovalPeers = 64
	MaxRemovalRooms = 16
	// maxRemovalMark bounds RemovalStep.After.
	maxRemovalMark = 512
)

// RemoveAccount begins to delete an account: from now on it does not exist, its
// token is dead, and its name is reserved. What it has all over the store goes by
// RemovalSteps. Repeating it is no error. CodeNotFound: there is no such account.
type RemoveAccount struct {
	TimeMs  int64
	Tenant  uint32
	Account string
	// Erase: its messages to others, and its files, go as well.
	Erase bool
}

// RemovalStep does the next piece of a removal. Whoever leads the site proposes it
// until the result says Done; one too many, or for another stage than the present
// one, has no effect.
type RemovalStep struct {
	TimeMs  int64
	Tenant  uint32
	Account string
	Stage   RemovalStage
	// Next ends a stage of those with a star. After says how far the search for what
	// is concerned has come, for who goes on.
	Next  bool
	After []byte
	// Peers and Rooms are what was found, in RemovalListed and RemovalRooms.
	Peers []string
	Rooms []uint64
}

// RecreateAccount gives the name of a deleted account to a new one, which has and
// sees nothing of the old one. CodeRepeated: an account of that name exists;
// CodeAccountGone: its removal is under way; CodeNotFound: there has been none.
type RecreateAccount struct {
	TimeMs    int64
	Tenant    uint32
	Account   string
	TokenHash []byte
	Profile   *wire.Profile // nil is an empty one
}

// RemovalResult is the outcome of RemoveAccount and RemovalStep.
type RemovalResult struct {
	Code    wire.Code
	Tenant  uint32
	Account string
	// Kick: its sessions must end.
	Kick bool
	// Stage is what comes next; 0 when Done.
	Stage RemovalStage
	Done  bool
	// Parts are the results of what was done to others, each as its own command would
	// have given it, in their order: whoever takes results takes these in its place.
	Parts []any
}

// WithParts returns results with the parts of those that have some behind them. It
// is results itself when none has.
func WithParts(results []any) []any {
	for i, result := range results {
		r, ok := result.(*RemovalResult)
		if !ok || len(r.Parts) == 0 {
			continue
		}
		all := append([]any(nil), results[:i]...)
		for _, result := range results[i:] {
			all = append(all, result)
			if r, ok := result.(*RemovalResult); ok {
				all = append(all, r.Parts...)
			}
		}
		return all
	}
	return results
}

// String is the stage's name, as metrics and logs show it.
func (s RemovalStage) String() string {
	names := [...]string{"done", "messages", "files", "relations", "lists", "subscriptions", "teams", "rooms", "inbox", "conversations"}
	if int(s) < len(names) {
		return names[s]
	}
	return "unknown"
}
