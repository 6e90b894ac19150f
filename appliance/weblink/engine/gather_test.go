//go:build linux

package engine_test

import (
	"io"
	"net"
	"testing"

	"golang.org/x/sys/unix"
)

// BenchmarkGather compares the ways to write 20 small frames with one system
// call: copied together, which is what a writer does, and as a vector.
func BenchmarkGather(b *testing.B) {
	frames := make([][]byte, 20)
	for i := range frames {
		frames[i] = make([]byte, 258)
	}
	buf := make([]byte, 0, 16<<10)
	for name, write := range map[string]func(fd int) (int, error){
		"copied": func(fd int) (int, error) {
			buf = buf[:0]
			for _, f := range frames {
				buf = append(buf, f...)
			}
			return unix.Write(fd, buf)
		},
		"vector": func(fd int) (int, error) { return unix.Writev(fd, frames) },
	} {
		b.Run(name, func(b *testing.B) {
			l, err := net.Listen("tcp", "127.0.0.1:0")
			if err != nil {
				b.Fatal(err)
			}
			defer l.Close()
			go func() {
				if c, err := l.Accept(); err == nil {
					_, _ = io.Copy(io.Discard, c)
					_ = c.Close()
				}
			}()
			c, err := net.Dial("tcp", l.Addr().String())
			if err != nil {
				b.Fatal(err)
			}
			defer c.Close()
			raw, err := c.(*net.TCPConn).SyscallConn()
			if err != nil {
				b.Fatal(err)
			}
			b.ReportAllocs()
			b.SetBytes(int64(len(frames) * len(frames[0])))
			for b.Loop() {
				if err := raw.Write(func(fd uintptr) bool {
					_, err := write(int(fd))
					return err != unix.EAGAIN
				}); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
