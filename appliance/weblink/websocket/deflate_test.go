package websocket_test

import (
	"bytes"
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"

	"github.com/klauspost/compress/flate"

	"github.com/yizhan-im/yizhan/appliance/weblink/websocket"
)

// noise is n bytes that cannot be compressed; the same for the same n.
func noise(n int) string {
	var seed [32]byte
	b := make([]byte, n)
	_, _ = rand.NewChaCha8(seed).Read(b)
	return string(b)
}

// Autobahn's classes 12 and 13: compressed messages of all sizes and kinds.
func TestCompressedMessages(t *testing.T) {
	kinds := map[string]func(int) string{
		"zeros": func(n int) string { return strings.Repeat("\x00", n) },
		"json": func(n int) string {
			return strings.Repeat(`{"from":"alice","text":"你好, hello"},`, n/36+1)[:n/36*36]
		},
		"noise": noise,
	}
	for kind, make := range kinds {
		for _, n := range []int{0, 16, 64, 256, 1024, 4096, 8192, 16384, 32768, 65536, 131072} {
			levels := []int{flate.BestSpeed, 6}
			if n <= 8192 {
				levels = []int{flate.NoCompression, flate.HuffmanOnly, flate.BestSpeed, 6, flate.BestCompression}
			}
			for _, level := range levels {
				s := make(n)
				payload := squeezed(t, level, s)
				half := len(payload) / 2
				exchange{
					name: fmt.Sprintf("%s, %d bytes, level %d", kind, n, level),
					input: join(
						frame(fin|rsv1|binaryOp, payload),
						frame(rsv1|binaryOp, payload[:half]), frame(fin|ping, "p"), frame(continuation, ""), frame(fin|continuation, payload[half:]),
						frame(fin|binaryOp, "plain")),
					events: []string{"binary " + s, "ping p", "binary " + s, "binary plain"},
				}.check(t, max(n, 100), true)
			}
		}
	}
}

// The examples of RFC 7692 §7.2.3.
func TestExamplesOfTheStandard(t *testing.T) {
	hello := []string{"text Hello"}
	checkAll(t, 5, true, []exchange{
		{"one block", frame(fin|rsv1|text, "\xf2\x48\xcd\xc9\xc9\x07\x00"), hello, 0},
		{"two fragments", join(frame(rsv1|text, "\xf2\x48\xcd"), frame(fin|continuation, "\xc9\xc9\x07\x00")), hello, 0},
		{"a block without compression", frame(fin|rsv1|text, "\x00\x05\x00\xfa\xffHello\x00"), hello, 0},
		{"a block that is final", frame(fin|rsv1|text, "\xf3\x48\xcd\xc9\xc9\x07\x00\x00"), hello, 0},
		{"a final block and nothing behind", frame(fin|rsv1|text, "\xf3\x48\xcd\xc9\xc9\x07\x00"), hello, 0},
		{"two blocks", frame(fin|rsv1|text, "\xf2\x48\x05\x00\x00\x00\xff\xff\xca\xc9\xc9\x07\x00"), hello, 0},
		{"an empty message", frame(fin|rsv1|text, "\x00"), []string{"text "}, 0},
		{"an empty message in an empty frame", frame(fin|rsv1|text, ""), []string{"text "}, 0},
		{"a message that is not compressed", frame(fin|text, "Hello"), hello, 0},
	})
	checkAll(t, 100, true, []exchange{
		// With a context the second message would say so; here it must fail.
		{"a message that needs the one before", join(frame(fin|rsv1|text, "\xf2\x48\xcd\xc9\xc9\x07\x00"), frame(fin|rsv1|text, "\xf2\x00\x11\x00\x00")), hello, invalidPayload},
		{"final blocks one behind another", frame(fin|rsv1|text, "\xf3\x48\xcd\xc9\xc9\x07\x00\xf3\x48\xcd\xc9\xc9\x07\x00\x00"), []string{"text HelloHello"}, 0},
		{"too many final blocks", frame(fin|rsv1|text, strings.Repeat("\xf3\x48\xcd\xc9\xc9\x07\x00", websocket.MaxStreams+1)), nil, invalidPayload},
	})
}

