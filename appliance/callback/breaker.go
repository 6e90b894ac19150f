package callback

import (
	"math/bits"
	"sync"
	"time"
)

// breaker decides when a backend that does not answer is left alone, so that its
// tenant's users do not wait for a timeout with every message.
//
//	closed ── 5 failures in a row, or 10 of the last 20 ──▶ open, for minPause
//	open ── pause over ──▶ trial: one question ──┬─ answered ──▶ closed
//	  ▲                                          │
//	  └──────────── for twice as long ◀── failed ┘  (maxPause at most)
//
// Outcomes of questions that began before the last change of state do not count.
type breaker struct {
	minPause, maxPause time.Duration

	mu sync.Mutex
	// Under mu.
	state    breakerState
	turn     uint64 // changes of state
	outcomes uint32 // of the last questions, the newest lowest; 1 is a failure
	until    time.Time
	pause    time.Duration
}

type breakerState uint8

const (
	breakerClosed breakerState = iota
	breakerOpen
	breakerTrial
	breakerRetired // its backend is no longer asked
)

const (
	breakerWindow   = 20 // questions
	breakerInWindow = 10 // failures
	breakerInRow    = 5  // failures
)

// change is what a question's outcome did.
type change struct {
	opened, again, closed bool
	pause                 time.Duration // when opened or again
}

// rejects reports whether a question that comes now is not put.
func (b *breaker) rejects(now time.Time) bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.rejectsLocked(now)
}

func (b *breaker) rejectsLocked(now time.Time) bool {
	return b.state == breakerTrial || b.state == breakerOpen && now.Before(b.until)
}

// begin admits a question, for whose outcome end or abandon must be called with
// the same turn.
func (b *breaker) begin(now time.Time) (turn uint64, ok bool) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.rejectsLocked(now) {
		return 0, false
	}
	if b.state == breakerOpen {
		b.become(breakerTrial)
	}
	return b.turn, true
}

func (b *breaker) become(s breakerState) {
	b.state, b.outcomes = s, 0
	b.turn++
}

// end counts the outcome of a question.
func (b *breaker) end(turn uint64, failed bool, now time.Time) change {
	b.mu.Lock()
	defer b.mu.Unlock()
	if turn != b.turn {
		return change{}
	}
	switch {
	case b.state == breakerTrial && failed:
		b.openFor(min(2*b.pause, b.maxPause), now)
		return change{again: true, pause: b.pause}
	case b.state == breakerTrial:
		b.become(breakerClosed)
		return change{closed: true}
	case b.state != breakerClosed:
		return change{}
	}
	b.outcomes = b.outcomes << 1 & (1<<breakerWindow - 1)
	if failed {
		b.outcomes |= 1
	}
	if bits.TrailingZeros32(^b.outcomes) < breakerInRow && bits.OnesCount32(b.outcomes) < breakerInWindow {
		return change{}
	}
	b.openFor(b.minPause, now)
	return change{opened: true, pause: b.pause}
}

func (b *breaker) openFor(pause time.Duration, now time.Time) {
	b.become(breakerOpen)
	b.pause, b.until = pause, now.Add(pause)
}

// abandon forgets a question. If it was the trial, the next one is.
func (b *breaker) abandon(turn uint64) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if turn == b.turn && b.state == breakerTrial {
		b.become(breakerOpen) // until is over
	}
}

// retire makes later outcomes not count, and reports whether it was not closed.
func (b *breaker) retire() bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	open := b.state == breakerOpen || b.state == breakerTrial
	b.become(breakerRetired)
	return open
}
