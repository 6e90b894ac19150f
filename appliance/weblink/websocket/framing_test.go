package websocket_test

import (
	"encoding/binary"
	"errors"
	"fmt"
	"strings"
	"testing"
	"unsafe"

	"github.com/yizhan-im/yizhan/appliance/weblink/websocket"
)

const (
	protocolError  = websocket.StatusProtocolError
	invalidPayload = websocket.StatusInvalidPayload
	tooBig         = websocket.StatusTooBig
)

// Autobahn's class 1: text and binary of every length at which headers change.
func TestMessagesOfAllLengths(t *testing.T) {
	for _, n := range []int{0, 1, 15, 16, 17, 124, 125, 126, 127, 128, 1000, 65534, 65535, 65536, 65537} {
		payload := strings.Repeat("*", n)
		exchange{
			name:   fmt.Sprintf("%d bytes", n),
			input:  join(frame(fin|text, payload), frame(fin|binaryOp, payload)),
			events: []string{"text " + payload, "binary " + payload},
		}.check(t, maxMessage, false)
	}
}

// Class 2: pings and pongs of 0 to 125 bytes, many at once, unasked pongs.
func TestPingsAndPongs(t *testing.T) {
	long := strings.Repeat("\xfe", 125)
	many := exchange{name: "ten pings in one piece"}
	for i := range 10 {
		data := fmt.Sprintf("payload %d", i)
		many.input = append(many.input, frame(fin|ping, data)...)
		many.events = append(many.events, "ping "+data)
	}
	checkAll(t, maxMessage, false, []exchange{
		many,
		{"an empty ping", frame(fin|ping, ""), []string{"ping "}, 0},
		{"a ping of bytes that are no text", frame(fin|ping, "\x00\xff\xfe\xfd"), []string{"ping \x00\xff\xfe\xfd"}, 0},
		{"the longest ping", frame(fin|ping, long), []string{"ping " + long}, 0},
		{"a ping that is too long", frame(fin|ping, long+"!"), nil, protocolError},
		{"a ping whose length is written in 16 bits", sealed([]byte{fin | ping, 0x80 | 126, 0, 5}, "hello"), nil, protocolError},
		{"a ping whose length is written in 64 bits", sealed([]byte{fin | ping, 0x80 | 127, 0, 0, 0, 0, 0, 0, 0, 5}, "hello"), nil, protocolError},
		{"an empty pong that nobody asked for", frame(fin|pong, ""), []string{"pong "}, 0},
		{"a pong that nobody asked for, then a ping", join(frame(fin|pong, "x"), frame(fin|ping, "y")), []string{"pong x", "ping y"}, 0},
		{"a pong that is too long", frame(fin|pong, long+"!"), nil, protocolError},
	})
}

// Class 3: no bit may be set that has no meaning here, whatever the frame is.
func TestReservedBitsAreRefused(t *testing.T) {
	for bits := byte(rsv3); bits <= rsv1|rsv2|rsv3; bits += rsv3 {
		for _, op := range []byte{text, binaryOp, ping, pong, closeOp} {
			for _, payload := range []string{"", "hello"} {
				exchange{
					name:   fmt.Sprintf("bits %#x of opcode %d", bits, op),
					input:  join(frame(fin|text, "before"), frame(fin|bits|op, payload), frame(fin|text, "after")),
					events: []string{"text before"},
					status: protocolError,
				}.check(t, maxMessage, false)
			}
		}
		checkAll(t, maxMessage, false, []exchange{
			{"a continuation with reserved bits", join(frame(text, "a"), frame(fin|bits|continuation, "b")), nil, protocolError},
		})
	}
}

// Class 4: opcodes that have no meaning yet.
func TestReservedOpcodesAreRefused(t *testing.T) {
	for _, op := range []byte{3, 4, 5, 6, 7, 0xb, 0xc, 0xd, 0xe, 0xf} {
		for _, payload := range []string{"", "hello"} {
			exchange{
				name:   fmt.Sprintf("opcode %d", op),
				input:  join(frame(fin|text, "before"), frame(fin|op, payload), frame(fin|ping, "")),
				events: []string{"text before"},
				status: protocolError,
			}.check(t, maxMessage, false)
		}
	}
}

