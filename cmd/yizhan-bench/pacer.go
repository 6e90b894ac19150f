package main

import (
	"context"
	"syscall"
	"time"
)

// schedule is when each message of a paced load is to be sent: evenly spaced,
// members in turn. It knows nothing of answers, so a node that falls behind is
// charged for every message that had to wait (no coordinated omission).
type schedule struct {
	rate    uint64 // messages per second, of all members
	members uint64
}

// at is the intended time of a member's request, since the epoch.
func (s *schedule) at(member int, serial uint64) time.Duration {
	return s.tick((serial-1)*s.members + uint64(member))
}

// tick is the intended time of the n-th message, from 0.
func (s *schedule) tick(n uint64) time.Duration {
	seconds, rest := n/s.rate, n%s.rate
	return time.Duration(seconds)*time.Second + time.Duration(rest*uint64(time.Second)/s.rate)
}

// pace sends by the schedule until the run's end. A message whose connection is
// gone is skipped; its sender has noted why.
func (l *load) pace(ctx context.Context) {
	var dirty []*member // have messages that are not flushed; at most all, once each
	flush := func() {
		for _, m := range dirty {
			if err := m.conn.Flush(); err != nil {
				m.failed.Store(true)
			}
		}
		dirty = dirty[:0]
	}
	defer flush()
	for n := uint64(0); ctx.Err() == nil && !l.stopping.Load(); n++ {
		due := l.schedule.tick(n)
		if due >= l.to {
			return
		}
		for ahead := due - l.now(); ahead > 0 && !l.stopping.Load(); ahead = due - l.now() {
			flush()
			sleepExactly(ahead)
		}
		if len(dirty) == len(l.members) {
			flush()
		}
		m := l.members[n%uint64(len(l.members))]
		if m.failed.Load() {
			continue
		}
		l.pending.Add(2)
		if err := m.send(due); err != nil {
			m.failed.Store(true)
			continue
		}
		dirty = append(dirty, m)
	}
}

// sleepExactly sleeps for about d, at most longestSleep, with the kernel's
// precision of some 50 µs: Go's own timers, when nothing else runs, are only as
// fine as epoll_wait's milliseconds. A signal may end it early.
func sleepExactly(d time.Duration) {
	t := syscall.NsecToTimespec(int64(min(d, longestSleep)))
	_ = syscall.Nanosleep(&t, nil) // fails only with EINTR
}

// longestSleep is how soon the pacer notices the end of a run.
const longestSleep = 100 * time.Millisecond
