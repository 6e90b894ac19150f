// Package flush writes for the clients that have something queued, on behalf of
// whoever queued it: the goroutine that applies everybody's messages must neither
// write nor wait.
//
//	any goroutine ─▶ Flusher.Add ─▶ list ─▶ Flusher.Run ─▶ flush(client)
//
// It owns the order in which clients have their turn. It knows no socket, and it
// never waits for a client: flush must not.
package flush

import (
	"sync"
	"sync/atomic"
)

// Flusher lets clients of type C, which is a pointer, have their turns. Under
// load, a client that waits its turn gathers more to write at once.
type Flusher[C comparable] struct {
	flush func(C)
	next  func(C) *C

	urgent     atomic.Bool // head is not empty: bulk waits
	mu         sync.Mutex
	change     sync.Cond
	head, tail C // linked by next; each client is in it, or in bulk, at most once
	bulk, last C // the same, for clients that may wait
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
	f.mu.Lock()
	wake := f.appendLocked(&f.head, &f.tail, c)
	f.urgent.Store(true)
	f.mu.Unlock()
	if wake {
		f.change.Signal()
	}
}

// AddBulk is Add for a client that is one of very many with the same to write: it
// has its turn when nobody else wants one.
func (f *Flusher[C]) AddBulk(c C) {
	f.mu.Lock()
	wake := f.appendLocked(&f.bulk, &f.last, c)
	f.mu.Unlock()
	if wake {
		f.change.Signal()
	}
}

func (f *Flusher[C]) appendLocked(head, tail *C, c C) (first bool) {
	var none C
	if first = *head == none; first {
		*head = c
	} else {
		*f.next(*tail) = c
	}
	*tail = c
	return first
}

// bulkAtLeast is how many of those that may wait have their turn between two looks
// at the others: some 0.1 ms of writing. None waits for ever, whatever the others
// do, and one of them may have got something urgent meanwhile.
const bulkAtLeast = 32

// Run flushes until Stop.
func (f *Flusher[C]) Run() {
	var none, bulk C
	for {
		f.mu.Lock()
		for f.head == none && bulk == none && f.bulk == none && !f.stopped {
			f.change.Wait()
		}
		c := f.head
		f.head, f.tail = none, none
		f.urgent.Store(false)
		if bulk == none {
			bulk = f.bulk
			f.bulk, f.last = none, none
		}
		f.mu.Unlock()
		if c == none && bulk == none {
			return
		}
		for c != none {
			c = f.one(c)
		}
		for n := 0; bulk != none && (n < bulkAtLeast || !f.urgent.Load()); n++ {
			bulk = f.one(bulk)
		}
	}
}

// one flushes c and returns the client behind it.
func (f *Flusher[C]) one(c C) (behind C) {
	var none C
	link := f.next(c)
	behind = *link
	*link = none // before flush, which may end with c in the list again
	f.flush(c)
	return behind
}

// Stop ends Run once the list is empty.
func (f *Flusher[C]) Stop() {
	f.mu.Lock()
	f.stopped = true
	f.mu.Unlock()
	f.change.Signal()
}
