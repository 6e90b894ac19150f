package main

import (
	"context"
	"os"
	"time"
)

// snapshot is what node and driver had used at one moment.
type snapshot struct {
	at           time.Time
	node, driver usage
	nodeKnown    bool
}

// spent is what they used between two moments.
type spent struct {
	elapsed      time.Duration
	node, driver time.Duration // CPU time
	nodeKnown    bool
}

// snapshot reads both processes.
func (s *subject) snapshot() (snapshot, error) {
	now := snapshot{at: time.Now(), nodeKnown: s.meter != nil}
	var err error
	if now.driver, err = (procMeter{pid: os.Getpid()}).usage(); err != nil {
		return now, err
	}
	if now.nodeKnown {
		now.node, err = s.meter.usage()
	}
	return now, err
}

func (s snapshot) since(before snapshot) spent {
	return spent{
		elapsed:   s.at.Sub(before.at),
		node:      s.node.CPU - before.node.CPU,
		driver:    s.driver.CPU - before.driver.CPU,
		nodeKnown: s.nodeKnown && before.nodeKnown,
	}
}

// spentBetween waits for both moments and returns what was used between them.
// With a profiler it profiles that time.
func (s *subject) spentBetween(ctx context.Context, from, to time.Time) (spent, error) {
	before, err := s.snapshotAt(ctx, from)
	if err != nil {
		return spent{}, err
	}
	profiled, err := s.profiler.cpu(ctx, time.Until(to))
	if err != nil {
		return spent{}, err
	}
	after, err := s.snapshotAt(ctx, to)
	if profileErr := profiled(); err == nil {
		err = profileErr
	}
	return after.since(before), err
}

func (s *subject) snapshotAt(ctx context.Context, moment time.Time) (snapshot, error) {
	if err := wait(ctx, time.Until(moment)); err != nil {
		return snapshot{}, err
	}
	return s.snapshot()
}
