package room

import (
	"errors"
	"hash/maphash"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/prometheus/client_golang/prometheus"
)

// DefaultPerSession is how many rooms a session may be in unless Options say
// otherwise. It bounds what the end of a session costs.
const DefaultPerSession = 16

// Errors of Rooms.
var (
	// ErrNotMember is returned when a session sends to a room that it is not in.
	ErrNotMember = errors.New("room: the session is not a member of the room")
	// ErrTooMany is returned when the session is in as many rooms as it may be.
	ErrTooMany = errors.New("room: the session is in too many rooms")
	// ErrClosed is returned when the session has ended.
	ErrClosed = errors.New("room: the session has ended")
	// ErrBusy is returned when too many messages wait for their turn in the
	// room. The message was not sent.
	ErrBusy = errors.New("room: too many messages wait for their turn in the room")
)

// Options say how Rooms work. Zero values take the defaults.
type Options struct {
	// PerSession is how many rooms a session may be in: DefaultPerSession.
	PerSession int
	// Now is the clock of ids and times: time.Now.
	Now func() time.Time
	// Registerer gets the metrics; nil does not register.
	Registerer prometheus.Registerer
}

// shards spreads the rooms so that those who enter and leave different rooms
// rarely meet.
const shards = 64

// Rooms are the rooms of this node. All methods may be called from any
// goroutine.
type Rooms struct {
	perSession int
	now        func() time.Time
	metrics    *metrics

	// Counts, for metrics and Stats.
	rooms, members atomic.Int64

	seed   maphash.Seed
	shards [shards]shard
}

// shard is a part of the rooms. A room is in it as long as it has members.
type shard struct {
	mu    sync.RWMutex // taken after a Member's, before a room's
	rooms map[key]*room
	_     [32]byte // keeps two shards' mutexes out of one cache line
}

// key names a room. Nothing reaches a room but through its key or a membership.
type key struct {
	tenant uint32
	name   string
}

// New makes Rooms without a room.
func New(o Options) *Rooms {
	if o.PerSession <= 0 {
		o.PerSession = DefaultPerSession
	}
	if o.Now == nil {
		o.Now = time.Now
	}
	rs := &Rooms{perSession: o.PerSession, now: o.Now, seed: maphash.MakeSeed()}
	for i := range rs.shards {
		rs.shards[i].rooms = make(map[key]*room)
	}
	rs.metrics = newMetrics(o.Registerer, rs)
	return rs
}

// Len is how many rooms there are, and how many memberships in all of them.
func (rs *Rooms) Len() (rooms, members int) {
	return int(rs.rooms.Load()), int(rs.members.Load())
}

func (rs *Rooms) shard(k key) *shard {
	// The tenant moves the hash by an odd constant: the same room in two
	// tenants does not share a shard for that.
	hash := maphash.String(rs.seed, k.name) + uint64(k.tenant)*0x9e3779b97f4a7c15
	return &rs.shards[hash>>32%shards]
}

// add puts m into the room of k, which is made when it does not exist, and
// returns how many members it then has. k.name is copied when it is kept.
func (rs *Rooms) add(k key, m *membership) (members int) {
	sh := rs.shard(k)
	sh.mu.RLock()
	r := sh.rooms[k]
	if r != nil {
		// It stays while the shard is held: see remove.
		members = r.add(m)
	}
	sh.mu.RUnlock()
	if r != nil {
		return members
	}
	sh.mu.Lock()
	defer sh.mu.Unlock()
	r = sh.rooms[k]
	if r == nil {
		k.name = strings.Clone(k.name)
		r = &room{key: k}
		sh.rooms[k] = r
		rs.rooms.Add(1)
	}
	return r.add(m)
}

// remove takes m out of its room, and the room down when it was the last.
func (rs *Rooms) remove(m *membership) {
	r := m.room
	if r.remove(m) > 0 {
		return
	}
	sh := rs.shard(r.key)
	sh.mu.Lock()
	defer sh.mu.Unlock()
	// Whoever has entered meanwhile held the shard, and keeps the room.
	if sh.rooms[r.key] == r && r.len() == 0 {
		delete(sh.rooms, r.key)
		rs.rooms.Add(-1)
	}
}
