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

var words = strings.Fields("we are still on for lunch tomorrow at the station then call me when you get there 好的 收到 明天 下午 开会 我在路上 请稍等 thanks see attached report number please check again whether train leaves earlier than expected because of weather")

// chatJSON is a chat message as it travels in a Socket.IO event, about 200 bytes.
func chatJSON(r *rand.Rand) string {
	said := make([]string, 7)
	for i := range said {
		said[i] = words[r.IntN(len(words))]
	}
	return fmt.Sprintf(`42["message",{"conversation":"p2p:u%d:u%d","seq":"%d","from":"u%d","clientId":"%016x","type":"TEXT","body":{"text":%q},"timeMs":"17%011d"}]`,
		r.IntN(1e6), r.IntN(1e6), r.IntN(1e5), r.IntN(1e6), r.Uint64(), strings.Join(said, " "), r.Int64N(1e11))
}

func seeded() *rand.Rand { return rand.New(rand.NewPCG(1, 2)) }

// historyJSON is an answer to a history request of about n bytes.
func historyJSON(n int) string {
	r := seeded()
	var b strings.Builder
	b.WriteString(`43[{"code":200,"body":{"messages":[`)
	for b.Len() < n {
		m := chatJSON(r)
		b.WriteString(m[strings.IndexByte(m, '{'):len(m)-1] + ",")
	}
	return b.String() + `null]}}]`
}

// discard takes messages and counts them.
type discard struct{ messages int }

func (d *discard) Message(websocket.Opcode, []byte) error    { d.messages++; return nil }
func (d *discard) Ping([]byte) error                         { d.messages++; return nil }
func (d *discard) Pong([]byte) error                         { d.messages++; return nil }
func (d *discard) CloseFrame(websocket.Status, string) error { d.messages++; return nil }

// hotPath is what runs for every message, with buffers that have room.
func hotPath(tb testing.TB) map[string]func() {
	chat := []byte(chatJSON(seeded()))
	in := frame(fin|text, string(chat))
	control := join(frame(fin|ping, "12345"), frame(fin|pong, ""))
	deflated := frame(fin|rsv1|text, squeezed(tb, 6, string(chat)))
	work, out := make([]byte, 4096), make([]byte, 0, 4096)
	var d websocket.Decoder
	d.Init(maxMessage, true)
	h := new(discard)
	decode := func(in []byte) func() {
		return func() {
			if err := d.Decode(work[:copy(work, in)], h); err != nil || d.Held() != -1 {
				tb.Fatal(err)
			}
		}
	}
	return map[string]func(){
		"decode":         decode(in),
		"decode ten":     decode(bytes.Repeat(in, 10)),
		"decode control": decode(control),
		"inflate":        decode(deflated),
		"encode":         func() { websocket.AppendMessage(out, websocket.OpText, chat) },
		"deflate":        func() { websocket.AppendDeflated(out, websocket.OpText, chat) },
		"split":          func() { websocket.Split(in) },
	}
}

func TestHotPathDoesNotAllocate(t *testing.T) {
	for name, run := range hotPath(t) {
		// Pools may lose what they hold at any time, and with the race detector
		// they do so at random.
		if pooled := name == "inflate" || name == "deflate"; pooled && raceEnabled {
			continue
		}
		if n := testing.AllocsPerRun(200, run); n != 0 {
			t.Errorf("%s allocates %v times", name, n)
		}
	}
}

func BenchmarkHotPath(b *testing.B) {
	for name, run := range hotPath(b) {
		b.Run(strings.ReplaceAll(name, " ", "-"), func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				run()
			}
		})
	}
}

func BenchmarkHistory(b *testing.B) {
	history := []byte(historyJSON(50_000))
	out := make([]byte, 0, 1<<17)
	b.Run("deflate", func(b *testing.B) {
		b.SetBytes(int64(len(history)))
		b.ReportAllocs()
		for b.Loop() {
			websocket.AppendDeflated(out, websocket.OpText, history)
		}
	})
	in := frame(fin|rsv1|text, squeezed(b, 6, string(history)))
	b.Run("inflate", func(b *testing.B) {
		var d websocket.Decoder
		d.Init(maxMessage, true)
		work, h := make([]byte, len(in)), new(discard)
		b.SetBytes(int64(len(history)))
		b.ReportAllocs()
		for b.Loop() {
			copy(work, in)
			if err := d.Decode(work, h); err != nil {
				b.Fatal(err)
			}
		}
	})
}