// Class 5: fragments, and what may and may not come between them.
func TestFragments(t *testing.T) {
	checkAll(t, maxMessage, false, []exchange{
		{"a fragmented ping", join(frame(ping, "a"), frame(fin|continuation, "b")), nil, protocolError},
		{"a fragmented pong", join(frame(pong, "a"), frame(fin|continuation, "b")), nil, protocolError},
		{"a fragmented close", frame(closeOp, "\x03\xe8"), nil, protocolError},
		{"two fragments", join(frame(text, "one "), frame(fin|continuation, "two")), []string{"text one two"}, 0},
		{"two fragments of binary", join(frame(binaryOp, "\xff"), frame(fin|continuation, "\xfe")), []string{"binary \xff\xfe"}, 0},
		{"a ping in between", join(frame(text, "one "), frame(fin|ping, "p"), frame(fin|continuation, "two")), []string{"ping p", "text one two"}, 0},
		{"a ping before each of three", join(frame(text, "1"), frame(fin|ping, "a"), frame(continuation, "2"), frame(fin|ping, "b"), frame(fin|continuation, "3")),
			[]string{"ping a", "ping b", "text 123"}, 0},
		{"a close in between", join(frame(text, "one"), frame(fin|closeOp, ""), frame(fin|continuation, "two")), []string{"close 1005 "}, 0},
		{"empty fragments", join(frame(text, ""), frame(continuation, ""), frame(fin|continuation, "")), []string{"text "}, 0},
		{"empty fragments around a full one", join(frame(text, ""), frame(continuation, "x"), frame(fin|continuation, "")), []string{"text x"}, 0},
		{"a last fragment without a message", frame(fin|continuation, "x"), nil, protocolError},
		{"a fragment without a message", frame(continuation, "x"), nil, protocolError},
		{"a continuation after a whole message", join(frame(fin|text, "x"), frame(fin|continuation, "y")), []string{"text x"}, protocolError},
		{"a continuation after a fragmented message", join(frame(text, "x"), frame(fin|continuation, "y"), frame(fin|continuation, "z")), []string{"text xy"}, protocolError},
		{"a whole message within another", join(frame(text, "x"), frame(fin|text, "y")), nil, protocolError},
		{"a first fragment within another message", join(frame(text, "x"), frame(binaryOp, "y")), nil, protocolError},
		{"a new message within one whose first fragment is empty", join(frame(text, ""), frame(fin|binaryOp, "y")), nil, protocolError},
		{"messages one behind another", join(frame(text, "a"), frame(fin|continuation, "b"), frame(fin|text, "c"), frame(binaryOp, "d"), frame(fin|continuation, "")),
			[]string{"text ab", "text c", "binary d"}, 0},
	})
}

func TestWhatAClientMayNotSend(t *testing.T) {
	length64 := func(n uint64) []byte { return binary.BigEndian.AppendUint64([]byte{fin | binaryOp, 0x80 | 127}, n) }
	checkAll(t, maxMessage, false, []exchange{
		{"a frame that is not masked", []byte{fin | text, 2, 'h', 'i'}, nil, protocolError},
		{"an empty frame that is not masked", []byte{fin | ping, 0}, nil, protocolError},
		{"125 bytes in 16 bits", sealed([]byte{fin | binaryOp, 0x80 | 126, 0, 125}, strings.Repeat("x", 125)), nil, protocolError},
		{"nothing in 16 bits", sealed([]byte{fin | binaryOp, 0x80 | 126, 0, 0}, ""), nil, protocolError},
		{"65535 bytes in 64 bits", sealed(length64(65535), strings.Repeat("x", 65535)), nil, protocolError},
		{"nothing in 64 bits", sealed(length64(0), ""), nil, protocolError},
		{"the highest bit of a length", length64(1 << 63), nil, protocolError},
		{"all bits of a length", length64(1<<64 - 1), nil, protocolError},
		{"the longest length", length64(1<<63 - 1), nil, tooBig},
	})
}

func TestTheFirstByteIsRefusedBeforeTheSecondComes(t *testing.T) {
	for _, first := range []byte{fin | rsv2 | text, fin | 3, ping, fin | continuation} {
		if _, err := feed(0, maxMessage, false, []byte{first}); status(err) != protocolError {
			t.Errorf("%#x: %v", first, err)
		}
	}
}

func TestNothingIsTakenAfterAFailure(t *testing.T) {
	var d websocket.Decoder
	d.Init(maxMessage, false)
	var r recorder
	if err := d.Decode([]byte{0xff}, &r); status(err) != protocolError {
		t.Fatal(err)
	}
	if err := d.Decode(frame(fin|text, "hi"), &r); status(err) != protocolError || len(r.events) != 0 {
		t.Errorf("after a failure: %v, %q", err, r.events)
	}
	d.Init(maxMessage, false)
	if err := d.Decode(frame(fin|text, "hi"), &r); err != nil || len(r.events) != 1 {
		t.Errorf("after Init: %v, %q", err, r.events)
	}
}

func TestTheHandlersErrorEndsDecode(t *testing.T) {
	enough := errors.New("enough")
	for _, input := range [][]byte{frame(fin|text, "x"), frame(fin|ping, "x"), frame(fin|pong, "x"), frame(fin|closeOp, ""), join(frame(text, "x"), frame(fin|continuation, "y"))} {
		for _, size := range chops {
			var d websocket.Decoder
			d.Init(maxMessage, false)
			r := recorder{fail: enough}
			if err := feedTo(&d, &r, size, join(input, input)); !errors.Is(err, enough) || len(r.events) != 1 {
				t.Errorf("%x in pieces of %d: %v, %q", input, size, err, r.events)
			}
		}
	}
}

func TestDecoderIsSmall(t *testing.T) {
	if size := unsafe.Sizeof(websocket.Decoder{}); size > 16 {
		t.Errorf("a Decoder takes %d bytes; 100,000 clients have one each", size)
	}
}
