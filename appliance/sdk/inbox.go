package sdk

import (
	"cmp"
	"context"
	"log/slog"
	"slices"
	"sync"
	"time"

	"github.com/yizhan-im/yizhan/appliance/wire"
)

// inbox turns what arrives, in whatever order and number, into one queue of
// events that is right: per conversation in the order of seq, gapless, once.
//
// For each conversation it knows which seq is next and which is known to exist.
// A message that is next goes into the queue at once. Anything else (a gap, a
// full queue, something missed while offline) only moves "known" and puts the
// conversation on the list of those that are behind; catchUp reads what is
// missing from the server's history and waits for room in the queue. So the
// connection's reader never waits for the app, and memory stays bounded.
type inbox struct {
	self, device string
	backlog      int
	limit        int // of the queue: so many events of conversations, and as many of rooms
	store        Store
	logger       *slog.Logger

	ready    chan struct{} // one token: the queue is not empty, or stopped
	room     chan struct{} // one token: the queue is not full
	work     chan struct{} // one token: something is behind
	consumer chan struct{} // held by the one loop over Events

	saveMu        sync.Mutex // orders calls of store; taken before mu
	handledCursor [1]Cursor  // memory for handled; under saveMu

	mu sync.Mutex
	// conversations grows with the account's own conversations.
	conversations map[cursorKey]*conversation
	queue         fifo
	states        int // of the items in queue, those that are StateChange
	roomEvents    int // of the items in queue, those about rooms
	roomNews      map[string]*roomNews
	presences     presences
	relations     relations
	deletions     deletions
	settings      settings
	notices       *stream         // notifications
	casts         *stream         // broadcasts
	inHand        bool            // the app is handling an event
	behind        []*conversation // in the order of arrival, each once
	early         int             // messages held in all conversations' early
	version       uint64          // reached by the last complete sync
	complete      bool            // a sync was complete; version may be 0 for all that
	acked         uint64          // version that the server was told
	siteBehinds   int             // syncs in a row whose version was smaller than ours
	stopped       bool
}

// conversation is what this device knows of one. The inbox's mu guards it.
type conversation struct {
	cursor Cursor // as the Store should have it; Delivered moves in handled
	next   uint64 // seq that goes into the queue next; > cursor.Delivered
	fresh  bool   // next is not decided yet
	listed bool   // it is in inbox.behind
	news   news   // changes whose events are not in the queue yet
	// early holds pushes beyond next, in the order of seq; often the gap closes
	// by itself a moment later.
	early []*wire.Message
	// notBefore is when reading what is missing may begin: a new gap may close
	// by itself, a read that failed must not be repeated at once.
	notBefore time.Time
	holes     int // answers of history that lacked the next message
	// Of a team: what was told last, and the version of that.
	team        *wire.TeamState
	teamVersion uint64
}

// news is a set of changes of a conversation.
type news uint8

// The changes.
const (
	newsAdded news = 1 << iota
	newsReceipt
	newsRead
	newsTeam
)

// maxStates bounds the state changes in the queue.
const maxStates = 16

// typeRecall is the message type of an entry that takes back another.
const typeRecall = 1000

// item is an event in the queue, with what handling it changes.
type item struct {
	event        Event
	conversation *conversation // nil: nothing to remember
	seq          uint64        // delivered when handled; 0: none
	stream       *stream       // of seq, when that is a version
	deletion     uint64        // version of a deletion
}

func newInbox(o *Options, saved Checkpoint) *inbox {
	in := &inbox{
		self: o.Account, device: o.DeviceID, backlog: o.Backlog, limit: o.Queue,
		store: o.Store, logger: o.Logger,
		ready: make(chan struct{}, 1), room: make(chan struct{}, 1),
		work: make(chan struct{}, 1), consumer: make(chan struct{}, 1),
		conversations: make(map[cursorKey]*conversation),
		roomNews:      make(map[string]*roomNews),
		notices:       newStream(saved.Notifications),
		casts:         newStream(saved.Broadcasts),
		version:       saved.Version,
		deletions:     deletions{site: saved.Deletions, read: saved.Deletions, handled: saved.Deletions},
		complete:      saved.Synced || saved.Version > 0, // older stores know no Synced
	}
	for _, cursor := range saved.Conversations {
		conv := &conversation{cursor: cursor, next: cursor.Delivered + 1}
		in.conversations[cursor.key()] = conv
		in.enlist(conv)
	}
	return in
}

// keyOf names the conversation between from and to as this account sees it.
func (in *inbox) keyOf(scene wire.Scene, from, to string) cursorKey {
	if scene == wire.Scene_SCENE_P2P && from != in.self {
		return cursorKey{scene, from}
	}
	return cursorKey{scene, to}
}

