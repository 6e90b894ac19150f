package engine

import (
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
	probed := p.probed
	c.mu.Unlock()

	// A read timeout of the HTTP server would end the wait.
	_ = http.NewResponseController(w).SetReadDeadline(time.Time{})
	var patience <-chan time.Time
	if probed {
		timer := time.NewTimer(c.server.pauses.probed)
		defer timer.Stop()
		patience = timer.C
	}
	impatient := false
	for {
		if r.Context().Err() != nil {
			// The client is gone, or has given this request up. What waits stays.
			c.mu.Lock()
			p.get = false
			c.mu.Unlock()
			return
		}
		q, over := c.takePoll(impatient, probed)
		if q != nil || over {
			c.answerPoll(w, q)
			return
		}
		select {
		case <-p.wake:
		case <-patience:
			impatient = true
		case <-r.Context().Done():
		}
	}
}

// takePoll takes what a poll that waits is to answer, and ends its wait. over
// without frames is the end of the session; neither is a reason to wait on. A
// poll that came after the probe waits until it is impatient.
func (c *Conn) takePoll(impatient, probed bool) (q *queue, over bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	p := c.polling
	switch {
	case c.ended:
		over = true
	case c.ws == nil && c.outState == outHeld && !c.closing.Load():
		// A POST is being handled; it will signal.
		return nil, false
	case c.ws == nil && c.out != nil:
		q = c.takePayloadLocked()
	case c.ws != nil || impatient || p.released || (p.probed && !probed):
		q = getQueue()
		q.add(noopFrame)
	default:
		return nil, false
	}
	p.get, p.released = false, false // before the client can know, and poll again
	return q, over
}

// takePayloadLocked takes as much of what waits as one answer may carry: always
// something, never more than MaxPayload unless that is one message.
func (c *Conn) takePayloadLocked() *queue {
	n, size := 0, 0
	for _, f := range c.out.frames {
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
