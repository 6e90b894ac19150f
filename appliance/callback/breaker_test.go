package callback

import (
	"testing"
	"time"
)

// clocked is a breaker and a clock that the test moves.
type clocked struct {
	breaker
	t   *testing.T
	now time.Time
}

func newClocked(t *testing.T) *clocked {
	return &clocked{breaker: breaker{minPause: time.Second, maxPause: 3 * time.Second}, t: t, now: time.Unix(1000, 0)}
}

// ask puts a question that is admitted and its outcome.
func (b *clocked) ask(failed bool) change {
	b.t.Helper()
	turn, ok := b.begin(b.now)
	if !ok {
		b.t.Fatal("the question is rejected")
	}
	return b.end(turn, failed, b.now)
}

func (b *clocked) isOpen() {
	b.t.Helper()
	if _, ok := b.begin(b.now); ok || !b.rejects(b.now) {
		b.t.Fatal("the question is admitted")
	}
}

// open fails until the breaker opens.
func (b *clocked) open() {
	b.t.Helper()
	for range breakerInRow - 1 {
		if c := b.ask(true); c != (change{}) {
			b.t.Fatalf("too early: %+v", c)
		}
	}
	if c := b.ask(true); c != (change{opened: true, pause: b.minPause}) {
		b.t.Fatalf("after %d failures in a row: %+v", breakerInRow, c)
	}
}

func TestBreakerOpensAfterFailuresInARow(t *testing.T) {
	b := newClocked(t)
	b.open()
	b.isOpen()
	b.now = b.now.Add(b.minPause - 1)
	b.isOpen()
}

// TestBreakerOpensWhenHalfFails: a failure now and then never opens it.
func TestBreakerOpensWhenHalfFails(t *testing.T) {
	b := newClocked(t)
	for i := range 1000 {
		if c := b.ask(i%3 == 0); c.opened {
			t.Fatal("a third of failures opens it")
		}
	}
	for i := range breakerWindow + 2 {
		if c := b.ask(i%2 == 0); c.opened {
			return
		}
	}
	t.Error("half of failures does not open it")
}

func TestBreakerTriesOneQuestionAndRecovers(t *testing.T) {
	b := newClocked(t)
	b.open()
	for _, pause := range []time.Duration{2 * time.Second, 3 * time.Second, 3 * time.Second} {
		b.now = b.until
		turn, ok := b.begin(b.now)
		if !ok {
			t.Fatal("no trial after the pause")
		}
		b.isOpen() // for all others, while the trial is under way
		if c := b.end(turn, true, b.now); c != (change{again: true, pause: pause}) {
			t.Fatalf("failed trial: %+v, want a pause of %v", c, pause)
		}
		b.isOpen()
	}
	b.now = b.until
	if c := b.ask(false); c != (change{closed: true}) {
		t.Fatalf("answered trial: %+v", c)
	}
	b.open() // and nothing of before counts
}

// TestBreakerForgetsEarlierQuestions: what was under way when it opened says
// nothing about the trial.
func TestBreakerForgetsEarlierQuestions(t *testing.T) {
	b := newClocked(t)
	early, _ := b.begin(b.now)
	b.open()
	if c := b.end(early, false, b.now); c != (change{}) {
		t.Fatalf("an early answer: %+v", c)
	}
	b.isOpen()
	b.now = b.until
	trial, _ := b.begin(b.now)
	if c := b.end(early, false, b.now); c != (change{}) {
		t.Fatalf("an early answer during the trial: %+v", c)
	}
	b.abandon(trial)
	trial, ok := b.begin(b.now)
	if !ok {
		t.Fatal("no other trial after one that was given up")
	}
	if !b.retire() {
		t.Error("retired as if it had been closed")
	}
	if c := b.end(trial, true, b.now); c != (change{}) {
		t.Errorf("a backend that is no longer asked: %+v", c)
	}
	if newClocked(t).retire() {
		t.Error("retired as if it had been open")
	}
}
