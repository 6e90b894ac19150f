package session

import (
	"sync"
	"sync/atomic"

	"github.com/yizhan-im/yizhan/appliance/wire"
)

// Session is one client's connection from its first byte to its last: first
// unknown, then, once Hub.Login has accepted it, with an Identity.
type Session struct {
	conn     Conn
	identity atomic.Pointer[Identity]
	presence atomic.Pointer[Presence]

	// Limit counts the session's requests. It belongs to the Handler, which takes
	// from it for one request at a time.
	Limit Bucket

	mu      sync.Mutex // orders Hub.Login and Hub.Remove of this session; taken before a shard's
	removed bool       // under mu: Remove has been called

	next *Session // next session of the same account, under the shard's mutex
}

// Identity is who a session is. It never changes once the session has it.
type Identity struct {
	SessionID  uint64
	Tenant     uint32
	AppKey     string
	Account    string
	DeviceID   string
	Platform   wire.Platform
	SDKVersion string
	CustomTag  string
	LoginMs    int64
	// Since is the newest id of the site when the device came; 0: it has everything.
	Since uint64
}

// NewSession makes the session of a connection that has not logged in.
func NewSession(c Conn) *Session {
	return &Session{conn: c}
}

// Conn is the session's connection.
func (s *Session) Conn() Conn {
	return s.conn
}

// Identity is who the session is, nil until it has logged in. It stays known
// after the session has left the Hub.
func (s *Session) Identity() *Identity {
	return s.identity.Load()
}
