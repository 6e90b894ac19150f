package engine

import "time"

// Hurry shortens the waits of a server that nobody uses yet.
func (s *Server) Hurry() {
	s.pauses = pauses{quiet: 100 * time.Millisecond, quietLayered: 50 * time.Millisecond, linger: 300 * time.Millisecond, probed: 20 * time.Millisecond, body: 300 * time.Millisecond}
}

// Named is how many sessions can be found by their sid.
func (s *Server) Named() (n int) {
	for i := range s.sids {
		s.sids[i].mu.Lock()
		n += len(s.sids[i].conns)
		s.sids[i].mu.Unlock()
	}
	return n
}

// Waiting reports whether a poll of the session waits, or has been answered.
func (s *Server) Waiting(sid string) bool {
	c := s.sids.find(sid)
	if c == nil {
		return true
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.ended || c.polling.get
}

// Posting reports whether a POST of the session is being read or handled.
func (s *Server) Posting(sid string) bool {
	c := s.sids.find(sid)
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.polling.post
}

// Unhurry makes the waits so long that no test sees their end.
func (s *Server) Unhurry() {
	s.pauses = pauses{quiet: time.Hour, quietLayered: time.Hour, linger: time.Hour, probed: time.Hour, body: time.Hour}
}

// Candidates is how many WebSockets may take over a session that polls.
func (s *Server) Candidates() (n int) {
	for _, c := range s.all() {
		c.mu.Lock()
		if c.polling != nil && (c.polling.reserved || c.polling.candidate != nil) {
			n++
		}
		c.mu.Unlock()
	}
	return n
}
