package app

import (
	"context"
	"slices"
	"sync"
	"time"

	"github.com/yizhan-im/yizhan/appliance/state"
	"github.com/yizhan-im/yizhan/appliance/wire"
)

// closings knows the rooms of this node that are to close by themselves. It is
// soft state: after a restart a room that closes when it is empty waits until it
// has been entered and left once more, and one that closes at a time refuses
// entries by its own row.
type closings struct {
	now func() time.Time
	mu  sync.Mutex
	due map[closingRoom]int64 // when, in Unix milliseconds; bounded by maxClosings
}

type closingRoom struct {
	tenant uint32
	room   uint64
}

// maxClosings bounds the rooms that wait to be closed: what is beyond is closed
// when it is next looked at.
const maxClosings = 100_000

// closingPeriod is how often rooms are closed that are due.
const closingPeriod = time.Second

func (c *closings) set(tenant uint32, number uint64, at int64) {
	c.mu.Lock()
	defer c.mu.Unlock()
	k := closingRoom{tenant, number}
	if at == 0 {
		delete(c.due, k)
		return
	}
	if c.due == nil {
		c.due = map[closingRoom]int64{}
	}
	if _, known := c.due[k]; known || len(c.due) < maxClosings {
		c.due[k] = at
	}
}

// changed is told what a room now is.
func (c *closings) changed(tenant uint32, number uint64, info *wire.RoomInfo) {
	switch {
	case info.Closed || info.DelayClose == 0:
		c.set(tenant, number, 0)
	case info.CloseAtMs > 0:
		c.set(tenant, number, info.CloseAtMs)
	}
}

// occupied is told that somebody is in a room.
func (c *closings) occupied(tenant uint32, number uint64, info *wire.RoomInfo) {
	switch info.DelayClose {
	case state.RoomClosesEmpty:
		c.set(tenant, number, 0)
	case state.RoomClosesAt:
		c.set(tenant, number, info.CloseAtMs)
	}
}

// vacant is told that nobody is in a room any more.
func (c *closings) vacant(tenant uint32, number uint64, info *wire.RoomInfo) {
	if info.DelayClose == state.RoomClosesEmpty && !info.Closed {
		c.set(tenant, number, c.now().UnixMilli()+int64(info.DelaySeconds)*1000)
	}
}

// take removes and returns the rooms that are due.
func (c *closings) take(nowMs int64) (due []closingRoom) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for k, at := range c.due {
		if at <= nowMs {
			due = append(due, k)
			delete(c.due, k)
		}
	}
	return due
}

// runRooms does what has to be done now and then, until the App closes.
func (a *App) runRooms() {
	a.sweepRooms()
	tick := time.NewTicker(closingPeriod)
	defer tick.Stop()
	for {
		select {
		case <-tick.C:
			a.closeRooms()
		case <-a.asking.Done():
			return
		}
	}
}

// closeRooms closes the rooms whose time has come.
func (a *App) closeRooms() {
	for _, k := range a.closings.take(a.closings.now().UnixMilli()) {
		info, err := a.queries.Room(k.tenant, k.room)
		if err != nil || info.Closed || info.DelayClose == 0 ||
			info.DelayClose == state.RoomClosesEmpty && a.rooms.Count(k.tenant, info.Id) > 0 ||
			info.DelayClose == state.RoomClosesAt && info.CloseAtMs > a.closings.now().UnixMilli() {
			continue
		}
		c := state.RoomChange{TimeMs: a.closings.now().UnixMilli(), Tenant: k.tenant, Room: k.room, Op: state.RoomOpen, Backend: true}
		if a.store.Submit(c.Append(nil), bestEffort{}) != nil {
			a.closings.set(k.tenant, k.room, a.closings.now().UnixMilli()) // next time
		}
	}
}

// sweepRooms takes out of all queues what belongs to sessions of the last run of
// this node, which are no more.
func (a *App) sweepRooms() {
	for {
		res, err := propose[*state.RoomLogResult](a.asking, a, &state.RoomSweep{TimeMs: a.closings.now().UnixMilli()})
		switch {
		case err == nil && !res.More:
			close(a.swept)
			return
		case a.asking.Err() != nil:
			return
		case err == nil:
			continue
		}
		select { // no leader yet, or too much to do
		case <-time.After(closingPeriod):
		case <-a.asking.Done():
			return
		}
	}
}

// sweepWait is how long an offer waits for sweepRooms, which takes some milliseconds
// when there is a leader.
const sweepWait = 5 * time.Second

// awaitSweep returns when sweepRooms is done. An element that goes with its owner must
// not be offered before: it would be taken for one of the last run.
func (a *App) awaitSweep(ctx context.Context, c *state.RoomChange) error {
	if !slices.ContainsFunc(c.Elements, func(e *wire.RoomElement) bool { return e.Transient }) || a.isSwept() {
		return nil
	}
	timer := time.NewTimer(sweepWait)
	defer timer.Stop()
	select {
	case <-a.swept:
		return nil
	case <-timer.C:
		return errStoreLeader
	case <-ctx.Done():
		return ctx.Err()
	}
}

func (a *App) isSwept() bool {
	select {
	case <-a.swept:
		return true
	default:
		return false
	}
}
