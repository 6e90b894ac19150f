package websocket_test

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"strings"
	"testing"

	"github.com/yizhan-im/yizhan/appliance/weblink/websocket"
)

// Autobahn's class 9: large messages in one frame and in many.
func TestLargeMessages(t *testing.T) {
	const size = 1 << 20
	whole := strings.Repeat("0123456789abcde\n", size/16)
	for _, piece := range []int{64, 4096, 65536, size} {
		var input []byte
		for at := 0; at < size; at += piece {
			first := byte(continuation)
			if at == 0 {
				first = text
			}
			if at+piece == size {
				first |= fin
			}
			input = append(input, frame(first, whole[at:at+piece])...)
		}
		for _, chop := range []int{0, 64, 1000, 1 << 16} {
			events, err := feed(chop, size, false, input)
			if err != nil || len(events) != 1 || events[0] != "text "+whole {
				t.Errorf("fragments of %d in pieces of %d: %d events, %v", piece, chop, len(events), err)
			}
		}
	}
}

func TestMessageLimitHoldsToTheByte(t *testing.T) {
	x := func(n int) string { return strings.Repeat("x", n) }
	checkAll(t, 100, false, []exchange{
		{"at the limit", frame(fin|text, x(100)), []string{"text " + x(100)}, 0},
		{"over the limit", frame(fin|text, x(101)), nil, tooBig},
		{"fragments at the limit", join(frame(binaryOp, x(60)), frame(continuation, x(40)), frame(fin|continuation, "")), []string{"binary " + x(100)}, 0},
		{"fragments over the limit", join(frame(binaryOp, x(60)), frame(fin|continuation, x(41))), nil, tooBig},
		{"messages one by one", join(frame(fin|text, x(100)), frame(fin|text, x(100))), []string{"text " + x(100), "text " + x(100)}, 0},
		{"fragmented messages one by one", join(frame(text, x(99)), frame(fin|continuation, "x"), frame(text, x(99)), frame(fin|continuation, "x")), []string{"text " + x(100), "text " + x(100)}, 0},
		{"a ping that is larger than a message may be", frame(fin|ping, x(120)), []string{"ping " + x(120)}, 0},
	})
	checkAll(t, 0, false, []exchange{
		{"nothing", frame(fin|text, ""), []string{"text "}, 0},
		{"a byte", frame(fin|text, "x"), nil, tooBig},
	})
	checkAll(t, -5, false, []exchange{{"a byte, negative limit", frame(fin|text, "x"), nil, tooBig}})
}

func TestTooBigIsKnownFromTheHeader(t *testing.T) {
	for _, header := range [][]byte{
		{fin | text, 0x80 | 101},
		{fin | text, 0x80 | 126, 1, 0},
		binary.BigEndian.AppendUint64([]byte{fin | binaryOp, 0x80 | 127}, 1<<40),
		join(frame(text, strings.Repeat("x", 60)), []byte{continuation, 0x80 | 41}),
	} {
		for _, size := range chops {
			if _, err := feed(size, 100, false, header); status(err) != tooBig {
				t.Errorf("%x in pieces of %d: %v", header, size, err)
			}
		}
	}
}

func TestNothingIsHeldBetweenMessages(t *testing.T) {
	var d websocket.Decoder
	d.Init(maxMessage, true)
	var r recorder
	for _, input := range [][]byte{
		frame(fin|text, "hello"), frame(fin|ping, "hello"), frame(fin|text, ""),
		join(frame(text, "hel"), frame(fin|ping, "x"), frame(fin|continuation, "lo")),
		frame(fin|rsv1|text, squeezed(t, 1, "hello")),
	} {
		for _, size := range chops {
			if err := feedTo(&d, &r, size, input); err != nil {
				t.Fatal(err)
			}
			if held := d.Held(); held != -1 {
				t.Errorf("%x in pieces of %d: %d bytes stay", input, size, held)
			}
		}
	}
	if err := d.Decode([]byte{fin | text, 0x80 | 126, 0xff, 0xff, 1, 2, 3, 4}, &r); err != nil || d.Held() != 0 {
		t.Errorf("a header that promises 65,535 bytes: %v, %d bytes held", err, d.Held())
	}
	if err := d.Decode([]byte{'x' ^ 1}, &r); err != nil || d.Held() > 8 {
		t.Errorf("one of them has arrived: %v, %d bytes held", err, d.Held())
	}
	d.Init(maxMessage, false)
	if d.Held() != -1 {
		t.Error("Init keeps the old connection's bytes")
	}
}

