package session

import (
	"context"
	"math/rand/v2"
	"time"

	"github.com/yizhan-im/yizhan/appliance/wire"
)

const (
	// drainStep is how often goAway tells the next few clients to go.
	drainStep = 20 * time.Millisecond
	// minGoAwayDelay is the least span of the delays that clients are told to wait
	// before they reconnect.
	minGoAwayDelay = time.Second
)

// goAway is how a gateway tells its clients to reconnect elsewhere: it calls tell
// for each of conns, evenly over spread, with a push that names a random delay of
// up to a quarter of spread, so that clients who were told together come back
// spread out. It forgets each of conns once it is told. It reports false when ctx
// or gone, which the gateway closes when nobody is left, ended it early.
func goAway[C any](ctx context.Context, gone <-chan struct{}, conns []C, spread time.Duration, tell func(c C, push *Event)) bool {
	delays := max(spread/4, minGoAwayDelay)
	begin := time.Now()
	tick := time.NewTicker(drainStep)
	defer tick.Stop()
	for told := 0; ; {
		due := len(conns)
		if elapsed := time.Since(begin); elapsed < spread {
			due = int(float64(len(conns)) * float64(elapsed) / float64(spread))
		}
		for ; told < due; told++ {
			tell(conns[told], goAwayPush(time.Duration(rand.Int64N(int64(delays)))))
			var none C
			conns[told] = none // it may go
		}
		if told == len(conns) {
			return true
		}
		select {
		case <-tick.C:
		case <-gone:
			return false
		case <-ctx.Done():
			return false
		}
	}
}

// Drain is how a gateway that accepts nothing more empties itself: goAway, and
// after grace the end of those who have not gone by themselves. open lists the
// connections; gone is closed when there is none. It returns then, or when ctx is
// over.
func Drain[C interface{ Close(wire.Code, *Event) }](ctx context.Context, gone <-chan struct{}, open func() []C, spread, grace time.Duration, tell func(c C, push *Event)) {
	if !goAway(ctx, gone, open(), spread, tell) {
		return
	}
	timer := time.NewTimer(grace)
	defer timer.Stop()
	select {
	case <-gone:
		return
	case <-ctx.Done():
		return
	case <-timer.C:
	}
	for _, c := range open() {
		c.Close(wire.CodeBusy, nil) // the go-away was its last push
	}
	select {
	case <-gone:
	case <-ctx.Done():
	}
}

func goAwayPush(delay time.Duration) *Event {
	return NewEvent(wire.PushGoAway, &wire.GoAwayPush{DelayMs: uint32(delay.Milliseconds()), Note: "the node is about to stop"})
}
