package link

import (
	"net"
	"net/netip"
	"sync"
	"sync/atomic"
	"syscall"
	"time"

	"github.com/yizhan-im/yizhan/appliance/flush"
	"github.com/yizhan-im/yizhan/appliance/link/internal/framing"
	"github.com/yizhan-im/yizhan/appliance/secure"
	"github.com/yizhan-im/yizhan/appliance/session"
	"github.com/yizhan-im/yizhan/appliance/wire"
)

// Transport is the gateway's name, as Conn.Transport gives it.
const Transport = "link"

// phase is how far a connection has come.
type phase uint8

const (
	phaseHello phase = iota // waits for the client's hello
	phaseLogin              // waits for its first frame
	phaseOpen
)

// conn is one client's connection; it implements session.Conn. Its size counts
// a hundred thousand times, so what only busy connections need is allocated when
// they need it.
type conn struct {
	server  *Server
	socket  socket
	raw     syscall.RawConn
	options *Options
	flusher *flush.Flusher[*conn]
	secure  *secure.Channel  // set by the reader, before anything is queued
	session *session.Session // set by the reader, before anything is queued

	// Owned by the goroutine that reads; see read.go.
	sealed      remainder // of a record
	plain       remainder // of a frame
	lastInput   int64     // when something arrived, in Server.now's time
	loginSerial uint64    // set before the first request is handled, then constant
	pings       session.Bucket
	phase       phase
	parked      bool

	mu sync.Mutex
	// Under mu.
	out       *framing.Buffer // whole frames that wait to be sealed; nil when there are none
	outFrames uint32          // how many
	outState  outState
	closing   atomic.Bool   // also read without mu
	settled   bool          // no longer one of Server.newcomers
	reason    wire.Code     // why, when closing
	idle      time.Duration // allowed silence, 0 until the client is logged in
	limit     int64         // when a connection that is not logged in, or is closing, must end
	armed     int64         // when the socket's read deadline is

	nextDirty *conn // next in the flusher's list, under the flusher's mutex

	place int // in Server.open, under Server.mu
}

var _ session.Conn = (*conn)(nil)

func newConn(s *Server, sock socket, o *Options) (*conn, error) {
	raw, err := sock.SyscallConn()
	if err != nil {
		return nil, err
	}
	now := s.now()
	return &conn{
		server:    s,
		socket:    sock,
		raw:       raw,
		options:   o,
		flusher:   s.flushers[int(s.nextFlush.Add(1))%len(s.flushers)],
		lastInput: now,
		limit:     now + int64(o.HandshakeTimeout),
	}, nil
}

// Reply implements session.Conn.
func (c *conn) Reply(serial uint64, code wire.Code, body wire.Body) {
	codecs := c.secure.Codecs()
	if serial == c.loginSerial {
		codecs = 0 // the answer to a login is not compressed either
	}
	buf := framing.GetBuffer()
	f := wire.Frame{Kind: wire.KindResponse, Serial: serial, Code: code}
	var err error
	if buf.B, err = framing.Append(buf.B, &f, body, codecs); err != nil {
		c.server.log.Warn("link: a response is too large to be sent", "error", err)
		f.Code = wire.CodeServerError
		buf.B = wire.AppendFrame(buf.B[:0], &f)
	}
	c.enqueue(buf.B)
	buf.Release()
}

// Push implements session.Conn.
func (c *conn) Push(ev *session.Event) {
	c.enqueue(c.encode(ev))
}

// encode returns the frames of ev. There is one shared form for clients that
// understand every compression, which is what our SDKs offer, and one for all
// others.
func (c *conn) encode(ev *session.Event) []byte {
	if c.secure.Codecs()&secure.AllCodecs == secure.AllCodecs {
		return ev.Encoded(session.EncodingLinkCompressed, encodeCompressed)
	}
	return ev.Encoded(session.EncodingLinkPlain, encodePlain)
}

func encodePlain(ev *session.Event) []byte {
	return wire.AppendFrame(nil, &wire.Frame{Kind: wire.KindPush, Command: ev.Command, Payload: ev.Payload})
}

func encodeCompressed(ev *session.Event) []byte {
	f := wire.Frame{Kind: wire.KindPush, Command: ev.Command, Payload: ev.Payload}
	b, err := framing.Append(nil, &f, nil, secure.AllCodecs)
	if err != nil {
		return encodePlain(ev) // too large: the client will refuse it, and say so
	}
	return b
}

// closePush is the push that tells a client why it is cut off.
func closePush(code wire.Code, note string) *session.Event {
	return session.NewEvent(wire.PushClose, &wire.ClosePush{Code: uint32(code), Note: note})
}

// SetIdleTimeout implements session.Conn. The first call also says that the
// client is logged in: LoginTimeout no longer holds.
func (c *conn) SetIdleTimeout(d time.Duration) {
	if d <= 0 {
		return
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.closing.Load() {
		return
	}
	c.settleLocked()
	c.idle = d
	c.wakeNoLaterLocked(c.server.now() + int64(d))
}

// settle says that c has logged in or is gone.
func (c *conn) settle() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.settleLocked()
}

func (c *conn) settleLocked() {
	if !c.settled {
		c.settled = true
		c.server.newcomers.Leave(c.RemoteAddr().Addr())
	}
}

// RemoteAddr implements session.Conn. It is zero when the client did not come
// over TCP.
func (c *conn) RemoteAddr() netip.AddrPort {
	if a, ok := c.socket.RemoteAddr().(*net.TCPAddr); ok {
		return a.AddrPort()
	}
	return netip.AddrPort{}
}

// Transport implements session.Conn.
func (c *conn) Transport() string { return Transport }
