package sdk

import (
	"time"

	"github.com/yizhan-im/yizhan/appliance/wire"
)

const (
	// gapGrace is how long a gap may close by itself before history is asked:
	// the answer to a send and the push of a message next to it race.
	gapGrace = 50 * time.Millisecond
	// A server that answers without the message that must come next may be
	// behind itself (a follower just after a failover): it is asked holeTries
	// times, holePause apart, before the message counts as missing.
	holeTries = 3
	holePause = 2 * time.Second
	// failedPause is how long a conversation is left alone whose history the
	// server refuses.
	failedPause = 30 * time.Second
)

// takeBehind takes a conversation whose turn it is from the list; the caller
// gives it back with putBack. Otherwise wait is when to ask again; 0: when
// there is work.
func (in *inbox) takeBehind(now time.Time) (conv *conversation, wait time.Duration) {
	in.mu.Lock()
	defer in.mu.Unlock()
	waiting := in.behind[:0]
	for _, candidate := range in.behind {
		due := candidate.notBefore.Sub(now)
		switch {
		case !candidate.isBehind():
			candidate.listed = false
		case due <= 0 && conv == nil:
			conv = candidate
		default:
			waiting = append(waiting, candidate)
			if due > 0 && (wait == 0 || due < wait) {
				wait = due
			}
		}
	}
	clear(in.behind[len(waiting):])
	in.behind = waiting
	return conv, wait
}

// putBack ends what takeBehind began; a conversation that is still behind waits
// for its next turn, after the others.
func (in *inbox) putBack(conv *conversation) {
	in.mu.Lock()
	defer in.mu.Unlock()
	conv.listed = false
	in.enlist(conv)
}

// missing is the range to read from history: at most a page, empty when from > to.
func (in *inbox) missing(conv *conversation) (key cursorKey, from, to uint64) {
	in.mu.Lock()
	defer in.mu.Unlock()
	in.publishNews(conv)
	in.drainEarly(conv)
	return conv.cursor.key(), conv.next, min(conv.cursor.Known, conv.next+maxPage-1)
}

// placement is what became of a message that history has returned.
type placement uint8

const (
	placed placement = iota // queued, now or before
	noRoom
	hole // something before it is missing
)

func (in *inbox) place(conv *conversation, m *wire.Message) placement {
	in.mu.Lock()
	defer in.mu.Unlock()
	switch {
	case in.take(conv, m):
		return placed
	case m.Seq > conv.next:
		return hole
	default:
		return noRoom
	}
}

// postpone leaves conv alone for d.
func (in *inbox) postpone(conv *conversation, d time.Duration) {
	in.mu.Lock()
	defer in.mu.Unlock()
	conv.notBefore = time.Now().Add(d)
}

// hole counts an answer of history that lacked the next message. It reports
// whether that one counts as missing now.
func (in *inbox) hole(conv *conversation) bool {
	in.mu.Lock()
	defer in.mu.Unlock()
	conv.holes++
	if conv.holes < holeTries {
		conv.notBefore = time.Now().Add(holePause)
		return false
	}
	return true
}

// skip gives up the messages up to seq to. It reports whether there was room
// for telling the app.
func (in *inbox) skip(conv *conversation, to uint64) bool {
	in.mu.Lock()
	defer in.mu.Unlock()
	if to < conv.next {
		return true
	}
	in.publishNews(conv)
	if conv.news&newsAdded != 0 || in.full() {
		return false
	}
	in.logger.Warn("the server no longer has messages that this device missed", "from_seq", conv.next, "to_seq", to)
	in.enqueue(item{event: Missing{Scene: conv.cursor.Scene, Peer: conv.cursor.Peer, FromSeq: conv.next, ToSeq: to}, conversation: conv, seq: to})
	conv.next, conv.holes = to+1, 0
	in.drainEarly(conv)
	return true
}

// hasNews reports whether events of conv other than messages wait for room.
func (in *inbox) hasNews(conv *conversation) bool {
	in.mu.Lock()
	defer in.mu.Unlock()
	in.publishNews(conv)
	return conv.news != 0
}
