package sdk

import (
	"slices"
	"time"

	"github.com/yizhan-im/yizhan/appliance/wire"
)

// A stream is what a device knows of its notifications, or of the broadcasts: they
// have versions that grow, with gaps, and pushes may come in any order. Reading,
// from a version on, misses nothing; so the inbox remembers how far it has read, and
// which of the later ones were pushed. The inbox's mu guards it.
type stream struct {
	fresh  bool     // nothing was ever read
	read   uint64   // up to which everything is in the queue, or handled
	seen   []uint64 // later ones that are so too, in order
	queued []uint64 // what the app has not handled yet, in the order of the queue
	known  uint64   // reading must reach it
	// handled are the later ones than done.Version that the app has handled.
	handled   []uint64
	done      Reached // as the Store has it, once saved is set
	saved     bool
	notBefore time.Time // a reading that failed is not repeated at once
}

// maxSeen is how many pushed ones are remembered before they are read once more,
// which makes the memory of them needless.
const maxSeen = 64

func newStream(saved *Reached) *stream {
	s := &stream{fresh: true}
	if saved != nil {
		s.fresh, s.read, s.done = saved.Fresh, saved.Version, *saved
		s.saved = true
		s.seen = slices.Clone(saved.Ahead)
		s.handled = slices.Clone(saved.Ahead)
	}
	return s
}

func (s *stream) behind() bool { return s.known > s.read }

// has reports whether the version is in the queue or handled.
func (s *stream) has(version uint64) bool {
	_, seen := slices.BinarySearch(s.seen, version)
	return seen || version <= s.read
}

// add notes that the version is in the queue.
func (s *stream) add(version uint64) {
	s.queued = append(s.queued, version)
	if at, seen := slices.BinarySearch(s.seen, version); !seen {
		s.seen = slices.Insert(s.seen, at, version)
	}
}

// reached notes that reading has come to the version.
func (s *stream) reached(version uint64) {
	s.fresh, s.read = false, max(s.read, version)
	s.seen = slices.DeleteFunc(s.seen, func(v uint64) bool { return v <= s.read })
}

// finish notes that the app has handled the next one in the queue.
func (s *stream) finish(version uint64) {
	if i := slices.Index(s.queued, version); i >= 0 {
		s.queued = slices.Delete(s.queued, i, i+1)
	}
	if at, found := slices.BinarySearch(s.handled, version); !found {
		s.handled = slices.Insert(s.handled, at, version)
	}
}

// settle brings done up to date; nil when it is what it was.
func (s *stream) settle() *Reached {
	version := s.read
	if len(s.queued) > 0 {
		version = min(version, slices.Min(s.queued)-1)
	}
	version = max(version, s.done.Version)
	s.handled = slices.DeleteFunc(s.handled, func(v uint64) bool { return v <= version })
	if s.saved && s.fresh == s.done.Fresh && version == s.done.Version && slices.Equal(s.handled, s.done.Ahead) {
		return nil
	}
	s.saved = true
	s.done = Reached{Fresh: s.fresh, Version: version, Ahead: slices.Clone(s.handled)}
	return &s.done
}

// offerNotification takes a push. It never waits.
func (in *inbox) offerNotification(n *wire.Notification) {
	in.mu.Lock()
	defer in.mu.Unlock()
	if n.OnlineOnly {
		in.offerLoose(Notification{n})
		return
	}
	in.offerStream(in.notices, n.Version, Notification{n})
}

// offerBroadcast takes a push, which may have no broadcast.
func (in *inbox) offerBroadcast(p *wire.BroadcastPush) {
	in.mu.Lock()
	defer in.mu.Unlock()
	switch b := p.Broadcast; {
	case b == nil:
		in.wantStream(in.casts, p.Version)
	case !b.Offline:
		in.offerLoose(Broadcast{b})
	default:
		in.offerStream(in.casts, b.Version, Broadcast{b})
	}
}

// offerLoose queues what nobody keeps, if there is room.
func (in *inbox) offerLoose(e Event) {
	if in.stopped {
		return
	}
	if in.full() {
		in.logger.Warn("too many events wait for the app: a notification or broadcast for who is online is dropped")
		return
	}
	in.enqueue(item{event: e})
}

func (in *inbox) offerStream(s *stream, version uint64, e Event) {
	switch {
	case s.has(version):
	case in.full():
		in.wantStream(s, version)
	default:
		s.add(version)
		in.enqueue(item{event: e, stream: s, seq: version})
		if len(s.seen) > maxSeen {
			in.wantStream(s, version)
		}
	}
}

// wantStream notes that there is something to read up to version.
func (in *inbox) wantStream(s *stream, version uint64) {
	s.known = max(s.known, version)
	signal(in.work)
}

// streams are those that there are.
func (in *inbox) streams() [2]*stream { return [...]*stream{in.notices, in.casts} }

// syncedStreams takes what the last page of sync tells: the newest versions, which
// are all that there are up to the page's version.
func (in *inbox) syncedStreams(page *wire.SyncResponse) {
	newest := [...]uint64{page.NotificationsVersion, page.BroadcastsVersion}
	for i, s := range in.streams() {
		if newest[i] > s.read {
			in.wantStream(s, newest[i])
		} else {
			s.reached(page.Version)
		}
	}
}

// streamsHold reports whether everything up to the sync's version was read.
func (in *inbox) streamsHold() bool {
	return in.notices.read >= in.version && in.casts.read >= in.version
}

// dueStream is a stream to read now, from where, and whether for the first time. Otherwise wait is when to ask
// again; 0: when there is work.
func (in *inbox) dueStream(now time.Time) (s *stream, from uint64, fresh bool, wait time.Duration) {
	in.mu.Lock()
	defer in.mu.Unlock()
	for _, s := range in.streams() {
		due := s.notBefore.Sub(now)
		switch {
		case !s.behind():
		case due <= 0:
			return s, s.read, s.fresh, 0
		case wait == 0 || due < wait:
			wait = due
		}
	}
	return nil, 0, false, wait
}

// placeStream queues what reading has returned; false: there is no room.
func (in *inbox) placeStream(s *stream, version uint64, e Event) bool {
	in.mu.Lock()
	defer in.mu.Unlock()
	if s.has(version) {
		return true
	}
	if in.full() {
		return false
	}
	s.add(version)
	in.enqueue(item{event: e, stream: s, seq: version})
	return true
}

// readStream notes that a page brought the stream to version.
func (in *inbox) readStream(s *stream, version uint64, more bool) {
	in.saveMu.Lock()
	defer in.saveMu.Unlock()
	in.mu.Lock()
	s.reached(version)
	if more {
		s.known = max(s.known, s.read+1)
	} else if s.behind() { // a follower that lags
		s.notBefore = time.Now().Add(holePause)
	}
	c := in.checkpoint(nil)
	in.mu.Unlock()
	if c.Notifications != nil || c.Broadcasts != nil {
		in.save(c)
	}
}

func (in *inbox) postponeStream(s *stream, d time.Duration) {
	in.mu.Lock()
	defer in.mu.Unlock()
	s.notBefore = time.Now().Add(d)
}

// checkpoint is what to save now, with the cursors that have changed. The caller
// holds saveMu and mu.
func (in *inbox) checkpoint(changed []Cursor) Checkpoint {
	return Checkpoint{
		Version: in.version, Synced: in.complete, Conversations: changed, Deletions: in.deletions.handled,
		Notifications: in.notices.settle(), Broadcasts: in.casts.settle(),
	}
}
