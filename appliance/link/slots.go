package link

import "sync"

// slots bounds how many handshakes are under way.
type slots struct {
	mu     sync.Mutex
	change sync.Cond
	used   int
	closed bool
}

func (s *slots) init() {
	s.change.L = &s.mu
}

// acquire waits until fewer slots are used than limit allows, which may change
// meanwhile, and takes one. It reports false after close.
func (s *slots) acquire(limit func() int) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	for s.used >= limit() && !s.closed {
		s.change.Wait()
	}
	if s.closed {
		return false
	}
	s.used++
	return true
}

func (s *slots) release() {
	s.mu.Lock()
	s.used--
	s.mu.Unlock()
	s.change.Signal()
}

// wake lets those who wait look at the limit again.
func (s *slots) wake() {
	s.change.Broadcast()
}

func (s *slots) close() {
	s.mu.Lock()
	s.closed = true
	s.mu.Unlock()
	s.change.Broadcast()
}