// headersOnly is about n bytes of DEFLATE blocks that hold nothing but a
// description of their own Huffman codes (RFC 1951 §3.2.7), the most expensive
// way to say nothing.
func headersOnly(n int) string {
	var out []byte
	var used int
	put := func(bits string) { // in the order in which they travel
		for _, bit := range bits {
			if used%8 == 0 {
				out = append(out, 0)
			}
			out[used/8] |= byte(bit-'0') << (used % 8)
			used++
		}
	}
	for len(out) < n {
		put("0" + "01" + "00000" + "00000" + "0111") // 257 literals, 1 distance, 18 code lengths
		for _, symbol := range []int{16, 17, 18, 0, 8, 7, 9, 6, 10, 5, 11, 4, 12, 3, 13, 2, 14, 1} {
			switch symbol {
			case 18:
				put("100")
			case 0, 1:
				put("010")
			default:
				put("000")
			}
		}
		put("0" + "1111111") // 138 literals that do not occur
		put("0" + "1101011") // 118 more
		put("11" + "11")     // the end of block has one bit, as the distance has
		put("0")             // and here it is
	}
	put("000")
	return string(out) // the sync flush's length follows as the Decoder's tail
}

// BenchmarkHostile is what a client can make the server do with one message:
// inflate little to the limit, or read a megabyte that comes to nothing.
func BenchmarkHostile(b *testing.B) {
	for name, in := range map[string][]byte{
		"zeros":           frame(fin|rsv1|binaryOp, squeezed(b, 9, strings.Repeat("\x00", maxMessage))),
		"empty-blocks":    frame(fin|rsv1|binaryOp, strings.Repeat("\x00\x00\x00\xff\xff", maxMessage/5)+"\x00"),
		"headers-only":    frame(fin|rsv1|binaryOp, headersOnly(maxMessage)),
		"empty-fragments": join(frame(text, ""), bytes.Repeat(frame(continuation, ""), maxMessage/6), frame(fin|continuation, "")),
		"tiny-fragments":  join(frame(text, ""), bytes.Repeat(frame(continuation, "x"), maxMessage/7), frame(fin|continuation, "")),
	} {
		b.Run(name, func(b *testing.B) {
			var d websocket.Decoder
			d.Init(maxMessage, true)
			work, h := make([]byte, len(in)), new(discard)
			b.SetBytes(int64(len(in)))
			b.ReportAllocs()
			for b.Loop() {
				copy(work, in)
				if err := d.Decode(work, h); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

// BenchmarkLevels is the measurement behind the level that AppendDeflated uses.
func BenchmarkLevels(b *testing.B) {
	for name, data := range map[string][]byte{"chat": []byte(chatJSON(seeded())), "page": []byte(historyJSON(1500)), "history": []byte(historyJSON(50_000))} {
		for _, level := range []int{flate.HuffmanOnly, 1, 2, 3, 4, 5, 6, 7, 9} {
			b.Run(fmt.Sprintf("%s/level=%d", name, level), func(b *testing.B) {
				var out bytes.Buffer
				w, err := flate.NewWriter(&out, level)
				if err != nil {
					b.Fatal(err)
				}
				b.ReportAllocs()
				for b.Loop() {
					out.Reset()
					w.Reset(&out)
					_, _ = w.Write(data)
					_ = w.Flush()
				}
				b.ReportMetric(float64(out.Len()-4)/float64(len(data)), "ratio")
			})
		}
		b.Run(name+"/stateless", func(b *testing.B) {
			var out bytes.Buffer
			b.ReportAllocs()
			for b.Loop() {
				out.Reset()
				_ = flate.StatelessDeflate(&out, data, false, nil)
			}
			b.ReportMetric(float64(out.Len()-4)/float64(len(data)), "ratio")
		})
	}
	for _, level := range []int{flate.HuffmanOnly, 1, 2, 3, 5, 6, 9} {
		b.Run(fmt.Sprintf("memory/level=%d", level), func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				_, _ = flate.NewWriter(nil, level)
			}
		})
	}
}
