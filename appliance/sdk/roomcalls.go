package sdk

import (
	"context"
	"errors"
	"time"

	"github.com/yizhan-im/yizhan/appliance/wire"
)

// EnterRoom makes this client a member of a room, from which it then gets
// RoomMessage events, and returns how many members the room has on the server's
// node. name is 1–64 bytes of visible characters, upper and lower case differ.
// Entering a room again changes nothing.
//
// The client stays in the room until ExitRoom: after a reconnect it enters again
// by itself, and tells with RoomReentry. When ctx ends before the answer, it is
// not in the room. 419: it is in too many rooms.
func (c *Client) EnterRoom(ctx context.Context, name string) (members int, err error) {
	return c.enterRoom(ctx, name, nil)
}

// EnterRoomAs is EnterRoom of a registered room with what this client is in it, now
// and after a reconnect. In a room that it is in, it changes that. 414: the room is
// not a registered one and has no tags, or a text or tag is too long.
func (c *Client) EnterRoomAs(ctx context.Context, name string, as RoomEntry) (members int, err error) {
	return c.enterRoom(ctx, name, &as)
}

func (c *Client) enterRoom(ctx context.Context, name string, as *RoomEntry) (members int, err error) {
	ctx, end, err := c.begin(ctx)
	if err != nil {
		return 0, err
	}
	defer end()
	j := c.rooms.want(name, as)
	var asked *link
	count := make(chan int, 1) // of this call: an answer may come when nobody waits any more
	err = c.repeat(ctx, c.online, func(l *link) error {
		c.rooms.order.Lock()
		p, err := c.startEnter(l, j, func(members int) { count <- members })
		c.rooms.order.Unlock()
		if err != nil {
			return err
		}
		asked = l
		return p.wait(ctx)
	})
	c.rooms.order.Lock()
	defer c.rooms.order.Unlock()
	out := c.rooms.settle(j)
	select {
	case members = <-count:
		return members, nil // perhaps in the moment in which ctx ended
	default:
	}
	if out && ctx.Err() != nil && asked != nil {
		// The server may let us in yet; nobody waits for this answer either.
		_, _ = asked.start(wire.CmdExitRoom, &wire.ExitRoomRequest{Room: name}, nil)
	}
	return 0, err // nil when ExitRoom was called meanwhile
}

// ExitRoom ends the membership in a room. Events of it that are in the queue
// still come. Without a connection there is nothing to end: ExitRoom then only
// keeps the client from entering again. After an error the client ignores the
// room's messages, but the server may count it as a member until ExitRoom is
// called again or the connection ends.
func (c *Client) ExitRoom(ctx context.Context, name string) error {
	ctx, end, err := c.begin(ctx)
	if err != nil {
		return err
	}
	defer end()
	for first := true; ; first = false {
		p, err := c.startExit(name, first)
		if p == nil && err == nil {
			return nil
		}
		if err == nil {
			err = p.wait(ctx)
		}
		var retry *retryError
		switch {
		case errors.Is(err, errLinkDown):
			return nil // and the membership with it
		case !errors.As(err, &retry):
			return err
		}
		select {
		case <-time.After(retry.pause()):
		case <-ctx.Done():
			return retry.answer
		case <-c.ctx.Done():
			return ErrClosed
		}
	}
}

// startExit forgets the room, and asks the server to do so too; both nil: it
// need not be asked, or, when this is not the first time, must not, because the
// app has come back.
func (c *Client) startExit(name string, first bool) (*pendingCall, error) {
	c.rooms.order.Lock()
	defer c.rooms.order.Unlock()
	if !first && c.rooms.has(name) {
		return nil, nil
	}
	c.rooms.exit(name)
	c.inbox.forgetRoom(name)
	c.mu.Lock()
	l, stopErr, started := c.link, c.stopErr, c.started
	c.mu.Unlock()
	switch {
	case stopErr != nil:
		return nil, stopErr
	case !started:
		return nil, ErrNotStarted
	case l == nil:
		return nil, nil
	}
	return l.start(wire.CmdExitRoom, &wire.ExitRoomRequest{Room: name}, nil)
}

// RoomSendResult is what became of a message to a room.
type RoomSendResult struct {
	ClientID string
	ID       uint64 // in the order of the room's messages
	Time     time.Time
	// Abandoned: the room, a registered one, is overloaded, and the message was
	// sent to nobody.
	Abandoned bool
}

// SendRoom sends one message to the members of a room that this client is in,
// and waits until it is on its way to them. The client's own message comes as a
// RoomMessage too, with Local set, at its place in the room's order.
//
// A message reaches each member at most once and is not kept, so it is never
// sent a second time: ErrUncertain says that the connection was lost before the
// answer came. Without a connection, SendRoom waits for the next one, and for
// the room to be entered there. When ctx ends before the answer, the message
// may or may not have been sent. 403: this client is not in the room.
func (c *Client) SendRoom(ctx context.Context, name string, content Content) (RoomSendResult, error) {
	result := RoomSendResult{ClientID: content.ClientID}
	if result.ClientID == "" {
		result.ClientID = newID()
	}
	ctx, end, err := c.begin(ctx)
	if err != nil {
		return result, err
	}
	defer end()
	request := &wire.SendRoomRequest{
		Room: name, ClientId: result.ClientID, Type: content.Type, Body: content.Body, Ext: content.Ext,
		HighPriority: content.HighPriority, SkipHistory: content.SkipHistory, NotifyTags: content.NotifyTags,
	}
	var answer wire.SendRoomResponse
	err = c.repeat(ctx,
		func(ctx context.Context) (*link, error) { return c.roomLink(ctx, name) },
		func(l *link) error {
			err := l.call(ctx, wire.CmdSendRoom, request, func(payload []byte) error {
				if err := answer.UnmarshalVT(payload); err != nil {
					return err
				}
				if !answer.Abandoned {
					c.ownRoomMessage(request, &answer)
				}
				return nil
			})
			if errors.Is(err, errLinkDown) && !errors.Is(err, errUnsent) {
				return ErrUncertain
			}
			return err
		})
	if err != nil {
		return result, err
	}
	result.ID, result.Abandoned = answer.Id, answer.Abandoned
	if !answer.Abandoned {
		result.Time = time.UnixMilli(answer.TimeMs)
	}
	return result, nil
}

// ownRoomMessage queues what this client has sent: the server does not push it
// to the session that sent it, but answers in the order of the room's messages.
func (c *Client) ownRoomMessage(r *wire.SendRoomRequest, answer *wire.SendRoomResponse) {
	if !c.rooms.has(r.Room) {
		return
	}
	c.inbox.offerRoom(RoomMessage{Local: true, RoomMessagePush: &wire.RoomMessagePush{
		Room: r.Room, From: c.o.Account, FromPlatform: c.o.Platform, ClientId: r.ClientId,
		Type: r.Type, Body: r.Body, Ext: r.Ext, Id: answer.Id, TimeMs: answer.TimeMs,
	}})
}
