package link

import "github.com/yizhan-im/yizhan/appliance/session"

// sessionID is what a log may tell about who is behind a connection; 0 before
// the login.
func sessionID(s *session.Session) uint64 {
	if s != nil {
		if id := s.Identity(); id != nil {
			return id.SessionID
		}
	}
	return 0
}
