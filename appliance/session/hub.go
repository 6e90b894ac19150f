package session

import (
	"errors"
	"hash/maphash"
	"sync"
	"sync/atomic"
)

// MaxSessionsPerAccount bounds the sessions that one account may have on a node
// at a time, so that a login never has to look through, and a message is never
// sent to, more than that.
const MaxSessionsPerAccount = 32

// hubShards spreads the accounts so that logins, removals and look-ups of
// different accounts rarely meet.
const hubShards = 64

// Errors of Hub.Login.
var (
	// ErrClosed is returned when the session has left the Hub, or logged in
	// before: a session logs in once.
	ErrClosed = errors.New("session: the connection is closed or has logged in before")
	// ErrTooMany is returned when the account has MaxSessionsPerAccount sessions
	// that the policy lets stay.
	ErrTooMany = errors.New("session: too many devices of the account are online, log one out first")
)

// Hub knows every logged-in session of this node by its account. All methods
// may be called from any goroutine.
type Hub struct {
	seed   maphash.Seed
	count  atomic.Int64
	shards [hubShards]shard
}

type shard struct {
	mu       sync.RWMutex
	accounts map[account]*Session // the newest session; older ones follow by next
	_        [32]byte             // keeps two shards' mutexes out of one cache line
}

type account struct {
	tenant uint32
	name   string
}

// NewHub makes an empty Hub.
func NewHub() *Hub {
	h := &Hub{seed: maphash.MakeSeed()}
	for i := range h.shards {
		h.shards[i].accounts = make(map[account]*Session)
	}
	return h
}

func (h *Hub) shard(key account) *shard {
	// The tenant moves the hash by an odd constant: the same account names in
	// two tenants do not share a shard for that.
	hash := maphash.String(h.seed, key.name) + uint64(key.tenant)*0x9e3779b97f4a7c15
	return &h.shards[hash>>32%hubShards]
}

// Login gives s its identity and makes it known, as one step. Sessions that
// policy p does not let stand beside it, and any older one of the same device,
// are replaced: they have left the Hub when Login returns, and the caller tells
// them why and closes them. others are the sessions that stay.
//
// On ErrClosed or ErrTooMany nothing has changed.
func (h *Hub) Login(s *Session, id *Identity, p Policy) (replaced, others []*Session, err error) {
	// Held to the end, so that a concurrent Remove either comes first and is
	// seen here, or waits and finds the session in its shard.
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.removed || s.Identity() != nil {
		return nil, nil, ErrClosed
	}

	key := account{id.Tenant, id.Account}
	sh := h.shard(key)
	sh.mu.Lock()
	defer sh.mu.Unlock()
	for o := sh.accounts[key]; o != nil; o = o.next {
		if old := o.Identity(); old.DeviceID == id.DeviceID || !p.coexist(old.Platform, id.Platform) {
			replaced = append(replaced, o)
		} else {
			others = append(others, o)
		}
	}
	if len(others) >= MaxSessionsPerAccount {
		return nil, nil, ErrTooMany
	}

	s.identity.Store(id)
	s.next = nil
	tail := s
	for _, o := range others {
		tail.next = o
		tail = o
	}
	tail.next = nil
	for _, o := range replaced {
		o.next = nil
	}
	sh.accounts[key] = s
	h.count.Add(1 - int64(len(replaced)))
	return replaced, others, nil
}

// Remove takes s out of the Hub. It may be called more than once, and for a
// session that never logged in: a later Login of s fails with ErrClosed.
func (h *Hub) Remove(s *Session) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.removed = true
	id := s.Identity()
	if id == nil {
		return
	}

	key := account{id.Tenant, id.Account}
	sh := h.shard(key)
	sh.mu.Lock()
	defer sh.mu.Unlock()
	head := sh.accounts[key]
	link := &head
	for *link != nil && *link != s {
		link = &(*link).next
	}
	if *link == nil {
		return // replaced by a newer login, or removed before
	}
	*link = s.next
	s.next = nil
	if head == nil {
		delete(sh.accounts, key)
	} else {
		sh.accounts[key] = head
	}
	h.count.Add(-1)
}

// Sessions appends the sessions of an account to dst, the newest first.
func (h *Hub) Sessions(dst []*Session, tenant uint32, name string) []*Session {
	key := account{tenant, name}
	sh := h.shard(key)
	sh.mu.RLock()
	defer sh.mu.RUnlock()
	for s := sh.accounts[key]; s != nil; s = s.next {
		dst = append(dst, s)
	}
	return dst
}

// Range calls f for every session until f returns false. f may use the Hub.
// A session that comes or goes meanwhile may be missed.
func (h *Hub) Range(f func(*Session) bool) {
	var batch []*Session
	for i := range h.shards {
		batch = h.shards[i].appendAll(batch[:0])
		for _, s := range batch {
			if !f(s) {
				return
			}
		}
	}
}

// RangeTenant calls f with the sessions of a tenant, some at a time, until f
// returns false. f may use the Hub, and must not keep the slice. A session that
// comes or goes meanwhile may be missed. It looks at all accounts of the Hub, and
// holds up the logins of one part of them at a time.
func (h *Hub) RangeTenant(tenant uint32, f func([]*Session) bool) {
	var batch []*Session
	for i := range h.shards {
		batch = h.shards[i].appendTenant(batch[:0], tenant)
		if len(batch) > 0 && !f(batch) {
			return
		}
	}
}

func (sh *shard) appendTenant(dst []*Session, tenant uint32) []*Session {
	sh.mu.RLock()
	defer sh.mu.RUnlock()
	for key, s := range sh.accounts {
		if key.tenant != tenant {
			continue
		}
		for ; s != nil; s = s.next {
			dst = append(dst, s)
		}
	}
	return dst
}

func (sh *shard) appendAll(dst []*Session) []*Session {
	sh.mu.RLock()
	defer sh.mu.RUnlock()
	for _, s := range sh.accounts {
		for ; s != nil; s = s.next {
			dst = append(dst, s)
		}
	}
	return dst
}

// Len is how many sessions are logged in.
func (h *Hub) Len() int {
	return int(h.count.Load())
}
