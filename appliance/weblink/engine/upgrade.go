package engine

import (
	"errors"
	"net/http"
	"time"

	"github.com/yizhan-im/yizhan/appliance/weblink/engineio"
	"github.com/yizhan-im/yizhan/appliance/weblink/websocket"
)

// A polling client changes to WebSocket like this (Engine.IO protocol,
// "Upgrade"). Until the upgrade packet the session goes on polling, whatever
// becomes of the candidate.
//
//	candidate ── 2probe ──▶ server ── 3probe ──▶ candidate
//	poll that waits ◀── 6 (noop)
//	candidate ── 5 (upgrade) ──▶ server: everything travels over the WebSocket

// maxCandidateWrite is how long a few bytes may take to be written to a socket
// that has just been opened.
const maxCandidateWrite = time.Second

// errProbe ends a candidate that does not do what the protocol says.
var errProbe = errors.New("weblink: a WebSocket of a polling session sends 2probe, then 5")

// probe opens a WebSocket for a session that polls.
func (c *Conn) probe(w http.ResponseWriter, r *http.Request) {
	c.mu.Lock()
	free := c.ws == nil && !c.ended && !c.polling.reserved && c.polling.candidate == nil
	if free {
		c.polling.reserved = true
	}
	c.mu.Unlock()

	conn, early, deflate, err := websocket.Upgrade(w, r, websocket.Options{Deflate: c.options.Deflate && free})
	if err != nil {
		c.server.metrics.upgrades.WithLabelValues(upgradeInvalid).Inc()
		if free {
			c.mu.Lock()
			c.polling.reserved = false
			c.mu.Unlock()
		}
		return
	}
	k := newSocket(c, conn, deflate)
	if !c.server.guest() {
		k.close()
		return
	}
	c.mu.Lock()
	if free {
		c.polling.reserved = false
		if free = !c.ended; free {
			c.polling.candidate = k
		}
	}
	k.limit = c.server.now() + int64(c.options.UpgradeTimeout)
	c.mu.Unlock()
	if !free {
		// Clients take an HTTP error for a broken server, so it is the WebSocket
		// that says no.
		c.server.metrics.upgrades.WithLabelValues(upgradeRefused).Inc()
		go k.turnAway()
		return
	}
	go k.start(early, false)
}

// turnAway closes a WebSocket that its session does not want.
func (k *socket) turnAway() {
	k.drop(websocket.StatusPolicy, "the session has a WebSocket")
	k.serve()
}

// probing handles a packet of a candidate.
func (k *socket) probing(p engineio.Packet) error {
	c := k.session
	switch {
	case p.Type == engineio.Ping && p.IsProbe() && !k.probed:
		k.probed = true
		frame, err := engineio.AppendFrame(nil, p.Pong())
		if err != nil {
			return err
		}
		if err := k.say(websocket.AppendMessage(nil, websocket.OpText, frame)); err != nil {
			return err
		}
		c.mu.Lock()
		defer c.mu.Unlock()
		if !c.ended && c.polling.candidate == k {
			c.polling.probed = true
			c.polling.signal()
		}
		return nil
	case p.Type == engineio.Upgrade && k.probed:
		return k.takeOver()
	}
	return errProbe
}

// takeOver makes the candidate the session's transport. A POST that is being
// handled comes first.
func (k *socket) takeOver() error {
	c := k.session
	c.receiving.Lock()
	k.holding = true // receive unlocks
	c.mu.Lock()
	defer c.mu.Unlock()
	p := c.polling
	if c.ended || p.candidate != k {
		k.holding = false
		c.receiving.Unlock()
		return errClosed
	}
	k.attached = true
	p.candidate, p.probed = nil, false
	p.timer.Stop()
	c.ws = k
	c.outState = outHeld
	c.armLocked(min(c.dueLocked(), c.server.now()+k.quiet()))
	p.signal()
	c.server.metrics.upgraded()
	c.server.goroutines.Done() // the session counts, from now on
	return nil
}

// fail begins the end of a candidate that sent something wrong, or has closed.
func (k *socket) fail(err error) error {
	if errors.Is(err, errClosed) {
		return err
	}
	var broken *websocket.Error
	if errors.As(err, &broken) {
		k.drop(broken.Status, broken.Reason)
	} else {
		k.drop(websocket.StatusProtocolError, "not the upgrade of a session")
	}
	k.session.server.metrics.upgrades.WithLabelValues(upgradeInvalid).Inc()
	k.session.server.log.Warn("weblink: bad input from a client", "remote", k.session.remote, "error", err)
	return nil
}

// drop closes a candidate: it gets a close frame and may finish what it sends.
func (k *socket) drop(status websocket.Status, note string) {
	c := k.session
	k.dropping = true
	c.mu.Lock()
	k.leaveLocked()
	k.limit = c.server.now() + int64(c.server.pauses.linger)
	k.armLocked(k.limit)
	c.mu.Unlock()
	if k.say(websocket.AppendClose(nil, status, note)) == nil {
		if half, ok := k.conn.(interface{ CloseWrite() error }); ok {
			_ = half.CloseWrite()
		}
	}
}

// say writes to a candidate, for which nobody else writes.
func (k *socket) say(frame []byte) error {
	_ = k.conn.SetWriteDeadline(time.Now().Add(maxCandidateWrite))
	defer func() { _ = k.conn.SetWriteDeadline(time.Time{}) }()
	if _, err := k.conn.Write(frame); err != nil {
		return errClosed
	}
	return nil
}

// leaveLocked lets the session poll as before.
func (k *socket) leaveLocked() {
	if p := k.session.polling; p.candidate == k {
		p.candidate, p.probed = nil, false
	}
}

// expelLocked ends a candidate whose session has ended.
func (k *socket) expelLocked() {
	k.expelled = true
	k.armLocked(0)
}

// armLocked sets the read deadline of a candidate.
func (k *socket) armLocked(at int64) {
	_ = k.conn.SetReadDeadline(k.session.server.started.Add(time.Duration(at)))
}

// finishCandidate is the last thing that a candidate's goroutine does.
func (k *socket) finishCandidate(err error) {
	c := k.session
	c.mu.Lock()
	k.leaveLocked()
	expelled := k.expelled
	c.mu.Unlock()
	if !k.dropping {
		result := upgradeLeft
		switch {
		case expelled:
			_ = k.say(websocket.AppendClose(nil, websocket.StatusGoingAway, "the session has ended"))
		case errors.Is(err, errExpired):
			result = upgradeTimeout
			_ = k.say(websocket.AppendClose(nil, websocket.StatusPolicy, result))
		}
		c.server.metrics.upgrades.WithLabelValues(result).Inc()
	}
	k.close()
	c.server.log.Debug("weblink: upgrade abandoned", "remote", c.remote, "error", err)
	c.server.goroutines.Done()
}
