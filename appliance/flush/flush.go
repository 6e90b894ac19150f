// Package flush writes for the clients that have something queued, on behalf of
// whoever queued it: the goroutine that applies everybody's messages must neither
// write nor wait.
//
//	any goroutine ─▶ Flusher.Add ─▶ list ─▶ Flusher.Run ─▶ flush(client)
//
// It owns the order in which clients have their turn. It knows no socket, and it
// never waits for a client: flush must not.
package flush

import "sync"

// Flusher lets clients of type C, which is a pointer, have their turns. Under
// load, a client that waits its turn gathers more to write at once.
type Flusher[C comparable] struct {
	flush func(C)
	next  func(C) *C

	mu         sync.Mutex
	change     sync.Cond
	head, tail C // linked by next; each client is in it at most once
	stopped    bool
}

// New makes a Flusher. flush writes what a client has queued, without waiting for
// the client, and may end with the client being added again. next tells where in
// a client the Flusher keeps the client behind it: a field that is nil and that
// nobody else touches.
func New[C comparable](flush func(C), next func(C) *C) *Flusher[C] {
	f := &Flusher[C]{flush: flush, next: next}
	f.change.L = &f.mu
	return f
}

// Add puts c at the end of the list. c must not be in it: the state of a client
// says whether it is. Add never blocks for long.
func (f *Flusher[C]) Add(c C) {
	var none C
	f.mu.Lock()
	wake := f.head == none
	if wake {
		f.head = c
	} else {
		*f.next(f.tail) = c
	}
	f.tail = c
	f.mu.Unlock()
	if wake {
		f.change.Signal()
	}
}

// Run flushes until Stop.
func (f *Flusher[C]) Run() {
	var none C
	for {
		f.mu.Lock()
		for f.head == none && !f.stopped {
			f.change.Wait()
		}
		c := f.head
		f.head, f.tail = none, none
		f.mu.Unlock()
		if c == none {
			return
		}
		for c != none {
			link := f.next(c)
			behind := *link
			*link = none // before flush, which may end with c in the list again
			f.flush(c)
			c = behind
		}
	}
}

// Stop ends Run once the list is empty.
func (f *Flusher[C]) Stop() {
	f.mu.Lock()
	f.stopped = true
	f.mu.Unlock()
	f.change.Signal()
}
