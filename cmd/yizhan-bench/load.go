package main

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"time"
)

// loadOptions are those of the send and deliver scenarios.
type loadOptions struct {
	Connections int
	Peers       int // receivers that each connection writes to in turn
	Rate        int // messages per second of all connections; 0: as many as the node takes
	Window      int // unanswered messages per connection when Rate is 0
	BodyBytes   int
	Warmup      time.Duration
	Duration    time.Duration
	Stragglers  time.Duration // how long to wait for answers and pushes at the end
	Verify      bool
}

func (o *loadOptions) validate() error {
	switch {
	case o.Peers < 1 || o.Connections < 2*o.Peers+1:
		return fmt.Errorf("--connections must be at least %d with --peers %d: no conversation may have two senders", 2*o.Peers+1, o.Peers)
	case o.Connections > maxStreams/o.Peers:
		return fmt.Errorf("--connections times --peers must not exceed %d", maxStreams)
	case o.Rate < 0:
		return errors.New("--rate must not be negative")
	case o.Rate == 0 && o.Window < 1:
		return errors.New("--window must be at least 1")
	case o.BodyBytes < 1 || o.BodyBytes > maxBody:
		return fmt.Errorf("--body must be 1 to %d bytes", maxBody)
	case o.Stragglers < 0:
		return errors.New("--stragglers must not be negative")
	}
	return validateTimes(o.Warmup, o.Duration)
}

// load is one run of messages. Members stand in a ring: each writes to the next
// ones and is written to by those before it, so every connection sends and
// receives, and every conversation has one sender, whose order its seq shows.
//
//	saturated: a member's goroutine reads, and writes when it has read all
//	           that was there: as many messages as have been answered
//	paced:     one goroutine, the pacer, writes on all connections by a
//	           schedule that does not wait for anything
type load struct {
	options  loadOptions
	run      uint32
	epoch    time.Time
	from, to time.Duration // since epoch: what is sent in between counts
	streams  []*stream     // of member i: i*Peers … (i+1)*Peers-1
	members  []*member
	schedule *schedule     // nil when saturated
	paced    chan struct{} // closed when the pacer has sent all; at once when saturated

	stopping atomic.Bool  // send nothing more
	closing  atomic.Bool  // connections close because the run is over
	pending  atomic.Int64 // answers and pushes that are still to come
}

func newLoad(o loadOptions, run uint32) *load {
	l := &load{options: o, run: run, from: o.Warmup, to: o.Warmup + o.Duration, paced: make(chan struct{})}
	for i := range o.Connections {
		for k := range o.Peers {
			l.streams = append(l.streams, &stream{from: i, to: (i + k + 1) % o.Connections})
		}
	}
	if o.Rate > 0 {
		l.schedule = &schedule{rate: uint64(o.Rate), members: uint64(o.Connections)}
	}
	return l
}

// now is the time since the epoch.
func (l *load) now() time.Duration { return time.Since(l.epoch) }

// counts reports whether something that was to happen at t is in the measured
// part of the run.
func (l *load) counts(t time.Duration) bool { return t >= l.from && t < l.to }

// connect logs all members in.
func (l *load) connect(ctx context.Context, d *dialer, accounts []account) error {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	l.members = make([]*member, len(accounts))
	slots := make(chan struct{}, connectWorkers)
	var connecting sync.WaitGroup
	for i := range accounts {
		slots <- struct{}{}
		connecting.Go(func() {
			defer func() { <-slots }()
			m, err := newMember(ctx, l, i, d, accounts)
			if err != nil {
				cancel(fmt.Errorf("logging in %s: %w", accounts[i].name, err))
				return
			}
			l.members[i] = m
		})
	}
	connecting.Wait()
	return context.Cause(ctx)
}

// connectWorkers is how many members log in at once.
const connectWorkers = 16

// start lets the members go. The returned function waits until all have ended,
// for which the connections must be closed.
func (l *load) start(ctx context.Context) (join func()) {
	l.epoch = time.Now()
	var running sync.WaitGroup
	for _, m := range l.members {
		running.Go(m.serve)
	}
	if l.schedule != nil {
		running.Go(func() {
			defer close(l.paced)
			l.pace(ctx)
		})
	} else {
		close(l.paced)
	}
	return running.Wait
}

const (
	// stragglerPoll is how often to look whether everything has arrived.
	stragglerPoll = 10 * time.Millisecond
	// duplicateWait is how long to listen on after that, for what comes twice.
	duplicateWait = 300 * time.Millisecond
)

// settle waits until everything that was to be sent is sent, answered and
// delivered, or the deadline passes.
func (l *load) settle(ctx context.Context) {
	defer l.stopping.Store(true)
	ctx, cancel := context.WithTimeout(ctx, l.options.Stragglers)
	defer cancel()
	select {
	case <-l.paced:
	case <-ctx.Done():
		return
	}
	for l.pending.Load() > 0 {
		if wait(ctx, stragglerPoll) != nil {
			return
		}
	}
	_ = wait(ctx, duplicateWait)
}

// close ends all connections.
func (l *load) close() {
	l.stopping.Store(true)
	l.closing.Store(true)
	for _, m := range l.members {
		if m != nil {
			m.conn.Close()
		}
	}
}

// account adds up what happened; every goroutine of the run has ended.
func (l *load) account(verified bool) (Accounting, errorCounts) {
	a := Accounting{Verified: verified}
	var failures errorCounts
	for _, s := range l.streams {
		a.settle(s, verified)
	}
	for _, m := range l.members {
		a.Foreign += m.foreign
		failures.add(m.errors)
	}
	return a, failures
}
