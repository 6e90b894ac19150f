package engine

import "sync"

// flusher is a goroutine that writes for the sessions which have something
// queued. It never waits for a client. Under load, a session that waits its turn
// gathers more to write at once.
type flusher struct {
	mu         sync.Mutex
	change     sync.Cond
	head, tail *Conn // linked by nextDirty; each session is in it at most once
	stopped    bool
}

func newFlusher() *flusher {
	f := &flusher{}
	f.change.L = &f.mu
	return f
}

// add puts c, whose state is outQueued, at the end of the list.
func (f *flusher) add(c *Conn) {
	f.mu.Lock()
	wake := f.head == nil
	if wake {
		f.head = c
	} else {
		f.tail.nextDirty = c
	}
	f.tail = c
	f.mu.Unlock()
	if wake {
		f.change.Signal()
	}
}

// run flushes until stop.
func (f *flusher) run() {
	for {
		f.mu.Lock()
		for f.head == nil && !f.stopped {
			f.change.Wait()
		}
		c := f.head
		f.head, f.tail = nil, nil
		f.mu.Unlock()
		if c == nil {
			return
		}
		for c != nil {
			next := c.nextDirty
			c.nextDirty = nil // before flush, which may end with c in the list again
			c.flush()
			c = next
		}
	}
}

// stop ends run once the list is empty.
func (f *flusher) stop() {
	f.mu.Lock()
	f.stopped = true
	f.mu.Unlock()
	f.change.Signal()
}
