package engineio_test

import (
	"bytes"
	"testing"

	"github.com/yizhan-im/yizhan/appliance/weblink/engineio"
)

// chat is what a poll of a busy user carries.
func chat() []engineio.Packet {
	message := text(engineio.Message, `2["message",{"text":"你好, how are you today?"}]`)
	return []engineio.Packet{message, text(engineio.Ping, ""), binary(bytes.Repeat([]byte{7}, 3000)...), message}
}

// hotPath is what runs for every frame and payload, with buffers that have room.
func hotPath(tb testing.TB) map[string]func() {
	packets := chat()
	payload, _, err := limits.AppendPayload(nil, packets)
	if err != nil {
		tb.Fatal(err)
	}
	frame, err := engineio.AppendFrame(nil, packets[0])
	if err != nil {
		tb.Fatal(err)
	}
	buf, body, decoded := make([]byte, 0, len(payload)), make([]byte, len(payload)), make([]engineio.Packet, 0, len(packets))
	must := func(err error) {
		if err != nil {
			tb.Fatal(err)
		}
	}
	return map[string]func(){
		"AppendFrame":   func() { _, err := engineio.AppendFrame(buf, packets[0]); must(err) },
		"DecodeFrame":   func() { _, err := limits.DecodeFrame(frame, false); must(err) },
		"AppendPayload": func() { _, _, err := limits.AppendPayload(buf, packets); must(err) },
		"DecodePayload": func() { copy(body, payload); _, err := limits.DecodePayload(decoded, body); must(err) },
	}
}

func TestHotPathDoesNotAllocate(t *testing.T) {
	for name, run := range hotPath(t) {
		if n := testing.AllocsPerRun(100, run); n != 0 {
			t.Errorf("%s allocates %v times", name, n)
		}
	}
}

func BenchmarkCodec(b *testing.B) {
	for name, run := range hotPath(b) {
		b.Run(name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				run()
			}
		})
	}
}
