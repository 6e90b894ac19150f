package engine

import (
	"net/http"

	"github.com/yizhan-im/yizhan/appliance/weblink/engineio"
	"github.com/yizhan-im/yizhan/appliance/weblink/websocket"
)

// newConn makes a session and registers it. Without one it has answered.
func (s *Server) newConn(w http.ResponseWriter, r *http.Request, o *Options) *Conn {
	now := s.now()
	c := &Conn{
		server:  s,
		options: o,
		flusher: s.flushers[int(s.nextFlush.Add(1))%len(s.flushers)],
		remote:  remoteAddr(r),
		beat:    now + int64(o.PingInterval),
		limit:   now + int64(o.OpenTimeout),
		armed:   untilDue,
	}
	if result := s.register(c); result != openOK {
		s.refuse(w, r, result, unavailable)
		return nil
	}
	return c
}

// handshake is the data of the open packet.
func (o *Options) handshake(id sid, upgrades ...string) []byte {
	// No error: the values are in range, see withDefaults.
	p, _ := engineio.Handshake{
		SID:          string(id[:]),
		Upgrades:     upgrades,
		PingInterval: o.PingInterval,
		PingTimeout:  o.PingTimeout,
		MaxPayload:   o.MaxPayload,
	}.Packet()
	return p.Data
}

// openPolling opens a session whose handshake answers the request.
func (s *Server) openPolling(w http.ResponseWriter, r *http.Request, o *Options) {
	c := s.newConn(w, r, o)
	if c == nil {
		return
	}
	p := newPolling(c)
	// Whatever ends the session meanwhile waits for Opened.
	c.receiving.Lock()
	c.mu.Lock()
	c.polling = p
	c.armLocked(c.dueLocked())
	stopped := c.closing.Load() // by Server.Close, before there was a polling to end
	if stopped {
		c.endPollingLocked()
	} else {
		s.sids.add(p.id, c)
	}
	c.mu.Unlock()
	s.metrics.opened(transportPolling)
	if stopped {
		c.receiving.Unlock()
		unavailable.answer(w)
		return
	}
	c.receiver = s.handler.Opened(c)
	c.receiving.Unlock()

	body := append([]byte{'0'}, o.handshake(p.id, transportWebSocket)...)
	if err := c.writeBody(w, body); err != nil {
		c.broke(err)
	}
}

// openWebSocket opens a session that never polls.
func (s *Server) openWebSocket(w http.ResponseWriter, r *http.Request, o *Options) {
	c := s.newConn(w, r, o)
	if c == nil {
		return
	}
	conn, early, deflate, err := websocket.Upgrade(w, r, websocket.Options{Deflate: o.Deflate})
	if err != nil {
		s.metrics.opens.WithLabelValues(openRefused).Inc()
		s.log.Debug("weblink: WebSocket handshake failed", "remote", r.RemoteAddr, "error", err)
		s.unregister(c)
		return
	}
	k := newSocket(c, conn, deflate)
	k.attached = true
	c.mu.Lock()
	c.ws = k
	c.outState = outHeld
	open := websocket.AppendMessage(nil, websocket.OpText, append([]byte{'0'}, o.handshake(newSID())...))
	stopped := c.closing.Load() // by Server.Close
	if !stopped {
		c.appendLocked(open)
	}
	c.armLocked(c.dueLocked())
	c.mu.Unlock()
	s.metrics.opened(transportWebSocket)
	go k.start(early, !stopped)
}
