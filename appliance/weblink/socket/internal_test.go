package socket

import (
	"testing"
	"unsafe"
)

// RaceDetector is for the tests outside the package.
const RaceDetector = raceDetector

// MaxRefused is how many CONNECTs are refused.
const MaxRefused = maxRefused

// What a session with one namespace costs counts for every client.
func TestSessionIsSmall(t *testing.T) {
	const most = 144 // bytes: a size class of Go's allocator
	if n := unsafe.Sizeof(session{}); n > most {
		t.Errorf("%d bytes; want at most %d", n, most)
	}
}

var answer = []byte(`[{"code":200,"body":{"seq":"12","timeMs":"1700000000000"}}]`)

func TestAckIsOneAllocation(t *testing.T) {
	if raceDetector {
		t.Skip("pools forget under the race detector")
	}
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
