package janitor

import (
	"testing"
	"time"
)

// TestAClockThatJumpsAheadIsNotBelievedForADay, and one that goes back, or is a
// little wrong, is.
func TestAClockThatJumpsAheadIsNotBelievedForADay(t *testing.T) {
	wall, passed := time.UnixMilli(start), time.Duration(0)
	c := newSteadyClock(func() time.Time { return wall })
	c.passed = func() time.Duration { return passed }
	look := func(pass, jump time.Duration, want bool) {
		t.Helper()
		passed += pass
		wall = wall.Add(pass + jump)
		steady, jumped := c.look()
		if steady != want || (jumped != 0) != (jump > maxJump) {
			t.Errorf("after %v and a jump of %v it is steady: %v, jumped %v", pass, jump, steady, jumped)
		}
	}
	look(0, 0, true) // nothing is known yet
	look(2*time.Hour, 0, true)
	look(time.Hour, maxJump, true)
	look(time.Hour, -100*time.Hour, true)
	look(time.Hour, 90*24*time.Hour, false)
	look(23*time.Hour, 0, false)
	look(time.Minute, -90*24*time.Hour, false) // put right
	look(59*time.Minute, 0, true)
	look(time.Hour, 2*time.Hour, false)
	look(20*time.Hour, 2*time.Hour, false) // once more
	look(20*time.Hour, 0, false)
	look(4*time.Hour, 0, true)
}

// TestNothingIsRemovedAfterAJump by the work in the background.
func TestNothingIsRemovedAfterAJump(t *testing.T) {
	s := newSite(t)
	j := s.janitor()
	passed := time.Duration(0)
	j.clock.passed = func() time.Duration { return passed }
	if !j.believesClock() {
		t.Fatal("a clock that nobody knows is not believed")
	}
	s.nowMs.Add(400 * day)
	passed += time.Hour
	if j.believesClock() {
		t.Error("a jump of 400 days is believed")
	}
	if n := s.metric("clock_jumps_total"); n != 1 {
		t.Errorf("counted %v jumps", n)
	}
	s.nowMs.Add(day)
	passed += jumpRest
	if !j.believesClock() || s.metric("clock_jumps_total") != 1 {
		t.Error("it is never believed again")
	}
}
