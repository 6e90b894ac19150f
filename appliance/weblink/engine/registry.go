package engine

import (
	"crypto/rand"
	"encoding/base64"
	"sync"
)

const (
	sidBytes = 15 // 120 bits of chance
	sidSize  = 20 // characters
)

// sid names a session to the client that opened it, and to nobody else: who knows
// it may poll for it.
type sid [sidSize]byte

func newSID() (id sid) {
	var b [sidBytes]byte
	_, _ = rand.Read(b[:]) // never fails
	base64.RawURLEncoding.Encode(id[:], b[:])
	return id
}

const registryShards = 64

// registry finds the sessions that began by polling. The others need no name:
// their one connection is all there will be of them.
type registry [registryShards]struct {
	mu    sync.Mutex
	conns map[sid]*Conn
}

func (r *registry) init() {
	for i := range r {
		r[i].conns = make(map[sid]*Conn)
	}
}

// shard picks by the last character, of which six bits are chance.
func shard(id sid) int { return int(id[sidSize-1]) % registryShards }

func (r *registry) find(name string) *Conn {
	if len(name) != sidSize {
		return nil
	}
	id := sid([]byte(name))
	s := &r[shard(id)]
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.conns[id]
}

func (r *registry) add(id sid, c *Conn) {
	s := &r[shard(id)]
	s.mu.Lock()
	defer s.mu.Unlock()
	s.conns[id] = c
}

func (r *registry) remove(id sid) {
	s := &r[shard(id)]
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.conns, id)
}

// forget takes c out of the registry.
func (s *Server) forget(c *Conn) {
	if c.polling != nil {
		s.sids.remove(c.polling.id)
	}
}
