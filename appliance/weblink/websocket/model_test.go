package websocket_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"github.com/yizhan-im/yizhan/appliance/weblink/websocket"
)

// drawMessages draws what a client may send, cut into fragments with control
// frames between them, and what a Decoder must make of it.
func drawMessages(t *rapid.T) (input []byte, events []string) {
	control := func() {
		for range rapid.IntRange(0, 2).Draw(t, "control frames") {
			op := rapid.SampledFrom([]byte{ping, pong}).Draw(t, "control")
			data := string(rapid.SliceOfN(rapid.Byte(), 0, 125).Draw(t, "control data"))
			input = append(input, frame(fin|op, data)...)
			events = append(events, map[byte]string{ping: "ping ", pong: "pong "}[op]+data)
		}
	}
	for range rapid.IntRange(0, 5).Draw(t, "messages") {
		op, content := text, ""
		if rapid.Bool().Draw(t, "binary") {
			op, content = binaryOp, string(rapid.SliceOfN(rapid.Byte(), 0, 300).Draw(t, "bytes"))
		} else {
			content = rapid.String().Draw(t, "text")
		}
		content = strings.Repeat(content, rapid.SampledFrom([]int{1, 1, 1, 20, 300}).Draw(t, "times"))
		rest, first := content, op
		if rapid.Bool().Draw(t, "compressed") {
			rest, first = deflated(content, rapid.SampledFrom([]int{-2, 0, 1, 6, 9}).Draw(t, "level")), op|rsv1
		}
		for range rapid.IntRange(0, 4).Draw(t, "fragments") {
			n := rapid.IntRange(0, len(rest)).Draw(t, "length")
			input = append(input, frame(first, rest[:n])...)
			rest, first = rest[n:], continuation
			control()
		}
		input = append(input, frame(fin|first, rest)...)
		events = append(events, map[byte]string{text: "text ", binaryOp: "binary "}[op]+content)
		control()
	}
	if rapid.Bool().Draw(t, "close") {
		code := rapid.SampledFrom([]uint16{1000, 1001, 3000, 4999}).Draw(t, "code")
		input = append(input, frame(fin|closeOp, closePayload(code, "bye"))...)
		events = append(events, fmt.Sprintf("close %d bye", code))
		input = append(input, rapid.SliceOf(rapid.Byte()).Draw(t, "behind")...)
	}
	return input, events
}

func TestWhateverIsSentArrivesWhereverItIsCut(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		input, want := drawMessages(t)
		var d websocket.Decoder
		d.Init(maxMessage, true)
		var r recorder
		for rest := slices.Clone(input); len(rest) > 0; {
			n := rapid.IntRange(1, max(1, min(len(rest), 2000))).Draw(t, "piece")
			if err := d.Decode(rest[:n], &r); err != nil {
				t.Fatal(err)
			}
			clear(rest[:n])
			rest = rest[n:]
		}
		if !slices.Equal(r.events, want) {
			t.Fatalf("%.300q; want %.300q", r.events, want)
		}
		if d.Held() != -1 {
			t.Fatalf("%d bytes stay", d.Held())
		}
	})
}

// What a server sends is what AppendMessage and AppendDeflated were given.
func TestWhateverIsEncodedComesBack(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		op := rapid.SampledFrom([]websocket.Opcode{websocket.OpText, websocket.OpBinary}).Draw(t, "op")
		content := strings.Repeat(rapid.String().Draw(t, "text"), rapid.IntRange(0, 50).Draw(t, "times"))
		plain, deflated := websocket.AppendMessage(nil, op, []byte(content)), websocket.AppendDeflated(nil, op, []byte(content))
		if gotOp, got := websocket.Split(plain); gotOp != op || string(got) != content {
			t.Fatalf("Split: %d, %q", gotOp, got)
		}
		if len(deflated) > len(plain) {
			t.Fatalf("%d bytes compressed, %d as they are", len(deflated), len(plain))
		}
		want := map[websocket.Opcode]string{websocket.OpText: "text ", websocket.OpBinary: "binary "}[op] + content
		for _, f := range [][]byte{plain, deflated} {
			events, err := feed(0, maxMessage, true, asClient(t, f))
			if err != nil || len(events) != 1 || events[0] != want {
				t.Fatalf("%v, %.300q; want %.300q", err, events, want)
			}
		}
	})
}
