package app

import (
	"context"
	"time"
)

const (
	// workPause is how often the leader looks for work that another node has begun,
	// or that a node has left when it ended.
	workPause = time.Minute
	// workRetry is how long it waits after a refusal, as when the leader is another
	// node by now.
	workRetry = 5 * time.Second
)

// leaderWork is a goroutine that does, on the node that leads, what commands have
// left to do in pieces. That two nodes do it for a moment must do no harm.
type leaderWork struct {
	wake chan struct{} // one token: there is work
	stop context.CancelFunc
	done chan struct{}
}

// startWork calls work when it is woken up and every workPause; work does all there
// is and returns false when it was refused.
func (a *App) startWork(work func(ctx context.Context) bool) leaderWork {
	ctx, stop := context.WithCancel(context.Background())
	w := leaderWork{wake: make(chan struct{}, 1), stop: stop, done: make(chan struct{})}
	go func() {
		defer close(w.done)
		timer := time.NewTimer(0) // a node that was restarted may have work left
		defer timer.Stop()
		for {
			select {
			case <-ctx.Done():
				return
			case <-w.wake:
			case <-timer.C:
			}
			pause := workPause
			if a.store.IsLeader() && !work(ctx) {
				pause = workRetry
			}
			timer.Reset(pause)
		}
	}()
	return w
}

// wakeUp tells of work. It does not block.
func (w *leaderWork) wakeUp() {
	select {
	case w.wake <- struct{}{}:
	default:
	}
}

func (w *leaderWork) close() {
	w.stop()
	<-w.done
}
