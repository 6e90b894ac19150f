package main

import "testing"

// feed accounts for a stream of three messages. What spoil leaves empty is
// without fault.
func feed(spoil func(s *stream)) Accounting {
	s := &stream{sent: 3}
	for n := uint32(1); n <= 3; n++ {
		s.outcome.set(n, uint64(n))
	}
	spoil(s)
	for _, log := range []*arrivals{&s.arrived, &s.stored} {
		if log.count == 0 {
			arrive(log, [2]uint32{1, 1}, [2]uint32{2, 2}, [2]uint32{3, 3})
		}
	}
	var a Accounting
	a.settle(s, true)
	return a
}

func arrive(a *arrivals, pairs ...[2]uint32) {
	for _, p := range pairs {
		a.add(p[0], uint64(p[1]))
	}
}

func TestAccountingOfAFaultlessStream(t *testing.T) {
	a := feed(func(*stream) {})
	want := Accounting{Sent: 3, Acked: 3, Delivered: 3, Stored: 3}
	if a != want || !a.exact() {
		t.Errorf("got %+v, want %+v and exact", a, want)
	}
}

func TestAccountingDetects(t *testing.T) {
	tests := map[string]struct {
		spoil func(s *stream)
		want  Accounting
	}{
		"a message acknowledged but not stored": {
			func(s *stream) { arrive(&s.stored, [2]uint32{1, 1}, [2]uint32{2, 2}) },
			Accounting{Sent: 3, Acked: 3, Delivered: 3, Stored: 2, Lost: 1},
		},
		"a message in the middle not stored": {
			func(s *stream) { arrive(&s.stored, [2]uint32{1, 1}, [2]uint32{3, 3}) },
			Accounting{Sent: 3, Acked: 3, Delivered: 3, Stored: 2, Lost: 1, Holes: 1},
		},
		"a message acknowledged but not pushed": {
			func(s *stream) { arrive(&s.arrived, [2]uint32{1, 1}, [2]uint32{3, 3}) },
			Accounting{Sent: 3, Acked: 3, Delivered: 2, Stored: 3, Undelivered: 1, Holes: 1},
		},
		"a message pushed twice": {
			func(s *stream) {
				arrive(&s.arrived, [2]uint32{1, 1}, [2]uint32{2, 2}, [2]uint32{2, 2}, [2]uint32{3, 3})
			},
			Accounting{Sent: 3, Acked: 3, Delivered: 3, Stored: 3, Duplicated: 1},
		},
		"a message stored twice": {
			func(s *stream) {
				arrive(&s.stored, [2]uint32{1, 1}, [2]uint32{2, 2}, [2]uint32{3, 3}, [2]uint32{3, 4})
			},
			Accounting{Sent: 3, Acked: 3, Delivered: 3, Stored: 3, Duplicated: 1},
		},
		"a request answered twice": {
			func(s *stream) { s.outcome.set(2, 2) },
			Accounting{Sent: 3, Acked: 3, Delivered: 3, Stored: 3, Duplicated: 1},
		},
		"pushes out of order": {
			func(s *stream) { arrive(&s.arrived, [2]uint32{2, 2}, [2]uint32{1, 1}, [2]uint32{3, 3}) },
			Accounting{Sent: 3, Acked: 3, Delivered: 3, Stored: 3, Reordered: 1},
		},
		"messages committed in another order than they were sent in": {
			func(s *stream) {
				s.outcome = outcomes{}
				s.outcome.set(1, 1)
				s.outcome.set(2, 3)
				s.outcome.set(3, 2)
				for _, log := range []*arrivals{&s.arrived, &s.stored} {
					arrive(log, [2]uint32{1, 1}, [2]uint32{3, 2}, [2]uint32{2, 3})
				}
			},
			Accounting{Sent: 3, Acked: 3, Delivered: 3, Stored: 3, Reordered: 2},
		},
		"a push that names another seq than the answer": {
			func(s *stream) { arrive(&s.arrived, [2]uint32{1, 1}, [2]uint32{2, 2}, [2]uint32{3, 4}) },
			Accounting{Sent: 3, Acked: 3, Delivered: 3, Stored: 3, Mismatched: 1, Holes: 1},
		},
		"a request that was never answered": {
			func(s *stream) { s.sent = 4 },
			Accounting{Sent: 4, Acked: 3, Delivered: 3, Stored: 3, Unanswered: 1},
		},
		"a message that nobody sent": {
			func(s *stream) {
				arrive(&s.arrived, [2]uint32{1, 1}, [2]uint32{2, 2}, [2]uint32{3, 3}, [2]uint32{9, 4})
			},
			Accounting{Sent: 3, Acked: 3, Delivered: 4, Stored: 3, Foreign: 1},
		},
		"numbers and seqs out of range": {
			func(s *stream) {
				s.outcome.set(0, 1)
				s.outcome.set(maxNumber+1, 1)
				arrive(&s.arrived, [2]uint32{maxNumber + 1, 1}, [2]uint32{1, 0})
			},
			Accounting{Sent: 3, Acked: 3, Delivered: 3, Stored: 3, Foreign: 4},
		},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			got := feed(test.spoil)
			if got != test.want {
				t.Errorf("got  %+v\nwant %+v", got, test.want)
			}
			if got.exact() {
				t.Error("taken for exact")
			}
		})
	}
}

func TestRefusedMessagesAreAccountedForButNoFault(t *testing.T) {
	s := &stream{sent: 3}
	s.outcome.set(1, 1)
	s.outcome.set(2, refusedSeq)
	s.outcome.set(3, 2)
	for _, log := range []*arrivals{&s.arrived, &s.stored} {
		arrive(log, [2]uint32{1, 1}, [2]uint32{3, 2})
	}
	var a Accounting
	a.settle(s, true)
	want := Accounting{Sent: 3, Acked: 2, Refused: 1, Delivered: 2, Stored: 2}
	if a != want || !a.exact() {
		t.Errorf("got %+v, want %+v and exact", a, want)
	}
}
