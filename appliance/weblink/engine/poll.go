package engine

import (
	"bytes"
	"encoding/base64"
	"errors"
	"net/http"
	"strconv"
	"time"

	"github.com/yizhan-im/yizhan/appliance/weblink/engineio"
	"github.com/yizhan-im/yizhan/appliance/weblink/websocket"
)

// maxPolledPackets bounds the packets of one answer or body. Both are bounded by
// MaxPayload too; this bounds the memory for a slice of them.
const maxPolledPackets = 8 << 10

// errDeflated is what a message ends a session with that the poll cannot carry.
var errDeflated = errors.New("weblink: a message made by DeflatedMessage was sent to a client whose Deflate is false")

// poll answers a GET of a session as soon as there is something to tell.
func (c *Conn) poll(w http.ResponseWriter, r *http.Request) {
	if !c.current() {
		badRequest.answer(w)
		return
	}
	c.mu.Lock()
	p := c.polling
	if p.get {
		c.mu.Unlock()
		c.overlapped(w)
		return
	}
	p.get = true
	late := p.reserved || p.candidate != nil
	c.mu.Unlock()

	// A read timeout of the HTTP server would end the wait.
	_ = http.NewResponseController(w).SetReadDeadline(time.Time{})
	var patience *time.Timer
	var impatience <-chan time.Time
	impatient := false
	for {
		if r.Context().Err() != nil {
			c.abandoned(r.Context().Err())
			return
		}
		q, next := c.takePoll(late, impatient)
		switch {
		case next == pollAnswered:
			c.answerPoll(w, q)
			return
		case next == pollHurries && patience == nil:
			patience = time.NewTimer(c.server.pauses.probed)
			defer patience.Stop()
			impatience = patience.C
		}
		select {
		case <-p.wake:
		case <-impatience:
			impatient = true
		case <-r.Context().Done():
		}
	}
}

// pollState is what becomes of a poll.
type pollState uint8

const (
	pollWaits    pollState = iota
	pollHurries            // waits, but not for long
	pollAnswered           // with frames or, without, with an error
)

// takePoll takes what a poll that waits is to answer, and ends its wait.
//
// A client needs its polls to end before it sends the upgrade packet. One that
// came before the WebSocket ends with the probe. One that came late ends a while
// after it, so that a client which polls on makes few requests; if it still
// waits when the upgrade packet comes, the client has polled a session that it
// had given another transport, and gets an error.
func (c *Conn) takePoll(late, impatient bool) (*queue, pollState) {
	c.mu.Lock()
	defer c.mu.Unlock()
	p := c.polling
	var q *queue
	switch {
	case c.ended || (c.ws != nil && late):
	case c.ws == nil && c.outState == outHeld && !c.closing.Load():
		return nil, pollWaits // a POST is being handled; it will signal
	case c.ws == nil && c.out != nil:
		q = c.takePayloadLocked()
	case c.ws != nil || impatient || p.released || (p.probed && !late):
		q = getQueue()
		q.add(noopFrame)
	case p.probed:
		return nil, pollHurries
	default:
		return nil, pollWaits
	}
	p.get, p.released = false, false // before the client can know, and poll again
	return q, pollAnswered
}

// abandoned ends the session whose client has gone, or given its poll up, unless
// it goes on over its WebSocket.
func (c *Conn) abandoned(err error) {
	c.mu.Lock()
	c.polling.get = false
	polls := c.ws == nil
	if polls && c.closing.Load() {
		c.endPollingLocked()
	}
	c.mu.Unlock()
	if polls {
		c.broke(err)
	}
}

