package link

import (
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

// userTimeout is how long data that was sent may stay unacknowledged before the
// kernel gives the connection up (TCP_USER_TIMEOUT, RFC 5482): a client that
// vanished is noticed when something is sent to it, not first at its idle timeout.
const userTimeout = 60 * time.Second

// setSocketOptions prepares an accepted socket. TCP keep-alive, which Go turns on
// with probes every 15 seconds, is turned off: the client's own heartbeat does
// the same, at a pace that a phone's battery bears. It does not matter whether
// this succeeds: the idle timeout finds every dead client.
func setSocketOptions(raw syscall.RawConn) {
	_ = raw.Control(func(fd uintptr) {
		_ = unix.SetsockoptInt(int(fd), unix.SOL_SOCKET, unix.SO_KEEPALIVE, 0)
		_ = unix.SetsockoptInt(int(fd), unix.IPPROTO_TCP, unix.TCP_USER_TIMEOUT, int(userTimeout.Milliseconds()))
	})
}
