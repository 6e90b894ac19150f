package sdk

import (
	"context"
	"errors"
	"fmt"
	"sync"

	"github.com/yizhan-im/yizhan/appliance/wire"
)

// rooms are those that the app is in, or wants to enter. Memberships end with
// the connection, so they are entered again on the next.
//
// On one connection, requests of a room are answered in the order in which they
// are written. order is held from a change here to the end of writing what
// belongs to it: so what is here is what the server makes of it, whichever
// goroutines enter and exit.
type rooms struct {
	order sync.Mutex // taken before mu

	mu  sync.Mutex
	all map[string]*joined
}

// joined is one room. It is in rooms.all while it is entered or being entered.
type joined struct {
	name string

	// Under rooms.mu.
	as    RoomEntry
	link  *link // on which the server has let the app in; nil: on none yet
	exits int   // answers to what was asked before an exit mean nothing
	calls int   // of EnterRoom, under way
}

// want finds or makes the room for a call of EnterRoom, or of EnterRoomAs, which has
// as.
func (r *rooms) want(name string, as *RoomEntry) *joined {
	r.mu.Lock()
	defer r.mu.Unlock()
	j := r.all[name]
	if j == nil {
		if r.all == nil {
			r.all = make(map[string]*joined)
		}
		j = &joined{name: name}
		r.all[name] = j
	}
	if as != nil {
		j.as = *as
	}
	j.calls++
	return j
}

// tagged notes the tags that the app now has in a room, for the next reconnect.
func (r *rooms) tagged(name string, tags []string, notify string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if j := r.all[name]; j != nil {
		j.as.Tags, j.as.NotifyTags = tags, notify
	}
}

// settle ends what want began. It reports whether the app is not in the room.
func (r *rooms) settle(j *joined) (out bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	j.calls--
	return r.dropLocked(j)
}

func (r *rooms) dropLocked(j *joined) bool {
	if j.calls > 0 || j.link != nil {
		return false
	}
	delete(r.all, j.name)
	return true
}

// exit forgets the room.
func (r *rooms) exit(name string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if j := r.all[name]; j != nil {
		j.link = nil
		j.exits++
		r.dropLocked(j)
	}
}

// out forgets a room that the server has put the app out of, and reports whether
// the app was in it. A call of EnterRoom under way has come later.
func (r *rooms) out(name string) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	j := r.all[name]
	if j == nil || j.link == nil {
		return false
	}
	j.link = nil
	r.dropLocked(j)
	return true
}

// has reports whether the app wants the room's messages.
func (r *rooms) has(name string) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.all[name] != nil
}

// ready reports whether a message to the room may be sent on l. A room that the
// app is not in is: the server says so.
func (r *rooms) ready(name string, l *link) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	j := r.all[name]
	return j == nil || j.link == nil || j.link == l
}

// lost lists the rooms that were entered on an older link than l.
func (r *rooms) lost(l *link) (lost []*joined) {
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, j := range r.all {
		if j.link != nil && j.link != l {
			lost = append(lost, j)
		}
	}
	return lost
}

func (r *rooms) isLost(j *joined, l *link) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	return j.link != nil && j.link != l
}

// refused forgets a room that the server does not let the app into again. It
// reports false when that is not so any more.
func (r *rooms) refused(j *joined, l *link) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	if j.link == nil || j.link == l {
		return false
	}
	j.link = nil
	r.dropLocked(j)
	return true
}

// startEnter asks on l for the room; the caller holds rooms.order. When the app
// is in, told gets the number of members, under rooms.mu, before anything that
// comes behind the answer.
func (c *Client) startEnter(l *link, j *joined, told func(members int)) (*pendingCall, error) {
	c.rooms.mu.Lock()
	exits := j.exits
	request := j.as.request(j.name)
	c.rooms.mu.Unlock()
	return l.start(wire.CmdEnterRoom, request, func(payload []byte) error {
		var answer wire.EnterRoomResponse
		if err := answer.UnmarshalVT(payload); err != nil {
			return err
		}
		c.rooms.mu.Lock()
		if j.exits == exits {
			j.link = l
			told(int(answer.Members))
		}
		c.rooms.mu.Unlock()
		c.wake()
		return nil
	})
}

// reenterRooms enters the rooms again that the app was in before l. It returns
// when that is done, or ctx ends with the link.
func (c *Client) reenterRooms(ctx context.Context, l *link) {
	for _, j := range c.rooms.lost(l) {
		err := c.reenter(ctx, l, j)
		if err != nil && !errors.Is(err, errLinkDown) && ctx.Err() == nil && c.rooms.refused(j, l) {
			c.o.Logger.Warn("the server refuses to let this client into a room again", "error", err)
			c.inbox.offerReentry(RoomReentry{Room: j.name, Err: err})
			c.wake()
		}
	}
}

func (c *Client) reenter(ctx context.Context, l *link, j *joined) error {
	for {
		c.rooms.order.Lock()
		if !c.rooms.isLost(j, l) { // the app has been faster
			c.rooms.order.Unlock()
			return nil
		}
		p, err := c.startEnter(l, j, func(members int) {
			c.inbox.offerReentry(RoomReentry{Room: j.name, Members: members})
		})
		c.rooms.order.Unlock()
		if err == nil {
			err = p.wait(ctx)
		}
		var retry *retryError
		if !errors.As(err, &retry) {
			return err
		}
		if !pause(ctx, retry.pause()) {
			return ctx.Err()
		}
	}
}

// roomLink waits for a link on which a message to the room may be sent.
func (c *Client) roomLink(ctx context.Context, name string) (*link, error) {
	for {
		c.mu.Lock()
		changed := c.changed
		c.mu.Unlock()
		l, err := c.online(ctx)
		if err != nil {
			return nil, err
		}
		if c.rooms.ready(name, l) {
			return l, nil
		}
		select {
		case <-changed:
		case <-ctx.Done():
			return nil, fmt.Errorf("the room has not been entered again after a reconnect: %w", ctx.Err())
		}
	}
}
