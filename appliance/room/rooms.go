package room

import (
	"errors"
	"hash/maphash"
	"runtime"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/yizhan-im/yizhan/appliance/session"
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
	// ErrAbandoned is returned for a message of low priority when the room is
	// overloaded. The message was not sent.
	ErrAbandoned = errors.New("room: the room is overloaded, and the message can be done without")
)

// Remote is where the other nodes of a site hear what happens in rooms here. No
// method may block; all may be called from any goroutine. A room's calls of
// Occupied follow each other; Publish follows the order of the room's messages
// only for one sender. What other nodes publish comes in by Rooms.Receive.
type Remote interface {
	// Publish is for the nodes that have members of the room; to says which of
	// those (Target.String is how it travels).
	Publish(tenant uint32, name string, p Priority, to *Target, ev *session.Event)
	// Occupied tells that the room has members here, or has none any more: which
	// node has members of which room is all that others know of it.
	Occupied(tenant uint32, name string, members bool)
}

// Options say how Rooms work. Zero values take the defaults.
type Options struct {
	// PerSession is how many rooms a session may be in: DefaultPerSession.
	PerSession int
	// Now is the clock of ids and times: time.Now.
	Now func() time.Time
	// Registerer gets the metrics; nil does not register.
	Registerer prometheus.Registerer
	// Lanes is how many goroutines push: as many as there are processors.
	Lanes int
	// Left is told of the end of each membership as a Guest that ends with its
	// session. It must not block.
	Left func(tenant uint32, name string, g *Guest)
	// Remote is nil in a site of one node.
	Remote Remote
}

// shards spread the rooms so that those who enter and leave different rooms
// rarely meet.
const shards = 64

// Rooms are the rooms of this node. All methods may be called from any
// goroutine.
type Rooms struct {
	perSession int
	now        func() time.Time
	left       func(tenant uint32, name string, g *Guest)
	remote     Remote
	metrics    *metrics

	// Counts, for metrics and Stats.
	rooms, members, waiting atomic.Int64
	lastID                  atomic.Uint64

	lanes   lanes
	running sync.WaitGroup // lanes

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
	if o.Lanes <= 0 {
		o.Lanes = runtime.GOMAXPROCS(0)
	}
	rs := &Rooms{perSession: o.PerSession, now: o.Now, left: o.Left, remote: o.Remote, seed: maphash.MakeSeed()}
	rs.lanes.rooms, rs.lanes.most = rs, o.Lanes
	for i := range rs.shards {
		rs.shards[i].rooms = make(map[key]*room)
	}
	rs.metrics = newMetrics(o.Registerer, rs)
	return rs
}

// Close waits until all messages are pushed. Nobody may send any more.
func (rs *Rooms) Close() { rs.running.Wait() }

// Len is how many rooms there are, and how many memberships in all of them.
func (rs *Rooms) Len() (rooms, members int) {
	return int(rs.rooms.Load()), int(rs.members.Load())
}

// Names lists the rooms of a tenant that have members here.
func (rs *Rooms) Names(tenant uint32) (names []string) {
	for i := range rs.shards {
		sh := &rs.shards[i]
		sh.mu.RLock()
		for k := range sh.rooms {
			if k.tenant == tenant {
				names = append(names, k.name)
			}
		}
		sh.mu.RUnlock()
	}
	return names
}

func (rs *Rooms) hash(k key) uint64 {
	// The tenant moves the hash by an odd constant: the same room in two
	// tenants does not share a shard for that.
	return (maphash.String(rs.seed, k.name) + uint64(k.tenant)*0x9e3779b97f4a7c15) >> 32
}

func (rs *Rooms) shard(k key) *shard { return &rs.shards[rs.hash(k)%shards] }

// room is the room of k, nil when it has no members.
func (rs *Rooms) room(k key) *room {
	sh := rs.shard(k)
	sh.mu.RLock()
	defer sh.mu.RUnlock()
	return sh.rooms[k]
}

// add puts m into the room of k, which is made when it does not exist, and
// returns how many members it then has. k.name is copied when it is kept.
func (rs *Rooms) add(k key, m *membership) (members int) {
	sh := rs.shard(k)
	sh.mu.RLock()
	r := sh.rooms[k]
	if r != nil {
		// It stays while the shard is held: see remove.
		members = r.add(rs, m)
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
		if rs.remote != nil {
			rs.remote.Occupied(k.tenant, k.name, true)
		}
	}
	return r.add(rs, m)
}

// remove takes m out of its room, and the room down when it was the last.
func (rs *Rooms) remove(m *membership) {
	r := m.part.room
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
		if rs.remote != nil {
			rs.remote.Occupied(r.key.tenant, r.key.name, false)
		}
	}
}
