package weblink

import (
	"context"
	"time"

	"github.com/yizhan-im/yizhan/appliance/session"
	"github.com/yizhan-im/yizhan/appliance/wire"
)

// Drain empties the gateway. It accepts nothing more, tells the clients one by
// one, evenly over spread, to reconnect elsewhere, and closes those that have not
// gone by themselves a few seconds later. It returns when all are gone or when ctx
// is over; Close does the rest then. Sessions that have not begun to log in are
// not waited for: they are refused when they do.
func (s *Server) Drain(ctx context.Context, spread time.Duration) {
	s.engine.StopAccepting()
	s.mu.Lock()
	s.draining = true
	empty := make(chan struct{})
	if s.conns.Len() == 0 {
		close(empty)
	} else {
		if s.empty != nil {
			empty = s.empty
		}
		s.empty = empty
	}
	s.mu.Unlock()
	session.Drain(ctx, empty, s.all, spread, s.grace, (*conn).goAway)
}

// all is every connection that is open.
func (s *Server) all() []*conn {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.conns.All()
}

// goAway tells the client by push, a go-away, to reconnect elsewhere. One that is
// not logged in yet is closed.
func (c *conn) goAway(push *session.Event) {
	if !c.isOpen() {
		c.Close(wire.CodeBusy, push)
		return
	}
	c.Push(push)
}
