package tcp

import (
	"errors"
	"io"
	"os"
	"syscall"
)

// ErrWouldBlock is returned when the socket has nothing to read, or no room to
// write, now.
var ErrWouldBlock = errors.New("tcp: the socket would block")

// Read reads from the non-blocking socket fd into b, which is not empty. At the
// end of the stream it returns io.EOF.
func Read(fd int, b []byte) (int, error) {
	for {
		n, err := syscall.Read(fd, b)
		switch {
		case err == syscall.EINTR:
		case err == syscall.EAGAIN:
			return 0, ErrWouldBlock
		case err != nil:
			return 0, os.NewSyscallError("read", err)
		case n == 0:
			return 0, io.EOF
		default:
			return n, nil
		}
	}
}

// Write writes the beginning of b, which is not empty, to the non-blocking socket
// fd: at least one byte, or it fails.
func Write(fd int, b []byte) (int, error) {
	for {
		n, err := syscall.Write(fd, b)
		switch {
		case err == syscall.EINTR:
		case err == syscall.EAGAIN:
			return 0, ErrWouldBlock
		case err != nil:
			return 0, os.NewSyscallError("write", err)
		case n == 0:
			return 0, io.ErrUnexpectedEOF
		default:
			return n, nil
		}
	}
}

// HasInput reports whether a read from the non-blocking socket fd would return at
// once: with bytes, with the end of the stream or with an error.
func HasInput(fd int) bool {
	var b [1]byte
	for {
		_, _, err := syscall.Recvfrom(fd, b[:], syscall.MSG_PEEK)
		if err != syscall.EINTR {
			return err != syscall.EAGAIN
		}
	}
}
