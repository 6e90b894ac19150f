package link

import (
	"errors"
	"fmt"
	"net"
	"syscall"
	"time"

	"github.com/yizhan-im/yizhan/appliance/secure"
	"github.com/yizhan-im/yizhan/appliance/wire"
)

const (
	// The pause after an accept that failed for want of file descriptors or
	// memory. It doubles from the first value to the second.
	minAcceptPause = 5 * time.Millisecond
	maxAcceptPause = time.Second

	// refusalTimeout bounds the time spent on telling a client that it is refused.
	refusalTimeout = time.Second
)

// socket is what the gateway needs of a connection; *net.TCPConn and
// *net.UnixConn have it.
type socket interface {
	net.Conn
	syscall.Conn
	CloseWrite() error
}

// Serve accepts connections from l until l is closed, and returns net.ErrClosed
// then; its connections live on. While file descriptors or memory are short it
// waits and tries again; other errors of l end it.
func (s *Server) Serve(l net.Listener) error {
	pause := minAcceptPause
	for {
		nc, err := l.Accept()
		switch {
		case err == nil:
			pause = minAcceptPause
			s.accepted(nc)
		case errors.Is(err, net.ErrClosed):
			return net.ErrClosed
		case errors.Is(err, syscall.ECONNABORTED):
			// The client left while it was in the backlog.
		case outOfResources(err):
			s.metrics.acceptErrors.Inc()
			s.log.Warn("link: cannot accept connections, raise the limit of open files or lower max_connections", "error", err, "pause", pause)
			time.Sleep(pause)
			pause = min(2*pause, maxAcceptPause)
		default:
			s.metrics.acceptErrors.Inc()
			return err
		}
	}
}

func outOfResources(err error) bool {
	for _, shortage := range []error{syscall.EMFILE, syscall.ENFILE, syscall.ENOBUFS, syscall.ENOMEM} {
		if errors.Is(err, shortage) {
			return true
		}
	}
	return false
}

// accepted starts the connection's goroutine, once there is a handshake slot.
func (s *Server) accepted(nc net.Conn) {
	sock, ok := nc.(socket)
	if !ok {
		s.log.Warn("link: the listener does not give TCP connections: remove its wrappers", "type", fmt.Sprintf("%T", nc))
		_ = nc.Close()
		return
	}
	if !s.handshakes.acquire(func() int { return s.options.Load().MaxHandshakes }) {
		_ = nc.Close()
		return
	}
	o := s.options.Load()
	c, err := newConn(s, sock, o)
	if err != nil {
		s.handshakes.release()
		_ = nc.Close()
		return
	}
	if !s.register(c) {
		s.metrics.handshakes.WithLabelValues(handshakeRefused).Inc()
		s.log.Debug("link: connection refused", "remote", nc.RemoteAddr(), "connections", s.Connections())
		s.refuse(nc)
		return
	}
	go c.start()
}

// refuse tells a client that it is not wanted now, and closes.
func (s *Server) refuse(nc net.Conn) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed {
		s.handshakes.release()
		_ = nc.Close()
		return
	}
	s.goroutines.Go(func() {
		defer s.handshakes.release()
		defer nc.Close()
		_ = nc.SetDeadline(time.Now().Add(refusalTimeout))
		// The hello is read first: a socket that is closed with unread input resets
		// the connection, and the refusal would be lost.
		var hello [secure.MaxHello]byte
		if _, err := nc.Read(hello[:]); err == nil {
			_, _ = nc.Write(secure.Refusal(wire.CodeBusy))
		}
	})
}
