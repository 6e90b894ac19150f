package engine

import (
	"errors"
	"io"
	"mime"
	"net/http"
	"time"

	"github.com/yizhan-im/yizhan/appliance/weblink/engineio"
)

// post takes what a polling client sends. A body is all or nothing: none of its
// packets takes effect when one of them is malformed.
func (c *Conn) post(w http.ResponseWriter, r *http.Request) {
	if !c.current() {
		badRequest.answer(w)
		return
	}
	c.mu.Lock()
	p := c.polling
	if p.post {
		c.mu.Unlock()
		c.overlapped(w)
		return
	}
	p.post = true
	c.mu.Unlock()

	answer := c.takePost(w, r)
	c.mu.Lock()
	p.post = false // before the client can know, and post again
	c.mu.Unlock()
	answer(w)
}

// answerOK says that a body was taken.
func answerOK(w http.ResponseWriter) {
	h := w.Header()
	h.Set("Content-Type", "text/plain; charset=UTF-8")
	h.Set("Content-Length", "2")
	h.Set("Cache-Control", "no-store")
	_, _ = w.Write([]byte("ok"))
}

// takePost reads and handles a body, and returns how to answer.
func (c *Conn) takePost(w http.ResponseWriter, r *http.Request) func(http.ResponseWriter) {
	if media, _, _ := mime.ParseMediaType(r.Header.Get("Content-Type")); media == "application/octet-stream" {
		return c.malformed(errBinaryBody)
	}
	buf := getBuffer()
	defer buf.release()
	if err := c.readBody(buf, w, r); err != nil {
		var large *http.MaxBytesError
		if errors.As(err, &large) {
			return tooLarge.answer // the session goes on: nothing was taken
		}
		c.broke(err)
		return badRequest.answer
	}
	c.server.metrics.bytesIn.Add(float64(len(buf.b)))
	limits := engineio.Limits{MaxPayload: c.options.MaxPayload, MaxPackets: maxPolledPackets}
	packets, err := limits.DecodePayload(make([]engineio.Packet, 0, 16), buf.b)
	if err != nil {
		return c.malformed(err)
	}
	for i, p := range packets {
		if err := checkPacket(p, i < len(packets)-1); err != nil {
			return c.malformed(err)
		}
	}
	c.server.metrics.messagesIn.Add(float64(len(packets)))
	return c.deliver(packets)
}

// readBody reads the body, of at most MaxPayload bytes, into buf. When it fails the
// deadline stays: the HTTP server, too, reads some of what is left.
func (c *Conn) readBody(buf *buffer, w http.ResponseWriter, r *http.Request) error {
	control := http.NewResponseController(w)
	_ = control.SetReadDeadline(time.Now().Add(c.bodyTime()))
	body := http.MaxBytesReader(w, r.Body, int64(c.options.MaxPayload))
	if r.ContentLength > int64(c.options.MaxPayload) {
		return &http.MaxBytesError{Limit: int64(c.options.MaxPayload)}
	}
	for {
		if len(buf.b) == cap(buf.b) {
			// Memory follows what has arrived, not what was announced.
			grown := make([]byte, len(buf.b), max(minBody, 2*cap(buf.b)))
			copy(grown, buf.b)
			buf.b = grown
		}
		n, err := body.Read(buf.b[len(buf.b):cap(buf.b)])
		buf.b = buf.b[:len(buf.b)+n]
		if err == io.EOF {
			_ = control.SetReadDeadline(time.Time{})
			return nil
		}
		if err != nil {
			return err
		}
	}
}

// bodyTime is how long a body may take: no longer than the session of a client that
// is not logged in.
func (c *Conn) bodyTime() time.Duration {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.established {
		return c.server.pauses.body
	}
	return min(c.server.pauses.body, time.Duration(c.limit-c.server.now()))
}

// minBody is the smallest buffer for a body, in bytes.
const minBody = 4 << 10

// deliver hands over the packets of one body.
func (c *Conn) deliver(packets []engineio.Packet) func(http.ResponseWriter) {
	c.receiving.Lock()
	defer c.receiving.Unlock()
	c.mu.Lock()
	if c.ws != nil || c.ended {
		// The client has changed its transport, or is gone, before its request was
		// through. It must not have, and is told that nothing was taken.
		c.mu.Unlock()
		return badRequest.answer
	}
	held := c.outState == outIdle
	if held {
		c.outState = outHeld
	}
	c.mu.Unlock()
	var err error
	for _, p := range packets {
		if err = c.packet(p); err != nil {
			break
		}
	}
	c.mu.Lock()
	if held {
		c.outState = outIdle
		c.polling.signal()
	}
	c.mu.Unlock()
	if err != nil {
		c.failed(err)
		return badRequest.answer
	}
	return answerOK
}

// malformed ends the session for a body that is not a payload.
func (c *Conn) malformed(err error) func(http.ResponseWriter) {
	c.failed(err)
	return badRequest.answer
}
