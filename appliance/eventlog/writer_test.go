package eventlog

import (
	"bytes"
	"errors"
	"fmt"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/yizhan-im/yizhan/appliance/state"
	"github.com/yizhan-im/yizhan/appliance/wire"
	"github.com/yizhan-im/yizhan/raftstore"
)

// store keeps commands, or refuses them.
type store struct {
	mu     sync.Mutex
	refuse error // of Submit
	fail   error // of Done
	sizes  []int
	bytes  []byte
}

func (s *store) Submit(cmd []byte, c raftstore.Completion) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.refuse != nil {
		return s.refuse
	}
	s.sizes = append(s.sizes, len(cmd))
	s.bytes = append(s.bytes, cmd...)
	c.Done(&state.EventsResult{Code: wire.CodeOK}, s.fail)
	return nil
}

func (s *store) set(refuse, fail error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.refuse, s.fail = refuse, fail
}

// order is where in the commands the devices are named.
func (s *store) order(devices ...string) (at []int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, d := range devices {
		at = append(at, bytes.Index(s.bytes, []byte(d)))
	}
	return at
}

func event(device string) state.LoginEvent {
	return state.LoginEvent{Tenant: 1, Account: "alice", Keep: 9, Event: &wire.LoginEvent{
		Kind: wire.LoginEventKind_LOGIN_EVENT_LOGIN, DeviceId: device, Ip: "192.0.2.1",
	}}
}

func TestEventsShareCommandsAndKeepTheirOrder(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := new(store)
		w := New(Config{Store: s})
		var names []string
		for i := range 3 * state.MaxEventsAtOnce {
			names = append(names, fmt.Sprintf("dev%04d", i))
			w.Add(event(names[i]))
		}
		time.Sleep(2 * gather)
		synctest.Wait()
		// The writer may begin while events still come.
		if len(s.sizes) > len(names)/8 || slices.Max(s.sizes) > state.MaxCommandBytes {
			t.Errorf("commands of %v bytes", s.sizes)
		}
		if at := s.order(names...); slices.Contains(at, -1) || !slices.IsSorted(at) {
			t.Errorf("not in order: %v", at)
		}
		w.Close()
	})
}

// TestStoreThatRefusesIsAskedAgain, and what waits is written by Close.
func TestStoreThatRefusesIsAskedAgain(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := &store{refuse: raftstore.ErrBusy}
		w := New(Config{Store: s})
		w.Add(event("first"))
		time.Sleep(10 * retry)
		if w.waiting() != 1 {
			t.Errorf("%d wait", w.waiting())
		}
		s.set(nil, nil)
		w.Add(event("second"))
		w.Close()
		if at := s.order("first", "second"); slices.Contains(at, -1) {
			t.Errorf("recorded at %v", at)
		}
		w.Add(event("late")) // dropped
		w.Close()
	})
}

func TestCloseLosesPatience(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := New(Config{Store: &store{refuse: raftstore.ErrDiskFull}})
		w.Add(event("x"))
		start := time.Now()
		w.Close()
		if took := time.Since(start); took > closePatience+retry {
			t.Errorf("took %v", took)
		}
	})
}

func TestFailedCommandIsNotRepeated(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := &store{fail: errors.New("uncertain")}
		w := New(Config{Store: s})
		w.Add(event("x"))
		time.Sleep(10 * retry)
		synctest.Wait()
		if len(s.sizes) != 1 || w.waiting() != 0 {
			t.Errorf("%d commands, %d wait", len(s.sizes), w.waiting())
		}
		w.Close()
	})
}

func TestQueueIsBounded(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := New(Config{Store: &store{refuse: raftstore.ErrBusy}})
		for range maxQueued + 10 {
			w.Add(event("x"))
		}
		if w.waiting() != maxQueued {
			t.Errorf("%d wait", w.waiting())
		}
		w.Close()
	})
}
