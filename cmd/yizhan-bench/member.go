package main

import (
	"bytes"
	"context"
	"errors"
	"net"
	"strings"
	"sync/atomic"
	"time"

	"github.com/yizhan-im/yizhan/appliance/link/channel"
	"github.com/yizhan-im/yizhan/appliance/wire"
)

// member is one connection of a load. Apart from what the pacer writes (see
// send), everything belongs to the goroutine that runs serve.
type member struct {
	load  *load
	index int
	conn  *channel.Conn

	serial   uint64 // of the last request; numbers them from 1
	requests []request
	window   []time.Duration // saturated: when each unanswered request was sent, by serial; 0 is free
	pause    time.Duration   // saturated: asked for by the node

	now       time.Duration // when the last read returned
	settled   int64         // answers and pushes not yet taken off load.pending
	acks      histogram     // from the intended time to the answer
	pushes    histogram     // from the intended time to the push
	acked     uint64        // 200 answers that came in the measured time
	delivered uint64        // pushes that came in the measured time
	foreign   uint64        // pushes of what nobody sent, or not to this member
	errors    errorCounts
	lost      bool // the connection ended before the run

	failed atomic.Bool // the connection is gone: tells the pacer
}

// request is a prepared send request of one stream: only the stamp in it
// changes from message to message.
type request struct {
	stream *stream
	index  uint32
	body   encoded
	stamp  []byte // the part of body that is the client id
}

// newMember logs in member i and prepares what it sends.
func newMember(ctx context.Context, l *load, i int, d *dialer, accounts []account) (*member, error) {
	m := &member{load: l, index: i}
	if l.schedule == nil {
		m.window = make([]time.Duration, l.options.Window)
	}
	for k := range l.options.Peers {
		index := i*l.options.Peers + k
		s := l.streams[index]
		m.requests = append(m.requests, newRequest(s, uint32(index), accounts[s.to].name, l.options.BodyBytes))
	}
	socket := new(hookedConn)
	conn, _, err := d.connectAs(ctx, accounts[i], wire.Platform_PLATFORM_ANDROID, func(c net.Conn) net.Conn {
		socket.Conn = c
		return socket
	})
	if err != nil {
		return nil, err
	}
	socket.beforeRead, socket.afterRead = m.beforeRead, m.afterRead
	m.conn = conn
	return m, nil
}

func newRequest(s *stream, index uint32, to string, bodyBytes int) request {
	placeholder := strings.Repeat("#", stampLength)
	message := &wire.SendRequest{To: to, ClientId: placeholder, Body: chatText(bodyBytes)}
	body := make(encoded, message.SizeVT())
	if _, err := message.MarshalToSizedBufferVT(body); err != nil {
		panic(err) // fails only when the buffer is too small
	}
	at := bytes.Index(body, []byte(placeholder))
	return request{stream: s, index: index, body: body, stamp: body[at : at+stampLength]}
}

// serve reads until the connection ends.
func (m *member) serve() {
	for {
		f, err := m.conn.ReadFrame()
		if err == nil {
			err = m.handle(&f)
		}
		if err != nil {
			m.fail(err)
			return
		}
	}
}

// fail notes why the connection ended, unless the run has ended it.
func (m *member) fail(err error) {
	m.failed.Store(true)
	if !m.load.closing.Load() {
		m.lost = true
		m.errors.note(err)
	}
}

func (m *member) handle(f *wire.Frame) error {
	switch {
	case f.Kind == wire.KindResponse:
		return m.answered(f)
	case f.Kind == wire.KindPush && f.Command == wire.PushMessage:
		return m.pushed(f.Payload)
	case f.Kind == wire.KindPush:
		return farewell(f)
	default:
		return nil
	}
}

// answered accounts for the answer to a send request.
func (m *member) answered(f *wire.Frame) error {
	if f.Serial == 0 || f.Serial >= callSerial {
		m.foreign++
		return nil
	}
	request, number := m.requestOf(f.Serial)
	log := &request.stream.outcome
	if f.Code != wire.CodeOK {
		m.errors.noteCode(f.Code)
		if log.set(number, refusedSeq) {
			m.release(f.Serial)
			m.settled += 2 // no push will follow
			m.pause = retryAfter(f)
		}
		return nil
	}
	seq, duplicate, err := scanSendResponse(f.Payload)
	if err != nil {
		return err
	}
	if duplicate {
		m.foreign++ // each message is sent once
	}
	if !log.set(number, seq) {
		return nil
	}
	m.settled++
	if sent := m.release(f.Serial); m.load.counts(sent) {
		m.acks.record(m.now - sent)
	}
	if m.load.counts(m.now) {
		m.acked++
	}
	return nil
}