// offer takes one message of a conversation's log, from a push, an answer or
// history, and queues it if it is next. It never waits.
func (in *inbox) offer(m *wire.Message) {
	if m.Seq == 0 {
		return
	}
	in.mu.Lock()
	defer in.mu.Unlock()
	conv := in.conversation(in.keyOf(m.Scene, m.From, m.To), m.Seq)
	conv.cursor.TimeMs = max(conv.cursor.TimeMs, m.TimeMs)
	conv.cursor.Known = max(conv.cursor.Known, m.Seq)
	if m.Seq > conv.next {
		in.keepEarly(conv, m)
	} else {
		in.take(conv, m)
	}
	in.enlist(conv)
}

// exists takes note that the conversation goes up to seq; history has it.
func (in *inbox) exists(key cursorKey, seq uint64) {
	in.mu.Lock()
	defer in.mu.Unlock()
	conv := in.conversation(key, seq)
	conv.cursor.Known = max(conv.cursor.Known, seq)
	in.enlist(conv)
}

// take queues m if it is next, and what becomes next by that. It reports
// whether the conversation is past m: false means that there is no room, or
// that something before m is missing.
func (in *inbox) take(conv *conversation, m *wire.Message) bool {
	if m.Seq == conv.next && in.append(conv, m) {
		in.drainEarly(conv)
	}
	return m.Seq < conv.next
}

// keepEarly keeps m, which is beyond next, if there is room.
func (in *inbox) keepEarly(conv *conversation, m *wire.Message) {
	if !conv.listed {
		conv.notBefore = time.Now().Add(gapGrace)
	}
	at, found := slices.BinarySearchFunc(conv.early, m.Seq, func(e *wire.Message, seq uint64) int { return cmp.Compare(e.Seq, seq) })
	if found || in.early >= in.limit || in.full() {
		return // history has it
	}
	conv.early = slices.Insert(conv.early, at, m)
	in.early++
}

// conversation finds or makes the conversation; seq is known to exist in it.
func (in *inbox) conversation(key cursorKey, seq uint64) *conversation {
	conv := in.conversations[key]
	if conv == nil {
		conv = &conversation{cursor: Cursor{Scene: key.scene, Peer: key.peer}, fresh: true, news: newsAdded}
		in.conversations[key] = conv
	}
	in.settle(conv, seq)
	return conv
}

// settle decides where a conversation begins for this device, once.
func (in *inbox) settle(conv *conversation, seq uint64) {
	if conv.fresh {
		conv.fresh = false
		// A device that has synced once knows every conversation older than
		// its version: this one is new, and all of it is delivered. A new
		// device starts near the end.
		if !in.complete && seq > uint64(in.backlog) {
			conv.cursor.Delivered = seq - uint64(in.backlog)
		}
		conv.next = conv.cursor.Delivered + 1
	}
}

// append queues m, which is next, and reports whether there was room.
func (in *inbox) append(conv *conversation, m *wire.Message) bool {
	in.publishNews(conv)
	if conv.news&newsAdded != 0 || in.full() {
		return false
	}
	in.enqueue(item{event: in.entry(conv, m), conversation: conv, seq: m.Seq})
	conv.next = m.Seq + 1
	conv.holes = 0
	return true
}

// entry is the event of an entry of a conversation's log.
func (in *inbox) entry(conv *conversation, m *wire.Message) Event {
	local := m.From == in.self && m.FromDevice == in.device
	peer, team := conv.cursor.Peer, conv.cursor.Scene == wire.Scene_SCENE_TEAM
	if event := in.operation(m, peer, local); event != nil {
		return event
	}
	switch {
	case team && m.Event != nil:
		return TeamNotice{Message: m, Team: peer}
	case team && m.Type == typeRecall:
		return TeamRecall{Message: m, Team: peer, Local: local, Recalled: m.RefSeq}
	case team:
		return TeamMessage{Message: m, Team: peer, Local: local}
	case m.Type == typeRecall:
		return Recall{Message: m, Peer: peer, Local: local, Recalled: m.RefSeq}
	}
	return Message{Message: m, Peer: peer, Local: local}
}

// drainEarly queues those early messages whose turn has come.
func (in *inbox) drainEarly(conv *conversation) {
	done := 0
	for _, m := range conv.early {
		if m.Seq > conv.next || m.Seq == conv.next && !in.append(conv, m) {
			break
		}
		done++
	}
	conv.early = slices.Delete(conv.early, 0, done)
	in.early -= done
	if len(conv.early) == 0 {
		conv.early = nil
	}
}

