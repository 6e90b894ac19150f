package link

import "time"

// Hurry shortens the waits of a server that nobody uses yet.
func (s *Server) Hurry() {
	s.pauses = pauses{quiet: 100 * time.Millisecond, linger: 200 * time.Millisecond, grace: 200 * time.Millisecond}
}