// pushed accounts for a message from another member.
func (m *member) pushed(payload []byte) error {
	entry, err := scanPush(payload)
	if err != nil {
		return err
	}
	s, err := parseStamp(entry.clientID)
	if err != nil || s.run != m.load.run || int(s.stream) >= len(m.load.streams) || m.load.streams[s.stream].to != m.index {
		m.foreign++
		return nil
	}
	if !m.load.streams[s.stream].arrived.add(s.number, entry.seq) {
		return nil
	}
	m.settled++
	if m.load.counts(s.sent) {
		m.pushes.record(m.now - s.sent)
	}
	if m.load.counts(m.now) {
		m.delivered++
	}
	return nil
}

// requestOf finds the stream of a serial and the message's number in it: a
// member serves its streams in turn.
func (m *member) requestOf(serial uint64) (*request, uint32) {
	k, peers := serial-1, uint64(len(m.requests))
	return &m.requests[k%peers], uint32(k/peers) + 1
}

// release returns when a request was sent, or was to be sent, and frees its
// place in the window.
func (m *member) release(serial uint64) time.Duration {
	if m.load.schedule != nil {
		return m.load.schedule.at(m.index, serial)
	}
	slot := &m.window[serial%uint64(len(m.window))]
	sent := *slot
	*slot = 0
	return sent
}

// send queues the next message. It is called by one goroutine: the member's own
// when the load is saturated, the pacer when it is paced.
func (m *member) send(sent time.Duration) error {
	m.serial++
	request, number := m.requestOf(m.serial)
	request.stream.sent = number
	stamp := stamp{run: m.load.run, stream: request.index, number: number, sent: sent}
	stamp.put(request.stamp)
	return m.conn.Append(&wire.Frame{Kind: wire.KindRequest, Command: wire.CmdSend, Serial: m.serial}, &request.body)
}

// beforeRead runs when everything that had arrived is dealt with: now is the
// time to write, all at once.
func (m *member) beforeRead() error {
	if m.settled != 0 {
		m.load.pending.Add(-m.settled)
		m.settled = 0
	}
	if m.load.schedule != nil {
		return nil
	}
	if m.pause > 0 {
		time.Sleep(m.pause) // bounded by maxPause; the node asked for it
		m.pause = 0
	}
	return m.refill()
}

func (m *member) afterRead() { m.now = m.load.now() }

// refill sends as many messages as the window has room for.
func (m *member) refill() error {
	now := m.load.now()
	if now >= m.load.to || m.load.stopping.Load() {
		return nil
	}
	sent := 0
	for ; sent < len(m.window); sent++ {
		slot := &m.window[(m.serial+1)%uint64(len(m.window))]
		if *slot != 0 {
			break
		}
		*slot = max(now, 1)
		if err := m.send(now); err != nil {
			return err
		}
	}
	if sent == 0 {
		return nil
	}
	m.load.pending.Add(2 * int64(sent))
	return m.conn.Flush()
}

// Pauses after a refusal that may pass.
const (
	defaultPause = 20 * time.Millisecond
	maxPause     = 500 * time.Millisecond
)

// retryAfter is how long the node asks to wait.
func retryAfter(f *wire.Frame) time.Duration {
	body := new(wire.ErrorBody)
	if !f.Code.Temporary() || body.UnmarshalVT(f.Payload) != nil {
		return 0
	}
	if body.RetryAfterMs == 0 {
		return defaultPause
	}
	return min(time.Duration(body.RetryAfterMs)*time.Millisecond, maxPause)
}

// hookedConn tells when a connection's reader is about to wait for the network,
// and when it goes on.
type hookedConn struct {
	net.Conn
	beforeRead func() error
	afterRead  func()
}

func (c *hookedConn) Read(b []byte) (int, error) {
	if c.beforeRead == nil {
		return c.Conn.Read(b)
	}
	if err := c.beforeRead(); err != nil {
		return 0, err
	}
	n, err := c.Conn.Read(b)
	c.afterRead()
	return n, err
}

// encoded is a message that is already marshalled.
type encoded []byte

// SizeVT implements wire.Body.
func (e *encoded) SizeVT() int { return len(*e) }

// MarshalToSizedBufferVT implements wire.Body: like the generated code it fills
// the end of b.
func (e *encoded) MarshalToSizedBufferVT(b []byte) (int, error) {
	if len(b) < len(*e) {
		return 0, errors.New("buffer too small")
	}
	return copy(b[len(b)-len(*e):], *e), nil
}

var _ wire.Body = (*encoded)(nil)
