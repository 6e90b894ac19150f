package tcp_test

import (
	"bytes"
	"errors"
	"io"
	"net"
	"os"
	"syscall"
	"testing"
	"time"

	"github.com/yizhan-im/yizhan/appliance/tcp"
)

// pair is both ends of a connection over the loopback interface.
func pair(t *testing.T) (client, server *net.TCPConn) {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	dialled, err := net.Dial("tcp", l.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	accepted, err := l.Accept()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { dialled.Close(); accepted.Close() })
	return dialled.(*net.TCPConn), accepted.(*net.TCPConn)
}

func raw(t *testing.T, c *net.TCPConn) syscall.RawConn {
	t.Helper()
	r, err := c.SyscallConn()
	if err != nil {
		t.Fatal(err)
	}
	return r
}

// with calls f with the socket of c.
func with(t *testing.T, c *net.TCPConn, f func(fd int)) {
	t.Helper()
	if err := raw(t, c).Control(func(fd uintptr) { f(int(fd)) }); err != nil {
		t.Fatal(err)
	}
}

// await waits until c has something to read, the end of the stream included.
func await(t *testing.T, c *net.TCPConn) {
	t.Helper()
	if err := c.SetReadDeadline(time.Now().Add(30 * time.Second)); err != nil {
		t.Fatal(err)
	}
	if err := raw(t, c).Read(func(fd uintptr) bool { return tcp.HasInput(int(fd)) }); err != nil {
		t.Fatal(err)
	}
}

func TestReadingNeverWaits(t *testing.T) {
	client, server := pair(t)
	buf := make([]byte, 16)
	with(t, server, func(fd int) {
		if tcp.HasInput(fd) {
			t.Error("a silent client has sent something")
		}
		if n, err := tcp.Read(fd, buf); n != 0 || !errors.Is(err, tcp.ErrWouldBlock) {
			t.Errorf("of a silent client: %d bytes, %v", n, err)
		}
	})
	if _, err := client.Write([]byte("hello")); err != nil {
		t.Fatal(err)
	}
	await(t, server)
	with(t, server, func(fd int) {
		if n, err := tcp.Read(fd, buf); err != nil || string(buf[:n]) != "hello" {
			t.Errorf("%q, %v", buf[:n], err)
		}
	})
	client.Close()
	await(t, server)
	with(t, server, func(fd int) {
		if n, err := tcp.Read(fd, buf); n != 0 || err != io.EOF {
			t.Errorf("at the end: %d bytes, %v", n, err)
		}
	})
}

func TestWritingTakesWhatThereIsRoomFor(t *testing.T) {
	client, server := pair(t)
	piece := bytes.Repeat([]byte("x"), 64<<10)
	written := 0
	with(t, server, func(fd int) {
		for {
			n, err := tcp.Write(fd, piece)
			written += n
			if errors.Is(err, tcp.ErrWouldBlock) {
				break
			}
			if err != nil || n == 0 {
				t.Fatalf("%d bytes, %v", n, err)
			}
		}
		if room := tcp.SendRoom(fd); room != 0 {
			t.Errorf("a full socket has room for %d bytes", room)
		}
	})
	if got, err := io.CopyN(io.Discard, client, int64(written)); err != nil || got != int64(written) {
		t.Errorf("the client got %d of %d bytes, %v", got, written, err)
	}
}

func TestErrorsNameTheCall(t *testing.T) {
	var wrong *os.SyscallError
	if _, err := tcp.Read(-1, make([]byte, 1)); !errors.As(err, &wrong) || wrong.Syscall != "read" {
		t.Errorf("reading from no socket: %v", err)
	}
	if _, err := tcp.Write(-1, make([]byte, 1)); !errors.As(err, &wrong) || wrong.Syscall != "write" {
		t.Errorf("writing to no socket: %v", err)
	}
	if !tcp.HasInput(-1) {
		t.Error("a read from no socket would wait")
	}
}
