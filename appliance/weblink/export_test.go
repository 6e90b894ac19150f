package weblink

import "time"

// MaxMisuse is how many bad requests are answered.
const MaxMisuse = maxMisuse

// Hurry shortens the waits of a server that nobody uses yet.
func (s *Server) Hurry() { s.grace = 100 * time.Millisecond }

// Left is how many connections have a session of the handler.
func (s *Server) Left() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.conns.Len()
}