// publishNews queues the events of conv's changes while there is room.
func (in *inbox) publishNews(conv *conversation) {
	for _, n := range [...]news{newsAdded, newsTeam, newsReceipt, newsRead} {
		if conv.news&n == 0 || in.full() {
			continue
		}
		conv.news &^= n
		var event Event
		switch n {
		case newsAdded:
			event = ConversationAdded{conv.describe()}
		case newsTeam:
			event = TeamStanding{Team: conv.cursor.Peer, State: conv.team}
		case newsReceipt:
			event = Receipt{Peer: conv.cursor.Peer, Seq: conv.cursor.PeerRead}
		case newsRead:
			event = ReadCursor{Scene: conv.cursor.Scene, Peer: conv.cursor.Peer, Seq: conv.cursor.Read}
		}
		in.enqueue(item{event: event, conversation: conv})
	}
}

// enlist puts conv on the list of those behind, if it is and is not on it.
func (in *inbox) enlist(conv *conversation) {
	if conv.listed || !conv.isBehind() {
		return
	}
	conv.listed = true
	in.behind = append(in.behind, conv)
	signal(in.work)
}

func (c *conversation) isBehind() bool { return c.cursor.Known >= c.next || c.news != 0 }

func (in *inbox) full() bool { return in.queue.len()-in.states-in.aside() >= in.limit }

// aside is how many items in the queue have their own share of it. Nothing of
// them is kept for a later client.
func (in *inbox) aside() int {
	return in.roomEvents + in.relations.events + in.settings.events + in.presences.events
}

func (in *inbox) enqueue(i item) {
	in.queue.push(i)
	signal(in.ready)
}

// signal leaves a token unless there is one.
func signal(c chan struct{}) {
	select {
	case c <- struct{}{}:
	default:
	}
}

// setState queues a state change; it always has room, at the cost of an older
// state that the app has not seen yet.
func (in *inbox) setState(s StateChange) {
	in.mu.Lock()
	defer in.mu.Unlock()
	if in.stopped {
		return
	}
	in.stopped = s.State == StateStopped
	if in.states == maxStates {
		in.queue.dropLast(func(i item) bool { _, is := i.event.(StateChange); return is })
		in.states--
	}
	in.states++
	in.enqueue(item{event: s})
}

// next takes the next event; false when a context has ended, or the client has
// stopped and everything is delivered.
func (in *inbox) next(user, client context.Context) (item, bool) {
	for {
		if user.Err() != nil || client.Err() != nil {
			return item{}, false
		}
		in.mu.Lock()
		i, ok := in.queue.pop()
		in.inHand = ok
		if ok {
			switch i.event.(type) {
			case StateChange:
				in.states--
			case RoomMessage, RoomMissed, RoomReentry, RoomNotice, RoomOut:
				in.roomEvents--
				in.publishRoomNews()
			case RelationsLoaded, RelationChange, FriendModeChange:
				in.relations.events--
				in.publishRelations()
			case PresenceChange:
				in.presences.events--
				in.publishPresences()
			case SettingsLoaded, SettingChange, DoNotDisturbChange:
				in.settings.events--
				in.publishSettings()
			default:
				signal(in.room)
			}
		}
		over := in.stopped
		in.mu.Unlock()
		if ok || over {
			return i, ok
		}
		select {
		case <-in.ready:
		case <-user.Done():
		case <-client.Done():
		}
	}
}

// handled remembers that the app is done with i.
func (in *inbox) handled(i item) {
	in.saveMu.Lock()
	defer in.saveMu.Unlock()
	in.mu.Lock()
	in.inHand = false
	if in.queue.len() == in.aside() && in.acked < in.version {
		signal(in.work) // perhaps everything is handled: tell the server
	}
	if s := i.stream; s != nil && (s == in.notices || s == in.casts) {
		s.finish(i.seq)
		c := in.checkpoint(nil)
		in.mu.Unlock()
		in.save(c)
		return
	}
	if i.deletion > in.deletions.handled {
		in.deletions.handled = i.deletion
		c := in.checkpoint(nil)
		in.mu.Unlock()
		in.save(c)
		return
	}
	conv := i.conversation
	if conv == nil || in.conversations[conv.cursor.key()] != conv {
		in.mu.Unlock() // nothing to keep, or of a site that is no more (see startOver)
		return
	}
	if i.seq > 0 {
		conv.cursor.Delivered = max(conv.cursor.Delivered, i.seq) // a team may have gone on further ahead
	}
	in.handledCursor[0] = conv.cursor
	c := in.checkpoint(in.handledCursor[:])
	in.mu.Unlock()
	in.save(c)
}

// save keeps c; the caller holds saveMu.
func (in *inbox) save(c Checkpoint) {
	if err := in.store.Save(c); err != nil {
		in.logger.Error("the store does not take this device's progress: after a restart messages may come again", "error", err)
	}
}
