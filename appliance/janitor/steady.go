package janitor

import "time"

// A clock that was set far ahead by mistake makes everything old at once, and what is
// removed does not come back with the right time. So a jump of the clock, which the
// monotonic clock does not make, stops the removing for some time: whoever keeps the
// clocks has a day to notice.
const (
	// maxJump is more than any clock is corrected by, and less than anybody keeps.
	maxJump = time.Hour
	// jumpRest is how long nothing is removed after a jump ahead. A board without a
	// clock of its own, which has started in 1970, has its first pass a day late.
	jumpRest = 24 * time.Hour
)

// steadyClock compares the clock with time as it passes. It belongs to one goroutine.
type steadyClock struct {
	now    func() time.Time
	passed func() time.Duration // since some moment, by the monotonic clock

	known  bool
	wallMs int64         // at the last look
	at     time.Duration // passed then
	rests  bool
	until  time.Duration
}

func newSteadyClock(now func() time.Time) steadyClock {
	began := time.Now()
	return steadyClock{now: now, passed: func() time.Duration { return time.Since(began) }}
}

// look reports whether what the clock says may be acted upon, and by how much it has
// jumped ahead since the last look, 0 when it has not.
func (c *steadyClock) look() (steady bool, jumped time.Duration) {
	wallMs, at := c.now().UnixMilli(), c.passed()
	ahead := time.Duration(wallMs-c.wallMs)*time.Millisecond - (at - c.at)
	if c.known && ahead > maxJump {
		jumped = ahead
		c.rests, c.until = true, at+jumpRest
	}
	c.known, c.wallMs, c.at = true, wallMs, at
	c.rests = c.rests && at < c.until
	return !c.rests, jumped
}
