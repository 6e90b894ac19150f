package sdk

import (
	"fmt"
	"slices"
	"sync"

	"github.com/yizhan-im/yizhan/appliance/wire"
)

// Store keeps what one device must remember between two runs of the app. The
// client calls it from several goroutines, one call at a time.
//
// An app with a database of its own implements Store there. For messages to be
// kept exactly once even when the process dies at any moment, it ignores a
// message whose seq it already has: the one that was being handled then is
// delivered again.
type Store interface {
	// Load returns what Save has kept, merged. owner is "appkey/account"; a
	// store that belongs to another owner returns an error. An empty store
	// returns the zero Checkpoint.
	Load(owner string) (Checkpoint, error)
	// Save keeps c, which holds only the conversations that changed; the store
	// copies what it keeps. Once Save has returned, the death of the process
	// must not undo it; that of the machine may undo the latest calls, which
	// makes the client deliver some messages again.
	Save(c Checkpoint) error
}

// Checkpoint is how far a device is.
type Checkpoint struct {
	DeviceID string
	Version  uint64 // of the account's data, for the next sync
	// Synced is set once a sync was complete. That is no less true of version 0,
	// which is that of a site where nothing has happened yet.
	Synced        bool
	Conversations []Cursor
	// Deletions is the version up to which the app has handled what the account has
	// deleted for itself. Like Version it always counts.
	Deletions uint64
	// Notifications and Broadcasts are how far the device is in these. In Save nil
	// means as before.
	Notifications, Broadcasts *Reached
}

// Reached is how far a device is in its notifications, or in the broadcasts.
type Reached struct {
	Fresh   bool     // it has never read any
	Version uint64   // up to which the app has handled everything
	Ahead   []uint64 // later ones that it has handled, in order; not many
}

// Cursor is how far a device is in one conversation.
type Cursor struct {
	Scene     wire.Scene
	Peer      string
	Delivered uint64 // seq up to which the app has handled everything
	Known     uint64 // seq that is known to exist
	Read      uint64 // the account's own read cursor
	PeerRead  uint64 // the peer's
	TimeMs    int64  // of the last change
	// Standing is what the account is to a team.
	Standing wire.TeamStanding
}

// cursorKey names a conversation.
type cursorKey struct {
	scene wire.Scene
	peer  string
}

func (c *Cursor) key() cursorKey { return cursorKey{c.Scene, c.Peer} }

// MemoryStore is a Store that lives as long as the process. The zero value is
// empty and ready.
type MemoryStore struct {
	mu       sync.Mutex
	owner    string
	contents contents
}

// Load implements Store.
func (s *MemoryStore) Load(owner string) (Checkpoint, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.owner != "" && s.owner != owner {
		return Checkpoint{}, wrongOwner(s.owner, owner)
	}
	s.owner = owner
	return s.contents.checkpoint(), nil
}

// Save implements Store.
func (s *MemoryStore) Save(c Checkpoint) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.contents.merge(c)
	return nil
}

func wrongOwner(have, want string) error {
	return fmt.Errorf("the store belongs to %s, not to %s: give each account its own", have, want)
}

// contents is the merged result of all Save calls.
type contents struct {
	deviceID      string
	version       uint64
	deletions     uint64
	synced        bool
	conversations map[cursorKey]Cursor
	notifications *Reached
	broadcasts    *Reached
}

func (s *contents) merge(c Checkpoint) {
	if c.DeviceID != "" {
		s.deviceID = c.DeviceID
	}
	s.version, s.synced, s.deletions = c.Version, c.Synced, c.Deletions
	if c.Notifications != nil {
		s.notifications = c.Notifications.clone()
	}
	if c.Broadcasts != nil {
		s.broadcasts = c.Broadcasts.clone()
	}
	if s.conversations == nil {
		s.conversations = make(map[cursorKey]Cursor)
	}
	for _, cursor := range c.Conversations {
		s.conversations[cursor.key()] = cursor
	}
}

func (r *Reached) clone() *Reached {
	return &Reached{Fresh: r.Fresh, Version: r.Version, Ahead: slices.Clone(r.Ahead)}
}

func (s *contents) checkpoint() Checkpoint {
	c := Checkpoint{
		DeviceID: s.deviceID, Version: s.version, Synced: s.synced, Deletions: s.deletions,
		Notifications: s.notifications, Broadcasts: s.broadcasts,
	}
	for _, cursor := range s.conversations {
		c.Conversations = append(c.Conversations, cursor)
	}
	return c
}
