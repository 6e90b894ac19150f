package engine

import (
	"syscall"
)

// hasInput reports whether a read from the non-blocking socket fd would return
// at once: with bytes, with the end of the stream or with an error.
func hasInput(fd int) bool {
	var b [1]byte
	for {
		_, _, err := syscall.Recvfrom(fd, b[:], syscall.MSG_PEEK)
		if err != syscall.EINTR {
			return err != syscall.EAGAIN
		}
	}
}
