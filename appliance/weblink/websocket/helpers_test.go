package websocket_test

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"slices"
	"testing"

	"github.com/klauspost/compress/flate"

	"github.com/yizhan-im/yizhan/appliance/weblink/websocket"
)

// Bits of a frame's first byte.
const (
	fin  = 0x80
	rsv1 = 0x40
	rsv2 = 0x20
	rsv3 = 0x10

	continuation = byte(websocket.OpContinuation)
	text         = byte(websocket.OpText)
	binaryOp     = byte(websocket.OpBinary)
	closeOp      = byte(websocket.OpClose)
	ping         = byte(websocket.OpPing)
	pong         = byte(websocket.OpPong)
)

const maxMessage = 1 << 20

var mask = [4]byte{0x37, 0xfa, 0x21, 0x3d}

// frame is a client's frame: masked, its length in the shortest form.
func frame(first byte, payload string) []byte {
	n := len(payload)
	switch {
	case n < 126:
		return sealed([]byte{first, 0x80 | byte(n)}, payload)
	case n <= 0xffff:
		return sealed(binary.BigEndian.AppendUint16([]byte{first, 0x80 | 126}, uint16(n)), payload)
	default:
		return sealed(binary.BigEndian.AppendUint64([]byte{first, 0x80 | 127}, uint64(n)), payload)
	}
}

// sealed appends mask and masked payload to a header as it stands.
func sealed(header []byte, payload string) []byte {
	out := append(slices.Clone(header), mask[:]...)
	for i := range len(payload) {
		out = append(out, payload[i]^mask[i%4])
	}
	return out
}

func join(frames ...[]byte) []byte { return bytes.Join(frames, nil) }

// recorder writes down what a Decoder reports. The values are copies.
type recorder struct {
	events []string
	fail   error // returned by every call
}

func (r *recorder) add(format string, args ...any) error {
	r.events = append(r.events, fmt.Sprintf(format, args...))
	return r.fail
}

func (r *recorder) Message(op websocket.Opcode, data []byte) error {
	if op == websocket.OpText {
		return r.add("text %s", data)
	}
	return r.add("binary %s", data)
}
func (r *recorder) Ping(data []byte) error { return r.add("ping %s", data) }
func (r *recorder) Pong(data []byte) error { return r.add("pong %s", data) }
func (r *recorder) CloseFrame(s websocket.Status, reason string) error {
	return r.add("close %d %s", s, reason)
}

// chops are the sizes in which input is fed, 0 for all at once.
var chops = []int{0, 1, 2, 3, 5, 7, 13, 14, 64, 997}

// feed gives a copy of input to a fresh Decoder in pieces of size bytes.
func feed(size, limit int, deflate bool, input []byte) ([]string, error) {
	var d websocket.Decoder
	d.Init(limit, deflate)
	var r recorder
	err := feedTo(&d, &r, size, input)
	return r.events, err
}

func feedTo(d *websocket.Decoder, h websocket.Handler, size int, input []byte) error {
	input = slices.Clone(input)
	if size <= 0 {
		size = max(1, len(input))
	}
	for piece := range slices.Chunk(input, size) {
		err := d.Decode(piece, h)
		clear(piece) // nothing may depend on it any more
		if err != nil {
			return err
		}
	}
	return nil
}

func status(err error) websocket.Status {
	if e, ok := errors.AsType[*websocket.Error](err); ok {
		return e.Status
	}
	return 0
}

// exchange is what a client sends and what comes of it.
type exchange struct {
	name   string
	input  []byte
	events []string
	status websocket.Status // 0: no error
}

func (c exchange) check(t *testing.T, limit int, deflate bool) {
	t.Helper()
	for _, size := range chops {
		events, err := feed(size, limit, deflate, c.input)
		if !slices.Equal(events, c.events) || status(err) != c.status || (err != nil && c.status == 0) {
			t.Errorf("%s, in pieces of %d: %.200q, %v; want %.200q, %d", c.name, size, events, err, c.events, c.status)
		}
	}
}

func checkAll(t *testing.T, limit int, deflate bool, cases []exchange) {
	t.Helper()
	for _, c := range cases {
		c.check(t, limit, deflate)
	}
}

// squeezed is a message as permessage-deflate sends it, made with the level.
func squeezed(tb testing.TB, level int, s string) string {
	tb.Helper()
	out := deflated(s, level)
	if out == "" {
		tb.Fatalf("flate has no level %d", level)
	}
	return out
}

// deflated is squeezed where there is no testing.TB; "" for an unknown level.
func deflated(s string, level int) string {
	var b bytes.Buffer
	w, err := flate.NewWriter(&b, level)
	if err != nil {
		return ""
	}
	_, _ = w.Write([]byte(s)) // a bytes.Buffer takes everything
	_ = w.Flush()
	return string(bytes.TrimSuffix(b.Bytes(), []byte{0, 0, 0xff, 0xff}))
}
