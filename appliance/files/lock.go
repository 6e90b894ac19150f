package files

import (
	"context"
	"sync"

	"github.com/tus/tusd/v2/pkg/handler"
	"github.com/tus/tusd/v2/pkg/memorylocker"
)

// locker lets one request at a time at an upload, as tusd wants it: a client that
// comes back while its broken request is still being read has that one interrupted.
// tusd closes the body of an interrupted request without looking whether another
// goroutine is just about to set it. So the interruption waits until the body is
// being read.
type locker struct {
	memory *memorylocker.MemoryLocker

	mu    sync.Mutex
	turns map[string]*turn // of the requests that hold a lock, by the upload's id
}

func newLocker() *locker {
	return &locker{memory: memorylocker.New(), turns: map[string]*turn{}}
}

// NewLock implements handler.Locker.
func (l *locker) NewLock(id string) (handler.Lock, error) {
	memory, err := l.memory.NewLock(id)
	if err != nil {
		return nil, err
	}
	return &lock{locker: l, id: id, memory: memory}, nil
}

// reading says that the body of the request that holds the lock is being read.
func (l *locker) reading(id string) {
	l.mu.Lock()
	t := l.turns[id]
	l.mu.Unlock()
	if t != nil {
		t.begin()
	}
}

// lock is the lock of one upload, as one request sees it.
type lock struct {
	locker *locker
	id     string
	memory handler.Lock
}

// Lock implements handler.Lock. interrupt ends the request that holds it.
func (k *lock) Lock(ctx context.Context, interrupt func()) error {
	t := &turn{interrupt: interrupt}
	if err := k.memory.Lock(ctx, t.ask); err != nil {
		return err
	}
	k.locker.mu.Lock()
	k.locker.turns[k.id] = t
	k.locker.mu.Unlock()
	return nil
}

// Unlock implements handler.Lock.
func (k *lock) Unlock() error {
	k.locker.mu.Lock()
	delete(k.locker.turns, k.id)
	k.locker.mu.Unlock()
	return k.memory.Unlock()
}

// turn is a request that holds a lock.
type turn struct {
	interrupt func()

	mu      sync.Mutex
	reading bool // its body is
	asked   bool // another request wants the lock
}

// ask interrupts the request: now, or when its body begins to be read. One without
// a body is about to end anyway.
func (t *turn) ask() {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.asked = true
	if t.reading {
		t.interrupt()
	}
}

func (t *turn) begin() {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.reading = true
	if t.asked {
		t.interrupt()
	}
}
