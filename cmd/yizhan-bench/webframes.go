package main

import (
	"encoding/binary"
	"fmt"
	"io"
	"net"

	"github.com/gobwas/ws"
)

// webReader takes the frames of a WebLink connection apart: whole, unmasked ones,
// as a server sends them to a client that negotiates no extension (RFC 6455
// §5.2). It reads large pieces, so that a burst costs few system calls.
type webReader struct {
	conn net.Conn
	buf  []byte
	rest []byte // of buf: read, but not given out yet

	// beforeRead, if it is not nil, runs when everything that had arrived has been
	// given out.
	beforeRead func()
}

// next is the next frame. Its payload is valid until the call after.
func (r *webReader) next() (op ws.OpCode, payload []byte, err error) {
	for {
		if op, payload, n, err := parseWebFrame(r.rest); n > 0 || err != nil {
			r.rest = r.rest[n:]
			return op, payload, err
		}
		if err := r.fill(); err != nil {
			return 0, nil, err
		}
	}
}

func (r *webReader) fill() error {
	if r.beforeRead != nil {
		r.beforeRead()
	}
	kept := copy(r.buf, r.rest)
	if kept == len(r.buf) {
		return fmt.Errorf("a frame is longer than %d bytes", len(r.buf))
	}
	n, err := r.conn.Read(r.buf[kept:])
	r.rest = r.buf[:kept+n]
	if n > 0 {
		return nil
	}
	return err
}

// parseWebFrame is the frame at the start of b, of n bytes; n is 0 when b holds
// only a part of it.
func parseWebFrame(b []byte) (op ws.OpCode, payload []byte, n int, err error) {
	if len(b) < 2 {
		return 0, nil, 0, nil
	}
	if b[0]&0xf0 != 0x80 || b[1]&0x80 != 0 {
		return 0, nil, 0, fmt.Errorf("a frame begins with %#x %#x: fragments, extensions and masks were not negotiated", b[0], b[1])
	}
	header, length := 2, uint64(b[1])
	switch length {
	case 126:
		header = 4
		if len(b) < header {
			return 0, nil, 0, nil
		}
		length = uint64(binary.BigEndian.Uint16(b[2:]))
	case 127:
		header = 10
		if len(b) < header {
			return 0, nil, 0, nil
		}
		length = binary.BigEndian.Uint64(b[2:])
	}
	if length > uint64(len(b)-header) {
		return 0, nil, 0, nil
	}
	n = header + int(length)
	return ws.OpCode(b[0] & 0x0f), b[header:n], n, nil
}

// appendWebFrame appends a client's text frame. Its mask is zero, which costs
// neither side anything: masks protect proxies from scripts, not a driver.
func appendWebFrame(dst []byte, text string) []byte {
	switch n := len(text); {
	case n < 126:
		dst = append(dst, 0x81, 0x80|byte(n))
	case n < 1<<16:
		dst = append(dst, 0x81, 0x80|126, byte(n>>8), byte(n))
	default:
		dst = append(dst, 0x81, 0x80|127)
		dst = binary.BigEndian.AppendUint64(dst, uint64(n))
	}
	dst = append(dst, 0, 0, 0, 0)
	return append(dst, text...)
}

// webFarewell is the error for a close frame of the node.
func webFarewell(payload []byte) error {
	if len(payload) < 2 {
		return io.EOF
	}
	return fmt.Errorf("the node closed: %d %s", binary.BigEndian.Uint16(payload), payload[2:])
}