// What is held grows with what has arrived, not with what was promised.
func TestMemoryFollowsWhatHasArrived(t *testing.T) {
	const size = 300_000
	for name, first := range map[string]byte{"one frame": fin | binaryOp, "first fragment": binaryOp} {
		var d websocket.Decoder
		d.Init(size, false)
		var r recorder
		input := frame(first, strings.Repeat("x", size))
		const header = 14
		for at := 0; at < len(input)-1; at += 777 {
			end := min(at+777, len(input)-1)
			if err := d.Decode(input[at:end], &r); err != nil {
				t.Fatal(err)
			}
			arrived := max(0, end-header)
			if held := d.Held(); held > 2*arrived || held < arrived {
				t.Fatalf("%s: %d bytes held for %d", name, held, arrived)
			}
			if held := d.Held(); first&fin != 0 && held > size {
				t.Fatalf("%s: %d bytes held for a frame of %d", name, held, size)
			}
		}
	}
}

// A million empty fragments: nothing accumulates. Tiny ones: copying stays
// linear, which the number of times that the buffer moved shows.
func TestEmptyAndTinyFragments(t *testing.T) {
	var d websocket.Decoder
	d.Init(1000, false)
	var r recorder
	if err := d.Decode(frame(text, "start"), &r); err != nil {
		t.Fatal(err)
	}
	empty := bytes.Repeat(frame(continuation, ""), 1000)
	work := make([]byte, len(empty))
	for range 1000 {
		copy(work, empty)
		if err := d.Decode(work, &r); err != nil {
			t.Fatal(err)
		}
	}
	if d.Held() > 16 {
		t.Errorf("%d bytes held after a million empty fragments", d.Held())
	}
	if err := d.Decode(frame(fin|continuation, ""), &r); err != nil || fmt.Sprint(r.events) != "[text start]" {
		t.Errorf("%v, %q", err, r.events)
	}

	const size = 200_000
	d.Init(size, false)
	moves, capacity := 0, 0
	for i := range size {
		first := byte(continuation)
		if i == 0 {
			first = binaryOp
		}
		if err := d.Decode(frame(first, "x"), &r); err != nil {
			t.Fatal(err)
		}
		if held := d.Held(); held != capacity {
			moves, capacity = moves+1, held
		}
	}
	if moves > 20 {
		t.Errorf("the buffer of %d one-byte fragments moved %d times", size, moves)
	}
	if err := d.Decode(frame(continuation, "x"), &r); status(err) != tooBig {
		t.Errorf("one byte more: %v", err)
	}
}

// peek looks at the memory in which messages are handed over.
type peek struct {
	discard
	see func(data []byte)
}

func (p *peek) Message(_ websocket.Opcode, data []byte) error { p.see(data); return nil }

func TestWholeMessagesAreHandedOverInTheInput(t *testing.T) {
	input := join(frame(fin|text, "hello, world"), frame(fin|text, "second"))
	var d websocket.Decoder
	d.Init(maxMessage, false)
	next := 6 // behind the first header
	err := d.Decode(input, &peek{see: func(data []byte) {
		if &data[0] != &input[next] {
			t.Errorf("%q was copied", data)
		}
		if cap(data) != len(data) {
			t.Errorf("%q: appending to it would overwrite what follows", data)
		}
		next += len(data) + 6
	}})
	if err != nil || next != len(input)+6 {
		t.Errorf("%v, at %d of %d", err, next, len(input))
	}
}
