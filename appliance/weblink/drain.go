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
	conns := s.conns.All()
	empty := make(chan struct{})
	if len(conns) == 0 {
		close(empty)
	} else {
		if s.empty != nil {
			empty = s.empty
		}
		s.empty = empty
	}
	s.mu.Unlock()

	if !session.GoAway(ctx, empty, conns, spread, (*conn).goAway) {
		return
	}
	grace := time.NewTimer(s.grace)
	defer grace.Stop()
	select {
	case <-empty:
		return
	case <-ctx.Done():
		return
	case <-grace.C:
	}
	s.mu.Lock()
	conns = s.conns.All()
	s.mu.Unlock()
	for _, c := range conns {
		c.Close(wire.CodeBusy, nil) // the go-away was its last push
	}
	select {
	case <-empty:
	case <-ctx.Done():
	}
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
