package sdk

import (
	"context"
	"strings"
	"time"

	"github.com/yizhan-im/yizhan/appliance/wire"
)

// noticesPage is the most notifications or broadcasts in one answer.
const noticesPage = 100

// Notice is a notification to be sent.
type Notice struct {
	// Attach is the app's own, 1 to 4096 characters.
	Attach string
	// OnlineOnly: it comes to who is online now, and nothing is kept of it.
	OnlineOnly bool
	// ClientID is the notification's own name, 1–63 bytes, by which the server
	// recognises it when it is sent again within a week. Empty makes one.
	ClientID string
	// Options are for pushes to devices that sleep; nil takes the defaults.
	Options *wire.NotifyOptions
}

// NotifyResult is what the server says of an accepted notification.
type NotifyResult struct {
	ClientID  string
	ID        uint64
	Time      time.Time
	Duplicate bool // as in SendResult
}

// Notify sends a notification to an account. It is no message: it belongs to no
// conversation and counts nowhere as unread. 403: only the tenant's backend may;
// 404: there is no such account; 7101: it has blacklisted this one.
func (c *Client) Notify(ctx context.Context, account string, n Notice) (NotifyResult, error) {
	return c.notify(ctx, cursorKey{peer: strings.ToLower(account)}, n)
}

// Notify is Client.Notify for all devices of the team's members but this one. 812:
// the team, or the account in it, is muted.
func (t Team) Notify(ctx context.Context, n Notice) (NotifyResult, error) {
	return t.c.notify(ctx, teamKey(t.id), n)
}

func (c *Client) notify(ctx context.Context, key cursorKey, n Notice) (NotifyResult, error) {
	if n.ClientID == "" {
		n.ClientID = newID()
	}
	request := &wire.NotifyRequest{
		Scene: key.scene, To: key.peer, ClientId: n.ClientID, Attach: n.Attach, OnlineOnly: n.OnlineOnly, Options: n.Options,
	}
	var response wire.NotifyResponse
	if err := c.call(ctx, wire.CmdNotify, request, response.UnmarshalVT); err != nil {
		return NotifyResult{ClientID: n.ClientID}, err
	}
	return NotifyResult{ClientID: n.ClientID, ID: response.Id, Time: time.UnixMilli(response.TimeMs), Duplicate: response.Duplicate}, nil
}

// readStream reads one page of what is missing of s, from a version on, and waits
// for room in the queue.
func (c *Client) readStream(ctx context.Context, s *stream, from uint64, fresh bool) {
	read := c.readNotifications
	if s == c.inbox.casts {
		read = c.readBroadcasts
	}
	if err := read(ctx, s, from, fresh); err != nil && ctx.Err() == nil {
		c.o.Logger.Warn("reading notifications or broadcasts failed", "error", err)
		c.inbox.postponeStream(s, jittered(failedPause))
	}
}

func (c *Client) readNotifications(ctx context.Context, s *stream, from uint64, fresh bool) error {
	var page wire.NotificationsResponse
	if err := c.request(ctx, wire.CmdNotifications, &wire.NotificationsRequest{Version: from, Fresh: fresh, Limit: noticesPage}, page.UnmarshalVT); err != nil {
		return err
	}
	for _, n := range page.Notifications {
		if !c.placeNotice(ctx, s, n.Version, Notification{n}) {
			return ctx.Err()
		}
	}
	c.inbox.readStream(s, page.Version, page.More)
	return nil
}

func (c *Client) readBroadcasts(ctx context.Context, s *stream, from uint64, fresh bool) error {
	var page wire.BroadcastsResponse
	if err := c.request(ctx, wire.CmdBroadcasts, &wire.BroadcastsRequest{Version: from, Fresh: fresh, Limit: noticesPage}, page.UnmarshalVT); err != nil {
		return err
	}
	for _, b := range page.Broadcasts {
		if !c.placeNotice(ctx, s, b.Version, Broadcast{b}) {
			return ctx.Err()
		}
	}
	c.inbox.readStream(s, page.Version, page.More)
	return nil
}

// placeNotice waits for room in the queue; false when ctx ended.
func (c *Client) placeNotice(ctx context.Context, s *stream, version uint64, e Event) bool {
	for !c.inbox.placeStream(s, version, e) {
		if !c.waitRoom(ctx) {
			return false
		}
	}
	return true
}
