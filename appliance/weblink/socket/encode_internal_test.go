package socket

import "testing"

var answer = []byte(`[{"code":200,"body":{"seq":"12","timeMs":"1700000000000"}}]`)

func TestAckIsOneAllocation(t *testing.T) {
	if n := testing.AllocsPerRun(100, func() { encodeAck("/", 12, answer) }); n != 1 {
		t.Errorf("%v allocations", n)
	}
}

func BenchmarkEncode(b *testing.B) {
	for name, run := range map[string]func(){
		"Ack":   func() { encodeAck("/", 12, answer) },
		"Event": func() { EncodeEvent("/", "message", answer) },
	} {
		b.Run(name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				run()
			}
		})
	}
}
