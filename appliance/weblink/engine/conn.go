package engine

import (
	"net/netip"
	"sync"
	"sync/atomic"

	"github.com/yizhan-im/yizhan/appliance/flush"
	"github.com/yizhan-im/yizhan/appliance/session"
	"github.com/yizhan-im/yizhan/appliance/weblink/websocket"
)

// outState says who will write what is queued. It stays outIdle while the
// session polls, unless a POST is being handled. Whoever changes it to outWriting
// writes alone until it is outIdle again.
type outState uint8

const (
	outIdle    outState = iota // nothing is queued, or it waits for a poll
	outHeld                    // the reader or POST, when it has handled what it has read
	outQueued                  // a flusher, which has the session in its list
	outWriting                 // a goroutine is at it, and takes what is added
)

// Conn is one session. Its methods never block, may be called from any
// goroutine, and do nothing once the session has ended.
type Conn struct {
	server  *Server
	options *Options
	flusher *flush.Flusher[*Conn]
	remote  netip.AddrPort

	// receiving is held while a method of receiver runs: by the reader of the
	// WebSocket, by a POST, by the end of the session. It is locked before mu.
	receiving sync.Mutex
	receiver  Receiver       // under receiving; nil until Handler.Opened returned
	empties   session.Bucket // under receiving

	mu sync.Mutex
	// Under mu.
	ws          *socket  // nil while the session polls
	polling     *polling // nil when the session began as a WebSocket
	out         *queue   // what waits; nil when nothing does
	outState    outState
	reason      Reason // why, when closing
	established bool
	awaitsPong  bool
	ended       bool        // nothing is written or received any more
	closing     atomic.Bool // also read without mu
	beat        int64       // when the next ping is due or, with awaitsPong, the pong
	limit       int64       // when a session that is not established, or is closing, ends
	armed       int64       // when the read deadline or the timer strikes

	nextDirty *Conn // next in the flusher's list, under the flusher's mutex

	place int // in Server.open, under Server.mu
}

// Send queues messages, each made by Message or DeflatedMessage, one behind
// another with nothing in between. When more than Options.QueueBytes wait
// already the session ends with ReasonSlow.
func (c *Conn) Send(messages ...[]byte) {
	c.mu.Lock()
	if c.closing.Load() {
		c.mu.Unlock()
		return
	}
	if c.out != nil && c.out.bytes > c.options.QueueBytes {
		c.mu.Unlock()
		c.cutOff()
		return
	}
	c.appendLocked(messages...)
	schedule := c.scheduleLocked()
	c.mu.Unlock()
	if schedule {
		c.flusher.Add(c)
	}
}

// Deflate reports whether the client takes what DeflatedMessage makes. It may
// become true when the client changes its transport, and never false again.
func (c *Conn) Deflate() bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.ws != nil && c.ws.deflate
}

// Close ends the session: the client gets what is queued, then last, then an
// orderly close, for all of which it has two seconds.
func (c *Conn) Close(last ...[]byte) {
	c.close(ReasonServer, ending{patient: true, last: last})
}

// Fail ends the session like Close, for a reason that is the client's fault. A
// polling client that does not wait for an answer finds its session gone.
func (c *Conn) Fail(reason Reason) {
	c.close(reason, ending{})
}

// Established says that the client is logged in: Options.OpenTimeout no longer
// holds.
func (c *Conn) Established() {
	c.mu.Lock()
	defer c.mu.Unlock()
	if !c.established {
		c.established = true
		c.server.newcomers.Leave(c.remote.Addr())
	}
}

// RemoteAddr is the client's address, taken from the request that opened the
// session; zero when that had none.
func (c *Conn) RemoteAddr() netip.AddrPort { return c.remote }

func (c *Conn) appendLocked(frames ...[]byte) {
	if c.out == nil {
		c.out = getQueue()
	}
	for _, f := range frames {
		c.out.add(f)
	}
}

// scheduleLocked sees to it that what was queued is written. It reports whether
// the caller must give c to its flusher.
func (c *Conn) scheduleLocked() bool {
	if c.outState != outIdle {
		return false
	}
	if c.ws == nil {
		c.polling.signal()
		return false
	}
	c.outState = outQueued
	return true
}

// cutOff ends the session of a client that does not keep up. What is queued for
// it is dropped; it will open another session.
func (c *Conn) cutOff() {
	if c.close(ReasonSlow, ending{drop: true}) {
		c.server.metrics.queueCutoffs.Inc()
		c.server.log.Warn("weblink: client reads too slowly, its queue is full", "remote", c.remote)
	}
}

// ending is how a session is closed.
type ending struct {
	last    [][]byte         // written before the close
	drop    bool             // what is queued is forgotten
	patient bool             // a polling client may fetch the end with its next poll
	byPeer  bool             // the client has closed: it gets no close packet
	status  websocket.Status // of the close frame; 0: the reason's
	note    string           // of the close frame; "": the reason's name
}

// close begins the end of the session and reports whether it was the first to do
// so.
func (c *Conn) close(reason Reason, e ending) bool {
	c.mu.Lock()
	if c.closing.Swap(true) {
		c.mu.Unlock()
		return false
	}
	c.reason = reason
	if e.drop {
		c.out.release()
		c.out = nil
	}
	c.appendLocked(e.last...)
	c.appendLocked(e.frames(reason, c.ws != nil)...)
	c.limit = c.server.now() + int64(c.server.pauses.linger)
	schedule := false
	switch {
	case c.ws != nil:
		c.wakeNoLaterLocked(c.limit)
		schedule = c.scheduleLocked()
	case c.polling == nil:
		// Its WebSocket is being opened, and will find out.
	case c.polling.get || (e.patient && !c.server.isClosed()):
		c.wakeNoLaterLocked(c.limit)
		c.polling.signal()
	case e.byPeer:
		// Its poll and the POST that closes may travel side by side.
		c.limit = c.server.now() + int64(c.server.pauses.probed)
		c.wakeNoLaterLocked(c.limit)
	default:
		c.endPollingLocked()
	}
	c.mu.Unlock()
	if schedule {
		c.flusher.Add(c)
	}
	return true
}

// frames are the close packet and the close frame that end a session.
func (e ending) frames(reason Reason, ws bool) [][]byte {
	status, note := e.status, e.note
	if status == 0 {
		status = reason.status()
	}
	if note == "" && !e.byPeer {
		note = reason.String()
	}
	frame := websocket.AppendClose(nil, status, note)
	switch {
	case !e.byPeer:
		return [][]byte{closeFrame, frame}
	case ws:
		return [][]byte{frame}
	default:
		return [][]byte{noopFrame, frame} // the noop ends a poll that waits
	}
}

// end is the last thing that happens to a session. ended is set.
func (c *Conn) end() {
	c.mu.Lock()
	reason, ws := c.reason, c.ws != nil
	c.mu.Unlock()
	c.server.forget(c)
	c.receiving.Lock()
	if c.receiver != nil {
		c.receiver.Closed(reason)
	}
	c.receiving.Unlock()
	c.server.metrics.closed(reason, ws)
	c.server.log.Debug("weblink: session closed", "remote", c.remote, "reason", reason)
	c.server.unregister(c)
}
