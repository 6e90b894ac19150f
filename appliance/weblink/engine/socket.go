package engine

import (
	"net"
	"syscall"

	"github.com/yizhan-im/yizhan/appliance/tcp"
	"github.com/yizhan-im/yizhan/appliance/weblink/websocket"
)

// socket is a session's WebSocket, or one that may become it. Its size counts a
// hundred thousand times.
type socket struct {
	session *Conn
	conn    net.Conn
	// raw is the TCP connection at the bottom; nil when it is out of reach. With
	// plain its bytes are conn's; otherwise TLS lies between, and raw only tells
	// when there is something to read or room to write.
	raw   syscall.RawConn
	inner net.Conn // what raw belongs to, when it is not conn

	// Owned by the goroutine that reads; see read.go.
	decoder   websocket.Decoder
	lastInput int64 // when something arrived, in Server.now's time
	received  int   // packets in what is being handled
	parked    bool
	holding   bool // session.receiving is held
	attached  bool // it is the session's; before, it is a candidate
	probed    bool // of a candidate: it has sent its probe
	dropping  bool // of a candidate: it has failed, and what it sends is dropped

	// Under session.mu.
	expelled   bool  // of a candidate: the session has ended
	limit      int64 // of a candidate: when its time is over
	streamOver bool  // nothing is written any more
	peerClosed bool  // the client's close frame was read

	plain   bool
	deflate bool

	// Owned by whoever writes; see writer.go.
	room      int   // bytes that the kernel surely takes without waiting
	writeOver int64 // when the write deadline of a TLS connection strikes
}

func newSocket(c *Conn, conn net.Conn, deflate bool) *socket {
	k := &socket{session: c, conn: conn, deflate: deflate, lastInput: c.server.now()}
	k.decoder.Init(c.options.MaxPayload, deflate)
	switch nc := conn.(type) {
	case *net.TCPConn:
		k.raw, k.plain = rawConn(nc), true
	case *net.UnixConn:
		k.raw, k.plain = rawConn(nc), true
	default:
		k.inner = bottom(conn)
		if k.inner != nil {
			k.raw = rawConn(k.inner.(syscall.Conn))
		}
	}
	if k.raw == nil {
		k.plain = false
	} else {
		tcp.SetOptions(k.raw)
	}
	return k
}

func rawConn(c syscall.Conn) syscall.RawConn {
	raw, err := c.SyscallConn()
	if err != nil {
		return nil
	}
	return raw
}

// maxWrappers bounds how deep bottom looks.
const maxWrappers = 8

// bottom is the connection under layers such as TLS that has a file descriptor;
// nil when there is none to be found.
func bottom(conn net.Conn) net.Conn {
	for range maxWrappers {
		switch nc := conn.(type) {
		case interface{ NetConn() net.Conn }:
			conn = nc.NetConn()
		case syscall.Conn:
			return conn
		default:
			return nil
		}
	}
	return nil
}

// close closes the connection. What lies below TLS comes first: TLS would wait
// until the client takes its farewell, which was sent if the stream was ended in
// order.
func (k *socket) close() {
	if k.inner != nil {
		_ = k.inner.Close()
	}
	_ = k.conn.Close()
}
