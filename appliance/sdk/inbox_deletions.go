package sdk

import (
	"context"
	"time"

	"github.com/yizhan-im/yizhan/appliance/wire"
)

// deletions is how far this device is in what the account has deleted for itself.
// Whatever tells of news, a sync, a push or an answer, only says up to which version
// there is something; reading brings the events, in their order and each once. The
// inbox's mu guards it.
type deletions struct {
	site      uint64 // newest version that is known to exist
	read      uint64 // up to which the events are in the queue
	handled   uint64 // up to which the app has handled them
	notBefore time.Time
}

// deletedUpTo takes note that there are deletions up to version.
func (in *inbox) deletedUpTo(version uint64) {
	in.mu.Lock()
	defer in.mu.Unlock()
	if d := &in.deletions; version > d.site {
		d.site = version
		signal(in.work)
	}
}

// syncedDeletions takes the version that the end of a sync tells; a device that has
// nothing yet has nothing to delete. The caller holds mu.
func (in *inbox) syncedDeletions(version uint64, fresh bool) {
	d := &in.deletions
	d.site, d.notBefore = version, time.Time{}
	if fresh || d.read > version { // the site was set back
		d.read, d.handled = version, version
	}
}

// dueDeletions tells from which version to read now, if there is anything;
// otherwise wait is when to ask again, 0: when there is work.
func (in *inbox) dueDeletions(now time.Time) (from uint64, due bool, wait time.Duration) {
	in.mu.Lock()
	defer in.mu.Unlock()
	d := &in.deletions
	if d.read >= d.site || !in.complete {
		return 0, false, 0
	}
	if wait := d.notBefore.Sub(now); wait > 0 {
		return 0, false, wait
	}
	return d.read, true, 0
}

// offerDeletion queues one deletion and reports whether there was room.
func (in *inbox) offerDeletion(d *wire.Deletion) bool {
	in.mu.Lock()
	defer in.mu.Unlock()
	if d.Version <= in.deletions.read {
		return true
	}
	if in.full() {
		return false
	}
	in.deletions.read = d.Version
	in.enqueue(item{event: Deletion{d}, deletion: d.Version})
	return true
}

// postponeDeletions keeps a reading that has failed from being repeated at once.
func (in *inbox) postponeDeletions(d time.Duration) {
	in.mu.Lock()
	defer in.mu.Unlock()
	in.deletions.notBefore = time.Now().Add(d)
}

// readDeletions reads one page of what the account has deleted.
func (c *Client) readDeletions(ctx context.Context, from uint64) {
	var page wire.DeletionsResponse
	err := c.request(ctx, wire.CmdDeletions, &wire.DeletionsRequest{Version: from}, page.UnmarshalVT)
	if err != nil {
		if ctx.Err() == nil {
			c.o.Logger.Warn("reading deletions failed", "error", err)
			c.inbox.postponeDeletions(failedPause)
		}
		return
	}
	for _, d := range page.Deletions {
		for !c.inbox.offerDeletion(d) {
			if !c.waitRoom(ctx) {
				return
			}
		}
	}
	if !page.More {
		c.inbox.deletionsRead(page.Version)
	}
}

// deletionsRead ends a reading that has come to version.
func (in *inbox) deletionsRead(version uint64) {
	in.mu.Lock()
	defer in.mu.Unlock()
	in.deletions.read = max(in.deletions.read, version)
	in.deletions.site = max(in.deletions.read, min(in.deletions.site, version))
}
