package main

import (
	"testing"
	"time"
)

func TestScheduleIsEvenAndDoesNotDrift(t *testing.T) {
	s := schedule{rate: 3, members: 2} // a rate that does not divide a second
	for n, want := range map[uint64]time.Duration{
		0: 0, 1: 333_333_333, 2: 666_666_666, 3: time.Second, 3 * 86_400: 24 * time.Hour,
	} {
		if got := s.tick(n); got != want {
			t.Errorf("message %d: due at %v, want %v", n, got, want)
		}
	}
}

func TestMembersTakeTurns(t *testing.T) {
	s := schedule{rate: 1000, members: 3}
	n := uint64(0)
	for serial := uint64(1); serial <= 5; serial++ {
		for member := range 3 {
			if got, want := s.at(member, serial), s.tick(n); got != want {
				t.Errorf("request %d of member %d: due at %v, want %v", serial, member, got, want)
			}
			n++
		}
	}
}

func TestEveryConversationHasOneSender(t *testing.T) {
	l := newLoad(loadOptions{Connections: 7, Peers: 3}, 1)
	pairs := map[[2]int]bool{}
	for _, s := range l.streams {
		pair := [2]int{min(s.from, s.to), max(s.from, s.to)}
		if s.from == s.to || pairs[pair] {
			t.Errorf("stream from %d to %d shares its conversation", s.from, s.to)
		}
		pairs[pair] = true
	}
	if len(l.streams) != 21 {
		t.Errorf("%d streams, want 21", len(l.streams))
	}
}
