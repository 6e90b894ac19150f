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

// setSocketOptions prepares an accepted socket. It does not matter whether it
// succeeds: the idle timeout finds every dead client, only later.
func setSocketOptions(raw syscall.RawConn) {
	_ = raw.Control(func(fd uintptr) {
		_ = unix.SetsockoptInt(int(fd), unix.IPPROTO_TCP, unix.TCP_USER_TIMEOUT, int(userTimeout.Milliseconds()))
	})
}
