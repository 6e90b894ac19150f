package sdk

import (
	"context"
	"errors"
	"time"

	"github.com/yizhan-im/yizhan/appliance/wire"
)

const (
	// syncPage is the most conversations in one answer to sync.
	syncPage = 100
	// syncPause is how long to wait when the server fails to answer a sync.
	syncPause = 5 * time.Second
)

// catchUp asks what changed while this client was away, then reads whatever is
// behind, until ctx ends with the link. It is the only goroutine that waits for
// the app to take events.
func (c *Client) catchUp(ctx context.Context) {
	for !c.sync(ctx) {
		if !pause(ctx, jittered(syncPause)) {
			return
		}
	}
	resync := time.NewTimer(c.followSync(ctx))
	defer resync.Stop()
	syncing := true
	for ctx.Err() == nil {
		conv, wait := c.inbox.takeBehind(time.Now())
		if conv != nil {
			c.fill(ctx, conv)
			c.inbox.putBack(conv)
			continue
		}
		s, from, fresh, later := c.inbox.dueStream(time.Now())
		if s != nil {
			c.readStream(ctx, s, from, fresh)
			continue
		}
		if later > 0 && (wait == 0 || later < wait) {
			wait = later
		}
		version, due, later := c.inbox.dueDeletions(time.Now())
		if due {
			c.readDeletions(ctx, version)
			continue
		}
		if later > 0 && (wait == 0 || later < wait) {
			wait = later
		}
		if syncing {
			syncing = false
			c.inbox.setState(StateChange{State: StateConnected})
		}
		if version, ok := c.inbox.toAck(); ok {
			c.ack(ctx, version)
		}
		var retry <-chan time.Time
		if wait > 0 {
			retry = time.After(wait)
		}
		select {
		case <-c.inbox.work:
		case <-retry:
		case <-resync.C:
			c.sync(ctx)
			resync.Reset(c.followSync(ctx))
		case <-ctx.Done():
		}
	}
}

// followSync reads what sync has only told of, and returns when to sync again.
func (c *Client) followSync(ctx context.Context) time.Duration {
	if !c.catchUpRelations(ctx) || !c.catchUpSettings(ctx) {
		return jittered(failedPause)
	}
	return jittered(resyncInterval)
}

// sync learns which conversations changed, page by page. It reports whether it
// came to the end.
func (c *Client) sync(ctx context.Context) bool {
	version := c.inbox.syncVersion()
	for {
		var page wire.SyncResponse
		err := c.request(ctx, wire.CmdSync, &wire.SyncRequest{Version: version, Limit: syncPage}, page.UnmarshalVT)
		if err == nil && page.Version < version {
			c.o.Logger.Warn("the site is behind this device", "version", version, "site_version", page.Version)
			if c.inbox.siteBehind() {
				version = 0
				continue
			}
			return false
		}
		if err == nil && page.More && page.Version == version {
			err = errors.New("the server's pages do not advance")
		}
		if err != nil {
			if ctx.Err() == nil {
				c.o.Logger.Warn("sync failed", "error", err)
			}
			return false
		}
		c.inbox.synced(&page, !page.More)
		if !page.More {
			c.inbox.relationsAt(page.RelationsVersion)
			c.inbox.settingsAt(page.SettingsVersion)
			return true
		}
		version = page.Version
	}
}

// fill reads one page of what is missing of conv and waits for room in the queue.
func (c *Client) fill(ctx context.Context, conv *conversation) {
	key, from, to := c.inbox.missing(conv)
	if from > to {
		for c.inbox.hasNews(conv) && c.waitRoom(ctx) {
		}
		return
	}
	messages, _, begin, err := history(ctx, c.request, key, Page{FromSeq: from, ToSeq: to})
	if err != nil {
		if ctx.Err() == nil {
			c.o.Logger.Warn("reading missed messages failed", "error", err)
			c.inbox.postpone(conv, failedPause)
		}
		return
	}
	if begin.floor > from && begin.first == begin.floor && !c.pass(ctx, conv, begin.floor-1) {
		return
	}
	c.inbox.readableFrom(conv, begin.first)
	for _, m := range messages {
		if c.inbox.keyOf(m.Scene, m.From, m.To) == key && !c.place(ctx, conv, m) {
			return
		}
	}
	if len(messages) == 0 && begin.first <= from {
		c.giveUp(ctx, conv, to)
	}
}

// place queues m, which history has returned; false when that must wait.
func (c *Client) place(ctx context.Context, conv *conversation, m *wire.Message) bool {
	for {
		switch c.inbox.place(conv, m) {
		case placed:
			return true
		case hole:
			if !c.giveUp(ctx, conv, m.Seq-1) {
				return false
			}
		case noRoom:
			if !c.waitRoom(ctx) {
				return false
			}
		}
	}
}

// giveUp skips what the server does not return, up to seq to, once it has been
// asked often enough; false when it must be asked again, or ctx ended.
func (c *Client) giveUp(ctx context.Context, conv *conversation, to uint64) bool {
	if !c.inbox.hole(conv) {
		return false
	}
	return c.pass(ctx, conv, to)
}

// pass skips what the server no longer has, up to seq to; false when ctx ended.
func (c *Client) pass(ctx context.Context, conv *conversation, to uint64) bool {
	for !c.inbox.skip(conv, to) {
		if !c.waitRoom(ctx) {
			return false
		}
	}
	return true
}

// waitRoom waits until the app has taken an event; false when ctx ended first.
func (c *Client) waitRoom(ctx context.Context) bool {
	select {
	case <-c.inbox.room:
		return true
	case <-ctx.Done():
		return false
	}
}

// ack tells the server that this device holds everything up to version. It is
// a hint: a failure is made good by the next one.
func (c *Client) ack(ctx context.Context, version uint64) {
	if err := c.request(ctx, wire.CmdAck, &wire.AckRequest{Version: version}, nil); err != nil && ctx.Err() == nil {
		c.o.Logger.Info("ack failed", "error", err)
	}
}
