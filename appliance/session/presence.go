package session

// Presence is what a session says of itself beside that it is online: the app's
// own number and a short text. It is shared and never changed once it is set.
type Presence struct {
	State uint32
	Text  string
}

// SetPresence says p; nil says nothing. It may be called from any goroutine.
func (s *Session) SetPresence(p *Presence) { s.presence.Store(p) }

// Presence is what was last said; nil is nothing.
func (s *Session) Presence() *Presence { return s.presence.Load() }
