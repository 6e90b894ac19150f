package sdk

// maxSiteBehinds is how many syncs in a row may find the site behind this
// device before that is believed: a follower may lag just after a failover.
const maxSiteBehinds = 3

// siteBehind takes note that the site's version is smaller than the one that
// this device has reached. When that stays so, the site was restored from a
// backup or is another one, and its seqs are not those that the cursors mean:
// siteBehind starts over and reports it.
func (in *inbox) siteBehind() bool {
	in.mu.Lock()
	in.siteBehinds++
	believed := in.siteBehinds >= maxSiteBehinds
	in.mu.Unlock()
	if believed {
		in.logger.Warn("the site has lost data or is another one: this device starts as a new one")
		in.startOver()
	}
	return believed
}

// startOver makes this a new device. Events in the queue stay.
func (in *inbox) startOver() {
	in.saveMu.Lock()
	defer in.saveMu.Unlock()
	in.mu.Lock()
	changed := make([]Cursor, 0, len(in.conversations))
	for key := range in.conversations {
		conv := &conversation{cursor: Cursor{Scene: key.scene, Peer: key.peer}, next: 1, fresh: true}
		in.conversations[key] = conv
		changed = append(changed, conv.cursor)
	}
	clear(in.behind)
	in.behind = in.behind[:0]
	in.early, in.siteBehinds, in.version, in.acked, in.complete = 0, 0, 0, 0, false
	in.notices, in.casts = newStream(nil), newStream(nil)
	in.deletions = deletions{}
	in.mu.Unlock()
	in.save(Checkpoint{Conversations: changed, Notifications: &Reached{Fresh: true}, Broadcasts: &Reached{Fresh: true}})
}
