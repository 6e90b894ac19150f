package tcp_test

import (
	"testing"

	"golang.org/x/sys/unix"

	"github.com/yizhan-im/yizhan/appliance/tcp"
)

func TestTheKernelProbesNobodyAndGivesUpTheDead(t *testing.T) {
	_, server := pair(t)
	tcp.SetOptions(raw(t, server))
	with(t, server, func(fd int) {
		if on, err := unix.GetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_KEEPALIVE); err != nil || on != 0 {
			t.Errorf("keep-alive %d, %v", on, err)
		}
		if ms, err := unix.GetsockoptInt(fd, unix.IPPROTO_TCP, unix.TCP_USER_TIMEOUT); err != nil || ms != 60_000 {
			t.Errorf("user timeout %d ms, %v", ms, err)
		}
		if tcp.SendRoom(fd) == 0 {
			t.Error("a new socket has no room")
		}
	})
}
