package tcp

import (
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

// userTimeout is how long data that was sent may stay unacknowledged before the
// kernel gives the connection up (TCP_USER_TIMEOUT, RFC 5482): a client that
// vanished is noticed when something is sent to it, not first when it has been
// silent for too long.
const userTimeout = 60 * time.Second

// SetOptions prepares a client's socket. TCP keep-alive, which Go turns on with
// probes every 15 seconds, is turned off: the protocols' heartbeats do the same, at
// a pace that a phone's battery bears. It does not matter whether this succeeds:
// the heartbeat finds every dead client.
func SetOptions(raw syscall.RawConn) {
	_ = raw.Control(func(fd uintptr) {
		_ = unix.SetsockoptInt(int(fd), unix.SOL_SOCKET, unix.SO_KEEPALIVE, 0)
		_ = unix.SetsockoptInt(int(fd), unix.IPPROTO_TCP, unix.TCP_USER_TIMEOUT, int(userTimeout.Milliseconds()))
	})
}

// SendRoom is how many bytes the kernel surely takes for fd now without waiting; 0
// when it may be none. A socket that polls as writable has a third of its send
// buffer free (sk_stream_is_writeable in Linux), as the kernel counts memory.
func SendRoom(fd int) int {
	p := [1]unix.PollFd{{Fd: int32(fd), Events: unix.POLLOUT}}
	n, err := unix.Poll(p[:], 0)
	if err != nil || n != 1 || p[0].Revents&unix.POLLOUT == 0 {
		return 0
	}
	size, err := unix.GetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_SNDBUF)
	if err != nil {
		return 0
	}
	return size / 3
}
