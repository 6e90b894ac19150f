package session

import (
	"context"
	"testing"
	"testing/synctest"
	"time"

	"github.com/yizhan-im/yizhan/appliance/wire"
)

func TestGoAwayIsSpreadOverTime(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		const clients = 50
		const spread = 8 * time.Second
		conns := make([]int, clients)
		for i := range conns {
			conns[i] = i + 1
		}
		begin := time.Now()
		told, firstHalf := 0, 0
		all := goAway(t.Context(), nil, conns, spread, func(c int, push *Event) {
			told++
			if c != told {
				t.Errorf("client %d is told at place %d", c, told)
			}
			if time.Since(begin) <= spread/2 {
				firstHalf++
			}
			var m wire.GoAwayPush
			if err := m.UnmarshalVT(push.Payload); err != nil || push.Command != wire.PushGoAway || m.Note == "" || m.DelayMs >= 2000 {
				t.Errorf("told %v %v, error %v", push.Command, &m, err)
			}
		})
		if !all || told != clients {
			t.Errorf("%d of %d were told, all: %v", told, clients, all)
		}
		if firstHalf < clients/2-1 || firstHalf > clients/2+1 {
			t.Errorf("%d of %d were told in the first half", firstHalf, clients)
		}
		if took := time.Since(begin); took < spread || took > spread+drainStep {
			t.Errorf("it took %v, want %v", took, spread)
		}
		for i, c := range conns {
			if c != 0 {
				t.Errorf("place %d still holds %d", i, c)
			}
		}
	})
}

func TestGoAwayWithoutSpreadTellsAllAtOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		told := 0
		begin := time.Now()
		if !goAway(t.Context(), nil, []int{1, 2, 3}, 0, func(int, *Event) { told++ }) || told != 3 || time.Since(begin) != 0 {
			t.Errorf("%d were told in %v", told, time.Since(begin))
		}
		if !goAway(t.Context(), nil, nil, time.Hour, func(int, *Event) { told++ }) || told != 3 || time.Since(begin) != 0 {
			t.Errorf("nobody was there: %d told, after %v", told-3, time.Since(begin))
		}
	})
}

func TestGoAwayEndsEarly(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		gone := make(chan struct{})
		told := 0
		tell := func(c int, _ *Event) {
			if told++; told == 2 {
				close(gone)
			}
		}
		if goAway(t.Context(), gone, make([]int, 100), time.Minute, tell) || told != 2 {
			t.Errorf("%d were told although nobody was left after 2", told)
		}
		ctx, cancel := context.WithTimeout(t.Context(), 15*time.Second)
		defer cancel()
		told = 2
		if goAway(ctx, nil, make([]int, 6), time.Minute, tell) || told != 3 {
			t.Errorf("%d were told in the 15 seconds that the drain had, want 1", told-2)
		}
	})
}
