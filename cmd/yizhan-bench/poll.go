package main

import (
	"errors"
	"net"
	"os"
	"sync/atomic"
	"syscall"
	"time"

	"golang.org/x/sys/unix"

	"github.com/yizhan-im/yizhan/appliance/link/channel"
	"github.com/yizhan-im/yizhan/appliance/tcp"
	"github.com/yizhan-im/yizhan/appliance/wire"
)

// poller reads from many connections by one goroutine: one epoll_wait(2) for
// those that have something, then one read(2) for each. A goroutine for each
// connection costs nearly twice the CPU time for every message, which the node on
// the same cores has to do without.
type poller struct {
	epoll int
	pause time.Duration // after a look that has found little; 0 for none
	conns []*polledConn
}

// crowdPause lets a poller of many connections find many of them at its next look.
// What arrives meanwhile is noted that much too late at most, and the node does
// not pay for waking the driver with every write, as it does not for clients on
// other machines.
const crowdPause = time.Millisecond

// pollMilliseconds is the longest that a poller takes to notice that it shall end.
const pollMilliseconds = 100

func newPoller(pause time.Duration) (*poller, error) {
	fd, err := unix.EpollCreate1(unix.EPOLL_CLOEXEC)
	if err != nil {
		return nil, os.NewSyscallError("epoll_create1", err)
	}
	return &poller{epoll: fd, pause: pause}, nil
}

// add takes over a connection whose handshake and login are done. arrived is
// called with each frame, and failed once with what ended the connection.
func (p *poller) add(c *polledConn, channel *channel.Conn, arrived func(*wire.Frame) error, failed func(error)) error {
	if err := c.detach(); err != nil {
		return err
	}
	c.channel, c.arrived, c.failed = channel, arrived, failed
	p.conns = append(p.conns, c)
	// The number of the connection takes the place of its descriptor. Told of once,
	// a connection is read until it has nothing left (EPOLLET): the kernel looks at
	// it again only when there is more.
	event := unix.EpollEvent{Events: unix.EPOLLIN | unix.EPOLLET, Fd: int32(len(p.conns) - 1)}
	return os.NewSyscallError("epoll_ctl", unix.EpollCtl(p.epoll, unix.EPOLL_CTL_ADD, c.fd, &event))
}

// run reads until closing, then closes all connections.
func (p *poller) run(closing *atomic.Bool) {
	events := make([]unix.EpollEvent, 256)
	for !closing.Load() {
		n, err := unix.EpollWait(p.epoll, events, pollMilliseconds)
		if err != nil && err != unix.EINTR {
			p.fail(os.NewSyscallError("epoll_wait", err))
			break
		}
		for i := range max(n, 0) {
			p.serve(p.conns[events[i].Fd])
		}
		if n < len(events) {
			time.Sleep(p.pause)
		}
	}
	for _, c := range p.conns {
		_ = c.Close()
	}
	_ = unix.Close(p.epoll)
}

// serve handles what a connection has got.
func (p *poller) serve(c *polledConn) {
	c.drained = false
	for {
		f, err := c.channel.ReadFrame()
		if errors.Is(err, os.ErrDeadlineExceeded) {
			return
		}
		if err == nil && f.Kind == wire.KindPush {
			err = farewell(&f)
		}
		if err == nil {
			err = c.arrived(&f)
		}
		if err != nil {
			c.failed(err)
			_ = c.Close() // takes it out of the epoll set too
			return
		}
	}
}

func (p *poller) fail(err error) {
	for _, c := range p.conns {
		if !c.closed {
			c.failed(err)
		}
	}
}

// polledConn is a socket that Go's runtime polls until a poller does: from then
// on a Read never waits, but returns os.ErrDeadlineExceeded, after which a channel
// may be read from again.
type polledConn struct {
	net.Conn
	fd      int
	polled  bool
	drained bool // nothing was left after the last read
	closed  bool

	channel *channel.Conn
	arrived func(*wire.Frame) error
	failed  func(error)
}

// detach takes the socket away from Go's runtime.
func (c *polledConn) detach() error {
	raw, err := c.Conn.(syscall.Conn).SyscallConn()
	if err != nil {
		return err
	}
	var dupErr error
	err = raw.Control(func(fd uintptr) { c.fd, dupErr = unix.FcntlInt(fd, unix.F_DUPFD_CLOEXEC, 0) })
	if err = errors.Join(err, os.NewSyscallError("fcntl", dupErr)); err != nil {
		return err
	}
	c.polled = true
	return c.Conn.Close()
}

func (c *polledConn) Read(b []byte) (int, error) {
	switch {
	case !c.polled:
		return c.Conn.Read(b)
	case c.drained:
		return 0, os.ErrDeadlineExceeded
	}
	n, err := tcp.Read(c.fd, b)
	if err == tcp.ErrWouldBlock {
		return 0, os.ErrDeadlineExceeded
	}
	c.drained = n < len(b)
	return n, err
}

// Write writes all of b or fails, also when the socket has no room now: what is
// polled sends little.
func (c *polledConn) Write(b []byte) (int, error) {
	if !c.polled {
		return c.Conn.Write(b)
	}
	for done := 0; ; {
		n, err := tcp.Write(c.fd, b[done:])
		if done += n; err != nil || done == len(b) {
			return done, err
		}
	}
}

func (c *polledConn) Close() error {
	if !c.polled {
		return c.Conn.Close()
	}
	if c.closed {
		return nil
	}
	c.closed = true
	return unix.Close(c.fd)
}