// takePayloadLocked takes as much of what waits as one answer may carry: always
// something, never more than MaxPayload unless that is one message. The close
// packet comes alone: stock clients act on it before they hand on what came with
// it.
func (c *Conn) takePayloadLocked() *queue {
	n, size := 0, 0
	for _, f := range c.out.frames {
		if bytes.Equal(f, closeFrame) {
			if n == 0 {
				n = len(c.out.frames) // the close frame behind it means nothing to a poll
			}
			break
		}
		size += 1 + polledLen(f) // with a separator
		if n == maxPolledPackets || (n > 0 && size-1 > c.options.MaxPayload) {
			break
		}
		n++
	}
	if n == len(c.out.frames) {
		q := c.out
		c.out = nil
		return q
	}
	q := getQueue()
	for _, f := range c.out.frames[:n] {
		q.add(f)
	}
	c.out.drop(n)
	return q
}

// polledLen is the length of a frame's packet in a payload.
func polledLen(frame []byte) int {
	op, payload := websocket.Split(frame)
	if op == websocket.OpBinary {
		return 1 + base64.StdEncoding.EncodedLen(len(payload))
	}
	return len(payload)
}

// answerPoll writes the frames of q, which may be nil when the session has ended.
func (c *Conn) answerPoll(w http.ResponseWriter, q *queue) {
	if q == nil {
		badRequest.answer(w)
		return
	}
	defer q.release()
	buf := getBuffer()
	defer buf.release()
	var err error
	if buf.b, err = appendPayload(buf.b, q.frames); err == nil {
		err = c.writeBody(w, buf.b)
	} else {
		c.server.log.Error("weblink: a message cannot be polled, the session is closed", "remote", c.remote, "error", err)
		badRequest.answer(w)
	}
	if err != nil {
		c.broke(err)
	}
	c.server.metrics.messagesOut.Add(float64(len(q.frames)))

	c.mu.Lock()
	defer c.mu.Unlock()
	if c.closing.Load() && c.ws == nil && (c.out == nil || err != nil) {
		c.endPollingLocked()
	}
}

// appendPayload appends the packets of frames as a payload.
func appendPayload(dst []byte, frames [][]byte) ([]byte, error) {
	packets := make([]engineio.Packet, 0, min(len(frames), 64))
	size := 0
	for _, f := range frames {
		op, payload := websocket.Split(f)
		switch {
		case op == websocket.OpBinary:
			packets = append(packets, engineio.Packet{Type: engineio.Message, Binary: true, Data: payload})
		case op == websocket.OpText && len(payload) > 0:
			packets = append(packets, engineio.Packet{Type: engineio.Type(payload[0] - '0'), Data: payload[1:]})
		case len(f) > 0 && f[0]&0xf >= byte(websocket.OpClose):
			continue // the WebSocket's way to say what the close packet says
		default:
			return dst, errDeflated
		}
		size += 1 + polledLen(f)
	}
	out, _, err := engineio.Limits{MaxPayload: size, MaxPackets: len(packets)}.AppendPayload(dst, packets)
	return out, err
}

// overlapped ends a session whose client polls, or posts, while it does so
// already (Engine.IO protocol, "HTTP long-polling").
func (c *Conn) overlapped(w http.ResponseWriter) {
	c.server.log.Warn("weblink: overlapping requests of one session", "remote", c.remote)
	c.Fail(ReasonParse)
	badRequest.answer(w)
}

// writeBody answers with a payload. When it returns nil the kernel has it all.
func (c *Conn) writeBody(w http.ResponseWriter, body []byte) error {
	h := w.Header()
	h.Set("Content-Type", "text/plain; charset=UTF-8")
	h.Set("Content-Length", strconv.Itoa(len(body)))
	h.Set("Cache-Control", "no-store")
	h.Set("X-Content-Type-Options", "nosniff") // it holds what users write
	control := http.NewResponseController(w)
	// It replaces one that the HTTP server has set when the wait began. Writers
	// that know no deadlines are those of tests.
	_ = control.SetWriteDeadline(time.Now().Add(c.options.WriteTimeout))
	if _, err := w.Write(body); err != nil {
		return err
	}
	if err := control.Flush(); err != nil && !errors.Is(err, http.ErrNotSupported) {
		return err
	}
	c.server.metrics.bytesOut.Add(float64(len(body)))
	return nil
}
