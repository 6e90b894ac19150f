package sdk

import (
	"cmp"
	"slices"
	"time"

	"github.com/yizhan-im/yizhan/appliance/wire"
)

// readPush takes a read cursor that someone else has moved.
func (in *inbox) readPush(p *wire.ReadPush) {
	in.mu.Lock()
	defer in.mu.Unlock()
	key := in.keyOf(p.Scene, p.Reader, p.Peer)
	conv := in.conversation(key, p.Seq)
	conv.cursor.Known = max(conv.cursor.Known, p.Seq)
	if p.Reader == in.self {
		conv.moveRead(p.Seq)
	} else {
		conv.movePeerRead(p.Seq)
	}
	in.publishNews(conv)
	in.enlist(conv)
}

// ownRead takes a read cursor that this client has moved: no event, not even
// after a restart.
func (in *inbox) ownRead(key cursorKey, seq uint64) {
	in.saveMu.Lock()
	defer in.saveMu.Unlock()
	in.mu.Lock()
	conv := in.conversations[key]
	if conv == nil || conv.cursor.Read >= seq {
		in.mu.Unlock()
		return
	}
	conv.cursor.Read = seq
	c := in.checkpoint([]Cursor{conv.cursor})
	in.mu.Unlock()
	in.save(c)
}

// moveRead and movePeerRead make news of a cursor that moves on; those of a new
// conversation are part of its ConversationAdded.
func (c *conversation) moveRead(seq uint64) {
	if seq > c.cursor.Read {
		c.cursor.Read = seq
		if c.news&newsAdded == 0 {
			c.news |= newsRead
		}
	}
}

func (c *conversation) movePeerRead(seq uint64) {
	if seq > c.cursor.PeerRead {
		c.cursor.PeerRead = seq
		if c.news&newsAdded == 0 {
			c.news |= newsReceipt
		}
	}
}

// synced takes one page of sync. last marks the final page.
func (in *inbox) synced(page *wire.SyncResponse, last bool) {
	in.saveMu.Lock()
	defer in.saveMu.Unlock()
	in.mu.Lock()
	changed := make([]Cursor, 0, len(page.Conversations))
	for _, state := range page.Conversations {
		if state.Scene == wire.Scene_SCENE_TEAM {
			if conv := in.takeTeam(state); conv != nil {
				in.publishNews(conv)
				in.enlist(conv)
				changed = append(changed, conv.cursor)
			}
			continue
		}
		conv := in.conversation(cursorKey{state.Scene, state.Peer}, state.LastSeq)
		if !in.complete {
			in.startAt(conv, state.FirstSeq) // a new device has missed nothing
		}
		conv.cursor.Known = max(conv.cursor.Known, state.LastSeq)
		conv.cursor.TimeMs = max(conv.cursor.TimeMs, state.TimeMs)
		conv.notBefore = time.Time{}
		conv.moveRead(state.ReadSeq)
		conv.movePeerRead(state.PeerReadSeq)
		in.enlist(conv)
		changed = append(changed, conv.cursor)
	}
	// What a new device has not seen of the first sync must stay "not known"
	// for it (see conversation), so the version counts from the last page on.
	if last {
		in.syncedDeletions(page.DeletionsVersion, !in.complete)
	}
	if last || in.complete {
		in.version, in.complete = page.Version, true
	}
	if last {
		in.syncedStreams(page)
	}
	in.siteBehinds = 0
	c := in.checkpoint(changed)
	in.mu.Unlock()
	in.save(c)
}

// syncVersion is where the next sync starts.
func (in *inbox) syncVersion() uint64 {
	in.mu.Lock()
	defer in.mu.Unlock()
	return in.version
}

// toAck is the version to tell the server, if everything up to it is handled.
func (in *inbox) toAck() (version uint64, ok bool) {
	in.mu.Lock()
	defer in.mu.Unlock()
	if in.acked >= in.version || in.inHand || in.queue.len() > in.aside() || len(in.behind) > 0 || !in.streamsHold() {
		return 0, false
	}
	in.acked = in.version
	return in.version, true
}

func (c *conversation) describe() Conversation {
	d := Conversation{
		Scene: c.cursor.Scene, Peer: c.cursor.Peer, Team: c.team, LastSeq: c.cursor.Known, DeliveredSeq: c.cursor.Delivered,
		ReadSeq: c.cursor.Read, PeerReadSeq: c.cursor.PeerRead,
	}
	if c.cursor.TimeMs > 0 {
		d.Time = time.UnixMilli(c.cursor.TimeMs)
	}
	return d
}

// list describes the 1:1 conversations, the latest change first.
func (in *inbox) list() []Conversation {
	return in.listed(func(conv *conversation) bool { return conv.cursor.Scene == wire.Scene_SCENE_P2P })
}

func (in *inbox) listed(wanted func(*conversation) bool) []Conversation {
	in.mu.Lock()
	defer in.mu.Unlock()
	all := make([]Conversation, 0, len(in.conversations))
	for _, conv := range in.conversations {
		if wanted(conv) {
			all = append(all, conv.describe())
		}
	}
	slices.SortFunc(all, func(a, b Conversation) int {
		return cmp.Or(b.Time.Compare(a.Time), cmp.Compare(a.Peer, b.Peer))
	})
	return all
}