func TestBadCompressedMessages(t *testing.T) {
	good := squeezed(t, 6, strings.Repeat("hello, world ", 100))
	checkAll(t, maxMessage, true, []exchange{
		{"a reserved block type", frame(fin|rsv1|text, "\x07\x00"), nil, invalidPayload},
		{"a block without compression whose lengths differ", frame(fin|rsv1|text, "\x00\x05\x00\xfa\xfeHello\x00"), nil, invalidPayload},
		{"a distance beyond the start", frame(fin|rsv1|text, "\x02\x12\x34\x56\x78\x9a\x00"), nil, invalidPayload},
		{"a stream that is cut", frame(fin|rsv1|text, good[:len(good)-4]), nil, invalidPayload},
		{"noise", frame(fin|rsv1|binaryOp, noise(500)), nil, invalidPayload},
		{"text that is no UTF-8", frame(fin|rsv1|text, squeezed(t, 6, strings.Repeat("\xed\xa0\x80", 50))), nil, invalidPayload},
		{"text that ends within a rune", frame(fin|rsv1|text, squeezed(t, 6, "hello \xe4\xbd")), nil, invalidPayload},
		{"the bit on a continuation", join(frame(rsv1|text, good[:5]), frame(fin|rsv1|continuation, good[5:])), nil, protocolError},
		{"the bit on a continuation of a message that is not compressed", join(frame(text, "a"), frame(fin|rsv1|continuation, "b")), nil, protocolError},
		{"the bit on a ping", frame(fin|rsv1|ping, ""), nil, protocolError},
		{"the bit on a pong", frame(fin|rsv1|pong, ""), nil, protocolError},
		{"the bit on a close", frame(fin|rsv1|closeOp, ""), nil, protocolError},
		{"another bit", frame(fin|rsv1|rsv2|text, good), nil, protocolError},
		{"another bit alone", frame(fin|rsv3|text, "hello"), nil, protocolError},
	})
	checkAll(t, maxMessage, false, []exchange{
		{"compression that was not negotiated", frame(fin|rsv1|text, good), nil, protocolError},
	})
}

func TestBombs(t *testing.T) {
	const limit = 100_000
	for _, n := range []int{limit, limit + 1, 2 * limit, 16 << 20} {
		payload := []byte(squeezed(t, 9, strings.Repeat("\x00", n)))
		inflated, err := websocket.Inflated(payload, limit)
		made := len(inflated)
		if n == limit {
			if err != nil || made != limit {
				t.Errorf("at the limit: %d bytes, %v", made, err)
			}
			continue
		}
		if status(err) != tooBig || made > limit+1 {
			t.Errorf("%d bytes in %d: %d made, %v", n, len(payload), made, err)
		}
		if len(payload) <= limit {
			exchange{name: fmt.Sprintf("a bomb of %d bytes", n), input: frame(fin|rsv1|binaryOp, string(payload)), status: tooBig}.check(t, limit, true)
		}
	}
	// In many fragments, each harmless by itself.
	payload := squeezed(t, 9, strings.Repeat("\x00", 2*limit))
	input := frame(rsv1|binaryOp, "")
	for _, b := range []byte(payload) {
		input = append(input, frame(continuation, string([]byte{b}))...)
	}
	exchange{name: "a bomb in fragments", input: append(input, frame(fin|continuation, "")...), status: tooBig}.check(t, limit, true)
	// Final blocks that each inflate to less than the limit.
	exchange{
		name:   "a bomb in final blocks",
		input:  frame(fin|rsv1|binaryOp, strings.Repeat(finished(t, strings.Repeat("\x00", limit/3)), 4)),
		status: tooBig,
	}.check(t, limit, true)
}

// finished is s as a DEFLATE stream with a final block.
func finished(tb testing.TB, s string) string {
	tb.Helper()
	var b bytes.Buffer
	w, err := flate.NewWriter(&b, 9)
	if err != nil {
		tb.Fatal(err)
	}
	if _, err := w.Write([]byte(s)); err != nil {
		tb.Fatal(err)
	}
	if err := w.Close(); err != nil {
		tb.Fatal(err)
	}
	return b.String()
}

// Compressed messages may be a little longer than what they inflate to.
func TestCompressedMessagesThatDoNotShrinkMayBeAsLongAsOthers(t *testing.T) {
	for _, n := range []int{1, 100, 1000, 100_000} {
		s := noise(n)
		payload := squeezed(t, 6, s)
		if len(payload) <= n {
			t.Fatalf("%d bytes of noise became %d", n, len(payload))
		}
		exchange{name: fmt.Sprint(n), input: frame(fin|rsv1|binaryOp, payload), events: []string{"binary " + s}}.check(t, n, true)
	}
	huge := sealed([]byte{fin | rsv1 | binaryOp, 0x80 | 126, 0xff, 0xff}, "")
	if _, err := feed(0, 1000, true, huge); status(err) != tooBig {
		t.Errorf("65,535 compressed bytes for at most 1,000: %v", err)
	}
}
