package link

import (
	"context"
	"math/rand/v2"
	"time"

	"github.com/yizhan-im/yizhan/appliance/session"
	"github.com/yizhan-im/yizhan/appliance/wire"
)

const (
	// drainStep is how often Drain tells the next few clients to go.
	drainStep = 20 * time.Millisecond
	// minGoAwayDelay is the least span of the delays that clients are told to wait
	// before they reconnect.
	minGoAwayDelay = time.Second
)

// Drain empties the gateway. It accepts nothing more, tells the clients one by
// one, evenly over spread, to reconnect elsewhere, and closes those that have
// not gone by themselves a few seconds later. It returns when all are gone or
// when ctx is over; Close does the rest then.
func (s *Server) Drain(ctx context.Context, spread time.Duration) {
	s.mu.Lock()
	s.draining = true
	conns := s.open.all()
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

	delays := max(spread/4, minGoAwayDelay)
	begin := time.Now()
	tick := time.NewTicker(drainStep)
	defer tick.Stop()
	for told := 0; told < len(conns); {
		due := len(conns)
		if elapsed := time.Since(begin); elapsed < spread {
			due = int(float64(len(conns)) * float64(elapsed) / float64(spread))
		}
		for ; told < due; told++ {
			conns[told].goAway(time.Duration(rand.Int64N(int64(delays))))
			conns[told] = nil // it may go
		}
		select {
		case <-tick.C:
		case <-empty:
			return
		case <-ctx.Done():
			return
		}
	}

	grace := time.NewTimer(s.pauses.grace)
	defer grace.Stop()
	select {
	case <-empty:
		return
	case <-ctx.Done():
		return
	case <-grace.C:
	}
	s.mu.Lock()
	conns = s.open.all()
	s.mu.Unlock()
	for _, c := range conns {
		c.Close(wire.CodeBusy, nil) // the go-away was its last push
	}
	select {
	case <-empty:
	case <-ctx.Done():
	}
}

// goAway asks the client to reconnect elsewhere after delay. One that is not
// logged in yet is closed.
func (c *conn) goAway(delay time.Duration) {
	push := session.NewEvent(wire.PushGoAway, &wire.GoAwayPush{DelayMs: uint32(delay.Milliseconds()), Note: "the node is about to stop"})
	c.mu.Lock()
	loggedIn := c.idle > 0
	c.mu.Unlock()
	if !loggedIn {
		c.Close(wire.CodeBusy, push)
		return
	}
	c.Push(push)
}
